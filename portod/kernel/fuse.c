/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/fuse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/procfs.h"

#define CONNECTIONS   "/sys/fs/fuse/connections"
#define FUSECTL_MAGIC 0x65735543
#define MOUNTINFO_MAX (16u << 20)

/* Names of connections: the minor numbers of the file systems' devices. */
static void add_connection(struct strv *list, const char *line)
{
	const char *type = strstr(line, " - ");
	unsigned major, minor;
	char name[16];

	if (!type || !(str_has_prefix(type + 3, "fuse ") || str_has_prefix(type + 3, "fuse.") ||
		       str_has_prefix(type + 3, "fuseblk")))
		return;
	if (sscanf(line, "%*d %*d %u:%u ", &major, &minor) != 2)
		return;
	/* A connection is known by the whole number; block devices have a major one, too. */
	snprintf(name, sizeof(name), "%u", (major & 0xfff) << 20 | minor);
	if (!strv_has(list, name))
		strv_add(list, name);
}

/* What process `pid` sees, or "self". One that is gone sees nothing. */
static void add_mounts(struct strv *list, const char *pid)
{
	auto_free char *path = xasprintf("/proc/%s/mountinfo", pid);
	auto_free char *text = NULL;
	char *pos, *line;

	if (fd_read_file(AT_FDCWD, path, MOUNTINFO_MAX, &text, NULL) < 0)
		return;
	pos = text;
	while ((line = strsep(&pos, "\n")))
		add_connection(list, line);
}

static void add_mounts_of(struct strv *list, pid_t pid)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", (int)pid);
	add_mounts(list, name);
}

/* Connections that it serves: a mount may be gone, from the outside, and the waiting go on. */
static void add_served(struct strv *list, pid_t pid)
{
	auto_free char *path = xasprintf("/proc/%d/fdinfo", (int)pid);
	auto_closedir DIR *dir = opendir(path);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char text[1024], name[16];
		const char *line;

		if (fd_read_small(dirfd(dir), e->d_name, text, sizeof(text)) < 0)
			continue;
		line = strstr(text, "\nfuse_connection:"); /* Linux 6.12 */
		if (line && sscanf(line, "\nfuse_connection: %15[0-9]", name) == 1 &&
		    !strv_has(list, name))
			strv_add(list, name);
	}
}

static int find_connections(void)
{
	struct statfs fs;

	if (statfs(CONNECTIONS, &fs) < 0)
		return -errno;
	if (fs.f_type == FUSECTL_MAGIC)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ||
	    mount("fusectl", CONNECTIONS, "fusectl", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	return 0;
}

static int abort_one(const char *name)
{
	auto_free char *path = xasprintf(CONNECTIONS "/%s/abort", name);
	int r = fd_write_file(AT_FDCWD, path, "1");

	return r == -ENOENT ? 0 : r;
}

int fuse_abort(const pid_t *v, size_t n, pid_t beyond)
{
	auto_strv foreign = STRV_INIT, seen = STRV_INIT;
	int count = 0, r = 0;

	add_mounts(&foreign, "self");
	if (beyond)
		add_mounts_of(&foreign, beyond);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || !procfs_same_ns(v[i], v[i - 1], "mnt"))
			add_mounts_of(&seen, v[i]);
		add_served(&seen, v[i]);
	}
	for (size_t i = 0; r == 0 && i < seen.n; i++) {
		if (strv_has(&foreign, seen.v[i]))
			continue;
		r = count++ ? 0 : find_connections();
		if (r == 0)
			r = abort_one(seen.v[i]);
	}
	return r < 0 ? r : count;
}
