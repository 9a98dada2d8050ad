/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of memory: the kernel's events, the counters they stand for, and what follows: the end of the
 * container, or, where that is not wanted, a notice to who asked for it.
 *
 * The event is about the limit; the victim is counted a little later, and may be in another group.
 * So the counter is looked at again, a few times.
 */
#include "base/clock.h"
#include "base/log.h"
#include "ops/internal.h"

/* Pauses before looking again. */
static const unsigned look_again_ms[] = { 10, 50, 200, 1000, 3000 };

/* How many of them a container that has to end gets. The event comes before the kernel chooses: who
 * kills at once spares the kernel its victim, and the count says that nobody was killed. */
#define FATAL_LOOKS 2

void oom_update(struct ops *ops, struct container *ct)
{
	prop_refresh_oom_kills(ops->env, ct);
	for (struct container *up = ct; up && !container_is_root(up); up = up->parent)
		persist_run(ops, up);
}

static void look_again(struct container_runtime *rt)
{
	if (rt->oom_looks >= ARRAY_SIZE(look_again_ms))
		ev_timer_stop(loop_ev(rt->ops->loop), &rt->oom_timer);
	else
		loop_start_timer(rt->ops->loop, &rt->oom_timer,
				 look_again_ms[rt->oom_looks++] / 1e3);
}

/* To those who asked, once for each new number. */
static void notice(struct container_runtime *rt)
{
	struct container *ct = rt->ct;

	if (ct->oom_kills > rt->oom_told) {
		rt->oom_told = ct->oom_kills;
		watches_notify_oom(rt->ops->watches, ct);
	}
	look_again(rt);
}

/* The container has to end: when the kernel has killed, or has had the time to. */
static void end(struct container_runtime *rt)
{
	if (rt->ct->oom_kills > rt->oom_told || rt->oom_looks >= FATAL_LOOKS)
		death_submit(rt->ops, rt->ct);
	else
		look_again(rt);
}

void oom_on_timer(struct ev_loop *ev, ev_timer *t, int revents)
{
	struct container_runtime *rt = container_of(t, struct container_runtime, oom_timer);

	(void)ev;
	(void)revents;
	oom_update(rt->ops, rt->ct);
	if (rt->oom_pending)
		end(rt);
	else
		notice(rt);
}

static void on_event(struct ops *ops, struct container *ct, bool limit)
{
	struct container_runtime *rt = runtime_get(ops, ct);

	ct->oom_events += limit;
	ops->stats.oom += limit;
	oom_update(ops, ct);
	log_info("container %s: out of memory, %llu kills", ct->name,
		 (unsigned long long)ct->oom_kills);
	if (!ct->spec.oom_is_fatal) {
		rt->oom_looks = 0;
		notice(rt);
	} else if (limit && state_is_started(ct->state)) {
		if (!rt->oom_pending)
			rt->oom_looks = 0;
		else if (ev_is_active(&rt->oom_timer))
			return;
		rt->oom_pending = true;
		end(rt);
	}
}

void oom_on_events(struct ev_loop *ev, ev_io *io, int revents)
{
	struct ops *ops = container_of(io, struct ops, events_io);
	uint64_t id;
	bool limit;

	(void)ev;
	(void)revents;
	while (cgroup_events_next(ops->events, &id, &limit)) {
		struct container *ct = tree_find_id(ops->tree, (uint32_t)id);

		if (ct && state_has_resources(ct->state) && ct->state != STATE_DEAD)
			on_event(ops, ct, limit);
	}
}
