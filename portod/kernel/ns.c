/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces: names, flags, opening. */
#include "kernel/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"

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

#define NS_OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* The last component may be a link of procfs, which leads where no path does. */
static int open_in_view(int view, const char *path)
{
	auto_free char *dir = path_dirname(path);
	int fd = fd_open_in_root(view, path, NS_OPEN_FLAGS, 0), dfd;
	struct statfs fs;

	if (fd != -ELOOP)
		return fd;
	dfd = fd_open_in_root(view, dir, O_PATH | O_DIRECTORY, 0);
	if (dfd < 0)
		return dfd;
	if (fstatfs(dfd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		fd = -ELOOP;
	else if ((fd = openat(dfd, path_basename(path), NS_OPEN_FLAGS)) < 0)
		fd = -errno;
	close(dfd);
	return fd;
}

static int open_at_path(enum ns_kind kind, const char *path, int view, int *ret_fd,
			struct error *err)
{
	int fd = open_in_view(view, path), type;

	if (fd < 0)
		return error_sys(err,
				 fd == -ENOENT || fd == -ENOTDIR ? ERR_INVALID_VALUE
								 : error_code_of_errno(-fd),
				 -fd, "open %s namespace %s", ns_name(kind), path);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type != ns_clone_flag(kind)) {
		close(fd);
		return error_set(err, ERR_INVALID_VALUE, "%s is no %s namespace", path,
				 ns_name(kind));
	}
	*ret_fd = fd;
	return 0;
}

bool ns_is_ours(enum ns_kind kind, int fd)
{
	struct stat ours, other;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", ns_name(kind));
	return stat(path, &ours) == 0 && fstat(fd, &other) == 0 && ours.st_dev == other.st_dev &&
	       ours.st_ino == other.st_ino;
}

int ns_bring_up_loopback(struct error *err)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, errno, "make a socket");
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
		r = -errno;
	} else {
		request.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
			r = -errno;
	}
	close(fd);
	return r < 0 ? error_errno(err, -r, "bring up the loopback device") : 0;
}

int ns_open(enum ns_kind kind, const struct ns_choice *choice, int view, int *ret_fd,
	    struct error *err)
{
	char path[64];
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
		return open_at_path(kind, choice->path, view, ret_fd, err);
	case NS_KEEP:
	default:
		return 0;
	}
	fd = open(path, NS_OPEN_FLAGS);
	if (fd < 0)
		return error_errno(err, errno, "open %s namespace %s", ns_name(kind), path);
	*ret_fd = fd;
	return 0;
}
