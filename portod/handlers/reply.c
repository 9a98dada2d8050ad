/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/reply.h"

#include <string.h>

#include "base/str.h"

int check_new_container_name(const char *name, struct error *err)
{
	if (!*name)
		return error_set(err, ERR_INVALID_VALUE, "container name is empty");
	if (strstr(name, "//") || str_has_suffix(name, "/"))
		return error_set(err, ERR_INVALID_VALUE,
				 "container name '%s' has an empty component", name);
	return 0;
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
