/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: control groups, limits and usage of memory, cpu and threads. */
#include <limits.h>
#include <string.h>

#include "base/num.h"
#include "props/control.h"
#include "props/rows.h"

/* ---- groups ---- */

const struct prop row_controllers = {
	.name = "controllers",
	.row = ROW_controllers,
	.desc = "controllers the container has groups of its own in",
	.type = &type_controllers,
	.offset = FIELD(controllers),
	.flags = PROP_INDEXED,
};

static const char *group_type(enum cgroup_controller c)
{
	return c == CGROUP_CGROUP2 ? "unified" : cgroup_controller_name(c);
}

static int find_group_type(const struct prop_env *env, const char *name,
			   enum cgroup_controller *ret)
{
	if (!strcmp(name, "unified"))
		*ret = CGROUP_CGROUP2;
	else if (cgroup_controller_parse(name, ret) < 0)
		return -1;
	return cgroup_host_controllers(env->cgroups) & CGROUP_BIT(*ret) ? 0 : -1;
}

static int put_all_groups(const struct prop_env *env, const struct cgroup *cg, struct buf *out,
			  struct error *err)
{
	auto_smap groups = SMAP_INIT;
	auto_free char *text = NULL;
	char path[PATH_MAX];

	for (unsigned c = 0; c < _CGROUP_CONTROLLER_COUNT; c++) {
		if (!(cgroup_host_controllers(env->cgroups) & CGROUP_BIT(c)))
			continue;
		if (cgroup_dir(env->cgroups, cg, c, path, sizeof(path), err))
			return -1;
		smap_set(&groups, group_type(c), path);
	}
	text = smap_format(&groups);
	buf_adds(out, text);
	return 0;
}

GETTER(get_cgroups)
{
	const struct prop_env *env = ctx->env;
	enum cgroup_controller c;
	char path[PATH_MAX];
	struct cgroup cg;

	(void)p;
	if (!env->cgroups)
		return error_set(err, ERR_NOT_SUPPORTED, "the daemon runs without control groups");
	prop_cgroup(ctx->ct, &cg);
	if (!index)
		return put_all_groups(env, &cg, out, err);
	if (find_group_type(env, index, &c) < 0)
		return error_set(err, ERR_INVALID_PROPERTY, "there is no group of type '%.100s'",
				 index);
	if (cgroup_dir(env->cgroups, &cg, c, path, sizeof(path), err))
		return -1;
	buf_adds(out, path);
	return 0;
}

const struct prop row_cgroups = {
	.name = "cgroups",
	.row = ROW_cgroups,
	.desc = "directories of the control groups",
	.flags = PROP_READONLY | PROP_INDEX_GET,
	.get = get_cgroups,
};

/* ---- usage ---- */

/* As arg of a row. */
#define STAT(s) ((const void *)(uintptr_t)CGROUP_STAT_##s)

GETTER(get_stat)
{
	struct cgroup cg;
	uint64_t value;

	(void)index;
	if (!ctx->env->cgroups)
		return error_set(err, ERR_NOT_SUPPORTED, "the daemon runs without control groups");
	prop_cgroup(ctx->ct, &cg);
	if (cgroup_get(ctx->env->cgroups, &cg, (enum cgroup_stat)(uintptr_t)p->arg, &value, err))
		return -1;
	type_put_u64(out, value);
	return 0;
}

#define USAGE_FLAGS (PROP_READONLY | PROP_RUNTIME)

const struct prop row_process_count = {
	.name = "process_count",
	.row = ROW_process_count,
	.desc = "processes, of the containers below, too",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_FREEZER),
	.arg = STAT(PROCESS_COUNT),
	.get = get_stat,
};

const struct prop row_thread_count = {
	.name = "thread_count",
	.row = ROW_thread_count,
	.desc = "threads, of the containers below, too",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_FREEZER),
	.arg = STAT(THREAD_COUNT),
	.get = get_stat,
};

const struct prop row_memory_usage = {
	.name = "memory_usage",
	.row = ROW_memory_usage,
	.desc = "memory in use, bytes",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_MEMORY),
	.arg = STAT(MEMORY_USAGE),
	.get = get_stat,
};

const struct prop row_anon_usage = {
	.name = "anon_usage",
	.row = ROW_anon_usage,
	.desc = "memory that is not file cache, bytes",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_MEMORY),
	.arg = STAT(ANON_USAGE),
	.get = get_stat,
};

const struct prop row_cache_usage = {
	.name = "cache_usage",
	.row = ROW_cache_usage,
	.desc = "file cache, bytes",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_MEMORY),
	.arg = STAT(CACHE_USAGE),
	.get = get_stat,
};

const struct prop row_cpu_usage = {
	.name = "cpu_usage",
	.row = ROW_cpu_usage,
	.desc = "cpu time, ns",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_CPUACCT),
	.arg = STAT(CPU_USAGE),
	.get = get_stat,
};

const struct prop row_cpu_usage_system = {
	.name = "cpu_usage_system",
	.row = ROW_cpu_usage_system,
	.desc = "cpu time inside the kernel, ns",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_CPUACCT),
	.arg = STAT(CPU_USAGE_SYSTEM),
	.get = get_stat,
};

/* ---- threads ---- */

GETTER(get_thread_limit)
{
	UNUSED();
	if (row_is_set(ctx->ct, p))
		type_put_u64(out, ctx->ct->spec.thread_limit);
	return 0;
}

const struct prop row_thread_limit = {
	.name = "thread_limit",
	.row = ROW_thread_limit,
	.desc = "limit of threads, 0 = none",
	.type = &type_size,
	.offset = FIELD(thread_limit),
	.flags = PROP_DYNAMIC,
	.needs = CGROUP_BIT(CGROUP_PIDS),
	.group = APPLY_PIDS,
	.get = get_thread_limit,
};

/* ---- memory ---- */

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

/* ---- cpu ---- */

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
