/* SPDX-License-Identifier: Apache-2.0 */
/* Probing of layouts, paths, names of processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake_cgroup.h"

#define BIT(name) CGROUP_BIT(CGROUP_##name)

#define V1_ALL                                                                              \
	(BIT(FREEZER) | BIT(MEMORY) | BIT(CPU) | BIT(CPUACCT) | BIT(BLKIO) | BIT(DEVICES) | \
	 BIT(CPUSET) | BIT(PIDS) | BIT(SYSTEMD))

static void assert_described(struct fake *f, const char *word)
{
	auto_buf b = BUF_INIT;

	cgroup_host_describe(f->host, &b);
	if (!strstr(buf_str(&b), word))
		fail_msg("no '%s' in: %s", word, buf_str(&b));
}

static void test_names(void **state)
{
	enum cgroup_controller c;

	(void)state;
	for (unsigned i = 0; i < _CGROUP_CONTROLLER_COUNT; i++) {
		assert_int_equal(cgroup_controller_parse(cgroup_controller_name(i), &c), 0);
		assert_int_equal(c, i);
	}
	assert_true(cgroup_controller_parse("io", &c) < 0);
}

static void test_probe_separate(void **state)
{
	struct fake *f = *state;

	fake_v1_separate(f);
	fake_probe_ok(f, "porto");
	assert_int_equal(cgroup_host_controllers(f->host), V1_ALL);
	assert_described(f, "layout: legacy");
	assert_described(f, "absent: net_cls hugetlb perf_event cgroup2");
	/* the base only where names are a tree */
	assert_true(fake_exists(f, "cg/freezer/porto"));
	assert_false(fake_exists(f, "cg/memory/porto"));
	assert_false(fake_exists(f, "cg/systemd/porto"));
	for (unsigned k = 0; k < _CGROUP_KNOB_COUNT; k++)
		assert_int_equal(cgroup_knob_is_supported(f->host, k),
				 k != CGROUP_KNOB_MEMORY_GUARANTEE && k != CGROUP_KNOB_OOM_GROUP &&
					 k != CGROUP_KNOB_HUGETLB_LIMIT);
	assert_int_equal(cgroup_host_default_controllers(f->host, 1), V1_ALL & ~BIT(SYSTEMD));
	assert_int_equal(cgroup_host_default_controllers(f->host, 0),
			 V1_ALL & ~BIT(SYSTEMD) & ~BIT(PIDS));
	assert_int_equal(cgroup_host_default_controllers(f->host, 2), BIT(FREEZER) | BIT(CPUACCT));
}

static void test_probe_comounted(void **state)
{
	struct fake *f = *state;

	fake_v1_comounted(f);
	fake_probe_ok(f, "porto");
	assert_int_equal(cgroup_host_close_mask(f->host, BIT(CPU)), BIT(CPU) | BIT(CPUACCT));
	assert_int_equal(cgroup_host_close_mask(f->host, BIT(BLKIO)), BIT(MEMORY) | BIT(BLKIO));
	assert_int_equal(cgroup_host_close_mask(f->host, 0), 0);
	/* together with cpu, cpuacct is not for everybody */
	assert_int_equal(cgroup_host_default_controllers(f->host, 2), BIT(FREEZER));
	assert_false(cgroup_knob_is_supported(f->host, CGROUP_KNOB_DEVICES));
	assert_false(cgroup_knob_is_supported(f->host, CGROUP_KNOB_THREAD_LIMIT));
}

static void test_probe_hybrid(void **state)
{
	struct fake *f = *state;

	fake_hybrid(f);
	fake_probe_ok(f, "porto");
	/* hugetlb alone would cost each container a leaf; perf_event is there by itself */
	assert_int_equal(cgroup_host_controllers(f->host), V1_ALL | BIT(CGROUP2) | BIT(PERF_EVENT));
	assert_described(f, "layout: hybrid");
	assert_true(fake_exists(f, "cg/unified/porto"));
	fake_assert(f, "cg/unified/cgroup.subtree_control", "");
	assert_int_equal(cgroup_host_default_controllers(f->host, 2),
			 BIT(FREEZER) | BIT(CPUACCT) | BIT(CGROUP2) | BIT(PERF_EVENT));
}

