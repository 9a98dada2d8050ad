/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon itself has to say about a container that is about to start: its access level is
 * lowered to what the parent leaves, properties of the configuration are given to it, and what is
 * questionable is logged.
 */
#include <string.h>

#include "base/log.h"
#include "ops/internal.h"
#include "props/taint.h"

/* The rule of props/isolation.c, which a superuser may break and a parent may have come to break
 * since: what is shown is what holds. */
static void lower_access(struct ops *ops, struct container *ct)
{
	int above = ct->parent->spec.enable_porto, own = ct->spec.enable_porto;
	bool fits = above == ACCESS_NONE        ? own == ACCESS_NONE
		    : above <= ACCESS_READ_ONLY ? own <= ACCESS_READ_ONLY
						: true;
	const struct prop *p = prop_find("enable_porto");

	if (fits)
		return;
	ct->spec.enable_porto = above;
	container_mark_set(ct, prop_row(p), true);
	persist_prop(ops, ct, p);
}

static void persist_presets(struct ops *ops, struct container *ct, const uint64_t *before)
{
	for (unsigned row = 0; row < prop_count(); row++)
		if (container_is_preset(ct, row) || before[row / 64] >> (row % 64) & 1)
			persist_prop(ops, ct, prop_at(row));
	persist_prop(ops, ct, prop_find("controllers"));
	persist_extra(ops, ct);
}

static int give_extra(struct ops *ops, struct container *ct, struct error *err)
{
	struct prop_ctx ctx = { .env = ops->env, .client = ops->internal, .ct = ct };
	uint64_t before[CONTAINER_PROPS_MAX / 64];
	int r;

	/* A respawn goes on with what the start had. */
	if (ct->state != STATE_STOPPED)
		return 0;
	memcpy(before, ct->preset, sizeof(before));
	r = extra_apply(&ctx, ops->config->extra, ops->config->nextra, err);
	if (r)
		persist_presets(ops, ct, before);
	return r < 0 ? -1 : 0;
}

int policy_apply(struct ops *ops, struct container *ct, struct error *err)
{
	if (give_extra(ops, ct, err))
		return -1;
	lower_access(ops, ct);
	return 0;
}

void policy_log_taints(struct ops *ops, const struct container *ct)
{
	auto_strv lines = STRV_INIT;
	auto_free char *text = NULL;

	taint_list(ct, &lines);
	if (lines.n == 0)
		return;
	ops->stats.taints += lines.n;
	if (log_get_level() < LOG_INFO)
		return;
	text = strv_join(&lines, ';');
	log_info("TAINT container %s: %s", ct->name, text);
}

uint64_t ops_count_tainted(const struct ops *ops)
{
	const struct container *root = tree_root(ops->tree), *ct;
	uint64_t n = 0;

	for (ct = tree_next(root, root); ct; ct = tree_next(root, ct))
		n += state_has_resources(ct->state) && ct->state != STATE_DEAD && taint_any(ct);
	return n;
}
