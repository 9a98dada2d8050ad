/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executor of the mount plan.
 *
 * It runs with all privileges over a tree that somebody else made; what that means is said in
 * kernel/plan_run.h.
 */
#include "kernel/plan_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/skeleton.h"

static void forget_dir(struct runner *r)
{
	free(take_ptr(r->dir));
	close_fd(&r->dir_fd);
}

/* Directory that holds `target`, borrowed from the runner; *ret_name points into `target`. */
static int open_parent(struct runner *r, const char *target, const char **ret_name)
{
	auto_free char *dir = path_dirname(target);
	int fd;

	*ret_name = path_basename(target);
	if (str_eq(dir, r->dir))
		return r->dir_fd;
	fd = fd_open_in_root(r->root, dir, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	forget_dir(r);
	r->dir = take_ptr(dir);
	r->dir_fd = fd;
	return fd;
}

/* ---- operations: 0 or -errno; `err` is filled instead where errno cannot say it ---- */

static int run_propagation(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_place place = PLACE_INIT;
	int e = place_open(r, op->target, 0, &place);

	(void)err;
	return e < 0 ? e : plan_mount(NULL, place.path, NULL, op->flags, NULL);
}

static int refuse_root(const struct plan_op *op, int e, struct error *err)
{
	if (e == -ENOENT || e == -ENOTDIR)
		return error_sys(err, ERR_INVALID_PATH, -e, "open root %s", op->source);
	if (e == -EACCES)
		return error_sys(err, ERR_PERMISSION, EACCES,
				 "open root %s: the owner may not %s it", op->source,
				 op->check_write ? "read and write" : "read");
	if (e == -ELOOP)
		return error_sys(err, ERR_PERMISSION, ELOOP,
				 "open root %s: it leads through too many links, or one of the "
				 "kernel's own, such as /proc/PID/root",
				 op->source);
	return e;
}

/* A directory that is no mount is made one. */
static int take_root(struct runner *r, int *dir)
{
	auto_close int tree = -1;
	int e;

	if (!mnt_is_root(*dir)) {
		tree = mnt_copy(*dir, "", true);
		if (tree < 0)
			return tree;
		e = mnt_attach(tree, *dir);
		if (e < 0)
			return e;
		close_fd(dir);
		*dir = take_fd(&tree);
	}
	e = mnt_change(*dir, 0, MS_NOSUID, false);
	if (e < 0)
		return e;
	r->root = take_fd(dir);
	return fchdir(r->root) < 0 ? -errno : 0;
}

static int run_root(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_close int dir = plan_open_source(r, op);
	struct stat st;
	int e;

	if (dir < 0)
		return refuse_root(op, dir, err);
	if (fstat(dir, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return refuse_root(op, -ENOTDIR, err);
	r->plain = !strcmp(op->source, "/");
	if (r->plain) {
		r->root = take_fd(&dir);
		return chdir("/") < 0 ? -errno : 0;
	}
	e = take_root(r, &dir);
	return e < 0 && dir >= 0 ? plan_refuse_foreign(op, dir, e, err) : e;
}

static int run_root_readonly(struct runner *r, const struct plan_op *op, struct error *err)
{
	(void)op;
	(void)err;
	return mnt_change(r->root, MS_RDONLY, 0, true);
}

/* What a client named may be missing, and its links are followed. */
static int open_mount_point(const struct runner *r, const struct plan_op *op, struct place *ret)
{
	if (!op->check)
		return place_open(r, op->target, O_DIRECTORY | O_NOFOLLOW, ret);
	ret->fd = plan_open_target(r, op, true);
	if (ret->fd < 0)
		return ret->fd;
	ret->path = mnt_fd_path(ret->fd, ret->link);
	return 0;
}

/* The top directory of a tmpfs is root's as the container sees it, unless the options say. */
static char *mount_options(const struct runner *r, const struct plan_op *op)
{
	bool mine = (r->plan->root_uid || r->plan->root_gid) && str_eq(op->fstype, "tmpfs") &&
		    !(op->data && strstr(op->data, "uid="));

	if (!mine)
		return xstrdup(op->data);
	return xasprintf("%s%suid=%u,gid=%u", op->data ? op->data : "", op->data ? "," : "",
			 (unsigned)r->plan->root_uid, (unsigned)r->plan->root_gid);
}

/* What a user namespace locked cannot be unmounted, and the same file system not be mounted over
 * itself: something comes in between. */
static int mount_over_itself(const struct plan_op *op, const char *options, const char *path)
{
	int e = plan_mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			   "size=0,nr_inodes=1,mode=555");

	return e < 0 ? e : plan_mount(op->source, path, op->fstype, op->flags, options);
}

static int run_mount(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_free char *options = mount_options(r, op);
	auto_place place = PLACE_INIT;
	int e = open_mount_point(r, op, &place);

	if (e == 0)
		e = plan_mount(op->source, place.path, op->fstype, op->flags, options);
	if (e == -EBUSY && r->plain && str_eq(op->fstype, "sysfs"))
		e = mount_over_itself(op, options, place.path);
	return plan_explain_target(op, "mount", op->fstype, e, err);
}

/* To whom it belongs: as the operation says, or root as the container sees it. */
static int give(const struct runner *r, const struct plan_op *op, int dir, const char *name)
{
	bool said = op->uid || op->gid;
	uid_t uid = said ? op->uid : r->plan->root_uid;
	gid_t gid = said ? op->gid : r->plan->root_gid;

	if (!uid && !gid)
		return 0;
	return fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int run_mkdir(struct runner *r, const struct plan_op *op, struct error *err)
{
	const char *name;
	int dir = open_parent(r, op->target, &name), fd;

	(void)err;
	if (dir < 0)
		return dir;
	if (mkdirat(dir, name, op->mode) == 0)
		return give(r, op, dir, name);
	if (errno != EEXIST)
		return -errno;
	fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int run_mknod(struct runner *r, const struct plan_op *op, struct error *err)
{
	const char *name;
	int dir = open_parent(r, op->target, &name);

	if (dir < 0)
		return dir;
	if (mknodat(dir, name, op->mode, makedev(op->major, op->minor)) < 0) {
		if (errno == EEXIST)
			return error_sys(err, ERR_BUSY, EEXIST, "make device %s", op->target);
		return -errno;
	}
	return give(r, op, dir, name);
}

static int run_symlink(struct runner *r, const struct plan_op *op, struct error *err)
{
	const char *name;
	int dir = open_parent(r, op->target, &name);

	(void)err;
	if (dir < 0)
		return dir;
	return symlinkat(op->source, dir, name) < 0 && errno != EEXIST ? -errno : 0;
}

static int run_unmount(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_place place = PLACE_INIT;
	int e = place_open(r, op->target, O_NOFOLLOW, &place);

	(void)err;
	if (e < 0)
		return e;
	/* UMOUNT_NOFOLLOW would stop at the link of a descriptor, which was opened with O_NOFOLLOW.
	 * */
	if (umount2(place.path, MNT_DETACH | (place.fd < 0 ? UMOUNT_NOFOLLOW : 0)) < 0)
		return -errno;
	return 0;
}

static int run_skeleton(struct runner *r, const struct plan_op *op, struct error *err)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
	auto_close int before = fd_open_in_root(r->root, op->target, flags, 0), after = -1;
	int e;

	if (before < 0)
		return before;
	e = run_mount(r, op, err);
	if (e < 0)
		return e;
	after = fd_open_in_root(r->root, op->target, flags, 0);
	return after < 0 ? after
			 : skeleton_copy(before, after, r->plan->root_uid, r->plan->root_gid, err);
}

static int run_pivot(struct runner *r, const struct plan_op *op, struct error *err)
{
	(void)op;
	(void)err;
	/* The old root lands on top of the new one at ".", and is detached from there. */
	if (fchdir(r->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

/* ---- dispatch ---- */

static const struct {
	int (*run)(struct runner *r, const struct plan_op *op, struct error *err);
	const char *verb, *preposition;
} kinds[_PLAN_KIND_COUNT] = {
	[PLAN_PROPAGATION] = { run_propagation, "change propagation of", "" },
	[PLAN_ROOT] = { run_root, "open root", "" },
	[PLAN_ROOT_READONLY] = { run_root_readonly, "make the root read-only", "" },
	[PLAN_MOUNT] = { run_mount, "mount", "at" },
	[PLAN_HOLD] = { plan_run_hold, "hold", "for" },
	[PLAN_PICK] = { plan_run_pick, "pick", "" },
	[PLAN_BIND] = { plan_run_bind, "bind", "at" },
	[PLAN_MKDIR] = { run_mkdir, "make directory", "" },
	[PLAN_MKNOD] = { run_mknod, "make device", "" },
	[PLAN_SYMLINK] = { run_symlink, "link to", "at" },
	[PLAN_REMOUNT_RO] = { plan_run_remount_ro, "make read-only", "" },
	[PLAN_CHANGE] = { plan_run_change, "change the mount at", "" },
	[PLAN_IF_PROGRAM] = { plan_run_if_program, "look for", "" },
	[PLAN_MASK] = { plan_run_mask, "mask", "" },
	[PLAN_UNMOUNT] = { run_unmount, "unmount", "" },
	[PLAN_FILE] = { plan_run_file, "overlay", "" },
	[PLAN_SKELETON] = { run_skeleton, "mount", "at" },
	[PLAN_PIVOT] = { run_pivot, "pivot to the new root", "" },
};

static int run_op(struct runner *r, const struct plan_op *op, struct error *err)
{
	bool in_dir = op->kind == PLAN_MKDIR || op->kind == PLAN_MKNOD || op->kind == PLAN_SYMLINK;
	const char *source = op->source ? op->source : "", *target = op->target ? op->target : "";
	int e;

	if (op->conditional && r->skip)
		return 0;
	/* Anything else may cover the directory that is remembered. */
	if (!in_dir)
		forget_dir(r);
	error_clear(err);
	e = kinds[op->kind].run(r, op, err);
	if (e == 0 || op->optional)
		return 0;
	if (err->code)
		return -1;
	return error_errno(err, -e, "%s%s%s%s%s%s%s", kinds[op->kind].verb, *source ? " " : "",
			   source, *source && *target ? " " : "",
			   *source && *target ? kinds[op->kind].preposition : "",
			   *target ? " " : "", target);
}

int plan_execute(const struct plan *p, struct error *err)
{
	struct runner r = { .plan = p, .root = -1, .dir_fd = -1, .picked = -1 };
	int result = 0;

	for (size_t i = 0; i < p->n && result == 0; i++)
		result = run_op(&r, &p->ops[i], err);
	forget_dir(&r);
	for (size_t i = 0; i < r.nheld; i++)
		close_fd(&r.held[i]);
	free(r.held);
	close_fd(&r.picked);
	close_fd(&r.root);
	return result;
}
