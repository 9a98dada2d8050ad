/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processors of containers (property cpu_set): jails are chosen in the server, groups are changed
 * where it may take its time.
 */
#pragma once

#include "ops/settings.h"

/*
 * Before the container's processors are brought to the kernel, in the server: choose those of its
 * jail, or forget them. ERR_RESOURCE_NOT_AVAILABLE: it is inside of another jail or around one, or
 * there are not enough.
 */
int cpuset_prepare(struct ops *ops, struct container *ct, struct error *err);
/* It has no groups any more. */
void cpuset_release(struct ops *ops, struct container *ct);
/* After a restart: what the kernel has is what was chosen. */
void cpuset_adopt(struct ops *ops, struct container *ct);

/* For a new group. */
void cpuset_add_setting(const struct ops *ops, const struct container *ct, struct settings *s);
/* To the groups of a container that has some, and to those below that follow. Blocks. */
int cpuset_apply(struct ops *ops, struct container *ct, struct error *err);

/* Even the jails out, now and then; called every tick. */
void cpuset_tick(struct ops *ops);
