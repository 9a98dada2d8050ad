/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's processors: which are online, on which memory node each is, which share a core.
 * Read once at start from /sys/devices/system (admin-guide/cputopology.rst); processors that come
 * later are not seen before the next start of the daemon. Reading does not block.
 */
#pragma once

#include "base/cpumask.h"
#include "base/error.h"

struct topology {
	struct cpumask online;
	unsigned nnodes;       /* highest online node + 1, at least 1 */
	struct cpumask *nodes; /* [nnodes]; owned. A host without nodes has one with everything */
	struct cpumask firsts; /* one processor of each core: the lowest online one */
	uint16_t *core;        /* [CPUMASK_BITS]; owned: the lowest processor of the same core */
};

/* `root` NULL = "/sys/devices/system". What cannot be read counts as a host with one node and one
 * thread per core. ERR_UNKNOWN when not even the list of processors can be had. */
int topology_read(const char *root, struct topology *ret, struct error *err);
void topology_deinit(struct topology *t);
/* Do two processors share a core? */
static inline bool topology_are_siblings(const struct topology *t, unsigned a, unsigned b)
{
	return t->core[a] == t->core[b];
}
/* The node of a processor; 0 when unknown. */
unsigned topology_node_of(const struct topology *t, unsigned cpu);