static void test_probe_unified(void **state)
{
	struct fake *f = *state;
	uint32_t all = BIT(FREEZER) | BIT(MEMORY) | BIT(CPU) | BIT(CPUACCT) | BIT(BLKIO) |
		       BIT(DEVICES) | BIT(HUGETLB) | BIT(CPUSET) | BIT(PIDS) | BIT(PERF_EVENT) |
		       BIT(CGROUP2);

	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	assert_int_equal(cgroup_host_controllers(f->host), all);
	assert_described(f, "layout: unified,");
	/* one hierarchy: everybody owns everything */
	assert_int_equal(cgroup_host_default_controllers(f->host, 5), all);
	fake_assert(f, "cg/cgroup.subtree_control", "+cpu +cpuset +memory +io +pids +hugetlb");
	assert_true(cgroup_knob_is_supported(f->host, CGROUP_KNOB_MEMORY_LIMIT));
	assert_true(cgroup_knob_is_supported(f->host, CGROUP_KNOB_THREAD_LIMIT));
	assert_false(cgroup_knob_is_supported(f->host, CGROUP_KNOB_DEVICES));
}

static void test_probe_disabled(void **state)
{
	struct fake *f = *state;
	uint32_t off = BIT(BLKIO) | BIT(HUGETLB) | BIT(CGROUP2);

	f->disabled = off;
	fake_hybrid(f);
	fake_probe_ok(f, "porto");
	assert_int_equal(cgroup_host_controllers(f->host), V1_ALL & ~BIT(BLKIO));
	assert_described(f, "layout: legacy");
	assert_false(fake_exists(f, "cg/unified/porto"));
	assert_false(cgroup_knob_is_supported(f->host, CGROUP_KNOB_IO_LIMIT));
}

static void test_probe_unified_disabled(void **state)
{
	struct fake *f = *state;

	f->disabled = BIT(BLKIO) | BIT(HUGETLB) | BIT(CGROUP2);
	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	fake_assert(f, "cg/cgroup.subtree_control", "+cpu +cpuset +memory +pids");
	assert_false(cgroup_host_controllers(f->host) & (BIT(BLKIO) | BIT(HUGETLB)));
	/* there is nothing else */
	assert_true(cgroup_host_controllers(f->host) & BIT(CGROUP2));
}

/* Delegated: only what the directory above offers, and each step down enables it. */
static void test_probe_unified_delegated(void **state)
{
	struct fake *f = *state;

	fake_v2(f, "slice/porto");
	fake_put(f, "cg/slice/cgroup.controllers", "cpu memory\n");
	fake_put(f, "cg/slice/cgroup.subtree_control", "cpu\n");
	fake_put(f, "cg/slice/porto/cgroup.controllers", "cpu memory\n");
	fake_put(f, "cg/slice/porto/cgroup.subtree_control", "cpu memory\n");
	fake_probe_ok(f, "slice/porto");
	fake_assert(f, "cg/slice/cgroup.subtree_control", "+memory");
	assert_described(f, "distributes +cpu +memory");
	assert_false(cgroup_host_controllers(f->host) & (BIT(PIDS) | BIT(BLKIO)));
	assert_true(cgroup_host_controllers(f->host) & BIT(MEMORY));
}

/* Controllers on v1 and the rest on v2. */
static void test_probe_mixture(void **state)
{
	struct fake *f = *state;

	fake_v2(f, "porto");
	fake_mount(f, "cpu", "cpu");
	fake_mount(f, "freezer", "freezer");
	fake_probe_ok(f, "porto");
	assert_described(f, "layout: hybrid");
	assert_int_equal(cgroup_host_close_mask(f->host, BIT(CPU)), BIT(CPU));
	assert_int_equal(cgroup_host_close_mask(f->host, BIT(FREEZER)), BIT(FREEZER));
	assert_true(cgroup_host_close_mask(f->host, BIT(MEMORY)) & BIT(PIDS));
	fake_assert(f, "cg/cgroup.subtree_control", "+cpuset +memory +io +pids +hugetlb");
}

static void test_probe_failures(void **state)
{
	static const char *const bad[] = { "", "/porto", "a//b", "a/../b", "a%b", NULL };
	struct fake *f = *state;
	struct error err = ERROR_INIT;

	assert_int_equal(fake_probe(f, "porto", &err), -1);
	assert_int_equal(err.code, ERR_NOT_SUPPORTED);
	fake_mount(f, "memory", "memory");
	assert_int_equal(fake_probe(f, "porto", &err), -1);
	assert_int_equal(err.code, ERR_NOT_SUPPORTED);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(fake_probe(f, bad[i], &err), -1);
		assert_int_equal(err.code, ERR_INVALID_VALUE);
	}
}

