/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stop and destroy of a subtree: ask politely, children before parents, until the deadline; then
 * one job kills and removes everything; then the facts of the run are forgotten.
 *
 * A stop that keeps the record does not change the state before the end: if the server dies on the
 * way, the containers run or are dead, and the stop can be asked for again. Its job only kills;
 * then it waits for the exit statuses, and buries.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "kernel/procfs.h"
#include "ops/internal.h"

#define REPORT_MS 3000 /* for the exit status of what is gone already */

enum stop_phase { STOP_BEGIN, STOP_GRACE, STOP_TEARDOWN, STOP_REPORTS };

struct stop_op {
	struct op op;
	enum stop_phase phase;
	bool destroy, keep;
	uint64_t deadline;         /* CLOCK_BOOTTIME ns, 0 = no grace */
	struct container *waiting; /* whose main task was signalled; NULL before the first */
	struct teardown *teardown;
	unsigned teardowns; /* tries so far */
};

static bool is_alive(const struct container *ct)
{
	return state_is_started(ct->state) || ct->state == STATE_PAUSED;
}

/* Does this container's task deserve a signal and a wait? */
static bool is_stoppable(const struct container *ct)
{
	return !container_is_meta(ct) && ct->task.main_pid && ct->runtime && !ct->runtime->exited &&
	       (ct->state == STATE_STOPPING || is_alive(ct));
}

/* A frozen task would not notice the signal. */
static bool is_frozen(const struct container *top, const struct container *ct)
{
	for (; ct; ct = ct->parent) {
		if (ct->self_frozen)
			return true;
		if (ct == top)
			break;
	}
	return false;
}

/*
 * The first process of a pid namespace gets only what it handles. A handler, or that it is blocked
 * and so waited for, tells which of the ways to end a system it knows. 0: none, kill it at once.
 */
static int stop_signal(const struct container *ct)
{
	const int systemd_halt = SIGRTMIN + 3;
	uint64_t handled;
	char comm[16];

	if (!ct->own_pid_ns || ct->task.main_pid != ct->task.wait_pid)
		return SIGTERM;
	if (procfs_handled_signals(ct->task.main_pid, &handled) < 0)
		return SIGTERM;
	if (handled & SIGNAL_BIT(systemd_halt) &&
	    procfs_comm(ct->task.main_pid, comm, sizeof(comm)) == 0 && !strcmp(comm, "systemd"))
		return systemd_halt;
	/* Such as busybox's: the other states of it show that it takes both. */
	if (procfs_waits_for_signal(ct->task.main_pid))
		handled |= SIGNAL_BIT(SIGPWR) | SIGNAL_BIT(SIGTERM);
	if (ct->spec.virt_mode == VIRT_OS && handled & SIGNAL_BIT(SIGPWR))
		return SIGPWR;
	return handled & SIGNAL_BIT(SIGTERM) ? SIGTERM : 0;
}

static int send(const struct container *ct, int sig, struct error *err)
{
	struct family family = ops_family(ct);

	if (container_is_job(ct))
		return family_signal(&family, sig, err);
	return ops_signal(ct->task.main_pid, ct->task.main_starttime, sig, err);
}

static void tear_down(struct stop_op *s)
{
	op_stop_timer(&s->op);
	s->phase = STOP_TEARDOWN;
	s->teardown = teardown_new(s->op.ops, s->op.ct, s->keep);
	op_start_job(&s->op, "teardown", teardown_job, s->teardown, 0);
}

static void wait_until_deadline(struct stop_op *s)
{
	uint64_t now = clock_boot_nsec();

	op_start_timer(&s->op, now < s->deadline ? (s->deadline - now) / 1000000 + 1 : 0);
}

/* Signal the next one that is worth it and wait; when there is none, go on to the end. */
static void ask_next(struct stop_op *s)
{
	struct error err = ERROR_INIT;
	int sig;

	while (clock_boot_nsec() < s->deadline &&
	       (s->waiting = tree_next_post(s->op.ct, s->waiting))) {
		struct container *ct = s->waiting;

		if (!is_stoppable(ct) || is_frozen(s->op.ct, ct))
			continue;
		sig = stop_signal(ct);
		if (!sig)
			continue;
		if (send(ct, sig, &err))
			log_debug("container %s: %s", ct->name, err.text);
		wait_until_deadline(s);
		return;
	}
	tear_down(s);
}

