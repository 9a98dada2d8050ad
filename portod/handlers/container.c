/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a container. */
#include "handlers/reply.h"

static void create(const struct handler_env *env, struct request *rq, bool weak)
{
	const char *given = or_empty(ARGS(rq, TCreateRequest)->name);
	auto_free char *name = NULL;
	struct error err = ERROR_INIT;

	if (reply_new_name(rq->client, given, &name, &err)) {
		request_fail(rq, &err);
		return;
	}
	reply_later(rq, ops_create(env->ops, rq->client, name, weak, reply_done, rq));
}

void handle_create(const struct handler_env *env, struct request *rq)
{
	create(env, rq, false);
}

void handle_create_weak(const struct handler_env *env, struct request *rq)
{
	create(env, rq, true);
}

void handle_destroy(const struct handler_env *env, struct request *rq)
{
	struct container *ct = reply_resolve_control(env, rq, ARGS(rq, TDestroyRequest)->name);

	if (ct)
		reply_later(rq, ops_destroy(env->ops, ct, reply_done, rq));
}

void handle_start(const struct handler_env *env, struct request *rq)
{
	struct container *ct = reply_resolve_control(env, rq, ARGS(rq, TStartRequest)->name);

	if (ct)
		reply_later(rq, ops_start(env->ops, rq->client, ct, reply_done, rq));
}

void handle_stop(const struct handler_env *env, struct request *rq)
{
	const Porto__TStopRequest *m = ARGS(rq, TStopRequest);
	uint64_t timeout = m->has_timeout_ms ? m->timeout_ms : env->ops->config->stop_timeout_ms;
	struct container *ct = reply_resolve_control(env, rq, m->name);

	bool keep = ct && m->has_keep && m->keep;

	/* Without ct the request was answered and is gone, with all it held. */
	if (keep)
		reply_later(rq, ops_stop_keep(env->ops, ct, timeout, reply_done, rq));
	else if (ct)
		reply_later(rq, ops_stop(env->ops, ct, timeout, reply_done, rq));
}

void handle_pause(const struct handler_env *env, struct request *rq)
{
	struct container *ct = reply_resolve_control(env, rq, ARGS(rq, TPauseRequest)->name);

	if (ct)
		reply_later(rq, ops_pause(env->ops, ct, reply_done, rq));
}

void handle_resume(const struct handler_env *env, struct request *rq)
{
	struct container *ct = reply_resolve_control(env, rq, ARGS(rq, TResumeRequest)->name);

	if (ct)
		reply_later(rq, ops_resume(env->ops, ct, reply_done, rq));
}

void handle_respawn(const struct handler_env *env, struct request *rq)
{
	struct container *ct = reply_resolve_control(env, rq, ARGS(rq, TRespawnRequest)->name);

	if (ct)
		reply_later(rq, ops_respawn(env->ops, rq->client, ct, reply_done, rq));
}

void handle_kill(const struct handler_env *env, struct request *rq)
{
	const Porto__TKillRequest *m = ARGS(rq, TKillRequest);
	struct container *ct = reply_resolve_control(env, rq, m->name);
	struct error err = ERROR_INIT;

	if (!ct)
		return;
	if (m->has_all && m->all) {
		reply_later(rq, ops_kill_all(env->ops, ct, m->sig, reply_done, rq));
		return;
	}
	if (ops_kill(env->ops, ct, m->sig, &err))
		request_fail(rq, &err);
	else
		request_ok(rq);
}
