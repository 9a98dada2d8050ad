/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First process of a container: pid 1 of its pid namespace, or its sub-reaper.
 *
 *   portoinit --container NAME                           hold the namespaces, reap, sleep
 *   portoinit --container NAME --wait PID --record FD    wait for the command, child PID
 *             … --kill 1                                 and then end what it left behind
 *   portoinit --hold FD N PATH… ARGV…                    wait for a byte from FD, become ARGV,
 *                                                        by one of N PATHs (kernel/hold.h)
 *   portoinit --version
 *
 * There is one for every container, and it is on the way of every start: no C library (tiny.h), no
 * allocation. The name only labels the process list. When the command ends its raw wait status
 * goes to the task record FD (kernel/taskfile.h), which is exact; our own exit only resembles it,
 * since an init cannot kill itself. INT, QUIT and TERM are blocked by whoever executes us, so that
 * none is lost before we wait for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/wait.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "kernel/taskfile.h"
#include "portod-config.h"
#include "tiny.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define EXIT_USAGE  2
#define CORE_DUMPED (128 + 34) /* what Porto adds to the signal then */

struct options {
	long wait;   /* 0 = hold */
	long record; /* -1 = none */
	long kill;   /* end what the command left behind */
};

/* The kernel's own signal set: bit n - 1. */
typedef uint64_t mask_t;
#define MASK(sig) (1ULL << ((sig)-1))

struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	mask_t mask;
};

static _Noreturn void leave(int code)
{
	for (;;)
		sys4(SYS_exit_group, code, 0, 0, 0);
}

static long pid_self(void)
{
	return sys4(SYS_getpid, 0, 0, 0, 0);
}

static void set_disposition(int sig, void (*handler)(int))
{
	struct kernel_sigaction sa = { .handler = (void *)handler };

	sys4(SYS_rt_sigaction, sig, (long)&sa, 0, sizeof(mask_t));
}

static void set_mask(mask_t mask)
{
	sys4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof(mask));
}

static bool equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/*
 * All we may ever need is to signal the command, whoever it became. We execute nothing, so what is
 * in the bounding set does not matter.
 */
static void keep_cap_kill(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	data[0].effective = data[0].permitted = 1u << CAP_KILL;
	sys4(SYS_capset, (long)&header, (long)data, 0, 0);
}

static void write_text(int fd, const char *text)
{
	long n = 0;

	while (text[n])
		n++;
	sys4(SYS_write, fd, (long)text, n, 0);
}

static _Noreturn void say(int fd, const char *text, int code)
{
	write_text(fd, text);
	leave(code);
}

/* Decimal, or -1. */
static long parse(const char *s)
{
	long v = 0;

	if (!*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > 0xfffffff)
			return -1;
		v = v * 10 + (*s - '0');
	}
	return v;
}

/* ---- a held command ---- */

#define EXIT_NO_EXEC 127 /* as a shell */

/* Does it end a process that does not handle it? */
static bool is_deadly(unsigned sig)
{
	const mask_t harmless = MASK(SIGCHLD) | MASK(SIGURG) | MASK(SIGWINCH) | MASK(SIGCONT) |
				MASK(SIGTSTP) | MASK(SIGTTIN) | MASK(SIGTTOU);

	return sig && sig <= 64 && !(harmless & MASK(sig));
}

/* The first process of a pid namespace gets no signal that it does not ask for. */
static void watch_signals(struct pollfd *p)
{
	mask_t all = ~0ULL;

	set_mask(all);
	p->fd = (int)sys4(SYS_signalfd4, -1, (long)&all, sizeof(all), SFD_CLOEXEC);
	p->events = POLLIN;
}

