/* SPDX-License-Identifier: Apache-2.0 */
/* Knobs and statistics of resources on the trees of every layout; processor sets; disks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include <sys/sysmacros.h>

#include "base/cpumask.h"
#include "fake_cgroup.h"
#include "kernel/cgroup_stat.h"
#include "kernel/disk.h"
#include "kernel/topology.h"

static int try_set(struct fake *f, const struct cgroup *cg, struct cgroup_setting s)
{
	struct error err = ERROR_INIT;

	return cgroup_set(f->host, cg, &s, &err) < 0 ? err.code : 0;
}

/* Set and look at one file, which holds `before`. */
#define CHECK(f, cg, file, before, want, ...)                                                \
	do {                                                                                 \
		fake_put(f, file, before);                                                   \
		assert_int_equal(try_set(f, cg, (struct cgroup_setting){ __VA_ARGS__ }), 0); \
		fake_assert(f, file, want);                                                  \
	} while (0)

/* ---- knobs ---- */

static void knobs_of_separate_v1(void **state)
{
	struct fake *f = *state;
	struct cgroup cg;

	fake_v1_separate(f);
	fake_mount(f, "hugetlb", "hugetlb");
	fake_put(f, "cg/hugetlb/hugetlb.2MB.limit_in_bytes", "");
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a");
	assert_false(cgroup_knob_is_supported(f->host, CGROUP_KNOB_MEMORY_GUARANTEE));
	assert_false(cgroup_knob_is_supported(f->host, CGROUP_KNOB_OOM_GROUP));
	assert_int_equal(try_set(f, &cg, (struct cgroup_setting){ CGROUP_KNOB_MEMORY_GUARANTEE }),
			 ERR_NOT_SUPPORTED);

#define SOFT "cg/memory/porto%a/memory.soft_limit_in_bytes"
	CHECK(f, &cg, SOFT, "", "1048576", CGROUP_KNOB_MEMORY_PRESS, 1 << 20);
	CHECK(f, &cg, SOFT, "", "-1", CGROUP_KNOB_MEMORY_PRESS, 0);

#define HUGE "cg/hugetlb/porto%a/hugetlb."
	fake_put(f, HUGE "2MB.usage_in_bytes", "2097152\n");
	fake_put(f, HUGE "1GB.limit_in_bytes", "");
	CHECK(f, &cg, HUGE "2MB.limit_in_bytes", "", "4194304", CGROUP_KNOB_HUGETLB_LIMIT, 4 << 20);
	fake_assert(f, HUGE "1GB.limit_in_bytes", "0");
	/* below what is in use: refused, and the file is as it was */
	assert_int_equal(try_set(f, &cg, (struct cgroup_setting){ CGROUP_KNOB_HUGETLB_LIMIT, 1 }),
			 ERR_INVALID_VALUE);
	fake_assert(f, HUGE "2MB.limit_in_bytes", "4194304");
	CHECK(f, &cg, HUGE "2MB.limit_in_bytes", "", "-1", CGROUP_KNOB_HUGETLB_LIMIT, 0);

	CHECK(f, &cg, "cg/cpu/porto%a/cpu.idle", "", "1", CGROUP_KNOB_CPU_IDLE, 1);
	CHECK(f, &cg, "cg/cpu/porto%a/cpu.shares", "", "2", CGROUP_KNOB_CPU_WEIGHT, 0);
	fake_put(f, "cg/cpu/porto%a/cpu.rt_period_us", "");
	CHECK(f, &cg, "cg/cpu/porto%a/cpu.rt_runtime_us", "", "50000", CGROUP_KNOB_CPU_RT, 50000000,
	      100000000);
	fake_assert(f, "cg/cpu/porto%a/cpu.rt_period_us", "100000");
	CHECK(f, &cg, "cg/cpuset/porto%a/cpuset.cpus", "", "1-2", CGROUP_KNOB_CPU_SET,
	      .text = "1-2");
	assert_int_equal(cgroup_cpu_weight_max(f->host), 256000);
}

