/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disk limits of legacy hierarchies (admin-guide/cgroup-v1/blkio-controller.rst). They do not add
 * up over nested groups, and buffered writes are nobody's.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "kernel/cgroup_io.h"

#define THROTTLE "blkio.throttle."

/* A file for each direction, a line for each disk; 0 ends a limit. */
static int write_throttle(const struct cgroup_hierarchy *hr, const char *path, const char *file,
			  unsigned major, unsigned minor, uint64_t value, struct error *err)
{
	char text[64];

	snprintf(text, sizeof(text), "%u:%u %" PRIu64, major, minor, value);
	return cgroup_io_write(hr, path, file, text, err);
}

/* The first error counts, the rest is tried all the same. */
static int write_direction(const struct cgroup_hierarchy *hr, const char *path, const char *file,
			   const struct cgroup_io_limits *want, bool write, struct error *err)
{
	struct error ignored = ERROR_INIT;
	char have[CGROUP_TEXT_MAX];
	const char *pos = have, *rest;
	unsigned major, minor;
	int rc = 0;

	if (cgroup_read(hr, path, file, have, sizeof(have)) < 0)
		have[0] = '\0';
	while (cgroup_io_next_line(&pos, &major, &minor, &rest)) {
		const struct cgroup_io_limit *l = cgroup_io_limits_find(want, major, minor);

		if (l && (write ? l->write : l->read))
			continue;
		if (write_throttle(hr, path, file, major, minor, 0, rc ? &ignored : err) < 0)
			rc = -1;
	}
	for (size_t i = 0; i < want->n; i++) {
		const struct cgroup_io_limit *l = &want->v[i];
		uint64_t value = write ? l->write : l->read;

		if (value && write_throttle(hr, path, file, l->major, l->minor, value,
					    rc ? &ignored : err) < 0)
			rc = -1;
	}
	return rc;
}

static int apply_throttle(const struct cgroup_hierarchy *hr, const char *path,
			  const char *read_file, const char *write_file,
			  const struct cgroup_setting *s, struct error *err)
{
	_cleanup_(cgroup_io_limits_deinit) struct cgroup_io_limits want = { 0 };
	struct error second = ERROR_INIT;
	int rc;

	if (cgroup_io_limits_resolve(s, &want, err) < 0)
		return -1;
	rc = write_direction(hr, path, read_file, &want, false, err);
	if (write_direction(hr, path, write_file, &want, true, rc ? &second : err) < 0)
		rc = -1;
	return rc;
}

int cgroup_v1_io_limit(const struct cgroup_hierarchy *hr, const char *path,
		       const struct cgroup_setting *s, struct error *err)
{
	return apply_throttle(hr, path, THROTTLE "read_bps_device", THROTTLE "write_bps_device", s,
			      err);
}

int cgroup_v1_io_ops_limit(const struct cgroup_hierarchy *hr, const char *path,
			   const struct cgroup_setting *s, struct error *err)
{
	return apply_throttle(hr, path, THROTTLE "read_iops_device", THROTTLE "write_iops_device",
			      s, err);
}

/* CFQ is gone since Linux 5.0. */
int cgroup_v1_io_weight(const struct cgroup_hierarchy *hr, const char *path,
			const struct cgroup_setting *s, struct error *err)
{
	static const struct cgroup_io_scale scales[] = {
		{ "blkio.weight", { 500, 1000, 10, 10 }, 10, 1000 },
		{ "blkio.bfq.weight", { 100, 1000, 1, 1 }, 1, 1000 },
	};

	return cgroup_io_write_weights(hr, path, scales, ARRAY_SIZE(scales), s, err);
}
