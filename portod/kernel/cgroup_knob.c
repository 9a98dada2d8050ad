/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions of knob values. */
#include "kernel/cgroup_knob.h"

#include <errno.h>
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

void cgroup_format_u64(const struct cgroup_setting *s, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRIu64, s->value);
}

void cgroup_format_flag(const struct cgroup_setting *s, char *buf, size_t size)
{
	snprintf(buf, size, "%d", s->value != 0);
}

void cgroup_format_bytes(const struct cgroup_setting *s, const char *none, char *buf, size_t size)
{
	if (!s->value || s->value > INT64_MAX)
		snprintf(buf, size, "%s", none);
	else
		snprintf(buf, size, "%" PRIu64, s->value);
}

int cgroup_apply_hugetlb(const struct cgroup_hierarchy *hr, const char *path, const char *file,
			 const char *usage, const char *file_1g, const char *none,
			 const struct cgroup_setting *s, struct error *err)
{
	uint64_t used = 0;
	char text[32];
	int r;

	/* Neither version takes pages back, and only one of them says so. */
	if (s->value && cgroup_read_number(hr, path, usage, &used) == 0 && used > s->value)
		return error_set(err, ERR_INVALID_VALUE,
				 "hugetlb limit %" PRIu64 " is below what is in use, %" PRIu64,
				 s->value, used);
	cgroup_format_bytes(s, none, text, sizeof(text));
	r = cgroup_write(hr, path, file, text);
	if (r < 0)
		return error_sys(err,
				 r == -EBUSY || r == -EINVAL ? ERR_INVALID_VALUE
							     : error_code_of_errno(-r),
				 -r, "write '%s' to %s/%s/%s", text, hr->point, path, file);
	/* Not every machine has pages of this size. */
	(void)cgroup_write(hr, path, file_1g, s->value ? "0" : none);
	return 0;
}

int cgroup_apply_cpus(const struct cgroup_hierarchy *hr, const char *path,
		      const struct cgroup_setting *s, struct error *err)
{
	/* An empty write(2) would not reach the kernel. */
	const char *text = *s->text ? s->text : "\n";
	int r = cgroup_write(hr, path, "cpuset.cpus", text);

	/* EACCES: v1, not in the parent's. EBUSY: a group below has more. ENOSPC: it has processes
	 * and would have no processor. */
	if (r == -EACCES || r == -EINVAL || r == -ERANGE || r == -EBUSY || r == -ENOSPC)
		return error_sys(err, ERR_INVALID_VALUE, -r,
				 "processors '%s' of %s/%s: they must be among those of the "
				 "container above and cover those of the containers below",
				 s->text, hr->point, path);
	if (r < 0)
		return error_errno(err, -r, "write '%s' to %s/%s/cpuset.cpus", s->text, hr->point,
				   path);
	return 0;
}
