/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call: connect, send, wait for the reply, and decide what a failure means.
 *
 * The daemon may have carried out a request as soon as a byte of it was sent. From then on only
 * calls marked repeatable are tried again; the others fail with outcome_unknown, because only the
 * caller can find out what happened.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/conn.h"

#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS   1000

/* A frame with room for `body` bytes; *ret_body is where they go. */
static uint8_t *frame_new(size_t body, uint8_t **ret_body, size_t *ret_size)
{
	size_t prefix;
	uint8_t *frame;

	if (body > UINT32_MAX)
		return NULL;
	frame = malloc(body + FRAME_PREFIX_MAX);
	if (!frame)
		return NULL;
	prefix = frame_encode_prefix((uint32_t)body, frame);
	*ret_body = frame + prefix;
	*ret_size = prefix + body;
	return frame;
}

uint8_t *pack_request(const Porto__TPortoRequest *req, size_t *ret_size)
{
	uint8_t *body, *frame;

	frame = frame_new(porto__tporto_request__get_packed_size(req), &body, ret_size);
	if (frame)
		porto__tporto_request__pack(req, body);
	return frame;
}

static uint8_t *pack_raw(const void *data, size_t size, size_t *ret_size)
{
	uint8_t *body, *frame;

	frame = frame_new(size, &body, ret_size);
	if (frame && size > 0)
		memcpy(body, data, size);
	return frame;
}

/* A frame that came in: an event goes to the queue (1), anything else is a reply (0). */
static int sort_frame(struct transport *t, const uint8_t *data, size_t size,
		      Porto__TPortoResponse **ret_rsp)
{
	Porto__TPortoResponse *rsp = porto__tporto_response__unpack(NULL, size, data);
	int r;

	if (!rsp)
		return -EBADMSG;
	if (!rsp->asyncwait) {
		*ret_rsp = rsp;
		return 0;
	}
	r = event_received(t, rsp->asyncwait);
	porto__tporto_response__free_unpacked(rsp, NULL);
	return r < 0 ? r : 1;
}

void take_buffered_events(struct transport *t)
{
	Porto__TPortoResponse *rsp;
	const uint8_t *data;
	size_t size;
	int r;

	do {
		r = transport_buffered(t, &data, &size);
		if (r == 0)
			r = sort_frame(t, data, size, &rsp);
		else if (r == -EAGAIN)
			return;
		if (r == 0)
			porto__tporto_response__free_unpacked(rsp, NULL);
	} while (r > 0);
	transport_close(t);
}

int receive_events(struct transport *t)
{
	Porto__TPortoResponse *rsp;
	const uint8_t *data;
	size_t size;
	int r;

	do {
		r = transport_receive(t, 0, &data, &size);
		if (r == -EAGAIN)
			return 0;
		if (r == 0)
			r = sort_frame(t, data, size, &rsp);
		if (r == 0) {
			porto__tporto_response__free_unpacked(rsp, NULL);
			r = -EBADMSG;
		}
	} while (r > 0);
	transport_close(t);
	return r;
}

static int keep_reply(struct call *call, const uint8_t *data, size_t size)
{
	/* One byte more: an empty reply is a pointer too, and text is terminated. */
	call->reply = malloc(size + 1);
	if (!call->reply)
		return -ENOMEM;
	memcpy(call->reply, data, size);
	call->reply[size] = '\0';
	call->reply_size = size;
	return 0;
}

static bool is_loss(int r)
{
	return r == -EPIPE || r == -ECONNRESET || r == -EIO;
}

int exchange(struct transport *t, const uint8_t *frame, size_t size, uint64_t deadline,
	     bool *ret_sent, Porto__TPortoResponse **ret_rsp, struct call *raw)
{
	Porto__TPortoResponse *rsp;
	const uint8_t *data;
	size_t sent, length;
	int r, broken;

	*ret_sent = false;
	r = transport_send(t, frame, size, deadline, &sent);
	*ret_sent = sent > 0;
	if (r < 0 && (!is_loss(r) || sent == 0))
		return r;
	/* A daemon that hangs up in the middle of a request may have said why. */
	broken = r;
	do {
		r = transport_receive(t, broken ? 0 : deadline, &data, &length);
		if (r == 0)
			r = sort_frame(t, data, length, &rsp);
	} while (r > 0);
	if (r < 0)
		return broken ? broken : r;
	if (raw)
		r = keep_reply(raw, data, length);
	if (r < 0) {
		porto__tporto_response__free_unpacked(rsp, NULL);
		return r;
	}
	*ret_rsp = rsp;
	return 0;
}

static bool is_connect_retryable(int r)
{
	switch (r) {
	case -ENOENT:       /* daemon not yet up */
	case -ECONNREFUSED: /* going down or coming up */
	case -EAGAIN:       /* queue of the listener is full */
	case -EPIPE:        /* hung up while a subscription was made again */
	case -ECONNRESET:
		return true;
	default:
		return false;
	}
}

int conn_connect(struct transport *t, uint64_t until)
{
	struct porto_conn *conn = t->conn;
	int64_t pause = PAUSE_FIRST_MS;
	int r;

	for (;;) {
		r = transport_connect(t);
		if (r == 0)
			r = event_arm(t);
		if (r == 0)
			return 0;
		transport_close(t);
		if (!is_connect_retryable(r) || monotonic_now() >= until)
			return r;
		r = transport_pause(conn, deadline_min(deadline_after(pause), until));
		if (r < 0)
			return r;
		pause = pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause * 2;
	}
}

