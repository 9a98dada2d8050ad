/* SPDX-License-Identifier: Apache-2.0 */
#include "idmap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "num.h"
#include "str.h"
#include "xalloc.h"

#define LAST_ID (UINT32_MAX - 1)

void idmap_deinit(struct idmap *m)
{
	free(m->v);
	*m = (struct idmap)IDMAP_INIT;
}

void idmap_copy(struct idmap *dst, const struct idmap *src)
{
	struct idmap copy = { .v = xmemdup(src->v, src->n * sizeof(*src->v)), .n = src->n };

	idmap_deinit(dst);
	*dst = copy;
}

static void add(struct idmap *m, uint32_t inside, uint32_t outside, uint64_t count)
{
	if (!count)
		return;
	m->v = xreallocarray(m->v, m->n + 1, sizeof(*m->v));
	m->v[m->n++] = (struct idmap_range){ inside, outside, (uint32_t)count };
}

/* ---- text ---- */

static int parse_number(char **pos, uint32_t *ret)
{
	char *word;
	uint64_t v;

	do
		word = strsep(pos, " \t");
	while (word && !*word);
	if (!word || word[strspn(word, "0123456789")])
		return -EINVAL;
	if (num_parse_u64(word, &v) < 0 || v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

static int parse_range(char *text, struct idmap_range *ret)
{
	int r = parse_number(&text, &ret->inside);

	if (r == 0)
		r = parse_number(&text, &ret->outside);
	if (r == 0)
		r = parse_number(&text, &ret->count);
	if (r < 0)
		return r;
	if (!ret->count || (text && text[strspn(text, " \t")]))
		return -EINVAL;
	if (ret->inside > LAST_ID || ret->outside > LAST_ID ||
	    ret->count - 1 > LAST_ID - ret->inside || ret->count - 1 > LAST_ID - ret->outside)
		return -ERANGE;
	return 0;
}

static bool overlap(uint32_t a, uint32_t na, uint32_t b, uint32_t nb)
{
	return a <= b ? b - a < na : a - b < nb;
}

static bool collides(const struct idmap *m, const struct idmap_range *r)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct idmap_range *o = &m->v[i];

		if (overlap(o->inside, o->count, r->inside, r->count) ||
		    overlap(o->outside, o->count, r->outside, r->count))
			return true;
	}
	return false;
}

int idmap_parse(const char *text, struct idmap *ret)
{
	auto_strv items = STRV_INIT;
	auto_idmap m = IDMAP_INIT;

	strv_split(&items, text, ';');
	if (items.n > IDMAP_MAX)
		return -E2BIG;
	for (size_t i = 0; i < items.n; i++) {
		struct idmap_range range;
		int r = parse_range(items.v[i], &range);

		if (r < 0)
			return r;
		if (collides(&m, &range))
			return -EEXIST;
		add(&m, range.inside, range.outside, range.count);
	}
	*ret = m;
	m = (struct idmap)IDMAP_INIT;
	return 0;
}

char *idmap_format(const struct idmap *m, const char *sep)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < m->n; i++)
		buf_addf(&out, "%s%" PRIu32 " %" PRIu32 " %" PRIu32, i ? sep : "", m->v[i].inside,
			 m->v[i].outside, m->v[i].count);
	return buf_take(&out);
}

/* ---- usual maps ---- */

void idmap_single(uint32_t id, struct idmap *ret)
{
	*ret = (struct idmap)IDMAP_INIT;
	add(ret, 0, id, 1);
}

void idmap_swap_root(uint32_t id, struct idmap *ret)
{
	idmap_single(id, ret);
	if (id > 1)
		add(ret, 1, 1, id - 1);
	add(ret, id + 1, id + 1, (uint64_t)LAST_ID - id);
}

/* ---- use ---- */

bool idmap_to_outside(const struct idmap *m, uint32_t inside, uint32_t *ret)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct idmap_range *r = &m->v[i];

		if (inside >= r->inside && inside - r->inside < r->count) {
			*ret = r->outside + (inside - r->inside);
			return true;
		}
	}
	return false;
}

bool idmap_to_inside(const struct idmap *m, uint32_t outside, uint32_t *ret)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct idmap_range *r = &m->v[i];

		if (outside >= r->outside && outside - r->outside < r->count) {
			*ret = r->inside + (outside - r->outside);
			return true;
		}
	}
	return false;
}

/* ---- maps within maps ---- */

/* The part of `a` that `b` has, too; returns how many ids that is. */
static uint32_t intersect(const struct idmap_range *a, const struct idmap_range *b, bool translate,
			  struct idmap *out)
{
	uint64_t from = a->outside > b->outside ? a->outside : b->outside;
	uint64_t enda = (uint64_t)a->outside + a->count, endb = (uint64_t)b->outside + b->count;
	uint64_t end = enda < endb ? enda : endb;
	uint32_t first = (uint32_t)from;

	if (from >= end)
		return 0;
	add(out, a->inside + (first - a->outside),
	    translate ? b->inside + (first - b->outside) : first, end - from);
	return (uint32_t)(end - from);
}

static bool combine(const struct idmap *m, const struct idmap *outer, bool translate,
		    struct idmap *ret)
{
	struct idmap out = IDMAP_INIT;
	bool complete = true;

	for (size_t i = 0; i < m->n; i++) {
		uint64_t found = 0;

		for (size_t k = 0; k < outer->n; k++)
			found += intersect(&m->v[i], &outer->v[k], translate, &out);
		complete = complete && found == m->v[i].count;
	}
	*ret = out;
	return complete;
}

bool idmap_clip(const struct idmap *m, const struct idmap *outer, struct idmap *ret)
{
	return combine(m, outer, false, ret);
}

bool idmap_within(const struct idmap *m, const struct idmap *outer, struct idmap *ret)
{
	return combine(m, outer, true, ret);
}
