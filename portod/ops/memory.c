/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/memory.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "kernel/procfs.h"
#include "ops/internal.h"

/* ---- guarantees ---- */

static bool can_guarantee(const struct ops *ops)
{
	return ops->cgroups && cgroup_knob_is_supported(ops->cgroups, CGROUP_KNOB_MEMORY_GUARANTEE);
}

int guarantee_admit(struct ops *ops, const struct client *client, const struct container *ct,
		    struct error *err)
{
	const struct container *root = tree_root(ops->tree);
	uint64_t reserve = ops->env->memory_guarantee_reserve, huge, total;
	uint64_t own = ct->spec.memory_guarantee, ram = ops->env->memory_total;

	if (!can_guarantee(ops) || (own == 0 && root->memory_low == 0) ||
	    (state_has_resources(ct->state) &&
	     container_memory_guarantee_total(ct, NULL) <= ct->memory_low))
		return 0;
	/* Who asks for nothing takes nothing away, at least below the first level. */
	if (own == 0 && (ct->level > 1 || client_is_superuser(client)))
		return 0;
	huge = procfs_huge_pages();
	total = container_memory_guarantee_total(root, ct);
	if (total + reserve + huge <= ram && total + reserve >= total)
		return 0;
	ops->stats.guarantee_refused++;
	return error_set(err, ERR_RESOURCE_NOT_AVAILABLE,
			 "memory_guarantee %" PRIu64 " of container '%s' is too much: all together "
			 "would be guaranteed %" PRIu64 ", with a reserve of %" PRIu64
			 " and %" PRIu64 " in huge pages, of %" PRIu64,
			 own, ct->name, total, reserve, huge, ram);
}

static void write_low(struct ops *ops, const struct container *ct, uint64_t value)
{
	struct cgroup_setting s = { .knob = CGROUP_KNOB_MEMORY_GUARANTEE, .value = value };
	struct error err = ERROR_INIT;
	struct cgroup cg;
	int rc;

	if (container_is_root(ct)) {
		rc = cgroup_set_base(ops->cgroups, &s, &err);
	} else {
		prop_cgroup(ct, &cg);
		if (container_is_job(ct) || !(ct->spec.controllers & CGROUP_BIT(CGROUP_MEMORY)))
			return;
		rc = cgroup_set(ops->cgroups, &cg, &s, &err);
	}
	if (rc)
		log_warning("container %s: memory guarantee %" PRIu64 ": %s", ct->name, value,
			    err.text);
}

void guarantee_update(struct ops *ops, struct container *ct)
{
	if (!can_guarantee(ops))
		return;
	for (struct container *up = ct; up; up = up->parent) {
		uint64_t total = container_memory_guarantee_total(up, NULL);

		if (total == up->memory_low)
			break; /* then nothing changes above, either */
		up->memory_low = total;
		if (up != ct || (state_has_resources(ct->state) && ct->state != STATE_STARTING))
			write_low(ops, up, total);
	}
}

void guarantee_adopt(struct ops *ops, struct container **all, size_t n)
{
	struct container *root = tree_root(ops->tree);

	if (!can_guarantee(ops))
		return;
	for (size_t i = 0; i < n; i++)
		all[i]->memory_low = container_memory_guarantee_total(all[i], NULL);
	root->memory_low = container_memory_guarantee_total(root, NULL);
}

/* ---- the dead ---- */

struct press_op {
	struct op op;
	bool press, working;
};

static bool wants(const struct container *ct)
{
	return ct->spec.pressurize_on_death && !container_is_job(ct) &&
	       ct->spec.controllers & CGROUP_BIT(CGROUP_MEMORY) &&
	       (ct->state == STATE_DEAD ||
		(container_is_hollow_meta(ct) && ct->starting_below == 0));
}

static int press_job(void *arg, void *result, size_t *len, struct error *err)
{
	struct press_op *p = arg;
	struct ops *ops = p->op.ops;
	struct cgroup_setting s = {
		.knob = CGROUP_KNOB_MEMORY_PRESS,
		.value = p->press ? ops->config->dead_memory_soft_limit : 0,
	};
	struct cgroup cg;

	(void)result;
	*len = 0;
	prop_cgroup(p->op.ct, &cg);
	return cgroup_set(ops->cgroups, &cg, &s, err);
}

static void press_step(struct op *op)
{
	struct press_op *p = container_of(op, struct press_op, op);
	struct container *ct = op->ct;

	if (p->working || ct->destroyed || !state_has_resources(ct->state) ||
	    wants(ct) == ct->pressed) {
		op_finish(op, p->working ? &op->job_err : NULL);
		return;
	}
	p->working = true;
	p->press = ct->pressed = wants(ct);
	op_start_job(op, "press", press_job, p, op->ops->config->start_timeout_ms);
}

static void press_free(struct op *op)
{
	free(container_of(op, struct press_op, op));
}

static const struct op_class press_class = {
	.name = "press", .shallow = true, .step = press_step, .free = press_free
};

void press_update(struct ops *ops, struct container *ct)
{
	for (struct container *up = ct; up && !container_is_root(up); up = up->parent) {
		struct press_op *p;

		if (!state_has_resources(up->state)) {
			up->pressed = false; /* its groups are gone */
		} else if (wants(up) != up->pressed && !ops->stopping) {
			p = xnew(struct press_op);
			op_init(&p->op, &press_class, ops, up, NULL, NULL);
			op_submit(&p->op);
		}
	}
}
