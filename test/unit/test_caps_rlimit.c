/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/capability.h>

#include "kernel/caps.h"
#include "kernel/rlimit.h"

static void capability_names(void **state)
{
	uint64_t bit = 0;

	(void)state;
	assert_int_equal(caps_parse_name("KILL", &bit), 0);
	assert_true(bit == CAP_BIT(CAP_KILL));
	assert_int_equal(caps_parse_name("sys_Admin", &bit), 0);
	assert_true(bit == CAP_BIT(CAP_SYS_ADMIN));
	assert_int_equal(caps_parse_name("CAP_KILL", &bit), -ENOENT);
	assert_int_equal(caps_parse_name("", &bit), -ENOENT);
	assert_int_equal(caps_parse_name("5", &bit), -ENOENT);
	assert_int_equal(caps_parse_name("KILL x", &bit), -ENOENT);
}

static void capability_lists(void **state)
{
	struct error err = ERROR_INIT;
	uint64_t mask = 0;
	auto_free char *text = NULL;

	(void)state;
	assert_int_equal(caps_parse("KILL; chown ;;", &mask, &err), 0);
	assert_true(mask == (CAP_BIT(CAP_KILL) | CAP_BIT(CAP_CHOWN)));
	text = caps_format(mask);
	assert_string_equal(text, "CHOWN;KILL");
	assert_int_equal(caps_parse("", &mask, &err), 0);
	assert_true(mask == 0);
	assert_int_equal(caps_parse("KILL;BOGUS", &mask, &err), -1);
	assert_int_equal(err.code, ERR_INVALID_VALUE);
	assert_non_null(strstr(err.text, "BOGUS"));
	assert_true(mask == 0);
}

static void capability_sets(void **state)
{
	auto_free char *text = caps_format(caps_default), *all = caps_format(caps_all());
	struct error err = ERROR_INIT;
	uint64_t mask = 0;

	(void)state;
	assert_string_equal(text, "CHOWN;DAC_OVERRIDE;FOWNER;FSETID;KILL;SETGID;SETUID;SETPCAP;"
				  "NET_BIND_SERVICE;NET_ADMIN;NET_RAW;IPC_LOCK;SYS_CHROOT;"
				  "SYS_PTRACE;MKNOD;AUDIT_WRITE;SETFCAP");
	assert_true((caps_root & caps_default) == caps_default);
	assert_true((caps_all() & caps_root) == caps_root);
	assert_true((caps_need_pid_ns | caps_need_memory | caps_need_net_ns) & caps_default);
	assert_int_equal(caps_parse(all, &mask, &err), 0);
	assert_true(mask == caps_all());
}

static void limit_names(void **state)
{
	static const char *const names[] = { "as",     "core",   "cpu",        "data",
					     "fsize",  "locks",  "memlock",    "msgqueue",
					     "nice",   "nofile", "nproc",      "rss",
					     "rtprio", "rttime", "sigpending", "stack" };
	int resource;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(rlimit_parse_name(names[i], &resource), 0);
		assert_string_equal(rlimit_name(resource), names[i]);
	}
	assert_int_equal(rlimit_parse_name("nofiles", &resource), -ENOENT);
}

static void check_value(const char *text, rlim_t soft, rlim_t hard, const char *canonical)
{
	struct rlimit lim;
	auto_free char *out = NULL;

	assert_int_equal(rlimit_parse_value(text, &lim), 0);
	assert_true(lim.rlim_cur == soft && lim.rlim_max == hard);
	out = rlimit_format_value(&lim);
	assert_string_equal(out, canonical);
}

static void limit_values(void **state)
{
	static const char *const wrong[] = {
		"", " ", "x", "1 2 3", "2 1", "-2", "unlimited 5", "1x"
	};
	struct rlimit lim;

	(void)state;
	check_value("8K 1M", 8192, 1 << 20, "8192 1048576");
	check_value("100", 100, 100, "100 100");
	check_value("0 unlimited", 0, RLIM_INFINITY, "0 unlimited");
	check_value("  unlim  inf ", RLIM_INFINITY, RLIM_INFINITY, "unlimited unlimited");
	check_value("-1", RLIM_INFINITY, RLIM_INFINITY, "unlimited unlimited");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(rlimit_parse_value(wrong[i], &lim), -EINVAL);
}

static void limits_are_applied_as_far_as_possible(void **state)
{
	struct rlimit_entry e = { RLIMIT_CORE, { 0, 0 } };
	struct error err = ERROR_INIT;
	struct rlimit lim;
	int r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_CORE, &lim), 0);
	e.lim.rlim_max = lim.rlim_max;
	assert_int_equal(rlimit_apply(0, &e, &err), 0);
	assert_int_equal(getrlimit(RLIMIT_CORE, &lim), 0);
	assert_true(lim.rlim_cur == 0);
	/* Raised with CAP_SYS_RESOURCE, else lowered to what there is. */
	e = (struct rlimit_entry){ RLIMIT_NOFILE, { RLIM_INFINITY, RLIM_INFINITY } };
	r = rlimit_apply(0, &e, &err);
	assert_true(r == 0 || r == 1);
	e = (struct rlimit_entry){ 1000, { 0, 0 } };
	assert_int_equal(rlimit_apply(0, &e, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capability_names),
		cmocka_unit_test(capability_lists),
		cmocka_unit_test(capability_sets),
		cmocka_unit_test(limit_names),
		cmocka_unit_test(limit_values),
		cmocka_unit_test(limits_are_applied_as_far_as_possible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
