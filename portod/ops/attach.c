/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving a process that runs elsewhere into a container's groups. Its namespaces, credentials and
 * everything else stay. Who may: the caller must control where the process is and where it goes;
 * out of the caller's own container it may take only processes of its own user, for the kernel
 * would not let it move others either.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "kernel/procfs.h"
#include "ops/internal.h"

struct attach_op {
	struct op op;
	const struct client *client; /* who asks: alive as long as somebody waits for the answer */
	pid_t pid;
	uint64_t starttime;
	bool thread, working;
	struct cgroup cgroup;
};

static const char *shown(const struct container *ct)
{
	return container_is_root(ct) ? "/" : ct->name;
}

static int check_source(const struct attach_op *a, const struct container *from, struct error *err)
{
	const struct client *c = a->client;
	uid_t uid = c->task_cred.uid;

	if (client_can_control(c, from, from == c->container, err))
		return -1;
	if (from == c->container && uid != 0 && !procfs_is_of_user(a->pid, uid))
		return error_set(err, ERR_PERMISSION,
				 "process %d in container '%s' is not the client's: it does not "
				 "belong to user %u",
				 a->pid, shown(from), uid);
	return 0;
}

/* The daemon itself, the first processes of a container, and those it waits for stay. */
static int check_busy(const struct attach_op *a, struct error *err)
{
	struct ops *ops = a->op.ops;
	struct container *root = tree_root(ops->tree);

	if (a->pid == getpid() || a->pid == ops->master_pid)
		return error_set(err, ERR_BUSY, "process %d is the daemon", a->pid);
	for (struct container *ct = root; (ct = tree_next(root, ct));)
		if (a->pid == ct->task.main_pid || a->pid == ct->task.wait_pid)
			return error_set(err, ERR_BUSY,
					 "process %d is the main process of container '%s'", a->pid,
					 ct->name);
	return 0;
}

static int check_target(const struct attach_op *a, const struct container *from, struct error *err)
{
	const struct container *ct = a->op.ct;

	if (!container_is_below(ct, from))
		return error_set(
			err, ERR_PERMISSION,
			"process %d is in container '%s', and container '%s' is not below that",
			a->pid, shown(from), ct->name);
	if (!state_is_started(ct->state))
		return error_set(err, ERR_INVALID_STATE,
				 "container '%s' is %s, not running or meta", ct->name,
				 state_name(ct->state));
	for (const struct container *up = ct; up != from; up = up->parent)
		if (up->spec.isolate || up->own_pid_ns)
			return error_set(err, ERR_INVALID_STATE,
					 "container '%s' is isolated from container '%s', where "
					 "process %d is",
					 up->name, shown(from), a->pid);
	if (ct->spec.virt_mode == VIRT_JOB)
		return error_set(err, ERR_NOT_SUPPORTED,
				 "container '%s' has virt_mode job: no groups of its own",
				 ct->name);
	return 0;
}

static int check(struct attach_op *a, struct error *err)
{
	struct ops *ops = a->op.ops;
	const struct container *from;
	auto_free char *name = NULL;
	struct proc_stat st;

	if (a->op.ct->destroyed)
		return error_set(err, ERR_CONTAINER_DOES_NOT_EXIST, "container %s was destroyed",
				 a->op.ct->name);
	if (procfs_stat(a->pid, &st) || st.starttime != a->starttime || st.state == 'Z')
		return error_set(err, ERR_INVALID_VALUE, "process %d is gone", a->pid);
	if (cgroup_locate(ops->cgroups, a->pid, &name, err))
		return -1;
	from = tree_find_nearest(ops->tree, name);
	if (check_source(a, from, err) || client_can_control(a->client, a->op.ct, false, err) ||
	    check_busy(a, err))
		return -1;
	return check_target(a, from, err);
}

static int attach_job(void *arg, void *result, size_t *len, struct error *err)
{
	struct attach_op *a = arg;
	struct proc_stat st;

	(void)result;
	*len = 0;
	if (procfs_stat(a->pid, &st) || st.starttime != a->starttime)
		return error_set(err, ERR_INVALID_VALUE, "process %d is gone", a->pid);
	return cgroup_attach(a->op.ops->cgroups, &a->cgroup, a->pid, a->thread, err);
}

static void attach_step(struct op *op)
{
	struct attach_op *a = container_of(op, struct attach_op, op);

	if (a->working) {
		op_finish(op, &op->job_err);
		return;
	}
	if (check(a, &op->err)) {
		error_prefix(&op->err, "cannot attach %s %d to container '%s'",
			     a->thread ? "thread" : "process", a->pid, shown(op->ct));
		op_finish(op, NULL);
		return;
	}
	a->working = true;
	prop_cgroup(op->ct, &a->cgroup);
	op_start_job(op, "attach", attach_job, a, op->ops->config->start_timeout_ms);
}

static void attach_free(struct op *op)
{
	free(container_of(op, struct attach_op, op));
}

static const struct op_class attach_class = {
	.name = "attach", .shallow = true, .step = attach_step, .free = attach_free
};

struct op *ops_attach(struct ops *ops, const struct client *client, struct container *ct, pid_t pid,
		      uint64_t starttime, bool thread, ops_done done, void *user)
{
	struct attach_op *a = xnew(struct attach_op);

	a->client = client;
	a->pid = pid;
	a->starttime = starttime;
	a->thread = thread;
	op_init(&a->op, &attach_class, ops, ct, done, user);
	op_submit(&a->op);
	return a->op.finished ? NULL : &a->op;
}
