/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/procfs.h"

static void test_self(void **state)
{
	struct proc_stat st;
	char comm[64];
	pid_t pid;
	uid_t uid;
	gid_t gid;

	(void)state;
	assert_int_equal(prctl(PR_SET_NAME, "a) R 1 (b"), 0);
	assert_int_equal(procfs_stat(getpid(), &st), 0);
	assert_int_equal(st.state, 'R');
	assert_int_equal(st.ppid, getppid());
	assert_true(st.starttime > 0);
	assert_int_equal(procfs_comm(getpid(), comm, sizeof(comm)), 0);
	assert_string_equal(comm, "a) R 1 (b");
	assert_int_equal(procfs_inner_pid(getpid(), &pid), 0);
	assert_true(pid > 0);
	assert_int_equal(procfs_ids(getpid(), &uid, &gid), 0);
	assert_int_equal(uid, geteuid());
	assert_int_equal(gid, getegid());
	assert_true(procfs_mem_total() > 0);
}

static void test_caps(void **state)
{
	uint64_t caps = 1, child = 1;
	int ends[2];
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(procfs_caps(getpid(), &caps), 0);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		(void)!setuid(65534);
		(void)!write(ends[1], "x", 1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(procfs_caps(pid, &child), 0);
	if (geteuid() == 0) {
		assert_true(caps != 0);
		assert_int_equal(child, 0);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(procfs_caps(pid, &child), -ESRCH);
}

static void test_same_namespace(void **state)
{
	pid_t pid;

	(void)state;
	assert_int_equal(procfs_pid_as_seen_by(getpid(), getpid(), &pid), 0);
	assert_int_equal(pid, getpid());
	assert_int_equal(procfs_pid_from_view(getpid(), getpid(), &pid), 0);
	assert_int_equal(pid, getpid());
	assert_int_equal(procfs_pid_from_view(0, getpid(), &pid), -ESRCH);
	assert_int_equal(procfs_pid_from_view(-5, getpid(), &pid), -ESRCH);
}

static void test_gone(void **state)
{
	struct proc_stat st;
	pid_t pid = fork();
	siginfo_t si;

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(procfs_stat(pid, &st), 0);
	assert_true(procfs_is_gone(pid, st.starttime + 1));
	/* a zombie is gone, too */
	assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
	assert_true(procfs_is_gone(pid, st.starttime));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(procfs_stat(pid, &st), -ESRCH);
	assert_true(procfs_is_gone(pid, st.starttime));
	assert_int_equal(procfs_stat(getpid(), &st), 0);
	assert_false(procfs_is_gone(getpid(), st.starttime));
}

static void on_signal(int sig)
{
	(void)sig;
}

static void test_signals(void **state)
{
	struct proc_stat st;
	uint64_t handled;
	sigset_t set;
	pid_t pid;

	(void)state;
	assert_int_equal(procfs_handled_signals(getpid(), &handled), 0);
	assert_false(handled & SIGNAL_BIT(SIGUSR1) || handled & SIGNAL_BIT(SIGUSR2));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	signal(SIGUSR1, on_signal);
	sigprocmask(SIG_BLOCK, &set, NULL);
	assert_int_equal(procfs_handled_signals(getpid(), &handled), 0);
	assert_true(handled & SIGNAL_BIT(SIGUSR1) && handled & SIGNAL_BIT(SIGUSR2));
	assert_int_equal(procfs_stat(getpid(), &st), 0);
	assert_int_equal(st.pgrp, getpgrp());
	assert_int_equal(st.session, getsid(0));
	/* Somebody who waits for one shows neither. */
	pid = fork();
	if (pid == 0) {
		int sig;

		sigwait(&set, &sig);
		_exit(sig);
	}
	for (int i = 0; i < 1000 && !procfs_waits_for_signal(pid); i++)
		poll(NULL, 0, 10);
	assert_true(procfs_waits_for_signal(pid));
	assert_false(procfs_waits_for_signal(getpid()));
	kill(pid, SIGUSR2);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(procfs_handled_signals(pid, &handled), -ESRCH);
	signal(SIGUSR1, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void test_missing(void **state)
{
	struct proc_stat st;
	char comm[64];
	pid_t pid;
	uid_t uid;
	gid_t gid;
	const pid_t none = 1 << 30; /* above the largest pid_max */

	(void)state;
	assert_int_equal(procfs_stat(none, &st), -ESRCH);
	assert_int_equal(procfs_comm(none, comm, sizeof(comm)), -ESRCH);
	assert_int_equal(procfs_inner_pid(none, &pid), -ESRCH);
	assert_int_equal(procfs_ids(none, &uid, &gid), -ESRCH);
	assert_int_equal(procfs_pid_as_seen_by(none, getpid(), &pid), -ESRCH);
	assert_int_equal(procfs_pid_as_seen_by(getpid(), none, &pid), -ESRCH);
	assert_int_equal(procfs_pid_from_view(1, none, &pid), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_self),           cmocka_unit_test(test_caps),
		cmocka_unit_test(test_same_namespace), cmocka_unit_test(test_gone),
		cmocka_unit_test(test_signals),        cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
