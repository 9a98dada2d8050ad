/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/xalloc.h"
#include "rpc/conn.h"

#define MAX_FRAME  100000
#define MAX_OUTPUT 300000

/* A server of one connection: records what came, and echoes unless told to hold. */
struct server {
	struct loop *loop;
	struct list flush_list;
	struct turn_hook hook;
	struct conn *conn;
	int peer;
	bool hold; /* keep requests in flight */
	bool big;  /* answer with BIG bytes */
	unsigned frames, bad, closes;
	size_t last_len;
	char last[64];
	const char *why;
};

#define BIG 50000

static struct server *server_of(struct conn *c)
{
	return c->user;
}

static void answer(struct server *s)
{
	static char big[BIG];

	if (s->big)
		conn_send(s->conn, big, sizeof(big));
	else
		conn_send(s->conn, s->last, s->last_len);
	conn_request_done(s->conn);
}

static void on_frame(struct conn *c, const void *body, size_t len)
{
	struct server *s = server_of(c);

	s->frames++;
	s->last_len = len < sizeof(s->last) ? len : sizeof(s->last);
	memcpy(s->last, body, s->last_len);
	if (!s->hold)
		answer(s);
}

static void on_bad_frame(struct conn *c, const char *why)
{
	struct server *s = server_of(c);

	s->bad++;
	s->why = why;
	conn_send(c, "bad", 3);
}

static void on_close(struct conn *c)
{
	struct server *s = server_of(c);

	s->closes++;
	s->conn = conn_free(c);
}

static const struct conn_ops ops = { on_frame, on_bad_frame, on_close };

static void flush_all(struct turn_hook *h)
{
	struct server *s = container_of(h, struct server, hook);
	struct conn *c, *tmp;

	list_for_each_safe(c, tmp, &s->flush_list, flush_node)
		conn_flush(c);
}

static int setup(void **state)
{
	struct server *s = xnew(struct server);
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	s->loop = loop_new();
	assert_non_null(s->loop);
	list_init(&s->flush_list);
	loop_add_turn_hook(s->loop, &s->hook, flush_all);
	s->conn = conn_new(s->loop, fds[0], &ops, MAX_FRAME, MAX_OUTPUT, &s->flush_list);
	s->conn->user = s;
	s->peer = fds[1];
	*state = s;
	return 0;
}

static void turns(struct server *s, unsigned n)
{
	while (n--)
		loop_run_once(s->loop);
}

static int teardown(void **state)
{
	struct server *s = *state;

	if (s->conn)
		conn_close(s->conn);
	turns(s, 2);
	assert_null(s->conn);
	assert_int_equal(s->closes, 1);
	close_fd(&s->peer);
	loop_free(s->loop);
	free(s);
	return 0;
}

static void put(struct server *s, const void *data, size_t len)
{
	assert_int_equal(send(s->peer, data, len, MSG_DONTWAIT | MSG_NOSIGNAL), len);
}

#define PUT(s, literal) put(s, literal, sizeof(literal) - 1)

/* What is there for the peer, -1 = would block. */
static ssize_t get(struct server *s, void *buf, size_t size)
{
	ssize_t n = recv(s->peer, buf, size, MSG_DONTWAIT);

	return n < 0 && errno == EAGAIN ? -1 : n;
}

static void expect_bytes(struct server *s, const char *want, size_t len)
{
	char buf[256];

	assert_int_equal(get(s, buf, sizeof(buf)), len);
	assert_memory_equal(buf, want, len);
}

#define EXPECT(s, literal) expect_bytes(s, literal, sizeof(literal) - 1)

static void expect_nothing(struct server *s)
{
	char buf[8];

	assert_int_equal(get(s, buf, sizeof(buf)), -1);
}

static void expect_end(struct server *s)
{
	char buf[8];

	assert_int_equal(get(s, buf, sizeof(buf)), 0);
}

