/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/xalloc.h"

static void test_predicates(void **state)
{
	(void)state;
	assert_true(str_is_empty(NULL));
	assert_true(str_is_empty(""));
	assert_false(str_is_empty(" "));
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq(NULL, ""));
	assert_true(str_eq("a", "a"));
	assert_true(str_has_prefix("abc", ""));
	assert_true(str_has_prefix("abc", "ab"));
	assert_false(str_has_prefix("a", "ab"));
	assert_true(str_has_suffix("abc", "bc"));
	assert_false(str_has_suffix("c", "bc"));
}

static void test_trim(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" }, { " \t\n", "" }, { "a", "a" }, { "  a b\n", "a b" }, { "\ta", "a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *s = str_trim(cases[i][0]);

		assert_string_equal(s, cases[i][1]);
	}
}

static void test_set_from_inside_itself(void **state)
{
	auto_free char *s = NULL;

	(void)state;
	str_set(&s, "abc");
	str_set(&s, s + 1);
	assert_string_equal(s, "bc");
	str_set(&s, NULL);
	assert_null(s);
}

static void test_strv_grows_and_stays_terminated(void **state)
{
	auto_strv v = STRV_INIT, copy = STRV_INIT;

	(void)state;
	assert_null(v.v);
	for (size_t i = 0; i < 200; i++) {
		strv_add_take(&v, xasprintf("%zu", i));
		assert_int_equal(v.n, i + 1);
		assert_null(v.v[v.n]);
	}
	strv_addn(&v, "xyz", 2);
	assert_true(strv_has(&v, "xy"));
	assert_false(strv_has(&v, "xyz"));
	strv_copy(&copy, &v);
	assert_true(strv_eq(&copy, &v));
	strv_sort(&copy);
	assert_false(strv_eq(&copy, &v));
	assert_string_equal(copy.v[1], "1");
	assert_string_equal(copy.v[2], "10");
	strv_add(&copy, "more");
	assert_false(strv_eq(&copy, &v));
}

static void check_list(const char *text, char sep, const char *joined, size_t n)
{
	auto_strv v = STRV_INIT, again = STRV_INIT;
	auto_free char *s = NULL;

	strv_split(&v, text, sep);
	assert_int_equal(v.n, n);
	s = strv_join(&v, sep);
	assert_string_equal(s, joined);
	strv_split(&again, s, sep);
	assert_true(strv_eq(&v, &again));
}

static void test_list_syntax(void **state)
{
	(void)state;
	check_list("", ';', "", 0);
	check_list(" ; ;; ", ';', "", 0);
	check_list("a", ';', "a", 1);
	check_list(" a b ; c ;", ';', "a b;c", 2);
	check_list("a\\;b;c", ';', "a\\;b;c", 2);
	check_list("a\\\\;b", ';', "a\\\\;b", 2);
	check_list("a\\nb", ';', "a\\\\nb", 1); /* any other backslash is literal */
	check_list("a\\", ';', "a\\\\", 1);
	check_list("a b  c", ' ', "a b c", 3);
	check_list("a\\ b c", ' ', "a\\ b c", 2);
	check_list("a\tb", '\t', "a\tb", 2);
}

static void test_escaped_blank_survives_trimming(void **state)
{
	auto_strv v = STRV_INIT;

	(void)state;
	strv_split(&v, "a\\ ", ' ');
	assert_int_equal(v.n, 1);
	assert_string_equal(v.v[0], "a ");
}

static void test_split_replaces_the_result(void **state)
{
	auto_strv v = STRV_INIT;

	(void)state;
	strv_add(&v, "old;text");
	strv_split(&v, v.v[0], ';');
	assert_int_equal(v.n, 2);
	assert_string_equal(v.v[0], "old");
}

