/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "rpc/arena.h"
#include "rpc/request.h"

struct fixture {
	struct loop *loop;
	struct list flush_list;
	struct conn *conn;
	int peer;
	struct error err;
	const ProtobufCFieldDescriptor *field;
};

static void on_frame(struct conn *c, const void *body, size_t len)
{
	(void)c, (void)body, (void)len;
}

static void on_bad_frame(struct conn *c, const char *why)
{
	(void)c, (void)why;
}

static void on_close(struct conn *c)
{
	struct fixture *f = c->user;

	f->conn = conn_free(c);
}

static const struct conn_ops ops = { on_frame, on_bad_frame, on_close };

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	f->loop = loop_new();
	list_init(&f->flush_list);
	f->conn = conn_new(f->loop, fds[0], &ops, 1 << 20, 1000, &f->flush_list);
	f->conn->user = f;
	f->peer = fds[1];
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->conn)
		conn_close(f->conn);
	loop_run_once(f->loop);
	assert_null(f->conn);
	close(f->peer);
	loop_free(f->loop);
	free(f);
	return 0;
}

/* ---- wire by hand ---- */

static void add_varint(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_addc(b, (char)(v | 0x80));
	buf_addc(b, (char)v);
}

static void add_bytes(struct buf *b, unsigned field, const void *data, size_t len)
{
	add_varint(b, (uint64_t)field << 3 | 2);
	add_varint(b, len);
	buf_add(b, data, len);
}

static struct request *decode(struct fixture *f, const void *body, size_t len)
{
	return request_decode(f->conn, NULL, body, len, &f->field, &f->err);
}

static struct request *decode_buf(struct fixture *f, const struct buf *b)
{
	return decode(f, buf_str(b), b->len);
}

static struct request *decode_method(struct fixture *f, unsigned field)
{
	auto_buf b = BUF_INIT;

	add_bytes(&b, field, "", 0);
	return decode_buf(f, &b);
}

static void expect_refused(struct fixture *f, const struct buf *b, const char *text)
{
	assert_null(decode_buf(f, b));
	assert_int_equal(f->err.code, ERR_INVALID_METHOD);
	if (!strstr(f->err.text, text))
		fail_msg("no \"%s\" in \"%s\"", text, f->err.text);
}

/* The one reply that was written. */
static Porto__TPortoResponse *receive(struct fixture *f)
{
	static uint8_t data[65536];
	Porto__TPortoResponse *resp;
	struct frame_decoder d;
	const uint8_t *body;
	size_t len;
	ssize_t n;

	conn_flush(f->conn);
	n = recv(f->peer, data, sizeof(data), MSG_DONTWAIT);
	assert_true(n > 0);
	frame_decoder_init(&d, sizeof(data));
	assert_int_equal(frame_decoder_feed(&d, data, (size_t)n), FRAME_MORE);
	assert_int_equal(frame_decoder_peek(&d, &body, &len), FRAME_READY);
	resp = porto__tporto_response__unpack(NULL, len, body);
	assert_non_null(resp);
	frame_decoder_skip(&d);
	assert_int_equal(frame_decoder_pending(&d), 0);
	frame_decoder_deinit(&d);
	return resp;
}

static void expect_silence(struct fixture *f)
{
	char c;

	assert_true(recv(f->peer, &c, 1, MSG_DONTWAIT) < 0);
}

/* ---- decoding ---- */

static void finds_the_method(void **state)
{
	struct fixture *f = *state;
	auto_buf b = BUF_INIT, inner = BUF_INIT;
	const Porto__TCreateRequest *args;
	struct request *rq;

	add_bytes(&inner, 1, "name", 4);
	add_bytes(&b, 1, inner.data, inner.len);
	rq = decode_buf(f, &b);
	assert_non_null(rq);
	assert_int_equal(f->field->id, 1);
	args = (const void *)rq->args;
	assert_string_equal(args->name, "name");
	assert_ptr_equal(rq->args, rq->msg->create);
	assert_ptr_equal(rq->conn, f->conn);
	assert_true(rq->timestamp <= clock_wall_sec() && rq->timestamp + 10 > clock_wall_sec());
	assert_true(rq->start_nsec > 0);
	request_abandon(rq);
}

