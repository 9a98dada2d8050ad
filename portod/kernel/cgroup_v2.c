/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unified tree, with all, some or (hybrid hosts) none of the controllers.
 *
 * A group may use a controller when its parent distributes it (cgroup.subtree_control), and a
 * group that distributes holds no processes: they live in the leaf. Controllers are enabled from
 * the mount point down to the base group once, and in each container for its leaf and its
 * children. Without any controller there is no leaf.
 *
 * Memory: memory.max never says EBUSY; below usage it reclaims and then kills. A live shrink
 * therefore presses with memory.high first. memory.swap.max counts swap alone; 0 keeps RAM + swap
 * within the limit.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/bpf_device.h"
#include "kernel/cgroup_backend.h"
#include "kernel/cgroup_io.h"
#include "kernel/cgroup_knob.h"

#define SUBTREE      "cgroup.subtree_control"
#define BUSY_RETRIES 100
#define SHRINK_TRIES 3
#define HUGE_PAGE    (2u << 20)
#define WEIGHT_BASE  100
#define WEIGHT_MIN   1
#define WEIGHT_MAX   10000

static const struct {
	enum cgroup_controller controller;
	const char *name;
} v2_names[] = {
	{ CGROUP_CPU, "cpu" },  { CGROUP_CPUSET, "cpuset" }, { CGROUP_MEMORY, "memory" },
	{ CGROUP_BLKIO, "io" }, { CGROUP_PIDS, "pids" },     { CGROUP_HUGETLB, "hugetlb" },
};

/* ---- knobs ---- */

/* Reclaim down to `limit` without killing anybody; -EBUSY when that is not possible. */
static int press(const struct cgroup_hierarchy *hr, const char *path, uint64_t limit,
		 const char *text)
{
	uint64_t usage;
	int r = cgroup_read_number(hr, path, "memory.current", &usage);

	for (int i = 0; r == 0 && usage > limit; i++) {
		if (i == SHRINK_TRIES) {
			r = -EBUSY;
			break;
		}
		r = cgroup_write(hr, path, "memory.high", text);
		if (r == 0)
			r = cgroup_read_number(hr, path, "memory.current", &usage);
	}
	return r;
}

static int write_swap(const struct cgroup_hierarchy *hr, const char *path, const char *text,
		      struct error *err)
{
	if (!(hr->features & CGROUP_HAS_MEMSW))
		return 0;
	return cgroup_write_err(hr, path, "memory.swap.max", text, err);
}

/* Where allocating slows down: `margin` below the limit, or nowhere. */
static int write_high(const struct cgroup_hierarchy *hr, const char *path, uint64_t limit,
		      uint64_t margin)
{
	char text[32] = "max";

	if (limit && margin && margin < limit)
		snprintf(text, sizeof(text), "%" PRIu64, limit - margin);
	return cgroup_write(hr, path, "memory.high", text);
}

static int lift_memory_limit(const struct cgroup_hierarchy *hr, const char *path, struct error *err)
{
	if (cgroup_write_err(hr, path, "memory.max", "max", err) < 0 ||
	    write_swap(hr, path, "max", err) < 0)
		return -1;
	(void)write_high(hr, path, 0, 0);
	return 0;
}

static int apply_memory_limit(const struct cgroup_hierarchy *hr, const char *path,
			      const struct cgroup_setting *s, struct error *err)
{
	char text[32], high[32];
	int r;

	if (!s->value || s->value > INT64_MAX)
		return lift_memory_limit(hr, path, err);
	snprintf(text, sizeof(text), "%" PRIu64, s->value);
	if (cgroup_read(hr, path, "memory.high", high, sizeof(high)) < 0)
		snprintf(high, sizeof(high), "max");
	high[strcspn(high, "\n")] = '\0';
	r = press(hr, path, s->value, text);
	if (r == 0)
		r = cgroup_write(hr, path, "memory.max", text);
	if (r == 0)
		(void)write_high(hr, path, s->value, s->arg2);
	else
		(void)cgroup_write(hr, path, "memory.high", *high ? high : "max");
	if (r == -EBUSY)
		return error_sys(err, ERR_BUSY, EBUSY,
				 "memory limit %s is too low for current usage of %s/%s", text,
				 hr->point, path);
	if (r < 0)
		return error_errno(err, -r, "write '%s' to %s/%s/memory.max", text, hr->point,
				   path);
	return write_swap(hr, path, "0", err);
}

