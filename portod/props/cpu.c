/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: limits and shares of the cpus, and how its threads are scheduled. */
#include "base/num.h"
#include "props/rows.h"

static uint64_t host_cpu(const struct prop_env *env)
{
	return env->ncpu * NSEC_PER_SEC;
}

static void put_cpu(const struct prop *p, const struct prop_ctx *ctx, uint64_t value,
		    struct buf *out)
{
	type_cpu.format(p, ctx, &value, out);
}

/* ---- limit ---- */

static bool has_cpu_limit(const struct prop_env *env)
{
	return !env->cgroups || cgroup_knob_is_supported(env->cgroups, CGROUP_KNOB_CPU_LIMIT);
}

GETTER(get_cpu_limit)
{
	const struct container *ct = ctx->ct;

	UNUSED();
	put_cpu(p, ctx, container_is_root(ct) ? host_cpu(ctx->env) : ct->spec.cpu_limit, out);
	return 0;
}

const struct prop row_cpu_limit = {
	.name = "cpu_limit",
	.row = ROW_cpu_limit,
	.desc = "cpu limit, cores (1.5c) or percent of the host, 0 = none",
	.doc = "Time that the container and all below it may use together, granted anew in each\n"
	       "*cpu_period*; at least 1 ms of it. A container below never gets more than those\n"
	       "above, however large its own value. A change is brought to the containers below.\n"
	       "Default none; root container: all cpus. cpu.cfs_quota_us, cpu.max.",
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
	put_cpu(p, ctx, !limit || limit > host ? host : limit, out);
	return 0;
}

const struct prop row_cpu_limit_bound = {
	.name = "cpu_limit_bound",
	.row = ROW_cpu_limit_bound,
	.desc = "cpu limit with those of the containers above",
	.doc = "The least *cpu_limit* on the way up, at most all cpus of the host.",
	.flags = PROP_READONLY,
	.get = get_cpu_limit_bound,
};

const struct prop row_cpu_limit_total = {
	.name = "cpu_limit_total",
	.row = ROW_cpu_limit_total,
	.desc = "obsolete name of cpu_limit_bound",
	.doc = "See *cpu_limit_bound*.",
	.flags = PROP_READONLY,
	.get = get_cpu_limit_bound,
};

static const struct uint_range period_range = { NSEC_PER_MSEC, NSEC_PER_SEC };

const struct prop row_cpu_period = {
	.name = "cpu_period",
	.row = ROW_cpu_period,
	.desc = "period in which cpu_limit is granted, ns, 1ms..1s",
	.doc = "A short one spreads the pauses of a container at its limit, a long one lets it\n"
	       "run longer in one go. Default that of the container above when it is created, or\n"
	       "**container.cpu_period** of the configuration, 100 ms. cpu.cfs_period_us, cpu.max.",
	.type = &type_nsec,
	.offset = FIELD(cpu_period),
	.flags = PROP_DYNAMIC,
	.group = APPLY_CPU,
	.arg = &period_range,
};

/* ---- share ---- */

GETTER(get_cpu_guarantee)
{
	const struct container *ct = ctx->ct;

	UNUSED();
	put_cpu(p, ctx, container_is_root(ct) ? host_cpu(ctx->env) : ct->spec.cpu_guarantee, out);
	return 0;
}

const struct prop row_cpu_guarantee = {
	.name = "cpu_guarantee",
	.row = ROW_cpu_guarantee,
	.desc = "guaranteed cpus, cores (1.5c) or percent of the host",
	.doc = "By the share the container gets when all want to run: that of a container\n"
	       "without guarantee times *cpu_weight*, times the cores and a factor, 16 on hosts\n"
	       "with few cpus and less on others, so that a guarantee of the whole host is\n"
	       "possible. Nothing checks that the guarantees of all fit into the host. Default\n"
	       "0. cpu.shares, cpu.weight.",
	.type = &type_cpu,
	.offset = FIELD(cpu_guarantee),
	.flags = PROP_DYNAMIC | PROP_SLOW,
	.needs = CGROUP_BIT(CGROUP_CPU),
	.group = APPLY_CPU_WEIGHT,
	.get = get_cpu_guarantee,
};

GETTER(get_cpu_guarantee_bound)
{
	UNUSED();
	put_cpu(p, ctx,
		container_cpu_guarantee_bound(ctx->ct, CGROUP_BIT(CGROUP_CPU), host_cpu(ctx->env)),
		out);
	return 0;
}

const struct prop row_cpu_guarantee_bound = {
	.name = "cpu_guarantee_bound",
	.row = ROW_cpu_guarantee_bound,
	.desc = "cpu guarantee with those of the containers above",
	.doc = "The least *cpu_guarantee* on the way up, of the containers that have a group of\n"
	       "their own for cpu; at most all cpus of the host.",
	.flags = PROP_READONLY,
	.get = get_cpu_guarantee_bound,
};

const struct prop row_cpu_guarantee_total = {
	.name = "cpu_guarantee_total",
	.row = ROW_cpu_guarantee_total,
	.desc = "obsolete name of cpu_guarantee_bound",
	.doc = "See *cpu_guarantee_bound*.",
	.flags = PROP_READONLY,
	.get = get_cpu_guarantee_bound,
};

static const struct double_range weight_range = { 0.01, 100 };

const struct prop row_cpu_weight = {
	.name = "cpu_weight",
	.row = ROW_cpu_weight,
	.desc = "share of the cpu among neighbours, 0.01..100",
	.doc = "A factor of the share, see *cpu_guarantee*, and of the nice value of all threads,\n"
	       "which is ln(weight) / ln(1.1) lower: 7 for 2, and higher for a weight below 1.\n"
	       "Default 1. A container without controller cpu gets the nice value only.\n"
	       "cpu.shares, cpu.weight.",
	.type = &type_hundredths,
	.offset = FIELD(cpu_weight),
	.flags = PROP_DYNAMIC | PROP_SLOW,
	.group = APPLY_CPU_WEIGHT,
	.arg = &weight_range,
};

static const struct enum_word policies[] = {
	{ "normal", CPU_NORMAL }, { "high", CPU_HIGH }, { "rt", CPU_RT },
	{ "batch", CPU_BATCH },   { "idle", CPU_IDLE }, { "nosmt", CPU_NOSMT },
	{ "iso", CPU_ISO },       { NULL, 0 },
};

const struct prop row_cpu_policy = {
	.name = "cpu_policy",
	.row = ROW_cpu_policy,
	.desc = "how its threads are scheduled",
	.doc = "**normal**; **high**: **container.high_nice** of the configuration, -10, and 16\n"
	       "times the share; **rt**: 16 times the share, and class SCHED_RR with\n"
	       "**container.rt_priority** or, if that is 0, **container.rt_nice**, -20;\n"
	       "**batch**: SCHED_BATCH; **idle**: SCHED_IDLE, or with\n"
	       "**container.enable_sched_idle** an idle group, and the least share; **nosmt**:\n"
	       "one processor of each core only. **iso** is taken for normal. A change counts for\n"
	       "all threads of the container itself. Default that of the container above when it\n"
	       "is created. sched(7), cpu.shares, cpu.weight, cpu.idle.",
	.type = &type_enum,
	.offset = FIELD(cpu_policy),
	.flags = PROP_DYNAMIC | PROP_SLOW,
	.group = APPLY_CPU_WEIGHT,
	.arg = policies,
};
