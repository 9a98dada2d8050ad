/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/xalloc.h"

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/portod-test.XXXXXX", tmp ? tmp : "/tmp");

	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	char *dir = *state;
	int r;

	log_open(NULL, "test");
	log_set_level(LOG_INFO);
	r = fd_remove_tree(AT_FDCWD, dir);
	free(dir);
	return r;
}

static char *contents(const char *path)
{
	char *text;

	assert_int_equal(fd_read_file(AT_FDCWD, path, 1 << 20, &text, NULL), 0);
	return text;
}

static void test_one_line_per_call_whatever_the_text(void **state)
{
	auto_free char *path = xasprintf("%s/log", (char *)*state);
	auto_free char *text = NULL;

	assert_int_equal(log_open(path, "server"), 0);
	errno = ENOTTY;
	log_error("name \"%s\"", "a\n2026-01-01 00:00:00.000 server[1]: ERR forged\x1b[0m");
	assert_int_equal(errno, ENOTTY);
	text = contents(path);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_non_null(strstr(text, "]: ERR name \"a\\n2026-01-01 00:00:00.000 server[1]: ERR "
				     "forged\\x1b[0m\"\n"));
	assert_non_null(strstr(text, " server["));
}

static void test_levels(void **state)
{
	auto_free char *path = xasprintf("%s/log", (char *)*state);
	auto_free char *text = NULL;
	struct log_stats before;

	assert_int_equal(log_open(path, "server"), 0);
	before = *log_get_stats();
	log_debug("hidden");
	log_info("shown");
	log_set_level(LOG_ERROR);
	log_warning("hidden but counted");
	log_set_level(LOG_DEBUG);
	log_debug("seen");
	text = contents(path);
	assert_null(strstr(text, "hidden"));
	assert_non_null(strstr(text, "]:     shown\n"));
	assert_non_null(strstr(text, "]: DBG seen\n"));
	assert_int_equal(log_get_stats()->warnings, before.warnings + 1);
	assert_int_equal(log_get_stats()->lines, before.lines + 2);
}

static void test_long_lines_are_whole(void **state)
{
	auto_free char *path = xasprintf("%s/log", (char *)*state);
	auto_free char *text = NULL;

	assert_int_equal(log_open(path, "server"), 0);
	log_info("%20000d|", 1);
	text = contents(path);
	assert_true(strlen(text) > 20000);
	assert_non_null(strstr(text, "1|\n"));
}

static void test_reopen_after_rotation(void **state)
{
	auto_free char *path = xasprintf("%s/log", (char *)*state);
	auto_free char *old = xasprintf("%s/log.1", (char *)*state);
	auto_free char *text = NULL;
	struct stat st;

	assert_int_equal(log_open(path, "server"), 0);
	assert_int_equal(rename(path, old), 0);
	log_info("first");
	assert_int_equal(log_reopen(), 0);
	log_info("second");
	text = contents(path);
	assert_null(strstr(text, "first"));
	assert_non_null(strstr(text, "second"));
	assert_true(fcntl(log_fd(), F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(log_fd(), &st), 0);
}

static void test_links_are_not_followed(void **state)
{
	auto_free char *path = xasprintf("%s/link", (char *)*state);

	assert_int_equal(symlink("target", path), 0);
	assert_int_equal(log_open(path, "server"), -ELOOP);
	assert_int_equal(log_fd(), STDERR_FILENO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_line_per_call_whatever_the_text, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_lines_are_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopen_after_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
