/* SPDX-License-Identifier: Apache-2.0 */
/* Life of groups, knobs and statistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "fake_cgroup.h"
#include "kernel/cgroup_event.h"
#include "kernel/cgroup_knob.h"
#include "kernel/device.h"

#define BIT(name) CGROUP_BIT(CGROUP_##name)

static void assert_set(struct fake *f, const struct cgroup *cg, enum cgroup_knob knob,
		       uint64_t value, uint64_t arg2)
{
	struct cgroup_setting s = { .knob = knob, .value = value, .arg2 = arg2 };
	struct error err = ERROR_INIT;
	char msg[ERROR_MESSAGE_MAX];

	if (cgroup_set(f->host, cg, &s, &err) < 0)
		fail_msg("%s", error_message(&err, msg, sizeof(msg)));
}

static int set_code(struct fake *f, const struct cgroup *cg, enum cgroup_knob knob, uint64_t value)
{
	struct cgroup_setting s = { .knob = knob, .value = value };
	struct error err = ERROR_INIT;

	return cgroup_set(f->host, cg, &s, &err) < 0 ? err.code : 0;
}

/* Set and look at one file, which is emptied before. */
static void check_knob(struct fake *f, const struct cgroup *cg, enum cgroup_knob knob,
		       uint64_t value, uint64_t arg2, const char *file, const char *want)
{
	fake_put(f, file, "");
	assert_set(f, cg, knob, value, arg2);
	fake_assert(f, file, want);
}

#define MS 1000000ULL

static void test_knobs_v1(void **state)
{
	struct fake *f = *state;
	struct cgroup cg;

	fake_v1_separate(f);
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a");
#define QUOTA  "cg/cpu/porto%a/cpu.cfs_quota_us"
#define PERIOD "cg/cpu/porto%a/cpu.cfs_period_us"
	fake_put(f, QUOTA, "");
	check_knob(f, &cg, CGROUP_KNOB_CPU_LIMIT, 150 * MS, 100 * MS, PERIOD, "100000");
	fake_assert(f, QUOTA, "150000");
	fake_put(f, PERIOD, "");
	check_knob(f, &cg, CGROUP_KNOB_CPU_LIMIT, 1, 100 * MS, QUOTA, "1000");
	fake_put(f, PERIOD, "");
	check_knob(f, &cg, CGROUP_KNOB_CPU_LIMIT, 0, 50 * MS, QUOTA, "-1");
	fake_assert(f, PERIOD, "50000");
	check_knob(f, &cg, CGROUP_KNOB_CPU_WEIGHT, 1000, 0, "cg/cpu/porto%a/cpu.shares", "1024");
	check_knob(f, &cg, CGROUP_KNOB_CPU_WEIGHT, 1, 0, "cg/cpu/porto%a/cpu.shares", "2");
	check_knob(f, &cg, CGROUP_KNOB_CPU_WEIGHT, 500, 0, "cg/cpu/porto%a/cpu.shares", "512");
	check_knob(f, &cg, CGROUP_KNOB_CPU_WEIGHT, UINT64_MAX, 0, "cg/cpu/porto%a/cpu.shares",
		   "262144");
	check_knob(f, &cg, CGROUP_KNOB_THREAD_LIMIT, 10000, 0, "cg/pids/porto%a/pids.max", "10000");
	check_knob(f, &cg, CGROUP_KNOB_THREAD_LIMIT, 0, 0, "cg/pids/porto%a/pids.max", "max");
	check_knob(f, &cg, CGROUP_KNOB_THREAD_LIMIT, 1ULL << 40, 0, "cg/pids/porto%a/pids.max",
		   "max");
#define LIMIT "cg/memory/porto%a/memory.limit_in_bytes"
#define MEMSW "cg/memory/porto%a/memory.memsw.limit_in_bytes"
	fake_put(f, MEMSW, "");
	check_knob(f, &cg, CGROUP_KNOB_MEMORY_LIMIT, 1 << 20, 0, LIMIT, "1048576");
	fake_assert(f, MEMSW, "1048576");
	fake_put(f, MEMSW, "");
	check_knob(f, &cg, CGROUP_KNOB_MEMORY_LIMIT, 0, 0, LIMIT, "-1");
	fake_assert(f, MEMSW, "-1");
}

static void test_memory_without_swap_accounting(void **state)
{
	struct fake *f = *state;
	struct cgroup cg;

	fake_mount(f, "freezer", "freezer");
	fake_mount(f, "memory", "memory");
	fake_put(f, "cg/memory/memory.limit_in_bytes", "");
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a");
	check_knob(f, &cg, CGROUP_KNOB_MEMORY_LIMIT, 4096, 0, LIMIT, "4096");
}

