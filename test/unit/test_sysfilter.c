/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of system calls, as the kernel applies them to a child of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/xalloc.h"
#include "kernel/sysfilter.h"

#define ALLOW                      \
	{                          \
		SYSFILTER_ALLOW, 0 \
	}
#define FAIL(e)                    \
	{                          \
		SYSFILTER_ERRNO, e \
	}
#define KILLED 1000 /* + signal */

static struct sysfilter_rule rule(const char *name, struct sysfilter_action action)
{
	struct sysfilter_rule r = { .action = action };

	assert_int_equal(sysfilter_find(name, &r.syscall), 0);
	return r;
}

static struct sysfilter_rule rule_arg(const char *name, struct sysfilter_action action,
				      struct sysfilter_arg arg)
{
	struct sysfilter_rule r = rule(name, action);

	r.args[r.nargs++] = arg;
	return r;
}

/*
 * What getpriority(which, who) answers under the filters: 0, an errno, or KILLED + signal. The
 * arguments are what the comparisons are about; nothing else uses the call.
 */
static int ask2(const struct sysfilter_profile *p, size_t n, long which, long who)
{
	struct error err = ERROR_INIT;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		long r;

		signal(SIGSYS, SIG_DFL); /* cmocka catches it */
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			_exit(254);
		for (size_t i = 0; i < n; i++) {
			struct sysfilter f;

			if (sysfilter_compile(&p[i], &f, &err) || sysfilter_install(&f, &err)) {
				dprintf(2, "%s\n", err.text);
				_exit(254);
			}
		}
		r = syscall(SYS_getpriority, which, who);
		_exit(r < 0 ? errno : 0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return KILLED + WTERMSIG(status);
	assert_int_not_equal(WEXITSTATUS(status), 254);
	return WEXITSTATUS(status);
}

static int ask(struct sysfilter_rule *rules, size_t n, struct sysfilter_action otherwise, long who)
{
	struct sysfilter_profile p = { .otherwise = otherwise, .rules = rules, .nrules = n };

	return ask2(&p, 1, 0, who);
}

static void names(void **state)
{
	int nr = 0;

	(void)state;
	assert_int_equal(sysfilter_find("read", &nr), 0);
	assert_int_equal(nr, SYS_read);
	assert_int_equal(sysfilter_find("441", &nr), 0);
	assert_int_equal(nr, 441);
	assert_int_equal(sysfilter_find("no_such_call", &nr), -ENOENT);
	assert_int_equal(sysfilter_find("", &nr), -ENOENT);
	assert_int_equal(sysfilter_find("99999999999999999999", &nr), -ENOENT);
	assert_int_equal(sysfilter_find("-1", &nr), -ENOENT);
	/* of other architectures: no mistake, and harmless */
	assert_int_equal(sysfilter_find("socketcall", &nr), 0);
}

static void verdicts(void **state)
{
	static const struct {
		struct sysfilter_action action;
		int result;
	} cases[] = {
		{ ALLOW, 0 },
		{ FAIL(EPERM), EPERM },
		{ FAIL(ENOTTY), ENOTTY },
		{ FAIL(0), 0 },
		{ { SYSFILTER_LOG, 0 }, 0 },
		{ { SYSFILTER_TRACE, 7 }, ENOSYS }, /* without a tracer */
		{ { SYSFILTER_TRAP, 0 }, KILLED + SIGSYS },
		{ { SYSFILTER_KILL_PROCESS, 0 }, KILLED + SIGSYS },
		{ { SYSFILTER_KILL_THREAD, 0 }, KILLED + SIGSYS },
	};
	struct sysfilter_action allow = ALLOW;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sysfilter_rule r = rule("getpriority", cases[i].action);
		int got = ask(&r, 1, allow, 0);

		if (got != cases[i].result)
			fail_msg("verdict %d: %d", (int)cases[i].action.verdict, got);
	}
}

