/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/device.h"

/* containers.md §22; console is null again, and is one rule with it */
static void test_defaults(void **state)
{
	auto_device_list l = DEVICE_LIST_INIT;
	auto_buf b = BUF_INIT;

	(void)state;
	device_list_defaults(&l);
	device_rules_format(&l, &b);
	assert_string_equal(buf_str(&b), "c 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\nc 1:9 rwm\n"
					 "c 5:0 rwm\nc 5:2 rw\nc 136:* rw\n");
	for (size_t i = 0; i < l.n; i++)
		assert_int_equal(device_has_node(&l.v[i]), l.v[i].path != NULL);
}

/* "c 1:3 rwm /dev/null; …", path "-" for none, access "-" for none. */
static void make_list(struct device_list *ret, const char *text)
{
	auto_strv items = STRV_INIT;

	*ret = (struct device_list)DEVICE_LIST_INIT;
	strv_split(&items, text, ';');
	for (size_t i = 0; i < items.n; i++) {
		auto_strv w = STRV_INIT;
		auto_free char *line = NULL;
		struct device_rules rules = DEVICE_RULES_INIT;
		struct device d = { .mode = 0666 };
		bool none;

		strv_split(&w, items.v[i], ' ');
		assert_int_equal(w.n, 4);
		none = str_eq(w.v[2], "-");
		line = xasprintf("%s %s %s", str_eq(w.v[0], "a") ? "c" : w.v[0], w.v[1],
				 none ? "r" : w.v[2]);
		assert_int_equal(device_rules_parse(line, &rules), 0);
		d.rule = rules.v[0];
		if (str_eq(w.v[0], "a"))
			d.rule.type = 'a';
		if (none)
			d.rule.access = 0;
		if (!str_eq(w.v[3], "-"))
			d.path = xstrdup(w.v[3]);
		device_rules_deinit(&rules);
		device_list_add_take(ret, &d);
	}
}