static void await_word(int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = -1 } };
	struct signalfd_siginfo info;
	char byte;

	if (pid_self() == 1)
		watch_signals(&p[1]);
	for (;;) {
		sys4(SYS_ppoll, (long)p, 2, 0, 0);
		if (p[0].revents && sys4(SYS_read, fd, (long)&byte, 1, 0) != -EINTR)
			break;
		if (p[1].revents &&
		    sys4(SYS_read, p[1].fd, (long)&info, sizeof(info), 0) == sizeof(info) &&
		    is_deadly(info.ssi_signo))
			leave(128 + (int)info.ssi_signo);
	}
	if (p[1].fd >= 0)
		sys4(SYS_close, p[1].fd, 0, 0, 0);
	sys4(SYS_close, fd, 0, 0, 0);
	set_mask(0);
}

/* What a shell does with a script that does not say whose it is; the place of the path before the
 * arguments is free by now. */
static void exec_script(char *path, char **argv, char **envp)
{
	char shell[] = "/bin/sh";

	argv[-1] = shell;
	argv[0] = path;
	sys4(SYS_execve, (long)shell, (long)(argv - 1), (long)envp, 0);
}

static _Noreturn void hold_command(char **args)
{
	long fd = args[0] ? parse(args[0]) : -1, n = fd >= 0 && args[1] ? parse(args[1]) : -1;
	char **paths = args + 2, **argv, **envp;
	long r = -ENOENT;

	if (n < 1)
		leave(EXIT_USAGE);
	argv = paths + n;
	for (envp = argv; *envp; envp++)
		;
	envp++;
	await_word((int)fd);
	for (long i = 0; i < n && r != -EAGAIN; i++) {
		r = sys4(SYS_execve, (long)paths[i], (long)argv, (long)envp, 0);
		if (r == -ENOEXEC)
			exec_script(paths[i], argv, envp);
	}
	write_text(2, "portod: cannot execute ");
	write_text(2, paths[0]);
	say(2, "\n", EXIT_NO_EXEC);
}

static void parse_options(char **argv, struct options *o)
{
	for (char **a = argv + 1; *a; a += 2) {
		long v = a[1] ? parse(a[1]) : -1;

		if (equal(*a, "--version"))
			say(1, PORTOD_VERSION "\n", 0);
		if (equal(*a, "--container") && a[1])
			continue;
		if (equal(*a, "--wait") && v > 0)
			o->wait = v;
		else if (equal(*a, "--record") && v >= 0)
			o->record = v;
		else if (equal(*a, "--kill") && v >= 0)
			o->kill = v;
		else
			say(2,
			    "usage: portoinit --container NAME [--wait PID --record FD] "
			    "[--kill 1]\n",
			    EXIT_USAGE);
	}
}

/* Nothing of the container's may be kept open by us, least of all its streams. */
static void close_all_but(long keep)
{
	if (keep > 0)
		sys4(SYS_close_range, 0, keep - 1, 0, 0);
	sys4(SYS_close_range, keep + 1, 0xffffffff, 0, 0);
}

/* Reap everybody: 1 with the status when `target` was among them, -1 when there is no child. */
static int reap(long target, int *ret_status)
{
	int status = 0, found = 0;
	long pid;

	while ((pid = sys4(SYS_wait4, -1, (long)&status, WNOHANG, 0)) > 0) {
		if (pid == target) {
			*ret_status = status;
			found = 1;
		}
	}
	return found ? 1 : pid < 0 ? -1 : 0;
}

/* have_status and status are neighbours: one write, as task_record_write_status() does. */
static void record_status(long fd, uint32_t have, int status)
{
	struct {
		uint32_t have_status;
		int32_t status;
	} part = { have, status };

	_Static_assert(offsetof(struct task_record, status) ==
			       offsetof(struct task_record, have_status) + sizeof(uint32_t),
		       "status follows its flag");
	sys4(SYS_pwrite64, fd, (long)&part, sizeof(part),
	     offsetof(struct task_record, have_status));
}

static _Noreturn void exit_like(int status)
{
	int sig = status & 0x7f;

	if (!sig)
		leave(status >> 8 & 0xff);
	if (status & 0x80)
		leave(CORE_DUMPED + sig);
	if (pid_self() != 1) {
		set_disposition(sig, SIG_DFL);
		set_mask(~MASK(sig));
		sys4(SYS_kill, pid_self(), sig, 0, 0);
	}
	leave(128 + sig);
}

