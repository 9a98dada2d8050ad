/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks. */
#pragma once

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_nsec(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* Nanoseconds since boot, suspended time included; survives restarts of the daemon. */
static inline uint64_t clock_boot_nsec(void)
{
	return clock_nsec(CLOCK_BOOTTIME);
}

static inline uint64_t clock_mono_nsec(void)
{
	return clock_nsec(CLOCK_MONOTONIC);
}

/* Unix seconds. */
static inline uint64_t clock_wall_sec(void)
{
	return (uint64_t)time(NULL);
}
