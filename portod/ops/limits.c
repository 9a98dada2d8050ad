/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits of processes that run already: each process gets what holds for its own container. Those
 * of a container are the ones in its group and in groups that it made itself, but for containers
 * below, which are next, and jobs, which share its group.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "kernel/rlimit.h"
#include "ops/internal.h"
#include "props/ulimit.h"

struct pids {
	pid_t *v; /* owned */
	size_t n;
};

static void pids_deinit(struct pids *p)
{
	free(p->v);
}

#define auto_pids _cleanup_(pids_deinit) struct pids

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static void pids_sort(struct pids *p)
{
	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), by_number);
}

/* Of a sorted list. */
static bool pids_has(const struct pids *p, pid_t pid)
{
	return p->n && bsearch(&pid, p->v, p->n, sizeof(*p->v), by_number);
}

static int list_all(struct ops *ops, const struct container *ct, struct pids *ret,
		    struct error *err)
{
	struct family family = ops_family(ct);
	struct cgroup cg;

	family.name = NULL; /* this must not block */
	prop_cgroup(ct, &cg);
	if (container_is_job(ct))
		return family_members(&family, ops->cgroups, &cg, &ret->v, &ret->n, err);
	return cgroup_pids(ops->cgroups, &cg, true, &ret->v, &ret->n, err);
}

static bool is_there(const struct container *ct)
{
	return state_has_resources(ct->state) && ct->state != STATE_STARTING &&
	       ct->state != STATE_STOPPING && ct->state != STATE_DEAD;
}

/* Asked after those of the container: who is forked below meanwhile is in here. */
static void list_below(struct ops *ops, const struct container *top, struct pids *ret)
{
	struct error ignored = ERROR_INIT;
	const struct container *ct;

	for (ct = tree_next(top, top); ct; ct = tree_next(top, ct)) {
		auto_pids more = { 0 };

		/* The group of a child has all that is below it, too. */
		if (ct->parent != top || !state_has_resources(ct->state) ||
		    list_all(ops, ct, &more, &ignored) || more.n == 0)
			continue;
		ret->v = xreallocarray(ret->v, ret->n + more.n, sizeof(*ret->v));
		for (size_t i = 0; i < more.n; i++)
			ret->v[ret->n++] = more.v[i];
	}
	pids_sort(ret);
}

/* 1: lowered to what we may give. */
static int limit_process(pid_t pid, const struct rlimit_entry *limits, size_t n, struct error *err)
{
	int lowered = 0;

	for (size_t i = 0; i < n; i++) {
		struct error e = ERROR_INIT;
		int r = rlimit_apply(pid, &limits[i], &e);

		if (r < 0 && e.sys == ESRCH)
			return lowered;
		if (r < 0) {
			*err = e;
			return -1;
		}
		lowered |= r;
	}
	return lowered;
}

#define PASSES_MAX 100

/* What a process starts inherits from it: when a pass finds nobody new, all have it. */
static int limit_container(struct ops *ops, const struct container *ct,
			   const struct rlimit_entry *limits, size_t n, struct error *err)
{
	auto_pids done = { 0 };
	bool lowered = false;

	for (int pass = 0; pass < PASSES_MAX; pass++) {
		auto_pids now = { 0 }, below = { 0 };
		size_t fresh = 0;

		if (list_all(ops, ct, &now, err))
			return -1;
		list_below(ops, ct, &below);
		for (size_t i = 0; i < now.n; i++) {
			int r;

			if (pids_has(&done, now.v[i]) || pids_has(&below, now.v[i]))
				continue;
			fresh++;
			r = limit_process(now.v[i], limits, n, err);
			if (r < 0)
				return -1;
			lowered |= r > 0;
		}
		if (!fresh)
			break;
		pids_sort(&now);
		pids_deinit(&done);
		done = (struct pids){ .v = take_ptr(now.v), .n = now.n };
	}
	if (lowered)
		log_warning("container %s: ulimits were lowered to what the daemon may give",
			    ct->name);
	return 0;
}

int limits_apply(struct ops *ops, struct container *top, struct error *err)
{
	int rc = 0;

	for (struct container *ct = top; ct && rc == 0; ct = tree_next(top, ct)) {
		struct rlimit_entry *limits = NULL;
		struct error e = ERROR_INIT;
		size_t n = 0;

		if (!is_there(ct))
			continue;
		ulimit_effective(ct, ops->env, &limits, &n);
		/* One below that ends just now is nobody's loss. */
		if (limit_container(ops, ct, limits, n, &e) && (ct == top || e.sys != ENOENT)) {
			*err = e;
			rc = -1;
		}
		free(limits);
	}
	return rc;
}
