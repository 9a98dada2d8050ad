/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request costs one poll, one recv and one send: a short recv or send is taken as "no more for
 * now" without asking the kernel a second time, the watchers stay as they are, and everything a
 * turn queued for a client goes out in one piece.
 *
 * Nothing here frees the connection or calls up while the caller is in the middle of it: closing
 * only marks, stops the watchers and defers on_close; frames that wait are served from deferred
 * work.
 */
#include "rpc/conn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"

#define READ_SIZE     (64 * 1024)
#define OUT_KEEP      1024  /* memory for output that an idle connection keeps */
#define COMPACT_MIN   65536 /* written bytes worth moving the rest to the front */
#define TICK_SEC      1.
#define CLOSING_TICKS 10 /* seconds for a peer to take the last reply */
#define DRAIN_TICKS   2  /* seconds for a peer to see that we closed */

static struct ev_loop *ev_of(struct conn *c)
{
	return loop_ev(c->loop);
}

static bool frame_waits(struct conn *c)
{
	const uint8_t *body;
	size_t len;

	/* A stream that went wrong waits to be reported, too. */
	return !c->bad && frame_decoder_peek(&c->decoder, &body, &len) != FRAME_MORE;
}

static bool may_serve(const struct conn *c)
{
	return !c->busy && !c->closing && !c->closed && conn_unsent(c) < CONN_SERVE_BELOW;
}

static bool wants_read(const struct conn *c)
{
	if (c->closed || c->eof)
		return false;
	if (c->bad)
		return true; /* and throw away: a close with unread input resets the peer */
	if (c->closing)
		return false;
	return may_serve(c) || frame_decoder_pending(&c->decoder) < CONN_READ_AHEAD;
}

/* libev skips the system call for what did not change, and batches the rest until the poll. */
static void update_watchers(struct conn *c)
{
	bool reading = wants_read(c), writing = !c->closed && ev_is_active(&c->write_io);

	if (c->closed)
		return;
	if (reading)
		ev_io_start(ev_of(c), &c->read_io);
	else
		ev_io_stop(ev_of(c), &c->read_io);

	if (c->closing || (!reading && !writing)) {
		if (!ev_is_active(&c->timer))
			ev_timer_again(ev_of(c), &c->timer);
	} else {
		ev_timer_stop(ev_of(c), &c->timer);
	}
}

/* ---- input ---- */

static void report_bad_frame(struct conn *c, const char *why)
{
	c->bad = true;
	c->ops->on_bad_frame(c, why);
	conn_close_after_flush(c);
}

/* Hand frames up until one stays in flight. */
static void serve(struct conn *c)
{
	enum frame_result r = FRAME_READY;
	const uint8_t *body;
	size_t len;

	while (may_serve(c) && c->served < CONN_FRAMES_PER_TURN) {
		r = frame_decoder_peek(&c->decoder, &body, &len);
		if (r != FRAME_READY)
			break;
		c->served++;
		c->busy = true;
		c->ops->on_frame(c, body, len);
		if (c->closed)
			return;
		frame_decoder_skip(&c->decoder);
	}
	if (r == FRAME_MORE) {
		if (c->eof && !c->busy)
			conn_close_after_flush(c);
	} else if (r != FRAME_READY) {
		report_bad_frame(c, frame_result_text(r));
	}
	update_watchers(c);
}

static void on_serve(struct defer *d)
{
	serve(container_of(d, struct conn, serve_defer));
}

static bool peer_left(const struct conn *c)
{
	struct pollfd p = { .fd = c->fd };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

/* Either the peer is gone, or it only stopped sending and still waits for answers. */
static void on_end_of_input(struct conn *c)
{
	c->eof = true;
	if (peer_left(c) || (c->bad && !conn_unsent(c)))
		conn_close(c);
	else
		serve(c);
}

static void on_readable(struct ev_loop *ev, ev_io *w, int revents)
{
	struct conn *c = container_of(w, struct conn, read_io);
	char chunk[READ_SIZE];
	ssize_t n;

	(void)ev, (void)revents;
	n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		conn_close(c);
		return;
	}
	if (n == 0) {
		on_end_of_input(c);
		return;
	}
	if (c->bad)
		return;
	c->last_activity = clock_mono_nsec();
	/* An error shows when the frame's turn comes. */
	frame_decoder_feed(&c->decoder, chunk, (size_t)n);
	serve(c);
}

void conn_request_done(struct conn *c)
{
	c->busy = false;
	if (!c->closed && (c->eof || frame_decoder_pending(&c->decoder)))
		loop_defer(c->loop, &c->serve_defer);
}

/* ---- output ---- */

void *conn_send_reserve(struct conn *c, size_t len)
{
	uint8_t prefix[FRAME_PREFIX_MAX];

	assert(len <= UINT32_MAX);
	if (c->out_done >= COMPACT_MIN && c->out_done > c->out.len / 2) {
		buf_consume(&c->out, c->out_done);
		c->out_done = 0;
	}
	buf_reserve(&c->out, FRAME_PREFIX_MAX + len);
	buf_add(&c->out, prefix, frame_encode_prefix((uint32_t)len, prefix));
	return c->out.data + c->out.len;
}