static void begin(struct stop_op *s)
{
	struct container *top = s->op.ct, *ct = NULL;

	oom_update(s->op.ops, top);
	while (!s->keep && (ct = tree_next_post(top, ct)))
		if (state_has_resources(ct->state))
			ops_set_state(s->op.ops, ct, STATE_STOPPING);
	if (s->keep)
		top->ended = true; /* from here on a death is the last one */
	s->phase = STOP_GRACE;
	s->waiting = NULL;
	ask_next(s);
}

/* Everything of the run is gone. */
static void forget_run(struct ops *ops, struct container *ct)
{
	runtime_drop(ct);
	ops_reset_run(ct);
	ct->stream_offset[1] = ct->stream_offset[2] = 0;
	ops_set_state(ops, ct, STATE_STOPPED);
	persist_run(ops, ct);
}

static void stopped(struct stop_op *s)
{
	struct ops *ops = s->op.ops;
	struct container *top = s->op.ct, *ct = NULL;
	struct cgroup cg;

	while ((ct = tree_next_post(top, ct))) {
		if (ct->state != STATE_STOPPING)
			continue;
		prop_cgroup(ct, &cg);
		if (!s->op.job_err.code || !cgroup_exists(ops->cgroups, &cg)) {
			forget_run(ops, ct);
			continue;
		}
		/* What is left can be stopped again; a death time keeps it from aging at once. */
		ct->death = ops_now();
		ops_set_state(ops, ct, STATE_DEAD);
	}
}

static void destroy_one(struct ops *ops, struct container *ct)
{
	runtime_drop(ct);
	list_del(&ct->weak_node);
	persist_remove(ops, ct);
	container_ref(ct);
	container_set_state(ct, STATE_DESTROYED);
	watches_notify_state(ops->watches, ct, state_name(STATE_DESTROYED));
	tree_remove(ops->tree, ct);
	container_unref(ct);
}

static void destroy_all(struct ops *ops, struct container *top)
{
	struct container *ct;

	while ((ct = tree_next_post(top, NULL)) != top)
		destroy_one(ops, ct);
	destroy_one(ops, top);
}

/* ---- with the record kept ---- */

static bool is_reported(const struct container *top)
{
	for (const struct container *ct = NULL; (ct = tree_next_post(top, ct));)
		if (is_alive(ct) && ct->task.wait_pid && ct->runtime && !ct->runtime->exited)
			return false;
	return true;
}

static void bury(struct stop_op *s)
{
	struct container *top = s->op.ct, *ct = NULL;

	op_stop_timer(&s->op);
	while ((ct = tree_next_post(top, ct)))
		if (is_alive(ct))
			ct->self_frozen = false; /* thawed, to be killed */
	death_bury(s->op.ops, top);
	op_finish(&s->op, NULL);
}

static void killed(struct stop_op *s)
{
	struct container *top = s->op.ct, *ct = NULL;

	if (s->op.job_err.code) {
		/* What is left runs, and can be stopped again; the deaths so far are deaths. */
		top->ended = top->runtime && top->runtime->exited;
		while ((ct = tree_next_post(top, ct)))
			if (is_alive(ct) && ct->runtime && ct->runtime->exited)
				death_bury(s->op.ops, ct);
		op_finish(&s->op, &s->op.job_err);
		return;
	}
	s->phase = STOP_REPORTS;
	s->deadline = clock_boot_nsec() + REPORT_MS * 1000000ULL;
	if (is_reported(top))
		bury(s);
	else
		wait_until_deadline(s);
}

/* Nothing to end, but a respawn that is due would start something. */
static void call_off_respawn(struct stop_op *s)
{
	struct container *ct = s->op.ct;

	if (ct->state == STATE_DEAD || ct->state == STATE_RESPAWNING) {
		ct->ended = true;
		ops_set_state(s->op.ops, ct, STATE_DEAD);
		death_settle(s->op.ops, ct);
		persist_run(s->op.ops, ct);
	}
	op_finish(&s->op, NULL);
}

/* ---- steps ---- */

