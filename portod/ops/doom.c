/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers that the daemon destroys by itself: weak ones whose connection is gone, and those that
 * have been dead long enough. What cannot be destroyed now, below a paused container perhaps, is
 * tried again with each tick.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "ops/internal.h"

#define BATCH 64 /* aged ones of a tick; the rest has time */

static void on_destroyed(struct op *op, const struct error *err, void *user)
{
	struct ops *ops = user;

	if (err->code == 0)
		ops->stats.buried++;
	else if (op->ct->runtime)
		op->ct->runtime->doomed = false;
}

static void on_weak_destroyed(struct op *op, const struct error *err, void *user)
{
	(void)user;
	if (err->code && op->ct->runtime)
		op->ct->runtime->doomed = false;
}

/* Once, until that failed. */
static void destroy(struct ops *ops, struct container *ct, ops_done done)
{
	struct container_runtime *rt = runtime_get(ops, ct);
	struct error ignored = ERROR_INIT;

	if (rt->doomed || ops->stopping || ops_check_parent_thawed(ct, &ignored))
		return;
	rt->doomed = true;
	ops_destroy(ops, ct, done, ops);
}

/* ---- weak ---- */

void doom_weak(struct ops *ops, struct container *ct)
{
	ct->orphaned = true;
	destroy(ops, ct, on_weak_destroyed);
}

void ops_client_gone(struct ops *ops, struct client *client)
{
	struct container *ct;

	/* Destroying one may destroy others of the list, which are below it. While the daemon goes
	 * down nothing is destroyed: the next one does it. */
	while ((ct = list_first(&client->weak, struct container, weak_node))) {
		list_del(&ct->weak_node);
		if (ct->spec.weak && !ct->destroyed)
			doom_weak(ops, ct);
	}
}

/* ---- old ---- */

static bool is_old(const struct container *ct, uint64_t now)
{
	return ct->state == STATE_DEAD && !ct->op &&
	       (now - ct->death.boot_nsec) / NSEC_PER_SEC >= ct->spec.aging_time;
}

static bool is_doomed(const struct container *ct, uint64_t now)
{
	return (ct->orphaned && ct->spec.weak) || is_old(ct, now);
}

static void destroy_old(struct ops *ops, struct container *ct)
{
	if (ct->orphaned && ct->spec.weak) {
		destroy(ops, ct, on_weak_destroyed);
		return;
	}
	if (!runtime_get(ops, ct)->doomed)
		log_info("container %s: dead for %llu s, destroying it", ct->name,
			 (unsigned long long)ct->spec.aging_time);
	destroy(ops, ct, on_destroyed);
}

/* Chosen first and destroyed after, because destroying changes the tree. */
void doom_tick(struct ops *ops)
{
	struct container *root = tree_root(ops->tree), *found[BATCH], *ct;
	uint64_t now = clock_boot_nsec();
	size_t n = 0;

	for (ct = tree_next(root, root); ct && n < BATCH; ct = tree_next(root, ct))
		if (is_doomed(ct, now))
			found[n++] = container_ref(ct);
	for (size_t i = 0; i < n; i++) {
		if (!found[i]->destroyed)
			destroy_old(ops, found[i]);
		container_unref(found[i]);
	}
}