static void comparisons(void **state)
{
	static const struct {
		enum sysfilter_compare compare;
		uint64_t value, mask;
		long who;
		bool hit;
	} cases[] = {
		{ SYSFILTER_EQ, 5, 0, 5, true },
		{ SYSFILTER_EQ, 5, 0, 6, false },
		{ SYSFILTER_NE, 5, 0, 5, false },
		{ SYSFILTER_NE, 5, 0, 6, true },
		{ SYSFILTER_LT, 5, 0, 4, true },
		{ SYSFILTER_LT, 5, 0, 5, false },
		{ SYSFILTER_LE, 5, 0, 5, true },
		{ SYSFILTER_LE, 5, 0, 6, false },
		{ SYSFILTER_GE, 5, 0, 5, true },
		{ SYSFILTER_GE, 5, 0, 4, false },
		{ SYSFILTER_GT, 5, 0, 6, true },
		{ SYSFILTER_GT, 5, 0, 5, false },
		{ SYSFILTER_EQ, 1LL << 40, 0, 1LL << 40, true },
		{ SYSFILTER_EQ, 0, 0, 1LL << 40, false },
		{ SYSFILTER_MASKED_EQ, 4, 6, 4, true },
		{ SYSFILTER_MASKED_EQ, 4, 6, 5, true },
		{ SYSFILTER_MASKED_EQ, 4, 6, 6, false },
		{ SYSFILTER_MASKED_EQ, 0, 6, 1, true },
		{ SYSFILTER_MASKED_EQ, 0, 6, 2, false },
	};
	struct sysfilter_action allow = ALLOW, fail = FAIL(EDOM);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sysfilter_rule r = rule_arg("getpriority", fail,
						   (struct sysfilter_arg){
							   .index = 1,
							   .compare = cases[i].compare,
							   .value = cases[i].value,
							   .mask = cases[i].mask,
						   });

		/* `who` of a process that does not exist is ESRCH. */
		if ((ask(&r, 1, allow, cases[i].who) == EDOM) != cases[i].hit)
			fail_msg("case %zu", i);
	}
}

static void all_arguments_must_hold(void **state)
{
	struct sysfilter_action allow = ALLOW, fail = FAIL(EDOM);
	struct sysfilter_rule r = rule_arg("getpriority", fail,
					   (struct sysfilter_arg){ 0, SYSFILTER_EQ, 0, 0 });
	struct sysfilter_profile p = { .otherwise = allow, .rules = &r, .nrules = 1 };

	(void)state;
	r.args[r.nargs++] = (struct sysfilter_arg){ 1, SYSFILTER_EQ, 0, 0 };
	assert_int_equal(ask2(&p, 1, 0, 0), EDOM);
	assert_int_not_equal(ask2(&p, 1, 1, 0), EDOM);
	assert_int_not_equal(ask2(&p, 1, 0, 1), EDOM);
}

static void list_of_what_is_allowed(void **state)
{
	struct sysfilter_action allow = ALLOW, fail = FAIL(EDOM);
	struct sysfilter_rule rules[] = {
		rule("exit_group", allow), rule("write", allow), rule("getpriority", allow),
		rule("getpid", fail), /* says what holds anyway */
	};

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* the sanitizer makes calls of its own, which are not on the list */
#endif
	assert_int_equal(ask(rules, 4, fail, 0), 0);
	assert_int_equal(ask(rules, 2, fail, 0), EDOM);
}

static void the_strictest_of_several_counts(void **state)
{
	struct sysfilter_action allow = ALLOW, fail = FAIL(EDOM),
				kill = { SYSFILTER_KILL_PROCESS, 0 };
	struct sysfilter_rule first = rule("getpriority", fail), second = rule("getpriority", kill);
	struct sysfilter_profile p[] = {
		{ .otherwise = allow, .rules = &first, .nrules = 1 },
		{ .otherwise = allow },
		{ .otherwise = allow, .rules = &second, .nrules = 1 },
	};

	(void)state;
	assert_int_equal(ask2(p, 2, 0, 0), EDOM);
	assert_int_equal(ask2(p, 3, 0, 0), KILLED + SIGSYS);
	assert_int_equal(ask2(p + 1, 1, 0, 0), 0);
}

static void large_and_too_large(void **state)
{
	enum { MANY = 3000 };
	struct sysfilter_action allow = ALLOW, fail = FAIL(EDOM);
	struct sysfilter_rule *rules = xnew_array(struct sysfilter_rule, MANY);
	struct sysfilter_profile p = { .otherwise = allow, .rules = rules, .nrules = 300 };
	struct error err = ERROR_INIT;
	struct sysfilter f = { 0 };

	(void)state;
	for (int i = 0; i < MANY; i++)
		rules[i] = (struct sysfilter_rule){ .syscall = 1000 + i, .action = fail };
	rules[299] = rule("getpriority", fail);
	assert_int_equal(sysfilter_compile(&p, &f, &err), 0);
	assert_true(f.n > 300 && f.n <= 4096);
	sysfilter_deinit(&f);
	assert_int_equal(ask2(&p, 1, 0, 0), EDOM);
	for (int i = 0; i < MANY; i++)
		rules[i] =
			rule_arg("getpriority", fail,
				 (struct sysfilter_arg){ 1, SYSFILTER_EQ, (uint64_t)i << 32, 0 });
	p.nrules = MANY;
	assert_int_equal(sysfilter_compile(&p, &f, &err), -1);
	assert_int_equal(err.code, ERR_INVALID_VALUE);
	free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(comparisons),
		cmocka_unit_test(all_arguments_must_hold),
		cmocka_unit_test(list_of_what_is_allowed),
		cmocka_unit_test(the_strictest_of_several_counts),
		cmocka_unit_test(large_and_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
