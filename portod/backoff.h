/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back-off between restarts of the server. Pure.
 *
 * The first restart is immediate; a server that dies young again waits 50 ms, 100 ms, ... up to
 * the maximum. Young = lived less than a second, or less than twice the last delay: a server that
 * crashes each time after a few seconds of restoring is slowed down too.
 */
#pragma once

#include <stdint.h>

struct backoff {
	unsigned max_ms;
	unsigned failures; /* young deaths in a row */
	unsigned delay_ms; /* the last one given */
};

#define BACKOFF_FIRST_MS 50
#define BACKOFF_YOUNG_MS 1000

/* Milliseconds to wait before the next start of something that lived `lived_ms`. */
static inline unsigned backoff_next(struct backoff *b, uint64_t lived_ms)
{
	uint64_t young_ms = 2ULL * b->delay_ms;

	if (young_ms < BACKOFF_YOUNG_MS)
		young_ms = BACKOFF_YOUNG_MS;
	if (lived_ms >= young_ms)
		b->failures = 0;
	b->delay_ms = 0;
	if (b->failures)
		/* 2^15 * 50 ms is far above any maximum. */
		b->delay_ms = BACKOFF_FIRST_MS << (b->failures < 16 ? b->failures - 1 : 15);
	if (b->delay_ms > b->max_ms)
		b->delay_ms = b->max_ms;
	b->failures++;
	return b->delay_ms;
}
