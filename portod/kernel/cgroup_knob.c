/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions of knob values. */
#include "kernel/cgroup_knob.h"

#include <inttypes.h>
#include <stdio.h>

#include "kernel/cgroup_backend.h"

#define PERIOD_MIN_US  1000ULL
#define PERIOD_MAX_US  1000000ULL
#define QUOTA_MIN_US   1000ULL
#define QUOTA_MAX_US   ((1ULL << 44) - 1) /* kernel/sched: MAX_BW */
#define PIDS_LIMIT_MAX 4194304ULL         /* PID_MAX_LIMIT; pids.max refuses more */

static uint64_t clamp(uint64_t v, uint64_t min, uint64_t max)
{
	return v < min ? min : v > max ? max : v;
}

void cgroup_cpu_quota(const struct cgroup_setting *s, uint64_t *ret_quota, uint64_t *ret_period)
{
	uint64_t period_ns = s->arg2 ? s->arg2 : CGROUP_DEFAULT_PERIOD;
	uint64_t period = clamp(period_ns / 1000, PERIOD_MIN_US, PERIOD_MAX_US);
	/* Rounded up, in 128 bits: the value is a client's. */
	unsigned __int128 quota = ((unsigned __int128)s->value * period + period_ns - 1) /
				  period_ns;

	*ret_period = period;
	*ret_quota = quota > QUOTA_MAX_US ? QUOTA_MAX_US
					  : clamp((uint64_t)quota, QUOTA_MIN_US, QUOTA_MAX_US);
}

uint64_t cgroup_cpu_weight(const struct cgroup_setting *s, uint64_t base, uint64_t min,
			   uint64_t max)
{
	unsigned __int128 w = (unsigned __int128)s->value * base / 1000;

	return w > max ? max : clamp((uint64_t)w, min, max);
}

void cgroup_format_pids(const struct cgroup_setting *s, char *buf, size_t size)
{
	if (!s->value || s->value > PIDS_LIMIT_MAX)
		snprintf(buf, size, "max");
	else
		snprintf(buf, size, "%" PRIu64, s->value);
}
