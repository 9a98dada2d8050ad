/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which processors a container shall have (property cpu_set), and how those of a jail are chosen.
 * Pure memory: what is chosen is kept in the container, ops/ brings it to the kernel.
 *
 * A jail is a number of processors of one's own choice for whoever asks, spread so that each is in
 * as few jails as possible. Nobody is kept out of them.
 */
#pragma once

#include "kernel/topology.h"
#include "model/tree.h"

/* In how many jails each processor is. */
struct jail_usage {
	unsigned count[CPUMASK_BITS];
};

void jail_usage_read(const struct tree *tree, struct jail_usage *ret);

/*
 * Choose `n` processors of `allowed`, one by one: the one in the fewest jails, then on the node
 * with the fewest, then one that shares a core with one chosen before, then the lowest. They are
 * counted in `usage`. -1 when there are fewer than `n`.
 */
int jail_choose(const struct topology *t, struct jail_usage *usage, const struct cpumask *allowed,
		unsigned n, struct cpumask *ret);

/* Take a jail's processors out of the count. */
void jail_leave(struct jail_usage *usage, const struct cpumask *jail);
/* How many of the jail's processors are in at least two jails more than another allowed one? */
unsigned jail_overload(const struct jail_usage *usage, const struct cpumask *jail,
		       const struct cpumask *allowed);

/* What the container shall have, with what it inherits. */
void cpu_set_target(const struct topology *t, const struct container *ct, struct cpumask *ret);
/* Where a jail of the container may be: on its node, within what the container above has. */
void cpu_set_jail_bounds(const struct topology *t, const struct container *ct, struct cpumask *ret);
