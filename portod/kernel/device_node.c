/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes: of the host, to be looked up; in a container's /dev, to be made and removed. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "kernel/device.h"
#include "kernel/mnt.h"

#define DEV "/dev"

/* ---- on the host ---- */

/* A node may be a mount itself, where a daemon lives in a container of somebody else. */
static int stat_mounted(int dev, const char *rel, struct statx *st)
{
	auto_free char *dir_path = path_dirname(rel);
	auto_close int dir = fd_open_on_mount(dev, dir_path, O_PATH | O_DIRECTORY);

	if (dir < 0)
		return dir;
	if (statx(dir, path_basename(rel),
		  AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_BASIC_STATS,
		  st) < 0)
		return -errno;
	return 0;
}

static int stat_node(int dev, const char *rel, struct statx *st)
{
	auto_close int fd = fd_open_on_mount(dev, rel, O_PATH);

	if (fd == -EXDEV)
		return stat_mounted(dev, rel, st);
	if (fd < 0)
		return fd;
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, st) < 0)
		return -errno;
	return 0;
}

int device_find(const char *path, struct device *d)
{
	const char *rel = path_below(path, DEV);
	auto_close int dev = -1;
	struct statx st;
	int r;

	if (str_is_empty(rel))
		return -ENOENT;
	dev = open(DEV, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dev < 0)
		return -errno;
	r = stat_node(dev, rel, &st);
	if (r < 0)
		return r == -ENOTDIR || r == -EXDEV || r == -ELOOP ? -ENOENT : r;
	if (!S_ISCHR(st.stx_mode) && !S_ISBLK(st.stx_mode))
		return -ENOTBLK;
	d->rule.type = S_ISBLK(st.stx_mode) ? 'b' : 'c';
	d->rule.major = (int)st.stx_rdev_major;
	d->rule.minor = (int)st.stx_rdev_minor;
	d->mode = st.stx_mode & 0777;
	d->uid = st.stx_uid;
	d->gid = st.stx_gid;
	return 0;
}

/* ---- in a container ---- */

static mode_t type_of(const struct device *d)
{
	return d->rule.type == 'b' ? S_IFBLK : S_IFCHR;
}

static dev_t number_of(const struct device *d)
{
	return makedev((unsigned)d->rule.major, (unsigned)d->rule.minor);
}

static bool is_node_of(const struct stat *st, const struct device *d)
{
	return (st->st_mode & S_IFMT) == type_of(d) && st->st_rdev == number_of(d);
}

/*
 * The private /dev, -ENOENT when there is none. The host's own must never be meant: it is a tmpfs,
 * too, and what looks like a root from outside may be one that the container made.
 */
static int open_dev(int root)
{
	auto_close int dev = fd_open_in_root(root, DEV, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	struct stat ours, host;
	struct statfs fs;

	if (dev < 0)
		return dev;
	if (fstatfs(dev, &fs) < 0 || fstat(dev, &ours) < 0 || stat(DEV, &host) < 0)
		return -errno;
	if (fs.f_type != TMPFS_MAGIC || !mnt_is_root(dev) || ours.st_dev == host.st_dev)
		return -ENOENT;
	return take_fd(&dev);
}

/* The directory a node is in, without following links; made if `make`. */
static int open_parent(int dev, const struct device *d, bool make, const char **ret_name)
{
	const char *rel = path_below(d->path, DEV);
	auto_free char *dir = path_dirname(rel);
	int r;

	*ret_name = path_basename(rel);
	if (make && strcmp(dir, ".") != 0) {
		r = fd_mkdir_p(dev, dir, 0755);
		if (r < 0)
			return r;
	}
	return fd_open_no_symlinks(dev, dir, O_PATH | O_DIRECTORY, 0);
}

/* Owner and mode of what `dir` has under `name`, if it is the device. */
static int adopt_node(int dir, const char *name, const struct device *d)
{
	auto_close int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char path[MNT_FD_PATH_MAX];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!is_node_of(&st, d))
		return -EBUSY;
	if ((st.st_uid != d->uid || st.st_gid != d->gid) &&
	    fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH) < 0)
		return -errno;
	if ((st.st_mode & 07777) != d->mode && chmod(mnt_fd_path(fd, path), d->mode) < 0)
		return -errno;
	return 0;
}

static int make_node(int dev, const struct device *d)
{
	const char *name;
	auto_close int dir = open_parent(dev, d, true, &name);

	if (dir < 0)
		return dir;
	if (mknodat(dir, name, type_of(d) | d->mode, number_of(d)) < 0 && errno != EEXIST)
		return -errno;
	return adopt_node(dir, name, d);
}

static int remove_node(int dev, const struct device *d)
{
	const char *name;
	auto_close int dir = open_parent(dev, d, false, &name);
	struct stat st;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!is_node_of(&st, d))
		return 0; /* somebody else's by now */
	return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

static bool same_node(const struct device *a, const struct device *b)
{
	return type_of(a) == type_of(b) && number_of(a) == number_of(b);
}

/* What `from` has and `to` has not, or has otherwise. */
static int remove_old(int dev, const struct device_list *from, const struct device_list *to,
		      struct error *err)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct device *old = &from->v[i], *new;
		int r;

		if (!device_has_node(old))
			continue;
		new = device_list_at(to, old->path);
		if (new &&same_node(old, new))
			continue;
		r = remove_node(dev, old);
		if (r < 0)
			return error_errno(err, -r, "remove device %s", old->path);
	}
	return 0;
}

static bool is_same_device(const struct device *a, const struct device *b)
{
	return b && same_node(a, b) && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid;
}

static int make_new(int dev, const struct device_list *from, const struct device_list *to,
		    struct error *err)
{
	for (size_t i = 0; i < to->n; i++) {
		const struct device *d = &to->v[i];
		int r;

		if (!device_has_node(d) || is_same_device(d, device_list_at(from, d->path)))
			continue;
		r = make_node(dev, d);
		if (r == -EBUSY)
			return error_sys(err, ERR_BUSY, EEXIST,
					 "make device %s: something else is there", d->path);
		if (r < 0)
			return error_errno(err, -r, "make device %s", d->path);
	}
	return 0;
}

int device_nodes_change(int root, const struct device_list *from, const struct device_list *to,
			struct error *err)
{
	auto_close int dev = open_dev(root);
	struct error ignored = ERROR_INIT;

	if (dev == -ENOENT)
		return 0;
	if (dev < 0)
		return error_errno(err, -dev, "open /dev of the container");
	/* The number behind a path may change: the old node has to go first. */
	if (remove_old(dev, from, to, err) == 0 && make_new(dev, from, to, err) == 0)
		return 0;
	remove_old(dev, to, from, &ignored);
	make_new(dev, to, from, &ignored);
	return -1;
}
