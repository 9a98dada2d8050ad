/* SPDX-License-Identifier: Apache-2.0 */
/* fork(2) with everything that clone3(2) can do. */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/child.h"

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

/* Before 5.3, or where a filter denies clone3. */
static pid_t old_clone(int flags, int *ret_pidfd)
{
	unsigned long all = (unsigned long)flags | SIGCHLD | (ret_pidfd ? CLONE_PIDFD : 0);
	long pid = syscall(SYS_clone, all, NULL, ret_pidfd, NULL, NULL);

	return pid < 0 ? -errno : (pid_t)pid;
}

pid_t starter_clone(int flags, int cgroup_fd, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = (uint64_t)(unsigned)flags | (ret_pidfd ? CLONE_PIDFD : 0),
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		/* A sibling's is that of the process that clones it. */
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	long pid;

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid >= 0)
		return (pid_t)pid;
	return errno == ENOSYS && cgroup_fd < 0 ? old_clone(flags, ret_pidfd) : -errno;
}
