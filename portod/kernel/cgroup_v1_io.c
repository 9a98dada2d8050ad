/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disk limits of legacy hierarchies (admin-guide/cgroup-v1/blkio-controller.rst). They do not add
 * up over nested groups, and buffered writes are nobody's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/xalloc.h"
#include "kernel/cgroup_io.h"

#define THROTTLE    "blkio.throttle."
#define SYS_BLOCK   "/sys/block"

/* The list of all disks that are counted, six lines each. */
#define COUNTED_MAX (256 * 1024)

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

/* ---- counters ---- */

static char *sysfs_word(int dir, const char *disk, const char *file)
{
	auto_free char *path = xasprintf("%s/%s", disk, file);
	char text[32];

	if (fd_read_small(dir, path, text, sizeof(text)) <= 0)
		return NULL;
	return str_trim(text);
}

/* The root group lists the disks that the kernel counts, and no others. */
static bool is_counted(const char *counted, const char *number)
{
	unsigned major, minor, want_major, want_minor;
	const char *rest;

	if (sscanf(number, "%u:%u", &want_major, &want_minor) != 2)
		return true;
	while (cgroup_io_next_line(&counted, &major, &minor, &rest))
		if (major == want_major && minor == want_minor)
			return true;
	return false;
}

static void find_silent(const char *counted, struct strv *ret)
{
	auto_closedir DIR *dir = opendir(SYS_BLOCK);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		auto_free char *number = sysfs_word(dirfd(dir), e->d_name, "dev");
		auto_free char *sectors = sysfs_word(dirfd(dir), e->d_name, "size");

		/* Without size: a drive without medium, a loop device that nobody uses. */
		if (e->d_name[0] == '.' || !number || !sectors || str_eq(sectors, "0") ||
		    str_has_prefix(e->d_name, "ram") || is_counted(counted, number))
			continue;
		strv_add(ret, number);
	}
}

void cgroup_find_silent_disks(const struct cgroup_host *h, struct strv *ret)
{
	const struct cgroup_hierarchy *hr = h->at[CGROUP_BLKIO];
	auto_free char *counted = NULL;

	if (!hr || hr->ops != &cgroup_v1_backend || !(hr->knobs & 1u << CGROUP_KNOB_IO_LIMIT))
		return;
	counted = xmalloc(COUNTED_MAX);
	if (cgroup_read(hr, "", THROTTLE "io_service_bytes", counted, COUNTED_MAX) >= 0)
		find_silent(counted, ret);
}

/* A group apart, with a name that no container can have. */
static char *counters_group(const struct cgroup_host *h)
{
	return xasprintf("%s%%%%counters", h->prefix);
}

int cgroup_wake_disks(struct cgroup_host *h, const struct strv *numbers, struct error *err)
{
	const struct cgroup_hierarchy *hr = h->at[CGROUP_BLKIO];
	auto_free char *path = counters_group(h);
	bool is_new;

	if (cgroup_mkdir(hr, path, &is_new, err) < 0)
		return -1;
	for (size_t i = 0; i < numbers->n; i++) {
		auto_free char *rule = xasprintf("%s 0", numbers->v[i]); /* no limit */

		/* A disk that refuses has no counters, that is all. */
		(void)cgroup_write(hr, path, THROTTLE "read_bps_device", rule);
	}
	return cgroup_v1_remove_counters(h, err);
}

int cgroup_v1_remove_counters(const struct cgroup_host *h, struct error *err)
{
	const struct cgroup_hierarchy *hr = h->at[CGROUP_BLKIO];
	auto_free char *path = counters_group(h);

	if (hr && hr->ops == &cgroup_v1_backend && unlinkat(hr->fd, path, AT_REMOVEDIR) < 0 &&
	    errno != ENOENT)
		return error_errno(err, errno, "remove cgroup %s/%s", hr->point, path);
	return 0;
}
