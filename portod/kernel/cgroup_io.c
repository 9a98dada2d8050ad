/* SPDX-License-Identifier: Apache-2.0 */
/* Disks in control groups: counters, and limits as both versions need them. */
#include "kernel/cgroup_io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "base/xalloc.h"
#include "kernel/cgroup_stat.h"
#include "kernel/disk.h"

#define SECTOR_SIZE   512 /* of /proc/diskstats, whatever the disk's is */
#define DISKSTATS_MAX (4u << 20)

/* ---- limits ---- */

void cgroup_io_limits_deinit(struct cgroup_io_limits *l)
{
	free(l->v);
	*l = (struct cgroup_io_limits){ 0 };
}

const struct cgroup_io_limit *cgroup_io_limits_find(const struct cgroup_io_limits *l,
						    unsigned major, unsigned minor)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].major == major && l->v[i].minor == minor)
			return &l->v[i];
	return NULL;
}

static struct cgroup_io_limit *get_limit(struct cgroup_io_limits *l, dev_t dev)
{
	const struct cgroup_io_limit *old = cgroup_io_limits_find(l, major(dev), minor(dev));

	if (old)
		return &l->v[old - l->v];
	l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n] = (struct cgroup_io_limit){ .major = major(dev), .minor = minor(dev) };
	return &l->v[l->n++];
}

static void lower(uint64_t *limit, uint64_t value)
{
	if (value && (!*limit || value < *limit))
		*limit = value;
}

/* "sda r": the direction is cut off. 'r', 'w' or 0 = both. */
static char split_key(char *key)
{
	size_t len = strlen(key);
	char direction = 0;

	if (len > 2 && key[len - 2] == ' ' && (key[len - 1] == 'r' || key[len - 1] == 'w')) {
		direction = key[len - 1];
		key[len - 2] = '\0';
	}
	return direction;
}

static int resolve_one(const struct cgroup_setting *s, const struct smap_entry *e,
		       struct cgroup_io_limits *l, struct error *err)
{
	auto_free char *key = xstrdup(e->key);
	char direction = split_key(key);
	struct cgroup_io_limit *limit;
	uint64_t value;
	dev_t dev;

	if (num_parse_u64(e->val, &value) < 0)
		return error_set(err, ERR_INVALID_VALUE, "limit '%.100s' of disk '%.100s'", e->val,
				 key);
	if (disk_find(key, s->io_root, &dev, err) < 0) {
		/* A root on a file system in memory does no input and output. */
		if (!str_eq(key, "fs") || err->code != ERR_INVALID_VALUE)
			return -1;
		error_clear(err);
		return 0;
	}
	limit = get_limit(l, dev);
	if (direction != 'w')
		lower(&limit->read, value);
	if (direction != 'r')
		lower(&limit->write, value);
	return 0;
}

int cgroup_io_limits_resolve(const struct cgroup_setting *s, struct cgroup_io_limits *ret,
			     struct error *err)
{
	for (size_t i = 0; s->io && i < s->io->n; i++)
		if (resolve_one(s, &s->io->e[i], ret, err) < 0)
			return -1;
	return 0;
}

bool cgroup_io_next_line(const char **pos, unsigned *ret_major, unsigned *ret_minor,
			 const char **ret_rest)
{
	const char *line = *pos;

	while (line && *line) {
		const char *next = strchr(line, '\n');
		int end = 0;

		*pos = next ? next + 1 : "";
		if (sscanf(line, "%9u:%9u%n", ret_major, ret_minor, &end) == 2) {
			*ret_rest = line + end;
			return true;
		}
		line = *pos;
	}
	return false;
}

int cgroup_io_write(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		    const char *text, struct error *err)
{
	int r = cgroup_write(hr, path, file, text);

	if (r == -EINVAL || r == -ENODEV || r == -ERANGE)
		return error_sys(err, ERR_INVALID_VALUE, -r, "write '%s' to %s/%s/%s", text,
				 hr->point, path, file);
	if (r < 0)
		return error_errno(err, -r, "write '%s' to %s/%s/%s", text, hr->point, path, file);
	return 0;
}

/* ---- weights ---- */

int cgroup_io_write_weights(const struct cgroup_hierarchy *hr, const char *path,
			    const struct cgroup_io_scale *scales, size_t n,
			    const struct cgroup_setting *s, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct cgroup_io_scale *c = &scales[i];
		unsigned __int128 v = (unsigned __int128)c->base[s->arg2] * s->value / 1000;
		char text[32];
		int r;

		v = v < c->min ? c->min : v > c->max ? c->max : v;
		snprintf(text, sizeof(text), "%" PRIu64, (uint64_t)v);
		r = cgroup_write(hr, path, c->file, text);
		/* Only the scheduler in use has its file. */
		if (r < 0 && r != -ENOENT)
			return error_errno(err, -r, "write '%s' to %s/%s/%s", text, hr->point, path,
					   c->file);
	}
	return 0;
}

/* ---- counters ---- */

void cgroup_disks_deinit(struct cgroup_disks *d)
{
	free(d->v);
	*d = (struct cgroup_disks){ 0 };
}

