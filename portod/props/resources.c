/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: control groups, limits and usage of memory, cpu and threads. */
#include <limits.h>
#include <string.h>

#include "base/num.h"
#include "props/control.h"
#include "props/rows.h"

#define NEEDS(c) .needs = CGROUP_BIT(CGROUP_##c)

/* ---- groups ---- */

const struct prop row_controllers = {
	ROW_HEAD(controllers), .desc = "controllers the container has groups of its own in",
	.type = &type_controllers, ROW_FIELD(controllers), .flags = PROP_INDEXED,
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
	ROW_HEAD(cgroups), .desc = "directories of the control groups",
	.flags = PROP_READONLY | PROP_INDEX_GET, .get = get_cgroups,
};

/* ---- usage ---- */

/* arg of a row is the enum cgroup_stat. */
#define STAT(s) .arg = (const void *)(uintptr_t)CGROUP_STAT_##s, .get = get_stat

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
	ROW_HEAD(process_count), .desc = "processes, of the containers below, too",
	.flags = USAGE_FLAGS, NEEDS(FREEZER), STAT(PROCESS_COUNT),
};

const struct prop row_thread_count = {
	ROW_HEAD(thread_count), .desc = "threads, of the containers below, too",
	.flags = USAGE_FLAGS, NEEDS(FREEZER), STAT(THREAD_COUNT),
};

const struct prop row_memory_usage = {
	ROW_HEAD(memory_usage), .desc = "memory in use, bytes", .flags = USAGE_FLAGS, NEEDS(MEMORY),
	STAT(MEMORY_USAGE),
};

const struct prop row_anon_usage = {
	ROW_HEAD(anon_usage), .desc = "memory that is not file cache, bytes", .flags = USAGE_FLAGS,
	NEEDS(MEMORY), STAT(ANON_USAGE),
};

const struct prop row_cache_usage = {
	ROW_HEAD(cache_usage), .desc = "file cache, bytes", .flags = USAGE_FLAGS, NEEDS(MEMORY),
	STAT(CACHE_USAGE),
};

const struct prop row_cpu_usage = {
	ROW_HEAD(cpu_usage), .desc = "cpu time, ns", .flags = USAGE_FLAGS, NEEDS(CPUACCT),
	STAT(CPU_USAGE),
};

const struct prop row_cpu_usage_system = {
	ROW_HEAD(cpu_usage_system), .desc = "cpu time inside the kernel, ns", .flags = USAGE_FLAGS,
	NEEDS(CPUACCT), STAT(CPU_USAGE_SYSTEM),
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
	ROW_HEAD(thread_limit), .desc = "limit of threads, 0 = none", .type = &type_size,
	ROW_FIELD(thread_limit), .flags = PROP_DYNAMIC, NEEDS(PIDS), .group = APPLY_PIDS,
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
	ROW_HEAD(memory_limit), .desc = "memory limit, bytes, 0 = none", .type = &type_size,
	ROW_FIELD(memory_limit), .flags = PROP_DYNAMIC | PROP_SLOW, NEEDS(MEMORY),
	.group = APPLY_MEMORY, .check = check_memory_limit, .get = get_memory_limit,
};

GETTER(get_memory_limit_total)
{
	uint64_t limit = container_memory_limit_total(ctx->ct), total = ctx->env->memory_total;

	UNUSED();
	type_put_u64(out, limit && limit < total ? limit : total);
	return 0;
}

const struct prop row_memory_limit_total = {
	ROW_HEAD(memory_limit_total), .desc = "memory limit with those of the containers above",
	.flags = PROP_READONLY, .get = get_memory_limit_total,
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
	ROW_HEAD(cpu_limit), .desc = "cpu limit, cores (1.5c) or percent of the host, 0 = none",
	.type = &type_cpu, ROW_FIELD(cpu_limit), .flags = PROP_DYNAMIC, NEEDS(CPU),
	.group = APPLY_CPU, .supported = has_cpu_limit, .get = get_cpu_limit,
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
	ROW_HEAD(cpu_limit_bound), .desc = "cpu limit with those of the containers above",
	.flags = PROP_READONLY, .get = get_cpu_limit_bound,
};

const struct prop row_cpu_limit_total = {
	ROW_HEAD(cpu_limit_total), .desc = "obsolete name of cpu_limit_bound",
	.flags = PROP_READONLY, .get = get_cpu_limit_bound,
};

static const struct double_range weight_range = { 0.01, 100 };

const struct prop row_cpu_weight = {
	ROW_HEAD(cpu_weight), .desc = "share of the cpu among neighbours, 0.01..100",
	.type = &type_hundredths, ROW_FIELD(cpu_weight), .flags = PROP_DYNAMIC, .group = APPLY_CPU,
	.arg = &weight_range,
};

static const struct uint_range period_range = { NSEC_PER_MSEC, NSEC_PER_SEC };

const struct prop row_cpu_period = {
	ROW_HEAD(cpu_period), .desc = "period in which cpu_limit is granted, ns, 1ms..1s",
	.type = &type_nsec, ROW_FIELD(cpu_period), .flags = PROP_DYNAMIC, .group = APPLY_CPU,
	.arg = &period_range,
};
