/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about processes from procfs (proc(5)). Nothing blocks. 0 or -errno. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
	char state; /* 'R', 'S', 'Z', … */
	pid_t ppid, pgrp, session;
	uint64_t starttime; /* clock ticks since boot */
};

int procfs_stat(pid_t pid, struct proc_stat *ret);
/* Signals that the process handles or blocks, SIGNAL_BITs. */
#define SIGNAL_BIT(sig) (UINT64_C(1) << ((sig)-1))
int procfs_handled_signals(pid_t pid, uint64_t *ret);
/* Is it in sigtimedwait(2)? What it waits for there it neither handles nor blocks for so long. */
bool procfs_waits_for_signal(pid_t pid);
/* comm without newline. */
int procfs_comm(pid_t pid, char *buf, size_t size);
/* The pid as the innermost namespace of the process sees it (NSpid of status). */
int procfs_inner_pid(pid_t pid, pid_t *ret);
/*
 * Translate `pid` as process `viewer` would see it, or back; -ESRCH when it is not visible there.
 * NStgid/NSpid of /proc/PID/status tells the chain; the viewer's pid namespace is compared by
 * /proc/PID/ns/pid.
 */
int procfs_pid_as_seen_by(pid_t pid, pid_t viewer, pid_t *ret);
int procfs_pid_from_view(pid_t seen, pid_t viewer, pid_t *ret);
/* A zombie or gone, or another process than (pid, starttime)? */
bool procfs_is_gone(pid_t pid, uint64_t starttime);
/* Are both in the same namespace ("user", "net", …)? false when that cannot be seen. */
bool procfs_same_ns(pid_t a, pid_t b, const char *kind);
/* Effective capabilities, CAP_BIT()s of kernel/caps.h; they count in its user namespace. */
int procfs_caps(pid_t pid, uint64_t *ret);
/* Effective uid and gid of a process. */
int procfs_ids(pid_t pid, uid_t *ret_uid, gid_t *ret_gid);
/* Are real, effective, saved and file system uid all this one? */
bool procfs_is_of_user(pid_t pid, uid_t uid);
/* May the user have what this process has open, by the kernel's rule (ptrace(2)): all ids are his,
 * and it has executed nothing that gave it more rights, or it would not be dumpable. */
bool procfs_is_open_to(pid_t pid, uid_t uid);
/* The process a thread belongs to: its main thread's id. */
int procfs_process_of(pid_t tid, pid_t *ret);
/* The root directory of process (pid, starttime), with the mounts as it sees them: O_PATH, or
 * -errno, -ESRCH when it is gone. The caller owns the descriptor. */
int procfs_open_root(pid_t pid, uint64_t starttime);
uint64_t procfs_mem_total(void); /* bytes of RAM; 0 if unreadable */
/* Bytes in pages of 2 MiB, used or not; 0 when the kernel has none. */
uint64_t procfs_huge_pages(void);
/* Sizes of address spaces, bytes; see proc_pid_status(5). */
struct proc_vm {
	uint64_t count; /* processes in here */
	uint64_t size, max_size, used, max_used, anon, file, shmem, huge, swap, data, stack, code,
		locked, table;
};

/* Add one process; a kernel thread or a zombie has nothing but itself. */
int procfs_add_vm(pid_t pid, struct proc_vm *vm);