static void answers_a_frame_in_one_turn(void **state)
{
	struct server *s = *state;

	PUT(s, "\005hello");
	turns(s, 1);
	EXPECT(s, "\005hello");
	assert_int_equal(s->frames, 1);
}

static void takes_an_empty_frame(void **state)
{
	struct server *s = *state;

	PUT(s, "\0");
	turns(s, 1);
	EXPECT(s, "\0");
}

static void joins_bytes_that_come_one_by_one(void **state)
{
	struct server *s = *state;
	static const char frame[] = "\005hello";

	for (size_t i = 0; i < 6; i++) {
		expect_nothing(s);
		put(s, frame + i, 1);
		turns(s, 1);
	}
	EXPECT(s, "\005hello");
}

static void serves_pipelined_frames_in_order_and_replies_in_one_piece(void **state)
{
	struct server *s = *state;

	PUT(s, "\001a\001b\001c");
	turns(s, 1);
	EXPECT(s, "\001a\001b\001c");
	assert_int_equal(s->frames, 3);
}

static void limits_the_frames_of_a_turn(void **state)
{
	struct server *s = *state;
	char many[2 * CONN_FRAMES_PER_TURN * 3];

	for (size_t i = 0; i < sizeof(many); i += 2)
		memcpy(many + i, "\001x", 2);
	put(s, many, sizeof(many));
	turns(s, 1);
	assert_int_equal(s->frames, CONN_FRAMES_PER_TURN);
	turns(s, 3);
	assert_int_equal(s->frames, CONN_FRAMES_PER_TURN * 3);
}

static void runs_one_request_at_a_time(void **state)
{
	struct server *s = *state;

	s->hold = true;
	PUT(s, "\001a\001b");
	turns(s, 3);
	assert_int_equal(s->frames, 1);
	expect_nothing(s);

	answer(s);
	turns(s, 1);
	assert_int_equal(s->frames, 2);
	EXPECT(s, "\001a");
	answer(s);
	turns(s, 1);
	EXPECT(s, "\001b");
}