static void knobs_of_comounted_v1(void **state)
{
	struct fake *f = *state;
	struct cgroup cg;

	fake_v1_comounted(f);
	fake_put(f, "cg/memory,blkio/memory.low_limit_in_bytes", "");
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a");
	/* memory brings blkio along */
	CHECK(f, &cg, "cg/memory,blkio/porto%a/blkio.bfq.weight", "", "1000", CGROUP_KNOB_IO_WEIGHT,
	      1000, CGROUP_IO_HIGH);
	CHECK(f, &cg, "cg/memory,blkio/porto%a/memory.low_limit_in_bytes", "", "4096",
	      CGROUP_KNOB_MEMORY_GUARANTEE, 4096);
	assert_false(cgroup_knob_is_supported(f->host, CGROUP_KNOB_CPU_SET));
}

static void io_weight_goes_to_the_files_that_are_there(void **state)
{
	struct fake *f = *state;
	struct cgroup cg;

	fake_v1_separate(f);
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a");
	fake_mkdir(f, "cg/blkio/porto%a");
#define WEIGHT(w, class) ((struct cgroup_setting){ CGROUP_KNOB_IO_WEIGHT, w, class })
	assert_int_equal(try_set(f, &cg, WEIGHT(1000, CGROUP_IO_NORMAL)), 0);
	fake_put(f, "cg/blkio/porto%a/blkio.weight", "");
	CHECK(f, &cg, "cg/blkio/porto%a/blkio.bfq.weight", "", "200", CGROUP_KNOB_IO_WEIGHT, 2000);
	fake_assert(f, "cg/blkio/porto%a/blkio.weight", "1000");
	CHECK(f, &cg, "cg/blkio/porto%a/blkio.weight", "", "10", CGROUP_KNOB_IO_WEIGHT, 500,
	      CGROUP_IO_IDLE);
	CHECK(f, &cg, "cg/blkio/porto%a/blkio.bfq.weight", "", "1", CGROUP_KNOB_IO_WEIGHT, 10,
	      CGROUP_IO_BATCH);
}

static void knobs_of_v2(void **state)
{
	static const char *const files[] = { "memory.low",       "memory.reclaim",
					     "memory.oom.group", "hugetlb.2MB.max",
					     "cpu.idle",         "cpuset.cpus",
					     "io.max",           "io.stat" };
	struct fake *f = *state;
	struct cgroup cg;

	fake_v2(f, "porto");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		auto_free char *path = xasprintf("cg/porto/%s", files[i]);

		fake_put(f, path, "");
	}
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a");
#define V2(file) "cg/porto/a/" file
	/* without memory_recursiveprot the leaf needs a word of its own */
	fake_put(f, V2("%leaf/memory.low"), "");
	CHECK(f, &cg, V2("memory.low"), "", "8192", CGROUP_KNOB_MEMORY_GUARANTEE, 8192);
	fake_assert(f, V2("%leaf/memory.low"), "max");
	CHECK(f, &cg, V2("memory.oom.group"), "", "1", CGROUP_KNOB_OOM_GROUP, 1);

	fake_put(f, V2("memory.current"), "5000\n");
	CHECK(f, &cg, V2("memory.reclaim"), "", "904", CGROUP_KNOB_MEMORY_PRESS, 4096);
	CHECK(f, &cg, V2("memory.reclaim"), "-", "-", CGROUP_KNOB_MEMORY_PRESS, 8192);
	CHECK(f, &cg, V2("memory.reclaim"), "-", "-", CGROUP_KNOB_MEMORY_PRESS, 0);

	/* slowed down a little below the limit */
	fake_put(f, V2("memory.max"), "max\n");
	fake_put(f, V2("memory.swap.max"), "");
	CHECK(f, &cg, V2("memory.high"), "", "900000", CGROUP_KNOB_MEMORY_LIMIT, 1000000, 100000);
	CHECK(f, &cg, V2("memory.high"), "", "max", CGROUP_KNOB_MEMORY_LIMIT, 0, 0);

	fake_put(f, V2("hugetlb.2MB.current"), "0\n");
	CHECK(f, &cg, V2("hugetlb.2MB.max"), "", "2097152", CGROUP_KNOB_HUGETLB_LIMIT, 2 << 20);
	CHECK(f, &cg, V2("hugetlb.2MB.max"), "", "max", CGROUP_KNOB_HUGETLB_LIMIT, 0);
	CHECK(f, &cg, V2("cpu.idle"), "", "0", CGROUP_KNOB_CPU_IDLE, 0);
	CHECK(f, &cg, V2("cpuset.cpus"), "", "0,2", CGROUP_KNOB_CPU_SET, .text = "0,2");
	CHECK(f, &cg, V2("cpuset.cpus"), "0", "\n", CGROUP_KNOB_CPU_SET, .text = "");
	CHECK(f, &cg, V2("io.weight"), "", "200", CGROUP_KNOB_IO_WEIGHT, 2000, CGROUP_IO_NORMAL);
	CHECK(f, &cg, V2("io.bfq.weight"), "", "1", CGROUP_KNOB_IO_WEIGHT, 1000, CGROUP_IO_IDLE);
	assert_int_equal(cgroup_cpu_weight_max(f->host), 100000);
	assert_false(cgroup_knob_is_supported(f->host, CGROUP_KNOB_CPU_RT));
}

