/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start job: from a flat description to a running process.
 *
 * starter_run() is the body of a forked job. It makes the groups, sets the knobs, clones the
 * container's first process, moves it into the groups, talks with it in stages
 * (kernel/handshake.h), writes the task record, lets the command go, and returns who it is. On
 * failure everything it started is killed, and the error says which step failed on what; the
 * groups and directories are removed by the caller's teardown job, which is the same for stop,
 * failed start and restore.
 *
 * Process layout, `init` set:    starter -> first (becomes portoinit) -> main (becomes the command)
 *                 `init` not set: starter -> first (becomes the command)
 *                 no command:     starter -> first (becomes portoinit, holder)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cred.h"
#include "base/idmap.h"
#include "base/str.h"
#include "kernel/caps.h"
#include "kernel/cgroup.h"
#include "kernel/ns.h"
#include "kernel/plan.h"
#include "kernel/rlimit.h"
#include "kernel/schedattr.h"
#include "kernel/sysfilter.h"

enum stream_kind {
	STREAM_NULL,   /* /dev/null */
	STREAM_FD,     /* `fd`, given by the client */
	STREAM_HOST,   /* `path` on the host, opened before the container is entered (stored
		          streams) */
	STREAM_INSIDE, /* `path` inside, opened with the container's root and credentials */
};

struct stream_spec {
	enum stream_kind kind;
	int fd;           /* borrowed */
	const char *path; /* borrowed; relative INSIDE paths are relative to cwd */
};

/* Everything is borrowed and only read. */
struct start_spec {
	uint64_t id;
	const char *name;        /* "a/b", for labels and messages */
	const char *portoinit;   /* path of the helper on the host; best /proc/self/fd/N of a
				      descriptor by mnt_open_read_only() that the server keeps */
	const char *record_path; /* task record to write */

	struct cgroup cgroup; /* what it delegates goes to `cred` */
	struct cgroup_host *cgroup_host;
	bool shared_groups; /* they are another container's: a job. They exist, and portoinit ends
			       what the command leaves behind */
	const struct cgroup_setting *settings;
	size_t nsettings;

	/* NS_NEW with a pid: enter that process's namespace first, then make the new one in it. */
	struct ns_choice ns[_NS_COUNT];
	pid_t root_pid_of; /* take root and cwd of this process before going on; 0 = host's.
				      Its mount namespace is entered, too, when ns[NS_MNT] is
				      NS_KEEP, and is where NS_NEW without a pid starts from. Paths
			    of the plan and INSIDE streams are as that process sees them */

	int view; /* root directory, a borrowed descriptor, in which paths of namespaces are looked
		     up; -1 = that of process view_pid, 0 = the host's */
	pid_t view_pid;
	/*
	 * NS_USER: a new one with these maps, made in the one of ns[NS_USER].pid (0 = ours), or
	 * that of a process. Then new ipc, uts and net namespaces belong to it, and the command
	 * enters it last of all, with `cred` in ids of the host.
	 */
	const struct idmap *uid_map, *gid_map; /* outside = ids of the namespace around it */
	uid_t root_uid;                        /* host ids of root inside; of the command where */
	gid_t root_gid;                        /* there is none, 0 without a user namespace */
	uid_t inside_uid;                      /* what these are inside */
	gid_t inside_gid;
	bool late_mount_ns; /* one more mount namespace, right before the command */

	bool init;               /* portoinit between starter and command */
	bool has_command;        /* false = holder only */
	const char *command;     /* expanded by wordexp(3) inside; used when argv is empty */
	const struct strv *argv; /* exact arguments; no expansion */
	const struct strv *env;  /* "NAME=value" */
	bool hide_expansion;     /* there are secrets in `env`: errors show `command` as it is */
	const char *cwd;         /* inside */
	mode_t umask;

	const char *workdir; /* host directory to make (mode 0775, owner = cred), a stale one
			    is removed with its content; NULL = none (and for a respawn) */
	bool keep_workdir;   /* a respawn: what is in it stays */
	struct stream_spec streams[3];
	bool tty;         /* stdin, STREAM_FD, is a terminal: make it the controlling one, owned by
			      cred */
	uid_t tty_owner;  /* whose terminals may be given away; (uid_t)-1 = everybody's */
	bool tty_console; /* and bind it at /dev/console, after the plan */
	uint64_t stdout_limit;

	const struct cred *cred; /* of the command */
	struct cap_sets caps;    /* of the command, before it is executed */
	bool no_new_privs;
	/* Filters of system calls, outermost first: each must let the next one be installed.
	 * Without no_new_privs they need the starter's CAP_SYS_ADMIN. */
	const struct sysfilter_profile *seccomp;
	size_t nseccomp;
	const struct rlimit_entry *rlimits;
	size_t nrlimits;
	int oom_score_adj;
	bool set_oom_score_adj;
	const struct sched_attrs *sched; /* of all processes; NULL = the starter's own */
	int64_t coredump_filter;         /* core(5); negative = leave */
	uid_t loginuid;                  /* (uid_t)-1 = not set, for an init of a system to set */
	bool set_loginuid;
	const char *hostname;    /* NULL or "" = leave */
	const struct plan *plan; /* executed in a new mount namespace; NULL = none */

	const char *hold_path; /* FIFO to make, or NULL: set up, then wait for the word before
				  exec, see kernel/hold.h. starter_run() returns success while it
				  waits */
	unsigned timeout_ms;   /* for the whole dialogue */
	const struct sysctl_setting *sysctls; /* for its new namespaces, in this order */
	size_t nsysctls;
	const struct symlink_entry *links; /* made when all is mounted */
	size_t nlinks;
	const struct cred *links_actor; /* with whose rights; NULL = root's */
};

#define START_SPEC_INIT                           \
	{                                         \
		.coredump_filter = -1, .view = -1 \
	}

struct start_result {
	int32_t wait_pid, main_pid, main_vpid; /* host pids; vpid as the command sees itself */
	uint64_t wait_starttime, main_starttime;
	uint32_t warnings; /* START_WARN_… */
};

#define START_WARN_RLIMIT   1u /* a limit could not be raised (no CAP_SYS_RESOURCE) */
#define START_WARN_LOGINUID 2u
#define START_WARN_OOM_ADJ  4u
#define START_WARN_SCHED    8u

/*
 * Blocks. Call in a forked child of the server only: it enters namespaces, and its exit hands the
 * first process over to the nearest sub-reaper. The plan's errors, and otherwise:
 * ERR_INVALID_COMMAND of expansion and exec, ERR_INVALID_VALUE of streams,
 * ERR_RESOURCE_NOT_AVAILABLE of fork, those of
 * userns_make(), else by errno. Without
 * cgroup_host no group is touched. A holder (no command) is its own main process. Signals 1..31 and
 * the mask are reset for the command. Kernel: clone3(2), setns(2), pidfd_send_signal(2),
 * execveat(2); Linux 5.6.
 */
int starter_run(const struct start_spec *spec, struct start_result *ret, struct error *err);
