/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One decoded request: its client, its arena, exactly one reply.
 *
 * Decoding allocates from one arena per request (bounded by the frame size times a constant), which
 * is freed with the request. A handler answers at once or keeps the request as a waiter of an
 * operation and answers later; if the client vanishes first, `on_abandon` is called (so the waiter
 * can be dropped) and the request is freed. Never blocks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "model/client.h"
#include "proto/porto.pb-c.h"
#include "rpc/conn.h"

struct arena;
struct method;

struct request {
	struct list node;      /* the client's list of requests that run; unlinked when freed */
	struct conn *conn;     /* NULL when the client is gone: the reply goes nowhere */
	struct client *client; /* borrowed; lives as long as the connection */
	struct arena *arena;
	const Porto__TPortoRequest *msg;
	const struct method *method;
	const ProtobufCMessage *args; /* the method's sub-message */
	uint64_t start_nsec;          /* CLOCK_MONOTONIC, when handling began */
	uint64_t timestamp;           /* unix seconds, the reply's `timestamp` */
	uint64_t id;
	/* Set by a handler that answers later. */
	void (*on_abandon)(struct request *rq);
	void *waiter;
	/* Called with the result just before the reply is packed: log, counters. */
	void (*on_reply)(struct request *rq, const struct error *err);
};

/*
 * Decode a frame body. NULL with *err: ERR_INVALID_METHOD. Checks that exactly one known method
 * is set and that its message has no unknown fields (directly in it; deeper ones are tolerated);
 * which one is found by reflection, so there is no second list of methods: *ret_field is the
 * request descriptor's field. Sets everything but method, id and the callbacks, which are the
 * caller's; the caller links `node`. `body` is not needed any more after the call.
 */
struct request *request_decode(struct conn *c, struct client *client, const void *body, size_t len,
			       const ProtobufCFieldDescriptor **ret_field, struct error *err);

/*
 * Exactly one of these, once; the request is freed, and the connection goes on to its next one.
 * `resp` is the caller's, its content is only read until the call returns; it gets error, errorMsg
 * and timestamp set. Packed in place into the output of the connection.
 */
void request_reply(struct request *rq, Porto__TPortoResponse *resp);
void request_ok(struct request *rq);
void request_fail(struct request *rq, const struct error *err);
/* Error with payload (SetLabel's prev_value and the like). */
void request_fail_with(struct request *rq, const struct error *err, Porto__TPortoResponse *resp);
/* The client is gone: on_abandon, then free. */
void request_abandon(struct request *rq);

/* The reply to input that gave no request; the connection goes on. Do not call it while a decoded
 * request is in flight. */
void request_send_error(struct conn *c, const struct error *err);
/* A notification: carries only `error` and what is in `resp`. It is packed apart, because most go
 * to many: the bytes replace what is in `out`. */
void request_pack_push(Porto__TPortoResponse *resp, struct buf *out);
/* Send it. false = there was no room for it. */
bool request_push(struct conn *c, const struct buf *packed);
/* The last one: always taken, then the connection is closed when the client has read it. */
void request_push_last(struct conn *c, Porto__TPortoResponse *resp);

/* Zeroed memory that lives as long as the request. */
void *request_alloc(struct request *rq, size_t size);
char *request_strdup(struct request *rq, const char *s);
