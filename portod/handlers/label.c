/* SPDX-License-Identifier: Apache-2.0 */
/* Labels: find, compare and set, add. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "handlers/reply.h"

/* ---- FindLabel ---- */

struct finder {
	const struct handler_env *env;
	struct request *rq;
	const Porto__TFindLabelRequest *m;
	Porto__TFindLabelResponse resp;
	size_t cap;
};

static void add_found(struct finder *f, const struct container *ct, const char *name,
		      const char *label, const char *value)
{
	Porto__TFindLabelResponse__TFindLabelEntry *e;

	if (f->m->value && strcmp(f->m->value, value) != 0)
		return;
	e = request_alloc(f->rq, sizeof(*e));
	porto__tfind_label_response__tfind_label_entry__init(e);
	e->name = (char *)(uintptr_t)name;
	e->state = (char *)(uintptr_t)state_name(ct->state);
	e->label = (char *)(uintptr_t)label;
	e->value = (char *)(uintptr_t)value;
	if (f->resp.n_list == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 16;
		f->resp.list = xreallocarray(f->resp.list, f->cap, sizeof(*f->resp.list));
	}
	f->resp.list[f->resp.n_list++] = e;
}

static void look_at(struct finder *f, const struct container *ct)
{
	const char *name = client_compose(f->rq->client, ct), *value;
	const struct smap *labels = &ct->spec.labels;

	if (!name || (f->m->mask && !mask_match(f->m->mask, name)))
		return;
	if (f->m->state && strcmp(f->m->state, state_name(ct->state)) != 0)
		return;
	if (!mask_is_pattern(f->m->label)) {
		if ((value = label_get(ct, f->m->label)))
			add_found(f, ct, name, f->m->label, value);
		return;
	}
	for (size_t i = 0; i < labels->n; i++)
		if (mask_match(f->m->label, labels->e[i].key))
			add_found(f, ct, name, labels->e[i].key, labels->e[i].val);
}

void handle_find_label(const struct handler_env *env, struct request *rq)
{
	struct finder f = { .env = env,
			    .rq = rq,
			    .m = ARGS(rq, TFindLabelRequest),
			    .resp = PORTO__TFIND_LABEL_RESPONSE__INIT };
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	struct error err = ERROR_INIT;
	struct container **all;
	size_t n;

	if (str_is_empty(f.m->label)) {
		error_set(&err, ERR_INVALID_LABEL, "no label to look for was given");
		request_fail(rq, &err);
		return;
	}
	n = tree_sorted(env->ops->tree, &all);
	if (!*rq->client->read_ns)
		look_at(&f, tree_root(env->ops->tree));
	for (size_t i = 0; i < n; i++)
		look_at(&f, all[i]);
	resp.findlabel = &f.resp;
	request_reply(rq, &resp);
	free(f.resp.list);
	free(all);
}

/* ---- SetLabel ---- */

static int compare(const Porto__TSetLabelRequest *m, const struct container *ct, const char *prev,
		   struct error *err)
{
	if (m->prev_value && !prev && *m->prev_value)
		return error_set(err, ERR_LABEL_NOT_FOUND,
				 "container %s has no label %s, expected '%s'", ct->name, m->label,
				 m->prev_value);
	if (m->prev_value && prev && strcmp(m->prev_value, prev) != 0)
		return error_set(err, ERR_BUSY, "label %s of container %s is '%s', expected '%s'",
				 m->label, ct->name, prev, m->prev_value);
	if (m->state && strcmp(m->state, state_name(ct->state)) != 0)
		return error_set(err, ERR_INVALID_STATE, "container %s is %s, expected %s",
				 ct->name, state_name(ct->state), m->state);
	return 0;
}

void handle_set_label(const struct handler_env *env, struct request *rq)
{
	const Porto__TSetLabelRequest *m = ARGS(rq, TSetLabelRequest);
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TSetLabelResponse reply = PORTO__TSET_LABEL_RESPONSE__INIT;
	struct container *ct = reply_resolve_control(env, rq, m->name);
	struct error err = ERROR_INIT;
	const char *prev;

	if (!ct)
		return;
	if (label_check_name(or_empty(m->label), &err) ||
	    label_check_value(or_empty(m->value), &err)) {
		request_fail(rq, &err);
		return;
	}
	prev = label_get(ct, m->label);
	if (prev)
		reply.prev_value = request_strdup(rq, prev);
	reply.state = (char *)(uintptr_t)state_name(ct->state);
	resp.setlabel = &reply;
	if (compare(m, ct, prev, &err) ||
	    ops_set_label(env->ops, ct, m->label, or_empty(m->value), &err))
		request_fail_with(rq, &err, &resp);
	else
		request_reply(rq, &resp);
}

/* ---- IncLabel ---- */

/* *result is the new value, or the present one when adding fails. */
static int add(const struct container *ct, const char *label, int64_t by, int64_t *result,
	       struct error *err)
{
	const char *prev = label_get(ct, label);
	int64_t value = 0;

	*result = 0;
	if (!prev && by == 0)
		return error_set(err, ERR_LABEL_NOT_FOUND, "container %s has no label %s", ct->name,
				 label);
	if (prev && num_parse_i64(prev, &value))
		return error_set(err, ERR_INVALID_VALUE,
				 "label %s of container %s is '%s', not a number", label, ct->name,
				 prev);
	*result = value;
	if (__builtin_add_overflow(value, by, &value))
		return error_set(err, ERR_INVALID_VALUE,
				 "label %s of container %s would overflow: %" PRId64 " + %" PRId64,
				 label, ct->name, *result, by);
	return 0;
}

void handle_inc_label(const struct handler_env *env, struct request *rq)
{
	const Porto__TIncLabelRequest *m = ARGS(rq, TIncLabelRequest);
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TIncLabelResponse reply = PORTO__TINC_LABEL_RESPONSE__INIT;
	int64_t by = m->has_add ? m->add : 1, result = 0;
	struct container *ct = reply_resolve_control(env, rq, m->name);
	struct error err = ERROR_INIT;
	char text[32];
	int rc;

	if (!ct)
		return;
	if (label_check_name(or_empty(m->label), &err)) {
		request_fail(rq, &err);
		return;
	}
	rc = add(ct, m->label, by, &result, &err);
	if (rc == 0) {
		snprintf(text, sizeof(text), "%" PRId64, result + by);
		rc = ops_set_label(env->ops, ct, m->label, text, &err);
		if (rc == 0)
			result += by;
	}
	reply.has_result = true;
	reply.result = result;
	resp.inclabel = &reply;
	if (rc)
		request_fail_with(rq, &err, &resp);
	else
		request_reply(rq, &resp);
}
