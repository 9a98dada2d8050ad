/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces: names, flags, opening. */
#include "kernel/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

static const struct {
	const char *name;
	int flag;
} kinds[_NS_COUNT] = {
	[NS_USER] = { "user", CLONE_NEWUSER },       [NS_PID] = { "pid", CLONE_NEWPID },
	[NS_MNT] = { "mnt", CLONE_NEWNS },           [NS_IPC] = { "ipc", CLONE_NEWIPC },
	[NS_UTS] = { "uts", CLONE_NEWUTS },          [NS_NET] = { "net", CLONE_NEWNET },
	[NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
};

const char *ns_name(enum ns_kind kind)
{
	return kinds[kind].name;
}

int ns_clone_flag(enum ns_kind kind)
{
	return kinds[kind].flag;
}

int ns_open(enum ns_kind kind, const struct ns_choice *choice, int *ret_fd, struct error *err)
{
	char path[64];
	const char *p = path;
	int fd;

	*ret_fd = -1;
	switch (choice->mode) {
	case NS_NEW:
		if (!choice->pid)
			return 0;
		/* fall through */
	case NS_OF_PID:
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)choice->pid, ns_name(kind));
		break;
	case NS_AT_PATH:
		p = choice->path;
		break;
	case NS_KEEP:
	default:
		return 0;
	}
	fd = open(p, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, errno, "open %s namespace %s", ns_name(kind), p);
	*ret_fd = fd;
	return 0;
}
