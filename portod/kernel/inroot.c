/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/xalloc.h"
#include "kernel/mnt.h"

#define LINKS_MAX 8

/* One missing directory. Somebody may make it at the same time. */
static int make_dir(int dir, const char *name, uid_t uid, gid_t gid)
{
	int fd;

	if (mkdirat(dir, name, 0775) == 0) {
		if (fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
	} else if (errno != EEXIST) {
		return -errno;
	}
	fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int inroot_make_dirs(int root, const char *path, uid_t uid, gid_t gid)
{
	auto_free char *copy = xstrdup(path);
	auto_close int dir = fd_open_in_root(root, "/", O_PATH | O_DIRECTORY, 0);

	for (char *p = copy + strspn(copy, "/"); dir >= 0 && *p;) {
		char *name = p, *end = p + strcspn(p, "/"), saved = *end;
		int next;

		*end = '\0'; /* `copy` is now the path up to this component */
		next = fd_open_in_root(root, copy, O_PATH | O_DIRECTORY, 0);
		if (next == -ENOENT)
			next = make_dir(dir, name, uid, gid);
		close_fd(&dir);
		dir = next;
		*end = saved;
		p = end + strspn(end, "/");
	}
	return take_fd(&dir);
}

static int make_file(int dir, const char *name, uid_t uid, gid_t gid)
{
	int fd = openat(dir, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0664), r;

	if (fd < 0)
		return -errno;
	if (fchown(fd, uid, gid) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

int inroot_make(int root, const char *path, bool is_dir, uid_t uid, gid_t gid)
{
	auto_free char *at = xstrdup(path);

	for (int i = 0; i < LINKS_MAX; i++) {
		auto_free char *parent = path_dirname(at);
		auto_close int dir = inroot_make_dirs(root, parent, uid, gid);
		const char *name = path_basename(at);
		char link[PATH_MAX];
		ssize_t n;
		int fd;

		if (dir < 0)
			return dir;
		n = readlinkat(dir, name, link, sizeof(link) - 1);
		if (n >= 0) {
			auto_free char *joined = NULL;

			link[n] = '\0';
			joined = path_join(parent, link);
			free(at);
			at = path_normalize(joined);
			continue;
		}
		fd = fd_open_in_root(root, at, O_PATH, 0);
		if (fd != -ENOENT)
			return fd;
		return is_dir ? make_dir(dir, name, uid, gid) : make_file(dir, name, uid, gid);
	}
	return -ELOOP;
}

static char *path_of(int fd)
{
	char link[MNT_FD_PATH_MAX], path[PATH_MAX];
	ssize_t n = readlink(mnt_fd_path(fd, link), path, sizeof(path) - 1);

	if (n < 0)
		return NULL;
	path[n] = '\0';
	return xstrdup(path);
}

char *inroot_path(int root, int fd)
{
	auto_free char *top = path_of(root), *path = path_of(fd);
	const char *below;

	if (!top || !path)
		return NULL;
	below = path_below(path, top);
	return below ? path_join("/", below) : NULL;
}