/* What the group is promised its leaf must be promised, too: by the mount option, or by hand. */
static int apply_memory_guarantee(const struct cgroup_hierarchy *hr, const char *path,
				  const struct cgroup_setting *s, struct error *err)
{
	char text[32], leaf[CGROUP_PATH_MAX];

	snprintf(text, sizeof(text), "%" PRIu64, s->value);
	if (cgroup_write_err(hr, path, "memory.low", text, err) < 0)
		return -1;
	if (hr->features & CGROUP_HAS_LEAF && !(hr->features & CGROUP_HAS_RECPROT) &&
	    cgroup_join(path, CGROUP_LEAF, leaf, sizeof(leaf)))
		(void)cgroup_write(hr, leaf, "memory.low", s->value ? "max" : "0");
	return 0;
}

/* There is no soft limit: what is too much is given back once, now. Less than was asked for
 * (EAGAIN) is fine. */
static int apply_press(const struct cgroup_hierarchy *hr, const char *path,
		       const struct cgroup_setting *s, struct error *err)
{
	uint64_t usage;
	char text[32];
	int r;

	if (!s->value || cgroup_read_number(hr, path, "memory.current", &usage) < 0 ||
	    usage <= s->value)
		return 0;
	snprintf(text, sizeof(text), "%" PRIu64, usage - s->value);
	r = cgroup_write(hr, path, "memory.reclaim", text);
	if (r < 0 && r != -EAGAIN)
		return error_errno(err, -r, "write '%s' to %s/%s/memory.reclaim", text, hr->point,
				   path);
	return 0;
}

static int apply_hugetlb(const struct cgroup_hierarchy *hr, const char *path,
			 const struct cgroup_setting *s, struct error *err)
{
	return cgroup_apply_hugetlb(hr, path, "hugetlb.2MB.max", "hugetlb.2MB.current",
				    "hugetlb.1GB.max", "max", s, err);
}

static void format_cpu_max(const struct cgroup_setting *s, char *buf, size_t size)
{
	uint64_t quota, period;

	cgroup_cpu_quota(s, &quota, &period);
	if (s->value)
		snprintf(buf, size, "%" PRIu64 " %" PRIu64, quota, period);
	else
		snprintf(buf, size, "max %" PRIu64, period);
}

static void format_weight(const struct cgroup_setting *s, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRIu64, cgroup_cpu_weight(s, WEIGHT_BASE, WEIGHT_MIN, WEIGHT_MAX));
}

/* The group itself, not the leaf: what is made inside shall not have more. */
static int open_group(const struct cgroup_hierarchy *hr, const char *path)
{
	return cgroup_open(hr, path, "", O_RDONLY | O_DIRECTORY);
}

static bool probe_devices(const struct cgroup_hierarchy *hr, const char *path)
{
	auto_close int fd = open_group(hr, path);

	return fd >= 0 && bpf_device_is_supported(fd);
}

static int apply_devices(const struct cgroup_hierarchy *hr, const char *path,
			 const struct cgroup_setting *s, struct error *err)
{
	_cleanup_(device_rules_deinit) struct device_rules rules = DEVICE_RULES_INIT;
	auto_close int fd = open_group(hr, path);

	if (fd < 0)
		return error_errno(err, -fd, "open cgroup %s/%s", hr->point, path);
	if (device_rules_parse(s->text ? s->text : "", &rules) < 0)
		return error_set(err, ERR_INVALID_VALUE, "malformed device rules");
	if (bpf_device_attach(fd, &rules, err) < 0)
		return error_prefix(err, "%s/%s", hr->point, path);
	return 0;
}

/* ---- delegation ---- */

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; *p; p += strcspn(p, " \n")) {
		p += strspn(p, " \n");
		if (!strncmp(p, word, len) && (!p[len] || strchr(" \n", p[len])))
			return true;
	}
	return false;
}

static int read_list(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		     char *buf, size_t size, struct error *err)
{
	int r = cgroup_read(hr, path, file, buf, size);

	if (r < 0)
		return error_errno(err, -r, "read %s/%s/%s", hr->point, path, file);
	return 0;
}

/*
 * One controller. EBUSY may be transient after a process moved out. Others than EBUSY are no
 * failure: `+cpu` is EINVAL while there are real-time tasks in the tree, ENOENT is a controller
 * that the parent does not distribute; a knob of it will say NotSupported.
 */
