/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing byte buffer; the content is always NUL-terminated behind `len` once anything was added.
 * Growth aborts on lack of memory: bound what a client can add before adding it.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "cleanup.h"

struct buf {
	char *data; /* owned; NULL while nothing was added */
	size_t len, cap;
};

#define BUF_INIT  \
	{         \
		0 \
	}

void buf_deinit(struct buf *b);
#define auto_buf _cleanup_(buf_deinit) struct buf

/* Make room for `n` more bytes and return the write position; then buf_commit(n). */
void *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Remove `n` bytes from the front. */
void buf_consume(struct buf *b, size_t n);
/* Keep the memory, drop the content. */
void buf_reset(struct buf *b);
/* Drop the content, and the memory too when more than `keep` bytes are allocated. */
void buf_shrink(struct buf *b, size_t keep);
/* The content as a string, never NULL. */
const char *buf_str(const struct buf *b);
/* Hand the content over as an allocated string (never NULL); the buffer is empty after. */
char *buf_take(struct buf *b);
