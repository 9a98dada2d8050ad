/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/disk.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#define SYS_DEV       "/sys/dev/block"
#define MOUNTINFO_MAX (16u << 20)

static int not_found(const char *key, int sys, struct error *err)
{
	if (sys)
		return error_sys(err, ERR_INVALID_VALUE, sys, "disk '%.200s' is not found", key);
	return error_set(err, ERR_INVALID_VALUE, "disk '%.200s' is not found", key);
}

static bool parse_number(const char *text, unsigned *ret_major, unsigned *ret_minor)
{
	int end = 0;

	/* sscanf skips blanks and takes signs. */
	return strspn(text, "0123456789:") == strlen(text) && isdigit((unsigned char)*text) &&
	       sscanf(text, "%9u:%9u%n", ret_major, ret_minor, &end) == 2 && !text[end];
}

static bool is_path(const char *key)
{
	return key[0] == '/' || key[0] == '.';
}

bool disk_key_is_valid(const char *key)
{
	if (!*key || strpbrk(key, " \t\n"))
		return false;
	return key[0] != '.' || !key[1] || key[1] == '/';
}

/* ---- numbers ---- */

bool disk_is_partition(unsigned major, unsigned minor)
{
	char path[64];

	snprintf(path, sizeof(path), SYS_DEV "/%u:%u/partition", major, minor);
	return access(path, F_OK) == 0;
}

/* A directory of a partition is inside that of its disk. */
static int whole(unsigned major, unsigned minor, dev_t *ret)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), SYS_DEV "/%u:%u", major, minor);
	if (access(path, F_OK) < 0)
		return -ENODEV;
	*ret = makedev(major, minor);
	if (!disk_is_partition(major, minor))
		return 0;
	snprintf(path, sizeof(path), SYS_DEV "/%u:%u/../dev", major, minor);
	if (fd_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return -ENODEV;
	text[strcspn(text, "\n")] = '\0';
	if (!parse_number(text, &major, &minor))
		return -ENODEV;
	*ret = makedev(major, minor);
	return 0;
}

const char *disk_name(unsigned major, unsigned minor, char *buf, size_t size)
{
	char path[64], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), SYS_DEV "/%u:%u", major, minor);
	n = readlink(path, target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		snprintf(buf, size, "%s", path_basename(target));
	} else {
		snprintf(buf, size, "%u:%u", major, minor);
	}
	/* What is in a directory of /dev has a `!` for the slash. */
	for (char *p = buf; *p; p++)
		if (*p == '!')
			*p = '/';
	return buf;
}

bool disk_name_is_hardware(const char *name)
{
	return str_has_prefix(name, "sd") || str_has_prefix(name, "nvme") ||
	       str_has_prefix(name, "vd");
}

/* ---- keys that need no file system but devtmpfs and sysfs ---- */

/* "sda", "mapper/x": a block device below /dev, which is a file system in memory. */
static int find_node(const char *key, dev_t *ret)
{
	auto_close int dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = dev < 0 ? -1 : fd_open_beneath(dev, key, O_PATH, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode))
		return -ENODEV;
	return whole(major(st.st_rdev), minor(st.st_rdev), ret);
}

/* 1 = found, 0 = it is a path. */
static int find_plain(const char *key, dev_t *ret, struct error *err)
{
	unsigned major, minor;

	if (!disk_key_is_valid(key))
		return not_found(key, 0, err);
	if (is_path(key))
		return 0;
	if (parse_number(key, &major, &minor) ? whole(major, minor, ret) < 0
					      : find_node(key, ret) < 0)
		return not_found(key, 0, err);
	return 1;
}

/* ---- paths ---- */

/* A device node stands for itself, anything else for what it lies on. */
static int disk_of_fd(const char *key, int fd, dev_t *ret, struct error *err)
{
	struct stat st;
	dev_t dev;

	if (fstat(fd, &st) < 0)
		return not_found(key, errno, err);
	dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	if (whole(major(dev), minor(dev), ret) < 0)
		return error_set(err, ERR_INVALID_VALUE,
				 "disk '%.200s' is not found: there is no single disk below it",
				 key);
	return 0;
}

static int find_in_root(const char *key, const char *root, const char *path, dev_t *ret,
			struct error *err)
{
	auto_close int root_fd = open(root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = -1;

	if (root_fd < 0)
		return error_errno(err, errno, "open %s", root ? root : "/");
	if (!*path)
		return disk_of_fd(key, root_fd, ret, err);
	fd = fd_open_in_root(root_fd, path, O_PATH, 0);
	if (fd < 0)
		return not_found(key, -fd, err);
	return disk_of_fd(key, fd, ret, err);
}

int disk_find(const char *key, const char *root, dev_t *ret, struct error *err)
{
	int r;

	if (str_eq(key, "fs"))
		return find_in_root(key, root, "", ret, err);
	r = find_plain(key, ret, err);
	if (r)
		return r < 0 ? -1 : 0;
	if (key[0] == '/')
		return find_in_root(key, "/", key, ret, err);
	return find_in_root(key, root, key + 1 + (key[1] == '/'), ret, err);
}

/* ---- paths, by the mount table ---- */

/* "36 35 98:0 /root /point options": the last mount that covers the path most closely. */
static bool covers(const char *line, const char *path, size_t *best, unsigned *ret_major,
		   unsigned *ret_minor)
{
	char point[PATH_MAX];
	unsigned major, minor;
	size_t len;

	if (sscanf(line, "%*u %*u %u:%u %*s %4095s", &major, &minor, point) != 3)
		return false;
	/* A mount point with a blank is \040 in there and matches nothing a key can be. */
	len = strlen(point);
	if (!path_below(path, point) || len < *best)
		return false;
	*best = len;
	*ret_major = major;
	*ret_minor = minor;
	return true;
}

static int find_by_mount(const char *key, const char *path, pid_t viewer, dev_t *ret,
			 struct error *err)
{
	auto_free char *normal = path_normalize(path);
	auto_free char *text = NULL;
	unsigned major = 0, minor = 0;
	char table[64] = "/proc/self/mountinfo";
	bool found = false;
	size_t best = 0;
	int r;

	if (viewer)
		snprintf(table, sizeof(table), "/proc/%d/mountinfo", (int)viewer);
	r = fd_read_file(AT_FDCWD, table, MOUNTINFO_MAX, &text, NULL);
	if (r < 0)
		return error_errno(err, -r, "read %s", table);
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		found |= covers(line, normal, &best, &major, &minor);
	}
	if (!found)
		return not_found(key, 0, err);
	if (whole(major, minor, ret) < 0)
		return error_set(err, ERR_INVALID_VALUE,
				 "disk '%.200s' is not found: there is no single disk below it",
				 key);
	return 0;
}

int disk_find_mounted(const char *key, pid_t viewer, dev_t *ret, struct error *err)
{
	auto_free char *path = NULL;
	int r = find_plain(key, ret, err);

	if (r)
		return r < 0 ? -1 : 0;
	if (key[0] == '/')
		return find_by_mount(key, key, 0, ret, err);
	path = path_join("/", key + 1 + (key[1] == '/'));
	return find_by_mount(key, path, viewer, ret, err);
}
