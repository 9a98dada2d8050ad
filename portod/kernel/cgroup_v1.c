/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Legacy hierarchies. One object per mount, with one or several controllers in it.
 *
 * Memory: `memory.memsw.limit_in_bytes` (RAM + swap) must never be below
 * `memory.limit_in_bytes`, so raising goes memsw first and lowering goes memsw last.
 * cpuset: a new group has no CPUs and no memory nodes, and takes no process until it has.
 * devices: a group may never allow more than its parent, and `a` is refused once there are groups
 * below; so lists are changed by difference, and "deny all" is written only where all is allowed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/cgroup_backend.h"
#include "kernel/cgroup_io.h"
#include "kernel/cgroup_knob.h"
#include "kernel/device.h"

#define MEMORY_LIMIT  "memory.limit_in_bytes"
#define MEMSW_LIMIT   "memory.memsw.limit_in_bytes"
#define HUGETLB_LIMIT "hugetlb.2MB.limit_in_bytes"
#define THROTTLE      "blkio.throttle."
#define SHARES_BASE   1024
#define SHARES_MIN    2
#define SHARES_MAX    262144

/* ---- knobs ---- */

static int memory_error(int r, const struct cgroup_hierarchy *hr, const char *path,
			const char *file, const char *text, struct error *err)
{
	if (r == -EBUSY)
		return error_sys(err, ERR_BUSY, EBUSY,
				 "memory limit %s is too low for current usage of %s/%s", text,
				 hr->point, path);
	return error_errno(err, -r, "write '%s' to %s/%s/%s", text, hr->point, path, file);
}

/* Lowering RAM + swap fails when swap cannot be taken back: the limit goes back, too. */
static int lower_memsw(const struct cgroup_hierarchy *hr, const char *path, const char *text,
		       struct error *err)
{
	int r = cgroup_write(hr, path, MEMSW_LIMIT, text);
	char old[64];

	if (r >= 0)
		return 0;
	memory_error(r, hr, path, MEMSW_LIMIT, text, err);
	/* Both files held the same number before. */
	if (cgroup_read(hr, path, MEMSW_LIMIT, old, sizeof(old)) == 0)
		cgroup_write(hr, path, MEMORY_LIMIT, old);
	return -1;
}

static int apply_memory_limit(const struct cgroup_hierarchy *hr, const char *path,
			      const struct cgroup_setting *s, struct error *err)
{
	bool memsw = hr->features & CGROUP_HAS_MEMSW;
	char text[32] = "-1";
	int r;

	if (s->value && s->value <= INT64_MAX)
		snprintf(text, sizeof(text), "%" PRIu64, s->value);
	r = cgroup_write(hr, path, MEMORY_LIMIT, text);
	if (r == -EINVAL && memsw) {
		/* Above the present memsw limit: raising. */
		r = cgroup_write(hr, path, MEMSW_LIMIT, text);
		if (r < 0)
			return memory_error(r, hr, path, MEMSW_LIMIT, text, err);
		r = cgroup_write(hr, path, MEMORY_LIMIT, text);
		return r < 0 ? memory_error(r, hr, path, MEMORY_LIMIT, text, err) : 0;
	}
	if (r < 0)
		return memory_error(r, hr, path, MEMORY_LIMIT, text, err);
	return memsw ? lower_memsw(hr, path, text, err) : 0;
}

/*
 * Quota before period; where the pair would pass through a state that the parent's limit forbids,
 * the way leads over "no quota".
 */
