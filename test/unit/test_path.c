/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/str.h"

static void test_normalize(void **state)
{
	static const char *const cases[][2] = {
		{ "", "." },
		{ ".", "." },
		{ "/", "/" },
		{ "//", "/" },
		{ "/..", "/" },
		{ "/../../a", "/a" },
		{ "/a/b/../c/./d//", "/a/c/d" },
		{ "/a/..", "/" },
		{ "a/..", "." },
		{ "a/../..", ".." },
		{ "../a", "../a" },
		{ "../../a/../..", "../../.." },
		{ "a/./b/", "a/b" },
		{ "/...", "/..." },
		{ "/a/..b", "/a/..b" },
		{ "a/b/../../c", "c" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *s = path_normalize(cases[i][0]);
		auto_free char *again = path_normalize(s);

		assert_string_equal(s, cases[i][1]);
		assert_string_equal(again, s);
	}
}

static void test_is_normal(void **state)
{
	static const char *const yes[] = { "/", "/a", "/a/b", "/...", "/.a", "/a..", "/..a" };
	static const char *const no[] = { "",   "a",    "./a",   "//",    "/a/",   "/a//b",
					  "/.", "/a/.", "/a/..", "/../a", "/a/./b" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(path_is_normal(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(path_is_normal(no[i]));
	assert_false(path_is_normal(NULL));
}

static void test_join(void **state)
{
	static const char *const cases[][3] = {
		{ "/a", "b", "/a/b" }, { "/a/", "b", "/a/b" }, { "/", "b", "/b" },
		{ "/a", "/b", "/b" },  { "", "b", "b" },       { "a", "", "a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *s = path_join(cases[i][0], cases[i][1]);

		assert_string_equal(s, cases[i][2]);
	}
}

static void test_below(void **state)
{
	static const char *const cases[][3] = {
		{ "/a/b", "/a", "b" },     { "/a", "/a", "" },     { "/ab", "/a", NULL },
		{ "/", "/a", NULL },       { "/a/b", "/", "a/b" }, { "/", "/", "" },
		{ "/a/b/c", "/a/b", "c" }, { "/b", "/a", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_true(str_eq(path_below(cases[i][0], cases[i][1]), cases[i][2]));
}

static void test_base_and_dir(void **state)
{
	static const char *const cases[][3] = {
		{ "/a/b", "b", "/a" },
		{ "/x", "x", "/" },
		{ "x", "x", "." },
		{ "a/b/c", "c", "a/b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *dir = path_dirname(cases[i][0]);

		assert_string_equal(path_basename(cases[i][0]), cases[i][1]);
		assert_string_equal(dir, cases[i][2]);
	}
	assert_true(path_is_absolute("/"));
	assert_false(path_is_absolute("a"));
	assert_false(path_is_absolute(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normalize),    cmocka_unit_test(test_is_normal),
		cmocka_unit_test(test_join),         cmocka_unit_test(test_below),
		cmocka_unit_test(test_base_and_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
