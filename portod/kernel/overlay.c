/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "kernel/mnt.h"

/* Nothing else is a mount of a file that nobody can name. */
static bool is_overlay(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 0 && mnt_is_root(fd);
}

/* Before it is opened: that of a device or a FIFO may do anything. */
static int open_overlay(int root, const char *path, struct error *err)
{
	auto_close int place = fd_open_in_root(root, path, O_PATH, 0);
	char link[MNT_FD_PATH_MAX];
	int fd;

	if (place < 0)
		return error_sys(err, ERR_INVALID_STATE, -place, "find %s of the container", path);
	if (!is_overlay(place))
		return error_set(err, ERR_INVALID_STATE,
				 "%s is not the file any more that was mounted there at start",
				 path);
	fd = open(mnt_fd_path(place, link), O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? error_errno(err, errno, "open %s of the container", path) : fd;
}

static bool is_same(int fd, const char *content, size_t len)
{
	char part[4096];
	struct stat st;

	if (fstat(fd, &st) < 0 || (size_t)st.st_size != len)
		return false;
	for (size_t at = 0; at < len;) {
		ssize_t n = pread(fd, part, sizeof(part), (off_t)at);

		if (n <= 0 || (size_t)n > len - at || memcmp(part, content + at, (size_t)n) != 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

int overlay_rewrite(int root, const char *path, const char *content, struct error *err)
{
	auto_close int fd = open_overlay(root, path, err);
	size_t len = strlen(content);
	int r;

	if (fd < 0)
		return -1;
	if (is_same(fd, content, len))
		return 0;
	/* Who reads meanwhile finds one or the other, or a bit of both, but never nothing. */
	r = fd_write_all(fd, content, len);
	if (r == 0 && ftruncate(fd, (off_t)len) < 0)
		r = -errno;
	return r < 0 ? error_errno(err, -r, "write %s of the container", path) : 0;
}