static int apply_cpu_limit(const struct cgroup_hierarchy *hr, const char *path,
			   const struct cgroup_setting *s, struct error *err)
{
	char quota[32] = "-1", period[32];
	uint64_t q, p;
	int r;

	cgroup_cpu_quota(s, &q, &p);
	if (s->value)
		snprintf(quota, sizeof(quota), "%" PRIu64, q);
	snprintf(period, sizeof(period), "%" PRIu64, p);

	r = cgroup_write(hr, path, "cpu.cfs_quota_us", quota);
	if (r == 0)
		r = cgroup_write(hr, path, "cpu.cfs_period_us", period);
	if (r == -EINVAL) {
		r = cgroup_write(hr, path, "cpu.cfs_quota_us", "-1");
		if (r == 0)
			r = cgroup_write(hr, path, "cpu.cfs_period_us", period);
		if (r == 0)
			r = cgroup_write(hr, path, "cpu.cfs_quota_us", quota);
	}
	if (r == -EINVAL)
		return error_sys(err, ERR_INVALID_VALUE, EINVAL,
				 "cpu limit %s us per %s us of %s/%s: above the parent's?", quota,
				 period, hr->point, path);
	if (r < 0)
		return error_errno(err, -r, "write cpu limit %s us per %s us of %s/%s", quota,
				   period, hr->point, path);
	return 0;
}

/* The kernel rounds 0 and 1 up to 2 by itself. */
static void format_shares(const struct cgroup_setting *s, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRIu64, cgroup_cpu_weight(s, SHARES_BASE, SHARES_MIN, SHARES_MAX));
}

static void format_soft_limit(const struct cgroup_setting *s, char *buf, size_t size)
{
	cgroup_format_bytes(s, "-1", buf, size);
}

static int apply_hugetlb(const struct cgroup_hierarchy *hr, const char *path,
			 const struct cgroup_setting *s, struct error *err)
{
	return cgroup_apply_hugetlb(hr, path, HUGETLB_LIMIT, "hugetlb.2MB.usage_in_bytes",
				    "hugetlb.1GB.limit_in_bytes", "-1", s, err);
}

/* A leaf, of a container that rules groups of its own, has what the group has: it goes first when
 * that becomes less, and last when it becomes more. */
static int apply_cpus(const struct cgroup_hierarchy *hr, const char *path,
		      const struct cgroup_setting *s, struct error *err)
{
	char leaf[CGROUP_PATH_MAX];
	int r;

	if (!cgroup_join(path, CGROUP_LEAF, leaf, sizeof(leaf)) ||
	    !cgroup_file_exists(hr, leaf, "cpuset.cpus"))
		return cgroup_apply_cpus(hr, path, s, err);
	r = cgroup_apply_cpus(hr, path, s, err);
	if (r < 0 && err->sys == EBUSY) {
		error_clear(err);
		(void)cgroup_write(hr, leaf, "cpuset.cpus", s->text);
		r = cgroup_apply_cpus(hr, path, s, err);
	}
	return r < 0 ? -1 : cgroup_apply_cpus(hr, leaf, s, err);
}

/* Time for the real-time class, without which the group takes no task of it. What the groups of
 * one parent have together may not be more than the parent has. */
static int apply_rt(const struct cgroup_hierarchy *hr, const char *path,
		    const struct cgroup_setting *s, struct error *err)
{
	char period[32], runtime[32];
	uint64_t q, p;

	cgroup_cpu_quota(s, &q, &p);
	snprintf(period, sizeof(period), "%" PRIu64, p);
	snprintf(runtime, sizeof(runtime), "%" PRIu64, q);
	if (cgroup_write_err(hr, path, "cpu.rt_period_us", period, err) < 0)
		return -1;
	return cgroup_write_err(hr, path, "cpu.rt_runtime_us", runtime, err);
}

/* ---- devices ---- */

static int write_rule(const struct cgroup_hierarchy *hr, const char *path, int fd, const char *file,
		      const struct device_rule *rule, struct error *err)
{
	char text[DEVICE_RULE_MAX];
	size_t len;

	device_rule_format(rule, text, sizeof(text) - 1);
	len = strlen(text);
	text[len] = '\n';
	if (write(fd, text, len + 1) >= 0)
		return 0;
	text[len] = '\0';
	return error_errno(err, errno, "write '%s' to %s/%s/%s", text, hr->point, path, file);
}

