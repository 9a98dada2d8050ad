/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of portoinit that becomes a command: one that waits for a word (kernel/hold.h), and one
 * that is born among others who may trace it (child_join() in kernel/child.h).
 */
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/uio.h>

#include "kernel/handshake.h"
#include "portoinit.h"
#define TINY_PART
#include "tiny.h"

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

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

/* Become N PATH… ARGV…, by one of the paths; -errno of the last. */
static long exec_command(char **command)
{
	long n = parse(command[0]), r = -ENOENT;
	char **paths = command + 1, **argv = paths + n, **envp;

	for (envp = argv; *envp; envp++)
		;
	envp++;
	for (long i = 0; i < n && r != -EAGAIN; i++) {
		r = sys4(SYS_execve, (long)paths[i], (long)argv, (long)envp, 0);
		if (r == -ENOEXEC)
			exec_script(paths[i], argv, envp);
	}
	return r;
}

/* `command` has been looked at. */
_Noreturn void hold_command(long fd, char **command)
{
	await_word((int)fd);
	exec_command(command);
	write_text(2, "portod: cannot execute ");
	write_text(2, command[1]);
	say(2, "\n", EXIT_NO_EXEC);
}

/* At least as many words as it says. */
bool is_command(char **command)
{
	long n = command[0] ? parse(command[0]) : -1;

	for (long i = 1; i <= n; i++)
		if (!command[i])
			return false;
	return n > 0;
}

/* ---- into the pid namespace of others ---- */

static void close_on_exec(long fd)
{
	if (fd >= 0)
		sys4(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC, 0);
}

static void tell(const struct options *o, uint32_t stage, uint32_t value, int32_t number)
{
	struct handshake_head head = { stage, value, number };

	sys4(SYS_write, o->join, (long)&head, sizeof(head), 0);
}

static _Noreturn void fail(const struct options *o, enum error_code code, long r, const char *what)
{
	struct handshake_head head = { STAGE_FAILED, code, (int32_t)-r };
	struct iovec parts[2] = { { &head, sizeof(head) }, { (char *)(uintptr_t)what, 0 } };

	while (what[parts[1].iov_len])
		parts[1].iov_len++;
	sys4(SYS_writev, o->join, (long)parts, 2, 0);
	leave(EXIT_NO_EXEC);
}

/* Like fork(2): there is no stack to give. A sibling's exit signal is the kernel's choice. */
static long clone_us(uint64_t flags)
{
	static struct clone_args args; /* zero, without a call of memset(3) */
	long pid;

	args.flags = flags;
	args.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD;
	pid = sys4(SYS_clone3, (long)&args, sizeof(args), 0, 0);
	return pid == -ENOSYS ? sys4(SYS_clone, (long)(flags | args.exit_signal), 0, 0, 0) : pid;
}

static void await_release(const struct options *o)
{
	struct handshake_head head;

	tell(o, STAGE_READY, (uint32_t)o->warnings, (int32_t)pid_self());
	if (sys4(SYS_read, o->join, (long)&head, sizeof(head), 0) != sizeof(head) ||
	    head.stage != STAGE_RELEASE)
		leave(EXIT_NO_EXEC);
	sys4(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0);
}

/* As stream_take_terminal(). */
static void take_terminal(const struct options *o)
{
	char state[256]; /* a struct termios of the kernel's */
	long r;

	for (long fd = 0; fd < 3; fd++) {
		r = sys4(SYS_ioctl, fd, TCGETS, (long)state, 0);
		if (r == 0)
			r = sys4(SYS_ioctl, fd, TIOCSCTTY, 0, 0);
		if (r == 0)
			return;
		if (o->tty && fd == 0)
			fail(o, ERR_INVALID_VALUE, r,
			     "make the terminal of stdin the controlling one: it may be that of "
			     "another session");
	}
}

