/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses the size of the pieces; any fragmentation must give the same frames. */
#include <string.h>

#include "fuzz.h"
#include "proto/frame.h"

#define MAX_BODY   1000
#define FRAMES_MAX 64

struct seen {
	size_t len[FRAMES_MAX];
	size_t sum[FRAMES_MAX];
	size_t n;
	enum frame_result end;
};

static void take_frames(struct frame_decoder *d, struct seen *seen)
{
	const uint8_t *body;
	size_t len;

	for (;;) {
		seen->end = frame_decoder_peek(d, &body, &len);
		if (seen->end != FRAME_READY)
			return;
		FUZZ_CHECK(len <= MAX_BODY);
		if (seen->n < FRAMES_MAX) {
			seen->len[seen->n] = len;
			for (size_t i = 0; i < len; i++)
				seen->sum[seen->n] = seen->sum[seen->n] * 31 + body[i];
			seen->n++;
		}
		frame_decoder_skip(d);
	}
}

static void decode(const uint8_t *data, size_t size, size_t piece, struct seen *seen)
{
	struct frame_decoder d;

	memset(seen, 0, sizeof(*seen));
	frame_decoder_init(&d, MAX_BODY);
	for (size_t at = 0; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		frame_decoder_feed(&d, data + at, n);
		FUZZ_CHECK(frame_decoder_pending(&d) <= MAX_BODY + FRAME_PREFIX_MAX + n);
		take_frames(&d, seen);
	}
	take_frames(&d, seen);
	frame_decoder_deinit(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, pieces;

	if (size < 1)
		return 0;
	decode(data + 1, size - 1, size, &whole);
	decode(data + 1, size - 1, (size_t)data[0] % 16 + 1, &pieces);
	FUZZ_CHECK(!memcmp(&whole, &pieces, sizeof(whole)));
	return 0;
}
