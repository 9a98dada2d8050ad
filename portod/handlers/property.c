/* SPDX-License-Identifier: Apache-2.0 */
/* Properties as text. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "handlers/reply.h"

/* ---- one ---- */

static int get(const struct handler_env *env, struct request *rq, const char *name,
	       const char *property, bool sync, bool real, const struct prop_parts *parts,
	       struct buf *out, struct error *err)
{
	struct prop_ctx ctx = {
		.env = env->props, .client = rq->client, .sync = sync, .real = real, .parts = parts
	};

	if (client_resolve(rq->client, env->ops->tree, or_empty(name), &ctx.ct, err))
		return -1;
	return prop_get(&ctx, or_empty(property), out, err);
}

/* Does it take a job to read it? Then that is started, and `again` called with what it read. */
static bool fetch_one(const struct handler_env *env, struct request *rq, const char *name,
		      const char *property, reply_again again)
{
	struct prop_parts parts = { 0 };
	struct error ignored = ERROR_INIT;
	struct container *ct;

	if (!property || !prop_may_need_job(property) ||
	    client_resolve(rq->client, env->ops->tree, or_empty(name), &ct, &ignored) ||
	    !prop_needs_job(ct, property))
		return false;
	prop_parts_add(&parts, ct, property);
	reply_with_parts(env, rq, &parts, again);
	return true;
}

static void get_property(const struct handler_env *env, struct request *rq,
			 const struct prop_parts *parts)
{
	const Porto__TGetPropertyRequest *m = ARGS(rq, TGetPropertyRequest);
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TGetPropertyResponse value = PORTO__TGET_PROPERTY_RESPONSE__INIT;
	struct error err = ERROR_INIT;
	auto_buf out = BUF_INIT;

	if (get(env, rq, m->name, m->property, m->sync, m->real, parts, &out, &err)) {
		request_fail(rq, &err);
		return;
	}
	value.value = (char *)(uintptr_t)buf_str(&out);
	resp.getproperty = &value;
	request_reply(rq, &resp);
}

void handle_get_property(const struct handler_env *env, struct request *rq)
{
	const Porto__TGetPropertyRequest *m = ARGS(rq, TGetPropertyRequest);

	if (!fetch_one(env, rq, m->name, m->property, get_property))
		get_property(env, rq, NULL);
}

static void get_data(const struct handler_env *env, struct request *rq,
		     const struct prop_parts *parts)
{
	const Porto__TGetDataPropertyRequest *m = ARGS(rq, TGetDataPropertyRequest);
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TGetDataPropertyResponse value = PORTO__TGET_DATA_PROPERTY_RESPONSE__INIT;
	struct error err = ERROR_INIT;
	auto_buf out = BUF_INIT;

	if (get(env, rq, m->name, m->data, m->sync, m->real, parts, &out, &err)) {
		request_fail(rq, &err);
		return;
	}
	value.value = (char *)(uintptr_t)buf_str(&out);
	resp.getdataproperty = &value;
	request_reply(rq, &resp);
}

void handle_get_data(const struct handler_env *env, struct request *rq)
{
	const Porto__TGetDataPropertyRequest *m = ARGS(rq, TGetDataPropertyRequest);

	if (!fetch_one(env, rq, m->name, m->data, get_data))
		get_data(env, rq, NULL);
}

void handle_set_property(const struct handler_env *env, struct request *rq)
{
	const Porto__TSetPropertyRequest *m = ARGS(rq, TSetPropertyRequest);
	struct container *ct = reply_resolve_control(env, rq, m->name);

	if (ct)
		reply_later(rq, ops_set_property(env->ops, rq->client, ct, or_empty(m->property),
						 or_empty(m->value), reply_done, rq));
}

/* ---- many at once ---- */

typedef Porto__TGetResponse__TContainerGetValueResponse get_value;
typedef Porto__TGetResponse__TContainerGetListResponse get_entry;

/* Every container with every property fits; names and variables said many times over do not. */
#define GET_VALUES_MAX (2 << 20)
#define GET_BYTES_MAX  (128 << 20)

struct collector {
	const struct handler_env *env;
	struct request *rq;
	const Porto__TGetRequest *m;
	Porto__TGetResponse resp;
	size_t cap;
	size_t values, bytes; /* in the response */
	struct error err;     /* it grew too large */
	struct buf scratch;
	const struct prop_parts *parts; /* what a job has read */
	struct prop_parts wanted;       /* what a job shall read */
};

static bool fits(struct collector *c)
{
	if (!c->err.code && (c->values > GET_VALUES_MAX || c->bytes > GET_BYTES_MAX))
		error_set(
			&c->err, ERR_RESOURCE_NOT_AVAILABLE,
			"the response to %zu names and %zu variables would be too large, the limit "
			"is %d values and %d bytes",
			c->m->n_name, c->m->n_variable, GET_VALUES_MAX, GET_BYTES_MAX);
	return !c->err.code;
}

/* For one more entry with all variables. */
static bool has_room(struct collector *c)
{
	c->values += c->m->n_variable + 1;
	return fits(c);
}

static get_entry *add_entry(struct collector *c, const char *name)
{
	get_entry *e = request_alloc(c->rq, sizeof(*e));

	if (c->resp.n_list == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 16;
		c->resp.list = xreallocarray(c->resp.list, c->cap, sizeof(*c->resp.list));
	}
	porto__tget_response__tcontainer_get_list_response__init(e);
	e->name = request_strdup(c->rq, name);
	c->resp.list[c->resp.n_list++] = e;
	return e;
}

