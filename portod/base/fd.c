/* SPDX-License-Identifier: Apache-2.0 */
/* Files, confined opening, descriptors. Tree walks are in fd_tree.c, sockets in fd_pass.c. */
#include "fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "xalloc.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

static int open_retry(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd;

	do {
		fd = openat(dirfd, path, flags | O_CLOEXEC, mode);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

/* 0 at end of file. */
static ssize_t read_retry(int fd, void *data, size_t len)
{
	ssize_t n;

	do {
		n = read(fd, data, len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int fd_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len)
{
	auto_close int fd = open_retry(dirfd, path, O_RDONLY | O_NOCTTY, 0);
	auto_free char *data = NULL;
	size_t len = 0, cap = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	/* st_size is 0 in procfs and cgroupfs, and a file may grow: read until nothing comes. */
	do {
		if (len == cap) {
			cap = cap ? cap * 2 : 4096;
			if (cap > max)
				cap = max + 1; /* one byte more shows that it is too large */
			data = xrealloc(data, cap + 1);
		}
		n = read_retry(fd, data + len, cap - len);
		if (n < 0)
			return (int)n;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
	} while (n > 0);
	data[len] = '\0';
	if (ret_len)
		*ret_len = len;
	*ret = take_ptr(data);
	return 0;
}

ssize_t fd_read_small(int dirfd, const char *path, char *buf, size_t size)
{
	auto_close int fd = open_retry(dirfd, path, O_RDONLY | O_NOCTTY, 0);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	while (len + 1 < size) {
		n = read_retry(fd, buf + len, size - 1 - len);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return (ssize_t)len;
}

int fd_write_file(int dirfd, const char *path, const char *text)
{
	auto_close int fd = open_retry(dirfd, path, O_WRONLY | O_TRUNC | O_NOCTTY, 0);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = write(fd, text, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int fd_replace_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode)
{
	auto_free char *tmp = xasprintf("%s.tmp%d", path, (int)getpid());
	auto_close int fd = -1;
	int r;

	/* A leftover of a killed process that had our pid. */
	if (unlinkat(dirfd, tmp, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = open_retry(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fd;
	r = fd_write_all(fd, data, len);
	if (r == 0 && (fchmod(fd, mode) < 0 || renameat(dirfd, tmp, dirfd, path) < 0))
		r = -errno;
	if (r < 0)
		unlinkat(dirfd, tmp, 0);
	return r;
}

int fd_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_read_all(int fd, void *data, size_t len)
{
	char *p = data;

	while (len) {
		ssize_t n = read_retry(fd, p, len);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EPIPE;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int openat2_retry(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	/* Unlike open(2), openat2(2) refuses a mode without a creating flag. */
	bool creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = creates ? mode : 0,
		.resolve = resolve,
	};
	int fd, tries = 0;

	do {
		fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		/* EAGAIN: a rename raced with a ".."; rare, so a few tries are enough. */
	} while (fd < 0 && (errno == EINTR || (errno == EAGAIN && tries++ < 32)));
	return fd < 0 ? -errno : fd;
}

/*
 * For kernels before 5.6: walk component by component and refuse every symbolic link and `..`.
 * Stricter than openat2, never weaker.
 */
static int open_by_walk(int dirfd, const char *path, int flags, mode_t mode)
{
	auto_free char *copy = xstrdup(path);
	auto_close int dir = -1;
	char *p = copy, *name;
	int next;

	for (;;) {
		p += strspn(p, "/");
		name = p;
		p += strcspn(p, "/");
		if (!strncmp(name, "..", 2) && (p - name) == 2)
			return -EXDEV;
		if (!p[strspn(p, "/")])
			break;
		*p++ = '\0';
		next = open_retry(dir < 0 ? dirfd : dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW,
				  0);
		if (next < 0)
			return next == -ENOTDIR ? -ELOOP : next;
		close_fd(&dir);
		dir = next;
	}
	if (*p)
		flags |= O_DIRECTORY; /* trailing slash */
	*p = '\0';
	return open_retry(dir < 0 ? dirfd : dir, *name ? name : ".", flags | O_NOFOLLOW, mode);
}

int fd_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd = openat2_retry(dirfd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);

	if (fd != -ENOSYS)
		return fd;
	return path[0] == '/' ? -EXDEV : open_by_walk(dirfd, path, flags, mode);
}

int fd_open_in_root(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd = openat2_retry(dirfd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

	return fd != -ENOSYS ? fd : open_by_walk(dirfd, path, flags, mode);
}

int fd_open_no_magic(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd = openat2_retry(dirfd, path, flags, mode, RESOLVE_NO_MAGICLINKS);

	return fd != -ENOSYS ? fd : fd_open_no_symlinks(dirfd, path, flags, mode);
}

int fd_open_on_mount(int dirfd, const char *path, int flags)
{
	return openat2_retry(dirfd, path, flags, 0,
			     RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

int fd_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int fd_open_no_symlinks(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd = openat2_retry(dirfd, path, flags, mode, RESOLVE_NO_SYMLINKS);
	auto_close int top = -1;

	if (fd != -ENOSYS)
		return fd;
	if (path[0] != '/')
		return open_by_walk(dirfd, path, flags, mode);
	top = open_retry(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	return top < 0 ? top : open_by_walk(top, path, flags, mode);
}

int fd_move_above_stdio(int fd)
{
	int moved, r;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	r = moved < 0 ? -errno : moved;
	close(fd);
	return r;
}

/* Smallest member of keep that is >= from, or -1. */
static int next_kept(const int *keep, size_t n, int from)
{
	int best = -1;

	for (size_t i = 0; i < n; i++) {
		if (keep[i] >= from && (best < 0 || keep[i] < best))
			best = keep[i];
	}
	return best;
}

/* For kernels before 5.9. */
static int close_all_by_proc(const int *keep, size_t n)
{
	auto_closedir DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		char *end;
		long fd = strtol(e->d_name, &end, 10);

		if (*end || end == e->d_name || fd <= STDERR_FILENO || fd == dirfd(dir))
			continue;
		if (next_kept(keep, n, (int)fd) != (int)fd)
			close((int)fd);
	}
	return 0;
}

/* Does not allocate while close_range(2) works: it is called between fork and exec. */
int fd_close_all(const int *keep, size_t n)
{
	int from = STDERR_FILENO + 1;

	for (;;) {
		int kept = next_kept(keep, n, from);
		unsigned last = kept < 0 ? ~0U : (unsigned)kept - 1;

		if (kept != from && syscall(SYS_close_range, (unsigned)from, last, 0U) < 0)
			return errno == ENOSYS ? close_all_by_proc(keep, n) : -errno;
		if (kept < 0)
			return 0;
		from = kept + 1;
	}
}
