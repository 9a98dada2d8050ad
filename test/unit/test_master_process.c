/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master as a process, with a fake server: this program executes itself as
 * `test_master_process --master DIR MODE` and talks to the fake server over the API socket, one
 * text command per connection. The test process is a sub-reaper itself, so that it can wait for
 * what a killed master leaves behind. Waiting is always for a fact, with a generous deadline.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/xalloc.h"
#include "master.h"
#include "upgrade.h"

#define EXIT_OF_TERM    7
#define EXIT_OF_INT     8
#define EXIT_OF_FAILURE 3

/* ================ the fake server ================ */

struct fake {
	const char *mode;
	const struct server_channels *ch;
	struct exit_report last; /* report received last */
	uint64_t first_serial;   /* of this server; 0 = none yet */
};

static void fake_receive(struct fake *f)
{
	struct pollfd p = { .fd = f->ch->reports_fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, -1) < 0)
		exit(90);
	n = recv(f->ch->reports_fd, &f->last, sizeof(f->last), 0);
	if (n != (ssize_t)sizeof(f->last))
		exit(91);
	if (!f->first_serial)
		f->first_serial = f->last.serial;
}

static void fake_ack(struct fake *f, uint64_t serial)
{
	struct exit_ack ack = { .serial = serial };

	if (send(f->ch->reports_fd, &ack, sizeof(ack), 0) != (ssize_t)sizeof(ack))
		exit(92);
}

/* A grandchild whose parent is gone: exits with `status`, or sleeps if that is negative. */
static pid_t fake_orphan(int status)
{
	int pair[2];
	pid_t pid = 0, child;

	if (pipe2(pair, O_CLOEXEC) < 0)
		exit(93);
	child = fork();
	if (child == 0) {
		pid = fork();
		if (pid == 0 && status >= 0)
			_exit(status);
		if (pid == 0)
			alarm(60); /* whatever happens to the test */
		while (pid == 0)
			pause();
		_exit(write(pair[1], &pid, sizeof(pid)) != (ssize_t)sizeof(pid));
	}
	if (child < 0 || read(pair[0], &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
		exit(94);
	waitpid(child, NULL, 0);
	close(pair[0]);
	close(pair[1]);
	return pid;
}

static void fake_command(struct fake *f, const char *cmd, char *reply, size_t size)
{
	unsigned long long n = 0;
	int status = 0, i;
	pid_t pid = 0;

	if (strcmp(cmd, "info") == 0) {
		snprintf(reply, size, "%d %u %" PRIu64, getpid(), f->ch->server_starts,
			 f->ch->master_start_nsec);
	} else if (sscanf(cmd, "orphan %d", &status) == 1) {
		snprintf(reply, size, "%d", fake_orphan(status));
	} else if (sscanf(cmd, "flood %llu", &n) == 1) {
		for (i = 0; i < (int)n; i++)
			pid = fake_orphan(i & 0x7f);
		snprintf(reply, size, "%d", pid);
	} else if (sscanf(cmd, "report %d", &pid) == 1) {
		while (f->last.pid != pid)
			fake_receive(f);
		snprintf(reply, size, "%" PRIu64 " %d %d %" PRIu64, f->last.serial, f->last.status,
			 f->last.starttime > 0, f->first_serial);
	} else if (sscanf(cmd, "ack %llu", &n) == 1) {
		fake_ack(f, n);
		snprintf(reply, size, "ok");
	} else {
		snprintf(reply, size, "what?");
	}
}

static void fake_serve(struct fake *f)
{
	auto_close int fd = accept4(f->ch->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	char cmd[128], reply[128] = "";
	ssize_t n;

	if (fd < 0)
		return;
	n = recv(fd, cmd, sizeof(cmd) - 1, 0);
	if (n <= 0)
		return;
	cmd[n] = '\0';
	fake_command(f, cmd, reply, sizeof(reply));
	send(fd, reply, strlen(reply), MSG_NOSIGNAL);
}

static int fake_server(void *arg, const struct server_channels *ch)
{
	struct fake f = { .mode = arg, .ch = ch };
	struct signalfd_siginfo si;
	struct pollfd fds[2];
	sigset_t set;

	if (strcmp(f.mode, "fail") == 0)
		return EXIT_OF_FAILURE;
	/* The contract: stop signals come blocked. */
	sigprocmask(SIG_SETMASK, NULL, &set);
	if (!sigismember(&set, SIGTERM) || !sigismember(&set, SIGINT) || sigismember(&set, SIGCHLD))
		return 95;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	fds[0] = (struct pollfd){ .fd = signalfd(-1, &set, SFD_CLOEXEC), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = ch->listen_fd, .events = POLLIN };
	fake_ack(&f, 0);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			return 96;
		if (fds[1].revents)
			fake_serve(&f);
		if (!fds[0].revents || strcmp(f.mode, "stubborn") == 0)
			continue;
		if (read(fds[0].fd, &si, sizeof(si)) < 0)
			return 97;
		close(fds[0].fd);
		return si.ssi_signo == SIGTERM ? EXIT_OF_TERM : EXIT_OF_INT;
	}
}

static int fake_main(char **argv)
{
	char log[128], state[128], sock[128];
	struct master_options opt = {
		.socket_path = sock,
		.state_dir = state,
		.restart_delay_max_ms = 100,
		.probe_option = strcmp(argv[3], "probe") == 0 ? "--probe" : NULL,
		.stop_timeout_ms = strcmp(argv[3], "stubborn") == 0 ? 50 : 0,
		.no_restart = strcmp(argv[3], "once") == 0,
	};

	/* The probe of an upgrade ends up here too. */
	if (argv[4])
		return 0;
	snprintf(log, sizeof(log), "%s/log", argv[2]);
	snprintf(state, sizeof(state), "%s/state", argv[2]);
	snprintf(sock, sizeof(sock), "%s/socket", argv[2]);
	if (log_open(log, "master") < 0)
		return 98;
	return master_run(&opt, argv, fake_server, argv[3]);
}

/* ================ the test's side ================ */

struct place {
	char dir[64];
	char sock[80];
	char *exe;
	pid_t master; /* 0 = not running */
};

static pid_t start_master(const char *exe, const char *dir, const char *mode)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		execl(exe, exe, "--master", dir, mode, (char *)NULL);
		_exit(99);
	}
	return pid;
}