static void test_knobs_v2(void **state)
{
	struct fake *f = *state;
	struct cgroup cg;

	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a");
	check_knob(f, &cg, CGROUP_KNOB_CPU_LIMIT, 150 * MS, 100 * MS, "cg/porto/a/cpu.max",
		   "150000 100000");
	check_knob(f, &cg, CGROUP_KNOB_CPU_LIMIT, 1500, 100 * MS, "cg/porto/a/cpu.max",
		   "1000 100000");
	check_knob(f, &cg, CGROUP_KNOB_CPU_LIMIT, 0, 0, "cg/porto/a/cpu.max", "max 100000");
	check_knob(f, &cg, CGROUP_KNOB_CPU_WEIGHT, 1000, 0, "cg/porto/a/cpu.weight", "100");
	check_knob(f, &cg, CGROUP_KNOB_CPU_WEIGHT, 1, 0, "cg/porto/a/cpu.weight", "1");
	check_knob(f, &cg, CGROUP_KNOB_CPU_WEIGHT, UINT64_MAX, 0, "cg/porto/a/cpu.weight", "10000");
	check_knob(f, &cg, CGROUP_KNOB_THREAD_LIMIT, 7, 0, "cg/porto/a/pids.max", "7");

	fake_put(f, "cg/porto/a/memory.current", "1000\n");
	fake_put(f, "cg/porto/a/memory.high", "");
	fake_put(f, "cg/porto/a/memory.swap.max", "");
	check_knob(f, &cg, CGROUP_KNOB_MEMORY_LIMIT, 4096, 0, "cg/porto/a/memory.max", "4096");
	fake_assert(f, "cg/porto/a/memory.swap.max", "0");
	fake_assert(f, "cg/porto/a/memory.high", "max");
	fake_put(f, "cg/porto/a/memory.swap.max", "");
	check_knob(f, &cg, CGROUP_KNOB_MEMORY_LIMIT, 0, 0, "cg/porto/a/memory.max", "max");
	fake_assert(f, "cg/porto/a/memory.swap.max", "max");

	/* usage that does not go down: pressed, then given up, the limit untouched */
	fake_put(f, "cg/porto/a/memory.current", "5000\n");
	assert_int_equal(set_code(f, &cg, CGROUP_KNOB_MEMORY_LIMIT, 4096), ERR_BUSY);
	fake_assert(f, "cg/porto/a/memory.max", "max");
}

static void test_knob_needs_own_controller(void **state)
{
	struct fake *f = *state;
	struct cgroup cg;

	fake_v1_comounted(f);
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a/b");
	assert_int_equal(set_code(f, &cg, CGROUP_KNOB_MEMORY_LIMIT, 1), ERR_NOT_SUPPORTED);
	assert_int_equal(set_code(f, &cg, CGROUP_KNOB_THREAD_LIMIT, 1), ERR_NOT_SUPPORTED);
	assert_int_equal(set_code(f, &cg, CGROUP_KNOB_DEVICES, 1), ERR_NOT_SUPPORTED);
	cg = fake_cgroup(f, "");
	assert_int_equal(set_code(f, &cg, CGROUP_KNOB_MEMORY_LIMIT, 1), ERR_PERMISSION);
}

