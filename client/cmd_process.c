/* SPDX-License-Identifier: Apache-2.0 */
/* Processes and paths: where is it, what is it called there, and into a container with it. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl.h"

/* Name of the process, so that a reused pid is not taken for it; NULL if it cannot be read. */
static char *read_comm(uint32_t pid)
{
	char path[64], line[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return xstrdup(line);
}

static bool parse_pid(const char *text, uint32_t *ret)
{
	int64_t pid;

	if (!parse_int(text, &pid) || pid <= 0 || pid > UINT32_MAX)
		return false;
	*ret = (uint32_t)pid;
	return true;
}

int cmd_find(struct ctl *ctl, const struct args *args)
{
	char *comm = NULL, *name;
	int status = 0;
	uint32_t pid;

	if (!parse_pid(args->words[0], &pid)) {
		fprintf(stderr, "Can't parse pid %s\n", args->words[0]);
		return 1;
	}
	comm = args->count > 1 ? xstrdup(args->words[1]) : read_comm(pid);
	if (porto_locate_process(ctl->conn, pid, comm, &name) != 0) {
		status = ctl_error(ctl, "Cannot find container by pid");
	} else {
		puts(name);
		porto_free_string(name);
	}
	free(comm);
	return status;
}

int cmd_attach(struct ctl *ctl, const struct args *args)
{
	const char *name = args->words[0];
	int status = 0, r;
	uint32_t pid;
	char *comm;

	if (!parse_pid(args->words[1], &pid)) {
		fprintf(stderr, "Cannot parse pid %s\n", args->words[1]);
		return 1;
	}
	comm = args->count > 2 ? xstrdup(args->words[2]) : read_comm(pid);
	r = args_has(args, 't') ? porto_attach_thread(ctl->conn, name, pid, comm)
				: porto_attach_process(ctl->conn, name, pid, comm);
	if (r != 0)
		status = ctl_error(ctl, "Cannot attach");
	free(comm);
	return status;
}

int cmd_convert(struct ctl *ctl, const struct args *args)
{
	char *path;

	if (porto_convert_path(ctl->conn, args->words[0], args_value(args, 's'),
			       args_value(args, 'd'), &path) != 0)
		return ctl_error(ctl, "Can't convert path");
	puts(path);
	porto_free_string(path);
	return 0;
}
