/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscriptions and the queue of their events.
 *
 * Whatever reads a socket only queues events; callbacks run in porto_dispatch() and nowhere else.
 * porto_fd() is an epoll set of the sockets that have a subscription and of a timer, which fires
 * when there is work that no socket announces: events queued by another call, a lost connection.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "client/event.h"

#define RETRY_FIRST_NS 50000000ULL
#define RETRY_MAX_NS   1000000000ULL

static char **vector_copy(const char *const *from)
{
	size_t n = 0, i;
	char **copy;

	while (from && from[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (i = 0; copy && i < n; i++) {
		copy[i] = strdup(from[i]);
		if (copy[i])
			continue;
		while (i > 0)
			free(copy[--i]);
		free(copy);
		copy = NULL;
	}
	return copy;
}

static void vector_free(char **v)
{
	char **p;

	for (p = v; p && *p; p++)
		free(*p);
	free(v);
}

static void sub_free(struct porto_subscription *sub)
{
	if (!sub)
		return;
	vector_free(sub->names);
	vector_free(sub->labels);
	free(sub->target_state);
	free(sub->refused_text);
	free(sub);
}

static void arm_timer(struct porto_conn *conn, uint64_t ns)
{
	struct itimerspec its = {
		.it_value = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) },
	};

	timerfd_settime(conn->timer_fd, 0, &its, NULL);
}

int event_queue(struct porto_subscription *sub, const Porto__TWaitResponse *report)
{
	struct porto_conn *conn = sub->conn;
	struct queued_event *q = calloc(1, sizeof(*q));

	if (q)
		q->event = result_event(report);
	if (!q || !q->event) {
		free(q);
		return -ENOMEM;
	}
	q->sub = sub;
	q->event->resync = sub->resyncing;
	*conn->queue_tail = q;
	conn->queue_tail = &q->next;
	if (!conn->dispatching)
		arm_timer(conn, 1);
	return 0;
}

int event_note(struct porto_subscription *sub, const char *state, const char *text)
{
	Porto__TWaitResponse note = PORTO__TWAIT_RESPONSE__INIT;

	note.state = (char *)state;
	note.value = (char *)text;
	return event_queue(sub, &note);
}

int event_received(struct transport *t, const Porto__TWaitResponse *report)
{
	struct porto_subscription *sub = t->sub;
	const char *state = report->state ? report->state : "";
	bool last;
	int r;

	if (!sub || !sub->active)
		return 0;
	if (report->has_when && report->when > sub->last_seen)
		sub->last_seen = report->when;
	last = (!report->name || !*report->name) && strcmp(state, "timeout") == 0;
	if (sub->target_state && strcmp(state, sub->target_state) == 0)
		last = true;
	r = event_queue(sub, report);
	if (last)
		sub->active = false;
	return r;
}

void event_transport_lost(struct transport *t)
{
	if (t->sub && t->sub->active && !t->conn->dispatching)
		arm_timer(t->conn, 1);
}

static void drop_events(struct porto_conn *conn, const struct porto_subscription *sub)
{
	struct queued_event **p = &conn->queue, *q;

	while ((q = *p) != NULL) {
		if (sub && q->sub != sub) {
			p = &q->next;
			continue;
		}
		*p = q->next;
		porto_free_event(q->event);
		free(q);
	}
	conn->queue_tail = p;
}

static void sub_unlink(struct porto_subscription *sub)
{
	struct porto_subscription **p = &sub->conn->subs;

	while (*p && *p != sub)
		p = &(*p)->next;
	if (*p)
		*p = sub->next;
}

void event_free_all(struct porto_conn *conn)
{
	struct porto_subscription *sub;

	drop_events(conn, NULL);
	conn->main.sub = NULL;
	while ((sub = conn->subs) != NULL) {
		sub->active = false;
		transport_close(&sub->own);
		conn->subs = sub->next;
		sub_free(sub);
	}
}

void event_after_fork(struct porto_conn *conn)
{
	struct porto_subscription *sub;

	drop_events(conn, NULL);
	for (sub = conn->subs; sub; sub = sub->next) {
		sub->active = false;
		sub->own.polled = false;
		transport_close(&sub->own);
	}
	conn->main.sub = NULL;
}

