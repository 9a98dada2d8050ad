/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

static const char *const stream_names[3] = { "stdin", "stdout", "stderr" };

static int fail(struct error *err, int sys, unsigned index, const char *path)
{
	return error_sys(err, ERR_INVALID_VALUE, sys, "open %s %s", stream_names[index], path);
}

static int open_flags(unsigned index)
{
	/* Non-blocking, so that a FIFO or a line without carrier cannot hold the start up. */
	int flags = O_NOCTTY | O_NONBLOCK | O_CLOEXEC;

	return index == 0 ? flags | O_RDONLY : flags | O_WRONLY | O_APPEND;
}

/* Make it for this credential; EEXIST when it is there. */
static int create_stored(const char *path, const struct cred *cred)
{
	int fd = fd_open_no_symlinks(AT_FDCWD, path,
				     O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOCTTY, 0660);
	int r = 0;

	if (fd < 0)
		return fd;
	if (fchown(fd, cred->uid, cred->gid) < 0 || fchmod(fd, 0660) < 0)
		r = -errno;
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

static int open_stored(const char *path, unsigned index, const struct cred *cred)
{
	int fd = index ? create_stored(path, cred) : -EEXIST;
	struct stat st;

	if (fd != -EEXIST)
		return fd;
	fd = fd_open_no_symlinks(AT_FDCWD, path, open_flags(index), 0);
	if (fd < 0)
		return fd;
	/* The user may have put anything there. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	fd_set_nonblock(fd, false);
	return fd;
}

int stream_open_host(const struct stream_spec *s, unsigned index, const struct cred *cred,
		     int *ret_fd, struct error *err)
{
	const char *what = s->path;
	int fd = -1;

	switch (s->kind) {
	case STREAM_NULL:
		what = "/dev/null";
		fd = open(what, O_RDWR | O_NOCTTY | O_CLOEXEC);
		break;
	case STREAM_FD:
		what = "given descriptor";
		fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
		break;
	case STREAM_HOST:
		fd = open_stored(s->path, index, cred);
		break;
	case STREAM_INSIDE:
		*ret_fd = -1;
		return 0;
	}
	if (fd == -1)
		fd = -errno;
	fd = fd_move_above_stdio(fd);
	if (fd < 0)
		return fail(err, -fd, index, what);
	*ret_fd = fd;
	return 0;
}

int stream_open_inside(const struct stream_spec *s, unsigned index, int *ret_fd, struct error *err)
{
	int flags = open_flags(index), fd;

	if (s->kind != STREAM_INSIDE)
		return 0;
	/* /proc/self/fd/N would be one of ours. */
	fd = fd_open_no_magic(AT_FDCWD, s->path, index ? flags | O_CREAT : flags, 0660);
	if (fd >= 0 && isatty(fd)) {
		/* A terminal is used for both directions, whichever stream it is. */
		close(fd);
		fd = fd_open_no_magic(AT_FDCWD, s->path, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
	}
	if (fd < 0)
		return fail(err, -fd, index, s->path);
	fd = fd_move_above_stdio(fd);
	if (fd < 0)
		return fail(err, -fd, index, s->path);
	fd_set_nonblock(fd, false);
	*ret_fd = fd;
	return 0;
}

#define PTY_SLAVE_FIRST 136 /* majors, Documentation/admin-guide/devices.txt */
#define PTY_SLAVE_LAST  143

int stream_give_terminal(int fd, uid_t from, uid_t to, struct error *err)
{
	struct stat st;

	/* Not the master, nor /dev/tty, whose nodes are everybody's. */
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || major(st.st_rdev) < PTY_SLAVE_FIRST ||
	    major(st.st_rdev) > PTY_SLAVE_LAST || !isatty(fd))
		return error_set(err, ERR_INVALID_VALUE,
				 "tty is set, but stdin is not a pseudo-terminal's slave");
	if (st.st_uid == to)
		return 0;
	if (from != (uid_t)-1 && st.st_uid != from)
		return error_set(err, ERR_PERMISSION,
				 "tty is set, but the terminal of stdin belongs to user %u",
				 (unsigned)st.st_uid);
	if (fchown(fd, to, (gid_t)-1) < 0)
		return error_errno(err, errno, "give the terminal to user %u", (unsigned)to);
	return 0;
}

int stream_install(const int fds[3], struct error *err)
{
	for (int i = 0; i < 3; i++) {
		if (dup2(fds[i], i) < 0)
			return error_errno(err, errno, "install %s", stream_names[i]);
	}
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	return 0;
}

int stream_take_terminal(bool tty, struct error *err)
{
	bool have_terminal = false;

	for (int i = 0; i < 3; i++) {
		/* Fails when it controls another session already: then it is just a descriptor. */
		if (!have_terminal && isatty(i) && ioctl(i, TIOCSCTTY, 0) == 0)
			have_terminal = true;
		else if (tty && i == 0)
			return error_sys(
				err, ERR_INVALID_VALUE, errno,
				"make the terminal of stdin the controlling one: it may be "
				"that of another session");
	}
	return 0;
}
