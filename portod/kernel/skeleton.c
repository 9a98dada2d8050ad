/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/skeleton.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

struct copying {
	unsigned count;
	uid_t root_uid;
	gid_t root_gid;
};

static int copy_level(int from, int to, struct copying *c, bool top, struct error *err);

static int copy_one(int from, int to, const char *name, struct copying *c, struct error *err)
{
	auto_close int old = openat(from, name, OPEN_DIR), new = -1;
	struct stat st;
	mode_t mode;

	if (old < 0)
		return errno == ENOTDIR || errno == ELOOP || errno == ENOENT
			       ? 0
			       : error_errno(err, errno, "open directory %s of the image's /run",
					     name);
	if (++c->count > SKELETON_MAX)
		return error_set(err, ERR_UNKNOWN, "more than %d directories in the image's /run",
				 SKELETON_MAX);
	if (fstat(old, &st) < 0)
		return error_errno(err, errno, "stat directory %s of the image's /run", name);
	mode = st.st_mode & 07777;
	if ((mode & S_IWOTH) && !(mode & S_ISVTX))
		mode &= ~(mode_t)S_IWOTH;
	if (mkdirat(to, name, 0700) < 0)
		return error_errno(err, errno, "make directory %s in /run", name);
	new = openat(to, name, OPEN_DIR);
	if (new < 0 ||
	    fchown(new, st.st_uid ? st.st_uid : c->root_uid, st.st_gid ? st.st_gid : c->root_gid) <
		    0 ||
	    fchmod(new, mode) < 0)
		return error_errno(err, errno, "set up directory %s in /run", name);
	return copy_level(old, new, c, false, err);
}

static bool is_candidate(const struct dirent *e, bool top)
{
	if (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN)
		return false;
	if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
		return false;
	return !top || (strcmp(e->d_name, "shm") != 0 && strcmp(e->d_name, "lock") != 0);
}

/* Depth is bounded by SKELETON_MAX. */
static int copy_level(int from, int to, struct copying *c, bool top, struct error *err)
{
	int fd = fcntl(from, F_DUPFD_CLOEXEC, 3);
	auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		error_errno(err, errno, "read a directory of the image's /run");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((e = readdir(dir))) {
		if (is_candidate(e, top) && copy_one(from, to, e->d_name, c, err) < 0)
			return -1;
	}
	return 0;
}

int skeleton_copy(int from, int to, uid_t root_uid, gid_t root_gid, struct error *err)
{
	struct copying c = { .root_uid = root_uid, .root_gid = root_gid };

	return copy_level(from, to, &c, true, err);
}