/* Connect the transport of a new subscription, or use the connection there is. */
static int sub_start(struct porto_subscription *sub)
{
	struct transport *t = sub->t;
	int r;

	if (t->fd >= 0) {
		r = event_arm(t);
		if (r == 0)
			return 0;
		/* The connection had died unnoticed, perhaps; a new one tells. */
		transport_close(t);
		if (r == -ETIMEDOUT || r == -ECANCELED)
			return r;
	}
	return conn_connect(t, deadline_after(sub->conn->connect_timeout_ms));
}

static struct porto_subscription *sub_new(struct porto_conn *conn, const char *const *names,
					  const char *const *labels, const char *target_state)
{
	struct porto_subscription *sub = calloc(1, sizeof(*sub));

	if (!sub)
		return NULL;
	sub->conn = conn;
	transport_init(&sub->own, conn);
	sub->names = vector_copy(names);
	sub->labels = vector_copy(labels);
	if (target_state && *target_state)
		sub->target_state = strdup(target_state);
	if (sub->names && sub->labels && (sub->target_state || !target_state || !*target_state))
		return sub;
	sub_free(sub);
	return NULL;
}

static int sub_failed(struct porto_subscription *sub, int r)
{
	struct porto_conn *conn = sub->conn;
	int code;

	if (r < 0) {
		code = conn_error_transport(conn, r, sub->t->fd < 0 ? NULL : "AsyncWait");
	} else {
		code = conn_error(conn, sub->refused, sub->refused_text);
		conn->error.local = false;
	}
	sub->active = false;
	drop_events(conn, sub);
	transport_close(&sub->own);
	if (conn->main.sub == sub)
		conn->main.sub = NULL;
	sub_unlink(sub);
	sub_free(sub);
	return code;
}

int porto_subscribe(struct porto_conn *conn, const char *const *names, const char *const *labels,
		    const char *target_state, int64_t timeout_msec, porto_event_fn *callback,
		    void *userdata, struct porto_subscription **ret_sub)
{
	struct porto_subscription *sub;
	int r;

	conn_enter(conn);
	if (!names || !names[0])
		return conn_error(conn, PORTO_E_INVALID_VALUE, "AsyncWait: no names given");
	sub = sub_new(conn, names, labels, target_state);
	if (!sub)
		return conn_error_memory(conn);
	sub->callback = callback;
	sub->userdata = userdata;
	sub->deadline = deadline_after(timeout_msec);
	sub->active = true;
	sub->next = conn->subs;
	conn->subs = sub;

	/* A finished subscription gives its place on the main connection away. */
	if (!conn->main.sub || !conn->main.sub->active) {
		if (conn->main.sub)
			conn->main.sub->t = &conn->main.sub->own;
		sub->t = &conn->main;
	} else {
		sub->t = &sub->own;
	}
	sub->t->sub = sub;
	r = sub_start(sub);
	if (r < 0 || sub->refused)
		return sub_failed(sub, r);
	*ret_sub = sub;
	return 0;
}

/* Tell the daemon; whatever it answers, the subscription is over. */
static void stop_async_wait(struct porto_subscription *sub)
{
	Porto__TPortoRequest req = PORTO__TPORTO_REQUEST__INIT;
	struct call call = CALL_INIT(METHOD_STOP_ASYNC_WAIT, &req);
	Porto__TWaitRequest wait;

	event_fill_wait(&wait, sub);
	wait.has_timeout_ms = false;
	req.stopasyncwait = &wait;
	(void)conn_call(sub->conn, &call);
	call_done(&call);
	conn_enter(sub->conn);
}

void porto_unsubscribe(struct porto_subscription *sub)
{
	struct porto_conn *conn;
	bool was_active;

	if (!sub || sub->dead)
		return;
	conn = sub->conn;
	conn_enter(conn);
	was_active = sub->active;
	sub->active = false;
	drop_events(conn, sub);
	sub->own.sub = NULL;
	transport_close(&sub->own);
	if (conn->main.sub == sub) {
		conn->main.sub = NULL;
		if (conn->main.polled)
			epoll_ctl(conn->epoll_fd, EPOLL_CTL_DEL, conn->main.fd, NULL);
		conn->main.polled = false;
		if (was_active && conn->main.fd >= 0)
			stop_async_wait(sub);
	}
	sub->dead = true;
	if (conn->dispatching)
		return;
	sub_unlink(sub);
	sub_free(sub);
}