static void every_field_of_a_request_is_a_method(void **state)
{
	struct fixture *f = *state;
	const ProtobufCMessageDescriptor *d = &porto__tporto_request__descriptor;

	assert_true(d->n_fields > 60);
	for (unsigned i = 0; i < d->n_fields; i++) {
		struct request *rq = decode_method(f, d->fields[i].id);

		assert_non_null(rq);
		assert_ptr_equal(f->field, &d->fields[i]);
		assert_ptr_equal(rq->args->descriptor, d->fields[i].descriptor);
		request_abandon(rq);
	}
}

static void refuses_a_request_without_a_method(void **state)
{
	auto_buf b = BUF_INIT;

	expect_refused(*state, &b, "without a method");
}

static void refuses_two_methods_and_names_them(void **state)
{
	auto_buf b = BUF_INIT;

	add_bytes(&b, 1, "", 0);
	add_bytes(&b, 14, "", 0);
	expect_refused(*state, &b, "2 methods in one request: ");
	expect_refused(*state, &b, porto__tporto_request__descriptor.fields[0].name);
}

static void refuses_all_methods_at_once(void **state)
{
	const ProtobufCMessageDescriptor *d = &porto__tporto_request__descriptor;
	auto_buf b = BUF_INIT;

	for (unsigned i = 0; i < d->n_fields; i++)
		add_bytes(&b, d->fields[i].id, "", 0);
	expect_refused(*state, &b, "methods in one request: ");
}

static void takes_a_method_given_twice_as_one(void **state)
{
	struct fixture *f = *state;
	auto_buf b = BUF_INIT;
	struct request *rq;

	add_bytes(&b, 14, "", 0);
	add_bytes(&b, 14, "", 0);
	rq = decode_buf(f, &b);
	assert_non_null(rq);
	request_abandon(rq);
}

static void refuses_an_unknown_method(void **state)
{
	auto_buf b = BUF_INIT;

	add_bytes(&b, 9999, "", 0);
	expect_refused(*state, &b, "unknown method: field 9999");
}

static void refuses_an_unknown_field_beside_a_method(void **state)
{
	auto_buf b = BUF_INIT;

	add_bytes(&b, 14, "", 0);
	add_bytes(&b, 9999, "", 0);
	expect_refused(*state, &b, "field 9999");
	expect_refused(*state, &b, "ersion");
}

static void refuses_an_unknown_field_in_a_method(void **state)
{
	auto_buf b = BUF_INIT, inner = BUF_INIT;

	add_bytes(&inner, 1, "name", 4);
	add_bytes(&inner, 777, "x", 1);
	add_bytes(&b, 1, inner.data, inner.len);
	expect_refused(*state, &b, "unknown field 777 of method ");
}

static void refuses_what_does_not_parse(void **state)
{
	auto_buf b = BUF_INIT;

	for (unsigned i = 0; i < 64; i++)
		buf_addc(&b, (char)0xff);
	expect_refused(*state, &b, "request of 64 bytes");
}

/* A known field with the wrong wire type must not be taken for a message. */
static void refuses_a_method_of_the_wrong_type(void **state)
{
	auto_buf b = BUF_INIT;

	add_varint(&b, 14 << 3 | 0);
	add_varint(&b, 1);
	expect_refused(*state, &b, "");
}

static void bounds_the_memory_of_decoding(void **state)
{
	auto_buf b = BUF_INIT, inner = BUF_INIT, volumes = BUF_INIT;

	/* CreateFromSpec.volumes: two bytes each on the wire, a large struct each in memory. */
	for (unsigned i = 0; i < 200000; i++)
		add_bytes(&volumes, 2, "", 0);
	add_bytes(&b, 230, volumes.data, volumes.len);
	expect_refused(*state, &b, "bytes of memory");
}

