/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: limits and guarantees of memory. */
#include "kernel/procfs.h"
#include "props/rows.h"

/* ---- limit ---- */

/* Huge pages are taken out of what is for everybody when they are set up. */
static uint64_t host_memory(const struct prop_env *env)
{
	uint64_t huge = procfs_huge_pages();

	return huge < env->memory_total ? env->memory_total - huge : 0;
}

GETTER(get_memory_limit)
{
	const struct container *ct = ctx->ct;

	UNUSED();
	type_put_u64(out, container_is_root(ct) ? host_memory(ctx->env) : ct->spec.memory_limit);
	return 0;
}

CHECKER(check_memory_limit)
{
	uint64_t limit = ctx->ct->spec.memory_limit, min = ctx->env->min_memory_limit;

	(void)p;
	if (limit && limit < min)
		return error_set(err, ERR_INVALID_VALUE, "%llu is less than the least limit, %llu",
				 (unsigned long long)limit, (unsigned long long)min);
	return 0;
}

/* Shrinking below the usage makes the kernel reclaim, and that takes its time. */
const struct prop row_memory_limit = {
	.name = "memory_limit",
	.row = ROW_memory_limit,
	.desc = "memory limit, bytes, 0 = none",
	.doc = "Of the container and all below it together, without swap. At least\n"
	       "**container.min_memory_limit** of the configuration, 1 MiB. A limit below what\n"
	       "is in use and cannot be reclaimed is refused with Busy. In the unified tree\n"
	       "those that allocate are slowed down a little below it. A limit also lets the\n"
	       "container have capability IPC_LOCK and a higher memlock. Default none; root\n"
	       "container: RAM without huge pages. memory.limit_in_bytes and\n"
	       "memory.memsw.limit_in_bytes, memory.max and memory.swap.max.",
	.type = &type_size,
	.offset = FIELD(memory_limit),
	.flags = PROP_DYNAMIC | PROP_SLOW,
	.needs = CGROUP_BIT(CGROUP_MEMORY),
	.group = APPLY_MEMORY,
	.check = check_memory_limit,
	.get = get_memory_limit,
};

GETTER(get_memory_limit_total)
{
	uint64_t limit = container_memory_limit_total(ctx->ct), total = ctx->env->memory_total;

	UNUSED();
	type_put_u64(out, limit && limit < total ? limit : total);
	return 0;
}

const struct prop row_memory_limit_total = {
	.name = "memory_limit_total",
	.row = ROW_memory_limit_total,
	.desc = "memory limit with those of the containers above",
	.doc = "The least *memory_limit* on the way up, or the host's RAM.",
	.flags = PROP_READONLY,
	.get = get_memory_limit_total,
};

/* ---- guarantee ---- */

static bool has_guarantee(const struct prop_env *env)
{
	return !env->cgroups ||
	       cgroup_knob_is_supported(env->cgroups, CGROUP_KNOB_MEMORY_GUARANTEE);
}

const struct prop row_memory_guarantee = {
	.name = "memory_guarantee",
	.row = ROW_memory_guarantee,
	.desc = "guaranteed memory, bytes",
	.doc = "What the kernel does not take from the container, and those below it together,\n"
	       "as long as there is anything else to take. The guarantees of all started\n"
	       "containers must fit into the host's RAM without huge pages and\n"
	       "**daemon.memory_guarantee_reserve** of the configuration, 2 GiB: else a start, or\n"
	       "a raise, is refused with ResourceNotAvailable. Default 0. NotSupported without\n"
	       "the memory controller in the unified tree. memory.low.",
	.type = &type_size,
	.offset = FIELD(memory_guarantee),
	.flags = PROP_DYNAMIC,
	.needs = CGROUP_BIT(CGROUP_MEMORY),
	.group = APPLY_GUARANTEE,
	.supported = has_guarantee,
};

GETTER(get_guarantee_total)
{
	UNUSED();
	type_put_u64(out, container_memory_guarantee_total(ctx->ct, NULL));
	return 0;
}

const struct prop row_memory_guarantee_total = {
	.name = "memory_guarantee_total",
	.row = ROW_memory_guarantee_total,
	.desc = "memory guarantee with those of the containers below",
	.doc = "*memory_guarantee*, or the sum of this of the containers below if that is more;\n"
	       "0 when stopped.",
	.flags = PROP_READONLY,
	.supported = has_guarantee,
	.get = get_guarantee_total,
};

/* ---- the dead ---- */

static bool can_press(const struct prop_env *env)
{
	return !env->cgroups || cgroup_knob_is_supported(env->cgroups, CGROUP_KNOB_MEMORY_PRESS);
}

const struct prop row_pressurize_on_death = {
	.name = "pressurize_on_death",
	.row = ROW_pressurize_on_death,
	.desc = "give memory back when it is dead",
	.doc = "When the container is dead, or is without command and nothing below it runs, what\n"
	       "it still has in memory, file cache above all, is given back down to\n"
	       "**container.dead_memory_soft_limit** of the configuration, 1 MiB: when others need\n"
	       "it, or in the unified tree at once. Default **container.pressurize_on_death** of\n"
	       "the configuration, false. memory.soft_limit_in_bytes, memory.reclaim (Linux 5.19).",
	.type = &type_bool,
	.offset = FIELD(pressurize_on_death),
	.flags = PROP_DYNAMIC,
	.needs = CGROUP_BIT(CGROUP_MEMORY),
	.group = APPLY_PRESS,
	.supported = can_press,
};

/* ---- huge pages ---- */

GETTER(get_hugetlb_limit)
{
	const struct container *ct = ctx->ct;

	UNUSED();
	type_put_u64(out, container_is_root(ct) ? procfs_huge_pages() : ct->spec.hugetlb_limit);
	return 0;
}

const struct prop row_hugetlb_limit = {
	.name = "hugetlb_limit",
	.row = ROW_hugetlb_limit,
	.desc = "limit of huge pages of 2 MiB, bytes, 0 = none",
	.doc = "Of the container and all below it together. A limit below what is in use is\n"
	       "InvalidValue. With a limit there are no pages of 1 GiB. Default none; root\n"
	       "container: what the host has of them. hugetlb.2MB.limit_in_bytes,\n"
	       "hugetlb.2MB.max.",
	.type = &type_size,
	.offset = FIELD(hugetlb_limit),
	.flags = PROP_DYNAMIC,
	.needs = CGROUP_BIT(CGROUP_HUGETLB),
	.group = APPLY_HUGETLB,
	.get = get_hugetlb_limit,
};
