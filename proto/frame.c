/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <stdlib.h>
#include <string.h>

#define KEEP_MAX 16384 /* memory an idle connection may keep */

void frame_decoder_init(struct frame_decoder *d, size_t max_body)
{
	*d = (struct frame_decoder){ .max_body = max_body < UINT32_MAX ? max_body : UINT32_MAX };
}

void frame_decoder_deinit(struct frame_decoder *d)
{
	free(d->data);
	frame_decoder_init(d, d->max_body);
}

static enum frame_result fail(struct frame_decoder *d, enum frame_result error)
{
	free(d->data);
	d->data = NULL;
	d->pos = d->len = d->cap = 0;
	d->prefix = 0;
	d->error = error;
	return error;
}

/* Decode the prefix of the frame at `pos` once; the limit counts before a body arrives. */
static enum frame_result read_prefix(struct frame_decoder *d)
{
	uint64_t value = 0;
	size_t i;

	if (d->prefix)
		return FRAME_READY;
	for (i = 0; i < FRAME_PREFIX_MAX && d->pos + i < d->len; i++) {
		uint8_t byte = d->data[d->pos + i];

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		if (value > UINT32_MAX)
			return fail(d, FRAME_MALFORMED);
		if (value > d->max_body)
			return fail(d, FRAME_TOO_LARGE);
		d->body = (size_t)value;
		d->prefix = i + 1;
		return FRAME_READY;
	}
	return i == FRAME_PREFIX_MAX ? fail(d, FRAME_MALFORMED) : FRAME_MORE;
}

/* Move what is unread to the front when that makes room or costs little. */
static void compact(struct frame_decoder *d)
{
	if (d->pos == 0)
		return;
	memmove(d->data, d->data + d->pos, d->len - d->pos);
	d->len -= d->pos;
	d->pos = 0;
}

static enum frame_result make_room(struct frame_decoder *d, size_t n)
{
	size_t need, cap;
	uint8_t *data;

	if (n <= d->cap - d->len)
		return FRAME_MORE;
	compact(d);
	if (n <= d->cap - d->len)
		return FRAME_MORE;
	if (__builtin_add_overflow(d->len, n, &need))
		return fail(d, FRAME_NO_MEMORY);
	cap = d->cap < SIZE_MAX / 2 && d->cap * 2 > need ? d->cap * 2 : need;
	data = realloc(d->data, cap);
	if (!data)
		return fail(d, FRAME_NO_MEMORY);
	d->data = data;
	d->cap = cap;
	return FRAME_MORE;
}

enum frame_result frame_decoder_feed(struct frame_decoder *d, const void *data, size_t len)
{
	enum frame_result r;

	if (d->error != FRAME_MORE)
		return d->error;
	if (len == 0)
		return FRAME_MORE;
	r = make_room(d, len);
	if (r != FRAME_MORE)
		return r;
	memcpy(d->data + d->len, data, len);
	d->len += len;
	r = read_prefix(d);
	return r == FRAME_READY ? FRAME_MORE : r;
}

enum frame_result frame_decoder_peek(struct frame_decoder *d, const uint8_t **ret_body,
				     size_t *ret_len)
{
	enum frame_result r = d->error;

	if (r == FRAME_MORE)
		r = read_prefix(d);
	if (r != FRAME_READY)
		return r;
	if (d->len - d->pos - d->prefix < d->body)
		return FRAME_MORE;
	*ret_body = d->data + d->pos + d->prefix;
	*ret_len = d->body;
	return FRAME_READY;
}

void frame_decoder_skip(struct frame_decoder *d)
{
	if (!d->prefix || d->len - d->pos - d->prefix < d->body)
		return;
	d->pos += d->prefix + d->body;
	d->prefix = 0;
	d->body = 0;
	if (d->pos < d->len)
		return;
	d->pos = d->len = 0;
	if (d->cap > KEEP_MAX) {
		free(d->data);
		d->data = NULL;
		d->cap = 0;
	}
}

size_t frame_decoder_pending(const struct frame_decoder *d)
{
	return d->len - d->pos;
}

size_t frame_encode_prefix(uint32_t len, uint8_t out[FRAME_PREFIX_MAX])
{
	size_t n = 0;

	while (len >= 0x80) {
		out[n++] = (uint8_t)(len | 0x80);
		len >>= 7;
	}
	out[n++] = (uint8_t)len;
	return n;
}

const char *frame_result_text(enum frame_result r)
{
	switch (r) {
	case FRAME_MORE:
		return "incomplete frame";
	case FRAME_READY:
		return "complete frame";
	case FRAME_TOO_LARGE:
		return "frame is larger than the limit";
	case FRAME_MALFORMED:
		return "malformed frame length";
	case FRAME_NO_MEMORY:
		return "out of memory for a frame";
	default:
		return "unknown frame result";
	}
}
