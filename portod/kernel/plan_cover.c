/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of a mount plan that put something over a file or directory that is there. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/identity.h"
#include "kernel/plan_run.h"

int plan_mount(const char *source, const char *path, const char *fstype, unsigned long flags,
	       const char *data)
{
	return mount(source, path, fstype, flags, data) < 0 ? -errno : 0;
}

/* ---- bind ---- */

static int refuse_source(const struct plan_op *op, int e, struct error *err)
{
	if (e == -ELOOP)
		return error_sys(
			err, ERR_PERMISSION, ELOOP,
			"bind %s at %s: the source leads through too many links, or one of "
			"the kernel's own, such as /proc/PID/root",
			op->source, op->target);
	if (e == -ENOENT || e == -ENOTDIR)
		return error_sys(err, ERR_INVALID_PATH, -e, "bind %s at %s: open the source",
				 op->source, op->target);
	if (e == -EACCES)
		return error_sys(err, ERR_PERMISSION, EACCES,
				 "bind %s at %s: the owner may not %s the source", op->source,
				 op->target, op->check_write ? "read and write" : "read");
	return e;
}

/* Knobs of the kernel are not to be written through a bind. */
static int check_kind(const struct plan_op *op, int source, struct error *err)
{
	struct statfs fs;

	if (!op->check || !op->check_write)
		return 0;
	if (fstatfs(source, &fs) < 0)
		return -errno;
	if (fs.f_type != PROC_SUPER_MAGIC && fs.f_type != SYSFS_MAGIC)
		return 0;
	return error_set(err, ERR_PERMISSION,
			 "bind %s at %s: what is in procfs and sysfs can only be bound with 'ro'",
			 op->source, op->target);
}

/* A copy of the source's mount, not attached anywhere. */
static int copy_source(const struct runner *r, const struct plan_op *op, bool shared,
		       struct error *err)
{
	auto_close int source = op->inside ? fd_open_in_root(r->root, op->source, O_PATH, 0)
					   : plan_open_source(r, op);
	int e = source < 0 ? refuse_source(op, source, err) : check_kind(op, source, err);

	if (e < 0)
		return e;
	if (shared && !(e = mnt_is_shared(source)))
		return error_set(err, ERR_INVALID_VALUE,
				 "bind %s at %s: 'shared' needs a source on a shared mount, this "
				 "one is private",
				 op->source, op->target);
	if (e < 0)
		return e;
	e = mnt_copy(source, "", op->flags & MS_REC);
	return plan_refuse_foreign(op, source, e, err);
}

int plan_run_hold(struct runner *r, const struct plan_op *op, struct error *err)
{
	int tree = copy_source(r, op, true, err);

	if (tree < 0)
		return tree;
	r->held = xreallocarray(r->held, r->nheld + 1, sizeof(*r->held));
	r->held[r->nheld++] = tree;
	return 0;
}

/*
 * `ro` is about the mount that was named, `rro` about all that is mounted below it, too. For an
 * owner with less than all rights they are the same: nobody has looked whether it may write there.
 */
static int change_flags(const struct runner *r, const struct plan_op *op, int tree)
{
	unsigned long set = op->flags & MNT_FLAGS;
	bool rec = op->flags & MS_REC;
	bool all = op->all_ro || (op->check && r->plan->checker);
	int e = 0;

	if (!(set & MS_RDONLY) || !rec || all)
		return set || op->clear ? mnt_change(tree, set, op->clear, rec) : 0;
	if ((set & ~(unsigned long)MS_RDONLY) || op->clear)
		e = mnt_change(tree, set & ~(unsigned long)MS_RDONLY, op->clear, true);
	return e < 0 ? e : mnt_change(tree, MS_RDONLY, 0, false);
}

static int attach_bind(const struct runner *r, const struct plan_op *op, int tree, bool is_dir)
{
	auto_close int target = -1;
	int e = change_flags(r, op, tree);
	bool again = e == -ENOSYS; /* an old kernel changes attached mounts only */

	if (e < 0 && !again)
		return e;
	target = plan_open_target(r, op, is_dir);
	if (target < 0)
		return target;
	e = mnt_attach(tree, target);
	return e < 0 || !again ? e : change_flags(r, op, tree);
}

int plan_run_pick(struct runner *r, const struct plan_op *op, struct error *err)
{
	int tree = copy_source(r, op, false, err);

	if (tree < 0)
		return tree;
	close_fd(&r->picked);
	r->picked = tree;
	return 0;
}

int plan_run_bind(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_close int tree = -1;
	struct stat st;
	int e;

	if (op->held) {
		tree = r->held[r->next_held];
		r->held[r->next_held++] = -1;
	} else if (op->picked) {
		tree = r->picked < 0 ? -ENOENT : take_fd(&r->picked);
	} else {
		tree = copy_source(r, op, false, err);
	}
	if (tree < 0)
		return tree;
	if (fstat(tree, &st) < 0)
		return -errno;
	e = attach_bind(r, op, tree, S_ISDIR(st.st_mode));
	return plan_explain_target(op, "bind", op->source, e, err);
}