static int enable_one(const struct cgroup_hierarchy *hr, const char *path, const char *word)
{
	int r = cgroup_write(hr, path, SUBTREE, word);

	for (int i = 0; r == -EBUSY && i < BUSY_RETRIES; i++) {
		poll(NULL, 0, 1);
		r = cgroup_write(hr, path, SUBTREE, word);
	}
	return r;
}

/* `list` is "+cpu +memory"; one write for all as a rule. */
static int enable(const struct cgroup_hierarchy *hr, const char *path, const char *list,
		  struct error *err)
{
	auto_strv words = STRV_INIT;
	int r;

	if (!*list)
		return 0;
	r = cgroup_write(hr, path, SUBTREE, list);
	if (r == 0)
		return 0;
	strv_split(&words, list, ' ');
	for (size_t i = 0; i < words.n; i++) {
		r = enable_one(hr, path, words.v[i]);
		if (r == -EBUSY || r == -EACCES || r == -EPERM || r == -EROFS)
			return error_errno(err, -r, "write '%s' to %s/%s/" SUBTREE, words.v[i],
					   hr->point, path);
	}
	return 0;
}

/* Let `path` distribute what it can: available, wanted, and not distributed yet. */
static int enable_available(struct cgroup_hierarchy *hr, const char *path, struct error *err)
{
	char available[512], enabled[512];
	auto_buf list = BUF_INIT;

	if (read_list(hr, path, "cgroup.controllers", available, sizeof(available), err) < 0 ||
	    read_list(hr, path, SUBTREE, enabled, sizeof(enabled), err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(v2_names); i++) {
		if ((hr->controllers & CGROUP_BIT(v2_names[i].controller)) &&
		    has_word(available, v2_names[i].name) && !has_word(enabled, v2_names[i].name))
			buf_addf(&list, "%s+%s", list.len ? " " : "", v2_names[i].name);
	}
	return enable(hr, path, buf_str(&list), err);
}

/* Forget what could not be enabled for the base group's children. */
static int keep_enabled(struct cgroup_hierarchy *hr, const char *prefix, struct error *err)
{
	auto_buf list = BUF_INIT;
	char enabled[512];

	if (read_list(hr, prefix, SUBTREE, enabled, sizeof(enabled), err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(v2_names); i++) {
		uint32_t bit = CGROUP_BIT(v2_names[i].controller);

		if (!(hr->controllers & bit))
			continue;
		if (has_word(enabled, v2_names[i].name))
			buf_addf(&list, "%s+%s", list.len ? " " : "", v2_names[i].name);
		else
			hr->controllers &= ~bit;
	}
	hr->enable = buf_take(&list);
	return 0;
}

/* Which controllers does the mount point offer? hugetlb alone is not worth a leaf in every
 * container of a hybrid host. */
static uint32_t offered(const struct cgroup_hierarchy *hr)
{
	uint32_t mask = 0;
	char list[512];

	if (cgroup_read(hr, "", "cgroup.controllers", list, sizeof(list)) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(v2_names); i++) {
		if (has_word(list, v2_names[i].name))
			mask |= CGROUP_BIT(v2_names[i].controller);
	}
	return mask == CGROUP_BIT(CGROUP_HUGETLB) ? 0 : mask;
}

static uint32_t known(void)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < ARRAY_SIZE(v2_names); i++)
		mask |= CGROUP_BIT(v2_names[i].controller);
	return mask;
}

static int setup(struct cgroup_hierarchy *hr, const char *prefix, struct error *err)
{
	uint32_t mask;

	hr->controllers &= ~known() | offered(hr);
	mask = hr->controllers & known();
	if (mask) {
		char path[CGROUP_PATH_MAX];
		size_t len = strlen(prefix);

		/* "", "a", "a/b": every directory from the mount point down to P. */
		if (enable_available(hr, "", err) < 0)
			return -1;
		snprintf(path, sizeof(path), "%s", prefix);
		for (size_t i = 1; i <= len; i++) {
			if (prefix[i] && prefix[i] != '/')
				continue;
			path[i] = '\0';
			if (enable_available(hr, path, err) < 0)
				return -1;
			path[i] = prefix[i];
		}
		if (keep_enabled(hr, prefix, err) < 0)
			return -1;
		if (hr->controllers & known())
			hr->features |= CGROUP_HAS_LEAF;
	}
	if (cgroup_file_exists(hr, prefix, "cgroup.kill"))
		hr->features |= CGROUP_HAS_KILL;
	if (cgroup_file_exists(hr, prefix, "memory.swap.max"))
		hr->features |= CGROUP_HAS_MEMSW;
	return 0;
}

