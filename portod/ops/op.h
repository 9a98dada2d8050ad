/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A multi-step operation on a container, and who may run when.
 *
 * One operation per container subtree at a time: an exclusive operation needs its container and
 * all ancestors idle and no operation active below; a shallow one does not care about what is
 * below. Others wait, first come first served, at the container that blocks them, until their
 * queue deadline, and then fail with ERR_BUSY. This replaces every lock.
 *
 * A class has one `step`: it is called when the operation is admitted and whenever a fact comes
 * in (job done, process exited, timer fired); only it looks at the phase and decides what is next.
 * It ends with op_finish(). An operation never knows about sockets: `done` is its only way out.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "loop/job.h"
#include "model/container.h"

struct ops;
struct op;

struct op_class {
	const char *name;
	bool shallow;
	bool takes_deaths; /* stepped when a task below ends; what follows is its business */
	void (*step)(struct op *op);
	void (*free)(struct op *op); /* of the embedding struct; last call */
};

struct op {
	const struct op_class *class;
	struct ops *ops;
	struct container *ct;       /* what it locks; referenced */
	struct list node;           /* on op_waiting of waits_at */
	struct container *waits_at; /* who blocks it; NULL when it does not wait. Borrowed: an
				       ancestor */
	bool active, finished;
	ev_timer queue_timer; /* while waiting for admission */
	ev_timer timer;       /* for the class's own use; fires step */
	struct job job;       /* at most one at a time */
	struct list job_node; /* while waiting for a job slot */
	job_fn job_fn;
	void *job_arg;
	unsigned job_timeout_ms;
	const char *job_name;
	/* Facts for step(). */
	bool job_pending; /* queued or running, or job_failed */
	bool job_failed;  /* could not be forked; step() has not been told yet */
	struct error job_err;
	size_t job_result_len;
	char job_result[128];
	struct error err; /* outcome so far */
	struct defer free_defer;
	uint64_t start_nsec; /* CLOCK_BOOTTIME at submission */
	/* Who waits; NULL when nobody (or no more) does. */
	void (*done)(struct op *op, const struct error *err, void *user);
	void *user;
};

/* Prepare an embedded op. `done` may be called before op_submit() returns. */
void op_init(struct op *op, const struct op_class *class, struct ops *ops, struct container *ct,
	     void (*done)(struct op *op, const struct error *err, void *user), void *user);
/* Run now or queue. */
void op_submit(struct op *op);
/* Lock another container instead; the operation is queued anew. Only from step(). */
void op_move(struct op *op, struct container *ct);
/* Release, tell who waits (err NULL = op->err), wake the queue, free later. Only from step(). */
void op_finish(struct op *op, const struct error *err);
/* The waiter is gone; the operation goes on if active, and is dropped if still queued. */
void op_abandon(struct op *op);

/* Fork a job; when it ended step() runs with the facts in job_err and job_result. Waits for a free
 * slot when too many jobs run. `arg` must live until then. */
void op_start_job(struct op *op, const char *name, job_fn fn, void *arg, unsigned timeout_ms);
/* Call step() after `ms`, or cancel with op_stop_timer(). */
void op_start_timer(struct op *op, uint64_t ms);
void op_stop_timer(struct op *op);

/* A shutdown waits from the first to the second, as for an operation, which does it by itself. The
 * second may call on_idle(). */
void ops_hold(struct ops *ops);
void ops_release(struct ops *ops);

/* Would an operation of this class have to wait? */
bool op_would_wait(const struct op_class *class, const struct container *ct);
