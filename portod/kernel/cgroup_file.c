/* SPDX-License-Identifier: Apache-2.0 */
/* Files and directories of a hierarchy: helpers of the cgroup modules. */
#include "kernel/cgroup_backend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/cgroup_stat.h"

const char *cgroup_join(const char *path, const char *file, char *buf, size_t size)
{
	size_t n = strlen(path), m = strlen(file);

	if (!n && !m)
		return size < 2 ? NULL : memcpy(buf, ".", 2);
	if (n + 1 + m + 1 > size)
		return NULL;
	memmove(buf, path, n);
	if (n && m)
		buf[n++] = '/';
	memcpy(buf + n, file, m + 1);
	return buf;
}

int cgroup_open(const struct cgroup_hierarchy *hr, const char *path, const char *file, int flags)
{
	char buf[CGROUP_PATH_MAX];
	int fd;

	if (!cgroup_join(path, file, buf, sizeof(buf)))
		return -ENAMETOOLONG;
	do {
		fd = openat(hr->fd, buf, flags | O_CLOEXEC | O_NOFOLLOW);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

bool cgroup_file_exists(const struct cgroup_hierarchy *hr, const char *path, const char *file)
{
	char buf[CGROUP_PATH_MAX];

	return cgroup_join(path, file, buf, sizeof(buf)) && faccessat(hr->fd, buf, F_OK, 0) == 0;
}

/* Without O_TRUNC, which makes kernfs allocate attributes for every file that is written to. */
int cgroup_write(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		 const char *text)
{
	auto_close int fd = cgroup_open(hr, path, file, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = write(fd, text, strlen(text));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int cgroup_write_err(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		     const char *text, struct error *err)
{
	int r = cgroup_write(hr, path, file, text);

	if (r < 0)
		return error_errno(err, -r, "write '%s' to %s/%s%s%s", text, hr->point, path,
				   *path ? "/" : "", file);
	return 0;
}

int cgroup_read(const struct cgroup_hierarchy *hr, const char *path, const char *file, char *buf,
		size_t size)
{
	char name[CGROUP_PATH_MAX];
	ssize_t n;

	if (!cgroup_join(path, file, name, sizeof(name)))
		return -ENAMETOOLONG;
	n = fd_read_small(hr->fd, name, buf, size);
	return n < 0 ? (int)n : 0;
}

int cgroup_read_number(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		       uint64_t *ret)
{
	char text[64];
	int r = cgroup_read(hr, path, file, text, sizeof(text));

	return r < 0 ? r : cgroup_stat_number(text, ret);
}

int cgroup_read_key(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		    const char *key, uint64_t *ret)
{
	char text[CGROUP_TEXT_MAX];
	int r = cgroup_read(hr, path, file, text, sizeof(text));

	return r < 0 ? r : cgroup_stat_key(text, key, ret);
}

const char *cgroup_procs_dir(const struct cgroup_hierarchy *hr, const char *path, char *buf,
			     size_t size)
{
	if (!cgroup_join(path, hr->features & CGROUP_HAS_LEAF ? CGROUP_LEAF : "", buf, size))
		return NULL;
	if (hr->features & CGROUP_HAS_LEAF && !cgroup_file_exists(hr, buf, ""))
		return cgroup_join(path, "", buf, size);
	return buf;
}

int cgroup_mkdir(const struct cgroup_hierarchy *hr, const char *path, bool *ret_new,
		 struct error *err)
{
	*ret_new = false;
	if (mkdirat(hr->fd, path, CGROUP_DIR_MODE) == 0) {
		*ret_new = true;
		return 0;
	}
	if (errno == EEXIST)
		return 0;
	/* EAGAIN: cgroup.max.descendants or .depth; ENOSPC: out of ids. */
	if (errno == EAGAIN || errno == ENOSPC || errno == ENOMEM)
		return error_sys(err, ERR_RESOURCE_NOT_AVAILABLE, errno, "create cgroup %s/%s",
				 hr->point, path);
	return error_errno(err, errno, "create cgroup %s/%s", hr->point, path);
}

/*
 * Names of the groups directly below. Collected before going down: an open directory per level
 * would let a container that nests groups deeply exhaust our descriptors.
 */
static void list_children(const struct cgroup_hierarchy *hr, const char *path, struct strv *ret)
{
	int fd = cgroup_open(hr, path, "", O_RDONLY | O_DIRECTORY);
	struct stat st;
	DIR *dir;
	struct dirent *e;

	if (fd < 0)
		return;
	/* kernfs keeps the link count: 2 means no subdirectory, and saves reading 40 names. */
	if (fstat(fd, &st) == 0 && st.st_nlink == 2) {
		close(fd);
		return;
	}
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((e = readdir(dir))) {
		if (e->d_type == DT_DIR && !str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			strv_add(ret, e->d_name);
	}
	closedir(dir);
}

/* `path` is the buffer of the whole walk; it has `len` bytes in use. */
static int walk(const struct cgroup_hierarchy *hr, char *path, size_t len, bool parents_last,
		cgroup_visit_fn visit, void *arg)
{
	auto_strv children = STRV_INIT;
	int r = 0;

	if (!parents_last)
		r = visit(hr, path, arg);
	if (!r)
		list_children(hr, path, &children);
	for (size_t i = 0; !r && i < children.n; i++) {
		size_t n = strlen(children.v[i]), sep = len > 0;

		if (len + sep + n >= CGROUP_PATH_MAX)
			continue;
		if (sep)
			path[len] = '/';
		memcpy(path + len + sep, children.v[i], n + 1);
		r = walk(hr, path, len + sep + n, parents_last, visit, arg);
		path[len] = '\0';
	}
	if (!r && parents_last)
		r = visit(hr, path, arg);
	return r;
}

int cgroup_walk(const struct cgroup_hierarchy *hr, const char *path, bool parents_last,
		cgroup_visit_fn visit, void *arg)
{
	char buf[CGROUP_PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(buf))
		return -ENAMETOOLONG;
	memcpy(buf, path, len + 1);
	return walk(hr, buf, len, parents_last, visit, arg);
}

void cgroup_pids_deinit(struct cgroup_pids *p)
{
	free(p->v);
	*p = (struct cgroup_pids){ 0 };
}

static void pids_add(struct cgroup_pids *p, pid_t pid)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 64;
		p->v = xreallocarray(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = pid;
}

struct pids_walk {
	const char *file;
	struct cgroup_pids *out;
};

#define PIDS_TEXT_MAX (64u << 20) /* more than 4 million ids: the kernel's own limit */

int cgroup_pids_add(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		    struct cgroup_pids *out)
{
	char name[CGROUP_PATH_MAX];
	auto_free char *text = NULL;
	const char *pos;
	pid_t pid;
	int r;

	if (!cgroup_join(path, file, name, sizeof(name)))
		return -ENAMETOOLONG;
	r = fd_read_file(hr->fd, name, PIDS_TEXT_MAX, &text, NULL);
	/* Removed meanwhile, or a threaded group of v2, whose processes the domain above lists. */
	if (r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP)
		return 0;
	if (r < 0)
		return r;
	pos = text;
	while ((pid = cgroup_stat_next_pid(&pos)))
		pids_add(out, pid);
	return 0;
}

static int pids_visit(const struct cgroup_hierarchy *hr, const char *path, void *arg)
{
	struct pids_walk *w = arg;

	return cgroup_pids_add(hr, path, w->file, w->out);
}

int cgroup_pids_read(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		     bool recursive, struct cgroup_pids *out)
{
	struct pids_walk w = { .file = file, .out = out };
	char dir[CGROUP_PATH_MAX];

	if (recursive)
		return cgroup_walk(hr, path, false, pids_visit, &w);
	if (!cgroup_procs_dir(hr, path, dir, sizeof(dir)))
		return -ENAMETOOLONG;
	if (!(hr->features & CGROUP_HAS_LEAF)) {
		int r = pids_visit(hr, path, &w);

		if (r < 0 || !cgroup_join(path, CGROUP_LEAF, dir, sizeof(dir)) ||
		    !cgroup_file_exists(hr, dir, ""))
			return r;
	}
	/* What the container itself nests in its leaf is its own. */
	return cgroup_walk(hr, dir, false, pids_visit, &w);
}
