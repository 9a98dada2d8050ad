/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one clean-up: of stop, destroy, failed start, restore. Idempotent: it removes whatever of the
 * containers exists. The list of what to remove is taken in the server, the work is done in a job.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/xalloc.h"
#include "kernel/fuse.h"
#include "ops/internal.h"

struct teardown_item {
	struct cgroup cgroup;
	char *name, *group; /* of the container, of its cgroup */
	pid_t wait_pid;     /* to kill first, 0 = none */
	uint64_t starttime;
	bool job; /* the group is the parent's: only the family goes */
	struct family family;
	char *workdir, *record, *hold;
};

struct teardown {
	struct ops *ops;
	struct teardown_item *items; /* children before parents */
	size_t n;
	bool kill_only;
	bool fuse;    /* one of them may have file systems in user space */
	pid_t beyond; /* process of the container above: what that sees is not theirs */
};

static void add_item(struct teardown *t, const struct container *ct)
{
	struct teardown_item *it;

	t->items = xreallocarray(t->items, t->n + 1, sizeof(*t->items));
	it = &t->items[t->n++];
	memset(it, 0, sizeof(*it));
	prop_cgroup(ct, &it->cgroup);
	it->name = xstrdup(ct->name);
	it->cgroup.name = it->group = xstrdup(it->cgroup.name);
	it->job = container_is_job(ct);
	it->family = ops_family(ct);
	it->family.name = it->name;
	it->wait_pid = ct->own_pid_ns ? ct->task.wait_pid : 0;
	it->starttime = ct->task.wait_starttime;
	it->workdir = ops_workdir(t->ops, ct);
	it->record = ops_record_path(t->ops, ct);
	it->hold = ops_hold_path(t->ops, ct);
}

static bool may_have_fuse(const struct container *ct)
{
	while (ct && !ct->spec.enable_fuse)
		ct = ct->parent;
	return ct;
}

struct teardown *teardown_new(struct ops *ops, struct container *top, bool kill_only)
{
	struct teardown *t = xnew(struct teardown);
	const struct container *near = container_nearest_task(top);
	struct container *ct = NULL;

	t->ops = ops;
	t->kill_only = kill_only;
	t->beyond = near ? near->task.main_pid : 0;
	while ((ct = tree_next_post(top, ct)))
		if (ct == top || state_has_resources(ct->state)) {
			add_item(t, ct);
			t->fuse = t->fuse || may_have_fuse(ct);
		}
	return t;
}

struct teardown *teardown_free(struct teardown *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->n; i++) {
		free(t->items[i].name);
		free(t->items[i].group);
		free(t->items[i].workdir);
		free(t->items[i].record);
		free(t->items[i].hold);
	}
	free(t->items);
	free(t);
	return NULL;
}

/* Killing the first process of a pid namespace kills the namespace: parents first, so that whole
 * subtrees fall at once. */
static void kill_namespaces(const struct teardown *t)
{
	struct error ignored;

	for (size_t i = t->n; i-- > 0;)
		if (t->items[i].wait_pid)
			ops_signal(t->items[i].wait_pid, t->items[i].starttime, SIGKILL, &ignored);
}

/* On v1 a frozen task dies only when it is thawed, and the init of a pid namespace only when all in
 * it are dead. Signal everything first, so that nothing runs in between. */
static void kill_frozen(const struct teardown *t)
{
	const struct cgroup *top = &t->items[t->n - 1].cgroup;
	struct cgroup_host *h = t->ops->cgroups;
	struct error ignored = ERROR_INIT;
	bool killed = false;

	for (size_t i = t->n; i-- > 0;) {
		const struct cgroup *cg = &t->items[i].cgroup;

		if (t->items[i].job || !cgroup_exists(h, cg) || !cgroup_is_self_frozen(h, cg))
			continue;
		if (!killed)
			(void)cgroup_kill(h, top, SIGKILL, true, &ignored);
		killed = true;
		(void)cgroup_thaw(h, cg, &ignored); /* if it fails, removing it says why */
	}
}

static int kill_job(const struct teardown *t, const struct teardown_item *it, struct error *err)
{
	return family_kill(&it->family, t->ops->cgroups, &it->cgroup,
			   t->ops->config->remove_timeout_ms, err);
}

static int kill_leftovers(const struct teardown *t, struct error *err)
{
	const struct teardown_item *item = &t->items[t->n - 1];
	const struct cgroup *top = &item->cgroup;
	struct cgroup_host *h = t->ops->cgroups;

	if (item->job)
		return kill_job(t, item, err);
	if (!cgroup_exists(h, top))
		return 0;
	if (cgroup_kill(h, top, SIGKILL, true, err))
		return -1;
	return cgroup_wait_empty(h, top, true, t->ops->config->remove_timeout_ms, err);
}

static int remove_item(const struct teardown *t, const struct teardown_item *it, struct error *err)
{
	int rc;

	if (it->job ? kill_job(t, it, err) : cgroup_remove(t->ops->cgroups, &it->cgroup, err))
		return -1;
	rc = fd_remove_tree(AT_FDCWD, it->workdir);
	/* A user may have put a link or a file in place of a directory of the way: ours is gone
	 * then, and what the link leads to is none of ours. */
	if (rc < 0 && rc != -ELOOP && rc != -ENOTDIR)
		return error_errno(err, -rc, "remove directory %s", it->workdir);
	if (unlink(it->record) && errno != ENOENT)
		return error_errno(err, errno, "remove %s", it->record);
	if (unlink(it->hold) && errno != ENOENT)
		return error_errno(err, errno, "remove %s", it->hold);
	return 0;
}

static int abort_fuse(const struct teardown *t, const struct cgroup *top, struct error *err)
{
	pid_t *pids = NULL;
	size_t n = 0;
	int r;

	if (cgroup_pids(t->ops->cgroups, top, true, &pids, &n, err))
		return -1;
	r = fuse_abort(pids, n, t->beyond);
	free(pids);
	return r < 0 ? error_errno(err, -r, "abort file systems in user space") : 0;
}

/* As a rule they end with their servers. */
static void end_fuse(const struct teardown *t)
{
	const struct ops_config *config = t->ops->config;
	const struct cgroup *top = &t->items[t->n - 1].cgroup;
	struct cgroup_host *h = t->ops->cgroups;
	struct error err = ERROR_INIT;

	if (!t->fuse || t->items[t->n - 1].job || !cgroup_exists(h, top))
		return;
	for (unsigned ms = 0; ms <= config->fuse_timeout_ms; ms += config->fuse_pause_ms) {
		if (cgroup_kill(h, top, SIGKILL, true, &err) ||
		    cgroup_wait_empty(h, top, true, config->fuse_pause_ms, &err) == 0 ||
		    abort_fuse(t, top, &err))
			return; /* what is left, who removes the groups will tell */
	}
}

int teardown_job(void *arg, void *result, size_t *len, struct error *err)
{
	const struct teardown *t = arg;

	(void)result;
	*len = 0;
	kill_namespaces(t);
	kill_frozen(t);
	end_fuse(t);
	if (t->kill_only)
		return kill_leftovers(t, err);
	for (size_t i = 0; i < t->n; i++)
		if (remove_item(t, &t->items[i], err))
			return error_prefix(err, "clean up container '%s'", t->items[i].name);
	return 0;
}
