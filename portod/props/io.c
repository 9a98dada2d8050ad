/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: limits and shares of the disks. */
#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "kernel/disk.h"
#include "props/rows.h"

/* ---- map of disk to number ---- */

#define IO_KEYS_MAX 256
#define IO_FS       "fs" /* the disk below the container's root directory */

/* "sda", "sda r": the disk. New string; NULL = it is neither. */
static char *disk_of(const char *key)
{
	const char *blank = strchr(key, ' ');

	if (!blank)
		return xstrdup(key);
	if (!str_eq(blank, " r") && !str_eq(blank, " w"))
		return NULL;
	return xstrndup(key, (size_t)(blank - key));
}

/* A path is looked up where the limit is brought to the kernel; the rest can be told now. */
static int check_key(const char *key, struct error *err)
{
	auto_free char *disk = disk_of(key);
	dev_t dev;

	if (!disk || !disk_key_is_valid(disk) || str_eq(disk, "hw"))
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' is no disk, or no disk with ' r' or ' w' behind it",
				 key);
	if (str_eq(disk, IO_FS) || disk[0] == '/' || disk[0] == '.')
		return 0;
	return disk_find(disk, NULL, &dev, err);
}

static int set_key(struct smap *map, const char *key, const char *value, struct error *err)
{
	auto_free char *text = NULL;
	uint64_t v;

	if (check_key(key, err))
		return -1;
	if (num_parse_size(value, &v) < 0)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no number for disk '%.100s'",
				 value, key);
	if (map->n >= IO_KEYS_MAX && !smap_find(map, key))
		return error_set(err, ERR_INVALID_VALUE, "more than %d disks", IO_KEYS_MAX);
	text = xasprintf("%" PRIu64, v);
	smap_set(map, key, text);
	return 0;
}

/* The last colon separates: "8:0: 1M" is as good as "8\:0: 1M", the form of other maps. */
static int read_pair(const char *item, struct smap *ret, struct error *err)
{
	const char *colon = strrchr(item, ':');
	auto_free char *half = colon ? xstrndup(item, (size_t)(colon - item)) : NULL;
	auto_free char *key = half ? str_trim(half) : NULL;
	auto_free char *value = colon ? str_trim(colon + 1) : NULL;
	char *to = key;

	for (const char *from = key; from && *from; from++)
		if (from[0] != '\\' || from[1] != ':')
			*to++ = *from;
	if (!colon || to == key || !*value)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is not 'disk: number'", item);
	*to = '\0';
	smap_set(ret, key, value);
	return 0;
}

/* Without a colon it is about `fs`. */
static int read_pairs(const char *text, struct smap *ret, struct error *err)
{
	auto_strv items = STRV_INIT;

	if (*text && !strchr(text, ':')) {
		smap_set(ret, IO_FS, text);
		return 0;
	}
	strv_split(&items, text, ';');
	for (size_t i = 0; i < items.n; i++)
		if (read_pair(items.v[i], ret, err))
			return -1;
	return 0;
}

static int parse_io(const struct prop *p, const struct prop_ctx *ctx, const char *text, void *field,
		    struct error *err)
{
	auto_smap pairs = SMAP_INIT;

	(void)p, (void)ctx;
	if (read_pairs(text, &pairs, err))
		return -1;
	return type_replace_map(field, &pairs, set_key, err);
}

static void format_io(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		      struct buf *out)
{
	const struct smap *map = field;
	auto_free char *text = smap_format(map);

	(void)p, (void)ctx;
	buf_adds(out, map->n == 1 && str_eq(map->e[0].key, IO_FS) ? map->e[0].val : text);
}

static int load_io(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p;
	smap_deinit(field);
	return read_pairs(text, field, err);
}

static int set_io_index(const struct prop *p, const struct prop_ctx *ctx, void *field,
			const char *index, const char *value, struct error *err)
{
	(void)p, (void)ctx;
	return set_key(field, index, value, err);
}

static const struct prop_type type_io = {
	.name = "map of disks",
	.parse = parse_io,
	.format = format_io,
	.save = type_save_map,
	.load = load_io,
	.get_index = type_get_umap_index,
	.set_index = set_io_index,
};

/* ---- limits ---- */

static bool has_limit(const struct prop_env *env)
{
	return !env->cgroups || cgroup_knob_is_supported(env->cgroups, CGROUP_KNOB_IO_LIMIT);
}

static bool has_ops_limit(const struct prop_env *env)
{
	return !env->cgroups || cgroup_knob_is_supported(env->cgroups, CGROUP_KNOB_IO_OPS_LIMIT);
}

