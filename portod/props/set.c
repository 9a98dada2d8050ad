/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing. Before a property is touched, what the write can change is saved as text: the property,
 * the rows that change with it, the controllers. A failed write loads these texts back; a
 * successful one hands them to the transaction, whose rollback does the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "props/control.h"
#include "props/label.h"
#include "props/name.h"
#include "props/rows.h"

#define SAVED_MAX (2 + ARRAY_SIZE(((struct prop *)0)->also))

struct saved {
	struct prop_change changes[SAVED_MAX]; /* the property itself first */
	size_t n;
	uint64_t controllers, required;
	struct smap labels; /* only of a change of labels */
};

static void *field_of(const struct prop *p, struct container *ct)
{
	return (char *)&ct->spec + p->offset;
}

static struct prop_change save_row(const struct prop *p, struct container *ct)
{
	return (struct prop_change){
		.prop = p,
		.old_text = p->type->save(p, field_of(p, ct)),
		.old_set = container_is_set(ct, p->row),
		.old_preset = container_is_preset(ct, p->row),
	};
}

/* Texts come from save(): they load. */
static void load_row(const struct prop_change *c, struct container *ct)
{
	struct error ignored = ERROR_INIT;

	c->prop->type->load(c->prop, c->old_text, field_of(c->prop, ct), &ignored);
	container_mark_set(ct, c->prop->row, c->old_set);
	container_mark_preset(ct, c->prop->row, c->old_preset);
}

static void saved_take(struct saved *s, const struct prop *p, struct container *ct)
{
	*s = (struct saved){
		.controllers = ct->spec.controllers,
		.required = ct->spec.required_controllers,
	};
	s->changes[s->n++] = save_row(p, ct);
	for (size_t i = 0; i < ARRAY_SIZE(p->also) && p->also[i]; i++)
		s->changes[s->n++] = save_row(p->also[i], ct);
	if (p != &row_controllers)
		s->changes[s->n++] = save_row(&row_controllers, ct);
	if (p == &row_labels)
		smap_copy(&s->labels, &ct->spec.labels);
}

static void saved_restore(const struct saved *s, struct container *ct)
{
	for (size_t i = s->n; i-- > 0;)
		load_row(&s->changes[i], ct);
	ct->spec.controllers = s->controllers;
	ct->spec.required_controllers = s->required;
}

static void saved_deinit(struct saved *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->changes[i].old_text);
	smap_deinit(&s->labels);
}

/* ---- transaction ---- */

static bool txn_has(const struct prop_txn *txn, const struct prop *p)
{
	for (size_t i = 0; i < txn->n; i++) {
		if (txn->changes[i].prop == p)
			return true;
	}
	return false;
}

/* Moves the text. The oldest value of a row that was set twice counts. */
static void txn_add(struct prop_txn *txn, struct prop_change *c)
{
	if (txn_has(txn, c->prop))
		return;
	txn->changes = xreallocarray(txn->changes, txn->n + 1, sizeof(*txn->changes));
	txn->changes[txn->n] = *c;
	txn->changes[txn->n++].old_text = take_ptr(c->old_text);
}

static void txn_add_labels(struct prop_txn *txn, const struct smap *old, const struct smap *new)
{
	for (size_t i = 0; i < new->n; i++) {
		if (!str_eq(smap_get(old, new->e[i].key), new->e[i].val))
			smap_set(&txn->labels, new->e[i].key, new->e[i].val);
	}
	for (size_t i = 0; i < old->n; i++) {
		if (!smap_find(new, old->e[i].key))
			smap_set(&txn->labels, old->e[i].key, "");
	}
}

static void txn_commit(struct prop_txn *txn, struct saved *s, struct container *ct)
{
	const struct prop *p = s->changes[0].prop;

	if (txn->n == 0) {
		txn->old_controllers = s->controllers;
		txn->old_required = s->required;
		txn->old_change_time = ct->change_time;
	}
	container_mark_set(ct, p->row, true);
	container_mark_preset(ct, p->row, false); /* whoever sets it, it is theirs */
	ct->change_time = clock_wall_sec();
	for (size_t i = 0; i < s->n; i++) {
		if (i == 0 || s->changes[i].prop != &row_controllers ||
		    ct->spec.controllers != s->controllers)
			txn_add(txn, &s->changes[i]);
	}
	if (p->group != APPLY_NONE)
		txn->dirty |= 1u << p->group;
	txn->slow |= (p->flags & PROP_SLOW) != 0;
	if (p == &row_labels)
		txn_add_labels(txn, &s->labels, &ct->spec.labels);
}

