/* SPDX-License-Identifier: Apache-2.0 */
/* Strings, lists of strings, string maps, the escaped list syntax of Porto and its masks. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"

static inline bool str_is_empty(const char *s)
{
	return !s || !*s;
}

/* NULL-safe: two NULLs are equal, NULL differs from "". */
bool str_eq(const char *a, const char *b);
bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);
/* New string without leading and trailing space, tab and newline. */
char *str_trim(const char *s);
/* Replace *dst by a copy of src (either may be NULL). */
void str_set(char **dst, const char *src);

/* ---- list of owned strings ---- */

struct strv {
	char **v; /* NULL-terminated when n > 0; NULL when empty */
	size_t n;
};

#define STRV_INIT \
	{         \
		0 \
	}

void strv_deinit(struct strv *s);
#define auto_strv _cleanup_(strv_deinit) struct strv
void strv_add(struct strv *s, const char *str);
void strv_addn(struct strv *s, const char *str, size_t n);
void strv_add_take(struct strv *s, char *str);
void strv_copy(struct strv *dst, const struct strv *src);
bool strv_has(const struct strv *s, const char *str);
bool strv_eq(const struct strv *a, const struct strv *b);
void strv_sort(struct strv *s); /* bytewise */

/*
 * Porto's list syntax: items separated by `sep`, blanks around them trimmed, empty items dropped,
 * `\sep` and `\\` escaped (any other backslash is literal).
 */
void strv_split(struct strv *ret, const char *text, char sep);
/* Reverse: items joined by `sep`, the separator and backslash escaped. New string, never NULL. */
char *strv_join(const struct strv *s, char sep);

/* ---- map of owned strings, kept sorted by key ---- */

struct smap_entry {
	char *key, *val; /* val may be NULL where a user of the map gives that a meaning */
};

struct smap {
	struct smap_entry *e;
	size_t n;
};

#define SMAP_INIT \
	{         \
		0 \
	}

void smap_deinit(struct smap *m);
#define auto_smap _cleanup_(smap_deinit) struct smap
void smap_copy(struct smap *dst, const struct smap *src);
bool smap_eq(const struct smap *a, const struct smap *b);
/* NULL when absent. */
const struct smap_entry *smap_find(const struct smap *m, const char *key);
const char *smap_get(const struct smap *m, const char *key);
/* Add or replace. */
void smap_set(struct smap *m, const char *key, const char *val);
/* true if it was present. */
bool smap_del(struct smap *m, const char *key);
/*
 * "key: value; key: value", exactly one unescaped `:` per item, `\` escapes `:`, `;` and itself.
 * 0 or -EINVAL. Merges into *m.
 */
int smap_parse(struct smap *m, const char *text);
/* "k: v; k2: v2", sorted by key. New string, never NULL. */
char *smap_format(const struct smap *m);

/* ---- masks ---- */

/* Contains `*`, `?` or `[`. */
bool mask_is_pattern(const char *s);
/*
 * `***` matches everything; `prefix***` and `***suffix` match across `/`; otherwise fnmatch(3)
 * with FNM_PATHNAME.
 */
bool mask_match(const char *mask, const char *name);

/* Append `s` in single quotes, safe for a POSIX word expansion. */
struct buf;
void str_quote(struct buf *out, const char *s);
