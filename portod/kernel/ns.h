/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces (namespaces(7)): which one a new process gets, one choice per kind.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

enum ns_kind { NS_USER, NS_PID, NS_MNT, NS_IPC, NS_UTS, NS_NET, NS_CGROUP, _NS_COUNT };

enum ns_mode {
	NS_KEEP,    /* that of the process that starts it: the host's */
	NS_NEW,     /* a new one; if `pid` is not 0, made from within that process's namespace
		     * (nested container: its pid namespace is a child of the parent container's,
		     * its mount namespace a copy of the parent container's) */
	NS_OF_PID,  /* that of process `pid` */
	NS_AT_PATH, /* the one bound at `path`, absolute in the root that ns_open() is given */
};

struct ns_choice {
	enum ns_mode mode;
	pid_t pid;
	const char *path; /* borrowed */
};

const char *ns_name(enum ns_kind kind); /* as in /proc/PID/ns */
int ns_clone_flag(enum ns_kind kind);   /* CLONE_NEW… */
/*
 * Open the namespace a choice names (with NS_NEW the one to start from); -1 in *ret_fd when it
 * names none. `view` is a descriptor of the root directory in which a path is looked up: it leaves
 * that on no link, but may end at a link of procfs. ERR_INVALID_VALUE when there is no namespace of
 * this kind at the path. Blocks as the path's file systems do. ioctl_ns(2).
 */
int ns_open(enum ns_kind kind, const struct ns_choice *choice, int view, int *ret_fd,
	    struct error *err);
/* Is the namespace behind the descriptor the one we are in? */
bool ns_is_ours(enum ns_kind kind, int fd);
/* Bring the loopback device of our network namespace up. netdevice(7). */
int ns_bring_up_loopback(struct error *err);