/* Up to `end`, which is stepped over. */
static bool parse_part(const char **s, char end, uint64_t *ret)
{
	const char *p = *s;

	for (*ret = 0; *p >= '0' && *p <= '9'; p++)
		*ret = *ret * 10 + (uint64_t)(*p - '0');
	if (p == *s || *p != end)
		return false;
	*s = p + 1;
	return true;
}

/* "RESOURCE:SOFT:HARD"; there is room for it, see rlimit_make_room(). */
static void limit(const struct options *o, const char *text)
{
	uint64_t what = 0, lim[2] = { 0, 0 };
	long r = -EINVAL;

	if (parse_part(&text, ':', &what) && parse_part(&text, ':', &lim[0]) &&
	    parse_part(&text, 0, &lim[1]))
		r = sys4(SYS_prlimit64, 0, (long)what, (long)lim, 0);
	if (r < 0)
		fail(o, 0, r, "set limits");
}

/* `gate`: of our parent, who is told that we go; -1 = there is none. */
static _Noreturn void become_command(const struct options *o, char **argv, long gate)
{
	long r;

	take_terminal(o);
	for (char **a = argv + 1; a < o->command; a += 2)
		if (equal(*a, "--limit"))
			limit(o, a[1]);
	await_release(o);
	if (gate >= 0) {
		sys4(SYS_write, gate, (long)"", 1, 0);
		sys4(SYS_close, gate, 0, 0, 0);
	}
	set_mask(0);
	if (o->held >= 0) {
		sys4(SYS_close, o->join, 0, 0, 0);
		sys4(SYS_close, o->record, 0, 0, 0);
		hold_command(o->held, o->command);
	}
	r = exec_command(o->command);
	fail(o, r == -EAGAIN ? ERR_RESOURCE_NOT_AVAILABLE : ERR_INVALID_COMMAND, r, o->says);
}

/* What we were given is the command's, and not to be seen with us for ever. */
static void forget(char **argv)
{
	char **a = argv, *end = NULL;

	for (int i = 0; i < 2; i++, a++) /* arguments, environment */
		for (; *a; a++)
			end = *a;
	for (char *p = argv[3]; end && p < end; p++)
		*(volatile char *)p = 0;
	for (char *p = end; p && *p; p++)
		*(volatile char *)p = 0;
}

/* Fork the command; returns in its parent. */
static void split(struct options *o, char **argv)
{
	int gate[2];
	char byte;
	long pid, r;

	sys4(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0);
	r = sys4(SYS_pipe2, (long)gate, O_CLOEXEC, 0, 0);
	if (r < 0)
		fail(o, 0, r, "make a pipe");
	pid = clone_us(0);
	if (pid == 0) {
		sys4(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
		sys4(SYS_setsid, 0, 0, 0, 0);
		sys4(SYS_close, gate[0], 0, 0, 0);
		become_command(o, argv, gate[1]);
	}
	if (pid < 0)
		fail(o, 0, pid, "fork the main process");
	sys4(SYS_close, gate[1], 0, 0, 0);
	/* It had something to say, or somebody killed it. */
	if (sys4(SYS_read, gate[0], (long)&byte, 1, 0) != 1)
		leave(EXIT_NO_EXEC);
	o->wait = pid;
}

/*
 * Who is born has nothing but what the container may, and the descriptors of it. Returns in one
 * that is portoinit from then on.
 */
void join(struct options *o, char **argv)
{
	long pid;

	sys4(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0);
	close_on_exec(o->join);
	close_on_exec(o->record);
	close_on_exec(o->held);
	if (!o->command)
		keep_cap_kill();
	pid = clone_us(CLONE_PARENT);
	if (pid < 0)
		fail(o, 0, pid, "clone the first process");
	if (pid > 0)
		leave(0);
	sys4(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	sys4(SYS_prctl, PR_SET_NAME, (long)"portoinit", 0, 0);
	sys4(SYS_setsid, 0, 0, 0, 0);
	tell(o, STAGE_BORN, 0, 0);
	if (!o->command)
		await_release(o);
	else if (o->record < 0)
		become_command(o, argv, -1);
	else
		split(o, argv);
	forget(argv);
}
