/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of a job, which has no group of its own: a session inside of a group that it shares
 * with others.
 *
 * A process belongs to it when it is in the command's session or process group, has a parent that
 * belongs to it, or was started with the container's name in its environment. portoinit in front
 * inherits orphans, which makes this complete. Without it one is missed that left the session,
 * whose parents, up to the command, have ended, and whose environment was made anew.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "kernel/cgroup.h"

struct family {
	const char *name; /* of the container, borrowed; NULL = do not look at environments, which
			     may block */
	pid_t wait_pid, main_pid; /* host pids; equal without portoinit; 0 = there is nobody */
	uint64_t wait_starttime, main_starttime;
	bool init; /* the first process is portoinit: it reaps and kills what is left itself */
};

/* Those of the processes in `cg` and below it that belong to the family and live; *ret is
 * malloc'ed, also when there are none. Reads procfs. */
int family_members(const struct family *f, struct cgroup_host *h, const struct cgroup *cg,
		   pid_t **ret, size_t *ret_n, struct error *err);
/* Signal the command and what is in its process group. ERR_INVALID_STATE when the command is gone.
 * Does not block. */
int family_signal(const struct family *f, int sig, struct error *err);
/* Signal every member but portoinit, each once; SIGKILL: until nobody is new, without waiting for
 * them to be gone. A group that is shared cannot be frozen: who is forked meanwhile may be missed
 * by other signals. */
int family_signal_all(const struct family *f, struct cgroup_host *h, const struct cgroup *cg,
		      int sig, struct error *err);
/* Kill all and wait until they are gone. Blocks; time-out: ERR_UNKNOWN with ETIMEDOUT. */
int family_kill(const struct family *f, struct cgroup_host *h, const struct cgroup *cg,
		unsigned timeout_ms, struct error *err);
