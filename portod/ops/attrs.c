/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Setting properties, one or many: change in memory, bring it to the kernel if the container is
 * started, keep or take back. Over at once unless the container is busy or the knob may block.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "ops/cpuset.h"
#include "ops/internal.h"
#include "ops/memory.h"

struct set_op {
	struct op op;
	ops_change_fn change;
	void *arg;
	char *name, *value; /* the argument when it is one property */
	struct prop_txn txn;
	struct prop_ctx ctx;
	enum { SET_BEGIN, SET_APPLY, SET_TAKE_BACK } phase;
	struct error why;         /* of TAKE_BACK */
	struct cpumask *old_jail; /* of before; NULL = none */
};

/* Kept or not: the books of the tree follow the container. */
static void settle(struct set_op *s)
{
	if (s->txn.dirty & 1u << APPLY_GUARANTEE)
		guarantee_update(s->op.ops, s->op.ct);
	if (s->txn.dirty & 1u << APPLY_PRESS)
		press_update(s->op.ops, s->op.ct);
}

static void keep(struct set_op *s)
{
	struct ops *ops = s->op.ops;
	struct container *ct = s->op.ct;
	bool access = false, preset = false;

	links_forget(ct);
	ct->change_time = clock_wall_sec();
	for (size_t i = 0; i < s->txn.n; i++) {
		persist_prop(ops, ct, s->txn.changes[i].prop);
		access |= strcmp(s->txn.changes[i].prop->name, "enable_porto") == 0;
		preset |= s->txn.changes[i].old_preset;
	}
	if (preset)
		persist_extra(ops, ct);
	if (ct->spec.controllers != s->txn.old_controllers)
		persist_prop(ops, ct, prop_find("controllers"));
	settle(s);
	for (size_t i = 0; i < s->txn.labels.n; i++)
		watches_notify_label(ops->watches, ct, s->txn.labels.e[i].key,
				     s->txn.labels.e[i].val);
	op_finish(&s->op, &s->op.err);
	if (access && ops->on_access)
		ops->on_access(ops, ct);
}

/* What is decided here, not where the change is applied. */
static int prepare(struct set_op *s, struct error *err)
{
	struct ops *ops = s->op.ops;
	struct container *ct = s->op.ct;

	if (ct->jail)
		s->old_jail = xmemdup(ct->jail, sizeof(*s->old_jail));
	if (s->txn.dirty & 1u << APPLY_GUARANTEE && guarantee_admit(ops, s->ctx.client, ct, err))
		return -1;
	return s->txn.dirty & 1u << APPLY_CPU_SET ? cpuset_prepare(ops, ct, err) : 0;
}

static void unprepare(struct set_op *s)
{
	settle(s);
	if (!(s->txn.dirty & 1u << APPLY_CPU_SET))
		return;
	cpuset_release(s->op.ops, s->op.ct);
	s->op.ct->jail = take_ptr(s->old_jail);
}

static int apply_job(void *arg, void *result, size_t *len, struct error *err)
{
	struct set_op *s = arg;

	(void)result;
	*len = 0;
	if (apply_groups(s->op.ops, s->op.ct, s->txn.dirty, err))
		return -1;
	/* The last, for it takes back by itself what it did. */
	if (s->txn.dirty & 1u << APPLY_DEVICES)
		return devices_apply(s->op.ops, &s->ctx, &s->txn, err);
	return 0;
}

static void start_job(struct set_op *s)
{
	op_start_job(&s->op, "apply", apply_job, s, s->op.ops->config->start_timeout_ms);
}

/* The old values were in force a moment ago; if the kernel refuses them now there is nothing better
 * to do than to say so. */
static void taken_back(struct set_op *s, const struct error *err)
{
	if (err->code)
		log_warning("container %s: cannot restore what a failed change of properties left: "
			    "%s",
			    s->op.ct->name, err->text);
	links_forget(s->op.ct);
	op_finish(&s->op, &s->why);
}

