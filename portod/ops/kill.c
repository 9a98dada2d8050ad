/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal for every process of a container: of its own groups and those of nested containers that
 * are not isolated from it, which an exec is. An isolated one is a container of its own; it is left
 * alone. Our helper, portoinit, does not get the signal: it would pass it on.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "kernel/procfs.h"
#include "ops/internal.h"

struct kill_op {
	struct op op;
	int sig;
	bool working, thawing;
	bool job; /* the group is the parent's */
	struct family family;
	struct cgroup cgroup;
	struct cgroup *except;
	char **names; /* of `except` */
	pid_t *spare;
	size_t nexcept, nspare;
};

static int check_state(const struct container *ct, bool all, struct error *err)
{
	if (ct->state == STATE_RUNNING || (all && ct->state == STATE_META))
		return 0;
	return error_set(err, ERR_INVALID_STATE, "cannot signal container '%s': it is %s, not %s",
			 ct->name, state_name(ct->state), all ? "running or meta" : "running");
}

static int check_signal(int sig, struct error *err)
{
	if (sig >= 0 && sig <= SIGRTMAX)
		return 0;
	return error_errno(err, EINVAL, "signal %d", sig);
}

int ops_kill(struct ops *ops, struct container *ct, int sig, struct error *err)
{
	(void)ops;
	if (check_state(ct, false, err))
		return -1;
	return ops_signal(ct->task.main_pid, ct->task.main_starttime, sig, err);
}

/* ---- all of them ---- */

static void spare(struct kill_op *k, const struct container *ct)
{
	if (!ct->task.wait_pid ||
	    (ct->task.wait_pid == ct->task.main_pid && !container_is_meta(ct)))
		return;
	k->spare = xreallocarray(k->spare, k->nspare + 1, sizeof(*k->spare));
	k->spare[k->nspare++] = ct->task.wait_pid;
}

static void leave_out(struct kill_op *k, const struct container *ct)
{
	k->except = xreallocarray(k->except, k->nexcept + 1, sizeof(*k->except));
	k->names = xreallocarray(k->names, k->nexcept + 1, sizeof(*k->names));
	prop_cgroup(ct, &k->except[k->nexcept]);
	k->names[k->nexcept] = xstrdup(ct->name);
	k->except[k->nexcept].name = k->names[k->nexcept];
	k->nexcept++;
}

static bool is_covered(const struct kill_op *k, const struct container *ct)
{
	for (; ct != k->op.ct; ct = ct->parent)
		if (ct->spec.isolate || ct->own_pid_ns)
			return false;
	return true;
}

static void choose(struct kill_op *k)
{
	struct container *top = k->op.ct;

	spare(k, top);
	for (struct container *ct = top; (ct = tree_next(top, ct));) {
		if (!state_has_resources(ct->state))
			continue;
		if (is_covered(k, ct))
			spare(k, ct);
		else if (is_covered(k, ct->parent))
			leave_out(k, ct);
	}
}

static int kill_job(void *arg, void *result, size_t *len, struct error *err)
{
	const struct kill_op *k = arg;
	struct cgroup_targets t = {
		.except = k->except, .nexcept = k->nexcept, .spare = k->spare, .nspare = k->nspare
	};

	(void)result;
	*len = 0;
	if (k->job)
		return family_signal_all(&k->family, k->op.ops->cgroups, &k->cgroup, k->sig, err);
	return cgroup_signal(k->op.ops->cgroups, &k->cgroup, &t, k->sig, err);
}

/* The job was killed between freezing and thawing, by the out-of-memory killer perhaps. */
static int thaw_job(void *arg, void *result, size_t *len, struct error *err)
{
	const struct kill_op *k = arg;

	(void)result;
	*len = 0;
	if (k->job || !cgroup_is_self_frozen(k->op.ops->cgroups, &k->cgroup))
		return 0;
	return cgroup_thaw_self(k->op.ops->cgroups, &k->cgroup, err);
}

static void begin(struct kill_op *k)
{
	struct container *ct = k->op.ct;

	if (ct->destroyed)
		error_set(&k->op.err, ERR_CONTAINER_DOES_NOT_EXIST, "container %s was destroyed",
			  ct->name);
	if (k->op.err.code || check_state(ct, true, &k->op.err) ||
	    check_signal(k->sig, &k->op.err)) {
		op_finish(&k->op, NULL);
		return;
	}
	k->working = true;
	prop_cgroup(ct, &k->cgroup);
	k->job = container_is_job(ct);
	k->family = ops_family(ct);
	if (!k->job)
		choose(k);
	op_start_job(&k->op, "kill", kill_job, k, k->op.ops->config->start_timeout_ms);
}

static void kill_step(struct op *op)
{
	struct kill_op *k = container_of(op, struct kill_op, op);

	if (!k->working) {
		begin(k);
		return;
	}
	if (op->job_err.code && !k->thawing) {
		k->thawing = true;
		op->err = op->job_err;
		op_start_job(op, "thaw", thaw_job, k, op->ops->config->start_timeout_ms);
		return;
	}
	op_finish(op, NULL);
}

static void kill_free(struct op *op)
{
	struct kill_op *k = container_of(op, struct kill_op, op);

	for (size_t i = 0; i < k->nexcept; i++)
		free(k->names[i]);
	free(k->names);
	free(k->except);
	free(k->spare);
	free(k);
}

static const struct op_class kill_class = {
	.name = "kill all", .shallow = true, .step = kill_step, .free = kill_free
};

struct op *ops_kill_all(struct ops *ops, struct container *ct, int sig, ops_done done, void *user)
{
	struct kill_op *k = xnew(struct kill_op);

	k->sig = sig;
	op_init(&k->op, &kill_class, ops, ct, done, user);
	op_submit(&k->op);
	return k->op.finished ? NULL : &k->op;
}