/* Later mounts cover earlier ones; mounts elsewhere, and read-only ones, are not ours. */
static void test_probe_chooses_mounts(void **state)
{
	struct fake *f = *state;

	fake_mount(f, "old", "freezer");
	fake_mount(f, "freezer", "freezer");
	fake_mkdir(f, "other");
	buf_addf(&f->mountinfo, "41 1 0:2 / %s/other rw - cgroup cgroup rw,pids\n", f->dir);
	fake_mkdir(f, "cg/memory");
	buf_addf(&f->mountinfo, "41 1 0:2 / %s/cg/memory ro - cgroup cgroup rw,memory\n", f->dir);
	fake_probe_ok(f, "porto");
	assert_int_equal(cgroup_host_controllers(f->host), BIT(FREEZER));
	assert_true(fake_exists(f, "cg/freezer/porto"));
	assert_false(fake_exists(f, "cg/old/porto"));
}

static void assert_path(struct fake *f, const struct cgroup *cg, enum cgroup_controller c,
			const char *want)
{
	char buf[512];

	assert_int_equal(cgroup_path(f->host, cg, c, buf, sizeof(buf)), 0);
	assert_string_equal(buf, want);
}

/* resources.md §1.3, worked examples */
static void test_paths_v1(void **state)
{
	static const struct {
		const char *name;
		bool own[4];
		const char *path;
	} cases[] = {
		{ "a", { 0, 1 }, "/porto%a" },
		{ "a/b", { 0, 1, 1 }, "/porto%a/b" },
		{ "a/b", { 0, 1, 0 }, "/porto%a" },
		{ "a/b/c", { 0, 1, 0, 1 }, "/porto%a/b%c" },
		{ "a/b", { 0, 0, 1 }, "/porto%a%b" },
		{ "a/b/c", { 0, 0, 0, 1 }, "/porto%a%b%c" },
		{ "a/b/c", { 0, 0, 1, 1 }, "/porto%a%b/c" },
		{ "a/b/c", { 0, 1, 1, 1 }, "/porto%a/b/c" },
		{ "a/b/c", { 0, 0, 1, 0 }, "/porto%a%b" },
		{ "a/b/c", { 0 }, "/" },
		{ "", { 0 }, "/" },
	};
	struct fake *f = *state;

	fake_hybrid(f);
	fake_probe_ok(f, "porto");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cgroup cg = fake_cgroup(f, cases[i].name);
		char tree[64];

		snprintf(tree, sizeof(tree), "/porto%s%s", *cases[i].name ? "/" : "",
			 cases[i].name);
		for (unsigned l = 1; l <= cg.level; l++)
			cg.owned[l] = BIT(FREEZER) | BIT(CGROUP2) |
				      (cases[i].own[l] ? BIT(MEMORY) : 0);
		assert_path(f, &cg, CGROUP_MEMORY, cases[i].path);
		assert_path(f, &cg, CGROUP_FREEZER, *cases[i].name ? tree : "/");
		assert_path(f, &cg, CGROUP_CGROUP2, tree);
		assert_path(f, &cg, CGROUP_SYSTEMD, "/system.slice/portod.service");
	}
}

static void test_paths_special(void **state)
{
	struct fake *f = *state;
	struct cgroup cg;
	char buf[8];

	fake_hybrid(f);
	fake_mkdir(f, "cg/cpuset/x"); /* a new one would have to be filled */
	fake_probe_ok(f, "x/porto");
	cg = fake_cgroup(f, "a/b");
	assert_path(f, &cg, CGROUP_FREEZER, "/x/porto/a/b");
	assert_path(f, &cg, CGROUP_MEMORY, "/x/porto%a");
	assert_true(fake_exists(f, "cg/freezer/x/porto"));
	assert_true(fake_exists(f, "cg/cpu/x"));
	assert_false(fake_exists(f, "cg/cpu/x/porto"));
	assert_false(fake_exists(f, "cg/systemd/x"));
	cg.owned[2] |= BIT(SYSTEMD);
	assert_path(f, &cg, CGROUP_SYSTEMD, "/x/porto%a%b");
	/* a job owns nothing: its parent's groups */
	cg.owned[2] = 0;
	assert_path(f, &cg, CGROUP_FREEZER, "/x/porto/a");
	assert_path(f, &cg, CGROUP_CGROUP2, "/x/porto/a");
	assert_int_equal(cgroup_path(f->host, &cg, CGROUP_NET_CLS, buf, sizeof(buf)), -1);
	assert_int_equal(cgroup_path(f->host, &cg, CGROUP_FREEZER, buf, sizeof(buf)), -1);
}

