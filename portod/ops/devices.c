/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change of `devices` of a started container: its rules and nodes, and those of everything below
 * that is started, whose lists follow from it. All of it in a job.
 *
 * What is to be removed follows from the lists before the change. The job is a copy of the server,
 * so it rolls the change back in its own memory to see them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/xalloc.h"
#include "kernel/procfs.h"
#include "ops/internal.h"
#include "props/device.h"

struct target {
	const struct container *ct;
	struct cgroup cg;
	struct device_list from, to;
};

struct targets {
	struct target *v; /* parents before children */
	size_t n;
};

static bool is_target(const struct container *ct)
{
	return state_has_resources(ct->state) && ct->state != STATE_DEAD &&
	       ct->state != STATE_STARTING && ct->state != STATE_STOPPING;
}

static void collect(struct ops *ops, struct container *top, struct targets *t)
{
	for (struct container *ct = top; ct; ct = tree_next(top, ct)) {
		struct target *target;

		if (!is_target(ct))
			continue;
		t->v = xreallocarray(t->v, t->n + 1, sizeof(*t->v));
		target = &t->v[t->n++];
		*target = (struct target){ .ct = ct };
		prop_cgroup(ct, &target->cg);
		devices_effective(ops->env, ct, &target->to);
	}
}

static void targets_deinit(struct targets *t)
{
	for (size_t i = 0; i < t->n; i++) {
		device_list_deinit(&t->v[i].from);
		device_list_deinit(&t->v[i].to);
	}
	free(t->v);
}

/* ---- rules ---- */

static int set_rules(struct ops *ops, const struct target *t, const struct device_list *list,
		     struct error *err)
{
	auto_buf rules = BUF_INIT;
	struct cgroup_setting setting = { .knob = CGROUP_KNOB_DEVICES };

	if (!compile_owns_devices(ops, t->ct))
		return 0;
	device_rules_format(list, &rules);
	setting.text = buf_str(&rules);
	return cgroup_set(ops->cgroups, &t->cg, &setting, err);
}

/* ---- nodes ---- */

/*
 * Root directory of a container that has mounts of its own: by the process that executed the plan,
 * and not by the command, which may have taken another root since. -1 when there is none.
 */
static int open_root(const struct container *ct)
{
	char path[64];
	int fd;

	if (!ct->own_mount_ns || !ct->has_task || ct->task.wait_pid <= 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)ct->task.wait_pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && procfs_is_gone(ct->task.wait_pid, ct->task.wait_starttime))
		close_fd(&fd); /* it was somebody else's */
	return fd;
}

/* With the root of the container whose mounts it copied it has the same /dev, too. */
static bool has_own_dev(const struct container *ct)
{
	const struct container *near = container_nearest_task(ct);

	for (; ct && ct != near; ct = ct->parent) {
		if (!str_is_empty(ct->spec.root) && strcmp(ct->spec.root, "/") != 0)
			return true;
	}
	return false;
}

static int set_nodes(const struct target *t, const struct device_list *from,
		     const struct device_list *to, struct error *err)
{
	auto_close int root = has_own_dev(t->ct) ? open_root(t->ct) : -1;

	if (root < 0)
		return 0;
	return device_nodes_change(root, from, to, err);
}

/* ---- all of it ---- */

static int set_target(struct ops *ops, const struct target *t, const struct device_list *from,
		      const struct device_list *to, struct error *err)
{
	if (set_rules(ops, t, to, err) || set_nodes(t, from, to, err))
		return error_prefix(err, "container '%s'", t->ct->name);
	return 0;
}

int devices_apply(struct ops *ops, const struct prop_ctx *ctx, struct prop_txn *txn,
		  struct error *err)
{
	struct targets t = { 0 };
	struct error ignored = ERROR_INIT;
	size_t done = 0;
	int r = 0;

	collect(ops, ctx->ct, &t);
	prop_rollback(ctx, txn);
	for (size_t i = 0; i < t.n; i++)
		devices_effective(ops->env, t.v[i].ct, &t.v[i].from);
	for (; r == 0 && done < t.n; done++)
		r = set_target(ops, &t.v[done], &t.v[done].from, &t.v[done].to, err);
	/* Parents first here, too: a child cannot have back what its parent does not have yet. */
	for (size_t i = 0; r < 0 && i < done; i++)
		set_target(ops, &t.v[i], &t.v[i].to, &t.v[i].from, &ignored);
	targets_deinit(&t);
	return r;
}
