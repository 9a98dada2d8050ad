/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes this the one daemon of a state directory and of a socket: the lock, the listening
 * socket and the pid files. Everything is local and does not block, but for the file system.
 *
 * Files in the state directory: `lock` (held with flock(2) while the master lives; never removed,
 * since removing a lock file races), `master.pid` and `server.pid` (decimal, 0644).
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"

struct instance {
	const char *socket_path; /* borrowed */
	int state_fd;            /* the state directory */
	int lock_fd;
	int listen_fd; /* non-blocking */
};

#define INSTANCE_INIT                                          \
	{                                                      \
		.state_fd = -1, .lock_fd = -1, .listen_fd = -1 \
	}

#define INSTANCE_MASTER_PID "master.pid"
#define INSTANCE_SERVER_PID "server.pid"

/*
 * Create the state directory if needed, lock it, replace a stale socket file and listen (mode
 * 0666). Busy when another master holds the lock or somebody answers on the socket. On failure
 * nothing is left open.
 */
int instance_acquire(struct instance *in, const char *socket_path, const char *state_dir,
		     unsigned backlog, struct error *err);
/* Take over descriptors from before exec(2); they are the instance's only on success. */
int instance_adopt(struct instance *in, const char *socket_path, const char *state_dir, int lock_fd,
		   int listen_fd, struct error *err);
/* Close everything; files stay. */
void instance_close(struct instance *in);
/* Remove the socket and pid files, then close. */
void instance_release(struct instance *in);

/* `name` is one of the above. 0 or -errno. */
int instance_write_pid(const struct instance *in, const char *name, pid_t pid);
void instance_remove_pid(const struct instance *in, const char *name);