static void reads_ahead_only_a_little(void **state)
{
	struct server *s = *state;
	static char data[2000];
	size_t sent = 0;
	ssize_t n;

	for (size_t i = 0; i < sizeof(data); i += 2)
		memcpy(data + i, "\001x", 2);
	s->hold = true;
	for (unsigned i = 0; i < 2000; i++) {
		n = send(s->peer, data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		turns(s, 1);
	}
	assert_int_equal(s->frames, 1);
	assert_true(frame_decoder_pending(&s->conn->decoder) < 2 * CONN_READ_AHEAD + 65536);
	assert_true(sent < 2 * 2000 * 1000); /* the rest waits in the kernel, which refused more */

	/* And all of it is served later. */
	s->hold = false;
	answer(s);
	for (unsigned i = 0; i < 20000 && s->frames < sent / 2; i++) {
		char sink[65536];

		turns(s, 1);
		get(s, sink, sizeof(sink));
	}
	assert_int_equal(s->frames, sent / 2);
}

static void notices_the_end_during_a_request(void **state)
{
	struct server *s = *state;

	s->hold = true;
	PUT(s, "\001a\001b");
	turns(s, 2);
	assert_int_equal(s->frames, 1);
	close_fd(&s->peer);
	turns(s, 2);
	assert_int_equal(s->closes, 1);
	assert_int_equal(s->frames, 1); /* work of the gone is not begun */
}

static void answers_a_half_closed_peer_then_closes(void **state)
{
	struct server *s = *state;

	s->hold = true;
	PUT(s, "\001a\001b");
	shutdown(s->peer, SHUT_WR);
	turns(s, 3);
	assert_int_equal(s->closes, 0);
	s->hold = false;
	answer(s);
	turns(s, 3);
	EXPECT(s, "\001a\001b");
	expect_end(s);
	assert_int_equal(s->closes, 1);
}

static void closes_at_the_end_of_input(void **state)
{
	struct server *s = *state;

	shutdown(s->peer, SHUT_WR);
	turns(s, 2);
	assert_int_equal(s->closes, 1);
	expect_end(s);
}

static void closes_on_a_cut_frame(void **state)
{
	struct server *s = *state;

	PUT(s, "\005hel");
	shutdown(s->peer, SHUT_WR);
	turns(s, 3);
	assert_int_equal(s->closes, 1);
	assert_int_equal(s->frames, 0);
}

static void reports_a_frame_over_the_limit(void **state)
{
	struct server *s = *state;
	static char junk[4000];

	PUT(s, "\001a\xff\xff\xff\x0f");
	put(s, junk, sizeof(junk));
	turns(s, 1);
	assert_int_equal(s->frames, 1);
	assert_int_equal(s->bad, 1);
	assert_non_null(strstr(s->why, "limit"));
	put(s, junk, sizeof(junk));
	turns(s, 1);
	EXPECT(s, "\001a\003bad");
	expect_end(s);
	/* The peer saw a clean end, not a reset, and now goes. */
	close_fd(&s->peer);
	turns(s, 2);
	assert_int_equal(s->closes, 1);
	assert_int_equal(s->bad, 1);
}

static void reports_an_endless_prefix(void **state)
{
	struct server *s = *state;

	PUT(s, "\x80\x80\x80\x80\x80\x80\x80\x80");
	turns(s, 1);
	assert_int_equal(s->bad, 1);
	EXPECT(s, "\003bad");
	shutdown(s->peer, SHUT_WR);
	turns(s, 2);
	assert_int_equal(s->closes, 1);
}

static void stops_serving_a_peer_that_does_not_read(void **state)
{
	struct server *s = *state;
	char requests[200], sink[65536];
	size_t got = 0;

	for (size_t i = 0; i < sizeof(requests); i += 2)
		memcpy(requests + i, "\001x", 2);
	s->big = true;
	put(s, requests, sizeof(requests));
	turns(s, 50);
	assert_true(s->frames < 50);
	assert_true(conn_unsent(s->conn) < CONN_SERVE_BELOW + BIG + FRAME_PREFIX_MAX);
	for (unsigned i = 0; i < 2000 && s->frames < 100; i++) {
		ssize_t n = get(s, sink, sizeof(sink));

		if (n > 0)
			got += (size_t)n;
		turns(s, 1);
	}
	assert_int_equal(s->frames, 100);
	for (unsigned i = 0; i < 200; i++) {
		ssize_t n = get(s, sink, sizeof(sink));

		if (n > 0)
			got += (size_t)n;
		turns(s, 1);
	}
	assert_int_equal(got, 100 * (BIG + 3));
	/* An idle connection keeps next to nothing. */
	assert_true(s->conn->out.cap <= 1024);
	assert_true(s->conn->decoder.cap <= 16384);
}

static void keeps_notifications_up_to_a_limit(void **state)
{
	struct server *s = *state;
	static char note[10000], sink[65536];
	unsigned sent = 0;
	size_t got = 0;
	ssize_t n;

	while (sent < 1000 && conn_may_push(s->conn, sizeof(note))) {
		conn_send(s->conn, note, sizeof(note));
		sent++;
		turns(s, 1);
	}
	assert_true(sent > MAX_OUTPUT / sizeof(note) / 2);
	assert_true(sent < 1000);
	assert_int_equal(s->closes, 0);
	/* One more word, which always fits, and the end; what is queued is still to be had. */
	conn_send(s->conn, "bye", 3);
	conn_close_after_flush(s->conn);
	assert_false(conn_may_push(s->conn, 1));
	for (unsigned i = 0; i < 1000 && s->conn; i++) {
		turns(s, 1);
		while ((n = get(s, sink, sizeof(sink))) > 0)
			got += (size_t)n;
	}
	assert_int_equal(got, sent * (sizeof(note) + 2) + 4);
	assert_int_equal(s->closes, 1);
}

/* Who is refused while it is just asking reads why. */
static void takes_what_a_refused_peer_still_sends(void **state)
{
	struct server *s = *state;

	conn_send(s->conn, "no", 2);
	conn_refuse(s->conn);
	turns(s, 2);
	PUT(s, "\001a\001b");
	turns(s, 2);
	assert_int_equal(s->frames, 0);
	EXPECT(s, "\002no");
	expect_end(s);
	shutdown(s->peer, SHUT_RDWR);
	turns(s, 2);
	assert_int_equal(s->closes, 1);
}

static void takes_a_reply_of_any_size(void **state)
{
	struct server *s = *state;
	size_t size = 4 * MAX_OUTPUT, got = 0;
	char *body = xcalloc(1, size), sink[65536];
	ssize_t n;

	conn_send(s->conn, body, size);
	free(body);
	for (unsigned i = 0; i < 1000; i++) {
		turns(s, 1);
		n = get(s, sink, sizeof(sink));
		if (n > 0)
			got += (size_t)n;
	}
	assert_int_equal(got, size + 3);
	assert_int_equal(s->closes, 0);
}

static void closes_after_the_output(void **state)
{
	struct server *s = *state;

	conn_send(s->conn, "bye", 3);
	conn_close_after_flush(s->conn);
	assert_int_equal(s->closes, 0);
	turns(s, 2);
	EXPECT(s, "\003bye");
	expect_end(s);
	assert_int_equal(s->closes, 1);
}

static void drops_output_when_closed_at_once(void **state)
{
	struct server *s = *state;

	conn_send(s->conn, "bye", 3);
	conn_close(s->conn);
	conn_close(s->conn);
	conn_send(s->conn, "late", 4);
	assert_false(conn_may_push(s->conn, 4));
	turns(s, 1);
	expect_end(s);
	assert_int_equal(s->closes, 1);
}

static void survives_a_close_from_within_a_frame(void **state)
{
	struct server *s = *state;

	s->hold = true;
	PUT(s, "\001a\001b");
	turns(s, 1);
	conn_request_done(s->conn); /* serving is due, and then comes the close */
	conn_close(s->conn);
	turns(s, 1);
	assert_int_equal(s->closes, 1);
	assert_int_equal(s->frames, 1);
}

/* A job that was forked meanwhile holds one. */
static void a_copy_of_the_descriptor_keeps_no_peer_waiting(void **state)
{
	struct server *s = *state;
	int copy = dup(s->conn->fd);

	assert_true(copy >= 0);
	conn_close(s->conn);
	turns(s, 1);
	expect_end(s);
	close(copy);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_a_frame_in_one_turn),
		TEST(takes_an_empty_frame),
		TEST(joins_bytes_that_come_one_by_one),
		TEST(serves_pipelined_frames_in_order_and_replies_in_one_piece),
		TEST(limits_the_frames_of_a_turn),
		TEST(runs_one_request_at_a_time),
		TEST(reads_ahead_only_a_little),
		TEST(notices_the_end_during_a_request),
		TEST(answers_a_half_closed_peer_then_closes),
		TEST(closes_at_the_end_of_input),
		TEST(closes_on_a_cut_frame),
		TEST(reports_a_frame_over_the_limit),
		TEST(reports_an_endless_prefix),
		TEST(stops_serving_a_peer_that_does_not_read),
		TEST(keeps_notifications_up_to_a_limit),
		TEST(takes_a_reply_of_any_size),
		TEST(closes_after_the_output),
		TEST(takes_what_a_refused_peer_still_sends),
		TEST(drops_output_when_closed_at_once),
		TEST(survives_a_close_from_within_a_frame),
		TEST(a_copy_of_the_descriptor_keeps_no_peer_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