static int make(const struct cgroup_hierarchy *hr, const char *path, bool *ret_new,
		struct error *err)
{
	char leaf[CGROUP_PATH_MAX];
	bool leaf_new;

	if (cgroup_mkdir(hr, path, ret_new, err) < 0)
		return -1;
	if (!(hr->features & CGROUP_HAS_LEAF))
		return 0;
	if (!cgroup_join(path, CGROUP_LEAF, leaf, sizeof(leaf)))
		return error_errno(err, ENAMETOOLONG, "create cgroup %s/%s", hr->point, path);
	if (cgroup_mkdir(hr, leaf, &leaf_new, err) < 0)
		return -1;
	return enable(hr, path, hr->enable, err);
}

/* ---- state ---- */

static bool event_is_set(const struct cgroup_hierarchy *hr, const char *path, const char *key)
{
	uint64_t v;

	return cgroup_read_key(hr, path, "cgroup.events", key, &v) == 0 && v;
}

static bool is_populated(const struct cgroup_hierarchy *hr, const char *path, bool recursive)
{
	char leaf[CGROUP_PATH_MAX], c[2];

	if (recursive)
		return event_is_set(hr, path, "populated");
	if (hr->features & CGROUP_HAS_LEAF)
		return cgroup_procs_dir(hr, path, leaf, sizeof(leaf)) &&
		       event_is_set(hr, leaf, "populated");
	return cgroup_read(hr, path, "cgroup.procs", c, sizeof(c)) == 0 && c[0];
}

static int set_frozen(const struct cgroup_hierarchy *hr, const char *path, bool frozen)
{
	return cgroup_write(hr, path, "cgroup.freeze", frozen ? "1" : "0");
}

static bool is_frozen(const struct cgroup_hierarchy *hr, const char *path)
{
	return event_is_set(hr, path, "frozen");
}

static bool is_self_frozen(const struct cgroup_hierarchy *hr, const char *path)
{
	uint64_t v;

	return cgroup_read_number(hr, path, "cgroup.freeze", &v) == 0 && v == 1;
}

static bool is_parent_frozen(const struct cgroup_hierarchy *hr, const char *path)
{
	char parent[CGROUP_PATH_MAX], *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	while ((slash = strrchr(parent, '/'))) {
		*slash = '\0';
		if (is_self_frozen(hr, parent))
			return true;
	}
	return false;
}