static void test_paths_unified(void **state)
{
	struct fake *f = *state;
	struct cgroup cg;

	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	cg = fake_cgroup(f, "a/b");
	assert_path(f, &cg, CGROUP_MEMORY, "/porto/a/b");
	assert_path(f, &cg, CGROUP_FREEZER, "/porto/a/b");
	cg = fake_cgroup(f, "");
	assert_path(f, &cg, CGROUP_MEMORY, "/porto");
}

static void assert_located(struct fake *f, const char *text, const char *want)
{
	struct error err = ERROR_INIT;
	auto_free char *name = NULL;

	fake_put(f, "proc/77/cgroup", text);
	assert_int_equal(cgroup_locate(f->host, 77, &name, &err), 0);
	assert_string_equal(name, want);
}

static void test_locate(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	char *name = NULL;

	fake_hybrid(f);
	fake_probe_ok(f, "porto");
	assert_located(f, "6:freezer:/porto/x\n0::/porto/a/b\n", "a/b");
	assert_located(f, "0::/porto/a\n", "a");
	assert_located(f, "0::/porto\n", "");
	assert_located(f, "0::/\n", "");
	assert_located(f, "0::/porto-foo/a\n", "");
	assert_located(f, "0::/porto%a\n", "");
	assert_located(f, "0::/portod\n", "");
	assert_located(f, "0::/../x\n", "");
	assert_located(f, "0::/system.slice/porto/a\n", "");
	assert_located(f, "0::/porto/a/b (deleted)\n", "a/b");
	assert_located(f, "0::/porto/a/%leaf\n", "a");
	assert_located(f, "0::/porto/a/%leaf/init.scope/x\n", "a");
	assert_located(f, "0::/porto/a/leaf\n", "a/leaf");
	assert_located(f, "0::/porto/%leaf\n", "");
	assert_located(f, "0::/porto/a/made/inside\n", "a/made/inside");

	fake_put(f, "proc/77/cgroup", "0::/porto/a\n0::/porto/b\n");
	assert_int_equal(cgroup_locate(f->host, 77, &name, &err), -1);
	assert_int_equal(err.code, ERR_PERMISSION);
	assert_int_equal(cgroup_locate(f->host, 78, &name, &err), -1);
	assert_int_equal(err.code, ERR_INVALID_VALUE);
	assert_null(name);
}

/* Without a unified tree by the freezer; below a mount of a part of the hierarchy. */
static void test_locate_by_freezer(void **state)
{
	struct fake *f = *state;

	fake_mkdir(f, "cg/freezer");
	buf_addf(&f->mountinfo, "4 1 0:2 /outer %s/cg/freezer rw - cgroup c rw,freezer\n", f->dir);
	fake_probe_ok(f, "porto");
	assert_located(f, "6:freezer:/outer/porto/a/b\n5:pids:/porto/c\n", "a/b");
	assert_located(f, "6:freezer:/porto/a/b\n", "");
	assert_located(f, "6:freezer:/outer\n", "");
}

static void test_list(void **state)
{
	struct fake *f = *state;
	struct error err = ERROR_INIT;
	struct strv names = STRV_INIT;

	fake_v2(f, "porto");
	fake_probe_ok(f, "porto");
	fake_mkdir(f, "cg/porto/a/%leaf/inner");
	fake_mkdir(f, "cg/porto/a/b/%leaf");
	fake_mkdir(f, "cg/porto/z");
	assert_int_equal(cgroup_list(f->host, &names.v, &names.n, &err), 0);
	assert_int_equal(names.n, 3);
	assert_true(strv_has(&names, "z"));
	for (size_t i = 0; i < names.n; i++) {
		if (str_eq(names.v[i], "a"))
			assert_true(i > 0 && str_eq(names.v[i - 1], "a/b"));
	}
	strv_deinit(&names);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		TEST(test_probe_separate),
		TEST(test_probe_comounted),
		TEST(test_probe_hybrid),
		TEST(test_probe_unified),
		TEST(test_probe_disabled),
		TEST(test_probe_unified_disabled),
		TEST(test_probe_unified_delegated),
		TEST(test_probe_mixture),
		TEST(test_probe_failures),
		TEST(test_probe_chooses_mounts),
		TEST(test_paths_v1),
		TEST(test_paths_special),
		TEST(test_paths_unified),
		TEST(test_locate),
		TEST(test_locate_by_freezer),
		TEST(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