#define KEYS_DOC                                                                                 \
	"Keys: a disk as **sda**, **8:0**, a path of the host **/data** or of the container\n"   \
	"**./data** for the disk below it, or **fs** for that below the root directory of the\n" \
	"container, which a number without key is for, too; with a blank and **r** or **w**\n"   \
	"for one direction. A partition stands for its disk. Index: a key. "

const struct prop row_io_limit = {
	.name = "io_limit",
	.row = ROW_io_limit,
	.desc = "limits of disks, bytes per second",
	.doc = KEYS_DOC
	"A disk that is not there is\n"
	"InvalidValue, for a path when the limit is brought to the kernel; one without disk\n"
	"(overlay, tmpfs, btrfs, network) too, except **fs**. 0 is none. Without the unified\n"
	"tree a container below is limited for itself only, and what is written through the\n"
	"cache is not. Default empty. blkio.throttle.read_bps_device, io.max.",
	.type = &type_io,
	.offset = FIELD(io_limit),
	.flags = PROP_DYNAMIC | PROP_SLOW | PROP_INDEXED,
	.needs = CGROUP_BIT(CGROUP_BLKIO),
	.group = APPLY_IO_LIMIT,
	.supported = has_limit,
};

const struct prop row_io_ops_limit = {
	.name = "io_ops_limit",
	.row = ROW_io_ops_limit,
	.desc = "limits of disks, operations per second",
	.doc = "As *io_limit*. blkio.throttle.read_iops_device, io.max.",
	.type = &type_io,
	.offset = FIELD(io_ops_limit),
	.flags = PROP_DYNAMIC | PROP_SLOW | PROP_INDEXED,
	.needs = CGROUP_BIT(CGROUP_BLKIO),
	.group = APPLY_IO_OPS_LIMIT,
	.supported = has_ops_limit,
};

const struct prop row_io_guarantee = {
	.name = "io_guarantee",
	.row = ROW_io_guarantee,
	.desc = "guarantees of disks, bytes per second",
	.doc = "A note with the keys of *io_limit*: no kernel can guarantee that. See *taint*.",
	.type = &type_io,
	.offset = FIELD(io_guarantee),
	.flags = PROP_DYNAMIC | PROP_INDEXED,
	.needs = CGROUP_BIT(CGROUP_BLKIO),
};

const struct prop row_io_ops_guarantee = {
	.name = "io_ops_guarantee",
	.row = ROW_io_ops_guarantee,
	.desc = "guarantees of disks, operations per second",
	.doc = "A note with the keys of *io_limit*: no kernel can guarantee that. See *taint*.",
	.type = &type_io,
	.offset = FIELD(io_ops_guarantee),
	.flags = PROP_DYNAMIC | PROP_INDEXED,
	.needs = CGROUP_BIT(CGROUP_BLKIO),
};

/* ---- shares ---- */

static const struct enum_word policies[] = {
	{ "none", IO_NONE },   { "rt", IO_RT },     { "high", IO_HIGH }, { "normal", IO_NORMAL },
	{ "batch", IO_BATCH }, { "idle", IO_IDLE }, { "", IO_UNSET },    { NULL, 0 },
};

const struct prop row_io_policy = {
	.name = "io_policy",
	.row = ROW_io_policy,
	.desc = "io priority of its threads",
	.doc = "**rt**: real-time 4; **high**: best effort 0; **normal**: best effort 4;\n"
	       "**batch**: best effort 7; **idle**; **none** or empty, the default: by the nice\n"
	       "value. It also weighs in *io_weight*: 10 times for rt and high, a tenth or less\n"
	       "for batch and idle. A change counts for all threads of the container itself.\n"
	       "Unknown words are InvalidValue. ioprio_set(2).",
	.type = &type_enum,
	.offset = FIELD(io_policy),
	.flags = PROP_DYNAMIC | PROP_SLOW,
	.group = APPLY_IO_WEIGHT,
	.arg = policies,
};

static const struct double_range weight_range = { 0.01, 100 };

const struct prop row_io_weight = {
	.name = "io_weight",
	.row = ROW_io_weight,
	.desc = "share of the disks among neighbours, 0.01..100",
	.doc = "A factor of 100 (of 500 with the scheduler CFQ), or of what *io_policy* says. It\n"
	       "needs a disk with the scheduler BFQ or, in the unified tree, with io.cost: others\n"
	       "do not look at it. Default 1. blkio.bfq.weight, blkio.weight, io.weight,\n"
	       "io.bfq.weight.",
	.type = &type_hundredths,
	.offset = FIELD(io_weight),
	.flags = PROP_DYNAMIC | PROP_SLOW,
	.needs = CGROUP_BIT(CGROUP_BLKIO),
	.group = APPLY_IO_WEIGHT,
	.arg = &weight_range,
};
