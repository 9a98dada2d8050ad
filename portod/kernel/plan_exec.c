/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executor of the mount plan.
 *
 * It runs with all privileges over a tree that an untrusted image or the owner of a directory
 * made, so it never trusts a path: every target is opened beneath the new root by
 * fd_open_in_root() (no `..` or symbolic link leaves it, no magic link is followed), and mounts are
 * attached to that descriptor.
 *
 * Two shortcuts for calls that only mount something or change a mount, none of which reaches beyond
 * this private namespace: when the new root is "/", our own root, they use the path as it is; below
 * /proc and /sys of any root, which we mounted ourselves and where the kernel makes all names, they
 * use it relative to the root, which is the current directory.
 */
#include "kernel/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/mnt.h"
#include "kernel/skeleton.h"

#define LINKS_MAX    8

#define NGROUPS_KEPT 256 /* of ourselves */

struct runner {
	int root;   /* O_PATH; -1 until PLAN_ROOT */
	bool plain; /* the new root is "/" */
	const struct cred *checker;
	char *dir; /* directory of the last target, to make many nodes in /dev quickly */
	int dir_fd;
};

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

/* ---- where to mount ---- */

/* An existing target for calls that take a path. */
struct place {
	int fd;
	const char *path;
	char link[MNT_FD_PATH_MAX];
};

#define PLACE_INIT       \
	{                \
		.fd = -1 \
	}

static int place_open(const struct runner *r, const char *target, int flags, struct place *ret)
{
	ret->fd = -1;
	ret->path = target;
	if (r->plain || r->root < 0)
		return 0;
	if (str_has_prefix(target, "/proc/") || str_has_prefix(target, "/sys/")) {
		ret->path = target + 1;
		return 0;
	}
	ret->fd = fd_open_in_root(r->root, target, O_PATH | flags, 0);
	if (ret->fd < 0)
		return ret->fd;
	ret->path = mnt_fd_path(ret->fd, ret->link);
	return 0;
}

static void place_deinit(struct place *p)
{
	close_fd(&p->fd);
}

#define auto_place _cleanup_(place_deinit) struct place

static int do_mount(const char *source, const char *path, const char *fstype, unsigned long flags,
		    const char *data)
{
	return mount(source, path, fstype, flags, data) < 0 ? -errno : 0;
}

/* ---- making missing targets ---- */

/* Directory `path` beneath the root, with its parents. A descriptor or -errno. */
static int make_dirs(const struct runner *r, const char *path, uid_t uid, gid_t gid)
{
	auto_free char *copy = xstrdup(path);
	auto_close int dir = fd_open_in_root(r->root, "/", O_PATH | O_DIRECTORY, 0);

	for (char *p = copy + strspn(copy, "/"); dir >= 0 && *p;) {
		char *name = p, *end = p + strcspn(p, "/"), saved = *end;
		int next;

		*end = '\0'; /* `copy` is now the path up to this component */
		next = fd_open_in_root(r->root, copy, O_PATH | O_DIRECTORY, 0);
		if (next == -ENOENT) {
			if (mkdirat(dir, name, 0775) < 0)
				return -errno;
			if (fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
				return -errno;
			next = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (next < 0)
				return -errno;
		}
		close_fd(&dir);
		dir = next;
		*end = saved;
		p = end + strspn(end, "/");
	}
	return take_fd(&dir);
}

static int make_here(int dir, const char *name, bool is_dir, uid_t uid, gid_t gid)
{
	int fd, r = 0;

	if (is_dir) {
		if (mkdirat(dir, name, 0775) < 0)
			return -errno;
		fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	} else {
		fd = openat(dir, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0664);
	}
	if (fd < 0)
		return -errno;
	if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0) {
		r = -errno;
		close(fd);
	}
	return r < 0 ? r : fd;
}

/* Make `path`; a dangling symbolic link there is followed, in the root as everything else. */
static int make_target(const struct runner *r, const char *path, bool is_dir, uid_t uid, gid_t gid)
{
	auto_free char *at = xstrdup(path);

	for (int i = 0; i < LINKS_MAX; i++) {
		auto_free char *parent = path_dirname(at);
		auto_close int dir = make_dirs(r, parent, uid, gid);
		const char *name = path_basename(at);
		char link[4096];
		ssize_t n;

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
		n = fd_open_in_root(r->root, at, O_PATH, 0);
		return n != -ENOENT ? (int)n : make_here(dir, name, is_dir, uid, gid);
	}
	return -ELOOP;
}

/* ---- operations: 0 or -errno; `err` is filled instead where errno cannot say it ---- */

static int run_propagation(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_place place = PLACE_INIT;
	int e = place_open(r, op->target, 0, &place);

	(void)err;
	return e < 0 ? e : do_mount(NULL, place.path, NULL, op->flags, NULL);
}

