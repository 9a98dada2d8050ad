/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: control groups, processes and threads in them. */
#include <limits.h>
#include <string.h>

#include "props/control.h"
#include "props/stat.h"

/* ---- groups ---- */

const struct prop row_controllers = {
	.name = "controllers",
	.row = ROW_controllers,
	.desc = "controllers the container has groups of its own in",
	.doc = "List of **freezer**, **memory**, **cpu**, **cpuacct**, **net_cls**, **blkio**,\n"
	       "**devices**, **hugetlb**, **cpuset**, **pids**, **perf_event**, **systemd** and\n"
	       "**cgroup2**; index: one of them, **true** or **false**. Default: everything the\n"
	       "host has for a container of the first level, only what costs nothing below. A\n"
	       "property that needs a controller adds it when it is set in state stopped; such\n"
	       "a one cannot be taken away (InvalidValue). Controllers mounted together come\n"
	       "together: in the unified tree every container has all.",
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
	if (stat_require_groups(env, err))
		return -1;
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
	.doc = "Map of controller to directory; the unified tree is called **unified**. Without\n"
	       "a group of its own a container is in that of the nearest one above that has\n"
	       "one. Index: a controller; one the host does not have is InvalidProperty.",
	.flags = PROP_READONLY | PROP_INDEX_GET,
	.get = get_cgroups,
};

int stat_require_groups(const struct prop_env *env, struct error *err)
{
	if (env->cgroups)
		return 0;
	return error_set(err, ERR_NOT_SUPPORTED, "the daemon runs without control groups");
}

int stat_get(const struct prop *p, const struct prop_ctx *ctx, const char *index, struct buf *out,
	     struct error *err)
{
	struct cgroup cg;
	uint64_t value;

	(void)index;
	if (stat_require_groups(ctx->env, err))
		return -1;
	prop_cgroup(ctx->ct, &cg);
	if (cgroup_get(ctx->env->cgroups, &cg, (enum cgroup_stat)(uintptr_t)p->arg, &value, err))
		return -1;
	type_put_u64(out, value);
	return 0;
}

/* ---- processes ---- */

const struct prop row_process_count = {
	.name = "process_count",
	.row = ROW_process_count,
	.desc = "processes, of the containers below, too",
	.doc = "The daemon's own first process of a container is one of them. Root container: of\n"
	       "the host.",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_FREEZER),
	.arg = STAT(PROCESS_COUNT),
	.get = stat_get,
};

const struct prop row_thread_count = {
	.name = "thread_count",
	.row = ROW_thread_count,
	.desc = "threads, of the containers below, too",
	.doc = "From pids.current where the container has a group of its own there, else\n"
	       "counted. Root container: of the host.",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_FREEZER),
	.arg = STAT(THREAD_COUNT),
	.get = stat_get,
};

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
	.doc = "Of the container and all below it together; **10k** is 10240. At the limit fork\n"
	       "and clone fail with EAGAIN; a limit below the present number only stops new\n"
	       "ones. Default **container.default_thread_limit** of the configuration, 10000,\n"
	       "for a container of the first level, else none, which reads as empty. pids.max.",
	.type = &type_size,
	.offset = FIELD(thread_limit),
	.flags = PROP_DYNAMIC,
	.needs = CGROUP_BIT(CGROUP_PIDS),
	.group = APPLY_PIDS,
	.get = get_thread_limit,
};
