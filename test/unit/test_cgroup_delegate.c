/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that a container rules itself, on each layout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake_cgroup.h"

#define BIT(name) CGROUP_BIT(CGROUP_##name)

static void create(struct fake *f, const struct cgroup *cg)
{
	struct error err = ERROR_INIT;
	char msg[ERROR_MESSAGE_MAX];

	if (cgroup_create(f->host, cg, &err) < 0 ||
	    cgroup_delegate(f->host, cg, getuid(), getgid(), &err) < 0)
		fail_msg("%s", error_message(&err, msg, sizeof(msg)));
}

/* "name[options]rw{links}" of each, joined by blanks. */
static void check_views(struct fake *f, const struct cgroup *cg, uint32_t mask, const char *want)
{
	struct cgroup_view *v;
	auto_buf b = BUF_INIT;
	size_t n;

	cgroup_views(f->host, cg, mask, &v, &n);
	for (size_t i = 0; i < n; i++) {
		auto_free char *links = strv_join(&v[i].links, ' ');

		buf_addf(&b, "%s%s[%s]%s", i ? " " : "", v[i].name,
			 v[i].options ? v[i].options : "", v[i].writable ? "rw" : "ro");
		if (v[i].links.n)
			buf_addf(&b, "{%s}", links);
	}
	cgroup_views_free(v, n);
	assert_string_equal(buf_str(&b), want);
}

