/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client connection: bytes <-> frames, limits, back-pressure. Knows nothing of messages'
 * meaning; hands each complete frame up through `on_frame`.
 *
 * One request is in flight per connection, the next frame is handed up when its reply has been
 * queued and most output was written. What the client sends meanwhile is read ahead up to
 * CONN_READ_AHEAD, because only a read tells that it left. Replies are queued during the turn and
 * written by conn_flush(), which the server calls after the store's commit.
 *
 * A peer that does not read: frames wait while CONN_SERVE_BELOW bytes of output are unsent, so it
 * costs that and one reply; notifications are kept up to `max_output` bytes. Who pushes them asks
 * before each, and when there is no room tells the peer and closes: nothing is silently dropped.
 *
 * A peer that leaves or shuts both directions down is closed at once, also in the middle of a
 * request. One that shuts down its writing only gets its answers first. Never blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "loop/loop.h"
#include "proto/frame.h"

/* Bytes kept of pipelined requests while one runs. */
#define CONN_READ_AHEAD      (64 * 1024)
/* Unsent bytes at which further requests wait. */
#define CONN_SERVE_BELOW     (64 * 1024)
/* Requests of one connection per turn of the loop. */
#define CONN_FRAMES_PER_TURN 32

struct conn;

struct conn_ops {
	/* A complete frame. The body is valid during the call. A request is in flight from here
	 * until conn_request_done(). */
	void (*on_frame)(struct conn *c, const void *body, size_t len);
	/* A frame that cannot be: too long, bad varint. Reply if you can; the connection is closed
	 * after the output was flushed. */
	void (*on_bad_frame)(struct conn *c, const char *why);
	/* The peer is gone or was closed; called once, from deferred work; free what hangs on it,
	 * then conn_free(). */
	void (*on_close)(struct conn *c);
};

struct conn {
	struct list node;       /* the server's list of connections */
	struct list flush_node; /* on the server's list of connections with output */
	struct loop *loop;
	const struct conn_ops *ops;
	struct list *flush_list;
	int fd; /* -1 after the close */
	ev_io read_io, write_io;
	ev_timer timer; /* while closing, or while nothing else would tell of the peer's end */
	struct defer serve_defer, close_defer;
	struct frame_decoder decoder;
	struct buf out;
	size_t out_done; /* bytes of `out` already written */
	size_t max_output;
	unsigned served; /* frames since the last flush */
	unsigned closing_ticks;
	bool busy;              /* a request is in flight */
	bool eof;               /* nothing more will come */
	bool bad;               /* what comes is not understood and dropped */
	bool closing;           /* close when the output is flushed */
	bool closed;            /* on_close is due or done */
	uint64_t last_activity; /* CLOCK_MONOTONIC ns */
	void *user;             /* the server's client object */
};

/* Takes the descriptor over, a connected stream socket. */
struct conn *conn_new(struct loop *loop, int fd, const struct conn_ops *ops, size_t max_frame,
		      size_t max_output, struct list *flush_list);
/* Only after on_close. Accepts NULL. Returns NULL. */
struct conn *conn_free(struct conn *c);

/* Queue one frame; `body` is copied. Always taken; on a closed connection it goes nowhere. */
void conn_send(struct conn *c, const void *body, size_t len);
/* Is there room for a notification of this length? Never on a connection that is to be closed. */
bool conn_may_push(const struct conn *c, size_t len);
/* Room to pack `len` bytes of a frame in place; conn_send_commit() with the same length queues it.
 * Always taken; works on a closed connection (and goes nowhere). */
void *conn_send_reserve(struct conn *c, size_t len);
void conn_send_commit(struct conn *c, size_t len);
/* Bytes that are queued and not written. */
static inline size_t conn_unsent(const struct conn *c)
{
	return c->out.len - c->out_done;
}

/* Nothing has decided yet that it ends. */
static inline bool conn_is_open(const struct conn *c)
{
	return !c->closed && !c->closing;
}

/* The request in flight was answered: go on. Harmless when none is in flight. */
void conn_request_done(struct conn *c);
/* Write what can be written; waits for writability for the rest. */
void conn_flush(struct conn *c);
/* Close now (drop output) or after the output was written (or some seconds without progress). */
void conn_close(struct conn *c);
void conn_close_after_flush(struct conn *c);
/* The same, and what the peer still sends is taken and thrown away for a moment: one that is just
 * asking reads the last frame instead of failing to write. */
void conn_refuse(struct conn *c);
