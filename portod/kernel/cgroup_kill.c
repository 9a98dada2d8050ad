/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of a group: list, signal, wait, freeze.
 *
 * SIGKILL has to win against processes that fork meanwhile: passes over the list are repeated until
 * one finds nobody new, and after some passes the freezer stops the forking. A v1 frozen process
 * does not die before it is thawed, so killing thaws; on v2 it dies frozen.
 *
 * cgroup.kill does all that in the kernel, but only groups that are about to be removed get it:
 * since Linux 6.14 (and the stable kernels of that time) a process cloned with CLONE_INTO_CGROUP
 * into a group that saw cgroup.kill once, from one that did not, is killed at birth, because the
 * kernel compares the kill counters of two different groups. And a container that died because
 * its memory ran out is started again in the same groups.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/cgroup_backend.h"

#define PASSES_BEFORE_FREEZE 10
#define PASSES_MAX           10000

/* The group that is the container's own; shared ones must not be signalled or frozen. */
static int tree_path(const struct cgroup_host *h, const struct cgroup *cg, const char *verb,
		     char *buf, struct error *err)
{
	if (cg->level == 0)
		return error_set(err, ERR_PERMISSION, "cannot %s the root container", verb);
	if (!cgroup_owns(h->tree, cg, cg->level))
		return error_set(err, ERR_NOT_SUPPORTED, "cannot %s container '%s': no own cgroup",
				 verb, cg->name);
	return cgroup_own_path(h, h->tree, cg, buf, err);
}

static int list(const struct cgroup_host *h, const struct cgroup *cg, const char *file,
		bool recursive, pid_t **ret, size_t *ret_n, struct error *err)
{
	_cleanup_(cgroup_pids_deinit) struct cgroup_pids pids = { 0 };
	char path[CGROUP_PATH_MAX];
	int r;

	if (cgroup_own_path(h, h->tree, cg, path, err) < 0)
		return -1;
	r = cgroup_pids_read(h->tree, path, file, recursive, &pids);
	if (r < 0)
		return error_errno(err, -r, "read processes of %s/%s", h->tree->point, path);
	*ret_n = pids.n;
	*ret = take_ptr(pids.v);
	return 0;
}

int cgroup_pids(const struct cgroup_host *h, const struct cgroup *cg, bool recursive, pid_t **ret,
		size_t *ret_n, struct error *err)
{
	return list(h, cg, "cgroup.procs", recursive, ret, ret_n, err);
}

int cgroup_threads(const struct cgroup_host *h, const struct cgroup *cg, pid_t **ret, size_t *ret_n,
		   struct error *err)
{
	return list(h, cg, h->tree->ops->threads_file, false, ret, ret_n, err);
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static bool pids_have(const struct cgroup_pids *p, pid_t pid)
{
	return p->n && bsearch(&pid, p->v, p->n, sizeof(pid), compare_pids);
}

static int thaw_visit(const struct cgroup_hierarchy *hr, const char *path, void *arg)
{
	(void)arg;
	if (hr->ops->is_self_frozen(hr, path))
		hr->ops->set_frozen(hr, path, false);
	return 0;
}

static bool has_freezer(const struct cgroup_hierarchy *hr)
{
	return hr->controllers & CGROUP_BIT(CGROUP_FREEZER);
}

/* Signal whoever was not there in the last pass; *seen becomes this pass. */
static int kill_pass(const struct cgroup_hierarchy *hr, const char *path, int sig, bool recursive,
		     struct cgroup_pids *seen, bool *ret_new)
{
	struct cgroup_pids now = { 0 };
	int r = cgroup_pids_read(hr, path, "cgroup.procs", recursive, &now);

