/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: varint length + body, both directions. Incremental, no I/O, libc only; shared by daemon
 * and client. Pure memory, never blocks.
 *
 * The decoder holds what was fed and not yet taken. It grows with the bytes that really came, never
 * with a length that was only claimed; the owner bounds the rest by not feeding more while a
 * complete frame waits (frame_decoder_peek() tells), and by reading chunks of moderate size.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes of the longest length prefix. */
#define FRAME_PREFIX_MAX 5

enum frame_result {
	FRAME_MORE,      /* not complete yet: feed more */
	FRAME_READY,     /* a complete frame */
	FRAME_TOO_LARGE, /* the length is above the limit */
	FRAME_MALFORMED, /* the length is not a varint of at most 5 bytes and 32 bits */
	FRAME_NO_MEMORY,
};

struct frame_decoder {
	uint8_t *data;   /* owned; NULL while empty */
	size_t pos, len; /* unread bytes are data[pos..len) */
	size_t cap;
	size_t max_body;         /* largest body accepted */
	size_t body;             /* of the current frame, when its prefix is decoded */
	size_t prefix;           /* bytes of that prefix; 0 = not decoded */
	enum frame_result error; /* FRAME_MORE or the error; errors are final */
};

/* Limit in bytes, at most UINT32_MAX. */
void frame_decoder_init(struct frame_decoder *d, size_t max_body);
/* Accepts a decoder filled with zeros. */
void frame_decoder_deinit(struct frame_decoder *d);

/*
 * Append bytes. FRAME_MORE on success whether or not a frame is complete, else the error; after
 * an error the stream is lost (there is no way to find the next frame) and further calls repeat
 * the error.
 */
enum frame_result frame_decoder_feed(struct frame_decoder *d, const void *data, size_t len);

/*
 * Look at the next frame. FRAME_READY: *ret_body points into the decoder, valid until the next
 * feed, skip or deinit; a body may be empty (*ret_len 0). FRAME_MORE, or the error.
 */
enum frame_result frame_decoder_peek(struct frame_decoder *d, const uint8_t **ret_body,
				     size_t *ret_len);
/* Drop the frame that peek returned; frees memory above a few KiB when nothing is left. */
void frame_decoder_skip(struct frame_decoder *d);

/* Bytes held, of complete and incomplete frames. */
size_t frame_decoder_pending(const struct frame_decoder *d);

/* Write the prefix of a body of `len` bytes; returns its length, 1..FRAME_PREFIX_MAX. */
size_t frame_encode_prefix(uint32_t len, uint8_t out[FRAME_PREFIX_MAX]);

/* For people; static string. */
const char *frame_result_text(enum frame_result r);
