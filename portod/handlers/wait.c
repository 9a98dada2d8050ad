/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting: one request that is answered when a container ends (Wait), or notifications pushed to
 * the connection until it says stop (AsyncWait). One async subscription per connection, as ever:
 * a new one replaces the old.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "handlers/reply.h"

struct waiting {
	struct watch watch;
	ev_timer timer;
	const struct handler_env *env;
	struct request *rq; /* of a sync wait */
	struct conn *conn;  /* of an async one */
};

static void waiting_free(struct waiting *w)
{
	ev_timer_stop(loop_ev(w->env->loop), &w->timer);
	watch_deinit(&w->watch);
	free(w);
}

static void fill(Porto__TWaitResponse *m, const struct watch_report *r)
{
	m->name = (char *)(uintptr_t)r->name;
	m->state = (char *)(uintptr_t)r->state;
	m->has_when = true;
	m->when = r->when;
	m->label = (char *)(uintptr_t)r->label;
	m->value = (char *)(uintptr_t)r->value;
}

static void report_sync(struct watch *watch, const struct watch_report *r)
{
	struct waiting *w = container_of(watch, struct waiting, watch);
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TWaitResponse m = PORTO__TWAIT_RESPONSE__INIT;

	fill(&m, r);
	resp.wait = &m;
	w->rq->on_abandon = NULL;
	request_reply(w->rq, &resp);
	waiting_free(w);
}

/* The client does not read, and what it is told must have an end. It hears that it missed
 * something, after all that it did not miss, and can ask anew. */
static void overflow(struct waiting *w)
{
	const struct client *client = w->watch.client;
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TWaitResponse m = PORTO__TWAIT_RESPONSE__INIT;
	struct watch_report r = { .name = "", .state = "overflow", .when = clock_wall_sec() };

	log_warning("client %s(%d) does not read its notifications, %zu bytes are unsent: closing",
		    client->comm, client->pid, conn_unsent(w->conn));
	fill(&m, &r);
	resp.asyncwait = &m;
	request_push_last(w->conn, &resp);
}

static const struct buf *pack_report(struct report_cache *cache, const struct watch_report *r)
{
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TWaitResponse m = PORTO__TWAIT_RESPONSE__INIT;

	if (r->event && r->event == cache->event && r->name == cache->name)
		return &cache->packed;
	fill(&m, r);
	resp.asyncwait = &m;
	request_pack_push(&resp, &cache->packed);
	cache->event = r->event;
	cache->name = r->name;
	return &cache->packed;
}

static void report_async(struct watch *watch, const struct watch_report *r)
{
	struct waiting *w = container_of(watch, struct waiting, watch);

	if (!request_push(w->conn, pack_report(w->env->reports, r)) && conn_is_open(w->conn))
		overflow(w);
	if (r->last)
		waiting_free(w);
}

static void on_timeout(struct ev_loop *ev, ev_timer *t, int revents)
{
	struct waiting *w = container_of(t, struct waiting, timer);

	(void)ev;
	(void)revents;
	watch_time_out(&w->watch);
}

static void abandon_wait(struct request *rq)
{
	waiting_free(rq->waiter);
}

static struct waiting *waiting_new(const struct handler_env *env, struct request *rq, bool async)
{
	const Porto__TWaitRequest *m = (const Porto__TWaitRequest *)rq->args;
	struct waiting *w = xnew(struct waiting);

	watch_init(&w->watch, rq->client, async);
	w->watch.report = async ? report_async : report_sync;
	w->env = env;
	w->rq = async ? NULL : rq;
	w->conn = rq->conn;
	ev_timer_init(&w->timer, on_timeout, 0., 0.);
	for (size_t i = 0; i < m->n_label; i++)
		strv_add(&w->watch.labels, m->label[i]);
	return w;
}

static void arm(struct waiting *w, const Porto__TWaitRequest *m)
{
	if (m->has_timeout_ms)
		loop_start_timer(w->env->loop, &w->timer, m->timeout_ms / 1e3);
}

#define WAIT_BYTES_MAX (1 << 20) /* of all names and labels; they stay as long as the wait */

static size_t bytes_of(const Porto__TWaitRequest *m)
{
	size_t bytes = strlen(or_empty(m->target_state));

	for (size_t i = 0; i < m->n_name; i++)
		bytes += strlen(m->name[i]);
	for (size_t i = 0; i < m->n_label; i++)
		bytes += strlen(m->label[i]);
	return bytes;
}

static int check_size(const struct handler_env *env, const Porto__TWaitRequest *m,
		      struct error *err)
{
	size_t bytes = bytes_of(m);

	if (bytes > WAIT_BYTES_MAX)
		return error_set(err, ERR_RESOURCE_NOT_AVAILABLE,
				 "a wait for names and labels of %zu bytes is too large, the limit "
				 "is %d bytes",
				 bytes, WAIT_BYTES_MAX);
	if (m->n_name > env->max_waiters || m->n_label > env->max_waiters)
		return error_set(err, ERR_RESOURCE_NOT_AVAILABLE,
				 "a wait for %zu names and %zu labels is too large, the limit of "
				 "each is %u (daemon.max_client_waiters)",
				 m->n_name, m->n_label, env->max_waiters);
	return 0;
}

/* ---- Wait ---- */

static void fail_name(struct request *rq, const struct error *err, const char *name)
{
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TWaitResponse m = PORTO__TWAIT_RESPONSE__INIT;

	m.name = (char *)(uintptr_t)name;
	resp.wait = &m;
	request_fail_with(rq, err, &resp);
}

