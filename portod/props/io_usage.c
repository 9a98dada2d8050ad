/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: what a container uses of the disks. */
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/xalloc.h"
#include "kernel/disk.h"
#include "props/stat.h"

enum io_side { IO_READ = 1, IO_WRITE = 2, IO_BOTH = 3 };

struct io_row {
	enum cgroup_io what;
	enum io_side side;
	bool writeback; /* with a key for what is on its way to disk */
};

static uint64_t disk_value(const struct io_row *row, const struct cgroup_disk *d)
{
	return (row->side & IO_READ ? d->read : 0) + (row->side & IO_WRITE ? d->write : 0);
}

struct named {
	char key[DISK_NAME_MAX];
	uint64_t value;
};

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->key, ((const struct named *)b)->key);
}

/* Disks by name, with "hw" and, if asked for, "total_writeback"; sorted. Returns the number. */
static int collect(const struct io_row *row, const struct prop_ctx *ctx, struct named **ret,
		   size_t *ret_n, struct error *err)
{
	_cleanup_(cgroup_disks_deinit) struct cgroup_disks disks = { 0 };
	uint64_t hw = 0, writeback = 0;
	struct cgroup cg;
	struct named *v;
	size_t n = 0;

	prop_cgroup(ctx->ct, &cg);
	if (cgroup_get_io(ctx->env->cgroups, &cg, row->what, &disks, err))
		return -1;
	if (row->writeback)
		(void)cgroup_get(ctx->env->cgroups, &cg, CGROUP_STAT_WRITEBACK, &writeback,
				 &(struct error){ 0 });
	v = xnew_array(struct named, disks.n + 2);
	for (size_t i = 0; i < disks.n; i++) {
		const struct cgroup_disk *d = &disks.v[i];

		disk_name(d->major, d->minor, v[n].key, sizeof(v[n].key));
		if (str_has_prefix(v[n].key, "ram"))
			continue;
		v[n].value = disk_value(row, d);
		if (disk_name_is_hardware(v[n].key))
			hw += v[n].value;
		n++;
	}
	v[n++] = (struct named){ .key = "hw", .value = hw };
	if (row->writeback)
		v[n++] = (struct named){ .key = "total_writeback", .value = writeback };
	qsort(v, n, sizeof(*v), by_key);
	*ret = v;
	*ret_n = n;
	return 0;
}

static bool find(const struct named *v, size_t n, const char *key, uint64_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(v[i].key, key)) {
			*ret = v[i].value;
			return true;
		}
	}
	return false;
}

/* A key of the map, or another name of a disk; without traffic there is nothing, which is 0. */
static int put_one(const struct prop_ctx *ctx, const struct named *v, size_t n, const char *index,
		   struct buf *out, struct error *err)
{
	char name[DISK_NAME_MAX];
	uint64_t value = 0;
	dev_t dev;

	if (!find(v, n, index, &value)) {
		if (disk_find_mounted(index, ctx->client->pid, &dev, err))
			return -1;
		disk_name(major(dev), minor(dev), name, sizeof(name));
		(void)find(v, n, name, &value);
	}
	type_put_u64(out, value);
	return 0;
}

GETTER(get_io)
{
	auto_free struct named *v = NULL;
	size_t n = 0;

	if (stat_require_groups(ctx->env, err) || collect(p->arg, ctx, &v, &n, err))
		return -1;
	if (index)
		return put_one(ctx, v, n, index, out, err);
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, "%s%s: ", i ? "; " : "", v[i].key);
		type_put_u64(out, v[i].value);
	}
	return 0;
}

#define IO_DOC(what)                                                                              \
	"Map of disk to number, " what ", since the start, of the containers below, too. Key\n"   \
	"**hw** is the sum over sd*, nvme* and vd*. Index: a key, another name of a disk as in\n" \
	"*io_limit*, or the path of a mount point; an unknown one is InvalidValue. Without the\n" \
	"unified tree disks that were not used are left out, and what is written through the\n"   \
	"cache is not counted. Root container: of the host."

#define IO_ROW \
	.flags = USAGE_FLAGS | PROP_INDEX_GET, .needs = CGROUP_BIT(CGROUP_BLKIO), .get = get_io

static const struct io_row read_bytes = { CGROUP_IO_BYTES, IO_READ, false };
static const struct io_row write_bytes = { CGROUP_IO_BYTES, IO_WRITE, true };
static const struct io_row all_ops = { CGROUP_IO_OPS, IO_BOTH, false };
static const struct io_row read_ops = { CGROUP_IO_OPS, IO_READ, false };
static const struct io_row write_ops = { CGROUP_IO_OPS, IO_WRITE, false };
static const struct io_row all_time = { CGROUP_IO_TIME, IO_BOTH, false };

const struct prop row_io_read = {
	.name = "io_read",
	.row = ROW_io_read,
	.desc = "bytes read from disks",
	.doc = IO_DOC("bytes read"),
	.arg = &read_bytes,
	IO_ROW,
};

const struct prop row_io_write = {
	.name = "io_write",
	.row = ROW_io_write,
	.desc = "bytes written to disks",
	.doc = IO_DOC(
		"bytes written") " Key **total_writeback** is what is on its way to disks now.",
	.arg = &write_bytes,
	IO_ROW,
};

const struct prop row_io_ops = {
	.name = "io_ops",
	.row = ROW_io_ops,
	.desc = "operations of disks",
	.doc = IO_DOC("reads and writes"),
	.arg = &all_ops,
	IO_ROW,
};

const struct prop row_io_read_ops = {
	.name = "io_read_ops",
	.row = ROW_io_read_ops,
	.desc = "reads from disks",
	.doc = IO_DOC("reads"),
	.arg = &read_ops,
	IO_ROW,
};

const struct prop row_io_write_ops = {
	.name = "io_write_ops",
	.row = ROW_io_write_ops,
	.desc = "writes to disks",
	.doc = IO_DOC("writes"),
	.arg = &write_ops,
	IO_ROW,
};

const struct prop row_io_time = {
	.name = "io_time",
	.row = ROW_io_time,
	.desc = "time disks worked for it, ns",
	.doc = IO_DOC(
		"nanoseconds of work") " Most kernels do not take the time: then only **hw**\n"
				       "is there. blkio.bfq.io_service_time, cost.usage of io.stat.",
	.arg = &all_time,
	IO_ROW,
};
