/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A started container's end: its wait task exited, or it ran out of memory. The facts are recorded
 * when they come in (ops_process_exited); acting on them waits for the container to be free of
 * other operations, which look at the facts themselves.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "kernel/procfs.h"
#include "ops/internal.h"

struct death_op {
	struct op op;
	bool killing;
	struct teardown *teardown;
};

bool respawn_is_allowed(const struct container *ct)
{
	enum container_state parent = ct->parent->state;

	return ct->spec.respawn && !ct->ended &&
	       (state_is_started(parent) || parent == STATE_RESPAWNING) &&
	       (ct->spec.max_respawns < 0 ||
		ct->spec.respawn_count < (uint64_t)ct->spec.max_respawns);
}

bool death_schedule_respawn(struct ops *ops, struct container *ct)
{
	struct container_runtime *rt;
	uint64_t min = ops->config->respawn_delay_min_ms * 1000000ULL;
	uint64_t delay = ct->spec.respawn_delay > min ? ct->spec.respawn_delay : min;

	if (ops->stopping || !respawn_is_allowed(ct))
		return false;
	rt = runtime_get(ops, ct);
	ops_set_state(ops, ct, STATE_RESPAWNING);
	/* A respawning parent starts its children again when it is up. */
	if (ct->parent->state == STATE_RESPAWNING)
		return true;
	loop_start_timer(ops->loop, &rt->respawn_timer, (double)delay / 1e9);
	return true;
}

void death_children_may_respawn(struct ops *ops, struct container *ct)
{
	struct container *child;

	list_for_each(child, &ct->children, child_node)
		if (child->state == STATE_RESPAWNING ||
		    (child->state == STATE_DEAD && child->spec.respawn))
			death_schedule_respawn(ops, child);
}

void death_settle(struct ops *ops, struct container *ct)
{
	for (struct container *pos = ct; pos; pos = tree_next(ct, pos))
		if (pos->state == STATE_RESPAWNING && !respawn_is_allowed(pos))
			ops_set_state(ops, pos, STATE_DEAD);
}

/* Did the kernel kill for lack of memory in this run? The event may still be on its way when the
 * exit is here already, so the counter decides. */
static bool died_of_oom(struct ops *ops, struct container *ct, int status)
{
	if (status == 0 && !ct->runtime->oom_pending)
		return false;
	/* Also for the totals, which must not miss what the group forgets when it goes. */
	oom_update(ops, ct);
	return ct->spec.oom_is_fatal &&
	       (ct->runtime->oom_pending || ct->oom_events > 0 || ct->oom_kills > 0);
}

static void bury(struct ops *ops, struct container *ct, struct container *top, bool oom)
{
	struct container_runtime *rt = runtime_get(ops, ct);

	if (ct == top && oom && !rt->exited)
		ct->exit_status = SIGKILL;
	else if (rt->exited)
		ct->exit_status = rt->exit_status;
	else
		ct->exit_status = SIGKILL; /* went down with its parent */
	ct->oom_killed = oom;
	ct->death = ops_now();
	runtime_forget_task(ops, ct);
	runtime_forget_oom(ops, ct);
	rt->exited = rt->alone = rt->oom_pending = false;
	ct->task = (struct task_ids){ 0 };
	ct->has_task = false;
	log_info("container %s: %s, exit code %d", ct->name, oom ? "died of OOM" : "died",
		 container_exit_code(ct));
	if (!ct->spec.respawn || !respawn_is_allowed(ct) || !death_schedule_respawn(ops, ct))
		ops_set_state(ops, ct, STATE_DEAD);
	persist_run(ops, ct);
}

/* The parents' state decides whether a child may respawn, so they are buried first; the reports
 * still name each. */
static void bury_all(struct ops *ops, struct container *top)
{
	bool oom = died_of_oom(ops, top, top->runtime->exit_status);

	for (struct container *ct = top; ct; ct = tree_next(top, ct))
		if (state_is_started(ct->state) || ct->state == STATE_PAUSED)
			bury(ops, ct, top, oom);
	death_settle(ops, top);
}

void death_bury(struct ops *ops, struct container *top)
{
	runtime_get(ops, top);
	bury_all(ops, top);
}

