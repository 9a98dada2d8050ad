/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation that aborts on failure.
 *
 * For small, fixed-size needs: the master restarts the server and it restores. Anything whose
 * size a client chooses must be bounded by a limit first. Caller owns the result, free() it.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
/* Overflow-checked n * size. */
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
/* NULL in, NULL out for the dup family. */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
void *xmemdup(const void *p, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *xvasprintf(const char *fmt, va_list ap)
	__attribute__((format(printf, 1, 0), returns_nonnull));

#define xnew(type)          ((type *)xcalloc(1, sizeof(type)))
#define xnew_array(type, n) ((type *)xcalloc((n), sizeof(type)))
