/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out-of-memory notifications of many groups through one pollable descriptor.
 *
 * v1: an eventfd per group registered on memory.oom_control, gathered in an epoll. v2: one
 * inotify on each memory.events.local (or memory.events). Neither blocks.
 */
#pragma once

#include "kernel/cgroup.h"

struct cgroup_events;

int cgroup_events_new(struct cgroup_host *h, struct cgroup_events **ret, struct error *err);
struct cgroup_events *cgroup_events_free(struct cgroup_events *ev);
/* Readable when an event is pending. */
int cgroup_events_fd(const struct cgroup_events *ev);
/* Watch the group (it must own the memory controller, and be nobody else's: EEXIST). `id` comes
 * back with the event. */
int cgroup_events_add(struct cgroup_events *ev, const struct cgroup *cg, uint64_t id,
		      struct error *err);
/* Stop watching; harmless if not watched. */
void cgroup_events_del(struct cgroup_events *ev, uint64_t id);
/*
 * Next pending event: true and the id, or false. *ret_limit: a limit was reached, of the group or,
 * on v1, of one above it; whether somebody was killed for it, here or elsewhere, the counters tell,
 * soon. Not set: somebody was killed, whatever for (v2 only). Never blocks.
 */
bool cgroup_events_next(struct cgroup_events *ev, uint64_t *ret_id, bool *ret_limit);
