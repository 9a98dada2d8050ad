/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "base/cleanup.h"
#include "base/xalloc.h"
#include "kernel/cgroup_proc.h"
#include "kernel/cgroup_stat.h"

static void test_number(void **state)
{
	static const char *const bad[] = { "",   "\n",  "x",    "-1",
					   "1x", "1 2", "maxx", "18446744073709551616" };
	uint64_t v = 5;

	(void)state;
	assert_int_equal(cgroup_stat_number("0\n", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(cgroup_stat_number("18446744073709551615", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(cgroup_stat_number("max\n", &v), 0);
	assert_true(v == CGROUP_STAT_MAX);
	v = 5;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cgroup_stat_number(bad[i], &v), -EINVAL);
	assert_int_equal(v, 5);
}

static const char memory_stat_v1[] = "cache 4096\n"
				     "rss 8192\n"
				     "inactive_anon 1\n"
				     "total_cache 12288\n"
				     "total_inactive_anon 100\n"
				     "total_active_anon 20\n"
				     "total_unevictable 3\n";

static void test_key_is_a_whole_word(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(cgroup_stat_key(memory_stat_v1, "inactive_anon", &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(cgroup_stat_key(memory_stat_v1, "total_inactive_anon", &v), 0);
	assert_int_equal(v, 100);
	assert_int_equal(cgroup_stat_key(memory_stat_v1, "total_inactive", &v), -ENOENT);
	assert_int_equal(cgroup_stat_key("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
					 "oom_kill", &v),
			 0);
	assert_int_equal(v, 2);
	assert_int_equal(cgroup_stat_key("", "a", &v), -ENOENT);
	assert_int_equal(cgroup_stat_key("a \n", "a", &v), -EINVAL);
	assert_int_equal(cgroup_stat_key("a b\n", "a", &v), -EINVAL);
	assert_int_equal(cgroup_stat_key("MemTotal:       24684092 kB\n", "MemTotal:", &v), 0);
	assert_int_equal(v, 24684092);
	assert_int_equal(cgroup_stat_key("populated 1\nfrozen 0", "frozen", &v), 0);
	assert_int_equal(v, 0);
}

static void test_sum(void **state)
{
	const char *const anon[] = { "total_inactive_anon", "total_active_anon",
				     "total_unevictable", "total_swap", NULL };
	const char *const none[] = { "x", "y", NULL };
	const char *const big[] = { "a", "b", NULL };
	uint64_t v;

	(void)state;
	assert_int_equal(cgroup_stat_sum(memory_stat_v1, anon, &v), 0);
	assert_int_equal(v, 123);
	assert_int_equal(cgroup_stat_sum(memory_stat_v1, none, &v), -ENOENT);
	assert_int_equal(cgroup_stat_sum("a 18446744073709551615\nb 1\n", big, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(cgroup_stat_sum("a 1\nb x\n", big, &v), -EINVAL);
}

static void test_pids(void **state)
{
	const char *pos = "12\n0\n345\n99999999999\n-6\n7";

	(void)state;
	assert_int_equal(cgroup_stat_next_pid(&pos), 12);
	assert_int_equal(cgroup_stat_next_pid(&pos), 345);
	assert_int_equal(cgroup_stat_next_pid(&pos), 6);
	assert_int_equal(cgroup_stat_next_pid(&pos), 7);
	assert_int_equal(cgroup_stat_next_pid(&pos), 0);
	assert_int_equal(cgroup_stat_next_pid(&pos), 0);
}

static bool parse_mount(const char *text, char **ret_line, struct cgroup_mount *m)
{
	free(*ret_line);
	*ret_line = xstrdup(text);
	return cgroup_mount_parse(*ret_line, m);
}

static void test_mount_lines(void **state)
{
	struct cgroup_mount m;
	char *line = NULL;

	(void)state;
	assert_true(parse_mount("35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 master:2"
				" - cgroup cgroup rw,memory,blkio",
				&line, &m));
	assert_string_equal(m.point, "/sys/fs/cgroup/memory");
	assert_string_equal(m.root, "/");
	assert_string_equal(m.options, "rw,memory,blkio");
	assert_false(m.is_v2);
	assert_false(m.read_only);
	assert_true(parse_mount("35 31 0:32 /x /a\\040b ro,relatime - cgroup2 none rw", &line, &m));
	assert_string_equal(m.point, "/a b");
	assert_string_equal(m.root, "/x");
	assert_true(m.is_v2);
	assert_true(m.read_only);
	assert_true(parse_mount("1 2 0:3 / /a rw - cgroup2 none ro,nsdelegate", &line, &m));
	assert_true(m.read_only);
	assert_false(parse_mount("22 27 0:21 / /proc rw,relatime - proc proc rw", &line, &m));
	assert_false(parse_mount("", &line, &m));
	assert_false(parse_mount("1 2 0:3 / /a rw", &line, &m));
	assert_false(parse_mount("1 2 0:3 / /a rw -", &line, &m));
	assert_false(parse_mount("1 2 0:3 / /a rw - cgroup", &line, &m));
	assert_false(parse_mount("1 2 0:3 rel /a rw - cgroup2 none rw", &line, &m));
	free(line);
}

static char *member(const char *text, const char *controller, int *r)
{
	auto_free char *copy = xstrdup(text);
	char *path = cgroup_member_path(copy, controller, r);

	return path ? xstrdup(path) : NULL;
}

static void check_member(const char *text, const char *controller, const char *path, int err)
{
	int r = 1;
	auto_free char *found = member(text, controller, &r);

	assert_int_equal(r, err);
	if (path)
		assert_string_equal(found, path);
	else
		assert_null(found);
}

static void test_member_lines(void **state)
{
	static const char text[] = "9:name=systemd:/init.scope\n"
				   "6:freezer:/porto/a\n"
				   "2:cpu,cpuacct:/porto%a\n"
				   "0::/porto/a/%leaf (deleted)\n";

	(void)state;
	check_member(text, "freezer", "/porto/a", 0);
	check_member(text, "cpuacct", "/porto%a", 0);
	check_member(text, "cpu", "/porto%a", 0);
	check_member(text, "name=systemd", "/init.scope", 0);
	check_member(text, "", "/porto/a/%leaf", 0);
	check_member(text, "memory", NULL, -ENOENT);
	check_member("", "", NULL, -ENOENT);
	/* colons belong to the path */
	check_member("0::/porto/a:b\n", "", "/porto/a:b", 0);
	/* the kernel's own line and a forged one, in any order */
	check_member("6:freezer:/x\n6:freezer:/porto/a\n", "freezer", NULL, -EPERM);
	check_member("0::/x\n0::/porto/a\n", "", NULL, -EPERM);
	check_member("garbage\n", "freezer", NULL, -EINVAL);
	check_member("6:freezer:relative\n", "freezer", NULL, -EINVAL);
	/* a v1 line without controllers is not the unified one */
	check_member("3::/x\n", "", NULL, -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),      cmocka_unit_test(test_key_is_a_whole_word),
		cmocka_unit_test(test_sum),         cmocka_unit_test(test_pids),
		cmocka_unit_test(test_mount_lines), cmocka_unit_test(test_member_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
