/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turn of the loop, laid on libev's iteration.
 *
 * libev runs: prepare watchers, poll, all pending watchers by priority. Our check watcher has the
 * highest priority, so it sees the wake-up before anybody else; our prepare watcher has the
 * lowest, so it runs as the last thing before the poll: there the turn ends.
 *
 * Deferred work left over (the bound of a turn, or queued by a hook) must not wait for the next
 * event: an idle watcher, active only then, makes the next poll return at once.
 */
#include <assert.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "loop/loop.h"

/* Deferred work per turn: enough for any burst, small enough that sockets are served between. */
#define LOOP_DEFER_MAX 1024

struct loop {
	struct ev_loop *ev;
	ev_check check;
	ev_prepare prepare;
	ev_idle idle;
	struct list deferred; /* struct defer */
	struct list hooks;    /* struct turn_hook */
	uint64_t wake_nsec;   /* 0 = no turn is running */
	struct loop_stats stats;
};

static void run_deferred(struct loop *l)
{
	unsigned left = LOOP_DEFER_MAX;
	struct defer *d;

	while (left-- && (d = list_first(&l->deferred, struct defer, node))) {
		list_del(&d->node);
		d->run(d);
	}
}

static void run_hooks(struct loop *l)
{
	struct turn_hook *h, *tmp;

	list_for_each_safe(h, tmp, &l->hooks, node)
		h->run(h);
}

static void measure_turn(struct loop *l)
{
	uint64_t nsec;

	if (!l->wake_nsec)
		return;
	nsec = clock_mono_nsec() - l->wake_nsec;
	l->wake_nsec = 0;
	l->stats.turns++;
	if (nsec > l->stats.longest_turn_nsec)
		l->stats.longest_turn_nsec = nsec;
}

static void end_turn(struct loop *l)
{
	run_deferred(l);
	run_hooks(l);
	if (list_is_empty(&l->deferred))
		ev_idle_stop(l->ev, &l->idle);
	else
		ev_idle_start(l->ev, &l->idle);
	measure_turn(l);
}

static void on_check(struct ev_loop *ev, ev_check *w, int revents)
{
	struct loop *l = w->data;

	(void)ev, (void)revents;
	l->wake_nsec = clock_mono_nsec();
}

static void on_prepare(struct ev_loop *ev, ev_prepare *w, int revents)
{
	(void)ev, (void)revents;
	end_turn(w->data);
}

static void on_idle(struct ev_loop *ev, ev_idle *w, int revents)
{
	(void)ev, (void)w, (void)revents;
}

static void start_watchers(struct loop *l)
{
	ev_check_init(&l->check, on_check);
	ev_set_priority(&l->check, EV_MAXPRI);
	l->check.data = l;
	ev_check_start(l->ev, &l->check);

	ev_prepare_init(&l->prepare, on_prepare);
	ev_set_priority(&l->prepare, EV_MINPRI);
	l->prepare.data = l;
	ev_prepare_start(l->ev, &l->prepare);

	ev_idle_init(&l->idle, on_idle);
	ev_set_priority(&l->idle, EV_MINPRI);
}

struct loop *loop_new(void)
{
	/* NOENV: LIBEV_FLAGS in the environment must not choose our backend. */
	struct ev_loop *ev = ev_default_loop(EVFLAG_NOENV);
	struct loop *l;

	if (!ev)
		return NULL;
	l = xnew(struct loop);
	l->ev = ev;
	list_init(&l->deferred);
	list_init(&l->hooks);
	start_watchers(l);
	return l;
}

struct loop *loop_free(struct loop *l)
{
	if (!l)
		return NULL;
	assert(list_is_empty(&l->deferred));
	while (!list_is_empty(&l->hooks))
		list_del(l->hooks.next);
	ev_idle_stop(l->ev, &l->idle);
	ev_prepare_stop(l->ev, &l->prepare);
	ev_check_stop(l->ev, &l->check);
	ev_loop_destroy(l->ev);
	free(l);
	return NULL;
}

struct ev_loop *loop_ev(struct loop *l)
{
	return l->ev;
}

void loop_run(struct loop *l)
{
	ev_run(l->ev, 0);
	/* loop_stop() leaves before the prepare watchers: end the last turn here. */
	end_turn(l);
}

void loop_run_once(struct loop *l)
{
	ev_run(l->ev, EVRUN_NOWAIT);
	end_turn(l);
}

void loop_stop(struct loop *l)
{
	ev_break(l->ev, EVBREAK_ALL);
}

void loop_defer(struct loop *l, struct defer *d)
{
	if (!list_is_linked(&d->node))
		list_push_back(&l->deferred, &d->node);
}

void loop_defer_cancel(struct defer *d)
{
	list_del(&d->node);
}

void loop_add_turn_hook(struct loop *l, struct turn_hook *h, void (*run)(struct turn_hook *h))
{
	h->run = run;
	list_push_back(&l->hooks, &h->node);
}

void loop_start_timer(struct loop *l, ev_timer *timer, double seconds)
{
	ev_timer_stop(l->ev, timer);
	ev_now_update(l->ev);
	ev_timer_set(timer, seconds, 0.);
	ev_timer_start(l->ev, timer);
}

const struct loop_stats *loop_get_stats(const struct loop *l)
{
	return &l->stats;
}

void loop_reset_longest_turn(struct loop *l)
{
	l->stats.longest_turn_nsec = 0;
}
