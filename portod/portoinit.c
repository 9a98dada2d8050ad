/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First process of a container: pid 1 of its pid namespace, or its sub-reaper.
 *
 *   portoinit --container NAME                           hold the namespaces, reap, sleep
 *   portoinit --container NAME --wait PID --record FD    wait for the command, child PID
 *             … --kill 1                                 and then end what it left behind
 *             … --gate FD                                close it when our rights are gone
 *   portoinit --hold FD N PATH… ARGV…                    wait for a byte from FD, become ARGV,
 *                                                        by one of N PATHs (kernel/hold.h)
 *   portoinit --container NAME --join CHANNEL OPTION…    clone the first process into the pid
 *                                                        namespace of others (child_join())
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
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>

#include "kernel/taskfile.h"
#include "portod-config.h"
#include "portoinit.h"
#include "tiny.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define CORE_DUMPED (128 + 34) /* what Porto adds to the signal then */

struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	mask_t mask;
};

_Noreturn void leave(int code)
{
	for (;;)
		sys4(SYS_exit_group, code, 0, 0, 0);
}

long pid_self(void)
{
	return sys4(SYS_getpid, 0, 0, 0, 0);
}

static void set_disposition(int sig, void (*handler)(int))
{
	struct kernel_sigaction sa = { .handler = (void *)handler };

	sys4(SYS_rt_sigaction, sig, (long)&sa, 0, sizeof(mask_t));
}

void set_mask(mask_t mask)
{
	sys4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof(mask));
}

bool equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/*
 * All we may ever need is to signal the command, whoever it became. We execute nothing, but
 * somebody in the container who may trace could make us: without no_new_privs root would have all
 * of the bounding set then, which is that of the host.
 */
void keep_cap_kill(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	uint32_t kill;

	sys4(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0);
	sys4(SYS_capget, (long)&header, (long)data, 0, 0);
	kill = data[0].permitted & 1u << CAP_KILL;
	data[0].effective = data[0].permitted = kill;
	data[0].inheritable = 0;
	data[1].effective = data[1].permitted = data[1].inheritable = 0;
	sys4(SYS_capset, (long)&header, (long)data, 0, 0);
}

void write_text(int fd, const char *text)
{
	long n = 0;

	while (text[n])
		n++;
	sys4(SYS_write, fd, (long)text, n, 0);
}

_Noreturn void say(int fd, const char *text, int code)
{
	write_text(fd, text);
	leave(code);
}

/* Decimal, or -1. */
long parse(const char *s)
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

/* ---- options ---- */

/* Those with a number. */
static long *find_option(struct options *o, const char *name)
{
	return equal(name, "--wait")       ? &o->wait
	       : equal(name, "--record")   ? &o->record
	       : equal(name, "--kill")     ? &o->kill
	       : equal(name, "--gate")     ? &o->gate
	       : equal(name, "--join")     ? &o->join
	       : equal(name, "--held")     ? &o->held
	       : equal(name, "--tty")      ? &o->tty
	       : equal(name, "--warnings") ? &o->warnings
					   : NULL;
}

static void parse_options(char **argv, struct options *o)
{
	for (char **a = argv + 1; *a; a += 2) {
		long v = a[1] ? parse(a[1]) : -1, *option = find_option(o, *a);

		if (equal(*a, "--version"))
			say(1, PORTOD_VERSION "\n", 0);
		if (equal(*a, "--command") && is_command(a + 1)) {
			o->command = a + 1;
			return;
		}
		if (equal(*a, "--says") && a[1])
			o->says = a[1];
		else if (option && v >= 0)
			*option = v;
		else if (!((equal(*a, "--container") || equal(*a, "--limit")) && a[1]))
			say(2,
			    "usage: portoinit --container NAME [--wait PID --record FD] "
			    "[--gate FD] [--kill 1]\n",
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
 * namespace above ours, where numbers mean something else. 0 when that is not possible, for one of
 * another user perhaps.
 */
static int kill_children(void)
{
	char text[4096], path[32] = "/proc/";
	const long proc = 6;
	int allowed = 1;
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
		if (sys4(SYS_pidfd_send_signal, fd, SIGKILL, 0, 0) == -EPERM)
			allowed = 0;
		sys4(SYS_close, fd, 0, 0, 0);
	}
	return allowed;
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
	struct options o = {
		.record = -1, .gate = -1, .join = -1, .held = -1, .says = "exec the command"
	};

	if (argv[1] && equal(argv[1], "--hold")) {
		if (!argv[2] || parse(argv[2]) < 0 || !is_command(argv + 3))
			leave(EXIT_USAGE);
		hold_command(parse(argv[2]), argv + 3);
	}
	parse_options(argv, &o);
	if (o.join >= 0)
		join(&o, argv);
	/* Before what is closed next lets the command run, and the starter end. */
	keep_cap_kill();
	sys4(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0);
	if (o.gate >= 0)
		sys4(SYS_close, o.gate, 0, 0, 0);
	close_all_but(o.record);
	sys4(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0);
	sys4(SYS_prctl, PR_SET_NAME, (long)"portoinit", 0, 0);
	if (pid_self() != 1)
		sys4(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0);
	sys4(SYS_chdir, (long)"/", 0, 0, 0);
	if (o.wait)
		wait_for(&o);
	hold();
}