/* What `from` has and `to` has not goes to `file`. */
static int write_difference(const struct cgroup_hierarchy *hr, const char *path, const char *file,
			    const struct device_rules *from, const struct device_rules *to,
			    struct error *err)
{
	auto_close int fd = -1;

	for (size_t i = 0; i < from->n; i++) {
		struct device_rule rule = from->v[i];

		rule.access &= ~device_rules_access(to, &rule);
		if (!rule.access)
			continue;
		if (fd < 0)
			fd = cgroup_open(hr, path, file, O_WRONLY);
		if (fd < 0)
			return error_errno(err, -fd, "open %s/%s/%s", hr->point, path, file);
		if (write_rule(hr, path, fd, file, &rule, err) < 0)
			return -1;
	}
	return 0;
}

static int apply_devices(const struct cgroup_hierarchy *hr, const char *path,
			 const struct cgroup_setting *s, struct error *err)
{
	_cleanup_(device_rules_deinit) struct device_rules want = DEVICE_RULES_INIT;
	_cleanup_(device_rules_deinit) struct device_rules have = DEVICE_RULES_INIT;
	char text[CGROUP_TEXT_MAX];
	int r;

	if (device_rules_parse(s->text ? s->text : "", &want) < 0)
		return error_set(err, ERR_INVALID_VALUE, "malformed device rules");
	r = cgroup_read(hr, path, "devices.list", text, sizeof(text));
	if (r < 0)
		return error_errno(err, -r, "read %s/%s/devices.list", hr->point, path);
	if (device_rules_parse(text, &have) < 0)
		return error_set(err, ERR_UNKNOWN, "cannot parse %s/%s/devices.list", hr->point,
				 path);
	/* Never by `a`: from there no way leads back once there are groups below. */
	device_rules_expand(&want);
	if (have.all && cgroup_write_err(hr, path, "devices.deny", "a", err) < 0)
		return -1;
	if (write_difference(hr, path, "devices.deny", &have, &want, err) < 0)
		return -1;
	return write_difference(hr, path, "devices.allow", &want, &have, err);
}

/* ---- making a group ---- */

static int setup(struct cgroup_hierarchy *hr, const char *prefix, struct error *err)
{
	uint64_t v;

	(void)prefix;
	(void)err;
	if (!(hr->controllers & CGROUP_BIT(CGROUP_MEMORY)))
		return 0;
	if (cgroup_file_exists(hr, "", MEMSW_LIMIT))
		hr->features |= CGROUP_HAS_MEMSW;
	if (cgroup_read_number(hr, "", "memory.use_hierarchy", &v) == 0 && v == 0)
		hr->features |= CGROUP_NEEDS_USE_HIER;
	return 0;
}

static int copy_from_parent(const struct cgroup_hierarchy *hr, const char *path, const char *file,
			    struct error *err)
{
	char parent[CGROUP_PATH_MAX], text[4096], *slash;
	int r;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	*(slash ? slash : parent) = '\0';
	r = cgroup_read(hr, parent, file, text, sizeof(text));
	if (r < 0)
		return error_errno(err, -r, "read %s/%s%s%s", hr->point, parent, *parent ? "/" : "",
				   file);
	text[strcspn(text, "\n")] = '\0';
	return cgroup_write_err(hr, path, file, text, err);
}

/*
 * A group whose parent is ours got the lists from it, because cgroup.clone_children is inherited; a
 * group at the top has to be filled by hand, since switching that on in the host's group is not
 * our business.
 */
static int init_cpuset(const struct cgroup_hierarchy *hr, const char *path, struct error *err)
{
	size_t base = strlen(hr->base);

	if (strlen(path) > base && strchr(path + base, '/'))
		return 0;
	if (copy_from_parent(hr, path, "cpuset.cpus", err) < 0 ||
	    copy_from_parent(hr, path, "cpuset.mems", err) < 0)
		return -1;
	return cgroup_write_err(hr, path, "cgroup.clone_children", "1", err);
}