const struct cgroup_backend cgroup_v2_backend = {
	.name = "v2",
	.threads_file = "cgroup.threads",
	.cpus_file = "cpuset.cpus.effective",
	.cpu_weight_base = WEIGHT_BASE,
	.cpu_weight_min = WEIGHT_MIN,
	.cpu_weight_max = WEIGHT_MAX,
	.knobs = {
		[CGROUP_KNOB_MEMORY_LIMIT] = { "memory.max", .apply = apply_memory_limit },
		[CGROUP_KNOB_MEMORY_GUARANTEE] = { "memory.low", .apply = apply_memory_guarantee },
		[CGROUP_KNOB_MEMORY_PRESS] = { "memory.reclaim", .apply = apply_press },
		[CGROUP_KNOB_OOM_GROUP] = { "memory.oom.group", .format = cgroup_format_flag },
		[CGROUP_KNOB_HUGETLB_LIMIT] = { "hugetlb.2MB.max", .apply = apply_hugetlb },
		[CGROUP_KNOB_CPU_LIMIT] = { "cpu.max", .format = format_cpu_max },
		[CGROUP_KNOB_CPU_WEIGHT] = { "cpu.weight", .format = format_weight },
		[CGROUP_KNOB_CPU_IDLE] = { "cpu.idle", .format = cgroup_format_flag },
		/* Real-time group scheduling has no files here. */
		[CGROUP_KNOB_CPU_SET] = { "cpuset.cpus", .apply = cgroup_apply_cpus },
		[CGROUP_KNOB_IO_WEIGHT] = { "io.stat", .apply = cgroup_v2_io_weight },
		[CGROUP_KNOB_IO_LIMIT] = { "io.max", .apply = cgroup_v2_io_limit },
		[CGROUP_KNOB_IO_OPS_LIMIT] = { "io.max", .apply = cgroup_v2_io_ops_limit },
		[CGROUP_KNOB_THREAD_LIMIT] = { "pids.max", .format = cgroup_format_pids },
		[CGROUP_KNOB_DEVICES] = { "device programs (BPF)", .probe = probe_devices,
					  .apply = apply_devices },
	},
	.stats = {
		[CGROUP_STAT_MEMORY_USAGE] = { "memory.current",
			.root_file = "meminfo", .root_keys = { "MemTotal:" },
			.root_minus = "MemFree:", .root_scale = 1024 },
		/* shmem like v1's lists, which count tmpfs as anonymous. */
		[CGROUP_STAT_ANON_USAGE] = { "memory.stat", .keys = { "anon", "shmem" },
			.root_file = "meminfo", .root_keys = { "AnonPages:", "Shmem:" },
			.root_scale = 1024 },
		[CGROUP_STAT_CACHE_USAGE] = { "memory.stat",
			.keys = { "inactive_file", "active_file" },
			.root_file = "meminfo",
			.root_keys = { "Active(file):", "Inactive(file):" },
			.root_scale = 1024 },
		[CGROUP_STAT_SHMEM_USAGE] = { "memory.stat", .keys = { "shmem" },
			.root_file = "meminfo", .root_keys = { "Shmem:" }, .root_scale = 1024 },
		[CGROUP_STAT_MLOCK_USAGE] = { "memory.stat", .keys = { "unevictable" },
			.root_file = "meminfo", .root_keys = { "Unevictable:" },
			.root_scale = 1024 },
		[CGROUP_STAT_MEMORY_RECLAIMED] = { "memory.stat", .keys = { "pgsteal" },
			.scale = CGROUP_SCALE_PAGES, .optional = true, .root_file = "vmstat",
			.root_keys = { "pgsteal_kswapd", "pgsteal_direct", "pgsteal_khugepaged",
				       "pgsteal_proactive" },
			.root_scale = CGROUP_SCALE_PAGES },
		[CGROUP_STAT_WRITEBACK] = { "memory.stat", .keys = { "file_writeback" },
			.root_file = "meminfo", .root_keys = { "Writeback:" },
			.root_scale = 1024 },
		[CGROUP_STAT_MINOR_FAULTS] = { "memory.stat", .keys = { "pgfault" },
			.minus = "pgmajfault", .root_file = "vmstat",
			.root_keys = { "pgfault" }, .root_minus = "pgmajfault" },
		[CGROUP_STAT_MAJOR_FAULTS] = { "memory.stat", .keys = { "pgmajfault" },
			.root_file = "vmstat", .root_keys = { "pgmajfault" } },
		[CGROUP_STAT_HUGETLB_USAGE] = { "hugetlb.2MB.current",
			.root_file = "meminfo", .root_keys = { "HugePages_Total:" },
			.root_minus = "HugePages_Free:", .root_scale = HUGE_PAGE },
		[CGROUP_STAT_CPU_THROTTLED] = { "cpu.stat", .keys = { "throttled_usec" },
			.scale = 1000, .optional = true },
		[CGROUP_STAT_CPU_USAGE] = { "cpu.stat", .keys = { "usage_usec" }, .scale = 1000 },
		[CGROUP_STAT_CPU_USAGE_SYSTEM] = { "cpu.stat", .keys = { "system_usec" },
			.scale = 1000 },
		[CGROUP_STAT_THREAD_COUNT] = { "pids.current" },
		/* The leaf's hierarchical file: kills in groups made inside count, too. */
		[CGROUP_STAT_OOM_KILLS] = { "memory.events", .in_leaf = true,
			.keys = { "oom_kill" },
			.root_file = "vmstat", .root_keys = { "oom_kill" } },
	},
	.io = {
		[CGROUP_IO_BYTES] = { { "io.stat" }, .read_key = "rbytes", .write_key = "wbytes" },
		[CGROUP_IO_OPS] = { { "io.stat" }, .read_key = "rios", .write_key = "wios" },
		/* Of io.cost, µs. */
		[CGROUP_IO_TIME] = { { "io.stat" }, .read_key = "cost.usage", .scale = 1000,
			.sparse = true },
	},
	.setup = setup,
	.make = make,
	.is_populated = is_populated,
	.set_frozen = set_frozen,
	.is_frozen = is_frozen,
	.is_self_frozen = is_self_frozen,
	.is_parent_frozen = is_parent_frozen,
};
