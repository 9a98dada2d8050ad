/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: the default libev loop, signals, deferred work and the once-per-turn hooks.
 *
 * Rhythm of a turn: watchers run and record facts; deferred work runs; the turn hooks run in the
 * order of registration (commit the store, then flush replies); the loop sleeps. Nothing here
 * blocks but loop_run(). libev: http://pod.tst.eu/http://cvs.schmorp.de/libev/ev.pod
 */
#pragma once

#include <ev.h>
#include <stdint.h>

#include "base/list.h"

struct loop;

/*
 * Embedded in the object it serves; runs once, at the end of the current turn. It may queue more,
 * itself included, and free its own object. At most 1024 run in a turn; the rest, and what hooks
 * queue, runs in the next turn, which follows without sleeping.
 */
struct defer {
	struct list node;
	void (*run)(struct defer *d);
};

static inline void defer_init(struct defer *d, void (*run)(struct defer *d))
{
	list_init(&d->node);
	d->run = run;
}

/* Embedded; called at the end of each turn, before the loop sleeps. */
struct turn_hook {
	struct list node;
	void (*run)(struct turn_hook *h);
};

struct loop_stats {
	uint64_t turns;
	uint64_t longest_turn_nsec; /* from wake-up to sleep */
};

/* One at a time in a process (it is libev's default loop). NULL when libev finds no backend. */
struct loop *loop_new(void);
/* Asserts that no deferred work is pending. Returns NULL. */
struct loop *loop_free(struct loop *l);
struct ev_loop *loop_ev(struct loop *l);

/* Returns after loop_stop(). */
void loop_run(struct loop *l);
/* One whole turn (watchers, deferred work, hooks) without sleeping; for tests. */
void loop_run_once(struct loop *l);
void loop_stop(struct loop *l);

/* Queue once; harmless if queued already. */
void loop_defer(struct loop *l, struct defer *d);
void loop_defer_cancel(struct defer *d);
/* Stays until loop_free(). */
void loop_add_turn_hook(struct loop *l, struct turn_hook *h, void (*run)(struct turn_hook *h));

/* Once, `seconds` from now and not earlier; an active timer begins anew. (Plain libev counts from
 * its last wake-up, which may be long ago.) */
void loop_start_timer(struct loop *l, ev_timer *timer, double seconds);

const struct loop_stats *loop_get_stats(const struct loop *l);
void loop_reset_longest_turn(struct loop *l);
