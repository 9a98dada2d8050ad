/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/op.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ops/ops.h"

static void on_queue_timeout(struct ev_loop *ev, ev_timer *t, int revents);
static void on_timer(struct ev_loop *ev, ev_timer *t, int revents);
static void on_free(struct defer *d);

void ops_hold(struct ops *ops)
{
	ops->active++;
}

void ops_release(struct ops *ops)
{
	if (--ops->active == 0 && ops->stopping && ops->on_idle)
		ops->on_idle(ops);
}

void op_init(struct op *op, const struct op_class *class, struct ops *ops, struct container *ct,
	     void (*done)(struct op *op, const struct error *err, void *user), void *user)
{
	op->class = class;
	op->ops = ops;
	op->ct = container_ref(ct);
	op->done = done;
	op->user = user;
	op->start_nsec = clock_boot_nsec();
	list_init(&op->node);
	list_init(&op->job_node);
	ev_timer_init(&op->queue_timer, on_queue_timeout, 0., 0.);
	ev_timer_init(&op->timer, on_timer, 0., 0.);
	job_init(&op->job);
	defer_init(&op->free_defer, on_free);
	ops_hold(ops);
}

/* The container at which an operation of this kind on `ct` has to wait, or NULL. */
static struct container *blocked_at(bool shallow, struct container *ct)
{
	for (struct container *up = ct; up; up = up->parent) {
		if (up->op)
			return up;
		/* Somebody waits for this whole subtree: do not starve it. */
		if (up != ct && !list_is_empty(&up->op_waiting))
			return up;
	}
	return !shallow && ct->ops_below > 0 ? ct : NULL;
}

bool op_would_wait(const struct op_class *class, const struct container *ct)
{
	return blocked_at(class->shallow, (struct container *)(uintptr_t)ct) != NULL;
}

static void lock(struct op *op)
{
	op->active = true;
	op->ct->op = op;
	for (struct container *up = op->ct->parent; up; up = up->parent)
		up->ops_below++;
}

/* Queued operations are tried again in their order; those that still must wait queue up anew,
 * which keeps the order. */
static void wake_at(struct container *ct)
{
	struct list queue = LIST_INIT(queue);
	struct op *op;

	list_splice(&queue, &ct->op_waiting);
	/* Anyone on the list may end while another one runs: look at its head only. */
	while ((op = list_first(&queue, struct op, node))) {
		list_del(&op->node);
		op_submit(op);
	}
}

static void unlock(struct op *op)
{
	struct container *ct = container_ref(op->ct);

	op->active = false;
	ct->op = NULL;
	for (struct container *up = ct->parent; up; up = up->parent)
		up->ops_below--;
	for (struct container *up = ct; up; up = up->parent)
		if (!list_is_empty(&up->op_waiting))
			wake_at(up);
	container_unref(ct);
}

void op_submit(struct op *op)
{
	struct container *at = blocked_at(op->class->shallow, op->ct);

	if (at) {
		list_push_back(&at->op_waiting, &op->node);
		op->waits_at = at;
		/* What nobody waits for (a death) must happen, however late. */
		if (op->done && !ev_is_active(&op->queue_timer))
			loop_start_timer(op->ops->loop, &op->queue_timer,
					 op->ops->config->queue_timeout_ms / 1e3);
		return;
	}
	op->waits_at = NULL;
	ev_timer_stop(loop_ev(op->ops->loop), &op->queue_timer);
	lock(op);
	op->class->step(op);
}

void op_move(struct op *op, struct container *ct)
{
	struct container *old = op->ct;

	unlock(op);
	op->ct = container_ref(ct);
	container_unref(old);
	op_submit(op);
}

static void tell(struct op *op, const struct error *err)
{
	void (*done)(struct op *, const struct error *, void *) = op->done;

	op->done = NULL;
	if (done)
		done(op, err, op->user);
}

static void end(struct op *op, const struct error *err)
{
	struct ev_loop *ev = loop_ev(op->ops->loop);

	assert(!op->finished && !job_is_running(&op->job));
	op->finished = true;
	ev_timer_stop(ev, &op->queue_timer);
	ev_timer_stop(ev, &op->timer);
	list_del(&op->node);
	list_del(&op->job_node);
	tell(op, err);
	if (op->active)
		unlock(op);
	else if (op->waits_at)
		wake_at(op->waits_at); /* others may have waited only behind this one */
	op->waits_at = NULL;
	loop_defer(op->ops->loop, &op->free_defer);
}

