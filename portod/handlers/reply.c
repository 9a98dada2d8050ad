/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/reply.h"

#include "ops/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"

int reply_new_name(const struct client *client, const char *given, char **ret, struct error *err)
{
	if (!*given)
		return error_set(err, ERR_INVALID_VALUE, "container name is empty");
	if (strstr(given, "//") || str_has_suffix(given, "/"))
		return error_set(err, ERR_INVALID_VALUE,
				 "container name '%s' has an empty component", given);
	if (client_resolve_name(client, given, ret, err))
		return -1;
	if (**ret)
		return 0;
	free(take_ptr(*ret));
	return error_set(err, ERR_INVALID_VALUE,
			 "container name '%s' stands for the root container", given);
}

struct container *reply_resolve(const struct handler_env *env, struct request *rq, const char *name)
{
	struct error err = ERROR_INIT;
	struct container *ct;

	if (client_resolve(rq->client, env->ops->tree, or_empty(name), &ct, &err) == 0)
		return ct;
	request_fail(rq, &err);
	return NULL;
}

struct container *reply_resolve_control(const struct handler_env *env, struct request *rq,
					const char *name)
{
	struct error err = ERROR_INIT;
	struct container *ct = reply_resolve(env, rq, name);

	if (ct && client_can_control(rq->client, ct, false, &err)) {
		request_fail(rq, &err);
		return NULL;
	}
	return ct;
}

void reply_done(struct op *op, const struct error *err, void *user)
{
	struct request *rq = user;

	(void)op;
	if (err->code)
		request_fail(rq, err);
	else
		request_ok(rq);
}

static void abandon_op(struct request *rq)
{
	op_abandon(rq->waiter);
}

void reply_later(struct request *rq, struct op *op)
{
	if (!op)
		return;
	rq->waiter = op;
	rq->on_abandon = abandon_op;
}

/* ---- values that a job reads ---- */

struct part_wait {
	const struct handler_env *env;
	struct request *rq;
	reply_again again;
	struct fetch *fetch;
};

static void on_parts(struct prop_parts *parts, void *user)
{
	struct part_wait *w = user;

	w->rq->on_abandon = NULL;
	w->again(w->env, w->rq, parts); /* the request is gone after */
	prop_parts_deinit(parts);
}

static void abandon_parts(struct request *rq)
{
	struct part_wait *w = rq->waiter;

	fetch_cancel(w->fetch);
}

void reply_with_parts(const struct handler_env *env, struct request *rq, struct prop_parts *parts,
		      reply_again again)
{
	struct part_wait *w = request_alloc(rq, sizeof(*w));

	*w = (struct part_wait){ .env = env, .rq = rq, .again = again };
	rq->waiter = w;
	rq->on_abandon = abandon_parts;
	w->fetch = fetch_start(env->ops, rq->client, parts, on_parts, w);
}