/* ---- read-only, hidden ---- */

static bool of_the_kernel(const char *path)
{
	return str_has_prefix(path, "/proc/") || str_has_prefix(path, "/sys/");
}

static int remount_own(struct runner *r, const struct plan_op *op)
{
	auto_place place = PLACE_INIT, again = PLACE_INIT;
	int e = place_open(r, op->target, 0, &place);

	if (e == 0)
		e = plan_mount(place.path, place.path, NULL, MS_BIND, NULL);
	/* The descriptor still means the mount below the new one. */
	if (e == 0)
		e = place_open(r, op->target, 0, &again);
	if (e == 0)
		e = plan_mount(NULL, again.path, NULL,
			       MS_REMOUNT | MS_BIND | MS_RDONLY | (op->flags & MNT_FLAGS), NULL);
	return e;
}

/* With all that is mounted below it. */
static int remount_named(const struct runner *run, const struct plan_op *op)
{
	auto_close int target = fd_open_in_root(run->root, op->target, O_PATH, 0), tree = -1;
	unsigned long flags = MS_RDONLY | (op->flags & MNT_FLAGS);
	int e, r;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return target;
	tree = mnt_copy(target, "", true);
	if (tree < 0)
		return tree;
	e = mnt_change(tree, flags, 0, true);
	if (e < 0 && e != -ENOSYS)
		return e;
	r = mnt_attach(tree, target);
	return r < 0 || e == 0 ? r : mnt_change(tree, flags, 0, true);
}

int plan_run_remount_ro(struct runner *r, const struct plan_op *op, struct error *err)
{
	(void)err;
	return op->strict ? remount_named(r, op) : remount_own(r, op);
}

static int cover_directory(const char *path)
{
	return plan_mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			  "size=0,nr_inodes=1,mode=555");
}

static int cover_file(const char *path)
{
	return plan_mount("/dev/null", path, NULL, MS_BIND, NULL);
}

int plan_run_change(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_close int fd = fd_open_in_root(r->root, op->target, O_PATH, 0);

	(void)err;
	return fd < 0 ? fd : mnt_change(fd, op->flags & MNT_FLAGS, op->clear, op->flags & MS_REC);
}

static int mask_directory(struct runner *r, const struct plan_op *op, const struct place *place)
{
	auto_place empty = PLACE_INIT;
	int e = -ENOENT;

	if (op->source)
		e = place_open(r, op->source, O_DIRECTORY, &empty);
	if (e == 0)
		e = plan_mount(empty.path, place->path, NULL, MS_BIND, NULL);
	/* Without `source` it can be the target that is missing, as well: then this says so, too.
	 * */
	return e == -ENOENT ? cover_directory(place->path) : e;
}

static int mask_own(struct runner *r, const struct plan_op *op)
{
	auto_place place = PLACE_INIT;
	int e = place_open(r, op->target, 0, &place);

	if (e < 0)
		return e;
	if (S_ISDIR(op->mode)) {
		e = mask_directory(r, op, &place);
		return e == -ENOTDIR ? cover_file(place.path) : e;
	}
	e = cover_file(place.path);
	return e == -ENOTDIR ? mask_directory(r, op, &place) : e;
}

/* Hiding a file of the host can be an attack, as covering one (see plan_open_target()); what is the
 * kernel's is there to be hidden. */
static int mask_named(struct runner *r, const struct plan_op *op)
{
	const struct cred *c = op->check && !of_the_kernel(op->target) ? r->plan->checker : NULL;
	auto_place place = PLACE_INIT;
	struct stat st;
	int e = place_open_strict(r, op->target, 0, &place);

	if (e == -ENOENT || e == -ENOTDIR)
		return 0;
	if (e == 0 && c)
		e = identity_access(c, place.fd, W_OK);
	if (e < 0)
		return e;
	if (fstat(place.fd, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? cover_directory(place.path) : cover_file(place.path);
}

int plan_run_mask(struct runner *r, const struct plan_op *op, struct error *err)
{
	(void)err;
	return op->strict ? mask_named(r, op) : mask_own(r, op);
}

/* ---- file with content of ours ---- */

/* Write `content` to a new file in `dir` and mount it over `target`; its name is gone after. */
static int attach_file(const struct runner *r, int dir, const char *content, int target)
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
	if (e == 0 && fchown(fd, r->plan->root_uid, r->plan->root_gid) < 0)
		e = -errno;
	if (e == 0)
		e = tree = mnt_copy(fd, "", false);
	if (e >= 0)
		e = mnt_attach(tree, target); /* refused for a file without a name */
	unlinkat(dir, name, 0);
	return e;
}

int plan_run_file(struct runner *r, const struct plan_op *op, struct error *err)
{
	auto_close int target = fd_open_in_root(r->root, op->target, O_PATH, 0), dir = -1;
	struct stat st;

	if (target == -ENOENT && op->mode)
		target = plan_open_target(r, op, false);
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
	return dir < 0 ? dir : attach_file(r, dir, op->data, target);
}