static int make(const struct cgroup_hierarchy *hr, const char *path, bool *ret_new,
		struct error *err)
{
	if (cgroup_mkdir(hr, path, ret_new, err) < 0)
		return -1;
	if (!*ret_new)
		return 0;
	if ((hr->controllers & CGROUP_BIT(CGROUP_CPUSET)) && init_cpuset(hr, path, err) < 0)
		return -1;
	if (hr->features & CGROUP_NEEDS_USE_HIER)
		return cgroup_write_err(hr, path, "memory.use_hierarchy", "1", err);
	return 0;
}

/* ---- state ---- */

static int populated_visit(const struct cgroup_hierarchy *hr, const char *path, void *arg)
{
	char c[2];

	(void)arg;
	return cgroup_read(hr, path, "cgroup.procs", c, sizeof(c)) == 0 && c[0];
}

static bool is_populated(const struct cgroup_hierarchy *hr, const char *path, bool recursive)
{
	return recursive ? cgroup_walk(hr, path, false, populated_visit, NULL) > 0
			 : populated_visit(hr, path, NULL);
}

static int set_frozen(const struct cgroup_hierarchy *hr, const char *path, bool frozen)
{
	return cgroup_write(hr, path, "freezer.state", frozen ? "FROZEN" : "THAWED");
}

/* FREEZING is not THAWED, but not done either: reading it again makes the kernel look again. */
static bool is_frozen(const struct cgroup_hierarchy *hr, const char *path)
{
	char state[16];

	return cgroup_read(hr, path, "freezer.state", state, sizeof(state)) == 0 &&
	       !strncmp(state, "FROZEN", 6);
}

static bool reads_one(const struct cgroup_hierarchy *hr, const char *path, const char *file)
{
	uint64_t v;

	return cgroup_read_number(hr, path, file, &v) == 0 && v == 1;
}

static bool is_self_frozen(const struct cgroup_hierarchy *hr, const char *path)
{
	return reads_one(hr, path, "freezer.self_freezing");
}

static bool is_parent_frozen(const struct cgroup_hierarchy *hr, const char *path)
{
	return reads_one(hr, path, "freezer.parent_freezing");
}

