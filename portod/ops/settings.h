/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a container's properties to knobs of its groups and attributes of its threads. Pure: what is
 * made here is applied by the starter, or by apply.c to a container that runs.
 */
#pragma once

#include <stdbool.h>

#include "kernel/schedattr.h"
#include "ops/ops.h"

#define SETTINGS_MAX 32

struct settings {
	struct cgroup_setting v[SETTINGS_MAX]; /* borrows from the container and from below */
	size_t n;
	char *cpus, *io_root; /* owned */
};

void settings_deinit(struct settings *s);
void settings_add(struct settings *s, enum cgroup_knob knob, uint64_t value, uint64_t arg2);
/* Everything of one apply group that the container owns the controller of and the host has.
 * `fresh`: the groups are new, what is at its default is left out. APPLY_CPU_SET is not in here: it
 * is about a whole subtree, see cpuset.h. */
void settings_add_group(const struct ops *ops, const struct container *ct, enum apply_group group,
			bool fresh, struct settings *s);
/* `fresh`: for processes that are just born. */
void settings_sched(const struct ops *ops, const struct container *ct, bool fresh,
		    struct sched_attrs *ret);
