/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/frame.h"

static const uint8_t *body;
static size_t body_len;

static size_t make(uint8_t *out, const void *data, uint32_t len)
{
	size_t n = frame_encode_prefix(len, out);

	memcpy(out + n, data, len);
	return n + len;
}

static void test_prefix(void **state)
{
	static const struct {
		uint32_t len;
		size_t n;
		uint8_t bytes[FRAME_PREFIX_MAX];
	} cases[] = {
		{ 0, 1, { 0 } },
		{ 1, 1, { 1 } },
		{ 127, 1, { 0x7f } },
		{ 128, 2, { 0x80, 0x01 } },
		{ 300, 2, { 0xac, 0x02 } },
		{ 1 << 21, 4, { 0x80, 0x80, 0x80, 0x01 } },
		{ UINT32_MAX, 5, { 0xff, 0xff, 0xff, 0xff, 0x0f } },
	};
	uint8_t out[FRAME_PREFIX_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(frame_encode_prefix(cases[i].len, out), cases[i].n);
		assert_memory_equal(out, cases[i].bytes, cases[i].n);
	}
}

/* Whatever the pieces are, the same frames come out. */
static void test_any_fragmentation(void **state)
{
	uint8_t stream[2000];
	size_t len = 0;
	char text[300];

	(void)state;
	memset(text, 'x', sizeof(text));
	len += make(stream + len, "one", 3);
	len += make(stream + len, "", 0);
	len += make(stream + len, text, 300);
	len += make(stream + len, "four", 4);
	for (size_t piece = 1; piece <= len; piece++) {
		static const size_t expected[] = { 3, 0, 300, 4 };
		struct frame_decoder d;
		size_t frames = 0;

		frame_decoder_init(&d, 1000);
		for (size_t at = 0; at < len; at += piece) {
			size_t n = len - at < piece ? len - at : piece;

			assert_int_equal(frame_decoder_feed(&d, stream + at, n), FRAME_MORE);
			while (frame_decoder_peek(&d, &body, &body_len) == FRAME_READY) {
				assert_int_equal(body_len, expected[frames]);
				if (frames == 3)
					assert_memory_equal(body, "four", 4);
				frames++;
				frame_decoder_skip(&d);
			}
		}
		assert_int_equal(frames, 4);
		assert_int_equal(frame_decoder_pending(&d), 0);
		frame_decoder_deinit(&d);
	}
}

static void test_peek_repeats_until_skip(void **state)
{
	uint8_t bytes[16];
	struct frame_decoder d;
	size_t n = make(bytes, "abc", 3);

	(void)state;
	frame_decoder_init(&d, 10);
	frame_decoder_skip(&d); /* nothing there: harmless */
	assert_int_equal(frame_decoder_peek(&d, &body, &body_len), FRAME_MORE);
	frame_decoder_feed(&d, bytes, n - 1);
	frame_decoder_skip(&d); /* incomplete: harmless */
	frame_decoder_feed(&d, bytes + n - 1, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(frame_decoder_peek(&d, &body, &body_len), FRAME_READY);
		assert_memory_equal(body, "abc", 3);
	}
	frame_decoder_skip(&d);
	assert_int_equal(frame_decoder_peek(&d, &body, &body_len), FRAME_MORE);
	frame_decoder_deinit(&d);
}

static void check_error(const void *bytes, size_t len, enum frame_result expected)
{
	struct frame_decoder d;
	enum frame_result r = FRAME_MORE;

	frame_decoder_init(&d, 1000);
	for (size_t i = 0; i < len && r == FRAME_MORE; i++)
		r = frame_decoder_feed(&d, (const uint8_t *)bytes + i, 1);
	assert_int_equal(r, expected);
	/* Errors are final. */
	assert_int_equal(frame_decoder_feed(&d, "\0", 1), expected);
	assert_int_equal(frame_decoder_peek(&d, &body, &body_len), expected);
	frame_decoder_deinit(&d);

	frame_decoder_init(&d, 1000);
	assert_int_equal(frame_decoder_feed(&d, bytes, len), expected);
	assert_true(strlen(frame_result_text(expected)) > 0);
	frame_decoder_deinit(&d);
}