const struct cgroup_backend cgroup_v1_backend = {
	.name = "v1",
	.threads_file = "tasks",
	.cpus_file = "cpuset.cpus",
	.cpu_weight_base = SHARES_BASE,
	.cpu_weight_min = SHARES_MIN,
	.cpu_weight_max = SHARES_MAX,
	.knobs = {
		[CGROUP_KNOB_MEMORY_LIMIT] = { MEMORY_LIMIT, .apply = apply_memory_limit },
		/* Of its inventor's kernels; others do not have the file. */
		[CGROUP_KNOB_MEMORY_GUARANTEE] = { "memory.low_limit_in_bytes",
						   .format = cgroup_format_u64 },
		[CGROUP_KNOB_MEMORY_PRESS] = { "memory.soft_limit_in_bytes",
					       .format = format_soft_limit },
		[CGROUP_KNOB_HUGETLB_LIMIT] = { HUGETLB_LIMIT, .apply = apply_hugetlb },
		[CGROUP_KNOB_CPU_LIMIT] = { "cpu.cfs_quota_us", .apply = apply_cpu_limit },
		[CGROUP_KNOB_CPU_WEIGHT] = { "cpu.shares", .format = format_shares },
		[CGROUP_KNOB_CPU_IDLE] = { "cpu.idle", .format = cgroup_format_flag },
		[CGROUP_KNOB_CPU_RT] = { "cpu.rt_runtime_us", .apply = apply_rt },
		[CGROUP_KNOB_CPU_SET] = { "cpuset.cpus", .apply = apply_cpus },
		[CGROUP_KNOB_IO_WEIGHT] = { "blkio.bfq.weight", .off_root = true,
					    .apply = cgroup_v1_io_weight },
		[CGROUP_KNOB_IO_LIMIT] = { "blkio.throttle.read_bps_device", .apply = cgroup_v1_io_limit },
		[CGROUP_KNOB_IO_OPS_LIMIT] = { "blkio.throttle.read_iops_device",
					       .apply = cgroup_v1_io_ops_limit },
		[CGROUP_KNOB_THREAD_LIMIT] = { "pids.max", .off_root = true,
					       .format = cgroup_format_pids },
		[CGROUP_KNOB_DEVICES] = { "devices.allow", .apply = apply_devices },
	},
	.stats = {
		[CGROUP_STAT_MEMORY_USAGE] = { "memory.usage_in_bytes" },
		[CGROUP_STAT_ANON_USAGE] = { "memory.stat",
			.keys = { "total_inactive_anon", "total_active_anon",
				  "total_unevictable", "total_swap" } },
		[CGROUP_STAT_CACHE_USAGE] = { "memory.stat",
			.keys = { "total_inactive_file", "total_active_file" } },
		[CGROUP_STAT_SHMEM_USAGE] = { "memory.stat", .keys = { "total_shmem" } },
		[CGROUP_STAT_MLOCK_USAGE] = { "memory.stat", .keys = { "total_unevictable" } },
		/* Pages that were uncharged for any reason: an over-estimate. */
		[CGROUP_STAT_MEMORY_RECLAIMED] = { "memory.stat", .keys = { "total_pgpgout" },
			.scale = CGROUP_SCALE_PAGES },
		[CGROUP_STAT_WRITEBACK] = { "memory.stat", .keys = { "total_writeback" } },
		[CGROUP_STAT_MINOR_FAULTS] = { "memory.stat", .keys = { "total_pgfault" },
			.minus = "total_pgmajfault" },
		[CGROUP_STAT_MAJOR_FAULTS] = { "memory.stat", .keys = { "total_pgmajfault" } },
		[CGROUP_STAT_HUGETLB_USAGE] = { "hugetlb.2MB.usage_in_bytes" },
		[CGROUP_STAT_CPU_THROTTLED] = { "cpu.stat", .keys = { "throttled_time" },
			.optional = true },
		[CGROUP_STAT_CPU_USAGE] = { "cpuacct.usage" },
		[CGROUP_STAT_CPU_USAGE_SYSTEM] = { "cpuacct.stat", .keys = { "system" },
			.scale = CGROUP_SCALE_TICKS },
		[CGROUP_STAT_THREAD_COUNT] = { "pids.current", .off_root = true },
		/* Counted where the victim was and not above. */
		[CGROUP_STAT_OOM_KILLS] = { "memory.oom_control", .off_root = true,
			.and_leaf = true, .keys = { "oom_kill" },
			.root_file = "vmstat", .root_keys = { "oom_kill" } },
	},
	.io = {
		[CGROUP_IO_BYTES] = { { THROTTLE "io_service_bytes_recursive",
					THROTTLE "io_service_bytes",
					"blkio.io_service_bytes_recursive" },
			.read_key = "Read", .write_key = "Write", .sparse = true },
		[CGROUP_IO_OPS] = { { THROTTLE "io_serviced_recursive", THROTTLE "io_serviced",
				      "blkio.io_serviced_recursive" },
			.read_key = "Read", .write_key = "Write", .sparse = true },
		/* Only some schedulers take the time. */
		[CGROUP_IO_TIME] = { { THROTTLE "io_service_time_recursive",
				       "blkio.bfq.io_service_time_recursive",
				       "blkio.io_service_time_recursive" },
			.read_key = "Total", .sparse = true },
	},
	.setup = setup,
	.make = make,
	.is_populated = is_populated,
	.set_frozen = set_frozen,
	.is_frozen = is_frozen,
	.is_self_frozen = is_self_frozen,
	.is_parent_frozen = is_parent_frozen,
};
