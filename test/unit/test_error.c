/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>

#include "base/error.h"

static void test_setters_return_minus_one_and_fill(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(error_set(&err, ERR_INVALID_VALUE, "set %s %d", "x", 5), -1);
	assert_int_equal(err.code, ERR_INVALID_VALUE);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.text, "set x 5");
	assert_int_equal(error_errno(&err, EACCES, "open %s", "/x"), -1);
	assert_int_equal(err.code, ERR_PERMISSION);
	assert_int_equal(err.sys, EACCES);
	assert_int_equal(error_sys(&err, ERR_INVALID_PATH, ENOENT, "root"), -1);
	assert_int_equal(err.code, ERR_INVALID_PATH);
	assert_int_equal(err.sys, ENOENT);
	error_clear(&err);
	assert_int_equal(err.code, 0);
	assert_string_equal(err.text, "");
}

static void test_prefix_keeps_code_and_errno(void **state)
{
	struct error err = ERROR_INIT;
	char buf[ERROR_MESSAGE_MAX];

	(void)state;
	error_errno(&err, ENOSPC, "write memory.max 100M");
	error_prefix(&err, "container %s", "a/b");
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_int_equal(err.sys, ENOSPC);
	assert_string_equal(err.text, "container a/b: write memory.max 100M");
	assert_string_equal(error_message(&err, buf, sizeof(buf)),
			    "No space left on device: container a/b: write memory.max 100M");
}

/* The new text may be made from the old one. */
static void test_own_text_may_be_an_argument(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	error_set(&err, ERR_BUSY, "inner");
	error_set(&err, ERR_UNKNOWN, "outer (%s)", err.text);
	assert_string_equal(err.text, "outer (inner)");
}

static void test_errno_classes(void **state)
{
	static const struct {
		int sys, code;
	} cases[] = {
		{ EPERM, ERR_PERMISSION },
		{ EACCES, ERR_PERMISSION },
		{ ENOSPC, ERR_NO_SPACE },
		{ EDQUOT, ERR_NO_SPACE },
		{ ENOMEM, ERR_RESOURCE_NOT_AVAILABLE },
		{ EAGAIN, ERR_RESOURCE_NOT_AVAILABLE },
		{ EMFILE, ERR_RESOURCE_NOT_AVAILABLE },
		{ ENFILE, ERR_RESOURCE_NOT_AVAILABLE },
		{ EBUSY, ERR_BUSY },
		{ EOPNOTSUPP, ERR_NOT_SUPPORTED },
		{ ENOSYS, ERR_NOT_SUPPORTED },
		{ EIO, ERR_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(error_code_of_errno(cases[i].sys), cases[i].code);
}

static void test_fits_a_pipe_atomically(void **state)
{
	(void)state;
	assert_true(sizeof(struct error) < PIPE_BUF);
}

static void test_long_text_is_cut_between_characters(void **state)
{
	char longtext[ERROR_TEXT_MAX * 2];
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		size_t i = shift, len;

		memset(longtext, 'a', shift);
		for (; i + 4 < sizeof(longtext); i += 4)
			memcpy(longtext + i, "\xf0\x9f\x98\x80", 4);
		longtext[i] = '\0';
		error_set(&err, ERR_UNKNOWN, "%s", longtext);
		len = strlen(err.text);
		assert_true(len < ERROR_TEXT_MAX && len > ERROR_TEXT_MAX - 5);
		assert_int_equal((len - shift) % 4, 0);
	}
	memset(longtext, 'x', sizeof(longtext));
	longtext[sizeof(longtext) - 1] = '\0';
	error_set(&err, ERR_UNKNOWN, "%s", longtext);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	error_prefix(&err, "p");
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_memory_equal(err.text, "p: x", 4);
}

static void test_string_round_trip(void **state)
{
	struct error err = ERROR_INIT, back = ERROR_INIT;
	char buf[ERROR_MESSAGE_MAX + 64], again[ERROR_MESSAGE_MAX + 64];

	(void)state;
	error_set(&err, ERR_INVALID_COMMAND, "exec (of \"x\"): not (there)");
	error_string(&err, buf, sizeof(buf));
	assert_string_equal(buf, "InvalidCommand:(exec (of \"x\"): not (there))");
	error_parse(&back, buf);
	assert_int_equal(back.code, err.code);
	assert_string_equal(back.text, err.text);

	error_errno(&err, ENOENT, "open /x");
	error_string(&err, buf, sizeof(buf));
	assert_string_equal(buf, "Unknown:(No such file or directory: open /x)");
	error_parse(&back, buf);
	assert_int_equal(back.sys, 0);
	assert_string_equal(error_string(&back, again, sizeof(again)), buf);
}

static void test_unknown_string_becomes_unknown(void **state)
{
	static const char *const texts[] = { "", "x", "NoSuch:(x)", "Busy:(", "Busy", ":()" };
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		error_parse(&err, texts[i]);
		assert_int_equal(err.code, ERR_UNKNOWN);
		assert_string_equal(err.text, texts[i]);
	}
	error_parse(&err, "Busy:()");
	assert_int_equal(err.code, ERR_BUSY);
	assert_string_equal(err.text, "");
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(error_name(ERR_SUCCESS), "Success");
	assert_string_equal(error_name(ERR_DOCKER_IMAGE_NOT_FOUND), "DockerImageNotFound");
	assert_string_equal(error_name(12345), "Unknown");
	assert_string_equal(error_name(-1), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_setters_return_minus_one_and_fill),
		cmocka_unit_test(test_prefix_keeps_code_and_errno),
		cmocka_unit_test(test_own_text_may_be_an_argument),
		cmocka_unit_test(test_errno_classes),
		cmocka_unit_test(test_fits_a_pipe_atomically),
		cmocka_unit_test(test_long_text_is_cut_between_characters),
		cmocka_unit_test(test_string_round_trip),
		cmocka_unit_test(test_unknown_string_becomes_unknown),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