static void recursive_protection(void **state)
{
	struct fake *f = *state;
	struct cgroup cg;

	fake_v2(f, "porto");
	fake_put(f, "cg/porto/memory.low", "");
	/* the mount's line again, now with the option */
	buf_addf(&f->mountinfo,
		 "40 31 0:29 / %s/cg rw - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n",
		 f->dir);
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a");
	fake_put(f, "cg/porto/a/%leaf/memory.low", "-");
	CHECK(f, &cg, "cg/porto/a/memory.low", "", "1", CGROUP_KNOB_MEMORY_GUARANTEE, 1);
	fake_assert(f, "cg/porto/a/%leaf/memory.low", "-");
}

/* ---- limits of disks ---- */

/* A disk this machine really has. */
static bool some_disk(unsigned *ret_major, unsigned *ret_minor, char *name)
{
	struct error err = ERROR_INIT;
	static const char *const names[] = { "loop0", "vda", "sda", "nvme0n1", "zram0" };
	dev_t dev;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		error_clear(&err);
		if (disk_find(names[i], NULL, &dev, &err))
			continue;
		*ret_major = major(dev);
		*ret_minor = minor(dev);
		snprintf(name, DISK_NAME_MAX, "%s", names[i]);
		return true;
	}
	return false;
}

static void io_limits_of_v1(void **state)
{
	auto_free char *want = NULL, *zero = NULL, *key = NULL;
	char name[DISK_NAME_MAX];
	struct fake *f = *state;
	auto_smap io = SMAP_INIT;
	unsigned major, minor;
	struct cgroup cg;

	if (!some_disk(&major, &minor, name))
		skip();
	fake_v1_separate(f);
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a");
	want = xasprintf("%u:%u 1000", major, minor);
	zero = xasprintf("%u:%u 0", major, minor);
#define THROTTLE(file) "cg/blkio/porto%a/blkio.throttle." file
	smap_set(&io, name, "1000");
	fake_put(f, THROTTLE("write_bps_device"), "");
	CHECK(f, &cg, THROTTLE("read_bps_device"), "", want, CGROUP_KNOB_IO_LIMIT, .io = &io);
	fake_assert(f, THROTTLE("write_bps_device"), want);

	/* one direction, and by number; the other one loses its limit */
	key = xasprintf("%u:%u w", major, minor);
	smap_deinit(&io);
	smap_set(&io, key, "1000");
	fake_put(f, THROTTLE("write_iops_device"), "");
	{
		auto_free char *had = xasprintf("%s\n", want);

		/* a fake file is overwritten from its start: what was longer stays behind */
		auto_free char *left = xasprintf("%s%s", zero, had + strlen(zero));

		CHECK(f, &cg, THROTTLE("read_iops_device"), had, left, CGROUP_KNOB_IO_OPS_LIMIT,
		      .io = &io);
	}
	fake_assert(f, THROTTLE("write_iops_device"), want);

	smap_set(&io, "no-such-disk", "5");
	assert_int_equal(try_set(f, &cg,
				 (struct cgroup_setting){ CGROUP_KNOB_IO_LIMIT, .io = &io }),
			 ERR_INVALID_VALUE);
}

