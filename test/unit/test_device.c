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

#include "kernel/device.h"

/* containers.md §22; console is null again, and is one rule with it */
static void test_defaults(void **state)
{
	size_t n;
	const struct device_node *nodes = device_defaults(&n);
	auto_buf b = BUF_INIT;

	(void)state;
	device_rules_format(nodes, n, &b);
	assert_string_equal(buf_str(&b), "c 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\nc 1:9 rwm\n"
					 "c 5:0 rwm\nc 5:2 rw\nc 136:* rw\n");
	for (size_t i = 0; i < n; i++) {
		assert_true(S_ISCHR(nodes[i].mode));
		if (nodes[i].minor == DEVICE_ANY)
			assert_null(nodes[i].path);
	}
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
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_joins_same_device),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
