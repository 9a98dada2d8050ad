/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/cpuset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "base/xalloc.h"
#include "ops/internal.h"
#include "props/jail.h"

/* ---- jails ---- */

static bool is_jailed(const struct container *ct)
{
	return ct->spec.cpu_set.policy == CPU_SET_JAIL;
}

/* Only those that have groups count. */
static const struct container *other_jail(const struct container *ct)
{
	const struct container *other;

	for (other = ct->parent; other; other = other->parent)
		if (is_jailed(other))
			return other;
	for (other = tree_next(ct, ct); other; other = tree_next(ct, other))
		if (is_jailed(other) && state_has_resources(other->state))
			return other;
	return NULL;
}

/* What it has may stay. */
static bool fits(const struct container *ct, const struct cpumask *bounds)
{
	return ct->jail && cpumask_count(ct->jail) == ct->spec.cpu_set.jail &&
	       cpumask_subset(ct->jail, bounds);
}

static int choose(struct ops *ops, struct container *ct, const struct cpumask *bounds,
		  struct cpumask *ret)
{
	auto_free struct jail_usage *usage = xnew(struct jail_usage);

	jail_usage_read(ops->tree, usage);
	if (ct->jail)
		jail_leave(usage, ct->jail);
	return jail_choose(ops->config->topology, usage, bounds, ct->spec.cpu_set.jail, ret);
}

int cpuset_prepare(struct ops *ops, struct container *ct, struct error *err)
{
	const struct container *other;
	struct cpumask bounds, mask;

	if (!is_jailed(ct)) {
		cpuset_release(ops, ct);
		return 0;
	}
	other = other_jail(ct);
	if (other)
		return error_set(err, ERR_RESOURCE_NOT_AVAILABLE,
				 "cpu_set of container '%s' is a jail, and so is that of '%s'",
				 ct->name, other->name);
	cpu_set_jail_bounds(ops->config->topology, ct, &bounds);
	if (fits(ct, &bounds))
		return 0;
	if (choose(ops, ct, &bounds, &mask) < 0)
		return error_set(err, ERR_RESOURCE_NOT_AVAILABLE,
				 "a jail of %u processors for container '%s': it may only use %u",
				 ct->spec.cpu_set.jail, ct->name, cpumask_count(&bounds));
	if (!ct->jail)
		ct->jail = xnew(struct cpumask);
	*ct->jail = mask;
	ops->jails_changed = true;
	return 0;
}

void cpuset_release(struct ops *ops, struct container *ct)
{
	if (!ct->jail)
		return;
	free(ct->jail);
	ct->jail = NULL;
	ops->jails_changed = true;
}

void cpuset_adopt(struct ops *ops, struct container *ct)
{
	struct cpumask bounds, mask;
	struct cgroup cg;

	if (!is_jailed(ct) || ct->jail)
		return;
	prop_cgroup(ct, &cg);
	cpu_set_jail_bounds(ops->config->topology, ct, &bounds);
	if (cgroup_get_cpus(ops->cgroups, &cg, &mask) < 0 ||
	    cpumask_count(&mask) != ct->spec.cpu_set.jail || !cpumask_subset(&mask, &bounds)) {
		log_warning("container %s: its processors are not those of its jail", ct->name);
		return;
	}
	ct->jail = xmemdup(&mask, sizeof(mask));
}

/* ---- to the kernel ---- */

void cpuset_add_setting(const struct ops *ops, const struct container *ct, struct settings *s)
{
	struct cpumask target;

	if (ct->spec.cpu_set.policy == CPU_SET_INHERIT || container_is_job(ct) ||
	    !(ct->spec.controllers & CGROUP_BIT(CGROUP_CPUSET)) ||
	    !cgroup_knob_is_supported(ops->cgroups, CGROUP_KNOB_CPU_SET))
		return;
	cpu_set_target(ops->config->topology, ct, &target);
	s->cpus = cpumask_format(&target);
	settings_add(s, CGROUP_KNOB_CPU_SET, 0, 0);
	s->v[s->n - 1].text = s->cpus;
}

static int write_cpus(struct ops *ops, const struct container *ct, const struct cpumask *m,
		      struct error *err)
{
	auto_free char *text = m ? cpumask_format(m) : NULL;
	struct cgroup_setting s = { .knob = CGROUP_KNOB_CPU_SET, .text = text ? text : "" };
	struct cgroup cg;

	prop_cgroup(ct, &cg);
	return cgroup_set(ops->cgroups, &cg, &s, err);
}

/* One that is being started takes its processors from the group above, one that is being stopped
 * needs none. */
static bool follows(const struct container *top, const struct container *ct)
{
	return ct->spec.controllers & CGROUP_BIT(CGROUP_CPUSET) && !container_is_job(ct) &&
	       (ct == top || (state_has_resources(ct->state) && ct->state != STATE_STOPPING));
}

static bool is_gone(const struct error *err)
{
	return err->sys == ENOENT || err->sys == ENODEV;
}

/* v1: a group may not have more than the one above. */
static int check_nesting(struct ops *ops, const struct container *top, struct error *err)
{
	const struct topology *t = ops->config->topology;

	for (const struct container *ct = top; ct; ct = tree_next(top, ct)) {
		auto_free char *has = NULL, *wants = NULL;
		struct cpumask above, target;

		if (!follows(top, ct))
			continue;
		cpu_set_target(t, ct->parent, &above);
		cpu_set_target(t, ct, &target);
		if (cpumask_subset(&target, &above))
			continue;
		has = cpumask_format(&above);
		wants = cpumask_format(&target);
		return error_set(err, ERR_INVALID_VALUE,
				 "container '%s' would have processors %s, above it there are only "
				 "%s",
				 ct->name, wants, has);
	}
	return 0;
}