	*ret_new = false;
	for (size_t i = 0; i < now.n; i++) {
		if (now.v[i] == getpid() || pids_have(seen, now.v[i]))
			continue;
		kill(now.v[i], sig);
		*ret_new = true;
	}
	if (now.n)
		qsort(now.v, now.n, sizeof(*now.v), compare_pids);
	cgroup_pids_deinit(seen);
	*seen = now;
	return r;
}

static int kill_loop(const struct cgroup_hierarchy *hr, const char *path, bool recursive)
{
	_cleanup_(cgroup_pids_deinit) struct cgroup_pids seen = { 0 };
	bool is_new = true, froze = false;
	int r = 0;

	for (int pass = 0; r == 0 && is_new && pass < PASSES_MAX; pass++) {
		r = kill_pass(hr, path, SIGKILL, recursive, &seen, &is_new);
		if (pass == PASSES_BEFORE_FREEZE && has_freezer(hr))
			froze = hr->ops->set_frozen(hr, path, true) == 0;
	}
	if (froze)
		hr->ops->set_frozen(hr, path, false);
	return r;
}

static int signal_once(const struct cgroup_hierarchy *hr, const char *path, int sig, bool recursive)
{
	_cleanup_(cgroup_pids_deinit) struct cgroup_pids seen = { 0 };
	bool is_new;

	return kill_pass(hr, path, sig, recursive, &seen, &is_new);
}

static void thaw_to_die(const struct cgroup_hierarchy *freezer, const char *path)
{
	if (freezer && freezer->ops == &cgroup_v1_backend)
		cgroup_walk(freezer, path, false, thaw_visit, NULL);
}

void cgroup_kill_path(const struct cgroup_hierarchy *hr, const char *path)
{
	if (!(hr->features & CGROUP_HAS_KILL) || cgroup_write(hr, path, "cgroup.kill", "1") < 0)
		kill_loop(hr, path, true);
	if (has_freezer(hr))
		thaw_to_die(hr, path);
}

int cgroup_kill(struct cgroup_host *h, const struct cgroup *cg, int sig, bool recursive,
		struct error *err)
{
	char path[CGROUP_PATH_MAX];
	int r;