static void test_smap_is_sorted(void **state)
{
	auto_smap m = SMAP_INIT, copy = SMAP_INIT;
	char key[16];

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "k%u", i * 7919 % 300);
		smap_set(&m, key, "v");
	}
	assert_int_equal(m.n, 300);
	for (size_t i = 1; i < m.n; i++)
		assert_true(strcmp(m.e[i - 1].key, m.e[i].key) < 0);
	smap_set(&m, "k5", "other");
	assert_int_equal(m.n, 300);
	assert_string_equal(smap_get(&m, "k5"), "other");
	assert_null(smap_get(&m, "k300"));
	smap_copy(&copy, &m);
	assert_true(smap_eq(&m, &copy));
	for (unsigned i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		assert_true(smap_del(&m, key));
		assert_false(smap_del(&m, key));
		smap_set(&m, "zzz", "again"); /* growth behind a removal */
	}
	assert_int_equal(m.n, 1);
	assert_false(smap_eq(&m, &copy));
}

static void test_smap_null_values(void **state)
{
	auto_smap a = SMAP_INIT, b = SMAP_INIT;

	(void)state;
	smap_set(&a, "x", NULL);
	smap_set(&b, "x", "");
	assert_non_null(smap_find(&a, "x"));
	assert_null(smap_get(&a, "x"));
	assert_false(smap_eq(&a, &b));
}

static void test_smap_syntax(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: malformed */
	} cases[] = {
		{ "", "" },
		{ " ; ;", "" },
		{ "b: 2; a: 1", "a: 1; b: 2" },
		{ "a:1;a:2", "a: 2" },
		{ "a:", "a: " },
		{ " a b : c d ;", "a b: c d" },
		{ "/a\\:b: c\\;d\\\\", "/a\\:b: c\\;d\\\\" },
		{ "a", NULL },
		{ "a: b: c", NULL },
		{ ": b", NULL },
		{ "a: 1; b", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_smap m = SMAP_INIT;
		auto_free char *out = NULL;
		int r = smap_parse(&m, cases[i].in);

		assert_int_equal(r, cases[i].out ? 0 : -EINVAL);
		out = smap_format(&m);
		assert_string_equal(out, cases[i].out ? cases[i].out : "");
	}
}

static void test_smap_parse_merges_all_or_nothing(void **state)
{
	auto_smap m = SMAP_INIT;
	auto_free char *out = NULL;

	(void)state;
	smap_set(&m, "a", "1");
	assert_int_equal(smap_parse(&m, "b: 2"), 0);
	assert_int_equal(smap_parse(&m, "c: 3; wrong"), -EINVAL);
	out = smap_format(&m);
	assert_string_equal(out, "a: 1; b: 2");
}

static void test_masks(void **state)
{
	static const struct {
		const char *mask, *name;
		bool match;
	} cases[] = {
		{ "***", "", true },         { "***", "a/b/c", true },  { "a***", "a/b/c", true },
		{ "a***", "b", false },      { "a/***", "a", false },   { "***c", "a/b/c", true },
		{ "***c", "a/b/d", false },  { "*", "a", true },        { "*", "a/b", false },
		{ "a/*", "a/b", true },      { "a/*", "a/b/c", false }, { "?", "a", true },
		{ "?", "/", false },         { "[ab]c", "bc", true },   { "[ab]c", "cc", false },
		{ "a", "a", true },          { "a", "ab", false },      { "**", "a/b", false },
		{ "a***b***", "axx", true }, /* the first *** counts */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(mask_match(cases[i].mask, cases[i].name), cases[i].match);
	assert_true(mask_is_pattern("a*"));
	assert_true(mask_is_pattern("[a]"));
	assert_true(mask_is_pattern("?"));
	assert_false(mask_is_pattern("a/b-c_d@e:f."));
}

static void test_quote(void **state)
{
	auto_buf b = BUF_INIT;

	(void)state;
	str_quote(&b, "");
	buf_addc(&b, ' ');
	str_quote(&b, "it's $HOME `x`\n");
	assert_string_equal(buf_str(&b), "'' 'it'\\''s $HOME `x`\n'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_predicates),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_set_from_inside_itself),
		cmocka_unit_test(test_strv_grows_and_stays_terminated),
		cmocka_unit_test(test_list_syntax),
		cmocka_unit_test(test_escaped_blank_survives_trimming),
		cmocka_unit_test(test_split_replaces_the_result),
		cmocka_unit_test(test_smap_is_sorted),
		cmocka_unit_test(test_smap_null_values),
		cmocka_unit_test(test_smap_syntax),
		cmocka_unit_test(test_smap_parse_merges_all_or_nothing),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
