/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dump as a file. It is written under a name of its own that ends in .part and gets its real one
 * when it is complete; a helper that is killed leaves a .part behind, which counts for the limits.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "core/core.h"

#define CHUNK (1u << 20)

/* ---- room ---- */

struct usage {
	uint64_t all, slot; /* bytes on disk */
};

/* Ours, in contrast to second names and to whatever else is in the directory. */
static bool is_core_name(const char *name)
{
	const char *percent = strchr(name, '%'), *end = percent ? strstr(percent, ".core") : NULL;

	return end && (!end[5] || end[5] == '.');
}

static int measure(int dir, const char *slot, struct usage *ret)
{
	auto_closedir DIR *d = NULL;
	struct dirent *e;
	struct stat st;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret = (struct usage){ 0 };
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		if (!is_core_name(e->d_name) ||
		    fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		ret->all += (uint64_t)st.st_blocks * 512;
		if (str_has_prefix(e->d_name, slot))
			ret->slot += (uint64_t)st.st_blocks * 512;
	}
	return 0;
}

static int find_budget(const struct core_store *st, int dir, const char *container,
		       uint64_t *ret_budget, struct error *err)
{
	auto_free char *slot = core_slot_prefix(container);
	struct usage used;
	uint64_t all, own;
	int r = measure(dir, slot, &used);

	if (r < 0)
		return error_errno(err, -r, "list the directory");
	all = used.all < st->limit ? st->limit - used.all : 0;
	own = used.slot < st->slot_limit ? st->slot_limit - used.slot : 0;
	if (!all || !own)
		return error_set(err, ERR_NO_SPACE,
				 "%s is reached: there are %llu bytes of dumps, %llu of them with "
				 "the prefix %s",
				 all ? "core.slot_space_limit_mb" : "core.space_limit_mb",
				 (unsigned long long)used.all, (unsigned long long)used.slot, slot);
	*ret_budget = all < own ? all : own;
	return 0;
}

/* ---- content ---- */

static int copy(struct core_sink *sink, int in, uint64_t limit, struct core_file *f,
		struct error *err)
{
	auto_free char *buf = xmalloc(CHUNK);
	ssize_t n = 1;

	while (n > 0 && !f->truncated) {
		n = read(in, buf, CHUNK);
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		if (n < 0)
			return error_errno(err, errno, "read the dump");
		if ((uint64_t)n > limit - f->size) {
			n = (ssize_t)(limit - f->size);
			f->truncated = true;
		}
		if (n && core_sink_write(sink, buf, (size_t)n, err))
			return -1;
		f->size += (uint64_t)n;
	}
	return core_sink_end(sink, err);
}

static int fill(const struct core_store *st, const struct core_info *c, int fd, uint64_t budget,
		int in, struct core_file *f, struct error *err)
{
	struct core_sink *sink = core_sink_new(fd, core_suffix(st->pattern), budget, st->sync_size,
					       err);
	int r;

	if (!sink)
		return -1;
	r = copy(sink, in, c->ulimit, f, err);
	core_sink_free(sink);
	return r;
}

/* ---- names ---- */

/* The name that core(5) would give; the file of an earlier crash makes way. */
static void second_name(const struct core_store *st, const struct core_info *c, int dir,
			const char *name)
{
	char hostname[HOST_NAME_MAX + 1] = "";
	auto_free char *other = NULL, *tmp = NULL;

	gethostname(hostname, sizeof(hostname) - 1);
	other = core_expand(st->pattern, c, hostname);
	if (!*other || str_eq(other, name))
		return;
	tmp = xasprintf("%.200s.link", name);
	(void)unlinkat(dir, tmp, 0);
	if (linkat(dir, name, dir, tmp, 0) < 0)
		return;
	if (renameat(dir, tmp, dir, other) < 0)
		(void)unlinkat(dir, tmp, 0);
	else
		(void)unlinkat(dir, tmp, 0); /* rename(2) leaves it when both are the same file */
}

static int finish(int dir, int fd, const char *part, const char *name, uid_t owner, gid_t group,
		  struct error *err)
{
	if (fchown(fd, owner, group) < 0 || fchmod(fd, 0440) < 0)
		return error_errno(err, errno, "set owner and mode");
	if (renameat(dir, part, dir, name) < 0)
		return error_errno(err, errno, "give it its name");
	return 0;
}

static int save_in(const struct core_store *st, const struct core_info *c, int dir,
		   const char *container, uid_t owner, gid_t group, int in, struct core_file *ret,
		   struct error *err)
{
	auto_free char *part = xasprintf("%.240s.part", ret->name);
	auto_close int fd = -1;
	uint64_t budget = 0;

	if (find_budget(st, dir, container, &budget, err))
		return -1;
	fd = openat(dir, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, errno, "create %s", part);
	if (fill(st, c, fd, budget, in, ret, err) ||
	    finish(dir, fd, part, ret->name, owner, group, err)) {
		(void)unlinkat(dir, part, 0);
		return -1;
	}
	second_name(st, c, dir, ret->name);
	return 0;
}

int core_save(const struct core_store *st, const struct core_info *c, const char *container,
	      uid_t owner, gid_t group, int in, struct core_file *ret, struct error *err)
{
	auto_free char *path = path_dirname(st->pattern);
	auto_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret = (struct core_file){ 0 };
	if (dir < 0)
		return error_errno(err, errno, "open directory %s", path);
	ret->name = core_file_name(c, container, core_suffix(st->pattern));
	if (save_in(st, c, dir, container, owner, group, in, ret, err) == 0)
		return 0;
	return error_prefix(err, "save %s/%s", path, ret->name);
}