static void io_limits_of_v2(void **state)
{
	auto_free char *want = NULL, *half = NULL, *none = NULL, *key = NULL;
	char name[DISK_NAME_MAX];
	struct fake *f = *state;
	auto_smap io = SMAP_INIT;
	unsigned major, minor;
	struct cgroup cg;

	if (!some_disk(&major, &minor, name))
		skip();
	fake_v2(f, "porto");
	fake_put(f, "cg/porto/io.max", "");
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a");
	want = xasprintf("%u:%u rbps=1000 wbps=1000", major, minor);
	half = xasprintf("%u:%u riops=7 wiops=max", major, minor);
	none = xasprintf("%u:%u rbps=max wbps=max", major, minor);
	smap_set(&io, name, "1000");
	CHECK(f, &cg, "cg/porto/a/io.max", "", want, CGROUP_KNOB_IO_LIMIT, .io = &io);
	/* the smaller of two for the same disk */
	key = xasprintf("%u:%u r", major, minor);
	smap_deinit(&io);
	smap_set(&io, key, "7");
	CHECK(f, &cg, "cg/porto/a/io.max", "", half, CGROUP_KNOB_IO_OPS_LIMIT, .io = &io);
	smap_deinit(&io);
	{
		auto_free char *had = xasprintf("%u:%u\n", major, minor);

		CHECK(f, &cg, "cg/porto/a/io.max", had, none, CGROUP_KNOB_IO_LIMIT, .io = &io);
	}
}

static void keys_of_disks(void **state)
{
	static const char *const good[] = { "sda", "8:0", "fs", ".", "./x", "/x", "mapper/x" };
	static const char *const bad[] = { "", "a b", "..", ".x", "a\n" };
	struct error err = ERROR_INIT;
	dev_t dev;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(disk_key_is_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(disk_key_is_valid(bad[i]));
		assert_int_equal(disk_find(bad[i], NULL, &dev, &err), -1);
		assert_int_equal(err.code, ERR_INVALID_VALUE);
	}
	/* no disk below these */
	assert_int_equal(disk_find("/proc", NULL, &dev, &err), -1);
	assert_int_equal(disk_find("fs", "/proc", &dev, &err), -1);
	assert_int_equal(disk_find_mounted("/proc", 0, &dev, &err), -1);
	assert_int_equal(disk_find("0:1234", NULL, &dev, &err), -1);
	/* no way out of a root */
	assert_int_equal(disk_find("./../../no/such/file", "/proc", &dev, &err), -1);
	assert_int_equal(disk_find("null", NULL, &dev, &err), -1);
	assert_true(disk_name_is_hardware("sda"));
	assert_false(disk_name_is_hardware("loop0"));
}

/* ---- statistics ---- */

static void check_stat(struct fake *f, const struct cgroup *cg, enum cgroup_stat stat,
		       uint64_t want)
{
	struct error err = ERROR_INIT;
	char msg[ERROR_MESSAGE_MAX];
	uint64_t v = 0;

	if (cgroup_get(f->host, cg, stat, &v, &err) < 0)
		fail_msg("%s", error_message(&err, msg, sizeof(msg)));
	assert_int_equal(v, want);
}

