/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: limits of memory. */
#include "props/rows.h"

GETTER(get_memory_limit)
{
	const struct container *ct = ctx->ct;

	UNUSED();
	type_put_u64(out, container_is_root(ct) ? ctx->env->memory_total : ct->spec.memory_limit);
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
	.flags = PROP_READONLY,
	.get = get_memory_limit_total,
};
