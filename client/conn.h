/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of libporto: the connection object, its error, and the engine that carries out one call.
 * Not installed. Blocking as described at each function.
 */
#pragma once

#include <sys/types.h>

#include "client/libporto.h"
#include "client/method.h"
#include "client/transport.h"
#include "proto/porto.pb-c.h"

struct queued_event {
	struct queued_event *next;
	struct porto_subscription *sub;
	struct porto_event *event;
};

struct porto_conn {
	char *path;
	pid_t pid; /* owner; another one means that we were forked */
	int64_t timeout_ms;
	int64_t connect_timeout_ms;
	size_t max_frame;
	unsigned connects;
	uint64_t timestamp; /* of the last reply */

	struct transport main;
	int cancel_fd; /* eventfd: porto_cancel() */
	int epoll_fd;  /* what porto_fd() returns: sockets with subscriptions, and timer_fd */
	int timer_fd;  /* fires when there is something to do without a socket being readable */

	struct porto_subscription *subs; /* list */
	struct queued_event *queue, **queue_tail;
	bool dispatching;
	unsigned rearm_failures; /* in a row; sets the pause before the next try */

	struct porto_error error;
	char *error_text; /* owned; error.message points here or to a literal */
};

/* One call on its way. Filled by the typed calls, see CALL_INIT. */
struct call {
	const struct method *method;
	const Porto__TPortoRequest *req; /* or else raw bytes: */
	const void *raw;
	size_t raw_size;
	bool repeatable;        /* starts as method->repeatable, may be refined by arguments */
	int64_t extra_ms;       /* added to the request timeout; PORTO_FOREVER */
	uint32_t *remaining_ms; /* field of *req: what is left of extra_ms; NULL if none */

	/* Results. */
	Porto__TPortoResponse *rsp; /* owned by the caller of conn_call(), set on failure too */
	char *reply;                /* raw calls only */
	size_t reply_size;
	bool repeated; /* an earlier try may have been carried out */
};

#define CALL_INIT(id, request)                                                                 \
	{                                                                                      \
		.method = &methods[id], .req = (request), .repeatable = methods[id].repeatable \
	}

/*
 * Carry out the call: connect if needed, send, wait for the reply, repeat where that is safe.
 * Blocks up to the timeouts of the connection. Returns 0 or an enum porto_code, with the error set
 * in the connection. call_done() afterwards in any case.
 */
int conn_call(struct porto_conn *conn, struct call *call);
void call_done(struct call *call);

/*
 * Connect a transport and make its subscription; retried until `until` (0 = one try). Blocks.
 * 0 or -errno.
 */
int conn_connect(struct transport *t, uint64_t until);

/* Begin of each public call: forget the last error, notice fork. Does not block. */
void conn_enter(struct porto_conn *conn);

/* Set the error. Each returns `code`. Never fails: without memory the text is a literal. */
int conn_error(struct porto_conn *conn, int code, const char *message);
int conn_error_errno(struct porto_conn *conn, int code, int sys, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int conn_error_memory(struct porto_conn *conn);
/* From a failed transport operation (-errno) while doing `what`. */
int conn_error_transport(struct porto_conn *conn, int r, const char *what);

/* Absolute deadline of something that lasts ms from now; PORTO_FOREVER understood. */
uint64_t deadline_after(int64_t ms);
uint64_t deadline_min(uint64_t a, uint64_t b);

/*
 * One exchange on a connected transport, without any retry: send the packed request, queue the
 * events that come first, return the reply. Returns 0 or -errno (-ENOMEM, -EBADMSG, …). *ret_sent
 * tells whether any byte went out.
 */
int exchange(struct transport *t, const uint8_t *frame, size_t size, uint64_t deadline,
	     bool *ret_sent, Porto__TPortoResponse **ret_rsp, struct call *raw);

/*
 * After an exchange: queue the events that came in one packet with the reply. A second reply means
 * that we are out of step: closes the transport.
 */
void take_buffered_events(struct transport *t);

/*
 * Queue all events that have arrived, without waiting. 0, or -errno after the transport was closed.
 */
int receive_events(struct transport *t);

/* A frame of its own for a request: length and message. NULL without memory. */
uint8_t *pack_request(const Porto__TPortoRequest *req, size_t *ret_size);

/*
 * ---- event.c ----
 */

/* An event came in over `t`. 0 or -ENOMEM. */
int event_received(struct transport *t, const Porto__TWaitResponse *report);
/*
 * Make the subscription of `t`, if it has one, on its present connection. Blocks for a few seconds
 * at most. 0 or -errno; a refusal by the daemon is no failure here but ends the subscription.
 */
int event_arm(struct transport *t);
/* `t` is no longer connected: let porto_fd() wake its owner. */
void event_transport_lost(struct transport *t);
void event_free_all(struct porto_conn *conn);
/* In a forked child: subscriptions stay the parent's. */
void event_after_fork(struct porto_conn *conn);

/* result.c: never NULL strings; NULL without memory. */
struct porto_event *result_event(const Porto__TWaitResponse *report);