static uint64_t page(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static void statistics_of_v1(void **state)
{
	struct fake *f = *state;
	struct cgroup a, ab;

	fake_v1_separate(f);
	fake_put(f, "cg/cpu/cpu.stat", "nr_periods 0\n");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	ab = fake_cgroup(f, "a/b");
	fake_put(f, "cg/memory/porto%a/memory.stat",
		 "shmem 1\ntotal_shmem 4096\ntotal_unevictable 8192\ntotal_pgpgout 3\n"
		 "total_pgfault 100\ntotal_pgmajfault 30\ntotal_writeback 512\n");
	fake_put(f, "cg/cpu/porto%a/cpu.stat", "nr_throttled 1\nthrottled_time 12345\n");
	check_stat(f, &a, CGROUP_STAT_SHMEM_USAGE, 4096);
	check_stat(f, &a, CGROUP_STAT_MLOCK_USAGE, 8192);
	check_stat(f, &a, CGROUP_STAT_MEMORY_RECLAIMED, 3 * page());
	check_stat(f, &a, CGROUP_STAT_MINOR_FAULTS, 70);
	check_stat(f, &a, CGROUP_STAT_MAJOR_FAULTS, 30);
	check_stat(f, &a, CGROUP_STAT_WRITEBACK, 512);
	check_stat(f, &a, CGROUP_STAT_CPU_THROTTLED, 12345);
	/* no own group: the ancestor's */
	check_stat(f, &ab, CGROUP_STAT_MAJOR_FAULTS, 30);
	ab = fake_cgroup(f, "");
	check_stat(f, &ab, CGROUP_STAT_CPU_THROTTLED, 0);
	assert_false(cgroup_stat_is_supported(f->host, CGROUP_STAT_HUGETLB_USAGE));
}

static void statistics_of_v2(void **state)
{
	struct fake *f = *state;
	struct cgroup a, root;

	fake_v2(f, "porto");
	fake_put(f, "cg/porto/hugetlb.2MB.current", "0\n");
	fake_put(f, "cg/cpu.stat", "usage_usec 1\n");
	fake_put(f, "proc/vmstat",
		 "pgfault 50\npgmajfault 20\npgsteal_kswapd 1\npgsteal_direct 2\n");
	fake_put(f, "proc/meminfo",
		 "Shmem: 2 kB\nUnevictable: 3 kB\nWriteback: 4 kB\nHugePages_Total: 5\n"
		 "HugePages_Free: 3\n");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	root = fake_cgroup(f, "");
	fake_put(f, "cg/porto/a/memory.stat",
		 "shmem 4096\nfile_writeback 512\nunevictable 8192\npgfault 100\npgmajfault 30\n"
		 "pgsteal 7\n");
	fake_put(f, "cg/porto/a/cpu.stat", "usage_usec 5\nnr_throttled 1\nthrottled_usec 12\n");
	fake_put(f, "cg/porto/a/hugetlb.2MB.current", "4194304\n");
	check_stat(f, &a, CGROUP_STAT_SHMEM_USAGE, 4096);
	check_stat(f, &a, CGROUP_STAT_MLOCK_USAGE, 8192);
	check_stat(f, &a, CGROUP_STAT_MEMORY_RECLAIMED, 7 * page());
	check_stat(f, &a, CGROUP_STAT_MINOR_FAULTS, 70);
	check_stat(f, &a, CGROUP_STAT_MAJOR_FAULTS, 30);
	check_stat(f, &a, CGROUP_STAT_WRITEBACK, 512);
	check_stat(f, &a, CGROUP_STAT_CPU_THROTTLED, 12000);
	check_stat(f, &a, CGROUP_STAT_HUGETLB_USAGE, 4 << 20);
	check_stat(f, &root, CGROUP_STAT_MINOR_FAULTS, 30);
	check_stat(f, &root, CGROUP_STAT_MEMORY_RECLAIMED, 3 * page());
	check_stat(f, &root, CGROUP_STAT_SHMEM_USAGE, 2048);
	check_stat(f, &root, CGROUP_STAT_HUGETLB_USAGE, 4 << 20);
	check_stat(f, &root, CGROUP_STAT_CPU_THROTTLED, 0);
}

static const struct cgroup_disk *find_disk(const struct cgroup_disks *d, unsigned major,
					   unsigned minor)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].major == major && d->v[i].minor == minor)
			return &d->v[i];
	return NULL;
}

