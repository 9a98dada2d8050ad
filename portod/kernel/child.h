/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container side of a start: body of the first process, from clone(2) to execve(2), and of the
 * main process that it forks when portoinit stands in between. Private to the starter.
 */
#pragma once

#include <sys/stat.h>

#include "kernel/starter.h"

struct child {
	const struct start_spec *spec;
	int channel;           /* our end of the handshake */
	int streams[3];        /* opened on the host; -1 = to be opened inside */
	int portoinit_fd;      /* O_PATH; -1 = not needed */
	int record_fd;         /* task record */
	int hold_fd;           /* of a held start, else -1 */
	int ns_fds[_NS_COUNT]; /* namespaces to join, -1 = none; NS_PID was done before the clone */
	int console;           /* a mount of the terminal for /dev/console, else -1 */
	int root_fd, cwd_fd;   /* to take before anything is mounted; -1 = stay */
	int unshare;           /* CLONE_NEW… to do after joining those */
	int join;              /* pid namespace in which somebody lives, see child_join(), or -1 */
	struct sysfilter *filters; /* of spec->seccomp */
	size_t nfilters;
	bool placed;       /* cloned into the unified group already */
	uint32_t warnings; /* START_WARN_… so far */
};

/* Never returns; failures are reported over the channel. Blocks. */
_Noreturn void child_main(struct child *c);

/* ---- clone.c ---- */
/*
 * fork(2) by clone3(2): `flags` CLONE_NEW…, `cgroup_fd` for CLONE_INTO_CGROUP or -1. Returns the
 * pid, 0 in the child, or -errno. *ret_pidfd is the caller's in the parent; NULL = not wanted.
 */
pid_t starter_clone(int flags, int cgroup_fd, int *ret_pidfd);

/* ---- starter.c ---- */
/* Reap our child `pid` that ended too early and say how it did. Returns -1 with *err set. */
int starter_reap(const char *who, pid_t pid, struct error *err);
/* Wait for our child `pid`, however it ends. */
void starter_collect(pid_t pid);

/* ---- child_fs.c: files and directories, by the first process, as root ---- */
/* Open before the namespaces are entered, run after: knobs of what is entered are written by way
 * of the host's /proc. Does nothing without any. */
struct sysctl_writer {
	int proc_sys, ns;
	struct stat net; /* our network namespace, before */
};
void sysctl_writer_open(struct sysctl_writer *w, const struct start_spec *spec);
int sysctl_writer_run(struct sysctl_writer *w, const struct start_spec *spec, struct error *err);
/* Execute the mount plan, make links. The umask must be 0. */
int child_set_up_files(struct child *c, struct error *err);
int child_go_to_cwd(const struct start_spec *spec, struct error *err);
/* ---- child_join.c ---- */
/*
 * The last step of one that lives in the pid namespace of others, who may trace what they see
 * there. So we stay outside of it while we are a copy of the server with all rights. When all is
 * done and given up, we become portoinit --join, which clones the first process into c->join and
 * ends; that one shows nothing and can do nothing but what the container may. It says STAGE_BORN.
 *
 * Call with the command's ids and capabilities, streams installed, terminal not taken. `argv` NULL:
 * no command, as root. Returns only on failure.
 */
int child_join(struct child *c, const struct strv *argv, const struct rlimit_entry *limits,
	       const char *shown, struct error *err);