static bool is_over(const struct container *ct)
{
	return ct->destroyed || !ct->runtime ||
	       !(ct->runtime->exited || ct->runtime->oom_pending) ||
	       !(state_is_started(ct->state) || ct->state == STATE_PAUSED);
}

static void finish(struct op *op)
{
	if (op->ct->runtime)
		op->ct->runtime->dying = false;
	op_finish(op, NULL);
}

/* Processes that have to be killed before the container is dead? */
static bool leaves_processes(struct ops *ops, const struct container *ct)
{
	struct cgroup cg;

	if (!ct->runtime->exited)
		return true;
	if (container_is_job(ct))
		return !ct->runtime->alone;
	prop_cgroup(ct, &cg);
	return cgroup_is_populated(ops->cgroups, &cg, true);
}

static void death_step(struct op *op)
{
	struct death_op *d = container_of(op, struct death_op, op);
	struct ops *ops = op->ops;

	if (d->killing) {
		if (op->job_err.code)
			log_warning("container %s: %s", op->ct->name, op->job_err.text);
		if (!is_over(op->ct))
			bury_all(ops, op->ct);
		finish(op);
		return;
	}
	if (is_over(op->ct)) {
		finish(op);
		return;
	}
	if (!leaves_processes(ops, op->ct)) {
		bury_all(ops, op->ct);
		finish(op);
		return;
	}
	d->killing = true;
	d->teardown = teardown_new(ops, op->ct, true);
	op_start_job(op, "bury", teardown_job, d->teardown, ops->config->remove_timeout_ms);
}

static void death_free(struct op *op)
{
	struct death_op *d = container_of(op, struct death_op, op);

	teardown_free(d->teardown);
	free(d);
}

static const struct op_class death_class = { .name = "death",
					     .step = death_step,
					     .free = death_free };

/* One above ran out of memory and ends in a moment, and all below with it, for the same reason. */
static bool goes_with_parent(const struct container *ct)
{
	for (const struct container *up = ct->parent; up; up = up->parent)
		if (up->runtime && up->runtime->oom_pending && state_is_started(up->state))
			return true;
	return false;
}

void death_submit(struct ops *ops, struct container *ct)
{
	bool stopping = ct->state == STATE_STOPPING, taken = false;
	struct death_op *d;

	container_ref(ct); /* what is stepped may end, and something that waits for it begin */
	/* An operation that runs on it looks at the facts itself: a stop waits for just that. */
	for (struct container *up = ct; up; up = up->parent) {
		if (!up->op || !(stopping || up->op->class->takes_deaths))
			continue;
		taken = true;
		if (!up->op->job_pending)
			up->op->class->step(up->op);
	}
	/* One that is queued or at work looks at the facts when it gets there. */
	if (!taken && !stopping && !goes_with_parent(ct) && !runtime_get(ops, ct)->dying) {
		ct->runtime->dying = true;
		d = xnew(struct death_op);
		op_init(&d->op, &death_class, ops, ct, NULL, NULL);
		op_submit(&d->op);
	}
	container_unref(ct);
}

/* The command above a frozen container ended: on v1 its pid namespace cannot, for the frozen tasks
 * in it do not die, and so no exit is ever reported. The record has it. */
static void check_above(struct ops *ops, const struct container *frozen)
{
	for (struct container *up = frozen->parent; up; up = up->parent) {
		auto_free char *path = NULL;
		struct task_record r;

		if (!up->own_pid_ns || !state_is_started(up->state) || !up->task.main_pid ||
		    !procfs_is_gone(up->task.main_pid, up->task.main_starttime))
			continue;
		path = ops_record_path(ops, up);
		if (task_record_read(path, &r) == 0 && r.wait_pid == up->task.wait_pid &&
		    r.have_status)
			ops_process_exited(ops, up->task.wait_pid, up->task.wait_starttime,
					   r.status);
	}
}

void death_check_frozen(struct ops *ops)
{
	struct container *root = tree_root(ops->tree), *ct;

	for (ct = tree_next(root, root); ct; ct = tree_next(root, ct))
		if (ct->self_frozen)
			check_above(ops, ct);
}