/* Take on or put off the identity that file access is checked with. */
static int act_as(uid_t uid, gid_t gid, const gid_t *groups, size_t n)
{
	/* Back to root first: only root may change groups. */
	if (uid == 0 && seteuid(0) < 0)
		return -errno;
	if (setgroups(n, groups) < 0 || setegid(gid) < 0 || (uid && seteuid(uid) < 0))
		return -errno;
	return 0;
}

/* open(2) O_PATH with the eyes of `c`: the way there must be open to it, and the object itself. */
static int open_checked(const char *path, const struct cred *c, bool write)
{
	gid_t groups[NGROUPS_KEPT];
	int n = getgroups(NGROUPS_KEPT, groups), fd, e;
	gid_t gid = getegid();

	if (n < 0)
		return -errno;
	e = act_as(c->uid, c->gid, c->groups, c->ngroups);
	fd = e < 0 ? e : open(path, O_PATH | O_CLOEXEC);
	if (fd == -1)
		fd = -errno;
	if (fd >= 0 && syscall(SYS_faccessat2, fd, "", write ? R_OK | W_OK : R_OK,
			       AT_EMPTY_PATH | AT_EACCESS) < 0) {
		e = -errno;
		close(fd);
		fd = e;
	}
	e = act_as(0, gid, groups, (size_t)n);
	if (e < 0) {
		if (fd >= 0)
			close(fd);
		return e;
	}
	return fd;
}