static void set_error(struct request *rq, get_value *v, const struct error *err)
{
	char text[ERROR_MESSAGE_MAX];

	v->has_error = true;
	v->error = (Porto__EError)err->code;
	v->errormsg = request_strdup(rq, error_message(err, text, sizeof(text)));
}

/* One keyval per variable; `err` set = the container could not be had. */
static void fill_values(struct collector *c, get_entry *e, struct container *ct,
			const struct error *missing)
{
	size_t n = c->m->n_variable;
	get_value *values = request_alloc(c->rq, (n + 1) * sizeof(*values));
	struct prop_ctx ctx = { .env = c->env->props,
				.client = c->rq->client,
				.ct = ct,
				.sync = c->m->sync,
				.real = c->m->real,
				.parts = c->parts };
	struct error err = ERROR_INIT;

	e->keyval = request_alloc(c->rq, (n + 1) * sizeof(*e->keyval));
	for (size_t i = 0; i < n && c->bytes <= GET_BYTES_MAX; i++) {
		get_value *v = &values[i];

		porto__tget_response__tcontainer_get_value_response__init(v);
		v->variable = c->m->variable[i];
		e->keyval[e->n_keyval++] = v;
		if (!ct) {
			set_error(c->rq, v, missing);
			c->bytes += strlen(v->errormsg);
			continue;
		}
		buf_reset(&c->scratch);
		error_clear(&err);
		if (prop_get(&ctx, c->m->variable[i], &c->scratch, &err))
			set_error(c->rq, v, &err);
		else
			v->value = request_strdup(c->rq, buf_str(&c->scratch));
		c->bytes += strlen(v->value ? v->value : v->errormsg);
	}
}

static void add_container(struct collector *c, const char *name, struct container *ct)
{
	get_entry *e = has_room(c) ? add_entry(c, name) : NULL;

	if (!e)
		return;
	e->has_change_time = true;
	e->change_time = ct->change_time;
	if (c->m->has_changed_since && ct->change_time < c->m->changed_since) {
		e->has_no_changes = e->no_changes = true;
		return;
	}
	fill_values(c, e, ct, NULL);
}

static void add_named(struct collector *c, const char *name)
{
	struct error err = ERROR_INIT;
	struct container *ct;

	if (client_resolve(c->rq->client, c->env->ops->tree, name, &ct, &err) == 0)
		add_container(c, name, ct);
	else if (has_room(c))
		fill_values(c, add_entry(c, name), NULL, &err);
}

/* Call `fn` for each container that the names and masks mean, masks last. */
static void each_container(struct collector *c,
			   void (*by_name)(struct collector *c, const char *name),
			   void (*by_mask)(struct collector *c, const char *name,
					   struct container *ct))
{
	struct container **all;
	bool masks = false;
	size_t n;

	for (size_t i = 0; i < c->m->n_name; i++) {
		if (mask_is_pattern(c->m->name[i]))
			masks = true;
		else
			by_name(c, c->m->name[i]);
	}
	n = masks ? tree_sorted(c->env->ops->tree, &all) : 0;
	for (size_t i = 0; i < n; i++) {
		const char *name = client_compose(c->rq->client, all[i]);

		for (size_t k = 0; name && k < c->m->n_name; k++) {
			if (mask_is_pattern(c->m->name[k]) && mask_match(c->m->name[k], name)) {
				by_mask(c, name, all[i]);
				break;
			}
		}
	}
	if (masks)
		free(all);
}

static void get_all(const struct handler_env *env, struct request *rq,
		    const struct prop_parts *parts)
{
	struct collector c = { .env = env,
			       .rq = rq,
			       .m = ARGS(rq, TGetRequest),
			       .resp = PORTO__TGET_RESPONSE__INIT,
			       .parts = parts };
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;

	each_container(&c, add_named, add_container);
	resp.get = &c.resp;
	if (fits(&c))
		request_reply(rq, &resp);
	else
		request_fail(rq, &c.err);
	free(c.resp.list);
	buf_deinit(&c.scratch);
}

/* ---- what it takes a job to read ---- */

#define PARTS_MAX 1000

static void want_container(struct collector *c, const char *name, struct container *ct)
{
	(void)name;
	for (size_t i = 0; i < c->m->n_variable && c->wanted.n < PARTS_MAX; i++) {
		if (prop_needs_job(ct, c->m->variable[i]))
			prop_parts_add(&c->wanted, ct, c->m->variable[i]);
	}
}

static void want_named(struct collector *c, const char *name)
{
	struct error ignored = ERROR_INIT;
	struct container *ct;

	if (client_resolve(c->rq->client, c->env->ops->tree, name, &ct, &ignored) == 0)
		want_container(c, name, ct);
}

static bool asks_for_streams(const Porto__TGetRequest *m)
{
	for (size_t i = 0; i < m->n_variable; i++) {
		if (prop_may_need_job(m->variable[i]))
			return true;
	}
	return false;
}

void handle_get(const struct handler_env *env, struct request *rq)
{
	struct collector c = { .env = env, .rq = rq, .m = ARGS(rq, TGetRequest) };

	if (asks_for_streams(c.m))
		each_container(&c, want_named, want_container);
	if (c.wanted.n)
		reply_with_parts(env, rq, &c.wanted, get_all);
	else
		get_all(env, rq, NULL);
}
