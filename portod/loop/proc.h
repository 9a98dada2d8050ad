/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child processes of the server: the only fork and the only reaper of the server.
 *
 * One ev_child watcher for pid 0 reports every child; unknown pids are reaped and forgotten.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "loop/loop.h"

struct procs;

struct proc {
	pid_t pid;                                   /* 0 = not running */
	void (*on_exit)(struct proc *p, int status); /* wait(2) status */
	struct procs *owner;
};

struct procs *procs_new(struct loop *loop);
/* Asserts that no proc is running. Returns NULL. */
struct procs *procs_free(struct procs *ps);

/*
 * fork(2). The child has default handlers for the signals a server changes (proc.c lists them: CHLD
 * HUP INT TERM USR1 USR2 PIPE) and an empty mask, dies with the server
 * (PR_SET_PDEATHSIG SIGKILL, the parent-died race closed), runs fn(arg) and leaves with its
 * return value by _exit(2); it must not touch the loop or the store. `p` must live until on_exit
 * or proc_kill(). Blocks for the time fork takes.
 */
int proc_fork(struct procs *ps, struct proc *p, const char *comm, int (*fn)(void *arg), void *arg,
	      void (*on_exit)(struct proc *p, int status), struct error *err);
/* SIGKILL and reap now, on_exit is not called; harmless if not running. Blocks until it is dead. */
void proc_kill(struct proc *p);
/* Number of running children. */
size_t procs_count(const struct procs *ps);