void conn_send_commit(struct conn *c, size_t len)
{
	buf_commit(&c->out, len);
	if (c->closed)
		buf_deinit(&c->out);
	else if (!list_is_linked(&c->flush_node))
		list_push_back(c->flush_list, &c->flush_node);
}

bool conn_may_push(const struct conn *c, size_t len)
{
	size_t used = conn_unsent(c) + FRAME_PREFIX_MAX;

	return conn_is_open(c) && used <= c->max_output && len <= c->max_output - used;
}

void conn_send(struct conn *c, const void *body, size_t len)
{
	void *at = conn_send_reserve(c, len);

	if (len)
		memcpy(at, body, len);
	conn_send_commit(c, len);
}

/* Everything is written. */
static void output_done(struct conn *c)
{
	c->out_done = 0;
	buf_shrink(&c->out, OUT_KEEP);
	ev_io_stop(ev_of(c), &c->write_io);
	if (!c->closing)
		return;
	if (!c->bad || c->eof)
		conn_close(c);
	else if (shutdown(c->fd, SHUT_WR) < 0)
		conn_close(c);
}

void conn_flush(struct conn *c)
{
	ssize_t n = 0;

	list_del(&c->flush_node);
	c->served = 0;
	if (c->closed)
		return;
	if (conn_unsent(c)) {
		n = send(c->fd, c->out.data + c->out_done, conn_unsent(c),
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			conn_close(c);
			return;
		}
	}
	if (n > 0) {
		c->out_done += (size_t)n;
		c->last_activity = clock_mono_nsec();
		c->closing_ticks = 0;
	}
	if (conn_unsent(c))
		ev_io_start(ev_of(c), &c->write_io);
	else
		output_done(c);
	if (may_serve(c) && (c->eof || frame_waits(c)))
		loop_defer(c->loop, &c->serve_defer);
	update_watchers(c);
}

static void on_writable(struct ev_loop *ev, ev_io *w, int revents)
{
	(void)ev, (void)revents;
	conn_flush(container_of(w, struct conn, write_io));
}

/* ---- the end ---- */

static void on_tick(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct conn *c = container_of(w, struct conn, timer);

	(void)ev, (void)revents;
	if (c->closing)
		c->closing_ticks++;
	if (peer_left(c) || c->closing_ticks >= CLOSING_TICKS ||
	    (c->closing_ticks >= DRAIN_TICKS && !conn_unsent(c)))
		conn_close(c);
}

static void on_close_deferred(struct defer *d)
{
	struct conn *c = container_of(d, struct conn, close_defer);

	c->ops->on_close(c);
}

void conn_close(struct conn *c)
{
	if (c->closed)
		return;
	c->closed = true;
	ev_io_stop(ev_of(c), &c->read_io);
	ev_io_stop(ev_of(c), &c->write_io);
	ev_timer_stop(ev_of(c), &c->timer);
	list_del(&c->flush_node);
	loop_defer_cancel(&c->serve_defer);
	/* Jobs forked meanwhile hold copies: the peer must not wait for their end. */
	(void)shutdown(c->fd, SHUT_RDWR);
	close_fd(&c->fd);
	buf_deinit(&c->out);
	c->out_done = 0;
	loop_defer(c->loop, &c->close_defer);
}

void conn_close_after_flush(struct conn *c)
{
	if (c->closed || c->closing)
		return;
	c->closing = true;
	if (conn_unsent(c))
		update_watchers(c);
	else
		output_done(c);
}

void conn_refuse(struct conn *c)
{
	c->bad = true;
	conn_close_after_flush(c);
	update_watchers(c);
}

struct conn *conn_new(struct loop *loop, int fd, const struct conn_ops *ops, size_t max_frame,
		      size_t max_output, struct list *flush_list)
{
	struct conn *c = xnew(struct conn);

	list_init(&c->node);
	list_init(&c->flush_node);
	c->loop = loop;
	c->ops = ops;
	c->flush_list = flush_list;
	c->fd = fd;
	ev_io_init(&c->read_io, on_readable, fd, EV_READ);
	ev_io_init(&c->write_io, on_writable, fd, EV_WRITE);
	ev_timer_init(&c->timer, on_tick, TICK_SEC, TICK_SEC);
	defer_init(&c->serve_defer, on_serve);
	defer_init(&c->close_defer, on_close_deferred);
	frame_decoder_init(&c->decoder, max_frame);
	c->max_output = max_output;
	c->last_activity = clock_mono_nsec();
	ev_io_start(ev_of(c), &c->read_io);
	return c;
}

struct conn *conn_free(struct conn *c)
{
	if (!c)
		return NULL;
	assert(c->closed);
	loop_defer_cancel(&c->close_defer);
	list_del(&c->node);
	frame_decoder_deinit(&c->decoder);
	buf_deinit(&c->out);
	free(c);
	return NULL;
}