/* Is there something to do, and may it be done? */
static bool has_work(const struct stop_op *s)
{
	for (const struct container *c = NULL; (c = tree_next_post(s->op.ct, c));)
		if (s->keep ? is_alive(c) : state_has_resources(c->state))
			return true;
	return false;
}

static void check_and_begin(struct stop_op *s)
{
	struct container *ct = s->op.ct;
	struct error err = ERROR_INIT;
	bool any;

	if (ct->destroyed) {
		error_set(&err, ERR_CONTAINER_DOES_NOT_EXIST, "container %s was destroyed",
			  ct->name);
		op_finish(&s->op, &err);
		return;
	}
	any = has_work(s);
	if (any && ops_check_parent_thawed(ct, &err)) {
		op_finish(&s->op, &err);
		return;
	}
	if (any) {
		begin(s);
		return;
	}
	if (s->keep) {
		call_off_respawn(s);
		return;
	}
	if (s->destroy)
		destroy_all(s->op.ops, ct);
	op_finish(&s->op, NULL);
}

static void stop_step(struct op *op)
{
	struct stop_op *s = container_of(op, struct stop_op, op);

	switch (s->phase) {
	case STOP_BEGIN:
		check_and_begin(s);
		return;
	case STOP_GRACE:
		if (clock_boot_nsec() >= s->deadline)
			tear_down(s);
		else if (!s->waiting || !is_stoppable(s->waiting))
			ask_next(s);
		else /* a fact about another one, or two clocks that differ */
			wait_until_deadline(s);
		return;
	case STOP_TEARDOWN:
		if (op->job_err.code && ++s->teardowns < TEARDOWN_TRIES) {
			op_start_job(op, "teardown", teardown_job, s->teardown, 0);
			return;
		}
		s->teardown = teardown_free(s->teardown);
		if (s->keep) {
			killed(s);
			return;
		}
		stopped(s);
		if (op->job_err.code == 0 && s->destroy)
			destroy_all(op->ops, op->ct);
		op_finish(op, &op->job_err);
		return;
	case STOP_REPORTS:
		if (is_reported(op->ct) || clock_boot_nsec() >= s->deadline)
			bury(s);
		else
			wait_until_deadline(s);
		return;
	}
}

static void stop_free(struct op *op)
{
	struct stop_op *s = container_of(op, struct stop_op, op);

	teardown_free(s->teardown);
	free(s);
}

static const struct op_class stop_class = {
	.name = "stop", .takes_deaths = true, .step = stop_step, .free = stop_free
};
static const struct op_class destroy_class = {
	.name = "destroy", .takes_deaths = true, .step = stop_step, .free = stop_free
};

static struct op *submit(struct ops *ops, struct container *ct, uint64_t timeout_ms, bool destroy,
			 bool keep, ops_done done, void *user)
{
	struct stop_op *s = xnew(struct stop_op);

	s->destroy = destroy;
	s->keep = keep;
	s->deadline = timeout_ms ? clock_boot_nsec() + timeout_ms * 1000000ULL : 0;
	op_init(&s->op, destroy ? &destroy_class : &stop_class, ops, ct, done, user);
	op_submit(&s->op);
	return s->op.finished ? NULL : &s->op;
}

struct op *ops_stop(struct ops *ops, struct container *ct, uint64_t timeout_ms, ops_done done,
		    void *user)
{
	return submit(ops, ct, timeout_ms, false, false, done, user);
}

struct op *ops_stop_keep(struct ops *ops, struct container *ct, uint64_t timeout_ms, ops_done done,
			 void *user)
{
	return submit(ops, ct, timeout_ms, false, true, done, user);
}

struct op *ops_destroy(struct ops *ops, struct container *ct, ops_done done, void *user)
{
	return submit(ops, ct, 0, true, false, done, user);
}

/* Collected first: a destroy may end at once and wake another that ends, too. */
void ops_destroy_all(struct ops *ops)
{
	struct container *root = tree_root(ops->tree), *ct;
	struct container **all = xnew_array(struct container *, root->nchildren + 1);
	size_t n = 0;

	list_for_each(ct, &root->children, child_node)
		all[n++] = container_ref(ct);
	for (size_t i = 0; i < n; i++) {
		if (!all[i]->destroyed)
			ops_destroy(ops, all[i], NULL, NULL);
		container_unref(all[i]);
	}
	free(all);
}
