/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who reads here is the daemon, with all its rights, and where it reads is decided by a user. So
 * the path is walked component by component without following links, beginning at a directory that
 * the user does not control: the place of the daemon, or the container's root.
 */
#include "props/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/path.h"
#include "base/xalloc.h"
#include "kernel/procfs.h"

struct range {
	bool have_offset, have_length;
	uint64_t offset, length;
};

/* ---- range ---- */

static int parse_number(const char *text, size_t len, bool *ret_have, uint64_t *ret,
			struct error *err)
{
	auto_free char *digits = xstrndup(text, len);

	*ret_have = len > 0;
	if (!len)
		return 0;
	/* Digits only: no sign, no blanks. */
	if (strspn(digits, "0123456789") != len || num_parse_u64(digits, ret) < 0)
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' is no position, '[offset][:length]' is needed", digits);
	return 0;
}

static int parse_range(const char *text, struct range *ret, struct error *err)
{
	size_t n;

	*ret = (struct range){ 0 };
	if (!text)
		return 0;
	n = strcspn(text, ":");
	if (parse_number(text, n, &ret->have_offset, &ret->offset, err))
		return -1;
	text += n;
	return *text ? parse_number(text + 1, strlen(text + 1), &ret->have_length, &ret->length,
				    err)
		     : 0;
}

/* ---- file ---- */

/* The directory `path` below dirfd, no links; -errno. Takes dirfd. */
static int walk(int dirfd, char *path)
{
	char *save = NULL;

	for (char *part = strtok_r(path, "/", &save); part && dirfd >= 0;
	     part = strtok_r(NULL, "/", &save)) {
		int fd = openat(dirfd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int r = fd < 0 ? -errno : fd;

		close(dirfd);
		dirfd = r;
	}
	return dirfd;
}

/* `path` is relative to dirfd, which is taken. */
static int open_file(int dirfd, const char *path, struct error *err)
{
	auto_free char *dir = path_dirname(path);
	auto_close int dfd = walk(dirfd, dir);
	int fd;

	/* A link in the middle is ENOTDIR for O_DIRECTORY | O_NOFOLLOW. */
	if (dfd == -ELOOP || dfd == -ENOTDIR)
		return error_set(err, ERR_PERMISSION, "a directory on the way to '%s' is a link",
				 path);
	if (dfd < 0)
		return error_sys(err, ERR_INVALID_DATA, -dfd, "open the directory of '%s'", path);
	/* Nonblocking: it may have become a FIFO. */
	fd = openat(dfd, path_basename(path),
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, ERR_INVALID_DATA, errno, "open '%s'", path);
	return fd;
}

static int open_dir(const char *path, struct error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? error_sys(err, ERR_INVALID_DATA, errno, "open directory '%s'", path) : fd;
}

/* While the container lives, its root with the mounts as it sees them; after, the plain
 * directory. */
static int open_root(const struct container *ct, struct error *err)
{
	const struct task_ids *t = &ct->task;
	auto_free char *root = NULL;
	char path[64];

	if (ct->has_task && t->wait_pid && !procfs_is_gone(t->wait_pid, t->wait_starttime)) {
		snprintf(path, sizeof(path), "/proc/%d/root", (int)t->wait_pid);
		return open_dir(path, err);
	}
	root = container_root_path(ct);
	return open_dir(root, err);
}

static int open_stored(const struct prop_ctx *ctx, int fd, struct error *err)
{
	auto_free char *path = xasprintf("%s/%s", ctx->ct->name, fd == 1 ? "stdout" : "stderr");
	int dir = open_dir(ctx->env->workdir_base, err);

	return dir < 0 ? -1 : open_file(dir, path, err);
}

static int open_custom(const struct prop_ctx *ctx, const char *name, struct error *err)
{
	auto_free char *cwd = container_cwd(ctx->ct, ctx->env->workdir_base);
	auto_free char *joined = path_join(cwd, name);
	auto_free char *path = path_normalize(joined);
	int dir;

	if (!strcmp(path, "/"))
		return error_set(err, ERR_INVALID_DATA, "'%s' is no file", name);
	dir = open_root(ctx->ct, err);
	return dir < 0 ? -1 : open_file(dir, path + 1, err);
}

static int open_stream(const struct prop_ctx *ctx, int fd, struct error *err)
{
	const char *path = container_stdio_path(ctx->ct, fd);

	if (!path)
		return open_stored(ctx, fd, err);
	if (!*path || !strcmp(path, "/dev/null") || str_has_prefix(path, "/dev/fd/"))
		return error_set(err, ERR_INVALID_DATA, "the output goes to '%s', it is not stored",
				 path);
	return open_custom(ctx, path, err);
}

/* ---- content ---- */

static int read_at(int file, uint64_t pos, uint64_t len, struct buf *out, struct error *err)
{
	while (len) {
		size_t part = len < 65536 ? (size_t)len : 65536;
		ssize_t n = pread(file, buf_reserve(out, part), part, (off_t)pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, ERR_INVALID_DATA, errno, "read the output");
		if (n == 0)
			break; /* cut meanwhile */
		buf_commit(out, (size_t)n);
		pos += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/* Positions count from the first byte ever written; `lost` of them are no longer in the file. */
static int find_range(const struct range *r, uint64_t lost, uint64_t size, uint64_t limit,
		      uint64_t *ret_pos, uint64_t *ret_len, struct error *err)
{
	uint64_t len = r->have_length ? r->length : UINT64_MAX, pos;

	if (len > limit)
		len = limit;
	if (!r->have_offset) {
		*ret_len = len < size ? len : size;
		*ret_pos = size - *ret_len;
		return 0;
	}
	if (r->offset < lost)
		return error_set(err, ERR_INVALID_DATA,
				 "the output before position %llu is no longer stored",
				 (unsigned long long)lost);
	pos = r->offset - lost;
	*ret_pos = pos < size ? pos : size;
	*ret_len = len < size - *ret_pos ? len : size - *ret_pos;
	return 0;
}

int stream_read(const struct prop_ctx *ctx, int fd, const char *range, struct buf *out,
		struct error *err)
{
	uint64_t limit = ctx->ct->spec.stdout_limit, pos = 0, len = 0;
	auto_close int file = -1;
	struct range r;
	struct stat st;

	if (parse_range(range, &r, err))
		return -1;
	file = open_stream(ctx, fd, err);
	if (file < 0)
		return -1;
	if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, ERR_INVALID_DATA, "the output is no regular file");
	if (limit > ctx->env->stdout_read_max)
		limit = ctx->env->stdout_read_max;
	if (find_range(&r, ctx->ct->stream_offset[fd], (uint64_t)st.st_size, limit, &pos, &len,
		       err))
		return -1;
	return read_at(file, pos, len, out, err);
}