bool porto_subscription_active(const struct porto_subscription *sub)
{
	/* The copy in a forked child is noticed by the next call there; until then ask here. */
	return sub->active && sub->conn->pid == getpid();
}

int porto_fd(struct porto_conn *conn)
{
	conn_enter(conn);
	return conn->epoll_fd;
}

static size_t deliver(struct porto_conn *conn)
{
	struct queued_event *q;
	size_t count = 0;

	while ((q = conn->queue) != NULL) {
		conn->queue = q->next;
		if (!conn->queue)
			conn->queue_tail = &conn->queue;
		q->sub->callback(q->sub, q->event, q->sub->userdata);
		porto_free_event(q->event);
		free(q);
		count++;
	}
	return count;
}

static void reap_dead(struct porto_conn *conn)
{
	struct porto_subscription **p = &conn->subs, *sub;

	while ((sub = *p) != NULL) {
		if (!sub->dead) {
			p = &sub->next;
			continue;
		}
		*p = sub->next;
		sub_free(sub);
	}
}

/* Read all sockets, connect the lost ones. Returns 0 or the last -errno of connecting. */
static int collect(struct porto_conn *conn)
{
	struct porto_subscription *sub;
	int r = 0, r2;

	for (sub = conn->subs; sub; sub = sub->next)
		if (sub->t->fd >= 0 && sub->t->sub == sub)
			(void)receive_events(sub->t);
	for (sub = conn->subs; sub; sub = sub->next) {
		if (!sub->active || sub->t->fd >= 0)
			continue;
		r2 = conn_connect(sub->t, 0);
		if (r2 < 0)
			r = r2;
	}
	return r;
}

/* `failed`: connecting did not work just now. */
static void schedule_retry(struct porto_conn *conn, bool failed)
{
	const struct porto_subscription *sub;
	uint64_t ns;

	if (!failed) {
		conn->rearm_failures = 0;
		/* A callback may have lost a connection. */
		for (sub = conn->subs; sub; sub = sub->next)
			if (sub->active && sub->t->fd < 0)
				arm_timer(conn, 1);
		return;
	}
	ns = conn->rearm_failures > 5 ? RETRY_MAX_NS : RETRY_FIRST_NS << conn->rearm_failures;
	conn->rearm_failures++;
	arm_timer(conn, ns > RETRY_MAX_NS ? RETRY_MAX_NS : ns);
}

int porto_dispatch(struct porto_conn *conn, size_t *ret_count)
{
	uint64_t ticks;
	size_t count;
	int r;

	if (conn->dispatching)
		return 0;
	conn_enter(conn);
	if (read(conn->timer_fd, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
		return conn_error_errno(conn, PORTO_E_UNKNOWN, errno, "read timerfd");

	conn->dispatching = true;
	r = collect(conn);
	count = deliver(conn);
	conn->dispatching = false;
	reap_dead(conn);
	schedule_retry(conn, r < 0);
	conn_enter(conn);
	if (ret_count)
		*ret_count = count;
	return r < 0 ? conn_error_transport(conn, r, NULL) : 0;
}

static bool anything_to_come(const struct porto_conn *conn)
{
	const struct porto_subscription *sub;

	for (sub = conn->subs; sub; sub = sub->next)
		if (sub->active)
			return true;
	return conn->queue != NULL;
}

int porto_dispatch_wait(struct porto_conn *conn, int64_t timeout_msec, size_t *ret_count)
{
	uint64_t deadline = deadline_after(timeout_msec);
	size_t count = 0;
	int r;

	conn_enter(conn);
	if (conn->dispatching)
		return 0;
	for (;;) {
		if (deadline == DEADLINE_NEVER && !anything_to_come(conn))
			return conn_error(conn, PORTO_E_INVALID_STATE, "no active subscription");
		r = transport_wait(conn, conn->epoll_fd, POLLIN, deadline);
		if (r < 0)
			return conn_error_transport(conn, r, "wait for events");
		r = porto_dispatch(conn, &count);
		if (ret_count)
			*ret_count = count;
		/* While nobody listens, connecting goes on until the time is over. */
		if (count > 0 || (r != 0 && r != PORTO_E_SOCKET_UNAVAILABLE))
			return r;
	}
}
