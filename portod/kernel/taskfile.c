/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task record. Linked into portoinit too: nothing but libc and system calls in here.
 *
 * `have_status` and `status` are neighbours and are written by one pwrite(2), so a reader never
 * sees the flag without the status.
 */
#include "kernel/taskfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

struct status_part {
	uint32_t have_status;
	int32_t status;
};

_Static_assert(offsetof(struct task_record, status) == offsetof(struct task_record, have_status) +
							       offsetof(struct status_part, status),
	       "status follows its flag");

int task_record_create(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

static int write_at(int fd, const void *data, size_t len, off_t offset)
{
	ssize_t n;

	do {
		n = pwrite(fd, data, len, offset);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int task_record_write(int fd, const struct task_record *r)
{
	return write_at(fd, r, sizeof(*r), 0);
}

int task_record_write_status(int fd, int status)
{
	struct status_part part = { .have_status = TASK_STATUS, .status = status };

	return write_at(fd, &part, sizeof(part), offsetof(struct task_record, have_status));
}

int task_record_read(const char *path, struct task_record *ret)
{
	struct task_record r;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	do {
		n = pread(fd, &r, sizeof(r), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		int e = errno;

		close(fd);
		return -e;
	}
	close(fd);
	if ((size_t)n != sizeof(r) || r.magic != TASK_RECORD_MAGIC)
		return -EINVAL;
	*ret = r;
	return 0;
}
