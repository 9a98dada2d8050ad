/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task record: who a container's processes are, and how they ended.
 *
 * One small file per started container in the state directory. The starter writes the pids before
 * it lets the command go, and portoinit writes the raw wait(2) status of the command before it
 * exits, so that neither is lost whatever happens to the server or the master, and every status
 * is exact (a status of 130 is not mistaken for a signal).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TASK_RECORD_MAGIC 0x31525450u /* "PTR1" */

#define TASK_STATUS       1 /* of the main process; others may still live */
#define TASK_STATUS_ALONE 2 /* and all that descended from it have ended (portoinit --kill) */

struct task_record {
	uint32_t magic;
	uint32_t have_status;    /* TASK_STATUS or TASK_STATUS_ALONE when `status` is valid */
	int32_t status;          /* wait(2) status of the main process */
	int32_t wait_pid;        /* process whose end is the container's end; host pid */
	int32_t main_pid;        /* the command; equal to wait_pid without portoinit; 0 = none */
	int32_t main_vpid;       /* pid of the command inside its own namespace */
	uint64_t wait_starttime; /* /proc/PID/stat field 22 */
	uint64_t main_starttime;
};

/* Create or truncate `path`, 0600; a descriptor or -errno. */
int task_record_create(const char *path);
/* Whole record at offset 0; 0 or -errno. */
int task_record_write(int fd, const struct task_record *r);
/* Only have_status and status, as portoinit does; 0 or -errno. Async-signal-safe. */
int task_record_write_status(int fd, int status);
/* -ENOENT when missing, -EINVAL when incomplete. */
int task_record_read(const char *path, struct task_record *ret);