static void test_merge(void **state)
{
	static const struct {
		const char *why, *base, *own, *nodes, *rules;
	} cases[] = {
		{ "something new", "c 1:3 rwm /dev/null", "c 10:229 rwm /dev/fuse",
		  "/dev/null /dev/fuse", "c 1:3 rwm\nc 10:229 rwm\n" },
		{ "another device at the same place", "c 1:3 rwm /dev/null", "c 1:5 rm /dev/null",
		  "/dev/null", "c 1:5 rm\n" },
		{ "less of the same, whose other node is no way around",
		  "c 1:3 rwm /dev/null;c 1:3 rwm /dev/console", "c 1:3 rm /dev/null",
		  "/dev/console /dev/null", "c 1:3 rm\n" },
		{ "nodes can be made", "c 1:3 rwm /dev/null", "c 1:3 r -", "/dev/null",
		  "c 1:3 rm\n" },
		{ "taken away under all names", "c 1:3 rwm /dev/null;c 1:3 rwm /dev/console",
		  "c 1:3 - /dev/null", "", "" },
		{ "taken away by number", "c 1:3 rwm /dev/null;c 1:5 r /dev/zero", "c 1:* - -", "",
		  "" },
		{ "everything taken away, something given back",
		  "c 1:3 rwm /dev/null;b 8:0 r /dev/sda", "a *:* - -;b 8:0 r /dev/disk",
		  "/dev/sda /dev/disk", "b 8:0 rm\n" },
		{ "two names of one device", "", "b 8:0 r /dev/a;b 8:0 wm /dev/b", "/dev/a /dev/b",
		  "b 8:0 rwm\n" },
		{ "the last row of a place counts", "", "b 8:0 r /dev/a;b 8:1 r /dev/a", "/dev/a",
		  "b 8:1 r\n" },
		{ "the last row of a number counts", "", "c 1:* rw -;c 1:* r -", "", "c 1:* r\n" },
		{ "all", "c 1:3 rwm /dev/null", "a *:* rwm -", "/dev/null",
		  "c 1:3 rwm\nb *:* rwm\nc *:* rwm\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_device_list l = DEVICE_LIST_INIT, own = DEVICE_LIST_INIT;
		auto_buf rules = BUF_INIT, nodes = BUF_INIT;

		make_list(&l, cases[i].base);
		make_list(&own, cases[i].own);
		device_list_merge(&l, &own);
		device_rules_format(&l, &rules);
		for (size_t k = 0; k < l.n; k++)
			if (device_has_node(&l.v[k]))
				buf_addf(&nodes, "%s%s", nodes.len ? " " : "", l.v[k].path);
		if (strcmp(buf_str(&rules), cases[i].rules) ||
		    strcmp(buf_str(&nodes), cases[i].nodes))
			fail_msg("%s: nodes '%s', rules\n%s", cases[i].why, buf_str(&nodes),
				 buf_str(&rules));
	}
}

static void test_missing_is_nothing(void **state)
{
	auto_device_list l = DEVICE_LIST_INIT, own = DEVICE_LIST_INIT;

	(void)state;
	make_list(&l, "c 1:3 rwm /dev/null");
	make_list(&own, "c 1:3 - /dev/null");
	own.v[0].missing = true;
	assert_false(device_has_node(&own.v[0]));
	device_list_merge(&l, &own);
	assert_int_equal(l.n, 1);
	assert_non_null(device_list_at(&l, "/dev/null"));
	assert_null(device_list_at(&l, "/dev/zero"));
}

static void test_allows(void **state)
{
	static const struct {
		const char *have, *want;
		bool ok;
	} cases[] = {
		{ "c 1:3 rw -", "c 1:3 r -", true },
		{ "c 1:3 rw -", "c 1:3 rw -", true },
		{ "c 1:3 rw -", "c 1:3 m -", false },
		{ "c 1:3 rw -", "b 1:3 r -", false },
		{ "c 1:3 rw -", "c 1:4 r -", false },
		{ "c 1:3 rw -", "c 1:* r -", false },
		{ "c 1:* rw -", "c 1:3 r -", true },
		{ "c 1:* rw -", "c 1:* w -", true },
		{ "c *:* r -", "c 9:1 r -", true },
		{ "c *:* r -", "c 9:1 rw -", false },
		{ "c *:* r -;c 9:1 w -", "c 9:1 rw -", false }, /* no single rule, as the kernel */
		{ "c 9:1 r -;c 9:1 w /dev/x", "c 9:1 rw -", true },
		{ "c *:* rwm -", "a *:* r -", false },
		{ "c *:* rwm -;b *:* r -", "a *:* r -", true },
		{ "a *:* rwm -", "a *:* rwm -", true },
		{ "a *:* rw -", "b 8:0 rw -", true },
		{ "", "b 8:0 r -", false },
		{ "", "b 8:0 - -", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_device_list have = DEVICE_LIST_INIT, want = DEVICE_LIST_INIT;

		make_list(&have, cases[i].have);
		make_list(&want, cases[i].want);
		if (device_list_allows(&have, &want.v[0]) != cases[i].ok)
			fail_msg("'%s' of '%s'", cases[i].want, cases[i].have);
	}
}

static void test_find(void **state)
{
	struct device d = { 0 };

	(void)state;
	assert_int_equal(device_find("/dev/null", &d), 0);
	assert_int_equal(d.rule.type, 'c');
	assert_int_equal(d.rule.major, 1);
	assert_int_equal(d.rule.minor, 3);
	assert_int_equal(device_find("/dev/no-such-device", &d), -ENOENT);
	assert_int_equal(device_find("/dev/null/x", &d), -ENOENT);
	assert_int_equal(device_find("/dev", &d), -ENOENT);
	assert_int_equal(device_find("/etc/passwd", &d), -ENOENT);
	assert_int_equal(device_find("/dev/stdin", &d), -ENOTBLK); /* leads to /proc */
	assert_int_equal(device_find("/dev/pts", &d), -ENOTBLK);
}

static void test_round_trip(void **state)
{
	static const char text[] = "c 1:3 rwm\nb 8:* r\nc *:* m\n";
	struct device_rules r = DEVICE_RULES_INIT;
	struct device_rule key = { 'b', 8, DEVICE_ANY, 0 };
	auto_buf b = BUF_INIT;
	char line[DEVICE_RULE_MAX];

	(void)state;
	assert_int_equal(device_rules_parse(text, &r), 0);
	for (size_t i = 0; i < r.n; i++)
		buf_addf(&b, "%s\n", device_rule_format(&r.v[i], line, sizeof(line)));
	assert_string_equal(buf_str(&b), text);
	assert_false(r.all);
	assert_int_equal(device_rules_access(&r, &key), DEVICE_READ);
	key.minor = 1;
	assert_int_equal(device_rules_access(&r, &key), 0);
	device_rules_deinit(&r);
}

static void test_joins_same_device(void **state)
{
	struct device_rules r = DEVICE_RULES_INIT;

	(void)state;
	assert_int_equal(device_rules_parse("c 1:3 r\nc 1:3 w", &r), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.v[0].access, DEVICE_RW);
	device_rules_deinit(&r);
	assert_int_equal(device_rules_parse("a *:* rwm\n", &r), 0);
	assert_true(r.all);
	device_rules_expand(&r);
	assert_false(r.all);
	assert_int_equal(r.n, 2);
	device_rules_deinit(&r);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = { "c",         "c 1",      "c 1:3",          "c 1:3 ",
					   "x 1:3 r",   "cc 1:3 r", "c -1:3 r",       "c 1:3 rx",
					   "c 1:x r",   " c 1:3 r", "c 99999999:1 r", "c :1 r",
					   "c 1:3 r w", "c 1: r" };
	struct device_rules r = DEVICE_RULES_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(device_rules_parse(bad[i], &r), -EINVAL);
	assert_int_equal(device_rules_parse("", &r), 0);
	assert_int_equal(r.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_missing_is_nothing),
		cmocka_unit_test(test_allows),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_joins_same_device),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
