/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of small numbers (processors, memory nodes) and its text form of the kernel, "0-3,8".
 * A plain value: copy it by assignment. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPUMASK_BITS 8192 /* the most processors a kernel can be built for */

struct cpumask {
	uint64_t bits[CPUMASK_BITS / 64];
};

static inline bool cpumask_has(const struct cpumask *m, unsigned n)
{
	return n < CPUMASK_BITS && (m->bits[n / 64] >> (n % 64) & 1);
}
static inline void cpumask_add(struct cpumask *m, unsigned n)
{
	if (n < CPUMASK_BITS)
		m->bits[n / 64] |= UINT64_C(1) << (n % 64);
}
static inline void cpumask_del(struct cpumask *m, unsigned n)
{
	if (n < CPUMASK_BITS)
		m->bits[n / 64] &= ~(UINT64_C(1) << (n % 64));
}

unsigned cpumask_count(const struct cpumask *m);
/* The first member at or after `from`; CPUMASK_BITS when there is none. */
unsigned cpumask_next(const struct cpumask *m, unsigned from);
bool cpumask_eq(const struct cpumask *a, const struct cpumask *b);
/* Is each member of `a` one of `b`? */
bool cpumask_subset(const struct cpumask *a, const struct cpumask *b);
void cpumask_or(struct cpumask *m, const struct cpumask *other);
void cpumask_and(struct cpumask *m, const struct cpumask *other);

#define cpumask_for_each(n, m) \
	for ((n) = cpumask_next(m, 0); (n) < CPUMASK_BITS; (n) = cpumask_next(m, (n) + 1))

/* "0-3,8"; "" is the empty set, a newline at the end is allowed. 0, -EINVAL (malformed, also a
 * range that runs backwards) or -ERANGE (beyond CPUMASK_BITS). */
int cpumask_parse(struct cpumask *ret, const char *text);
/* New string. */
char *cpumask_format(const struct cpumask *m);
