/* SPDX-License-Identifier: Apache-2.0 */
/* From a command's text to its arguments: reference/containers.md §20. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "kernel/exec.h"

static int set_environment(void **state)
{
	static struct strv env;

	strv_add(&env, "HOME=/home/porto");
	strv_add(&env, "WORDS=one  two");
	strv_add(&env, "EMPTY=");
	strv_add(&env, "PATH=/nowhere:/usr/bin:/bin");
	exec_set_environment(&env);
	*state = &env;
	return 0;
}

static int unset_environment(void **state)
{
	exec_set_environment(NULL);
	strv_deinit(*state);
	return 0;
}

/* Words joined by `|`. */
static void check(const char *command, const char *expected)
{
	auto_strv words = STRV_INIT;
	struct error err = ERROR_INIT;
	auto_buf out = BUF_INIT;

	assert_int_equal(exec_expand(command, &words, &err), 0);
	for (size_t i = 0; i < words.n; i++)
		buf_addf(&out, "%s%s", i ? "|" : "", words.v[i]);
	assert_string_equal(buf_str(&out), expected);
}

static void check_fails(const char *command, const char *reason)
{
	auto_strv words = STRV_INIT;
	struct error err = ERROR_INIT;

	assert_int_equal(exec_expand(command, &words, &err), -1);
	assert_int_equal(err.code, ERR_INVALID_COMMAND);
	assert_non_null(strstr(err.text, reason));
}

static void plain_words_are_split(void **state)
{
	(void)state;
	check("/bin/true", "/bin/true");
	check("  sleep \t 10 ", "sleep|10");
	assert_true(exec_is_plain("nginx -c /etc/nginx.conf --x=1,2:3@4%5^6+7"));
	assert_false(exec_is_plain("echo a\nb"));
	for (const char *p = "\"'\\$`*?[]~|&;<>(){}#!\n"; *p; p++) {
		char text[] = { 'a', *p, 0 };

		assert_false(exec_is_plain(text));
	}
}

static void words_are_expanded(void **state)
{
	(void)state;
	check("echo \"Hello, world!\"", "echo|Hello, world!");
	check("a 'b c' d\\ e", "a|b c|d e");
	check("x $WORDS \"$WORDS\" '$WORDS'", "x|one|two|one  two|$WORDS");
	check("${WORDS}s", "one|twos");
	check("x '' $EMPTY \"\" y", "x|||y");
	check("ls ~", "ls|/home/porto");
	check("ls ~/x", "ls|/home/porto/x");
	check("ls ~root/x", "ls|/root/x");
	check("ls /de[v]", "ls|/dev");
	check("ls /no/such/thing/*", "ls|/no/such/thing/*");
	check("echo $((1 + 2))", "echo|3");
}

static void errors_say_why(void **state)
{
	(void)state;
	check_fails("echo $(id)", "command substitution");
	check_fails("echo `id`", "command substitution");
	check_fails("echo $UNDEFINED", "undefined variable");
	check_fails("a | b", "unquoted");
	check_fails("a; b", "unquoted");
	check_fails("a\nb", "unquoted");
	check_fails("a > b", "unquoted");
	check_fails("echo 'a", "syntax");
	check_fails("", "empty");
	check_fails(" \t ", "empty");
	check_fails("$EMPTY", "empty");
}

static int run(const char *const *args, struct error *err)
{
	struct strv argv = STRV_INIT;
	int status = -1, fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		for (; *args; args++)
			strv_add(&argv, *args);
		exec_run(&argv, NULL, err);
		if (write(fds[1], err, sizeof(*err)) < 0)
			_exit(1);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	close(fds[1]);
	if (status == 99 << 8)
		assert_int_equal(read(fds[0], err, sizeof(*err)), sizeof(*err));
	close(fds[0]);
	return status;
}

static void programs_are_found_by_path(void **state)
{
	const char *const ok[] = { "sh", "-c", "exit 3", NULL };
	const char *const missing[] = { "/bin/nope", NULL };
	const char *const unknown[] = { "nope-nope", NULL };
	const char *const empty[] = { "", NULL };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(run(ok, &err), 3 << 8);
	assert_int_equal(run(missing, &err), 99 << 8);
	assert_int_equal(err.code, ERR_INVALID_COMMAND);
	assert_int_equal(err.sys, ENOENT);
	assert_string_equal(err.text, "exec /bin/nope");
	assert_int_equal(run(unknown, &err), 99 << 8);
	assert_int_equal(err.code, ERR_INVALID_COMMAND);
	assert_int_equal(run(empty, &err), 99 << 8);
	assert_int_equal(err.code, ERR_INVALID_COMMAND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_words_are_split),
		cmocka_unit_test(words_are_expanded),
		cmocka_unit_test(errors_say_why),
		cmocka_unit_test(programs_are_found_by_path),
	};

	return cmocka_run_group_tests(tests, set_environment, unset_environment);
}