void prop_rollback(const struct prop_ctx *ctx, struct prop_txn *txn)
{
	if (txn->n == 0)
		return;
	for (size_t i = txn->n; i-- > 0;)
		load_row(&txn->changes[i], ctx->ct);
	ctx->ct->spec.controllers = txn->old_controllers;
	ctx->ct->spec.required_controllers = txn->old_required;
	ctx->ct->change_time = txn->old_change_time;
}

void prop_txn_seal(struct prop_txn *txn, struct container *ct)
{
	for (size_t i = 0; i < txn->n; i++) {
		struct prop_change *c = &txn->changes[i];

		free(c->new_text);
		c->new_text = c->prop->type->save(c->prop, field_of(c->prop, ct));
	}
	txn->new_controllers = ct->spec.controllers;
}

/* Nobody else has changed it since. */
static bool is_as_sealed(const struct prop_change *c, struct container *ct)
{
	auto_free char *now = c->prop->type->save(c->prop, field_of(c->prop, ct));

	return str_eq(now, c->new_text);
}

void prop_revert(const struct prop_ctx *ctx, const struct prop_txn *old, struct prop_txn *txn)
{
	struct container *ct = ctx->ct;
	bool controllers = old->n && ct->spec.controllers == old->new_controllers;

	for (size_t i = old->n; i-- > 0;) {
		const struct prop_change *c = &old->changes[i];
		struct saved saved;

		if (c->prop == &row_controllers ? !controllers : !is_as_sealed(c, ct))
			continue;
		saved_take(&saved, c->prop, ct);
		load_row(c, ct);
		txn_commit(txn, &saved, ct);
		container_mark_set(ct, c->prop->row, c->old_set);
		container_mark_preset(ct, c->prop->row, c->old_preset);
		saved_deinit(&saved);
	}
	if (controllers) {
		ct->spec.controllers = old->old_controllers;
		ct->spec.required_controllers = old->old_required;
	}
}

void prop_txn_deinit(struct prop_txn *txn)
{
	for (size_t i = 0; i < txn->n; i++) {
		free(txn->changes[i].old_text);
		free(txn->changes[i].new_text);
	}
	free(txn->changes);
	smap_deinit(&txn->labels);
	*txn = (struct prop_txn)PROP_TXN_INIT;
}

/* ---- set ---- */

static int check_settable(const struct prop *p, const struct prop_ctx *ctx, struct error *err)
{
	if (prop_require(p, ctx->env, err))
		return -1;
	if (p->flags & PROP_READONLY)
		return error_set(err, ERR_INVALID_VALUE, "property '%s' is read-only", p->name);
	return 0;
}

static int check_index(const struct prop *p, const char *index, struct error *err)
{
	if (index && !(p->flags & PROP_INDEX_SET))
		return error_set(err, ERR_INVALID_VALUE,
				 "property '%s' has no index, '%.100s' was given", p->name, index);
	return 0;
}

static int check_state(const struct prop *p, enum container_state state, struct error *err)
{
	if (!(p->flags & PROP_DYNAMIC) && state != STATE_STOPPED)
		return error_set(err, ERR_INVALID_STATE,
				 "property '%s' can be set in state stopped only, not in %s",
				 p->name, state_name(state));
	if (!(p->flags & PROP_ANY) && state == STATE_DEAD)
		return error_set(err, ERR_INVALID_STATE,
				 "property '%s' cannot be set in state dead", p->name);
	return 0;
}

int prop_parse(const struct prop *p, const struct prop_ctx *ctx, const char *index,
	       const char *value, struct error *err)
{
	void *field = field_of(p, ctx->ct);

	return p->set  ? p->set(p, ctx, index, value, err)
	       : index ? p->type->set_index(p, ctx, field, index, value, err)
		       : p->type->parse(p, ctx, value, field, err);
}

