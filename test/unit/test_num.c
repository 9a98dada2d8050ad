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
#include "base/num.h"

#define UNTOUCHED 0x5555555555555555ULL

struct u64_case {
	const char *text;
	int r;
	uint64_t value;
};

static void check_u64(int (*parse)(const char *, uint64_t *), const struct u64_case *cases,
		      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = UNTOUCHED;
		int r = parse(cases[i].text, &v);

		if (r != cases[i].r || (r == 0 && v != cases[i].value))
			print_error("case \"%s\"\n", cases[i].text);
		assert_int_equal(r, cases[i].r);
		assert_true(v == (r < 0 ? UNTOUCHED : cases[i].value));
	}
}

static void test_u64(void **state)
{
	static const struct u64_case cases[] = {
		{ "0", 0, 0 },
		{ " 42 \n", 0, 42 },
		{ "+7", 0, 7 },
		{ "-0", 0, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999999", -ERANGE, 0 },
		{ "-1", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ " ", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1 2", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
	};

	(void)state;
	check_u64(num_parse_u64, cases, ARRAY_SIZE(cases));
}

static void test_i64(void **state)
{
	int64_t v = 0;

	(void)state;
	assert_int_equal(num_parse_i64("-9223372036854775808", &v), 0);
	assert_true(v == INT64_MIN);
	assert_int_equal(num_parse_i64("9223372036854775807", &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(num_parse_i64("9223372036854775808", &v), -ERANGE);
	assert_int_equal(num_parse_i64("-9223372036854775809", &v), -ERANGE);
	assert_int_equal(num_parse_i64("--1", &v), -EINVAL);
	assert_true(v == INT64_MAX);
}

static void test_octal_and_hex(void **state)
{
	uint32_t v = 0;

	(void)state;
	assert_int_equal(num_parse_oct("0022", &v), 0);
	assert_int_equal(v, 022);
	assert_int_equal(num_parse_oct("8", &v), -EINVAL);
	assert_int_equal(num_parse_oct("37777777777", &v), 0);
	assert_true(v == UINT32_MAX);
	assert_int_equal(num_parse_oct("40000000000", &v), -ERANGE);
	assert_int_equal(num_parse_hex("0xFf", &v), 0);
	assert_int_equal(v, 255);
	assert_int_equal(num_parse_hex("1ff", &v), 0);
	assert_int_equal(v, 0x1ff);
	assert_int_equal(num_parse_hex("0x", &v), -EINVAL);
	assert_int_equal(num_parse_hex("100000000", &v), -ERANGE);
	assert_int_equal(num_parse_hex("-1", &v), -EINVAL);
}

static void test_bool(void **state)
{
	bool v = false;

	(void)state;
	assert_int_equal(num_parse_bool("true", &v), 0);
	assert_true(v);
	assert_int_equal(num_parse_bool("false", &v), 0);
	assert_false(v);
	assert_int_equal(num_parse_bool("True", &v), -EINVAL);
	assert_int_equal(num_parse_bool("1", &v), -EINVAL);
	assert_int_equal(num_parse_bool("", &v), -EINVAL);
}

static void test_double(void **state)
{
	static const char *const bad[] = { "",    "x",   "1c",  "0x10", "nan",
					   "inf", "1 2", "--1", ".",    "e" };
	char buf[NUM_MAX];
	double v = 5;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(num_parse_double(bad[i], &v), -EINVAL);
		assert_true(v == 5);
	}
	assert_int_equal(num_parse_double(" 0.01\n", &v), 0);
	assert_true(v == 0.01);
	assert_int_equal(num_parse_double("-1.5e3", &v), 0);
	assert_true(v == -1500);
	assert_int_equal(num_parse_double("1e999", &v), -ERANGE);
	assert_string_equal(num_format_double(0.25, buf, sizeof(buf)), "0.25");
	assert_string_equal(num_format_double(100, buf, sizeof(buf)), "100");
}

static void test_size(void **state)
{
	static const struct u64_case cases[] = {
		{ "0", 0, 0 },
		{ "512", 0, 512 },
		{ "512B", 0, 512 },
		{ "1k", 0, 1024 },
		{ "1K", 0, 1024 },
		{ "1Kb", 0, 1024 },
		{ "1KB", 0, 1024 },
		{ "1KiB", 0, 1024 },
		{ "1 M", 0, 1 << 20 },
		{ "1.5G", 0, 3ULL << 29 },
		{ "0.5", 0, 0 },
		{ ".5k", 0, 512 },
		{ "1.k", 0, 1024 },
		{ "16E", -ERANGE, 0 },
		{ "15.5E", 0, 31ULL << 59 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "-1", -ERANGE, 0 },
		{ "-0", 0, 0 },
		{ "1.0000000000000000000000001K", 0, 1024 }, /* digits beyond any meaning */
		{ "", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ "1Z", -EINVAL, 0 },
		{ "1iB", -EINVAL, 0 },
		{ "1Bb", -EINVAL, 0 },
		{ "1Ki", -EINVAL, 0 },
		{ "1K2", -EINVAL, 0 },
		{ "1 2", -EINVAL, 0 },
		{ "1,5K", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
	};

	(void)state;
	check_u64(num_parse_size, cases, ARRAY_SIZE(cases));
}

static void test_nsec(void **state)
{
	static const struct u64_case cases[] = {
		{ "5", 0, 5 },           { "1s", 0, 1000000000 }, { "1.5 sec", 0, 1500000000 },
		{ "2ms", 0, 2000000 },   { "2msec", 0, 2000000 }, { "3us", 0, 3000 },
		{ "3usec", 0, 3000 },    { "4ns", 0, 4 },         { "4nsec ", 0, 4 },
		{ "5000ps", 0, 5 },      { "1999psec", 0, 1 },    { "3000000fs", 0, 3 },
		{ "3000000fsec", 0, 3 }, { "1S", -EINVAL, 0 },    { "1m", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },     { "-1s", -ERANGE, 0 },   { "18446744074s", -ERANGE, 0 },
	};

	(void)state;
	check_u64(num_parse_nsec, cases, ARRAY_SIZE(cases));
}

static int parse_cpu_of_4(const char *s, uint64_t *ret)
{
	return num_parse_cpu(s, 4, ret);
}

static void test_cpu(void **state)
{
	static const struct u64_case cases[] = {
		{ "0", 0, 0 },
		{ "1c", 0, 1000000000 },
		{ "0.5c", 0, 500000000 },
		{ "1.25 c", 0, 1250000000 },
		{ "0.000000001c", 0, 1 },
		{ "0.0000000019c", 0, 1 }, /* further digits are cut */
		{ "1500ns", 0, 1500 },
		{ "50", 0, 2000000000 },
		{ "12.5%", 0, 500000000 },
		{ "100%", 0, 4000000000 },
		{ "1C", -EINVAL, 0 },
		{ "1cores", -EINVAL, 0 },
		{ "c", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "-1c", -ERANGE, 0 },
		{ "99999999999c", -ERANGE, 0 },
	};

	(void)state;
	check_u64(parse_cpu_of_4, cases, ARRAY_SIZE(cases));
}

static void test_cpu_format_round_trips(void **state)
{
	static const struct {
		uint64_t value;
		const char *text;
	} cases[] = {
		{ 0, "0c" },          { 1, "0.000000001c" },  { 1500000000, "1.5c" },
		{ 2000000000, "2c" }, { 10000000000, "10c" },
	};
	char buf[NUM_MAX];
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_string_equal(num_format_cpu(cases[i].value, buf, sizeof(buf)),
				    cases[i].text);
		assert_int_equal(num_parse_cpu(buf, 1, &v), 0);
		assert_true(v == cases[i].value);
	}
}

static void test_size_format(void **state)
{
	static const struct {
		uint64_t value;
		const char *text;
	} cases[] = {
		{ 0, "0B" },
		{ 512, "512B" },
		{ 1023, "1023B" },
		{ 1024, "1K" },
		{ 1536, "1.5K" },
		{ (1 << 20) - 1, "1M" },
		{ 3ULL << 29, "1.5G" },
		{ UINT64_MAX, "16E" },
	};
	char buf[NUM_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(num_format_size(cases[i].value, buf, sizeof(buf)),
				    cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_i64),
		cmocka_unit_test(test_octal_and_hex),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_double),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_nsec),
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_cpu_format_round_trips),
		cmocka_unit_test(test_size_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
