/* SPDX-License-Identifier: Apache-2.0 */
#include "self.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "kernel/mnt.h"
#include "upgrade.h"

/* Where we come from: /proc/self/exe says nothing of use after it. */
#define VARIABLE "PORTOD_BINARY"

static bool is_read_only(int fd)
{
	struct statvfs st;

	return fstatvfs(fd, &st) == 0 && (st.f_flag & ST_RDONLY);
}

static int execute(char **argv, const char *path)
{
	auto_close int fd = mnt_open_read_only("/proc/self/exe");
	int e;

	if (fd < 0)
		return fd;
	if (!is_read_only(fd))
		return -ENOSYS;
	if (setenv(VARIABLE, path, 1) < 0)
		return -errno;
	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	e = -errno;
	unsetenv(VARIABLE);
	return e;
}

char *self_protect(char **argv)
{
	const char *known = getenv(VARIABLE);
	char *path = known ? xstrdup(known) : upgrade_own_path();

	if (known)
		unsetenv(VARIABLE);
	else if (path)
		log_warning("root in containers might write to %s: it cannot be executed from a "
			    "read-only mount: %s",
			    path, strerror(-execute(argv, path)));
	return path;
}