static void start(struct place *p, const char *mode)
{
	p->master = start_master(p->exe, p->dir, mode);
}

static int wait_for(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int wait_for_master(struct place *p)
{
	pid_t master = p->master;

	p->master = 0;
	return wait_for(master);
}

static int stop(struct place *p, int sig)
{
	assert_int_equal(kill(p->master, sig), 0);
	return wait_for_master(p);
}

static int set_up(void **state)
{
	struct place *p = xnew(struct place);

	snprintf(p->dir, sizeof(p->dir), "/tmp/test_masterp.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->sock, sizeof(p->sock), "%s/socket", p->dir);
	p->exe = upgrade_own_path();
	assert_non_null(p->exe);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	pid_t pid;

	if (p->master)
		kill(p->master, SIGKILL);
	/* The server follows by PDEATHSIG; both, and orphans that ended, are reaped here. */
	do {
		pid = waitpid(-1, NULL, 0);
	} while (pid > 0);
	fd_remove_tree(AT_FDCWD, p->dir);
	free(p->exe);
	free(p);
	return 0;
}

static bool try_ask(const struct place *p, const char *cmd, char *reply, size_t size)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	memcpy(addr.sun_path, p->sock, sizeof(p->sock));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return false;
	if (send(fd, cmd, strlen(cmd), MSG_NOSIGNAL) < 0)
		return false;
	n = recv(fd, reply, size - 1, 0);
	if (n <= 0)
		return false;
	reply[n] = '\0';
	return true;
}

/* A connection waits in the backlog while no server runs; only one that a dying server had taken
 * needs another try. */
static void ask(const struct place *p, char *reply, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void ask(const struct place *p, char *reply, size_t size, const char *fmt, ...)
{
	uint64_t deadline = clock_mono_nsec() + 60 * NSEC_PER_SEC;
	char cmd[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	while (!try_ask(p, cmd, reply, size)) {
		if (clock_mono_nsec() > deadline)
			fail_msg("no answer to %s", cmd);
		poll(NULL, 0, 5);
	}
}

struct info {
	pid_t server;
	unsigned starts;
	uint64_t master_start;
};

static struct info get_info(const struct place *p)
{
	struct info i;
	char reply[128];

	ask(p, reply, sizeof(reply), "info");
	assert_int_equal(sscanf(reply, "%d %u %" SCNu64, &i.server, &i.starts, &i.master_start), 3);
	return i;
}

/* Kill the server and talk to its successor. */
static struct info kill_server(const struct place *p)
{
	struct info was = get_info(p), is;

	assert_int_equal(kill(was.server, SIGKILL), 0);
	do {
		is = get_info(p);
	} while (is.server == was.server);
	return is;
}

static pid_t make_orphan(const struct place *p, int status)
{
	char reply[128];

	ask(p, reply, sizeof(reply), "orphan %d", status);
	return (pid_t)strtol(reply, NULL, 10);
}

struct report {
	uint64_t serial, first_serial;
	int status;
};

static struct report get_report(const struct place *p, pid_t pid)
{
	struct report r;
	int has_starttime = 0;
	char reply[128];

	ask(p, reply, sizeof(reply), "report %d", pid);
	assert_int_equal(sscanf(reply, "%" SCNu64 " %d %d %" SCNu64, &r.serial, &r.status,
				&has_starttime, &r.first_serial),
			 4);
	assert_true(has_starttime);
	return r;
}

static void ack(const struct place *p, uint64_t serial)
{
	char reply[128];

	ask(p, reply, sizeof(reply), "ack %" PRIu64, serial);
}

/* ---- the server's life ---- */

static void test_killed_server_is_started_again(void **state)
{
	struct place *p = *state;
	struct info first, second;

	start(p, "normal");
	first = get_info(p);
	assert_int_equal(first.starts, 1);
	second = kill_server(p);
	assert_int_equal(second.starts, 2);
	assert_true(first.master_start == second.master_start);
	assert_int_equal(kill_server(p).starts, 3);
	assert_int_equal(WEXITSTATUS(stop(p, SIGTERM)), EXIT_OF_TERM);
}

static void test_stop_signals_reach_the_server(void **state)
{
	struct place *p = *state;
	char path[128];
	int status;

	start(p, "normal");
	get_info(p);
	status = stop(p, SIGINT);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_OF_INT);
	assert_int_equal(access(p->sock, F_OK), -1);
	snprintf(path, sizeof(path), "%s/state/master.pid", p->dir);
	assert_int_equal(access(path, F_OK), -1);
	start(p, "normal");
	get_info(p);
	assert_int_equal(WEXITSTATUS(stop(p, SIGTERM)), EXIT_OF_TERM);
}

static void test_stubborn_server_is_killed(void **state)
{
	struct place *p = *state;

	start(p, "stubborn");
	get_info(p);
	assert_int_equal(WEXITSTATUS(stop(p, SIGTERM)), 128 + SIGKILL);
}

static void test_failed_first_start_ends_the_master(void **state)
{
	struct place *p = *state;

	start(p, "fail");
	assert_int_equal(WEXITSTATUS(wait_for_master(p)), EXIT_OF_FAILURE);
	assert_int_equal(access(p->sock, F_OK), -1);
}

static void test_without_restart_the_master_ends_with_the_server(void **state)
{
	struct place *p = *state;

	start(p, "once");
	assert_int_equal(kill(get_info(p).server, SIGKILL), 0);
	assert_int_equal(WEXITSTATUS(wait_for_master(p)), 128 + SIGKILL);
}

static void test_second_master_is_refused(void **state)
{
	struct place *p = *state;
	struct info i;

	start(p, "normal");
	i = get_info(p);
	assert_int_equal(WEXITSTATUS(wait_for(start_master(p->exe, p->dir, "normal"))), 1);
	assert_int_equal(get_info(p).server, i.server);
}

static void test_server_dies_with_the_master(void **state)
{
	struct place *p = *state;
	pid_t server;

	start(p, "normal");
	server = get_info(p).server;
	assert_true(WIFSIGNALED(stop(p, SIGKILL)));
	/* Re-parented to us, the next sub-reaper. */
	assert_int_equal(WTERMSIG(wait_for(server)), SIGKILL);
	/* The stale socket and lock are no obstacle. */
	start(p, "normal");
	assert_int_equal(get_info(p).starts, 1);
}

/* ---- exit reports ---- */

static void test_report_is_repeated_until_acknowledged(void **state)
{
	struct place *p = *state;
	struct report first, again, other;
	pid_t a, b;

	start(p, "normal");
	a = make_orphan(p, 42);
	first = get_report(p, a);
	assert_int_equal(WEXITSTATUS(first.status), 42);
	kill_server(p);
	again = get_report(p, a);
	assert_true(again.serial == first.serial);
	assert_int_equal(again.status, first.status);
	ack(p, again.serial);
	kill_server(p);
	b = make_orphan(p, 43);
	other = get_report(p, b);
	assert_true(other.serial > first.serial);
	assert_true(other.first_serial > first.serial);
}

static void test_exit_without_a_server_is_reported_by_the_next(void **state)
{
	struct place *p = *state;
	struct report r;
	pid_t sleeper;

	start(p, "normal");
	sleeper = make_orphan(p, -1);
	/* The master sees both ends in any order. */
	assert_int_equal(kill(get_info(p).server, SIGKILL), 0);
	assert_int_equal(kill(sleeper, SIGUSR2), 0);
	r = get_report(p, sleeper);
	assert_true(WIFSIGNALED(r.status));
	assert_int_equal(WTERMSIG(r.status), SIGUSR2);
}

/* More than the channel holds, to a server that does not read meanwhile. */
static void test_full_channel_loses_nothing(void **state)
{
	struct place *p = *state;
	char reply[128];
	struct report r;

	start(p, "normal");
	ask(p, reply, sizeof(reply), "flood 600");
	r = get_report(p, (pid_t)strtol(reply, NULL, 10));
	assert_int_equal(WEXITSTATUS(r.status), 599 & 0x7f);
	assert_true(r.serial >= 590); /* the last ones may end in any order */
	assert_int_equal(r.first_serial, 1);
	ack(p, r.serial);
}

static void test_reports_survive_a_restart_of_the_daemon(void **state)
{
	struct place *p = *state;
	struct report r, again;
	pid_t orphan;

	start(p, "normal");
	orphan = make_orphan(p, 5);
	r = get_report(p, orphan);
	stop(p, SIGTERM);
	start(p, "normal");
	again = get_report(p, orphan);
	assert_true(again.serial == r.serial);
	assert_int_equal(WEXITSTATUS(again.status), 5);
	ack(p, again.serial);
}

/* ---- upgrade ---- */

/* Wait for another server than `was`. */
static struct info next_server(const struct place *p, struct info was)
{
	struct info is;

	do {
		is = get_info(p);
	} while (is.server == was.server);
	return is;
}

static void upgrade_keeps_everything(struct place *p, const char *mode)
{
	struct report r, again;
	struct info first, second;
	pid_t orphan, sleeper;

	start(p, mode);
	first = get_info(p);
	orphan = make_orphan(p, 6);
	sleeper = make_orphan(p, -1);
	r = get_report(p, orphan);
	assert_int_equal(kill(p->master, SIGHUP), 0);
	second = next_server(p, first);
	assert_int_equal(second.starts, 2);
	assert_true(second.master_start == first.master_start);
	again = get_report(p, orphan);
	assert_true(again.serial == r.serial);
	/* Still our child's child: the sub-reaper attribute survived. */
	assert_int_equal(kill(sleeper, SIGKILL), 0);
	assert_true(get_report(p, sleeper).serial > r.serial);
	/* Once more, and the way out still works. */
	assert_int_equal(kill(p->master, SIGHUP), 0);
	assert_int_equal(next_server(p, second).starts, 3);
	assert_int_equal(WEXITSTATUS(stop(p, SIGTERM)), EXIT_OF_TERM);
}

static void test_upgrade_keeps_everything(void **state)
{
	upgrade_keeps_everything(*state, "normal");
}

static void test_upgrade_with_a_probe_keeps_everything(void **state)
{
	upgrade_keeps_everything(*state, "probe");
}

/* Run from a copy that can be replaced. */
static void copy_binary(const struct place *p, char *path, size_t size)
{
	auto_free char *data = NULL;
	size_t len = 0;

	snprintf(path, size, "%s/binary", p->dir);
	assert_int_equal(fd_read_file(AT_FDCWD, p->exe, 256 << 20, &data, &len), 0);
	assert_int_equal(fd_replace_file(AT_FDCWD, path, data, len, 0755), 0);
}

static void test_bad_binary_does_not_replace_the_good_one(void **state)
{
	struct place *p = *state;
	struct info first, second;
	char path[128];

	copy_binary(p, path, sizeof(path));
	p->master = start_master(path, p->dir, "normal");
	first = get_info(p);
	assert_int_equal(fd_replace_file(AT_FDCWD, path, "garbage\n", 8, 0755), 0);
	assert_int_equal(kill(p->master, SIGHUP), 0);
	second = next_server(p, first);
	assert_int_equal(second.starts, 2);
	assert_int_equal(kill_server(p).starts, 3);
	/* Without any binary the server is not even stopped. */
	first = get_info(p);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(kill(p->master, SIGHUP), 0);
	assert_int_equal(get_info(p).server, first.server);
	assert_int_equal(WEXITSTATUS(stop(p, SIGTERM)), EXIT_OF_TERM);
}

static void test_failed_probe_does_not_stop_the_server(void **state)
{
	struct place *p = *state;
	static const char script[] = "#!/bin/sh\nexit 9\n";
	struct info first;
	pid_t orphan;
	char path[128];

	copy_binary(p, path, sizeof(path));
	p->master = start_master(path, p->dir, "probe");
	first = get_info(p);
	assert_int_equal(fd_replace_file(AT_FDCWD, path, script, strlen(script), 0755), 0);
	assert_int_equal(kill(p->master, SIGHUP), 0);
	/* Signals come in order of their number: when this report is there, SIGHUP was handled. */
	orphan = make_orphan(p, 1);
	get_report(p, orphan);
	assert_int_equal(get_info(p).server, first.server);
	assert_int_equal(WEXITSTATUS(stop(p, SIGTERM)), EXIT_OF_TERM);
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		PLACE_TEST(test_killed_server_is_started_again),
		PLACE_TEST(test_stop_signals_reach_the_server),
		PLACE_TEST(test_stubborn_server_is_killed),
		PLACE_TEST(test_failed_first_start_ends_the_master),
		PLACE_TEST(test_without_restart_the_master_ends_with_the_server),
		PLACE_TEST(test_second_master_is_refused),
		PLACE_TEST(test_server_dies_with_the_master),
		PLACE_TEST(test_report_is_repeated_until_acknowledged),
		PLACE_TEST(test_exit_without_a_server_is_reported_by_the_next),
		PLACE_TEST(test_full_channel_loses_nothing),
		PLACE_TEST(test_reports_survive_a_restart_of_the_daemon),
		PLACE_TEST(test_upgrade_keeps_everything),
		PLACE_TEST(test_upgrade_with_a_probe_keeps_everything),
		PLACE_TEST(test_bad_binary_does_not_replace_the_good_one),
		PLACE_TEST(test_failed_probe_does_not_stop_the_server),
	};

	if (argc >= 4 && strcmp(argv[1], "--master") == 0)
		return fake_main(argv);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