static int open_source(const struct runner *r, const struct plan_op *op)
{
	int fd;

	if (op->check && r->checker)
		return open_checked(op->source, r->checker, op->check_write);
	fd = open(op->source, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int run_root(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_close int dir = open_source(r, op), tree = -1;
	struct stat st;
	int e;

	if (dir >= 0 && fstat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		return error_sys(err, ERR_INVALID_PATH, ENOTDIR, "open root %s", op->source);
	if (dir == -ENOENT || dir == -ENOTDIR)
		return error_sys(err, ERR_INVALID_PATH, -dir, "open root %s", op->source);
	if (dir < 0)
		return dir;
	r->plain = !strcmp(op->source, "/");
	if (r->plain) {
		r->root = take_fd(&dir);
		return chdir("/") < 0 ? -errno : 0;
	}
	if (!mnt_is_root(dir)) {
		tree = mnt_copy(dir, "", true);
		if (tree < 0)
			return tree;
		e = mnt_attach(tree, dir);
		if (e < 0)
			return e;
		close_fd(&dir);
		dir = take_fd(&tree);
	}
	r->root = take_fd(&dir);
	if (fchdir(r->root) < 0)
		return -errno;
	return mnt_change(r->root, 0, MS_NOSUID, false);
}

static int run_root_readonly(struct runner *r, const struct plan_op *op, struct error *err)
{
	(void)op;
	(void)err;
	return mnt_change(r->root, MS_RDONLY, 0, true);
}

static int run_mount(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_place place = PLACE_INIT;
	int e = place_open(r, op->target, O_DIRECTORY | O_NOFOLLOW, &place);

	(void)err;
	return e < 0 ? e : do_mount(op->source, place.path, op->fstype, op->flags, op->data);
}

/*
 * Every bind source is opened here and only here, with access checked on the descriptor that is
 * used.
 */
static int open_bind_source(const struct runner *r, const struct plan_op *op)
{
	return op->inside ? fd_open_in_root(r->root, op->source, O_PATH, 0) : open_source(r, op);
}

static int attach_bind(struct runner *r, const struct plan_op *op, int tree, bool is_dir)
{
	bool rec = op->flags & MS_REC;
	unsigned long set = op->flags & MNT_FLAGS;
	bool change = set || op->clear;
	auto_close int target = -1;
	int e = change ? mnt_change(tree, set, op->clear, rec) : 0;

	if (e == 0)
		change = false;
	else if (e != -ENOSYS)
		return e;
	target = fd_open_in_root(r->root, op->target, O_PATH, 0);
	if (target == -ENOENT)
		target = make_target(r, op->target, is_dir, op->uid, op->gid);
	if (target < 0)
		return target;
	e = mnt_attach(tree, target);
	return e < 0 || !change ? e : mnt_change(tree, set, op->clear, rec);
}

static int run_bind(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_close int source = open_bind_source(r, op), tree = -1;
	struct stat st;

	if (source == -ENOENT || source == -ENOTDIR)
		return error_sys(err, ERR_INVALID_PATH, -source, "bind %s at %s: open the source",
				 op->source, op->target);
	if (source < 0)
		return source;
	if (fstat(source, &st) < 0)
		return -errno;
	tree = mnt_copy(source, "", op->flags & MS_REC);
	return tree < 0 ? tree : attach_bind(r, op, tree, S_ISDIR(st.st_mode));
}

static int run_mkdir(struct runner *r, const struct plan_op *op, struct error *err)
{
	const char *name;
	int dir = open_parent(r, op->target, &name), fd;

	(void)err;
	if (dir < 0)
		return dir;
	if (mkdirat(dir, name, op->mode) == 0) {
		if ((op->uid || op->gid) &&
		    fchownat(dir, name, op->uid, op->gid, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		return 0;
	}
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
	if ((op->uid || op->gid) && fchownat(dir, name, op->uid, op->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
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

static int run_remount_ro(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_place place = PLACE_INIT, again = PLACE_INIT;
	int e = place_open(r, op->target, 0, &place);

	(void)err;
	if (e == 0)
		e = do_mount(place.path, place.path, NULL, MS_BIND, NULL);
	/* The descriptor still means the mount below the new one. */
	if (e == 0)
		e = place_open(r, op->target, 0, &again);
	if (e == 0)
		e = do_mount(NULL, again.path, NULL,
			     MS_REMOUNT | MS_BIND | MS_RDONLY | (op->flags & MNT_FLAGS), NULL);
	return e;
}

static int mask_directory(struct runner *r, const struct plan_op *op, const struct place *place)
{
	auto_place empty = PLACE_INIT;
	int e = -ENOENT;

	if (op->source)
		e = place_open(r, op->source, O_DIRECTORY, &empty);
	if (e == 0)
		e = do_mount(empty.path, place->path, NULL, MS_BIND, NULL);
	if (e != -ENOENT)
		return e;
	/* Without `source` it can be the target that is missing, as well: then this says so, too.
	 * */
	return do_mount("tmpfs", place->path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			"size=0,nr_inodes=1,mode=555");
}

static int run_mask(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_place place = PLACE_INIT;
	int e = place_open(r, op->target, 0, &place);

	(void)err;
	if (e < 0)
		return e;
	if (S_ISDIR(op->mode)) {
		e = mask_directory(r, op, &place);
		return e == -ENOTDIR ? do_mount("/dev/null", place.path, NULL, MS_BIND, NULL) : e;
	}
	e = do_mount("/dev/null", place.path, NULL, MS_BIND, NULL);
	return e == -ENOTDIR ? mask_directory(r, op, &place) : e;
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

/* Write `content` to a new file in `dir` and mount it over `target`; its name is gone after. */
static int attach_file(int dir, const char *content, int target)
{
	auto_close int fd = -1, tree = -1;
	uint64_t random = 0;
	char name[32];
	int e;

	if (getrandom(&random, sizeof(random), 0) < 0)
		return -errno;
	snprintf(name, sizeof(name), ".porto.%llx", (unsigned long long)random);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	e = fd_write_all(fd, content, strlen(content));
	if (e == 0)
		e = tree = mnt_copy(fd, "", false);
	if (e >= 0)
		e = mnt_attach(tree, target); /* refused for a file without a name */
	unlinkat(dir, name, 0);
	return e;
}

static int run_file(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_close int target = fd_open_in_root(r->root, op->target, O_PATH, 0), dir = -1;
	struct stat st;

	if (target == -ENOENT && op->mode)
		target = make_target(r, op->target, false, 0, 0);
	/* A read-only image without the file does not care for it. */
	if (target == -EROFS && op->mode)
		return 0;
	if (target < 0)
		return target;
	if (fstat(target, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERR_INVALID_VALUE, "overlay %s: not a regular file",
				 op->target);
	dir = fd_open_in_root(r->root, "/run", O_PATH | O_DIRECTORY, 0);
	return dir < 0 ? dir : attach_file(dir, op->data, target);
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
	return after < 0 ? after : skeleton_copy(before, after, err);
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
	[PLAN_BIND] = { run_bind, "bind", "at" },
	[PLAN_MKDIR] = { run_mkdir, "make directory", "" },
	[PLAN_MKNOD] = { run_mknod, "make device", "" },
	[PLAN_SYMLINK] = { run_symlink, "link to", "at" },
	[PLAN_REMOUNT_RO] = { run_remount_ro, "make read-only", "" },
	[PLAN_MASK] = { run_mask, "mask", "" },
	[PLAN_UNMOUNT] = { run_unmount, "unmount", "" },
	[PLAN_FILE] = { run_file, "overlay", "" },
	[PLAN_SKELETON] = { run_skeleton, "mount", "at" },
	[PLAN_PIVOT] = { run_pivot, "pivot to the new root", "" },
};

static int run_op(struct runner *r, const struct plan_op *op, struct error *err)
{
	bool in_dir = op->kind == PLAN_MKDIR || op->kind == PLAN_MKNOD || op->kind == PLAN_SYMLINK;
	const char *source = op->source ? op->source : "", *target = op->target ? op->target : "";
	int e;

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
	struct runner r = { .root = -1, .dir_fd = -1, .checker = p->checker };
	int result = 0;

	for (size_t i = 0; i < p->n && result == 0; i++)
		result = run_op(&r, &p->ops[i], err);
	forget_dir(&r);
	close_fd(&r.root);
	return result;
}