static void test_separate(void **state)
{
	struct fake *f = *state;
	struct cgroup a, ab;

	fake_v1_separate(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	check_views(f, &a, ~0u,
		    "freezer[freezer]ro cpu[cpu]ro cpuacct[cpuacct]ro cpuset[cpuset]ro "
		    "memory[memory]ro devices[devices]ro blkio[blkio]ro pids[pids]ro");
	a.delegated = CGROUP_DELEGABLE;
	check_views(f, &a, ~0u,
		    "freezer[freezer]rw cpu[cpu]rw cpuacct[cpuacct]rw cpuset[cpuset]ro "
		    "memory[memory]rw devices[devices]rw blkio[blkio]ro pids[pids]rw");
	check_views(f, &a, BIT(SYSTEMD), "");
	/* only what it owns: a group of the parent is not for its child */
	ab = fake_cgroup(f, "a/b");
	ab.delegated = CGROUP_DELEGABLE;
	check_views(f, &ab, ~0u, "freezer[freezer]rw cpuacct[cpuacct]rw");
	ab.owned[2] |= BIT(SYSTEMD);
	check_views(f, &ab, BIT(SYSTEMD), "systemd[name=systemd]rw");
}

static void test_comounted(void **state)
{
	struct fake *f = *state;
	struct cgroup a;

	fake_v1_comounted(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	a.owned[1] |= BIT(NET_CLS);
	a.delegated = CGROUP_DELEGABLE;
	/* blkio is not given, so neither is memory with it */
	check_views(f, &a, ~0u,
		    "freezer[freezer]rw memory,blkio[memory,blkio]ro{memory blkio} "
		    "cpu,cpuacct[cpu,cpuacct]rw{cpu cpuacct} "
		    "net_cls,net_prio[net_cls,net_prio]ro{net_cls net_prio}");
	a.delegated |= BIT(NET_CLS);
	check_views(f, &a, BIT(NET_CLS), "net_cls,net_prio[net_cls,net_prio]rw{net_cls net_prio}");
}

static void test_hybrid(void **state)
{
	struct fake *f = *state;
	struct cgroup a;

	fake_hybrid(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	a.delegated = BIT(CGROUP2);
	check_views(f, &a, BIT(FREEZER) | BIT(CGROUP2), "freezer[freezer]ro unified[]rw");
	/* alone, it takes the place of the directory */
	check_views(f, &a, BIT(CGROUP2), "[]rw");
}

static void test_unified(void **state)
{
	struct fake *f = *state;
	struct cgroup a;

	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	check_views(f, &a, ~0u, "[]ro");
	a.delegated = CGROUP_DELEGABLE;
	check_views(f, &a, ~0u, "[]rw");
}

static void test_leaves(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a;

	fake_hybrid(f);
	fake_put(f, "cg/cpuset/cpuset.cpus", "0\n");
	fake_put(f, "cg/cpuset/cpuset.mems", "0\n");
	fake_probe_ok(f, "porto");
	fake_put(f, "cg/cpuset/porto%a/cpuset.cpus", "");
	fake_put(f, "cg/cpuset/porto%a/cpuset.mems", "");
	fake_put(f, "cg/cpuset/porto%a/cgroup.clone_children", "");
	a = fake_cgroup(f, "a");
	create(f, &a);
	assert_false(fake_exists(f, "cg/freezer/porto/a/%leaf"));
	a.delegated = CGROUP_DELEGABLE;
	create(f, &a);
	assert_true(fake_exists(f, "cg/freezer/porto/a/%leaf"));
	assert_true(fake_exists(f, "cg/unified/porto/a/%leaf"));
	assert_true(fake_exists(f, "cg/memory/porto%a/%leaf"));
	assert_false(fake_exists(f, "cg/blkio/porto%a/%leaf"));
	assert_false(fake_exists(f, "cg/cpuset/porto%a/%leaf"));
	/* another run finds nothing of the last one */
	fake_mkdir(f, "cg/memory/porto%a/%leaf/x/y");
	assert_int_equal(cgroup_delegate(f->host, &a, getuid(), getgid(), &err), 0);
	assert_true(fake_exists(f, "cg/memory/porto%a/%leaf"));
	assert_false(fake_exists(f, "cg/memory/porto%a/%leaf/x"));
}

static void test_processes_go_to_the_leaf(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a;
	pid_t *pids;
	size_t n;

	fake_mount(f, "freezer", "freezer");
	fake_mount(f, "blkio", "blkio");
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	a.delegated = CGROUP_DELEGABLE;
	create(f, &a);
	fake_put(f, "cg/freezer/porto/a/%leaf/tasks", "");
	fake_put(f, "cg/blkio/porto%a/tasks", "");
	assert_int_equal(cgroup_attach_self(f->host, &a, false, &err), 0);
	fake_assert(f, "cg/freezer/porto/a/%leaf/tasks", "0");
	fake_assert(f, "cg/blkio/porto%a/tasks", "0");
	/* those of a group and of its leaf are the container's, a child's are not */
	fake_put(f, "cg/freezer/porto/a/cgroup.procs", "11\n");
	fake_put(f, "cg/freezer/porto/a/%leaf/cgroup.procs", "12\n");
	fake_put(f, "cg/freezer/porto/a/%leaf/x/cgroup.procs", "13\n");
	fake_put(f, "cg/freezer/porto/a/b/cgroup.procs", "14\n");
	assert_int_equal(cgroup_pids(f->host, &a, false, &pids, &n, &err), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pids[i], 11 + i);
	free(pids);
}

static void test_kills_in_the_leaf_count(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct cgroup a;
	uint64_t v;

	fake_v1_separate(f);
	fake_probe_ok(f, "porto");
	a = fake_cgroup(f, "a");
	fake_put(f, "cg/memory/porto%a/memory.oom_control", "under_oom 0\noom_kill 2\n");
	assert_int_equal(cgroup_get(f->host, &a, CGROUP_STAT_OOM_KILLS, &v, &err), 0);
	assert_int_equal(v, 2);
	fake_put(f, "cg/memory/porto%a/%leaf/memory.oom_control", "under_oom 0\noom_kill 3\n");
	assert_int_equal(cgroup_get(f->host, &a, CGROUP_STAT_OOM_KILLS, &v, &err), 0);
	assert_int_equal(v, 5);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_separate),
		TEST(test_comounted),
		TEST(test_hybrid),
		TEST(test_unified),
		TEST(test_leaves),
		TEST(test_processes_go_to_the_leaf),
		TEST(test_kills_in_the_leaf_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