	if (tree_path(h, cg, "kill", path, err) < 0)
		return -1;
	if (sig == SIGKILL) {
		r = kill_loop(h->tree, path, recursive);
		thaw_to_die(h->at[CGROUP_FREEZER], path);
	} else {
		r = signal_once(h->tree, path, sig, recursive);
	}
	if (r < 0)
		return error_errno(err, -r, "kill processes of cgroup %s/%s", h->tree->point, path);
	return 0;
}

bool cgroup_is_populated(const struct cgroup_host *h, const struct cgroup *cg, bool recursive)
{
	char path[CGROUP_PATH_MAX];

	return cgroup_rel_path(h, h->tree, cg, path, sizeof(path)) == 0 &&
	       h->tree->ops->is_populated(h->tree, path, recursive);
}

int cgroup_wait_empty(struct cgroup_host *h, const struct cgroup *cg, bool recursive,
		      unsigned timeout_ms, struct error *err)
{
	_cleanup_(cgroup_wait_deinit) struct cgroup_wait w;
	char path[CGROUP_PATH_MAX];

	if (cgroup_own_path(h, h->tree, cg, path, err) < 0)
		return -1;
	cgroup_wait_init(&w, h->unified, path, timeout_ms);
	while (h->tree->ops->is_populated(h->tree, path, recursive)) {
		if (!cgroup_wait_next(&w))
			return error_errno(err, EBUSY, "processes are left in cgroup %s/%s",
					   h->tree->point, path);
	}
	return 0;
}

/* ---- freezing ---- */

static const struct cgroup_hierarchy *freezer_path(const struct cgroup_host *h,
						   const struct cgroup *cg, const char *verb,
						   char *buf, struct error *err)
{
	if (!h->at[CGROUP_FREEZER]) {
		error_set(err, ERR_NOT_SUPPORTED, "cannot %s: the host has no freezer", verb);
		return NULL;
	}
	return tree_path(h, cg, verb, buf, err) < 0 ? NULL : h->at[CGROUP_FREEZER];
}

static int write_error(const struct cgroup_hierarchy *hr, const char *path, const char *verb, int r,
		       struct error *err)
{
	/* A unified tree before Linux 5.2 has no cgroup.freeze. */
	if (r == -ENOENT && cgroup_file_exists(hr, path, ""))
		return error_set(err, ERR_NOT_SUPPORTED, "cannot %s: the kernel has no freezer",
				 verb);
	return error_errno(err, -r, "%s cgroup %s/%s", verb, hr->point, path);
}

int cgroup_freeze(struct cgroup_host *h, const struct cgroup *cg, struct error *err)
{
	_cleanup_(cgroup_wait_deinit) struct cgroup_wait w = { .events_fd = -1 };
	const struct cgroup_hierarchy *hr;
	char path[CGROUP_PATH_MAX];
	int r;

	hr = freezer_path(h, cg, "freeze", path, err);
	if (!hr)
		return -1;
	r = hr->ops->set_frozen(hr, path, true);
	if (r < 0)
		return write_error(hr, path, "freeze", r, err);
	cgroup_wait_init(&w, hr, path, h->freeze_timeout_ms);
	while (!hr->ops->is_frozen(hr, path)) {
		if (!cgroup_wait_next(&w)) {
			hr->ops->set_frozen(hr, path, false);
			return error_set(err, ERR_UNKNOWN, "cannot freeze %s/%s in %u ms",
					 hr->point, path, h->freeze_timeout_ms);
		}
	}
	return 0;
}

static int thaw(struct cgroup_host *h, const struct cgroup *cg, bool below, struct error *err)
{
	_cleanup_(cgroup_wait_deinit) struct cgroup_wait w = { .events_fd = -1 };
	const struct cgroup_hierarchy *hr;
	char path[CGROUP_PATH_MAX];
	int r;

	hr = freezer_path(h, cg, "thaw", path, err);
	if (!hr)
		return -1;
	if (hr->ops->is_parent_frozen(hr, path))
		return error_set(err, ERR_INVALID_STATE, "cannot thaw '%s': its parent is frozen",
				 cg->name);
	r = hr->ops->set_frozen(hr, path, false);
	if (r < 0)
		return write_error(hr, path, "thaw", r, err);
	if (below)
		cgroup_walk(hr, path, false, thaw_visit, NULL);
	cgroup_wait_init(&w, hr, path, h->freeze_timeout_ms);
	while (hr->ops->is_frozen(hr, path)) {
		if (!cgroup_wait_next(&w))
			return error_set(err, ERR_UNKNOWN, "cannot thaw %s/%s in %u ms", hr->point,
					 path, h->freeze_timeout_ms);
	}
	return 0;
}

int cgroup_thaw(struct cgroup_host *h, const struct cgroup *cg, struct error *err)
{
	return thaw(h, cg, true, err);
}

int cgroup_thaw_self(struct cgroup_host *h, const struct cgroup *cg, struct error *err)
{
	return thaw(h, cg, false, err);
}

/* An own group counts; a job's would be its parent's, which is right here. */
bool cgroup_is_frozen(const struct cgroup_host *h, const struct cgroup *cg)
{
	const struct cgroup_hierarchy *hr = h->at[CGROUP_FREEZER];
	char path[CGROUP_PATH_MAX];

	if (!hr || cgroup_rel_path(h, hr, cg, path, sizeof(path)) < 0)
		return false;
	return hr->ops->is_self_frozen(hr, path) || hr->ops->is_parent_frozen(hr, path);
}

bool cgroup_is_self_frozen(const struct cgroup_host *h, const struct cgroup *cg)
{
	const struct cgroup_hierarchy *hr = h->at[CGROUP_FREEZER];
	char path[CGROUP_PATH_MAX];

	return hr && cgroup_owns(hr, cg, cg->level) &&
	       cgroup_rel_path(h, hr, cg, path, sizeof(path)) == 0 &&
	       hr->ops->is_self_frozen(hr, path);
}