static int write_value(const struct prop *p, const struct prop_ctx *ctx, const char *index,
		       const char *value, struct error *err)
{
	if (control_require(ctx, p->needs, err) || prop_parse(p, ctx, index, value, err))
		return -1;
	return p->check ? p->check(p, ctx, err) : 0;
}

static int set_checked(const struct prop *p, const struct prop_ctx *ctx, const char *index,
		       const char *value, struct prop_txn *txn, struct error *err)
{
	struct saved saved;
	int r;

	if (check_settable(p, ctx, err) || check_index(p, index, err) ||
	    check_state(p, ctx->ct->state, err))
		return -1;
	saved_take(&saved, p, ctx->ct);
	r = write_value(p, ctx, index, value, err);
	if (r) {
		saved_restore(&saved, ctx->ct);
		error_prefix(err, "property '%s'", p->name);
	} else {
		txn_commit(txn, &saved, ctx->ct);
	}
	saved_deinit(&saved);
	return r;
}

static int check_not_root(const struct prop_ctx *ctx, struct error *err)
{
	if (container_is_root(ctx->ct))
		return error_set(err, ERR_PERMISSION, "the root container is read-only");
	return 0;
}

int prop_set(const struct prop_ctx *ctx, const char *name, const char *value, struct prop_txn *txn,
	     struct error *err)
{
	auto_free char *trimmed = NULL;
	struct prop_name n;
	int r;

	if (check_not_root(ctx, err))
		return -1;
	if (prop_name_parse(name, &n, err))
		return -1;
	if (!n.prop)
		return error_set(err, ERR_INVALID_PROPERTY,
				 "'%.200s' is not a property that can be set", name);
	trimmed = str_trim(value);
	r = set_checked(n.prop, ctx, n.index, trimmed, txn, err);
	prop_name_deinit(&n);
	return r;
}

/* ---- write ---- */

static bool is_unchanged(const struct saved *s, struct container *ct)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct prop_change *c = &s->changes[i];
		auto_free char *now = c->prop->type->save(c->prop, field_of(c->prop, ct));

		if (!str_eq(now, c->old_text))
			return false;
	}
	return ct->spec.controllers == s->controllers;
}

/* The value is written. Is it to be kept (0), was it there already (1), or is it refused (-1)? */
static int judge_write(const struct prop *p, const struct prop_ctx *ctx, const struct saved *s,
		       struct error *err)
{
	bool refused = check_state(p, ctx->ct->state, err) != 0;
	bool missing = p->needs && !control_owns(ctx->ct, p->needs);

	if ((refused || (missing && !s->changes[0].old_set)) && is_unchanged(s, ctx->ct)) {
		error_clear(err);
		return 1;
	}
	if (refused)
		return -1;
	if (control_require(ctx, p->needs, err))
		return error_prefix(err, "property '%s'", p->name);
	return 0;
}

int prop_write(const struct prop_ctx *ctx, const struct prop *p, prop_writer *write,
	       const void *arg, struct prop_txn *txn, struct error *err)
{
	struct saved saved;
	int r;

	if (check_not_root(ctx, err) || check_settable(p, ctx, err))
		return -1;
	saved_take(&saved, p, ctx->ct);
	r = write(p, ctx, arg, err);
	if (r)
		error_prefix(err, "property '%s'", p->name);
	else
		r = judge_write(p, ctx, &saved, err);
	if (r)
		saved_restore(&saved, ctx->ct);
	else
		txn_commit(txn, &saved, ctx->ct);
	saved_deinit(&saved);
	return r;
}

int prop_check(const struct prop_ctx *ctx, const struct prop *p, struct error *err)
{
	if (p->check && p->check(p, ctx, err))
		return error_prefix(err, "property '%s'", p->name);
	return 0;
}

int label_set(struct container *ct, const char *name, const char *value, struct error *err)
{
	if (label_map_set(&ct->spec.labels, name, value, err))
		return -1;
	container_mark_set(ct, ROW_labels, true);
	ct->change_time = clock_wall_sec();
	return 0;
}
