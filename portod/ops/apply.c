/* SPDX-License-Identifier: Apache-2.0 */
/* One idempotent function per group of properties: from the spec to the kernel. */
#include <errno.h>
#include <stdlib.h>

#include "kernel/hold.h"
#include "ops/cpuset.h"
#include "ops/internal.h"
#include "ops/resolver.h"
#include "ops/settings.h"

static int apply_settings(struct ops *ops, const struct container *ct, enum apply_group group,
			  struct error *err)
{
	struct settings s = { 0 };
	struct cgroup cg;
	int rc = 0;

	prop_cgroup(ct, &cg);
	settings_add_group(ops, ct, group, false, &s);
	for (size_t i = 0; i < s.n && rc == 0; i++)
		rc = cgroup_set(ops->cgroups, &cg, &s.v[i], err);
	settings_deinit(&s);
	return rc;
}

/* ---- threads ---- */

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

#define SCHED_PASSES_MAX 100

/* What a thread starts inherits from it: when a pass finds nobody new, all have it. */
static int apply_sched(struct ops *ops, const struct container *ct, struct error *err)
{
	auto_free pid_t *done = NULL;
	struct sched_attrs attrs;
	size_t ndone = 0;
	struct cgroup cg;

	if (container_is_job(ct))
		return 0;
	settings_sched(ops, ct, false, &attrs);
	prop_cgroup(ct, &cg);
	for (int pass = 0; pass < SCHED_PASSES_MAX; pass++) {
		size_t n = 0, fresh = 0;
		pid_t *tids = NULL;

		if (cgroup_threads(ops->cgroups, &cg, &tids, &n, err))
			return -1;
		for (size_t i = 0; i < n; i++) {
			if (ndone && bsearch(&tids[i], done, ndone, sizeof(*done), by_number))
				continue;
			fresh++;
			if (sched_apply(tids[i], &attrs, err) < 0) {
				free(tids);
				return -1;
			}
		}
		free(done);
		done = tids;
		ndone = n;
		if (n)
			qsort(done, ndone, sizeof(*done), by_number);
		if (!fresh)
			break;
	}
	return 0;
}

/* ---- cpu limits of a subtree ---- */

static bool has_cpu_limit(const struct container *top, const struct container *ct)
{
	return ct == top || (ct->spec.cpu_limit && state_has_resources(ct->state) &&
			     ct->state != STATE_STARTING && ct->state != STATE_STOPPING);
}

/*
 * v1 refuses a limit above the parent's, and one below a child's. So once from the bottom to the
 * top, which is right when the limit is lowered, and where that was refused once more from the top
 * to the bottom, which is right when it is raised.
 */
static int apply_cpu_limits(struct ops *ops, struct container *top, struct error *err)
{
	struct error refused = ERROR_INIT;
	struct container *ct = NULL;
	bool again = false;

	while ((ct = tree_next_post(top, ct))) {
		if (!has_cpu_limit(top, ct) || apply_settings(ops, ct, APPLY_CPU, &refused) == 0)
			continue;
		if (ct == top) {
			*err = refused;
			return -1;
		}
		again = true;
	}
	for (ct = again ? tree_next(top, top) : NULL; ct; ct = tree_next(top, ct)) {
		error_clear(&refused);
		if (!has_cpu_limit(top, ct) || apply_settings(ops, ct, APPLY_CPU, &refused) == 0)
			continue;
		/* It is being stopped, or died: nobody's loss. */
		if (refused.sys != ENOENT && refused.sys != ENODEV) {
			*err = refused;
			return -1;
		}
	}
	return 0;
}

/* ---- the rest ---- */

/* That nobody waits (any more) is fine: it was let go before. */
static int apply_held(struct ops *ops, struct container *ct, struct error *err)
{
	auto_free char *path = ops_hold_path(ops, ct);
	int rc = ct->spec.held ? 0 : hold_release(path);

	return rc < 0 && rc != -ENXIO ? error_errno(err, -rc, "let the held command go: %s", path)
				      : 0;
}

/* A change of the processors forgets which of them the threads had chosen. */
static int apply_cpu_set(struct ops *ops, struct container *top, struct error *err)
{
	if (cpuset_apply(ops, top, err))
		return -1;
	for (struct container *ct = top; ct; ct = tree_next(top, ct))
		if (ct->spec.cpu_policy == CPU_NOSMT && state_has_resources(ct->state) &&
		    apply_sched(ops, ct, err))
			return -1;
	return 0;
}

static int apply_group(struct ops *ops, struct container *ct, enum apply_group group,
		       struct error *err)
{
	switch (group) {
	case APPLY_CPU_SET:
		return apply_cpu_set(ops, ct, err);
	case APPLY_CPU_WEIGHT:
	case APPLY_IO_WEIGHT:
		if (apply_settings(ops, ct, group, err))
			return -1;
		return apply_sched(ops, ct, err);
	case APPLY_CPU:
		if (apply_cpu_limits(ops, ct, err))
			return -1;
		/* The margin below it depends on the cores. */
		return ct->spec.memory_limit ? apply_settings(ops, ct, APPLY_MEMORY, err) : 0;
	case APPLY_ULIMIT:
		return limits_apply(ops, ct, err);
	case APPLY_HELD:
		return apply_held(ops, ct, err);
	case APPLY_GUARANTEE:
	case APPLY_MEMORY:
	case APPLY_OOM:
	case APPLY_IO_LIMIT:
	case APPLY_IO_OPS_LIMIT:
	case APPLY_HUGETLB:
	case APPLY_PIDS:
		return apply_settings(ops, ct, group, err);
	case APPLY_RESOLV_CONF:
		return apply_resolv_conf(ops, ct, err);
	case APPLY_SYMLINK:
		return apply_links(ops, ct, err);
	case APPLY_NONE:
	case APPLY_PRESS:
	case APPLY_DEVICES: /* see devices_apply() */
	case _APPLY_COUNT:
		break;
	}
	return 0;
}

int apply_groups(struct ops *ops, struct container *ct, uint32_t dirty, struct error *err)
{
	for (int group = APPLY_NONE + 1; group < _APPLY_COUNT; group++)
		if (dirty & 1u << group && apply_group(ops, ct, (enum apply_group)group, err))
			return -1;
	return 0;
}
