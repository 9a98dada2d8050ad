/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork and reap.
 *
 * libev's default loop reaps every child on SIGCHLD, watched or not, so exactly one watcher, for
 * pid 0, learns of all of them and a table tells whose they are. Nobody else may wait: the status
 * would be lost to one of the two.
 *
 * fork() is on the path of every container start: between it and fn() there is only what the
 * child cannot do without.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/htab.h"
#include "base/xalloc.h"
#include "loop/proc.h"

struct procs {
	struct loop *loop;
	ev_child watcher;
	struct htab *by_pid; /* struct proc, running */
};

static void on_child(struct ev_loop *ev, ev_child *w, int revents)
{
	struct procs *ps = w->data;
	struct proc *p = htab_del_int(ps->by_pid, (uint64_t)w->rpid);

	(void)ev, (void)revents;
	if (!p)
		return;
	p->pid = 0;
	p->on_exit(p, w->rstatus);
}

struct procs *procs_new(struct loop *loop)
{
	struct procs *ps = xnew(struct procs);

	ps->loop = loop;
	ps->by_pid = htab_new();
	ev_child_init(&ps->watcher, on_child, 0, 0);
	ps->watcher.data = ps;
	ev_child_start(loop_ev(loop), &ps->watcher);
	return ps;
}

struct procs *procs_free(struct procs *ps)
{
	if (!ps)
		return NULL;
	assert(htab_count(ps->by_pid) == 0);
	ev_child_stop(loop_ev(ps->loop), &ps->watcher);
	htab_free(ps->by_pid);
	free(ps);
	return NULL;
}

/*
 * Only what a server changes: its stop signals, SIGCHLD of libev, SIGPIPE. All 31 would cost as
 * much as the rest of this file. exec(2) resets handlers, but not what is ignored.
 */
static void reset_signals(void)
{
	static const int sigs[] = { SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE };
	static const struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sigs); i++)
		sigaction(sigs[i], &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_main(pid_t parent, const char *comm, int (*fn)(void *arg), void *arg)
	__attribute__((noreturn));

static void child_main(pid_t parent, const char *comm, int (*fn)(void *arg), void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A parent that died before the line above sends nothing. */
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, comm);
	reset_signals();
	_exit(fn(arg));
}

/*
 * All signals are blocked over fork: libev's handler, run in the child, would write into the
 * wake-up descriptor it shares with us.
 */
static pid_t fork_quiet(const char *comm, int (*fn)(void *arg), void *arg)
{
	pid_t parent = getpid(), pid;
	sigset_t all, old;
	int error;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		child_main(parent, comm, fn, arg);
	error = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return pid;
}

int proc_fork(struct procs *ps, struct proc *p, const char *comm, int (*fn)(void *arg), void *arg,
	      void (*on_exit)(struct proc *p, int status), struct error *err)
{
	pid_t pid;

	assert(!p->pid);
	pid = fork_quiet(comm, fn, arg);
	if (pid < 0)
		return error_errno(err, errno, "fork %s", comm);
	p->pid = pid;
	p->on_exit = on_exit;
	p->owner = ps;
	htab_put_int(ps->by_pid, (uint64_t)pid, p);
	return 0;
}

void proc_kill(struct proc *p)
{
	if (!p->pid)
		return;
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	htab_del_int(p->owner->by_pid, (uint64_t)p->pid);
	p->pid = 0;
}

size_t procs_count(const struct procs *ps)
{
	return htab_count(ps->by_pid);
}
