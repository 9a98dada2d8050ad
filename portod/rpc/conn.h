/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client connection: bytes <-> frames, limits, back-pressure. Knows nothing of messages'
 * meaning; hands each complete frame up through `on_frame`.
 *
 * One request is in flight per connection: reading stops while it runs and starts again when its
 * reply has been queued. Replies are queued during the turn and written by conn_flush(), which
 * the server calls after the store's commit. A peer that does not read: up to `max_output` bytes
 * are kept (notifications and replies); beyond that reading stays off, and notifications that do
 * not fit set an overflow mark and close the connection with a log line, never silently dropped.
 * Never blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "loop/loop.h"
#include "proto/frame.h"

struct conn;

struct conn_ops {
	/* A complete frame. The body is valid during the call. */
	void (*on_frame)(struct conn *c, const void *body, size_t len);
	/* A frame that cannot be: too long, bad varint. Reply if you can; the connection is closed
	 * after the output was flushed. */
	void (*on_bad_frame)(struct conn *c, const char *why);
	/* The peer is gone or was closed; called once, from deferred work; free what hangs on it,
	 * then conn_free(). */
	void (*on_close)(struct conn *c);
};

struct conn {
	struct list node;        /* the server's list of connections */
	struct list flush_node;  /* on the server's list of connections with output */
	struct loop *loop;
	const struct conn_ops *ops;
	struct list *flush_list;
	int fd;
	ev_io read_io, write_io;
	struct defer close_defer;
	struct frame_reader reader;
	struct buf out;
	size_t out_done;         /* bytes of `out` already written */
	size_t max_output;
	bool busy;               /* a request is in flight */
	bool closing;            /* close when the output is flushed */
	bool closed;             /* on_close is due or done */
	uint64_t last_activity;  /* CLOCK_MONOTONIC ns */
	void *user;              /* the server's client object */
};

/* Takes the descriptor over. */
struct conn *conn_new(struct loop *loop, int fd, const struct conn_ops *ops, size_t max_frame,
		      size_t max_output, struct list *flush_list);
/* Only after on_close. Returns NULL. */
struct conn *conn_free(struct conn *c);

/* Queue one frame; `body` is copied. false = over max_output (only for notifications: `push`); a
 * reply is always taken. */
bool conn_send(struct conn *c, const void *body, size_t len, bool push);
/* Room to pack `len` bytes of a frame in place; conn_send_commit() queues it. Always taken. */
void *conn_send_reserve(struct conn *c, size_t len);
void conn_send_commit(struct conn *c, size_t len);
/* The request in flight was answered: read on. */
void conn_request_done(struct conn *c);
/* Write what can be written; waits for writability for the rest. */
void conn_flush(struct conn *c);
/* Close now (drop output) or after the output was written. */
void conn_close(struct conn *c);
void conn_close_after_flush(struct conn *c);
