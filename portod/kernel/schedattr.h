/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scheduling attributes of one thread: class and nice value (sched(7)), io priority
 * (ioprio_set(2)), and one processor of each core. Nothing blocks.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "kernel/topology.h"

enum sched_affinity {
	SCHED_AFFINITY_KEEP,
	SCHED_AFFINITY_ALL,          /* every processor of its cpuset */
	SCHED_AFFINITY_ONE_PER_CORE, /* of those, the first of each core */
};

struct sched_attrs {
	int policy;   /* SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_RR */
	int priority; /* of SCHED_RR */
	int nice;     /* not for SCHED_RR */
	int ioprio;   /* IOPRIO_PRIO_VALUE(class, level), 0 = follows the nice value */
	enum sched_affinity affinity;
	const struct topology *topology; /* borrowed; for ONE_PER_CORE */
};

/*
 * To thread `tid`, 0 = the caller. 0 = done, or the thread is gone; 1 = something was refused for
 * lack of CAP_SYS_NICE, the rest is done; -1 = error.
 */
int sched_apply(pid_t tid, const struct sched_attrs *a, struct error *err);

/* nice - ln(weight) / ln(1.1), cut towards 0, within -20..19: the nice value that gives a task
 * about `weight` times the share it would have. Pure. */
int sched_nice_of_weight(int nice, double weight);