static void takes_many_short_names(void **state)
{
	struct fixture *f = *state;
	auto_buf b = BUF_INIT, inner = BUF_INIT;
	const Porto__TGetRequest *args;
	struct request *rq;
	char name[32];

	for (unsigned i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "ct%u", i);
		add_bytes(&inner, 1, name, strlen(name));
	}
	add_bytes(&b, 15, inner.data, inner.len);
	rq = decode_buf(f, &b);
	if (!rq)
		fail_msg("%s", f->err.text);
	args = (const void *)rq->args;
	assert_int_equal(args->n_name, 100000);
	assert_string_equal(args->name[99999], "ct99999");
	request_abandon(rq);
}

static void takes_a_large_value(void **state)
{
	struct fixture *f = *state;
	auto_buf b = BUF_INIT, inner = BUF_INIT;
	char *value = xcalloc(1, 8 << 20);
	struct request *rq;

	memset(value, 'x', 8 << 20);
	add_bytes(&inner, 3, value, 8 << 20);
	add_bytes(&b, 5, inner.data, inner.len);
	rq = decode_buf(f, &b);
	assert_non_null(rq);
	request_abandon(rq);
	free(value);
}

static void survives_any_cut_and_any_changed_byte(void **state)
{
	struct fixture *f = *state;
	auto_buf b = BUF_INIT, inner = BUF_INIT;

	add_bytes(&inner, 1, "a/b", 3);
	add_bytes(&inner, 2, "memory_limit", 12);
	add_bytes(&inner, 3, "1G", 2);
	add_bytes(&b, 5, inner.data, inner.len);
	for (size_t cut = 0; cut <= b.len; cut++) {
		char *copy = xmemdup(b.data, cut + 1);
		struct request *rq = decode(f, copy, cut);

		if (rq)
			request_abandon(rq);
		free(copy);
	}
	for (size_t at = 0; at < b.len; at++) {
		for (unsigned v = 0; v < 256; v++) {
			char *copy = xmemdup(b.data, b.len);
			struct request *rq;

			copy[at] = (char)v;
			rq = decode(f, copy, b.len);
			if (rq)
				request_abandon(rq);
			free(copy);
		}
	}
}

/* protobuf-c has no limit of its own: a type that contains itself would let a client choose the
 * depth of its recursion. */
