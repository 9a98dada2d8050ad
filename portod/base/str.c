/* SPDX-License-Identifier: Apache-2.0 */
#include "str.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "xalloc.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool str_eq(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return !strcmp(a, b);
}

bool str_has_prefix(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool str_has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s), n = strlen(suffix);

	return len >= n && !memcmp(s + len - n, suffix, n);
}

char *str_trim(const char *s)
{
	size_t len;

	while (is_blank(*s))
		s++;
	len = strlen(s);
	while (len && is_blank(s[len - 1]))
		len--;
	return xstrndup(s, len);
}

void str_set(char **dst, const char *src)
{
	char *old = *dst;

	*dst = xstrdup(src); /* before free(): src may be inside the old string */
	free(old);
}

/* ---- list ---- */

void strv_deinit(struct strv *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv)STRV_INIT;
}

void strv_add_take(struct strv *s, char *str)
{
	/* Grows at powers of two: n + 1 slots are needed, and n tells when they run out. */
	if ((s->n & (s->n + 1)) == 0)
		s->v = xreallocarray(s->v, (s->n + 1) * 2, sizeof(*s->v));
	s->v[s->n++] = str;
	s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *str)
{
	strv_add_take(s, xstrdup(str));
}

void strv_addn(struct strv *s, const char *str, size_t n)
{
	strv_add_take(s, xstrndup(str, n));
}

void strv_copy(struct strv *dst, const struct strv *src)
{
	struct strv copy = STRV_INIT;

	for (size_t i = 0; i < src->n; i++)
		strv_add(&copy, src->v[i]);
	strv_deinit(dst);
	*dst = copy;
}

bool strv_has(const struct strv *s, const char *str)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->v[i], str))
			return true;
	}
	return false;
}

bool strv_eq(const struct strv *a, const struct strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->v[i], b->v[i]))
			return false;
	}
	return true;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *s)
{
	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), compare_strings);
}

/*
 * Read one item up to an unescaped character of `stops` and return the position of that character
 * or of the end. Escaped characters of `special` lose their backslash and survive the trimming.
 */
static const char *read_item(struct buf *item, const char *p, const char *stops,
			     const char *special)
{
	size_t keep = 0;

	buf_reset(item);
	for (; *p && !strchr(stops, *p); p++) {
		bool escaped = *p == '\\' && p[1] && strchr(special, p[1]);

		if (escaped)
			p++;
		else if (is_blank(*p) && item->len == 0)
			continue;
		buf_addc(item, *p);
		if (escaped || !is_blank(*p))
			keep = item->len;
	}
	if (item->data) {
		item->len = keep;
		item->data[keep] = '\0';
	}
	return p;
}

void strv_split(struct strv *ret, const char *text, char sep)
{
	const char stops[] = { sep, '\0' }, special[] = { sep, '\\', '\0' };
	struct strv items = STRV_INIT;
	auto_buf item = BUF_INIT;

	for (;;) {
		text = read_item(&item, text, stops, special);
		if (item.len)
			strv_add(&items, item.data);
		if (!*text)
			break;
		text++;
	}
	strv_deinit(ret);
	*ret = items;
}

static void add_escaped(struct buf *out, const char *s, const char *special)
{
	for (; *s; s++) {
		if (strchr(special, *s))
			buf_addc(out, '\\');
		buf_addc(out, *s);
	}
}

char *strv_join(const struct strv *s, char sep)
{
	const char special[] = { sep, '\\', '\0' };
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < s->n; i++) {
		if (i)
			buf_addc(&out, sep);
		add_escaped(&out, s->v[i], special);
	}
	return buf_take(&out);
}

/* ---- map ---- */

static void entry_deinit(struct smap_entry *e)
{
	free(e->key);
	free(e->val);
}

void smap_deinit(struct smap *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		entry_deinit(&m->e[i]);
	free(m->e);
	*m = (struct smap)SMAP_INIT;
}

