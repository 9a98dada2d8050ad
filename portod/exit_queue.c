/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/xalloc.h"
#include "exit_queue.h"

#define FIRST_SIZE 64

/* A saved queue; the reports follow. Any change of it or of the report changes the magic. */
struct saved {
	char magic[8];
	uint64_t next_serial;
	uint64_t count;
};

static const char saved_magic[8] = "portoxq1";

void exit_queue_init(struct exit_queue *q, size_t max)
{
	assert(max && (max & (max - 1)) == 0);
	*q = (struct exit_queue){ .max = max, .next_serial = 1 };
}

void exit_queue_deinit(struct exit_queue *q)
{
	free(q->ring);
	q->ring = NULL;
	q->size = q->count = 0;
}

static struct exit_report *slot(const struct exit_queue *q, size_t at)
{
	return &q->ring[(q->head + at) & (q->size - 1)];
}

/* Straighten into a new ring of `size` slots. */
static void resize(struct exit_queue *q, size_t size)
{
	struct exit_report *ring = xreallocarray(NULL, size, sizeof(*ring));
	size_t i;

	for (i = 0; i < q->count; i++)
		ring[i] = *slot(q, i);
	free(q->ring);
	q->ring = ring;
	q->size = size;
	q->head = 0;
}

static void drop_oldest(struct exit_queue *q)
{
	q->head = (q->head + 1) & (q->size - 1);
	q->count--;
	if (q->sent)
		q->sent--;
}

bool exit_queue_add(struct exit_queue *q, pid_t pid, uint64_t starttime, int status)
{
	bool fits = q->count < q->max;

	if (!fits) {
		drop_oldest(q);
		q->dropped++;
	} else if (q->count == q->size) {
		size_t first = q->max < FIRST_SIZE ? q->max : FIRST_SIZE;

		resize(q, q->size ? q->size * 2 : first);
	}
	*slot(q, q->count++) = (struct exit_report){
		.serial = q->next_serial++,
		.starttime = starttime,
		.pid = pid,
		.status = status,
	};
	return fits;
}

void exit_queue_ack(struct exit_queue *q, uint64_t serial)
{
	while (q->count && slot(q, 0)->serial <= serial)
		drop_oldest(q);
	if (!q->count && q->size > FIRST_SIZE)
		exit_queue_deinit(q);
}

void exit_queue_rewind(struct exit_queue *q)
{
	q->sent = 0;
}

const struct exit_report *exit_queue_next(const struct exit_queue *q)
{
	return q->sent < q->count ? slot(q, q->sent) : NULL;
}

void exit_queue_sent(struct exit_queue *q)
{
	assert(q->sent < q->count);
	q->sent++;
}

int exit_queue_save(const struct exit_queue *q, int fd)
{
	struct saved head = { .next_serial = q->next_serial, .count = q->count };
	size_t first = q->size - q->head; /* slots up to the end of the ring */
	int r;

	memcpy(head.magic, saved_magic, sizeof(head.magic));
	r = fd_write_all(fd, &head, sizeof(head));
	if (r < 0 || !q->count)
		return r;
	if (first > q->count)
		first = q->count;
	r = fd_write_all(fd, slot(q, 0), first * sizeof(*q->ring));
	if (r < 0 || first == q->count)
		return r;
	return fd_write_all(fd, q->ring, (q->count - first) * sizeof(*q->ring));
}

int exit_queue_load(struct exit_queue *q, int fd)
{
	struct saved head;
	size_t size = FIRST_SIZE;
	int r;

	assert(!q->count);
	r = fd_read_all(fd, &head, sizeof(head));
	if (r < 0)
		return r;
	if (memcmp(head.magic, saved_magic, sizeof(head.magic)) != 0 || head.count > q->max ||
	    head.next_serial <= head.count)
		return -EINVAL;
	while (size < head.count)
		size *= 2;
	resize(q, size < q->max ? size : q->max);
	r = fd_read_all(fd, q->ring, head.count * sizeof(*q->ring));
	if (r < 0)
		return r;
	q->count = head.count;
	q->sent = 0;
	q->next_serial = head.next_serial;
	return 0;
}

int exit_parse_starttime(const char *stat, uint64_t *ret)
{
	const char *p = strrchr(stat, ')');
	unsigned long long value;
	char *end;
	int field;

	if (!p)
		return -EINVAL;
	/* Behind the name: field 3 is the first. */
	for (field = 2; field < 22; field++) {
		p = strchr(p, ' ');
		if (!p)
			return -EINVAL;
		p++;
	}
	errno = 0;
	value = strtoull(p, &end, 10);
	if (errno || end == p || (*end != ' ' && *end != '\0' && *end != '\n'))
		return -EINVAL;
	*ret = value;
	return 0;
}
