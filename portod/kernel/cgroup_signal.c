/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One signal for every process of a container: those that are there at one moment, each once.
 *
 * While the group is frozen nobody forks, so the list is complete, and nobody reacts before all
 * have the signal: what a handler starts does not get it. A group that does not freeze in time (a
 * process waits for a dead disk) is signalled all the same. SIGKILL needs no such care: nobody
 * reacts, and passes are repeated until one finds nobody new; frozen processes of version 1 would
 * not even die before they are thawed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/str.h"
#include "kernel/cgroup_backend.h"

#define FREEZE_MS  1000
#define PASSES_MAX 10000

struct collect {
	const struct strv *except; /* groups, with all below them */
	struct cgroup_pids pids;
};

static int collect_visit(const struct cgroup_hierarchy *hr, const char *path, void *arg)
{
	struct collect *c = arg;

	for (size_t i = 0; i < c->except->n; i++)
		if (path_below(path, c->except->v[i]))
			return 0;
	return cgroup_pids_add(hr, path, "cgroup.procs", &c->pids);
}

static bool has(const pid_t *v, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == pid)
			return true;
	return false;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static bool was_seen(const struct cgroup_pids *seen, pid_t pid)
{
	return seen->n && bsearch(&pid, seen->v, seen->n, sizeof(pid), compare_pids);
}

/* Signal whoever was not there in the last pass; *seen becomes this pass. */
static int pass(const struct cgroup_hierarchy *hr, const char *path, const struct cgroup_targets *t,
		const struct strv *except, int sig, struct cgroup_pids *seen, bool *ret_new)
{
	struct collect c = { .except = except };
	int r = cgroup_walk(hr, path, false, collect_visit, &c);

	*ret_new = false;
	for (size_t i = 0; i < c.pids.n; i++) {
		pid_t pid = c.pids.v[i];

		if (pid == getpid() || was_seen(seen, pid) || has(t->spare, t->nspare, pid))
			continue;
		kill(pid, sig);
		*ret_new = true;
	}
	if (c.pids.n)
		qsort(c.pids.v, c.pids.n, sizeof(*c.pids.v), compare_pids);
	cgroup_pids_deinit(seen);
	*seen = c.pids;
	return r;
}

static int kill_all(const struct cgroup_hierarchy *hr, const char *path,
		    const struct cgroup_targets *t, const struct strv *except)
{
	_cleanup_(cgroup_pids_deinit) struct cgroup_pids seen = { 0 };
	bool is_new = true;
	int r = 0;

	for (int i = 0; r == 0 && is_new && i < PASSES_MAX; i++)
		r = pass(hr, path, t, except, SIGKILL, &seen, &is_new);
	return r;
}

static bool freeze(const struct cgroup_hierarchy *hr, const char *path)
{
	_cleanup_(cgroup_wait_deinit) struct cgroup_wait w = { .events_fd = -1 };

	if (hr->ops->is_self_frozen(hr, path) || hr->ops->set_frozen(hr, path, true) < 0)
		return false;
	cgroup_wait_init(&w, hr, path, FREEZE_MS);
	while (!hr->ops->is_frozen(hr, path) && cgroup_wait_next(&w))
		;
	return true;
}

static int signal_all(const struct cgroup_hierarchy *hr, const char *path,
		      const struct cgroup_targets *t, const struct strv *except, int sig)
{
	_cleanup_(cgroup_pids_deinit) struct cgroup_pids seen = { 0 };
	bool frozen = freeze(hr, path), is_new;
	int r = pass(hr, path, t, except, sig, &seen, &is_new);

	if (frozen)
		hr->ops->set_frozen(hr, path, false);
	return r;
}

int cgroup_signal(struct cgroup_host *h, const struct cgroup *cg, const struct cgroup_targets *t,
		  int sig, struct error *err)
{
	char path[CGROUP_PATH_MAX], inner[CGROUP_PATH_MAX];
	auto_strv except = STRV_INIT;
	int r;

	if (cg->level == 0)
		return error_set(err, ERR_PERMISSION, "cannot signal the root container");
	if (!cgroup_owns(h->tree, cg, cg->level))
		return error_set(err, ERR_NOT_SUPPORTED,
				 "cannot signal all of container '%s': no own cgroup", cg->name);
	if (cgroup_own_path(h, h->tree, cg, path, err) < 0)
		return -1;
	for (size_t i = 0; i < t->nexcept; i++) {
		if (cgroup_own_path(h, h->tree, &t->except[i], inner, err) < 0)
			return -1;
		strv_add(&except, inner);
	}
	r = sig == SIGKILL ? kill_all(h->tree, path, t, &except)
			   : signal_all(h->tree, path, t, &except, sig);
	if (r < 0)
		return error_errno(err, -r, "signal the processes of cgroup %s/%s", h->tree->point,
				   path);
	return 0;
}