static void test_quota(void **state)
{
	static const struct {
		uint64_t value, period_ns, quota, period;
	} cases[] = {
		{ 100 * MS, 100 * MS, 100000, 100000 },
		{ 33333333, 100 * MS, 33334, 100000 },      /* up */
		{ MS, MS / 2, 2000, 1000 },                 /* period ≥ 1 ms, same share */
		{ 4000 * MS, 2000 * MS, 2000000, 1000000 }, /* ≤ 1 s */
		{ UINT64_MAX, 100 * MS, (1ULL << 44) - 1, 100000 },
		{ 50 * MS, 0, 50000, 100000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cgroup_setting s = { .value = cases[i].value, .arg2 = cases[i].period_ns };
		uint64_t quota, period;

		cgroup_cpu_quota(&s, &quota, &period);
		assert_true(quota == cases[i].quota);
		assert_true(period == cases[i].period);
	}
}

static void test_devices(void **state)
{
	struct fake *f = *state;
	struct cgroup_setting s = { .knob = CGROUP_KNOB_DEVICES, .text = "c 1:3 rwm\nc 5:2 rw\n" };
	struct error err = ERROR_INIT;
	struct cgroup cg;

	fake_v1_separate(f);
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a");
#define DEV "cg/devices/porto%a/devices."
	/* a new group at the top allows all */
	fake_put(f, DEV "list", "a *:* rwm\n");
	fake_put(f, DEV "deny", "");
	fake_put(f, DEV "allow", "");
	assert_int_equal(cgroup_set(f->host, &cg, &s, &err), 0);
	fake_assert(f, DEV "deny", "a");
	fake_assert(f, DEV "allow", "c 1:3 rwm\nc 5:2 rw\n");
	/* only the difference */
	fake_put(f, DEV "list", "c 1:3 rwm\nc 1:5 rwm\nc 5:2 rwm\n");
	fake_put(f, DEV "deny", "");
	fake_put(f, DEV "allow", "");
	assert_int_equal(cgroup_set(f->host, &cg, &s, &err), 0);
	fake_assert(f, DEV "deny", "c 1:5 rwm\nc 5:2 m\n");
	fake_assert(f, DEV "allow", "");
	/* nothing allowed, then everything */
	s.text = "";
	fake_put(f, DEV "list", "c 1:3 rw\n");
	fake_put(f, DEV "deny", "");
	assert_int_equal(cgroup_set(f->host, &cg, &s, &err), 0);
	fake_assert(f, DEV "deny", "c 1:3 rw\n");
	/* by rules, so that it can be taken back when there are groups below */
	s.text = "a *:* rwm\n";
	fake_put(f, DEV "deny", "");
	assert_int_equal(cgroup_set(f->host, &cg, &s, &err), 0);
	fake_assert(f, DEV "allow", "b *:* rwm\nc *:* rwm\n");
	fake_assert(f, DEV "deny", "c 1:3 rw\n");
	s.text = "rubbish";
	assert_int_equal(cgroup_set(f->host, &cg, &s, &err), -1);
	assert_int_equal(err.code, ERR_INVALID_VALUE);
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

static void put_host_facts(struct fake *f)
{
	fake_put(f, "proc/meminfo",
		 "MemTotal:  100 kB\nMemFree:  40 kB\nActive(file):  3 kB\nInactive(file):  4 kB\n"
		 "AnonPages:  5 kB\nShmem:  6 kB\n");
	fake_put(f, "proc/vmstat", "nr_free_pages 1\noom_kill 2\n");
	fake_put(f, "proc/loadavg", "0.20 0.18 0.12 1/80 11206\n");
	fake_mkdir(f, "proc/1");
	fake_mkdir(f, "proc/23");
}

static void test_stats_v1(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a, ab, root;
	uint64_t v;

	fake_v1_separate(f);
	put_host_facts(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	ab = fake_cgroup(f, "a/b");
	root = fake_cgroup(f, "");
	fake_put(f, "cg/memory/porto%a/memory.usage_in_bytes", "4096\n");
	fake_put(
		f, "cg/memory/porto%a/memory.stat",
		"inactive_anon 1000\ntotal_inactive_anon 1\ntotal_active_anon 2\n"
		"total_unevictable 4\ntotal_swap 8\ntotal_inactive_file 16\ntotal_active_file 32\n");
	fake_put(f, "cg/memory/porto%a/memory.oom_control",
		 "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
	fake_put(f, "cg/cpuacct/porto%a/cpuacct.usage", "123456789\n");
	fake_put(f, "cg/cpuacct/porto%a/b/cpuacct.usage", "5\n");
	fake_put(f, "cg/cpuacct/porto%a/cpuacct.stat", "user 5\nsystem 7\n");
	fake_put(f, "cg/pids/porto%a/pids.current", "11\n");
	fake_put(f, "cg/freezer/porto/a/cgroup.procs", "100\n101\n");
	fake_put(f, "cg/freezer/porto/a/b/cgroup.procs", "102\n");
	fake_put(f, "cg/freezer/porto/a/b/tasks", "102\n103\n");

	check_stat(f, &a, CGROUP_STAT_MEMORY_USAGE, 4096);
	check_stat(f, &a, CGROUP_STAT_ANON_USAGE, 15);
	check_stat(f, &a, CGROUP_STAT_CACHE_USAGE, 48);
	check_stat(f, &a, CGROUP_STAT_OOM_KILLS, 3);
	check_stat(f, &a, CGROUP_STAT_CPU_USAGE, 123456789);
	check_stat(f, &a, CGROUP_STAT_CPU_USAGE_SYSTEM,
		   7 * (1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK)));
	check_stat(f, &a, CGROUP_STAT_PROCESS_COUNT, 3);
	check_stat(f, &a, CGROUP_STAT_THREAD_COUNT, 11);
	/* without an own group: the ancestor's numbers, but counts of one's own */
	check_stat(f, &ab, CGROUP_STAT_MEMORY_USAGE, 4096);
	check_stat(f, &ab, CGROUP_STAT_CPU_USAGE, 5);
	check_stat(f, &ab, CGROUP_STAT_PROCESS_COUNT, 1);
	check_stat(f, &ab, CGROUP_STAT_THREAD_COUNT, 2);

	fake_put(f, "cg/memory/memory.usage_in_bytes", "999\n");
	check_stat(f, &root, CGROUP_STAT_MEMORY_USAGE, 999);
	check_stat(f, &root, CGROUP_STAT_CPU_USAGE, 1000000);
	check_stat(f, &root, CGROUP_STAT_OOM_KILLS, 2);
	check_stat(f, &root, CGROUP_STAT_PROCESS_COUNT, 2);
	check_stat(f, &root, CGROUP_STAT_THREAD_COUNT, 80);

	fake_put(f, "cg/memory/porto%a/memory.usage_in_bytes", "garbage\n");
	assert_int_equal(cgroup_get(f->host, &a, CGROUP_STAT_MEMORY_USAGE, &v, &err), -1);
}

static void test_stats_v2(void **state)
{
	struct fake *f = *state;
	struct cgroup a, root;

	fake_v2(f, "porto");
	put_host_facts(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	root = fake_cgroup(f, "");
	fake_put(f, "cg/porto/a/memory.current", "4096\n");
	fake_put(f, "cg/porto/a/memory.stat",
		 "anon 1\nfile 100\nshmem 2\ninactive_file 4\nactive_file 8\n");
	fake_put(f, "cg/porto/a/cpu.stat", "usage_usec 9\nuser_usec 5\nsystem_usec 4\n");
	fake_put(f, "cg/porto/a/memory.events", "oom_kill 100\n");
	fake_put(f, "cg/porto/a/%leaf/memory.events", "low 0\noom 5\noom_kill 3\n");
	fake_put(f, "cg/porto/a/pids.current", "6\n");
	fake_put(f, "cg/porto/a/%leaf/cgroup.procs", "100\n101\n");
	fake_put(f, "cg/porto/a/b/%leaf/cgroup.procs", "102\n");
	check_stat(f, &a, CGROUP_STAT_MEMORY_USAGE, 4096);
	check_stat(f, &a, CGROUP_STAT_ANON_USAGE, 3);
	check_stat(f, &a, CGROUP_STAT_CACHE_USAGE, 12);
	check_stat(f, &a, CGROUP_STAT_CPU_USAGE, 9000);
	check_stat(f, &a, CGROUP_STAT_CPU_USAGE_SYSTEM, 4000);
	check_stat(f, &a, CGROUP_STAT_OOM_KILLS, 3);
	check_stat(f, &a, CGROUP_STAT_PROCESS_COUNT, 3);
	check_stat(f, &a, CGROUP_STAT_THREAD_COUNT, 6);

	fake_put(f, "cg/cpu.stat", "usage_usec 1000\n");
	check_stat(f, &root, CGROUP_STAT_CPU_USAGE, 1000000);
	check_stat(f, &root, CGROUP_STAT_MEMORY_USAGE, 60 * 1024);
	check_stat(f, &root, CGROUP_STAT_ANON_USAGE, 11 * 1024);
	check_stat(f, &root, CGROUP_STAT_CACHE_USAGE, 7 * 1024);
}

static void test_stats_missing(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a;
	uint64_t v;

	fake_mount(f, "freezer", "freezer");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	assert_int_equal(cgroup_get(f->host, &a, CGROUP_STAT_MEMORY_USAGE, &v, &err), -1);
	assert_int_equal(err.code, ERR_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "memory"));
	fake_put(f, "cg/freezer/porto/a/tasks", "5\n6\n");
	check_stat(f, &a, CGROUP_STAT_THREAD_COUNT, 2);
}

/* ---- life ---- */

static void test_create_and_remove_v1(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a, ab;

	fake_v1_comounted(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	ab = fake_cgroup(f, "a/b");
	assert_int_equal(cgroup_create(f->host, &ab, &err), -1); /* no parent */
	assert_false(cgroup_exists(f->host, &a));
	assert_int_equal(cgroup_create(f->host, &a, &err), 0);
	assert_int_equal(cgroup_create(f->host, &a, &err), 0);
	assert_int_equal(cgroup_create(f->host, &ab, &err), 0);
	assert_true(cgroup_exists(f->host, &a));
	assert_true(fake_exists(f, "cg/freezer/porto/a/b"));
	assert_true(fake_exists(f, "cg/cpu,cpuacct/porto%a"));
	assert_true(fake_exists(f, "cg/memory,blkio/porto%a"));
	assert_false(fake_exists(f, "cg/memory,blkio/porto%a/b"));
	assert_false(fake_exists(f, "cg/net_cls,net_prio/porto%a"));
	assert_false(fake_exists(f, "cg/systemd/porto%a"));
	assert_int_equal(cgroup_host_remove_base(f->host, &err), -1);

	fake_mkdir(f, "cg/freezer/porto/a/own/x");
	fake_mkdir(f, "cg/memory,blkio/porto%a/own/x");
	assert_int_equal(cgroup_remove(f->host, &ab, &err), 0);
	assert_int_equal(cgroup_remove(f->host, &ab, &err), 0);
	assert_int_equal(cgroup_remove(f->host, &a, &err), 0);
	assert_false(cgroup_exists(f->host, &a));
	assert_false(fake_exists(f, "cg/cpu,cpuacct/porto%a"));
	assert_false(fake_exists(f, "cg/memory,blkio/porto%a"));
	assert_int_equal(cgroup_host_remove_base(f->host, &err), 0);
	assert_false(fake_exists(f, "cg/freezer/porto"));
}

/* A new cpuset group cannot be filled in a fake tree: what was made is taken back. */
static void test_create_undoes(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a;

	fake_hybrid(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	fake_mkdir(f, "cg/cpu/porto%a");
	assert_int_equal(cgroup_create(f->host, &a, &err), -1);
	assert_false(fake_exists(f, "cg/cpuset/porto%a"));
	assert_false(fake_exists(f, "cg/memory/porto%a"));
	assert_false(fake_exists(f, "cg/freezer/porto/a"));
	assert_false(fake_exists(f, "cg/unified/porto/a"));
	/* but not what was there */
	assert_true(fake_exists(f, "cg/cpu/porto%a"));
}

static void test_create_v2(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a;

	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	fake_put(f, "cg/porto/a/cgroup.subtree_control", "");
	assert_int_equal(cgroup_create(f->host, &a, &err), 0);
	assert_true(fake_exists(f, "cg/porto/a/%leaf"));
	fake_assert(f, "cg/porto/a/cgroup.subtree_control",
		    "+cpu +cpuset +memory +io +pids +hugetlb");
}

/* Who never has children needs no leaf. */
static void test_childless_v2(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a;
	pid_t *pids = NULL;
	size_t n = 0;
	int fd;

	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	a.childless = true;
	fake_put(f, "cg/porto/a/cgroup.subtree_control", "");
	fake_put(f, "cg/porto/a/cgroup.procs", "100\n");
	fake_put(f, "cg/porto/a/cgroup.threads", "100\n101\n");
	fake_put(f, "cg/porto/a/memory.events", "oom_kill 4\n");
	assert_int_equal(cgroup_create(f->host, &a, &err), 0);
	assert_false(fake_exists(f, "cg/porto/a/%leaf"));
	fake_assert(f, "cg/porto/a/cgroup.subtree_control", "");
	fd = cgroup_clone_fd(f->host, &a);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(cgroup_pids(f->host, &a, false, &pids, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], 100);
	free(pids);
	check_stat(f, &a, CGROUP_STAT_OOM_KILLS, 4);
	/* who rules groups has one all the same */
	a.delegated = BIT(CGROUP2);
	assert_int_equal(cgroup_create(f->host, &a, &err), 0);
	assert_true(fake_exists(f, "cg/porto/a/%leaf"));
}

static void test_remove_v2(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a;

	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	assert_int_equal(cgroup_create(f->host, &a, &err), 0);
	fake_mkdir(f, "cg/porto/a/%leaf/nested/deep");
	assert_int_equal(cgroup_remove(f->host, &a, &err), 0);
	assert_false(fake_exists(f, "cg/porto/a"));
	/* what cannot be removed is an error after the time-out */
	fake_put(f, "cg/porto/a/%leaf/stuck", "");
	assert_int_equal(cgroup_remove(f->host, &a, &err), -1);
	a = fake_cgroup(f, "");
	assert_int_equal(cgroup_remove(f->host, &a, &err), -1);
	assert_int_equal(err.code, ERR_PERMISSION);
}

static void test_purge(void **state)
{
	static const char *const mine[] = { "cg/memory/porto%a/b%c/own", "cg/cpu/porto%a%b/c",
					    "cg/pids/porto%a%b%c",       "cg/freezer/porto/a/b/c/x",
					    "cg/systemd/porto%a%b%c",    "cg/blkio/porto%a/b/c",
					    "cg/unified/porto/a/b/c" };
	static const char *const others[] = { "cg/memory/porto%a/b%cc", "cg/memory/porto%a%bb",
					      "cg/memory/portoa",       "cg/memory/porto%a/c",
					      "cg/pids/porto%a%b",      "cg/freezer/porto/a/b" };
	struct fake *f = *state;
	struct error err = ERROR_INIT;

	fake_hybrid(f);
	fake_probe_ok(f, "porto");
	for (size_t i = 0; i < ARRAY_SIZE(mine); i++)
		fake_mkdir(f, mine[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		fake_mkdir(f, others[i]);
	assert_int_equal(cgroup_purge(f->host, "a/b/c", &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(mine); i++)
		assert_false(fake_exists(f, mine[i]));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_true(fake_exists(f, others[i]));
	assert_int_equal(cgroup_purge(f->host, "", &err), -1);
	assert_int_equal(cgroup_purge(f->host, "%leaf", &err), -1);
}

static void test_attach(void **state)
{
	static const char *const v1[] = { "cg/freezer/porto/a/b", "cg/cpuacct/porto%a/b",
					  "cg/memory/porto%a",    "cg/cpu/porto%a",
					  "cg/cpuset/porto%a",    "cg/devices/porto%a",
					  "cg/blkio/porto%a",     "cg/pids/porto%a" };
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup ab;

	fake_hybrid(f);
	fake_probe_ok(f, "porto");
	ab = fake_cgroup(f, "a/b");
	for (size_t i = 0; i < ARRAY_SIZE(v1); i++) {
		auto_free char *procs = xasprintf("%s/cgroup.procs", v1[i]);
		auto_free char *tasks = xasprintf("%s/tasks", v1[i]);

		fake_put(f, procs, "");
		fake_put(f, tasks, "");
	}
	fake_put(f, "cg/unified/porto/a/b/cgroup.procs", "");
	fake_put(f, "proc/1234/cgroup", "2:freezer:/x\n0::/\n");
	assert_int_equal(cgroup_attach(f->host, &ab, 1234, false, &err), 0);
	fake_assert(f, "cg/unified/porto/a/b/cgroup.procs", "1234");
	assert_int_equal(cgroup_attach_self(f->host, &ab, true, &err), 0);
	fake_assert(f, "cg/unified/porto/a/b/cgroup.procs", "1234");
	for (size_t i = 0; i < ARRAY_SIZE(v1); i++) {
		auto_free char *procs = xasprintf("%s/cgroup.procs", v1[i]);
		auto_free char *tasks = xasprintf("%s/tasks", v1[i]);

		fake_assert(f, procs, "1234");
		fake_assert(f, tasks, "0");
	}
	fake_put(f, "cg/unified/porto/a/b/cgroup.procs", "");
	assert_int_equal(cgroup_attach_self(f->host, &ab, false, &err), 0);
	fake_assert(f, "cg/unified/porto/a/b/cgroup.procs", "0");
}

/* One group is missing: what was moved before goes back to where it was, each in its own tree. */
static void test_attach_undo(void **state)
{
	static const char *const names[] = { "freezer", "cpuacct", "memory", "cpu",
					     "cpuset",  "devices", "blkio",  "pids" };
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct buf member = BUF_INIT;
	struct cgroup a;

	fake_hybrid(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *sep = i == 0 ? "/" : "%";
		auto_free char *to = xasprintf("cg/%s/porto%sa/tasks", names[i], sep);
		auto_free char *from = xasprintf("cg/%s/old/%zu/tasks", names[i], i);

		buf_addf(&member, "%zu:%s:/old/%zu\n", i + 1, names[i], i);
		fake_put(f, from, "");
		if (strcmp(names[i], "devices") != 0)
			fake_put(f, to, "");
	}
	buf_adds(&member, "0::/\n");
	fake_put(f, "proc/77/cgroup", buf_str(&member));
	assert_int_equal(cgroup_attach(f->host, &a, 77, true, &err), -1);
	assert_non_null(strstr(err.text, "devices"));
	fake_assert(f, "cg/freezer/porto/a/tasks", "77");
	fake_assert(f, "cg/freezer/old/0/tasks", "77");
	fake_assert(f, "cg/memory/old/2/tasks", "77");
	fake_assert(f, "cg/devices/old/5/tasks", "");
	buf_deinit(&member);
}

static void test_attach_v2(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a;
	int fd;

	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	assert_int_equal(cgroup_clone_fd(f->host, &a), -1);
	fake_put(f, "cg/porto/a/%leaf/cgroup.procs", "");
	fake_put(f, "proc/5/cgroup", "0::/porto/%leaf\n");
	assert_int_equal(cgroup_attach(f->host, &a, 5, false, &err), 0);
	fake_assert(f, "cg/porto/a/%leaf/cgroup.procs", "5");
	assert_int_equal(cgroup_attach(f->host, &a, 6, false, &err), -1);
	assert_int_equal(err.code, ERR_INVALID_VALUE);
	error_clear(&err);
	assert_int_equal(cgroup_attach(f->host, &a, 5, true, &err), -1);
	assert_int_equal(err.code, ERR_NOT_SUPPORTED);
	fd = cgroup_clone_fd(f->host, &a);
	assert_true(fd >= 0);
	close(fd);
}

static pid_t spawn_sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

static void test_kill(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a, job;
	pid_t pid = spawn_sleeper(), *pids;
	char text[32];
	int status;
	size_t n;

	fake_v1_comounted(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	snprintf(text, sizeof(text), "%d\n0\n", (int)pid);
	fake_put(f, "cg/freezer/porto/a/cgroup.procs", "");
	fake_put(f, "cg/freezer/porto/a/b/cgroup.procs", text);
	fake_put(f, "cg/freezer/porto/a/freezer.self_freezing", "0\n");

	assert_false(cgroup_is_populated(f->host, &a, false));
	assert_true(cgroup_is_populated(f->host, &a, true));
	assert_int_equal(cgroup_pids(f->host, &a, true, &pids, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], pid);
	free(pids);
	assert_int_equal(cgroup_wait_empty(f->host, &a, false, 10, &err), 0);
	assert_int_equal(cgroup_wait_empty(f->host, &a, true, 10, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_int_equal(cgroup_kill(f->host, &a, SIGKILL, false, &err), 0);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(cgroup_kill(f->host, &a, SIGTERM, true, &err), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), SIGTERM);
	/* a job's group is its parent's */
	job = fake_cgroup(f, "a/j");
	job.owned[2] = 0;
	assert_int_equal(cgroup_kill(f->host, &job, SIGKILL, true, &err), -1);
	assert_int_equal(err.code, ERR_NOT_SUPPORTED);
	assert_int_equal(cgroup_freeze(f->host, &job, &err), -1);
	a = fake_cgroup(f, "");
	assert_int_equal(cgroup_kill(f->host, &a, SIGKILL, true, &err), -1);
	assert_int_equal(err.code, ERR_PERMISSION);
}

static void test_freeze_v1(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a;

	fake_v1_comounted(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
#define FRZ "cg/freezer/porto/a/freezer."
	fake_put(f, FRZ "state", "");
	fake_put(f, FRZ "self_freezing", "1\n");
	fake_put(f, FRZ "parent_freezing", "0\n");
	assert_int_equal(cgroup_freeze(f->host, &a, &err), 0);
	fake_assert(f, FRZ "state", "FROZEN");
	assert_true(cgroup_is_frozen(f->host, &a));
	assert_true(cgroup_is_self_frozen(f->host, &a));
	fake_put(f, FRZ "parent_freezing", "1\n");
	assert_int_equal(cgroup_thaw(f->host, &a, &err), -1);
	assert_int_equal(err.code, ERR_INVALID_STATE);
	fake_assert(f, FRZ "state", "FROZEN");
	fake_put(f, FRZ "parent_freezing", "0\n");
	fake_put(f, FRZ "state", "");
	fake_put(f, "cg/freezer/porto/a/b/freezer.self_freezing", "1\n");
	fake_put(f, "cg/freezer/porto/a/b/freezer.state", "");
	assert_int_equal(cgroup_thaw(f->host, &a, &err), 0);
	fake_assert(f, FRZ "state", "THAWED");
	fake_assert(f, "cg/freezer/porto/a/b/freezer.state", "THAWED");
}

static void test_freeze_v2(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a, ab;

	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	ab = fake_cgroup(f, "a/b");
	fake_put(f, "cg/porto/a/cgroup.freeze", "");
	fake_put(f, "cg/porto/a/cgroup.events", "populated 1\nfrozen 1\n");
	assert_int_equal(cgroup_freeze(f->host, &a, &err), 0);
	assert_true(cgroup_is_self_frozen(f->host, &a));
	fake_put(f, "cg/porto/a/b/cgroup.freeze", "0\n");
	assert_true(cgroup_is_frozen(f->host, &ab));
	assert_false(cgroup_is_self_frozen(f->host, &ab));
	assert_int_equal(cgroup_thaw(f->host, &ab, &err), -1);
	assert_int_equal(err.code, ERR_INVALID_STATE);
	/* does not get frozen: undone after the time-out */
	fake_put(f, "cg/porto/a/cgroup.freeze", "");
	fake_put(f, "cg/porto/a/cgroup.events", "populated 1\nfrozen 0\n");
	assert_int_equal(cgroup_freeze(f->host, &a, &err), -1);
	fake_assert(f, "cg/porto/a/cgroup.freeze", "0");
	/* a kernel without it */
	fake_mkdir(f, "cg/porto/c");
	a = fake_cgroup(f, "c");
	assert_int_equal(cgroup_freeze(f->host, &a, &err), -1);
	assert_int_equal(err.code, ERR_NOT_SUPPORTED);
}

/* inotify works on ordinary files as it does on cgroupfs. */
static void test_events_v2(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup_events *ev;
	struct cgroup a;
	struct pollfd p = { .events = POLLIN };
	uint64_t id = 0;
	FILE *file;
	bool limit;
	auto_free char *path = xasprintf("%s/cg/porto/a/memory.events.local", f->dir);
	auto_free char *leaf = xasprintf("%s/cg/porto/a/%%leaf/memory.events.local", f->dir);

	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	assert_int_equal(cgroup_events_new(f->host, &ev, &err), 0);
	assert_int_equal(cgroup_events_add(ev, &a, 42, &err), -1);
	fake_put(f, "cg/porto/a/memory.events.local", "max 0\noom 1\n");
	fake_put(f, "cg/porto/a/%leaf/memory.events.local", "oom 0\noom_kill 3\n");
	assert_int_equal(cgroup_events_add(ev, &a, 42, &err), 0);
	p.fd = cgroup_events_fd(ev);
	assert_int_equal(poll(&p, 1, 0), 0);
	/* other counters are no events */
	file = fopen(path, "r+");
	assert_true(fputs("max 1\noom 1\n", file) >= 0 && fflush(file) == 0);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_false(cgroup_events_next(ev, &id, &limit));
	rewind(file);
	assert_true(fputs("max 1\noom 2\n", file) >= 0 && fclose(file) == 0);
	assert_true(cgroup_events_next(ev, &id, &limit));
	assert_int_equal(id, 42);
	assert_true(limit);
	assert_false(cgroup_events_next(ev, &id, &limit));
	/* who is killed is in the leaf; a limit above may be the reason */
	file = fopen(leaf, "r+");
	assert_true(fputs("oom 0\noom_kill 4\n", file) >= 0 && fclose(file) == 0);
	id = 0;
	assert_true(cgroup_events_next(ev, &id, &limit));
	assert_int_equal(id, 42);
	assert_false(limit);
	assert_false(cgroup_events_next(ev, &id, &limit));
	cgroup_events_del(ev, 42);
	cgroup_events_del(ev, 42);
	assert_int_equal(cgroup_events_add(ev, &a, 43, &err), 0);
	/* A file has one watch; the refusal does not spoil it. */
	assert_int_equal(cgroup_events_add(ev, &a, 44, &err), -1);
	assert_int_equal(err.sys, EEXIST);
	file = fopen(leaf, "r+");
	assert_true(fputs("oom 0\noom_kill 5\n", file) >= 0 && fclose(file) == 0);
	assert_true(cgroup_events_next(ev, &id, &limit));
	assert_int_equal(id, 43);
	cgroup_events_free(ev);
}

static void test_events_need_memory(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup_events *ev;
	struct cgroup ab;
	uint64_t id;
	bool limit;

	fake_v1_separate(f);
	fake_probe_ok(f, "porto");
	ab = fake_cgroup(f, "a/b");
	assert_int_equal(cgroup_events_new(f->host, &ev, &err), 0);
	assert_int_equal(cgroup_events_add(ev, &ab, 1, &err), -1);
	assert_int_equal(err.code, ERR_NOT_SUPPORTED);
	assert_false(cgroup_events_next(ev, &id, &limit));
	cgroup_events_free(ev);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_knobs_v1),
		TEST(test_memory_without_swap_accounting),
		TEST(test_knobs_v2),
		TEST(test_knob_needs_own_controller),
		cmocka_unit_test(test_quota),
		TEST(test_devices),
		TEST(test_stats_v1),
		TEST(test_stats_v2),
		TEST(test_stats_missing),
		TEST(test_create_and_remove_v1),
		TEST(test_create_undoes),
		TEST(test_create_v2),
		TEST(test_childless_v2),
		TEST(test_remove_v2),
		TEST(test_purge),
		TEST(test_attach),
		TEST(test_attach_undo),
		TEST(test_attach_v2),
		TEST(test_kill),
		TEST(test_freeze_v1),
		TEST(test_freeze_v2),
		TEST(test_events_v2),
		TEST(test_events_need_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
