/* SPDX-License-Identifier: Apache-2.0 */
#include "props/jail.h"

#include <string.h>

void jail_usage_read(const struct tree *tree, struct jail_usage *ret)
{
	const struct container *root = tree_root(tree), *ct;
	unsigned cpu;

	memset(ret, 0, sizeof(*ret));
	for (ct = tree_next(root, root); ct; ct = tree_next(root, ct)) {
		if (!ct->jail)
			continue;
		cpumask_for_each(cpu, ct->jail) ret->count[cpu]++;
	}
}

void jail_leave(struct jail_usage *usage, const struct cpumask *jail)
{
	unsigned cpu;

	cpumask_for_each(cpu, jail) usage->count[cpu]--;
}

static unsigned node_usage(const struct topology *t, const struct jail_usage *usage, unsigned cpu)
{
	const struct cpumask *node = &t->nodes[topology_node_of(t, cpu)];
	unsigned sum = 0, i;

	cpumask_for_each(i, node) sum += usage->count[i];
	return sum;
}

static bool has_sibling(const struct topology *t, const struct cpumask *chosen, unsigned cpu)
{
	unsigned i;

	cpumask_for_each(i, chosen) if (topology_are_siblings(t, i, cpu)) return true;
	return false;
}

/* Less is better, from the first to the last. */
struct rank {
	unsigned usage, node, lonely;
};

static struct rank rank_of(const struct topology *t, const struct jail_usage *usage,
			   const struct cpumask *chosen, unsigned cpu)
{
	return (struct rank){
		.usage = usage->count[cpu],
		.node = node_usage(t, usage, cpu),
		.lonely = !has_sibling(t, chosen, cpu),
	};
}

static bool is_better(const struct rank *a, const struct rank *b)
{
	if (a->usage != b->usage)
		return a->usage < b->usage;
	if (a->node != b->node)
		return a->node < b->node;
	return a->lonely < b->lonely;
}

int jail_choose(const struct topology *t, struct jail_usage *usage, const struct cpumask *allowed,
		unsigned n, struct cpumask *ret)
{
	struct cpumask chosen = { 0 };

	if (cpumask_count(allowed) < n)
		return -1;
	for (; n > 0; n--) {
		unsigned best = CPUMASK_BITS, cpu;
		struct rank best_rank = { 0 };

		cpumask_for_each(cpu, allowed)
		{
			struct rank rank;

			if (cpumask_has(&chosen, cpu))
				continue;
			rank = rank_of(t, usage, &chosen, cpu);
			if (best == CPUMASK_BITS || is_better(&rank, &best_rank)) {
				best = cpu;
				best_rank = rank;
			}
		}
		cpumask_add(&chosen, best);
		usage->count[best]++;
	}
	*ret = chosen;
	return 0;
}

unsigned jail_overload(const struct jail_usage *usage, const struct cpumask *jail,
		       const struct cpumask *allowed)
{
	unsigned least = ~0u, overload = 0, cpu;

	cpumask_for_each(cpu, allowed) if (usage->count[cpu] < least) least = usage->count[cpu];
	cpumask_for_each(cpu, jail) if (usage->count[cpu] >= least + 2) overload++;
	return overload;
}

void cpu_set_target(const struct topology *t, const struct container *ct, struct cpumask *ret)
{
	for (; ct && !container_is_root(ct); ct = ct->parent) {
		const struct cpu_set_spec *s = &ct->spec.cpu_set;

		if (s->policy == CPU_SET_LIST && cpumask_parse(ret, s->list) == 0)
			return;
		if (s->policy == CPU_SET_NODE && s->node >= 0 && (unsigned)s->node < t->nnodes) {
			*ret = t->nodes[s->node];
			return;
		}
		if (s->policy == CPU_SET_JAIL && ct->jail) {
			*ret = *ct->jail;
			return;
		}
	}
	*ret = t->online;
}

void cpu_set_jail_bounds(const struct topology *t, const struct container *ct, struct cpumask *ret)
{
	int node = ct->spec.cpu_set.node;

	cpu_set_target(t, ct->parent, ret);
	if (node >= 0 && (unsigned)node < t->nnodes)
		cpumask_and(ret, &t->nodes[node]);
}