static void traffic_of_v1(void **state)
{
	_cleanup_(cgroup_disks_deinit) struct cgroup_disks d = { 0 };
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a;

	fake_v1_separate(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	fake_put(f, "cg/blkio/porto%a/blkio.throttle.io_service_bytes",
		 "8:0 Read 100\n8:0 Write 200\n8:0 Sync 300\n8:0 Discard 7\n8:0 Total 307\n"
		 "8:16 Read 0\n8:16 Write 0\n253:1 Read 5\nTotal 312\n");
	assert_int_equal(cgroup_get_io(f->host, &a, CGROUP_IO_BYTES, &d, &err), 0);
	assert_int_equal(d.n, 2); /* 8:16 had no traffic */
	assert_int_equal(find_disk(&d, 8, 0)->read, 100);
	assert_int_equal(find_disk(&d, 8, 0)->write, 200);
	assert_int_equal(find_disk(&d, 253, 1)->read, 5);
	cgroup_disks_deinit(&d);
	/* the recursive file wins */
	fake_put(f, "cg/blkio/porto%a/blkio.throttle.io_service_bytes_recursive", "8:0 Read 9\n");
	assert_int_equal(cgroup_get_io(f->host, &a, CGROUP_IO_BYTES, &d, &err), 0);
	assert_int_equal(find_disk(&d, 8, 0)->read, 9);
	cgroup_disks_deinit(&d);
	/* nobody counts the time */
	assert_int_equal(cgroup_get_io(f->host, &a, CGROUP_IO_TIME, &d, &err), 0);
	assert_int_equal(d.n, 0);
}

static void traffic_of_v2(void **state)
{
	_cleanup_(cgroup_disks_deinit) struct cgroup_disks d = { 0 };
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a;

	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	fake_put(f, "cg/porto/a/io.stat",
		 "8:16\n8:0 rbytes=100 wbytes=200 rios=3 wios=4 dbytes=9 dios=1 cost.usage=11\n");
	assert_int_equal(cgroup_get_io(f->host, &a, CGROUP_IO_BYTES, &d, &err), 0);
	assert_int_equal(d.n, 2);
	assert_int_equal(find_disk(&d, 8, 0)->read, 100);
	assert_int_equal(find_disk(&d, 8, 0)->write, 200);
	assert_int_equal(find_disk(&d, 8, 16)->read, 0);
	cgroup_disks_deinit(&d);
	assert_int_equal(cgroup_get_io(f->host, &a, CGROUP_IO_OPS, &d, &err), 0);
	assert_int_equal(find_disk(&d, 8, 0)->read, 3);
	assert_int_equal(find_disk(&d, 8, 0)->write, 4);
	cgroup_disks_deinit(&d);
	assert_int_equal(cgroup_get_io(f->host, &a, CGROUP_IO_TIME, &d, &err), 0);
	assert_int_equal(find_disk(&d, 8, 0)->read, 11000);
}

static void traffic_of_the_host(void **state)
{
	_cleanup_(cgroup_disks_deinit) struct cgroup_disks d = { 0 };
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup root;

	fake_v1_separate(f);
	fake_put(f, "proc/diskstats",
		 " 4000       0 sdx 10 0 20 30 40 0 50 60 0 0 0\n"
		 " 4000       1 sdy 0 0 0 0 0 0 0 0 0 0 0\n");
	fake_probe_ok(f, "porto");
	root = fake_cgroup(f, "");
	assert_int_equal(cgroup_get_io(f->host, &root, CGROUP_IO_BYTES, &d, &err), 0);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.v[0].read, 20 * 512);
	assert_int_equal(d.v[0].write, 50 * 512);
	cgroup_disks_deinit(&d);
	assert_int_equal(cgroup_get_io(f->host, &root, CGROUP_IO_OPS, &d, &err), 0);
	assert_int_equal(d.v[0].read, 10);
	assert_int_equal(d.v[0].write, 40);
	cgroup_disks_deinit(&d);
	assert_int_equal(cgroup_get_io(f->host, &root, CGROUP_IO_TIME, &d, &err), 0);
	assert_int_equal(d.v[0].read, 90000000);
}