static struct cgroup_disk *get_disk(struct cgroup_disks *d, unsigned major, unsigned minor)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].major == major && d->v[i].minor == minor)
			return &d->v[i];
	d->v = xreallocarray(d->v, d->n + 1, sizeof(*d->v));
	d->v[d->n] = (struct cgroup_disk){ .major = major, .minor = minor };
	return &d->v[d->n++];
}

/* Number behind `key` and a blank or `=`, in one line. */
static bool line_value(const char *line, const char *key, uint64_t *ret)
{
	size_t len = strlen(key), end = strcspn(line, "\n");

	for (const char *p = line; p < line + end; p += strcspn(p, " \n")) {
		p += strspn(p, " ");
		if (strncmp(p, key, len) == 0 && (p[len] == ' ' || p[len] == '='))
			return sscanf(p + len + 1, "%" SCNu64, ret) == 1;
	}
	return false;
}

static void parse_io(const char *text, const struct cgroup_io_row *row, struct cgroup_disks *ret)
{
	uint64_t scale = row->scale ? row->scale : 1, v;
	unsigned major, minor;
	const char *rest;

	while (cgroup_io_next_line(&text, &major, &minor, &rest)) {
		struct cgroup_disk *d = get_disk(ret, major, minor);

		if (line_value(rest, row->read_key, &v))
			d->read += v * scale;
		if (row->write_key && line_value(rest, row->write_key, &v))
			d->write += v * scale;
	}
}

static void drop_idle(struct cgroup_disks *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].read || d->v[i].write)
			d->v[n++] = d->v[i];
	d->n = n;
}

/* proc: admin-guide/iostats.rst */
static void parse_diskstats(const char *text, enum cgroup_io what, struct cgroup_disks *ret)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		uint64_t reads, rsectors, rms, writes, wsectors, wms;
		unsigned major, minor;
		struct cgroup_disk *d;

		line += *line == '\n';
		if (sscanf(line,
			   " %u %u %*s %" SCNu64 " %*u %" SCNu64 " %" SCNu64 " %" SCNu64
			   " %*u %" SCNu64 " %" SCNu64,
			   &major, &minor, &reads, &rsectors, &rms, &writes, &wsectors,
			   &wms) != 8 ||
		    disk_is_partition(major, minor))
			continue;
		d = get_disk(ret, major, minor);
		switch (what) {
		case CGROUP_IO_BYTES:
			d->read = rsectors * SECTOR_SIZE;
			d->write = wsectors * SECTOR_SIZE;
			break;
		case CGROUP_IO_OPS:
			d->read = reads;
			d->write = writes;
			break;
		case CGROUP_IO_TIME:
			d->read = (rms + wms) * NSEC_PER_MSEC;
			break;
		case _CGROUP_IO_COUNT:
			break;
		}
	}
	drop_idle(ret);
}

static int get_host(const struct cgroup_host *h, enum cgroup_io what, struct cgroup_disks *ret,
		    struct error *err)
{
	auto_free char *path = path_join(h->proc_root, "diskstats");
	auto_free char *text = NULL;
	int r = fd_read_file(AT_FDCWD, path, DISKSTATS_MAX, &text, NULL);

	if (r < 0)
		return error_errno(err, -r, "read %s", path);
	parse_diskstats(text, what, ret);
	return 0;
}

static int read_first(const struct cgroup_hierarchy *hr, const char *path,
		      const struct cgroup_io_row *row, struct cgroup_disks *ret, struct error *err)
{
	char dir[CGROUP_PATH_MAX], name[CGROUP_PATH_MAX];
	auto_free char *text = NULL;
	int r = -ENOENT;

	snprintf(dir, sizeof(dir), "%s", path);
	for (size_t i = 0; i < ARRAY_SIZE(row->files) && row->files[i] && r == -ENOENT; i++)
		r = cgroup_join(dir, row->files[i], name, sizeof(name))
			    ? fd_read_file(hr->fd, name, CGROUP_RAW_MAX, &text, NULL)
			    : -ENAMETOOLONG;
	if (r == 0)
		parse_io(text, row, ret);
	else if (r != -ENOENT)
		return error_errno(err, -r, "read %s/%s/%s", hr->point, dir, row->files[0]);
	if (row->sparse)
		drop_idle(ret);
	return 0;
}

int cgroup_get_io(const struct cgroup_host *h, const struct cgroup *cg, enum cgroup_io what,
		  struct cgroup_disks *ret, struct error *err)
{
	const struct cgroup_hierarchy *hr = h->at[CGROUP_BLKIO];
	char path[CGROUP_PATH_MAX];

	if (!hr)
		return cgroup_not_supported(h, "io statistics", CGROUP_BLKIO, NULL, err);
	*ret = (struct cgroup_disks){ 0 };
	if (!cgroup_owner_level(hr, cg))
		return get_host(h, what, ret, err);
	if (cgroup_own_path(h, hr, cg, path, err) < 0)
		return -1;
	return read_first(hr, path, &hr->ops->io[what], ret, err);
}