void smap_copy(struct smap *dst, const struct smap *src)
{
	struct smap copy = SMAP_INIT;

	for (size_t i = 0; i < src->n; i++)
		smap_set(&copy, src->e[i].key, src->e[i].val);
	smap_deinit(dst);
	*dst = copy;
}

bool smap_eq(const struct smap *a, const struct smap *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->e[i].key, b->e[i].key) || !str_eq(a->e[i].val, b->e[i].val))
			return false;
	}
	return true;
}

/* Index of the first entry whose key is not less. */
static size_t lower_bound(const struct smap *m, const char *key, bool *ret_found)
{
	size_t lo = 0, hi = m->n;

	*ret_found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(m->e[mid].key, key);

		if (c == 0)
			*ret_found = true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct smap_entry *smap_find(const struct smap *m, const char *key)
{
	bool found;
	size_t i = lower_bound(m, key, &found);

	return found ? &m->e[i] : NULL;
}

const char *smap_get(const struct smap *m, const char *key)
{
	const struct smap_entry *e = smap_find(m, key);

	return e ? e->val : NULL;
}

void smap_set(struct smap *m, const char *key, const char *val)
{
	bool found;
	size_t i = lower_bound(m, key, &found);
	struct smap_entry e;

	if (found) {
		str_set(&m->e[i].val, val);
		return;
	}
	e = (struct smap_entry){ .key = xstrdup(key), .val = xstrdup(val) };
	if ((m->n & (m->n - 1)) == 0) /* 0, 1, 2, 4, 8, …: full */
		m->e = xreallocarray(m->e, m->n ? m->n * 2 : 1, sizeof(*m->e));
	memmove(&m->e[i + 1], &m->e[i], (m->n - i) * sizeof(*m->e));
	m->e[i] = e;
	m->n++;
}

bool smap_del(struct smap *m, const char *key)
{
	bool found;
	size_t i = lower_bound(m, key, &found);

	if (!found)
		return false;
	entry_deinit(&m->e[i]);
	m->n--;
	memmove(&m->e[i], &m->e[i + 1], (m->n - i) * sizeof(*m->e));
	/* Keep what smap_set() derives from n true: capacity is the next power of two. */
	if (m->n && (m->n & (m->n - 1)) == 0)
		m->e = xreallocarray(m->e, m->n, sizeof(*m->e));
	return true;
}

int smap_parse(struct smap *m, const char *text)
{
	auto_buf key = BUF_INIT, val = BUF_INIT;
	auto_smap parsed = SMAP_INIT;

	for (;;) {
		text = read_item(&key, text, ":;", ":;\\");
		if (*text == ':') {
			text = read_item(&val, text + 1, ":;", ":;\\");
			if (*text == ':' || !key.len)
				return -EINVAL;
			smap_set(&parsed, key.data, buf_str(&val));
		} else if (key.len) {
			return -EINVAL;
		}
		if (!*text)
			break;
		text++;
	}
	for (size_t i = 0; i < parsed.n; i++)
		smap_set(m, parsed.e[i].key, parsed.e[i].val);
	return 0;
}

char *smap_format(const struct smap *m)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < m->n; i++) {
		if (i)
			buf_adds(&out, "; ");
		add_escaped(&out, m->e[i].key, ":;\\");
		buf_adds(&out, ": ");
		if (m->e[i].val)
			add_escaped(&out, m->e[i].val, ":;\\");
	}
	return buf_take(&out);
}

/* ---- masks ---- */

bool mask_is_pattern(const char *s)
{
	return strpbrk(s, "*?[") != NULL;
}

bool mask_match(const char *mask, const char *name)
{
	if (!strcmp(mask, "***"))
		return true;
	if (str_has_suffix(mask, "***"))
		return !strncmp(mask, name, (size_t)(strstr(mask, "***") - mask));
	if (str_has_prefix(mask, "***"))
		return str_has_suffix(name, mask + 3);
	return fnmatch(mask, name, FNM_PATHNAME) == 0;
}

void str_quote(struct buf *out, const char *s)
{
	buf_addc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *s);
	}
	buf_addc(out, '\'');
}