static void pressure(void **state)
{
	static const char text[] = "some avg10=1.50 avg60=0.00 avg300=0.00 total=123\n"
				   "full avg10=0.00 avg60=0.00 avg300=0.00 total=45\n";
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	char buf[256], value[32];
	struct cgroup a, root;

	fake_hybrid(f);
	fake_put(f, "cg/unified/porto/memory.pressure", text);
	fake_put(f, "proc/pressure/memory", "some avg10=0.00 total=9\n");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	root = fake_cgroup(f, "");
	assert_true(cgroup_pressure_is_supported(f->host, CGROUP_PRESSURE_MEMORY));
	assert_false(cgroup_pressure_is_supported(f->host, CGROUP_PRESSURE_IO));
	fake_put(f, "cg/unified/porto/a/memory.pressure", text);
	assert_int_equal(cgroup_get_pressure(f->host, &a, CGROUP_PRESSURE_MEMORY, buf, sizeof(buf),
					     &err),
			 0);
	assert_string_equal(buf, text);
	assert_int_equal(cgroup_get_pressure(f->host, &root, CGROUP_PRESSURE_MEMORY, buf,
					     sizeof(buf), &err),
			 0);
	assert_string_equal(buf, "some avg10=0.00 total=9\n");
	assert_int_equal(
		cgroup_get_pressure(f->host, &a, CGROUP_PRESSURE_IO, buf, sizeof(buf), &err), -1);
	assert_int_equal(err.code, ERR_NOT_SUPPORTED);

	assert_int_equal(cgroup_stat_pressure(text, "some", "total", value, sizeof(value)), 0);
	assert_string_equal(value, "123");
	assert_int_equal(cgroup_stat_pressure(text, "full", "total", value, sizeof(value)), 0);
	assert_string_equal(value, "45");
	assert_int_equal(cgroup_stat_pressure(text, "some", "avg10", value, sizeof(value)), 0);
	assert_string_equal(value, "1.50");
	assert_int_equal(cgroup_stat_pressure(text, "none", "total", value, sizeof(value)),
			 -ENOENT);
	assert_int_equal(cgroup_stat_pressure(text, "some", "avg", value, sizeof(value)), -ENOENT);
	assert_int_equal(cgroup_stat_pressure("", "some", "total", value, sizeof(value)), -ENOENT);
	assert_int_equal(cgroup_stat_pressure(text, "some", "total", value, 3), -EINVAL);
}