/* v1, first pass: what a group has and what it shall have, from the top to the bottom. */
static int widen(struct ops *ops, const struct container *top, struct error *err)
{
	for (const struct container *ct = top; ct; ct = tree_next(top, ct)) {
		struct cpumask have, want;
		struct cgroup cg;

		if (!follows(top, ct))
			continue;
		prop_cgroup(ct, &cg);
		if (cgroup_get_cpus(ops->cgroups, &cg, &have) < 0)
			continue;
		cpu_set_target(ops->config->topology, ct, &want);
		if (cpumask_subset(&want, &have))
			continue;
		cpumask_or(&want, &have);
		if (write_cpus(ops, ct, &want, err) < 0 && !is_gone(err))
			return -1;
	}
	return 0;
}

/* v1, second pass: only what it shall have, from the bottom to the top. */
static int narrow(struct ops *ops, const struct container *top, struct error *err)
{
	const struct container *ct = NULL;

	while ((ct = tree_next_post(top, ct))) {
		struct cpumask want;
		struct cgroup cg;

		if (!follows(top, ct))
			continue;
		prop_cgroup(ct, &cg);
		cpu_set_target(ops->config->topology, ct, &want);
		cgroup_narrow_cpus_below(ops->cgroups, &cg, &want);
		if (write_cpus(ops, ct, &want, err) < 0 && !is_gone(err))
			return -1;
	}
	return 0;
}

int cpuset_apply(struct ops *ops, struct container *ct, struct error *err)
{
	struct cpumask target;

	if (!follows(ct, ct))
		return 0;
	if (!cgroup_cpus_inherit(ops->cgroups))
		return check_nesting(ops, ct, err) || widen(ops, ct, err) || narrow(ops, ct, err)
			       ? -1
			       : 0;
	cpu_set_target(ops->config->topology, ct, &target);
	return write_cpus(ops, ct, ct->spec.cpu_set.policy == CPU_SET_INHERIT ? NULL : &target,
			  err);
}

/* ---- evening out ---- */

#define REBALANCE_NSEC (60 * NSEC_PER_SEC)
#define ROUNDS_MAX     32

struct move_op {
	struct op op;
	struct cpumask *old; /* NULL before the job */
};

static int move_job(void *arg, void *result, size_t *len, struct error *err)
{
	struct move_op *m = arg;

	(void)result;
	*len = 0;
	return cpuset_apply(m->op.ops, m->op.ct, err);
}

static bool is_movable(const struct container *ct)
{
	return !ct->destroyed && ct->jail && is_jailed(ct) && state_has_resources(ct->state);
}

static void move_step(struct op *op)
{
	struct move_op *m = container_of(op, struct move_op, op);
	struct cpumask bounds, mask;

	if (m->old) {
		if (op->job_err.code && is_movable(op->ct))
			*op->ct->jail = *m->old;
		op_finish(op, &op->job_err);
		return;
	}
	if (!is_movable(op->ct)) {
		op_finish(op, NULL);
		return;
	}
	cpu_set_jail_bounds(op->ops->config->topology, op->ct, &bounds);
	if (choose(op->ops, op->ct, &bounds, &mask) < 0 || cpumask_eq(&mask, op->ct->jail)) {
		op_finish(op, NULL);
		return;
	}
	m->old = xmemdup(op->ct->jail, sizeof(mask));
	*op->ct->jail = mask;
	op_start_job(op, "move jail", move_job, m, op->ops->config->start_timeout_ms);
}

static void move_free(struct op *op)
{
	struct move_op *m = container_of(op, struct move_op, op);

	free(m->old);
	free(m);
}

static const struct op_class move_class = {
	.name = "move jail", .shallow = true, .step = move_step, .free = move_free
};

/* The container whose processors are most crowded. */
static struct container *most_crowded(struct ops *ops)
{
	auto_free struct jail_usage *usage = xnew(struct jail_usage);
	struct container *root = tree_root(ops->tree), *ct, *worst = NULL;
	unsigned most = 0;

	jail_usage_read(ops->tree, usage);
	for (ct = tree_next(root, root); ct; ct = tree_next(root, ct)) {
		struct cpumask bounds;
		unsigned overload;

		if (!is_movable(ct) || ct->op)
			continue;
		cpu_set_jail_bounds(ops->config->topology, ct, &bounds);
		overload = jail_overload(usage, ct->jail, &bounds);
		if (overload > most) {
			most = overload;
			worst = ct;
		}
	}
	return worst;
}

void cpuset_tick(struct ops *ops)
{
	uint64_t now = clock_boot_nsec();
	struct container *ct, *last = NULL;

	if (ops->stopping || (!ops->jails_changed && now < ops->jails_next_nsec))
		return;
	ops->jails_changed = false;
	ops->jails_next_nsec = now + REBALANCE_NSEC;
	for (int i = 0; i < ROUNDS_MAX && (ct = most_crowded(ops)) && ct != last; i++) {
		struct move_op *m = xnew(struct move_op);

		last = ct;
		op_init(&m->op, &move_class, ops, ct, NULL, NULL);
		op_submit(&m->op);
	}
}