static void test_errors(void **state)
{
	(void)state;
	check_error("\xe9\x07", 2, FRAME_TOO_LARGE);             /* 1001 */
	check_error("\xff\xff\xff\xff\x0f", 5, FRAME_TOO_LARGE); /* 2^32 - 1 */
	check_error("\xff\xff\xff\xff\x1f", 5, FRAME_MALFORMED); /* more than 32 bits */
	check_error("\x80\x80\x80\x80\x80", 5, FRAME_MALFORMED); /* never ends */
	check_error("\xff\xff\xff\xff\xff\xff\xff\xff", 8, FRAME_MALFORMED);
}

static void test_limit_itself_is_allowed(void **state)
{
	struct frame_decoder d;

	(void)state;
	frame_decoder_init(&d, 1000);
	assert_int_equal(frame_decoder_feed(&d, "\xe8\x07", 2), FRAME_MORE);
	assert_int_equal(frame_decoder_peek(&d, &body, &body_len), FRAME_MORE);
	frame_decoder_deinit(&d);
}

/* An error behind a good frame shows when its turn comes. */
static void test_good_frames_before_an_error_are_delivered(void **state)
{
	struct frame_decoder d;

	(void)state;
	frame_decoder_init(&d, 10);
	assert_int_equal(frame_decoder_feed(&d, "\x01x\x80\x80\x80\x80\x80", 7), FRAME_MORE);
	assert_int_equal(frame_decoder_peek(&d, &body, &body_len), FRAME_READY);
	assert_int_equal(body_len, 1);
	frame_decoder_skip(&d);
	assert_int_equal(frame_decoder_peek(&d, &body, &body_len), FRAME_MALFORMED);
	frame_decoder_deinit(&d);
}

static void test_non_minimal_length_keeps_the_stream(void **state)
{
	struct frame_decoder d;

	(void)state;
	frame_decoder_init(&d, 10);
	assert_int_equal(frame_decoder_feed(&d, "\x81\x00x\x01y", 5), FRAME_MORE);
	assert_int_equal(frame_decoder_peek(&d, &body, &body_len), FRAME_READY);
	assert_memory_equal(body, "x", 1);
	frame_decoder_skip(&d);
	assert_int_equal(frame_decoder_peek(&d, &body, &body_len), FRAME_READY);
	assert_memory_equal(body, "y", 1);
	frame_decoder_deinit(&d);
}

static void test_claimed_length_allocates_nothing(void **state)
{
	struct frame_decoder d;

	(void)state;
	frame_decoder_init(&d, UINT32_MAX);
	assert_int_equal(frame_decoder_feed(&d, "\xff\xff\xff\xff\x0f", 5), FRAME_MORE);
	assert_true(d.cap < 4096);
	frame_decoder_deinit(&d);
}

static void test_memory_of_a_large_frame_is_returned(void **state)
{
	struct frame_decoder d;
	uint8_t *bytes = calloc(1, 1 << 20), prefix[FRAME_PREFIX_MAX];

	(void)state;
	frame_decoder_init(&d, 1 << 20);
	frame_decoder_feed(&d, prefix, frame_encode_prefix(1 << 20, prefix));
	frame_decoder_feed(&d, bytes, 1 << 20);
	assert_int_equal(frame_decoder_peek(&d, &body, &body_len), FRAME_READY);
	assert_int_equal(body_len, 1 << 20);
	frame_decoder_skip(&d);
	assert_int_equal(d.cap, 0);
	frame_decoder_deinit(&d);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_any_fragmentation),
		cmocka_unit_test(test_peek_repeats_until_skip),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_limit_itself_is_allowed),
		cmocka_unit_test(test_good_frames_before_an_error_are_delivered),
		cmocka_unit_test(test_non_minimal_length_keeps_the_stream),
		cmocka_unit_test(test_claimed_length_allocates_nothing),
		cmocka_unit_test(test_memory_of_a_large_frame_is_returned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
