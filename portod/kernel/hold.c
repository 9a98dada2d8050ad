/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/exec.h"

int hold_create(const char *path)
{
	int fd;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	if (mkfifo(path, 0600) < 0)
		return -errno;
	fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_to_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int hold_release(const char *path)
{
	auto_close int fd = open_to_write(path);

	if (fd < 0)
		return fd == -ENOENT ? -ENXIO : fd;
	return write(fd, "", 1) < 0 && errno != EAGAIN ? -errno : 0;
}

bool hold_is_waiting(const char *path)
{
	auto_close int fd = open_to_write(path);

	return fd >= 0;
}

int hold_exec(int portoinit, int hold, const struct strv *argv, const char *shown,
	      struct error *err)
{
	char fd[16], count[16];
	auto_strv paths = STRV_INIT, all = STRV_INIT;

	if (exec_find(argv, shown, &paths, err) < 0)
		return -1;
	snprintf(fd, sizeof(fd), "%d", hold);
	snprintf(count, sizeof(count), "%zu", paths.n);
	strv_add(&all, "portoinit");
	strv_add(&all, "--hold");
	strv_add(&all, fd);
	strv_add(&all, count);
	for (size_t i = 0; i < paths.n; i++)
		strv_add(&all, paths.v[i]);
	for (size_t i = 0; i < argv->n; i++)
		strv_add(&all, argv->v[i]);
	fcntl(hold, F_SETFD, 0);
	syscall(SYS_execveat, portoinit, "", all.v, environ, AT_EMPTY_PATH);
	return error_errno(err, errno, "exec portoinit to hold the start");
}