static void on_free(struct defer *d)
{
	struct op *op = container_of(d, struct op, free_defer);
	struct ops *ops = op->ops;

	container_unref(op->ct);
	op->class->free(op);
	ops_release(ops);
}

void op_finish(struct op *op, const struct error *err)
{
	if (err && err != &op->err)
		op->err = *err;
	if (op->err.code) {
		char text[ERROR_MESSAGE_MAX];

		log_info("%s %s: %s", op->class->name, op->ct->name,
			 error_string(&op->err, text, sizeof(text)));
	} else {
		log_debug("%s %s: ok, %llu us", op->class->name, op->ct->name,
			  (unsigned long long)(clock_boot_nsec() - op->start_nsec) / 1000);
	}
	end(op, &op->err);
}

void op_abandon(struct op *op)
{
	op->done = NULL;
	if (op->active || op->finished)
		return;
	end(op, &op->err);
}

static void on_queue_timeout(struct ev_loop *ev, ev_timer *t, int revents)
{
	struct op *op = container_of(t, struct op, queue_timer);
	const struct container *at = blocked_at(op->class->shallow, op->ct);
	const struct op *holder = at ? at->op : NULL;

	(void)ev;
	(void)revents;
	error_set(&op->err, ERR_BUSY, "%s %s: waited %u s for %s of container '%s'",
		  op->class->name, op->ct->name, op->ops->config->queue_timeout_ms / 1000,
		  holder ? holder->class->name : "operations below", at ? at->name : op->ct->name);
	end(op, &op->err);
}

static void on_timer(struct ev_loop *ev, ev_timer *t, int revents)
{
	struct op *op = container_of(t, struct op, timer);

	(void)ev;
	(void)revents;
	/* A job that could not be forked ends here. */
	if (op->job_failed)
		op->job_pending = op->job_failed = false;
	op->class->step(op);
}

void op_start_timer(struct op *op, uint64_t ms)
{
	loop_start_timer(op->ops->loop, &op->timer, (double)ms / 1e3);
}

void op_stop_timer(struct op *op)
{
	ev_timer_stop(loop_ev(op->ops->loop), &op->timer);
}

/* ---- jobs, at most config->max_jobs at a time ---- */

static void fork_job(struct op *op);

static void next_job(struct ops *ops)
{
	struct op *op = list_first(&ops->job_queue, struct op, job_node);

	if (!op)
		return;
	list_del(&op->job_node);
	fork_job(op);
}

static void on_job_done(struct job *j, const struct error *err, const void *result, size_t len)
{
	struct op *op = container_of(j, struct op, job);

	op->ops->jobs_running--;
	op->job_pending = false;
	op->job_err = *err;
	op->job_result_len = len < sizeof(op->job_result) ? len : sizeof(op->job_result);
	if (op->job_result_len)
		memcpy(op->job_result, result, op->job_result_len);
	next_job(op->ops);
	op->class->step(op);
}

static void fork_job(struct op *op)
{
	struct ops *ops = op->ops;

	ops->jobs_running++;
	if (job_fork(&op->job, ops->loop, ops->procs, op->job_name, op->job_fn, op->job_arg,
		     op->job_timeout_ms, on_job_done, &op->job_err) == 0)
		return;
	/* No process to be had: the step sees it as a failed job, from the loop, not from here.
	 * Until then the job counts as pending, or a fact that comes in would make the step run
	 * twice. */
	ops->jobs_running--;
	op->job_failed = true;
	op_start_timer(op, 0);
}

void op_start_job(struct op *op, const char *name, job_fn fn, void *arg, unsigned timeout_ms)
{
	op->job_pending = true;
	op->job_failed = false;
	error_clear(&op->job_err);
	op->job_name = name;
	op->job_fn = fn;
	op->job_arg = arg;
	op->job_timeout_ms = timeout_ms;
	if (op->ops->jobs_running >= op->ops->config->max_jobs)
		list_push_back(&op->ops->job_queue, &op->job_node);
	else
		fork_job(op);
}
