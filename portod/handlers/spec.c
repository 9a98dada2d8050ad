/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CreateFromSpec and UpdateFromSpec: many properties in one transaction, then perhaps a start, and
 * what was done is taken back when that fails.
 *
 * Creating is over at once: nobody ever sees a container that has a part of its properties. With a
 * start it is weak until it runs, whatever the spec says, so that it goes with a client that leaves
 * or a server that dies in between: nobody has been told of it then.
 */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "handlers/reply.h"
#include "props/spec.h"

enum spec_phase { SPEC_LOADING, SPEC_STARTING, SPEC_CLEANING };

struct spec_call {
	const struct handler_env *env;
	struct request *rq; /* NULL = the client is gone */
	const Porto__TContainerSpec *spec;
	enum spec_phase phase;
	struct op *op; /* while loading, if it has to wait */
	bool create, start;
	bool weak, weak_set; /* as the spec says, of a container that is to be started */
	char *name;          /* absolute, of a container to be created */
	struct container *ct;
	struct prop_txn kept; /* of an update that is followed by a start */
	struct error err;     /* why the start failed */
};

static void call_free(struct spec_call *c)
{
	prop_txn_deinit(&c->kept);
	container_unref(c->ct);
	free(c->name);
	free(c);
}

static void finish(struct spec_call *c, const struct error *err)
{
	struct request *rq = c->rq;
	struct error why = *err;

	call_free(c);
	if (!rq)
		return;
	if (why.code)
		request_fail(rq, &why);
	else
		request_ok(rq);
}

/* Nothing that began is left half done; only what still waits for its turn is dropped. */
static void abandon(struct request *rq)
{
	struct spec_call *c = rq->waiter;

	c->rq = NULL;
	if (c->phase != SPEC_LOADING)
		return;
	op_abandon(c->op);
	call_free(c);
}

static struct spec_call *call_new(const struct handler_env *env, struct request *rq,
				  const Porto__TContainerSpec *spec, bool start)
{
	struct spec_call *c = xnew(struct spec_call);

	c->env = env;
	c->rq = rq;
	c->spec = spec;
	c->start = start;
	rq->waiter = c;
	rq->on_abandon = abandon;
	return c;
}

static int load(const struct prop_ctx *ctx, void *arg, struct prop_txn *txn, struct error *err)
{
	struct spec_call *c = arg;
	unsigned row = prop_row(prop_find("weak"));
	struct container *ct = ctx->ct;

	if (spec_load(ctx, c->spec, txn, err))
		return -1;
	if (c->create && c->start) {
		c->weak = ct->spec.weak;
		c->weak_set = container_is_set(ct, row);
		ct->spec.weak = true;
		container_mark_set(ct, row, true);
	}
	return 0;
}

/* ---- the end of a start ---- */

static void cleaned(struct op *op, const struct error *err, void *user)
{
	struct spec_call *c = user;

	(void)op, (void)err; /* gone meanwhile, at worst */
	finish(c, &c->err);
}

static int revert(const struct prop_ctx *ctx, void *arg, struct prop_txn *txn, struct error *err)
{
	struct spec_call *c = arg;

	(void)err;
	prop_revert(ctx, &c->kept, txn);
	return 0;
}

static void start_failed(struct spec_call *c, const struct error *err)
{
	struct ops *ops = c->env->ops;

	c->err = *err;
	c->phase = SPEC_CLEANING;
	if (c->create)
		ops_destroy(ops, c->ct, cleaned, c);
	else
		ops_change(ops, ops->internal, c->ct, revert, c, cleaned, c);
}

static void started(struct op *op, const struct error *err, void *user)
{
	struct spec_call *c = user;

	(void)op;
	if (err->code) {
		start_failed(c, err);
		return;
	}
	/* Of a client that left nobody will ever know: it stays weak, and goes. */
	if (c->create && c->rq && !c->weak)
		ops_keep(c->env->ops, c->ct, c->weak_set);
	finish(c, err);
}

static void start(struct spec_call *c)
{
	c->phase = SPEC_STARTING;
	ops_start(c->env->ops, c->rq->client, c->ct, started, c);
}

/* ---- create ---- */

static void created(struct op *op, const struct error *err, void *user)
{
	struct spec_call *c = user;

	(void)op;
	if (err->code || !c->start) {
		finish(c, err);
		return;
	}
	c->ct = container_ref(tree_find(c->env->ops->tree, c->name));
	start(c);
}

static int check_spec(const Porto__TContainerSpec *spec, struct error *err)
{
	if (!spec)
		return error_set(err, ERR_INVALID_VALUE, "no spec of a container is given");
	return spec_check(spec, err);
}

static int check_create(const struct client *client, const Porto__TCreateFromSpecRequest *m,
			char **ret_name, struct error *err)
{
	if (check_spec(m->container, err))
		return -1;
	if (m->n_volumes)
		return error_set(err, ERR_NOT_SUPPORTED,
				 "container '%s': volumes of a spec are not supported by this "
				 "version of portod",
				 or_empty(m->container->name));
	return reply_new_name(client, or_empty(m->container->name), ret_name, err);
}

void handle_create_from_spec(const struct handler_env *env, struct request *rq)
{
	const Porto__TCreateFromSpecRequest *m = ARGS(rq, TCreateFromSpecRequest);
	struct error err = ERROR_INIT;
	struct spec_call *c;
	char *name = NULL;
	struct op *op;

	if (check_create(rq->client, m, &name, &err)) {
		request_fail(rq, &err);
		return;
	}
	c = call_new(env, rq, m->container, m->has_start && m->start);
	c->create = true;
	c->name = name;
	op = ops_create_with(env->ops, rq->client, name, load, c, created, c);
	if (op) /* otherwise the call is over */
		c->op = op;
}

/* ---- update ---- */

static void updated(struct op *op, const struct error *err, void *user)
{
	struct spec_call *c = user;

	if (err->code || !c->start || state_is_started(c->ct->state)) {
		finish(c, err);
		return;
	}
	ops_change_take(op, &c->kept);
	start(c);
}

void handle_update_from_spec(const struct handler_env *env, struct request *rq)
{
	const Porto__TUpdateFromSpecRequest *m = ARGS(rq, TUpdateFromSpecRequest);
	struct error err = ERROR_INIT;
	struct container *ct;
	struct spec_call *c;
	struct op *op;

	if (check_spec(m->container, &err)) {
		request_fail(rq, &err);
		return;
	}
	ct = reply_resolve_control(env, rq, m->container->name);
	if (!ct)
		return;
	c = call_new(env, rq, m->container, m->has_start && m->start);
	c->ct = container_ref(ct);
	op = ops_change(env->ops, rq->client, ct, load, c, updated, c);
	if (op)
		c->op = op;
}
