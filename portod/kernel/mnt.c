/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/mnt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/xalloc.h"

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

#define MOUNTINFO_MAX (16u << 20)

const char *mnt_fd_path(int fd, char buf[MNT_FD_PATH_MAX])
{
	snprintf(buf, MNT_FD_PATH_MAX, "/proc/self/fd/%d", fd);
	return buf;
}

bool mnt_is_root(int fd)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st) < 0 ||
	    !(st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return true;
	return st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

static const char *find_line(const char *text, unsigned long id)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strtoul(line, NULL, 10) == id)
			return line;
	}
	return NULL;
}

/* The line of mountinfo of the mount that `fd` is in, in *text, which is the caller's; NULL when it
 * is not among them. 0 or -errno. */
static int read_line_of(int fd, char **text, const char **ret_line)
{
	auto_free char *info = NULL;
	char path[64];
	const char *id;
	int r;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	r = fd_read_file(AT_FDCWD, path, 4096, &info, NULL);
	if (r == 0)
		r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, text, NULL);
	if (r < 0)
		return r;
	id = strstr(info, "mnt_id:");
	*ret_line = id ? find_line(*text, strtoul(id + strlen("mnt_id:"), NULL, 10)) : NULL;
	return 0;
}

int mnt_is_shared(int fd)
{
	auto_free char *text = NULL;
	const char *line, *end, *shared;
	int r = read_line_of(fd, &text, &line);

	if (r < 0 || !line)
		return r;
	/* It is one of the optional fields, before " - ". */
	end = strstr(line, " - ");
	shared = strstr(line, " shared:");
	return end && shared && shared < end;
}

bool mnt_is_foreign(int fd)
{
	auto_free char *text = NULL;
	const char *line;

	return read_line_of(fd, &text, &line) == 0 && !line;
}

int mnt_copy(int dirfd, const char *path, bool recursive)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
	int fd = open_tree(dirfd, path, recursive ? flags | AT_RECURSIVE : flags);

	return fd < 0 ? -errno : fd;
}

int mnt_attach(int tree, int target)
{
	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

/* ---- flags ---- */

static const struct {
	unsigned long ms;
	uint64_t attr;
	unsigned long st; /* as statvfs(3) shows it */
} bits[] = {
	{ MS_RDONLY, MOUNT_ATTR_RDONLY, ST_RDONLY },
	{ MS_NOSUID, MOUNT_ATTR_NOSUID, ST_NOSUID },
	{ MS_NODEV, MOUNT_ATTR_NODEV, ST_NODEV },
	{ MS_NOEXEC, MOUNT_ATTR_NOEXEC, ST_NOEXEC },
	{ MS_NOATIME, MOUNT_ATTR_NOATIME, ST_NOATIME },
	{ MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, ST_NODIRATIME },
	{ MS_RELATIME, MOUNT_ATTR_RELATIME, ST_RELATIME },
};

static uint64_t to_attr(unsigned long ms)
{
	uint64_t attr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		if (ms & bits[i].ms)
			attr |= bits[i].attr;
	}
	return attr;
}

static unsigned long from_statvfs(unsigned long st)
{
	unsigned long ms = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		if (st & bits[i].st)
			ms |= bits[i].ms;
	}
	return ms;
}

/* A remount replaces all per-mount flags, so those to keep have to be read first. */
static int remount(const char *path, unsigned long set, unsigned long clear)
{
	struct statvfs st;
	unsigned long flags;

	if (statvfs(path, &st) < 0)
		return -errno;
	if (set & (MS_NOATIME | MS_RELATIME))
		clear |= MS_NOATIME | MS_RELATIME;
	flags = (from_statvfs(st.f_flag) & ~clear) | set;
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
		return -errno;
	return 0;
}

/* Undo the \040-style escapes of mountinfo in place. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/* Fields 5 and 6 of a line, mount point and options; cuts the line up. */
static bool point_and_options(char *line, char **ret_point, char **ret_options)
{
	char *save = NULL, *field = strtok_r(line, " ", &save);

	for (int i = 1; field && i < 5; i++)
		field = strtok_r(NULL, " ", &save);
	*ret_point = field;
	*ret_options = field ? strtok_r(NULL, " ", &save) : NULL;
	if (!*ret_options)
		return false;
	unescape(field);
	return true;
}

static bool has_option(const char *options, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = options; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, name, len) == 0 && (p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return false;
}

bool mnt_allows_suid(const char *mountinfo, const char *path)
{
	auto_free char *text = xstrdup(mountinfo);
	char *line, *save = NULL, *point, *options;
	size_t best = 0;
	bool suid = true;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!point_and_options(line, &point, &options) || !path_below(path, point) ||
		    strlen(point) < best)
			continue;
		best = strlen(point); /* of two at one place the later covers the other */
		suid = !has_option(options, "nosuid");
	}
	return suid;
}

static int remount_below(const char *top, unsigned long set, unsigned long clear)
{
	auto_free char *text = NULL;
	char *line, *save = NULL;
	int r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL);

	if (r < 0)
		return r;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *point, *options;
		const char *below;

		if (!point_and_options(line, &point, &options))
			continue;
		below = path_below(point, top);
		if (!below || !*below)
			continue;
		r = remount(point, set, clear);
		/* Covered by another mount, or the file server is gone: nobody gets there. */
		if (r < 0 && r != -ENOENT && r != -EINVAL && r != -EACCES)
			return r;
	}
	return 0;
}

int mnt_change(int fd, unsigned long set, unsigned long clear, bool recursive)
{
	struct mount_attr attr = { .attr_set = to_attr(set), .attr_clr = to_attr(clear) };
	char link[MNT_FD_PATH_MAX], path[PATH_MAX];
	ssize_t n;
	int r;

	/* The choices of access time are one field: it must be cleared to be set. */
	if (set & (MS_NOATIME | MS_RELATIME))
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr,
			  sizeof(attr)) == 0)
		return 0;
	if (errno != ENOSYS)
		return -errno;
	n = readlink(mnt_fd_path(fd, link), path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	r = remount(link, set, clear);
	if (r == -EINVAL)
		return -ENOSYS; /* detached */
	return r < 0 || !recursive ? r : remount_below(path, set, clear);
}

int mnt_open_read_only(const char *path)
{
	int fd = mnt_copy(AT_FDCWD, path, false);

	if (fd >= 0 && mnt_change(fd, MS_RDONLY, 0, false) == 0)
		return fd;
	close_fd(&fd);
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