static unsigned depth_of(const ProtobufCMessageDescriptor *d, unsigned level)
{
	unsigned deepest = level;

	assert_true(level < 20);
	for (unsigned i = 0; i < d->n_fields; i++) {
		unsigned depth = 0;

		if (d->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			depth = depth_of(d->fields[i].descriptor, level + 1);
		if (depth > deepest)
			deepest = depth;
	}
	return deepest;
}

static void the_schema_has_no_recursive_type(void **state)
{
	(void)state;
	assert_in_range(depth_of(&porto__tporto_request__descriptor, 0), 1, 19);
}

/* ---- replies ---- */

static void always_sets_error_text_and_time(void **state)
{
	struct fixture *f = *state;
	struct request *rq = decode_method(f, 14);
	uint64_t timestamp = rq->timestamp;
	Porto__TPortoResponse *resp;

	request_ok(rq);
	resp = receive(f);
	assert_true(resp->has_error);
	assert_int_equal(resp->error, PORTO__EERROR__Success);
	assert_string_equal(resp->errormsg, "");
	assert_true(resp->has_timestamp);
	assert_int_equal(resp->timestamp, timestamp);
	porto__tporto_response__free_unpacked(resp, NULL);
}

static void sends_the_payload(void **state)
{
	struct fixture *f = *state;
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT, *got;
	Porto__TVersionResponse version = PORTO__TVERSION_RESPONSE__INIT;
	char tag[] = "1.2.3";

	version.tag = tag;
	resp.version = &version;
	request_reply(decode_method(f, 14), &resp);
	got = receive(f);
	assert_string_equal(got->version->tag, "1.2.3");
	porto__tporto_response__free_unpacked(got, NULL);
}

static void sends_an_error_with_its_errno(void **state)
{
	struct fixture *f = *state;
	Porto__TPortoResponse *resp;
	struct error err = ERROR_INIT;

	error_errno(&err, ENOSPC, "write %s", "state");
	request_fail(decode_method(f, 14), &err);
	resp = receive(f);
	assert_int_equal(resp->error, PORTO__EERROR__NoSpace);
	assert_string_equal(resp->errormsg, "No space left on device: write state");
	porto__tporto_response__free_unpacked(resp, NULL);
}

static void sends_an_error_with_payload(void **state)
{
	struct fixture *f = *state;
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT, *got;
	Porto__TVersionResponse version = PORTO__TVERSION_RESPONSE__INIT;
	char tag[] = "x";
	struct error err = ERROR_INIT;

	version.tag = tag;
	resp.version = &version;
	error_set(&err, ERR_BUSY, "other value");
	request_fail_with(decode_method(f, 14), &err, &resp);
	got = receive(f);
	assert_int_equal(got->error, PORTO__EERROR__Busy);
	assert_string_equal(got->version->tag, "x");
	porto__tporto_response__free_unpacked(got, NULL);
}

static void never_takes_a_failure_for_success(void **state)
{
	struct fixture *f = *state;
	Porto__TPortoResponse *resp;
	struct error err = ERROR_INIT;

	request_fail(decode_method(f, 14), &err);
	resp = receive(f);
	assert_int_equal(resp->error, PORTO__EERROR__Unknown);
	porto__tporto_response__free_unpacked(resp, NULL);
}

static int last_code;

static void on_reply(struct request *rq, const struct error *err)
{
	assert_non_null(rq->msg);
	last_code = err->code;
}

static void tells_the_result_before_the_reply(void **state)
{
	struct fixture *f = *state;
	struct request *rq = decode_method(f, 14);
	struct error err = ERROR_INIT;

	last_code = -1;
	rq->on_reply = on_reply;
	request_ok(rq);
	assert_int_equal(last_code, 0);
	rq = decode_method(f, 14);
	rq->on_reply = on_reply;
	error_set(&err, ERR_PERMISSION, "no");
	request_fail(rq, &err);
	assert_int_equal(last_code, ERR_PERMISSION);
}

static void a_reply_ends_the_request_in_flight(void **state)
{
	struct fixture *f = *state;
	struct list requests = LIST_INIT(requests);
	struct request *rq = decode_method(f, 14);

	f->conn->busy = true;
	list_push_back(&requests, &rq->node);
	request_ok(rq);
	assert_true(list_is_empty(&requests));
	assert_false(f->conn->busy);
}

static unsigned abandoned;

static void on_abandon(struct request *rq)
{
	assert_non_null(rq->waiter);
	abandoned++;
}

static void abandons_a_request(void **state)
{
	struct fixture *f = *state;
	struct list requests = LIST_INIT(requests);
	struct request *rq = decode_method(f, 14);

	list_push_back(&requests, &rq->node);
	rq->waiter = &requests;
	rq->on_abandon = on_abandon;
	rq->on_reply = on_reply;
	last_code = -1;
	abandoned = 0;
	request_abandon(rq);
	assert_int_equal(abandoned, 1);
	assert_int_equal(last_code, -1);
	assert_true(list_is_empty(&requests));
	expect_silence(f);
}

static void a_reply_to_nobody_goes_nowhere(void **state)
{
	struct fixture *f = *state;
	struct request *rq = decode_method(f, 14);

	rq->conn = NULL;
	request_ok(rq);
	conn_flush(f->conn);
	expect_silence(f);
	/* A connection that was closed meanwhile, but is not yet freed. */
	rq = decode_method(f, 14);
	conn_close(f->conn);
	request_ok(rq);
}

static void answers_input_that_is_no_request(void **state)
{
	struct fixture *f = *state;
	Porto__TPortoResponse *resp;
	struct error err = ERROR_INIT;

	f->conn->busy = true;
	error_set(&err, ERR_INVALID_METHOD, "what?");
	request_send_error(f->conn, &err);
	assert_false(f->conn->busy);
	resp = receive(f);
	assert_int_equal(resp->error, PORTO__EERROR__InvalidMethod);
	assert_string_equal(resp->errormsg, "what?");
	assert_true(resp->has_timestamp);
	porto__tporto_response__free_unpacked(resp, NULL);
}

static bool push(struct fixture *f, Porto__TPortoResponse *resp)
{
	struct buf packed = BUF_INIT;
	bool sent;

	request_pack_push(resp, &packed);
	sent = request_push(f->conn, &packed);
	buf_deinit(&packed);
	return sent;
}

static void pushes_a_notification(void **state)
{
	struct fixture *f = *state;
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT, *got;

	assert_true(push(f, &resp));
	got = receive(f);
	assert_true(got->has_error);
	assert_int_equal(got->error, PORTO__EERROR__Success);
	assert_null(got->errormsg);
	assert_false(got->has_timestamp);
	porto__tporto_response__free_unpacked(got, NULL);
}

static void refuses_a_notification_over_the_limit(void **state)
{
	struct fixture *f = *state;
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	char text[1001];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	resp.errormsg = text;
	assert_false(push(f, &resp));
	assert_true(conn_is_open(f->conn));
	assert_int_equal(conn_unsent(f->conn), 0);
	request_push_last(f->conn, &resp);
	assert_false(conn_is_open(f->conn));
	assert_true(conn_unsent(f->conn) > sizeof(text));
	resp.errormsg = NULL;
	assert_false(push(f, &resp));
}

/* ---- memory ---- */

static void memory_of_a_request(void **state)
{
	struct fixture *f = *state;
	struct request *rq = decode_method(f, 14);
	char *small = request_alloc(rq, 10), *large = request_alloc(rq, 100000);

	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(small[i], 0);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(large[i], 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_string_equal(request_strdup(rq, "twelve bytes"), "twelve bytes");
	assert_null(request_strdup(rq, NULL));
	request_abandon(rq);
}

static void arena_keeps_the_limit(void **state)
{
	struct arena *a = arena_new(10000);
	ProtobufCAllocator *alloc = arena_protobuf(a);
	size_t sum = 0;
	char *p;

	(void)state;
	assert_null(alloc->alloc(alloc->allocator_data, SIZE_MAX));
	assert_true(arena_was_exhausted(a));
	while ((p = alloc->alloc(alloc->allocator_data, 97))) {
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		memset(p, 1, 97);
		sum += 97;
	}
	assert_true(sum > 8000 && sum <= 10000);
	assert_non_null(arena_alloc(a, 20000)); /* ours is not limited */
	arena_free(a);
	arena_free(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_the_method),
		TEST(every_field_of_a_request_is_a_method),
		TEST(refuses_a_request_without_a_method),
		TEST(refuses_two_methods_and_names_them),
		TEST(refuses_all_methods_at_once),
		TEST(takes_a_method_given_twice_as_one),
		TEST(refuses_an_unknown_method),
		TEST(refuses_an_unknown_field_beside_a_method),
		TEST(refuses_an_unknown_field_in_a_method),
		TEST(refuses_what_does_not_parse),
		TEST(refuses_a_method_of_the_wrong_type),
		TEST(bounds_the_memory_of_decoding),
		TEST(takes_many_short_names),
		TEST(takes_a_large_value),
		TEST(survives_any_cut_and_any_changed_byte),
		cmocka_unit_test(the_schema_has_no_recursive_type),
		TEST(always_sets_error_text_and_time),
		TEST(sends_the_payload),
		TEST(sends_an_error_with_its_errno),
		TEST(sends_an_error_with_payload),
		TEST(never_takes_a_failure_for_success),
		TEST(tells_the_result_before_the_reply),
		TEST(a_reply_ends_the_request_in_flight),
		TEST(abandons_a_request),
		TEST(a_reply_to_nobody_goes_nowhere),
		TEST(answers_input_that_is_no_request),
		TEST(pushes_a_notification),
		TEST(refuses_a_notification_over_the_limit),
		TEST(memory_of_a_request),
		cmocka_unit_test(arena_keeps_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