/* ---- what a job leaves behind ---- */

#define KILL_ROUNDS 100 /* of 100 ms, for one that does not die */

/*
 * Kill our children, by their directories in /proc and not by number: /proc may be one of a pid
 * namespace above ours, where numbers mean something else. 0 when that is not possible.
 */
static int kill_children(void)
{
	char text[4096], path[32] = "/proc/";
	const long proc = 6;
	long fd = sys4(SYS_openat, AT_FDCWD, (long)"/proc/thread-self/children", O_RDONLY, 0), n;

	if (fd < 0)
		return 0;
	n = sys4(SYS_read, fd, (long)text, sizeof(text), 0);
	sys4(SYS_close, fd, 0, 0, 0);
	for (long i = 0, len = 0; i < n; i++) {
		if (text[i] != ' ') {
			if (proc + len < (long)sizeof(path) - 1)
				path[proc + len++] = text[i];
			continue;
		}
		path[proc + len] = 0;
		len = 0;
		fd = sys4(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_DIRECTORY, 0);
		if (fd < 0)
			continue;
		sys4(SYS_pidfd_send_signal, fd, SIGKILL, 0, 0);
		sys4(SYS_close, fd, 0, 0, 0);
	}
	return 1;
}

/* Orphans become our children, so that killing and reaping these finds everybody in the end. */
static void end_all(const struct options *o, int status)
{
	struct {
		long sec, nsec;
	} pause = { 0, 100000000 };
	mask_t child = MASK(SIGCHLD);
	int ignored;

	for (int round = 0; round < KILL_ROUNDS; round++) {
		int r = reap(0, &ignored);

		if (r < 0) { /* nobody is left */
			record_status(o->record, TASK_STATUS_ALONE, status);
			return;
		}
		if (!kill_children())
			return;
		sys4(SYS_rt_sigtimedwait, (long)&child, 0, (long)&pause, sizeof(child));
	}
}

static _Noreturn void wait_for(const struct options *o)
{
	mask_t forward = MASK(SIGINT) | MASK(SIGQUIT) | MASK(SIGTERM);
	mask_t set = forward | MASK(SIGCHLD);
	int status = 0, r;

	set_disposition(SIGCHLD, SIG_DFL); /* ignored, the kernel would reap instead of us */
	set_mask(set);
	while ((r = reap(o->wait, &status)) == 0) {
		long sig = sys4(SYS_rt_sigtimedwait, (long)&set, 0, 0, sizeof(set));

		if (sig > 0 && (forward & MASK(sig))) {
			sys4(SYS_kill, o->wait, sig, 0, 0);
			forward &= ~MASK(sig); /* once each */
		}
	}
	if (r < 0)
		leave(EXIT_USAGE);
	if (o->record >= 0)
		record_status(o->record, TASK_STATUS, status);
	if (o->record >= 0 && o->kill)
		end_all(o, status);
	exit_like(status);
}

static _Noreturn void hold(void)
{
	mask_t none = 0;

	set_disposition(SIGCHLD, SIG_IGN); /* the kernel reaps for us */
	while (sys4(SYS_wait4, -1, 0, WNOHANG, 0) > 0)
		;
	for (;;)
		sys4(SYS_rt_sigsuspend, (long)&none, sizeof(none), 0, 0);
}

_Noreturn void tiny_main(char **argv)
{
	struct options o = { .record = -1 };

	if (argv[1] && equal(argv[1], "--hold"))
		hold_command(argv + 2);
	parse_options(argv, &o);
	close_all_but(o.record);
	keep_cap_kill();
	sys4(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0);
	sys4(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0);
	sys4(SYS_prctl, PR_SET_NAME, (long)"portoinit", 0, 0);
	if (pid_self() != 1)
		sys4(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0);
	sys4(SYS_chdir, (long)"/", 0, 0, 0);
	if (o.wait)
		wait_for(&o);
	hold();
}
