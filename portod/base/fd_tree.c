/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and removing directory trees.
 *
 * A tree to remove was often made by an untrusted program: it may be deeper than any stack or
 * descriptor limit, contain symbolic links to anywhere, mount points, and be moved about
 * while we walk. So: no path longer than one component, no "..", every directory is opened
 * without following links and without crossing a mount, and a directory found below MAX_DEPTH is
 * moved up to the top of the tree, where the walk meets it again.
 */
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
#include "path.h"
#include "xalloc.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

#define MAX_DEPTH 64

/* ---- mkdir -p ---- */

static int make_and_open(int dirfd, const char *name, mode_t mode)
{
	int fd;

	if (mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
		/* Read-only or foreign parents are fine as long as the directory is there. */
		if (errno != EROFS && errno != EACCES && errno != EPERM)
			return -errno;
	fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int fd_mkdir_p(int dirfd, const char *path, mode_t mode)
{
	auto_free char *copy = xstrdup(path);
	auto_close int dir = -1;
	char *p = copy, *name;
	int next;

	if (path[0] == '/' && dirfd == AT_FDCWD) {
		dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return -errno;
	}
	while (*(p += strspn(p, "/"))) {
		name = p;
		p += strcspn(p, "/");
		if (*p)
			*p++ = '\0';
		next = make_and_open(dir < 0 ? dirfd : dir, name, mode);
		if (next < 0)
			return next;
		close_fd(&dir);
		dir = next;
	}
	return 0;
}

/* ---- remove ---- */

struct level {
	DIR *dir;
	char *name;        /* in the directory above */
	uint64_t progress; /* of the walk when the stream was last read from its start */
};

struct walk {
	struct level levels[MAX_DEPTH];
	size_t depth;
	int base;          /* directory that holds the tree; borrowed */
	uint64_t progress; /* entries removed or moved so far */
};

/* One component, a real directory on the same mount. */
static int open_subdir(int parent, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
	};
	struct stat above, here;
	int fd, r;

	fd = (int)syscall(SYS_openat2, parent, name, &how, sizeof(how));
	if (fd >= 0)
		return fd;
	if (errno != ENOSYS)
		return errno == EXDEV ? -EBUSY : -errno;
	/* Before 5.6: st_dev shows all mounts but bind mounts of the same file system. */
	fd = openat(parent, name, (int)how.flags);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &here) < 0 || fstat(parent, &above) < 0)
		r = -errno;
	else if (here.st_dev != above.st_dev)
		r = -EBUSY;
	else
		return fd;
	close(fd);
	return r;
}

static int push_level(struct walk *w, int parent, const char *name)
{
	int fd = open_subdir(parent, name), r;
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		r = -errno;
		close(fd);
		return r;
	}
	w->levels[w->depth++] =
		(struct level){ .dir = dir, .name = xstrdup(name), .progress = w->progress };
	return 0;
}

static void pop_level(struct walk *w)
{
	struct level *l = &w->levels[--w->depth];

	closedir(l->dir);
	free(l->name);
}

/* Too deep: let the walk meet it again directly below the top. */
static int move_to_top(struct walk *w, int parent, const char *name)
{
	int top = dirfd(w->levels[0].dir);
	char fresh[40];

	for (int tries = 0; tries < 1000; tries++) {
		snprintf(fresh, sizeof(fresh), ".removing-%llu-%d", (unsigned long long)w->progress,
			 tries);
		if (renameat2(parent, name, top, fresh, RENAME_NOREPLACE) == 0) {
			w->progress++;
			return 0;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

/* 0 = gone, -EISDIR = a directory with entries, or -errno. */
static int remove_one(struct walk *w, int parent, const char *name)
{
	int r = 0;

	if (unlinkat(parent, name, 0) < 0)
		r = -errno;
	/* Linux says EISDIR for a directory, POSIX and some file systems EPERM. */
	if (r == -EISDIR || r == -EPERM) {
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
			r = 0;
		else if (errno == ENOTEMPTY || errno == EEXIST)
			return -EISDIR;
		else if (errno != ENOTDIR) /* else an immutable file: keep EPERM */
			r = -errno;
	}
	if (r == 0)
		w->progress++;
	return r == -ENOENT ? 0 : r;
}

static int remove_entry(struct walk *w, int parent, const char *name)
{
	int r;

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	r = remove_one(w, parent, name);
	if (r != -EISDIR)
		return r;
	r = w->depth == MAX_DEPTH ? move_to_top(w, parent, name) : push_level(w, parent, name);
	return r == -ENOENT ? 0 : r;
}

/*
 * The innermost directory is read to its end. Entries may have appeared meanwhile: moved there by
 * us, made by somebody, or skipped by a file system whose streams do not like removal.
 */
static int finish_level(struct walk *w)
{
	struct level *l = &w->levels[w->depth - 1];
	int parent = w->depth > 1 ? dirfd(w->levels[w->depth - 2].dir) : w->base;
	int r = remove_one(w, parent, l->name);

	if (r == -EISDIR) {
		if (l->progress == w->progress)
			return -ENOTEMPTY;
		l->progress = w->progress;
		rewinddir(l->dir);
		return 0;
	}
	if (r == 0)
		pop_level(w);
	return r;
}

static int remove_levels(struct walk *w)
{
	struct dirent *e;
	struct level *l;
	int r = 0;

	while (r == 0 && w->depth > 0) {
		l = &w->levels[w->depth - 1];
		errno = 0;
		e = readdir(l->dir);
		if (e)
			r = remove_entry(w, dirfd(l->dir), e->d_name);
		else
			r = errno ? -errno : finish_level(w);
	}
	while (w->depth > 0)
		pop_level(w);
	return r;
}

int fd_remove_tree(int dirfd, const char *path)
{
	auto_free char *dir = path_dirname(path);
	const char *name = path_basename(path);
	auto_close int parent = -1;
	struct walk w = { 0 };
	int r;

	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	parent = fd_open_no_symlinks(dirfd, dir, O_PATH | O_DIRECTORY, 0);
	if (parent < 0)
		return parent == -ENOENT ? 0 : parent;
	w.base = parent;
	r = remove_entry(&w, parent, name);
	return r < 0 ? r : remove_levels(&w);
}
