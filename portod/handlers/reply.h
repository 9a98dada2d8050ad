/* SPDX-License-Identifier: Apache-2.0 */
/* Private to handlers/: what most of them need. */
#pragma once

#include "handlers/handlers.h"

/* The sub-message of the method, typed. */
#define ARGS(rq, type) ((const Porto__##type *)(rq)->args)

static inline const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* Absolute name of a container to be created; new string. ERR_INVALID_VALUE also for empty
 * components, which normalising would hide, and for the root container by any name. */
int reply_new_name(const struct client *client, const char *given, char **ret, struct error *err);
/* Container by the client's name for it; answers the request and returns NULL on failure. */
struct container *reply_resolve(const struct handler_env *env, struct request *rq,
				const char *name);
/* The same, and the client may change it. */
struct container *reply_resolve_control(const struct handler_env *env, struct request *rq,
					const char *name);
/* `done` of an operation: answer the request `user`. */
void reply_done(struct op *op, const struct error *err, void *user);
/* The operation answers later; NULL = it has answered. */
void reply_later(struct request *rq, struct op *op);

/* Values of properties that only a job can read (prop_needs_job()): `again` is called when it has,
 * unless the client is gone by then. *parts is moved. */
typedef void (*reply_again)(const struct handler_env *env, struct request *rq,
			    const struct prop_parts *parts);
void reply_with_parts(const struct handler_env *env, struct request *rq, struct prop_parts *parts,
		      reply_again again);