static void take_back(struct set_op *s, const struct error *why)
{
	struct error err = ERROR_INIT;

	s->why = *why;
	s->phase = SET_TAKE_BACK;
	links_remember(s->op.ops, s->op.ct);
	prop_rollback(&s->ctx, &s->txn);
	unprepare(s);
	if (s->txn.slow) {
		start_job(s);
		return;
	}
	(void)apply_groups(s->op.ops, s->op.ct, s->txn.dirty, &err);
	taken_back(s, &err);
}

static void change(struct set_op *s)
{
	struct container *ct = s->op.ct;
	struct error err = ERROR_INIT;

	if (ct->destroyed) {
		error_set(&err, ERR_CONTAINER_DOES_NOT_EXIST, "container %s was destroyed",
			  ct->name);
		op_finish(&s->op, &err);
		return;
	}
	if (ct->has_task)
		links_remember(s->op.ops, ct);
	if (s->change(&s->ctx, s->arg, &s->txn, &err)) {
		links_forget(ct);
		op_finish(&s->op, &err);
		return;
	}
	if (!s->txn.dirty || !state_has_resources(ct->state) || ct->state == STATE_DEAD) {
		keep(s);
	} else if (prepare(s, &err)) {
		prop_rollback(&s->ctx, &s->txn);
		unprepare(s);
		op_finish(&s->op, &err);
	} else if (s->txn.slow) {
		s->phase = SET_APPLY;
		start_job(s);
	} else if (apply_groups(s->op.ops, ct, s->txn.dirty, &err)) {
		take_back(s, &err);
	} else {
		keep(s);
	}
}

static void set_step(struct op *op)
{
	struct set_op *s = container_of(op, struct set_op, op);

	switch (s->phase) {
	case SET_BEGIN:
		change(s);
		return;
	case SET_APPLY:
		if (op->job_err.code)
			take_back(s, &op->job_err);
		else
			keep(s);
		return;
	case SET_TAKE_BACK:
		taken_back(s, &op->job_err);
		return;
	}
}

static void set_free(struct op *op)
{
	struct set_op *s = container_of(op, struct set_op, op);

	prop_txn_deinit(&s->txn);
	free(s->name);
	free(s->value);
	free(s->old_jail);
	free(s);
}

static const struct op_class set_class = {
	.name = "set", .shallow = true, .step = set_step, .free = set_free
};

static struct op *submit(struct set_op *s)
{
	op_submit(&s->op);
	return s->op.finished ? NULL : &s->op;
}

static struct set_op *new_set(struct ops *ops, const struct client *client, struct container *ct,
			      ops_done done, void *user)
{
	struct set_op *s = xnew(struct set_op);

	s->ctx = (struct prop_ctx){ .env = ops->env, .client = client, .ct = ct };
	op_init(&s->op, &set_class, ops, ct, done, user);
	return s;
}

struct op *ops_change(struct ops *ops, const struct client *client, struct container *ct,
		      ops_change_fn fn, void *arg, ops_done done, void *user)
{
	struct set_op *s = new_set(ops, client, ct, done, user);

	s->change = fn;
	s->arg = arg;
	return submit(s);
}

void ops_change_take(struct op *op, struct prop_txn *ret)
{
	struct set_op *s = container_of(op, struct set_op, op);

	prop_txn_seal(&s->txn, op->ct);
	*ret = s->txn;
	s->txn = (struct prop_txn)PROP_TXN_INIT;
}

static int set_one(const struct prop_ctx *ctx, void *arg, struct prop_txn *txn, struct error *err)
{
	const struct set_op *s = arg;

	return prop_set(ctx, s->name, s->value, txn, err);
}

struct op *ops_set_property(struct ops *ops, const struct client *client, struct container *ct,
			    const char *name, const char *value, ops_done done, void *user)
{
	struct set_op *s = new_set(ops, client, ct, done, user);

	s->name = xstrdup(name);
	s->value = xstrdup(value);
	s->change = set_one;
	s->arg = s;
	return submit(s);
}
