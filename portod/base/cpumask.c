/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpumask.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

unsigned cpumask_count(const struct cpumask *m)
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(m->bits); i++)
		n += (unsigned)__builtin_popcountll(m->bits[i]);
	return n;
}

unsigned cpumask_next(const struct cpumask *m, unsigned from)
{
	for (unsigned i = from / 64; i < ARRAY_SIZE(m->bits); i++) {
		uint64_t word = m->bits[i];

		if (i == from / 64)
			word &= ~UINT64_C(0) << (from % 64);
		if (word)
			return i * 64 + (unsigned)__builtin_ctzll(word);
	}
	return CPUMASK_BITS;
}

bool cpumask_eq(const struct cpumask *a, const struct cpumask *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool cpumask_subset(const struct cpumask *a, const struct cpumask *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->bits); i++)
		if (a->bits[i] & ~b->bits[i])
			return false;
	return true;
}

void cpumask_or(struct cpumask *m, const struct cpumask *other)
{
	for (size_t i = 0; i < ARRAY_SIZE(m->bits); i++)
		m->bits[i] |= other->bits[i];
}

void cpumask_and(struct cpumask *m, const struct cpumask *other)
{
	for (size_t i = 0; i < ARRAY_SIZE(m->bits); i++)
		m->bits[i] &= other->bits[i];
}

/* Digits at *pos, which is moved behind them. */
static int parse_number(const char **pos, unsigned *ret)
{
	const char *p = *pos;
	unsigned v = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (unsigned)(*p - '0');
		if (v >= CPUMASK_BITS)
			return -ERANGE;
	}
	if (p == *pos)
		return -EINVAL;
	*pos = p;
	*ret = v;
	return 0;
}

/* "3" or "3-5" */
static int parse_range(struct cpumask *m, const char **pos)
{
	unsigned first, last;
	int r = parse_number(pos, &first);

	if (r < 0)
		return r;
	last = first;
	if (**pos == '-') {
		++*pos;
		r = parse_number(pos, &last);
		if (r < 0)
			return r;
	}
	if (last < first)
		return -EINVAL;
	for (unsigned n = first; n <= last; n++)
		cpumask_add(m, n);
	return 0;
}

int cpumask_parse(struct cpumask *ret, const char *text)
{
	struct cpumask m = { 0 };
	const char *p = text;

	while (*p && strcmp(p, "\n") != 0) {
		int r = parse_range(&m, &p);

		if (r < 0)
			return r;
		if (*p == ',' && p[1] >= '0' && p[1] <= '9')
			p++;
		else if (*p && strcmp(p, "\n") != 0)
			return -EINVAL;
	}
	*ret = m;
	return 0;
}

char *cpumask_format(const struct cpumask *m)
{
	struct buf out = BUF_INIT;
	unsigned first, last;

	cpumask_for_each(first, m)
	{
		for (last = first; cpumask_has(m, last + 1);)
			last++;
		buf_addf(&out, "%s%u", out.len ? "," : "", first);
		if (last > first)
			buf_addf(&out, "-%u", last);
		first = last;
	}
	return buf_take(&out);
}
