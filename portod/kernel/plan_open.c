/* SPDX-License-Identifier: Apache-2.0 */
/* Opening what the operations of a mount plan name. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "kernel/identity.h"
#include "kernel/inroot.h"
#include "kernel/plan_run.h"

int place_open_strict(const struct runner *r, const char *target, int flags, struct place *ret)
{
	ret->fd = fd_open_in_root(r->root, target, O_PATH | flags, 0);
	if (ret->fd < 0)
		return ret->fd;
	ret->path = mnt_fd_path(ret->fd, ret->link);
	return 0;
}

int place_open(const struct runner *r, const char *target, int flags, struct place *ret)
{
	ret->fd = -1;
	ret->path = target;
	if (r->plain || r->root < 0)
		return 0;
	if (str_has_prefix(target, "/proc/") || str_has_prefix(target, "/sys/")) {
		ret->path = target + 1;
		return 0;
	}
	return place_open_strict(r, target, flags, ret);
}

void place_deinit(struct place *p)
{
	close_fd(&p->fd);
}

/* ---- sources ---- */

int plan_open_source(const struct runner *r, const struct plan_op *op)
{
	const struct cred *c = op->check ? r->plan->checker : NULL;
	struct identity self = IDENTITY_INIT;
	int mode = op->check_write ? R_OK | W_OK : R_OK, fd, e = 0;

	if (c)
		e = identity_assume(c, &self);
	if (e < 0)
		return e;
	if (op->check && !r->plan->trusted) {
		fd = fd_open_no_magic(AT_FDCWD, op->source, O_PATH, 0);
	} else {
		fd = open(op->source, O_PATH | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	e = identity_restore(&self);
	if (e == 0 && fd >= 0 && c)
		e = identity_access(c, fd, mode);
	if (e < 0) {
		close_fd(&fd);
		return e;
	}
	return fd;
}

int plan_refuse_foreign(const struct plan_op *op, int source, int e, struct error *err)
{
	bool root = op->kind == PLAN_ROOT;

	if (e != -EINVAL || !mnt_is_foreign(source))
		return e;
	return error_sys(err, ERR_INVALID_PATH, EINVAL,
			 "%s %s%s%s: it is on a mount of another mount namespace, which cannot be "
			 "used in here; name it as it is called on the host",
			 root ? "open root" : "bind", op->source, root ? "" : " at ",
			 root ? "" : op->target);
}

/* ---- targets ---- */

static bool is_guarded(const struct runner *r, int fd)
{
	auto_free char *path = NULL;

	if (r->plain)
		return true;
	path = inroot_path(r->root, fd);
	return !path || path_is_system(path);
}

/* Nobody is asked: it is our own, or its owner has all rights there. */
static int open_freely(const struct runner *r, const struct plan_op *op, bool is_dir)
{
	int fd = fd_open_in_root(r->root, op->target, O_PATH, 0);

	return fd == -ENOENT ? inroot_make(r->root, op->target, is_dir, op->uid, op->gid) : fd;
}

static int open_as(const struct runner *r, const struct plan_op *op, bool is_dir,
		   const struct cred *c)
{
	struct identity self = IDENTITY_INIT;
	int e = r->plain ? identity_assume(c, &self) : 0;
	int fd = e < 0 ? e : fd_open_in_root(r->root, op->target, O_PATH, 0);

	if (fd == -ENOENT) {
		e = r->plain ? 0 : identity_assume(c, &self);
		fd = e < 0 ? e : inroot_make(r->root, op->target, is_dir, c->uid, c->gid);
	}
	e = identity_restore(&self);
	/* Of a new one, too: by now it may be something else, put there by somebody fast. */
	if (e == 0 && fd >= 0 && is_guarded(r, fd))
		e = identity_access(c, fd, W_OK);
	if (e < 0) {
		close_fd(&fd);
		return e;
	}
	return fd;
}

int plan_open_target(const struct runner *r, const struct plan_op *op, bool is_dir)
{
	const struct cred *c = op->check ? r->plan->checker : NULL;

	return c ? open_as(r, op, is_dir, c) : open_freely(r, op, is_dir);
}

/* The descriptor's name is that of the file, whatever links led to it. */
int plan_run_if_program(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_close int fd = fd_open_in_root(r->root, op->source, O_PATH, 0);
	char link[MNT_FD_PATH_MAX], path[PATH_MAX];
	ssize_t n = fd < 0 ? -1 : readlink(mnt_fd_path(fd, link), path, sizeof(path) - 1);

	(void)err;
	r->skip = true;
	if (n < 0)
		return 0; /* no such program: the command says so itself */
	path[n] = '\0';
	r->skip = !str_eq(path_basename(path), op->data);
	return 0;
}

int plan_explain_target(const struct plan_op *op, const char *verb, const char *what, int e,
			struct error *err)
{
	if (!op->check || err->code)
		return e;
	if (e == -EACCES)
		return error_sys(err, ERR_PERMISSION, EACCES,
				 "%s %s at %s: the owner may not write the target", verb, what,
				 op->target);
	if (e == -ENOTDIR || e == -ELOOP)
		return error_sys(err, ERR_INVALID_PATH, -e, "%s %s at %s: the target", verb, what,
				 op->target);
	return e;
}