static void processors_of_a_group(void **state)
{
	struct fake *f = *state;
	auto_free char *text = NULL;
	struct cpumask m;
	struct cgroup a;

	fake_v1_separate(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	assert_int_equal(cgroup_get_cpus(f->host, &a, &m), -1);
	fake_put(f, "cg/cpuset/porto%a/cpuset.cpus", "0-2,5\n");
	assert_int_equal(cgroup_get_cpus(f->host, &a, &m), 0);
	text = cpumask_format(&m);
	assert_string_equal(text, "0-2,5");
}

/* ---- sets and topology ---- */

static void masks(void **state)
{
	static const struct {
		const char *in, *out;
	} good[] = { { "", "" },         { "0", "0" },         { "0-3,8\n", "0-3,8" },
		     { "3,2,1", "1-3" }, { "63-64", "63-64" }, { "8191", "8191" } };
	static const char *const bad[] = { ",", "1,", "1-", "-1", "3-1", "a", "1 2", "1,,2", " 1" };
	struct cpumask m = { 0 }, n = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		auto_free char *text = NULL;

		assert_int_equal(cpumask_parse(&m, good[i].in), 0);
		text = cpumask_format(&m);
		assert_string_equal(text, good[i].out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cpumask_parse(&m, bad[i]), -EINVAL);
	assert_int_equal(cpumask_parse(&m, "8192"), -ERANGE);
	assert_int_equal(cpumask_parse(&m, "99999999999999999999"), -ERANGE);
	assert_int_equal(cpumask_parse(&m, "1-3,70"), 0);
	assert_int_equal(cpumask_count(&m), 4);
	assert_int_equal(cpumask_next(&m, 4), 70);
	assert_int_equal(cpumask_next(&m, 71), CPUMASK_BITS);
	assert_int_equal(cpumask_parse(&n, "2,70"), 0);
	assert_true(cpumask_subset(&n, &m));
	assert_false(cpumask_subset(&m, &n));
	cpumask_and(&m, &n);
	assert_true(cpumask_eq(&m, &n));
	cpumask_add(&m, 5);
	cpumask_or(&n, &m);
	assert_int_equal(cpumask_count(&n), 3);
	cpumask_del(&n, 2);
	assert_false(cpumask_has(&n, 2));
	assert_false(cpumask_has(&n, CPUMASK_BITS));
}

static void topology(void **state)
{
	struct fake *f = *state;
	auto_free char *root = xasprintf("%s/sys", f->dir);
	struct error err = ERROR_INIT;
	struct topology t;

	assert_int_equal(topology_read(root, &t, &err), -1);
	fake_put(f, "sys/cpu/online", "0-3,5\n");
	assert_int_equal(topology_read(root, &t, &err), 0);
	assert_int_equal(t.nnodes, 1);
	assert_int_equal(cpumask_count(&t.nodes[0]), 5);
	assert_int_equal(cpumask_count(&t.firsts), 5);
	topology_deinit(&t);

	/* two nodes, two threads a core, one core half offline */
	fake_put(f, "sys/node/online", "0-1\n");
	fake_put(f, "sys/node/node0/cpulist", "0,2,4\n");
	fake_put(f, "sys/node/node1/cpulist", "1,3,5\n");
	fake_put(f, "sys/cpu/cpu0/topology/thread_siblings_list", "0,2\n");
	fake_put(f, "sys/cpu/cpu2/topology/thread_siblings_list", "0,2\n");
	fake_put(f, "sys/cpu/cpu1/topology/thread_siblings_list", "1,3\n");
	fake_put(f, "sys/cpu/cpu3/topology/thread_siblings_list", "1,3\n");
	fake_put(f, "sys/cpu/cpu5/topology/thread_siblings_list", "4-5\n");
	assert_int_equal(topology_read(root, &t, &err), 0);
	assert_int_equal(t.nnodes, 2);
	assert_int_equal(cpumask_count(&t.nodes[0]), 2);
	assert_int_equal(topology_node_of(&t, 3), 1);
	assert_true(topology_are_siblings(&t, 1, 3));
	assert_false(topology_are_siblings(&t, 0, 1));
	assert_int_equal(cpumask_count(&t.firsts), 3);
	assert_true(cpumask_has(&t.firsts, 5));
	topology_deinit(&t);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		T(knobs_of_separate_v1),
		T(knobs_of_comounted_v1),
		T(io_weight_goes_to_the_files_that_are_there),
		T(knobs_of_v2),
		T(recursive_protection),
		T(io_limits_of_v1),
		T(io_limits_of_v2),
		T(keys_of_disks),
		T(statistics_of_v1),
		T(statistics_of_v2),
		T(traffic_of_v1),
		T(traffic_of_v2),
		T(traffic_of_the_host),
		T(pressure),
		T(processors_of_a_group),
		T(masks),
		T(topology),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
