/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disk limits of the unified tree (admin-guide/cgroup-v2.rst). io.max has a line for each disk,
 * "8:0 rbps=max wbps=1048576 riops=max wiops=max".
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "kernel/cgroup_io.h"

static void format_limit(const char *key, uint64_t value, char *buf, size_t size)
{
	if (value)
		snprintf(buf, size, "%s=%" PRIu64, key, value);
	else
		snprintf(buf, size, "%s=max", key);
}

static int write_io_max(const struct cgroup_hierarchy *hr, const char *path, unsigned major,
			unsigned minor, const char *unit, uint64_t read, uint64_t write,
			struct error *err)
{
	char text[128], rkey[16], wkey[16], rtext[48], wtext[48];

	snprintf(rkey, sizeof(rkey), "r%s", unit);
	snprintf(wkey, sizeof(wkey), "w%s", unit);
	format_limit(rkey, read, rtext, sizeof(rtext));
	format_limit(wkey, write, wtext, sizeof(wtext));
	snprintf(text, sizeof(text), "%u:%u %s %s", major, minor, rtext, wtext);
	return cgroup_io_write(hr, path, "io.max", text, err);
}

/* `unit` is bps or iops; the other one keeps its limits. The first error counts, the rest is
 * tried all the same. */
static int apply_io_max(const struct cgroup_hierarchy *hr, const char *path, const char *unit,
			const struct cgroup_setting *s, struct error *err)
{
	_cleanup_(cgroup_io_limits_deinit) struct cgroup_io_limits want = { 0 };
	struct error ignored = ERROR_INIT;
	char have[CGROUP_TEXT_MAX];
	const char *pos = have, *rest;
	unsigned major, minor;
	int rc = 0;

	if (cgroup_io_limits_resolve(s, &want, err) < 0)
		return -1;
	if (cgroup_read(hr, path, "io.max", have, sizeof(have)) < 0)
		have[0] = '\0';
	while (cgroup_io_next_line(&pos, &major, &minor, &rest))
		if (!cgroup_io_limits_find(&want, major, minor) &&
		    write_io_max(hr, path, major, minor, unit, 0, 0, rc ? &ignored : err) < 0)
			rc = -1;
	for (size_t i = 0; i < want.n; i++)
		if (write_io_max(hr, path, want.v[i].major, want.v[i].minor, unit, want.v[i].read,
				 want.v[i].write, rc ? &ignored : err) < 0)
			rc = -1;
	return rc;
}

int cgroup_v2_io_limit(const struct cgroup_hierarchy *hr, const char *path,
		       const struct cgroup_setting *s, struct error *err)
{
	return apply_io_max(hr, path, "bps", s, err);
}

int cgroup_v2_io_ops_limit(const struct cgroup_hierarchy *hr, const char *path,
			   const struct cgroup_setting *s, struct error *err)
{
	return apply_io_max(hr, path, "iops", s, err);
}

/* io.weight acts where io.cost is set up, the other one where the BFQ scheduler is. */
int cgroup_v2_io_weight(const struct cgroup_hierarchy *hr, const char *path,
			const struct cgroup_setting *s, struct error *err)
{
	static const struct cgroup_io_scale scales[] = {
		{ "io.weight", { 100, 1000, 10, 1 }, 1, 10000 },
		{ "io.bfq.weight", { 100, 1000, 1, 1 }, 1, 1000 },
	};

	return cgroup_io_write_weights(hr, path, scales, ARRAY_SIZE(scales), s, err);
}
