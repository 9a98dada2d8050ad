/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who reads here is the daemon, with all its rights, and where it reads is decided by a user. So
 * the path is walked component by component without following links, beginning at a directory that
 * the user does not control: the place of the daemon, or the container's root. Stored streams are
 * read in the loop, and no mount of somebody else is touched on the way to them; files of the owner
 * are read in a job.
 */
#include "props/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "base/xalloc.h"
#include "kernel/identity.h"
#include "kernel/mnt.h"
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

/* A component of a path, which is no link. `stay`: nor a mount point, behind which somebody's file
 * system could let us wait. */
static int open_part(int dirfd, const char *name, int flags, bool stay)
{
	int fd = stay ? fd_open_on_mount(dirfd, name, flags | O_NOFOLLOW) : -ENOSYS;

	if (fd != -ENOSYS)
		return fd;
	fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The directory `path` below dirfd, no links; -errno. Takes dirfd. */
static int walk(int dirfd, char *path, bool stay)
{
	char *save = NULL;

	for (char *part = strtok_r(path, "/", &save); part && dirfd >= 0;
	     part = strtok_r(NULL, "/", &save)) {
		int r = open_part(dirfd, part, O_PATH | O_DIRECTORY, stay);

		close(dirfd);
		dirfd = r;
	}
	return dirfd;
}

/* Nonblocking: it may have become a FIFO. What the owner has named may have become a device, and
 * opening one can do something: it is looked at first. */
static int open_last(int dir, const char *name, bool stay)
{
	auto_close int seen = -1;
	char link[MNT_FD_PATH_MAX];
	struct stat st;
	int fd;

	if (stay)
		return open_part(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, true);
	seen = open_part(dir, name, O_PATH, false);
	if (seen < 0)
		return seen;
	if (fstat(seen, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return take_fd(&seen); /* what it is will be told */
	fd = open(mnt_fd_path(seen, link), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* `path` is relative to dirfd, which is taken. */
static int open_file(int dirfd, const char *path, bool stay, struct error *err)
{
	auto_free char *dir = path_dirname(path);
	auto_close int dfd = walk(dirfd, dir, stay);
	int fd;

	/* A link in the middle is ENOTDIR for O_DIRECTORY | O_NOFOLLOW. */
	if (dfd == -ELOOP || dfd == -ENOTDIR)
		return error_set(err, ERR_PERMISSION, "a directory on the way to '%s' is a link",
				 path);
	if (dfd < 0)
		return error_sys(err, ERR_INVALID_DATA, -dfd, "open the directory of '%s'", path);
	fd = open_last(dfd, path_basename(path), stay);
	return fd < 0 ? error_sys(err, ERR_INVALID_DATA, -fd, "open '%s'", path) : fd;
}

static int open_stored(const struct prop_ctx *ctx, int fd, struct error *err)
{
	auto_free char *path = xasprintf("%s/%s", ctx->ct->name, fd == 1 ? "stdout" : "stderr");
	int dir = open(ctx->env->workdir_base, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return error_sys(err, ERR_INVALID_DATA, errno, "open directory '%s'",
				 ctx->env->workdir_base);
	return open_file(dir, path, true, err);
}

/* ---- file of the owner: in a job ---- */

bool stream_is_of_owner(const struct container *ct, int fd)
{
	const char *path = container_stdio_path(ct, fd);

	return path && *path && strcmp(path, "/dev/null") != 0 && !str_has_prefix(path, "/dev/fd/");
}

static bool has_root(const struct container *ct)
{
	return !str_is_empty(ct->spec.root) && strcmp(ct->spec.root, "/") != 0;
}

/*
 * The root directory of a container whose processes are gone, as start finds it: below the
 * parent's, on the host's with the eyes of the owner, who must be able to write it if the command
 * has the rights of root there. It may be another directory by now, but none that the owner could
 * not have had.
 */
static int open_dead_root(const struct container *ct)
{
	struct cred owner = { .uid = ct->spec.owner_cred.uid, .gid = ct->spec.owner_cred.gid };
	int mode = container_task_uid(ct) == 0 ? R_OK | W_OK : R_OK, fd, e;
	struct identity self = IDENTITY_INIT;

	cred_load_groups(&owner);
	e = owner.uid ? identity_assume(&owner, &self) : 0;
	fd = e < 0 ? e : fd_open_no_magic(AT_FDCWD, ct->spec.root, O_PATH | O_DIRECTORY, 0);
	e = identity_restore(&self);
	if (e == 0 && fd >= 0 && owner.uid)
		e = identity_access(&owner, fd, mode);
	cred_deinit(&owner);
	if (e < 0) {
		close_fd(&fd);
		return e;
	}
	return fd;
}

/* With the mounts as the container sees them as long as it lives. */
static int open_root(const struct container *ct)
{
	const struct task_ids *t = &ct->task;
	auto_close int parent = -1;

	if (ct->has_task && t->wait_pid && !procfs_is_gone(t->wait_pid, t->wait_starttime))
		return procfs_open_root(t->wait_pid, t->wait_starttime);
	if (container_is_root(ct))
		return fd_open_no_magic(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	if (has_root(ct) && !container_is_chrooted(ct->parent))
		return open_dead_root(ct);
	parent = open_root(ct->parent);
	if (parent < 0 || !has_root(ct))
		return take_fd(&parent);
	return fd_open_in_root(parent, ct->spec.root, O_PATH | O_DIRECTORY, 0);
}

/* With the rights that wrote it: the file may have become a link to what its user may not read. */
static int open_as_task(const struct container *ct, int dir, const char *path, struct error *err)
{
	struct cred task = { .uid = container_task_uid(ct), .gid = container_task_gid(ct) };
	struct identity self = IDENTITY_INIT;
	int r, fd;

	cred_load_groups(&task);
	r = task.uid ? identity_assume(&task, &self) : 0;
	if (r < 0) {
		close(dir);
		fd = error_errno(err, -r, "act as user %u", (unsigned)task.uid);
	} else {
		fd = open_file(dir, path, false, err);
	}
	r = identity_restore(&self);
	cred_deinit(&task);
	if (r == 0)
		return fd;
	close_fd(&fd);
	return error_errno(err, -r, "act as root again");
}

static int open_custom(const struct prop_ctx *ctx, const char *name, struct error *err)
{
	auto_free char *cwd = container_cwd(ctx->ct, ctx->env->workdir_base);
	auto_free char *joined = path_join(cwd, name);
	auto_free char *path = path_normalize(joined);
	int dir;

	if (!ctx->in_job)
		return error_set(err, ERR_RESOURCE_NOT_AVAILABLE,
				 "the output is in '%s', too many of which were asked for at once",
				 name);
	if (!strcmp(path, "/"))
		return error_set(err, ERR_INVALID_DATA, "'%s' is no file", name);
	dir = open_root(ctx->ct);
	if (dir < 0)
		return error_sys(err, ERR_INVALID_DATA, -dir, "open the root of container '%s'",
				 ctx->ct->name);
	return open_as_task(ctx->ct, dir, path + 1, err);
}

static int open_stream(const struct prop_ctx *ctx, int fd, struct error *err)
{
	const char *path = container_stdio_path(ctx->ct, fd);

	if (!path)
		return open_stored(ctx, fd, err);
	if (!stream_is_of_owner(ctx->ct, fd))
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

/* portoinit alone writes nothing: where a process of a command has a stored file, the one that only
 * holds a container has an empty one, which need not be there. */
static bool is_silent(const struct container *ct, int fd)
{
	return ct->state == STATE_META && ct->has_task && !container_is_root(ct) &&
	       !container_stdio_path(ct, fd);
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
	if (is_silent(ctx->ct, fd))
		return 0;
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
