/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: limits and shares of the cpus. */
#include "base/num.h"
#include "props/rows.h"

static uint64_t host_cpu(const struct prop_env *env)
{
	return env->ncpu * NSEC_PER_SEC;
}

static bool has_cpu_limit(const struct prop_env *env)
{
	return !env->cgroups || cgroup_knob_is_supported(env->cgroups, CGROUP_KNOB_CPU_LIMIT);
}

GETTER(get_cpu_limit)
{
	const struct container *ct = ctx->ct;
	uint64_t limit = container_is_root(ct) ? host_cpu(ctx->env) : ct->spec.cpu_limit;

	UNUSED();
	type_cpu.format(p, ctx, &limit, out);
	return 0;
}

const struct prop row_cpu_limit = {
	.name = "cpu_limit",
	.row = ROW_cpu_limit,
	.desc = "cpu limit, cores (1.5c) or percent of the host, 0 = none",
	.type = &type_cpu,
	.offset = FIELD(cpu_limit),
	.flags = PROP_DYNAMIC,
	.needs = CGROUP_BIT(CGROUP_CPU),
	.group = APPLY_CPU,
	.supported = has_cpu_limit,
	.get = get_cpu_limit,
};

GETTER(get_cpu_limit_bound)
{
	uint64_t limit = container_cpu_limit_total(ctx->ct), host = host_cpu(ctx->env);

	UNUSED();
	if (!limit || limit > host)
		limit = host;
	type_cpu.format(p, ctx, &limit, out);
	return 0;
}

const struct prop row_cpu_limit_bound = {
	.name = "cpu_limit_bound",
	.row = ROW_cpu_limit_bound,
	.desc = "cpu limit with those of the containers above",
	.flags = PROP_READONLY,
	.get = get_cpu_limit_bound,
};

const struct prop row_cpu_limit_total = {
	.name = "cpu_limit_total",
	.row = ROW_cpu_limit_total,
	.desc = "obsolete name of cpu_limit_bound",
	.flags = PROP_READONLY,
	.get = get_cpu_limit_bound,
};

static const struct double_range weight_range = { 0.01, 100 };

const struct prop row_cpu_weight = {
	.name = "cpu_weight",
	.row = ROW_cpu_weight,
	.desc = "share of the cpu among neighbours, 0.01..100",
	.type = &type_hundredths,
	.offset = FIELD(cpu_weight),
	.flags = PROP_DYNAMIC,
	.group = APPLY_CPU,
	.arg = &weight_range,
};

static const struct uint_range period_range = { NSEC_PER_MSEC, NSEC_PER_SEC };

const struct prop row_cpu_period = {
	.name = "cpu_period",
	.row = ROW_cpu_period,
	.desc = "period in which cpu_limit is granted, ns, 1ms..1s",
	.type = &type_nsec,
	.offset = FIELD(cpu_period),
	.flags = PROP_DYNAMIC,
	.group = APPLY_CPU,
	.arg = &period_range,
};