/* Explicit names in their order; false = the request was answered. */
static bool add_names(const struct handler_env *env, struct request *rq, struct waiting *w,
		      const Porto__TWaitRequest *m)
{
	struct error err = ERROR_INIT;
	struct container *ct;

	for (size_t i = 0; i < m->n_name; i++) {
		if (watch_add_name(&w->watch, m->name[i], &err) ||
		    (!mask_is_pattern(m->name[i]) &&
		     client_resolve(rq->client, env->ops->tree, m->name[i], &ct, &err))) {
			fail_name(rq, &err, m->name[i]);
			waiting_free(w);
			return false;
		}
		if (!mask_is_pattern(m->name[i]) && watch_is_satisfied(&w->watch, ct)) {
			watch_finish_now(&w->watch, ct);
			return false;
		}
	}
	return true;
}

static bool check_masks(const struct handler_env *env, struct waiting *w)
{
	struct container **all;
	size_t n;
	bool open = true;

	if (w->watch.masks.n == 0)
		return true;
	n = tree_sorted(env->ops->tree, &all);
	for (size_t i = 0; i < n && open; i++) {
		if (watch_is_satisfied(&w->watch, all[i])) {
			watch_finish_now(&w->watch, all[i]);
			open = false;
		}
	}
	free(all);
	return open;
}

void handle_wait(const struct handler_env *env, struct request *rq)
{
	const Porto__TWaitRequest *m = ARGS(rq, TWaitRequest);
	struct error err = ERROR_INIT;
	struct waiting *w;

	if (check_size(env, m, &err) == 0 && m->n_name == 0)
		error_set(&err, ERR_INVALID_VALUE, "no containers to wait for were given");
	if (err.code) {
		request_fail(rq, &err);
		return;
	}
	w = waiting_new(env, rq, false);
	if (!add_names(env, rq, w, m) || !check_masks(env, w))
		return;
	if (m->has_timeout_ms && m->timeout_ms == 0) {
		watch_time_out(&w->watch);
		return;
	}
	watches_add(env->ops->watches, &w->watch);
	arm(w, m);
	rq->waiter = w;
	rq->on_abandon = abandon_wait;
}

/* ---- AsyncWait ---- */

/* All that StopAsyncWait has to repeat. */
static void describe(struct strv *out, const Porto__TWaitRequest *m)
{
	for (size_t i = 0; i < m->n_name; i++)
		strv_add(out, m->name[i]);
	strv_add(out, "");
	for (size_t i = 0; i < m->n_label; i++)
		strv_add(out, m->label[i]);
	strv_add(out, "");
	strv_add(out, or_empty(m->target_state));
}

static struct waiting *current(const struct client *client, bool async)
{
	struct watch *watch;

	list_for_each(watch, &client->waiters, client_node)
		if (watch->async == async)
			return container_of(watch, struct waiting, watch);
	return NULL;
}

/* What is known already is told before the reply. false = the target state was reached. */
static bool report_present(const struct handler_env *env, struct waiting *w)
{
	struct container **all;
	size_t n = tree_sorted(env->ops->tree, &all);
	bool open = true;

	for (size_t i = 0; i < n && open; i++)
		open = watch_report_now(&w->watch, all[i]);
	free(all);
	return open;
}

static void subscribe(const struct handler_env *env, struct waiting *w,
		      const Porto__TWaitRequest *m)
{
	if (!report_present(env, w))
		return;
	if (m->has_timeout_ms && m->timeout_ms == 0) {
		watch_time_out(&w->watch);
		return;
	}
	watches_add(env->ops->watches, &w->watch);
	arm(w, m);
}

void handle_async_wait(const struct handler_env *env, struct request *rq)
{
	const Porto__TWaitRequest *m = ARGS(rq, TWaitRequest);
	struct waiting *old = current(rq->client, true), *w;
	struct error err = ERROR_INIT;

	if (check_size(env, m, &err)) {
		request_fail(rq, &err);
		return;
	}
	w = waiting_new(env, rq, true);
	describe(&w->watch.raw, m);
	for (size_t i = 0; i < m->n_name; i++) {
		if (watch_add_name(&w->watch, m->name[i], &err)) {
			waiting_free(w);
			request_fail(rq, &err);
			return;
		}
	}
	if (!str_is_empty(m->target_state))
		str_set(&w->watch.target_state, m->target_state);
	if (old)
		waiting_free(old);
	if (m->n_name)
		subscribe(env, w, m);
	else
		waiting_free(w); /* only to drop the old one */
	request_ok(rq);
}

void handle_stop_async_wait(const struct handler_env *env, struct request *rq)
{
	struct waiting *w = current(rq->client, true);
	auto_strv wanted = STRV_INIT;
	struct error err = ERROR_INIT;

	(void)env;
	describe(&wanted, ARGS(rq, TWaitRequest));
	if (!w || !strv_eq(&wanted, &w->watch.raw)) {
		error_set(&err, ERR_INVALID_VALUE,
			  "this connection has no async wait with these names, labels and target "
			  "state");
		request_fail(rq, &err);
		return;
	}
	waiting_free(w);
	request_ok(rq);
}

void wait_client_gone(struct client *client)
{
	struct waiting *w = current(client, true);

	/* Sync ones go with their request. */
	if (w)
		waiting_free(w);
}

bool wait_client_refused(struct client *client, const struct error *err)
{
	struct waiting *w = current(client, false);
	struct request *rq = w ? w->rq : NULL;

	wait_client_gone(client);
	if (!w)
		return false;
	waiting_free(w);
	rq->on_abandon = NULL;
	request_fail(rq, err);
	return true;
}
