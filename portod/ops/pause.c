/* SPDX-License-Identifier: Apache-2.0 */
/* Freeze and thaw. The kernel may take its time, so a job does it. */
#include <stdlib.h>

#include "base/xalloc.h"
#include "ops/internal.h"

struct pause_op {
	struct op op;
	bool freeze, undo, working;
	struct cgroup cgroup;
};

static int pause_job(void *arg, void *result, size_t *len, struct error *err)
{
	struct pause_op *p = arg;

	(void)result;
	*len = 0;
	if (p->freeze)
		return cgroup_freeze(p->op.ops->cgroups, &p->cgroup, err);
	if (p->undo)
		return cgroup_thaw_self(p->op.ops->cgroups, &p->cgroup, err);
	return cgroup_thaw(p->op.ops->cgroups, &p->cgroup, err);
}

static int check(const struct pause_op *p, struct error *err)
{
	const struct container *ct = p->op.ct;

	if (ct->destroyed)
		return error_set(err, ERR_CONTAINER_DOES_NOT_EXIST, "container %s was destroyed",
				 ct->name);
	if (container_is_job(ct))
		return error_set(err, ERR_NOT_SUPPORTED,
				 "container '%s' shares the groups of its parent (virt_mode job), "
				 "it cannot be paused by itself",
				 ct->name);
	if (p->freeze && !state_is_started(ct->state))
		return error_set(err, ERR_INVALID_STATE,
				 "cannot pause container '%s': it is %s, not running or meta",
				 ct->name, state_name(ct->state));
	if (!p->freeze && ops_check_parent_thawed(ct, err))
		return -1;
	if (!p->freeze && !ct->self_frozen)
		return error_set(err, ERR_INVALID_STATE, "container '%s' is not paused, it is %s",
				 ct->name, state_name(ct->state));
	return 0;
}

/* An undone pause leaves those alone that were paused before it, and what is below them. */
static bool stays_frozen(const struct pause_op *p, const struct container *ct)
{
	if (!p->undo)
		return false;
	for (; ct != p->op.ct; ct = ct->parent)
		if (ct->self_frozen)
			return true;
	return false;
}

/* What the whole subtree is after the change. */
static void commit(struct pause_op *p)
{
	struct container *top = p->op.ct;

	top->self_frozen = p->freeze;
	for (struct container *ct = top; ct; ct = tree_next(top, ct)) {
		if (stays_frozen(p, ct))
			continue;
		if (p->freeze && state_is_started(ct->state)) {
			ops_set_state(p->op.ops, ct, STATE_PAUSED);
		} else if (!p->freeze && ct->state == STATE_PAUSED) {
			ct->self_frozen = false;
			ops_set_state(p->op.ops, ct,
				      container_is_meta(ct) ? STATE_META : STATE_RUNNING);
		} else if (!p->freeze && ct->state == STATE_RESPAWNING) {
			/* Its turn may have come, and been refused, below a paused parent. */
			death_schedule_respawn(p->op.ops, ct);
		}
	}
}

static void pause_step(struct op *op)
{
	struct pause_op *p = container_of(op, struct pause_op, op);

	if (!p->working) {
		if (check(p, &op->err)) {
			op_finish(op, NULL);
			return;
		}
		p->working = true;
		prop_cgroup(op->ct, &p->cgroup);
		op_start_job(op, p->freeze ? "freeze" : "thaw", pause_job, p, 0);
		return;
	}
	if (op->job_err.code == 0)
		commit(p);
	op_finish(op, &op->job_err);
}

static void pause_free(struct op *op)
{
	free(container_of(op, struct pause_op, op));
}

static const struct op_class pause_class = { .name = "pause",
					     .step = pause_step,
					     .free = pause_free };
static const struct op_class resume_class = { .name = "resume",
					      .step = pause_step,
					      .free = pause_free };

static struct op *submit(struct ops *ops, struct container *ct, bool freeze, bool undo,
			 ops_done done, void *user)
{
	struct pause_op *p = xnew(struct pause_op);

	p->freeze = freeze;
	p->undo = undo;
	op_init(&p->op, freeze ? &pause_class : &resume_class, ops, ct, done, user);
	op_submit(&p->op);
	return p->op.finished ? NULL : &p->op;
}

struct op *ops_pause(struct ops *ops, struct container *ct, ops_done done, void *user)
{
	return submit(ops, ct, true, false, done, user);
}

struct op *ops_resume(struct ops *ops, struct container *ct, ops_done done, void *user)
{
	return submit(ops, ct, false, false, done, user);
}

void ops_undo_pause(struct ops *ops, struct container *ct)
{
	submit(ops, ct, false, true, NULL, NULL);
}