/* Times of one call, all absolute. */
struct times {
	uint64_t deadline; /* end of the call */
	uint64_t wait_end; /* end of the wait asked for in the request */
	uint64_t connect;  /* give up connecting */
	uint64_t recover;  /* give up repeating; set by the first failure */
	unsigned failures;
};

static struct times start_times(const struct porto_conn *conn, const struct call *call)
{
	struct times t = { 0 };

	t.deadline = DEADLINE_NEVER;
	if (conn->timeout_ms >= 0 && call->extra_ms >= 0 &&
	    conn->timeout_ms < INT64_MAX - call->extra_ms)
		t.deadline = deadline_after(conn->timeout_ms + call->extra_ms);
	t.wait_end = deadline_after(call->extra_ms);
	t.connect = deadline_min(t.deadline, deadline_after(conn->connect_timeout_ms));
	return t;
}

static void update_remaining(const struct call *call, const struct times *times)
{
	uint64_t now = monotonic_now(), ms = 0;

	/* The first try sends what the caller said, to the millisecond. */
	if (!call->remaining_ms || times->failures == 0)
		return;
	if (times->wait_end > now)
		ms = (times->wait_end - now) / 1000000;
	*call->remaining_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* One try. Returns 0 or -errno. *ret_what names what failed: NULL = connecting. */
static int attempt(struct porto_conn *conn, struct call *call, const struct times *times,
		   bool *ret_sent, const char **ret_what)
{
	size_t size;
	uint8_t *frame;
	int r;

	*ret_sent = false;
	*ret_what = NULL;
	if (conn->main.fd < 0) {
		r = conn_connect(&conn->main, times->connect);
		if (r < 0)
			return r;
	}
	*ret_what = call->method->name;
	update_remaining(call, times);
	frame = call->req ? pack_request(call->req, &size)
			  : pack_raw(call->raw, call->raw_size, &size);
	if (!frame)
		return -ENOMEM;
	r = exchange(&conn->main, frame, size, times->deadline, ret_sent, &call->rsp,
		     call->req ? NULL : call);
	free(frame);
	if (r < 0)
		transport_close(&conn->main);
	else
		take_buffered_events(&conn->main);
	return r;
}

static bool is_loss_reply(const Porto__TPortoResponse *rsp)
{
	return rsp->error == (Porto__EError)PORTO_E_SOCKET_ERROR ||
	       rsp->error == (Porto__EError)PORTO_E_PORTOD_RELOADED;
}

/* May another try be made after a lost connection? Waits for its moment. */
static bool may_repeat(struct porto_conn *conn, const struct call *call, struct times *times,
		       bool sent)
{
	uint64_t now = monotonic_now();
	int64_t pause;

	if (sent && !call->repeatable)
		return false;
	times->failures++;
	if (times->failures == 1) {
		times->recover = call->method->long_wait
					 ? times->deadline
					 : deadline_min(times->deadline,
							deadline_after(conn->connect_timeout_ms));
		times->connect = times->recover;
		/* The common case is a daemon that was restarted: it listens again already. */
		return now < times->deadline;
	}
	if (now >= times->recover)
		return false;
	pause = times->failures > 6 ? PAUSE_MAX_MS : PAUSE_FIRST_MS << (times->failures - 2);
	if (pause > PAUSE_MAX_MS)
		pause = PAUSE_MAX_MS;
	return transport_pause(conn, deadline_min(deadline_after(pause), times->recover)) == 0;
}

static int finish(struct porto_conn *conn, struct call *call)
{
	const Porto__TPortoResponse *rsp = call->rsp;

	if (rsp->has_timestamp)
		conn->timestamp = rsp->timestamp;
	/* Whoever sends raw requests reads errors from the raw reply. */
	if (rsp->error == 0 || !call->req)
		return 0;
	conn_error(conn, (int)rsp->error, rsp->errormsg);
	conn->error.local = false;
	conn->error.outcome_unknown = is_loss_reply(rsp) && !call->repeatable;
	return conn->error.code;
}

int conn_call(struct porto_conn *conn, struct call *call)
{
	struct times times = start_times(conn, call);
	const char *what;
	bool sent;
	int r;

	for (;;) {
		r = attempt(conn, call, &times, &sent, &what);
		if (r == 0 && !(call->req && is_loss_reply(call->rsp)))
			return finish(conn, call);
		if (r < 0 && (!what || !is_loss(r)))
			break;
		if (!may_repeat(conn, call, &times, sent))
			break;
		call->repeated |= sent;
		call_done(call);
		transport_close(&conn->main);
	}
	if (r == 0)
		return finish(conn, call);
	r = conn_error_transport(conn, r, what);
	conn->error.outcome_unknown = (sent || call->repeated) && !call->repeatable;
	return r;
}

void call_done(struct call *call)
{
	if (call->rsp)
		porto__tporto_response__free_unpacked(call->rsp, NULL);
	call->rsp = NULL;
	free(call->reply);
	call->reply = NULL;
}
