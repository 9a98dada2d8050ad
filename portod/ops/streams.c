/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rotation of stored streams: a regular file that the daemon made and that grew over stdout_limit
 * loses its beginning, so that about half of the limit stays. Files that the user named are never
 * cut. Looking at sizes is spread over the ticks in slices; cutting is a job, one at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "ops/internal.h"

#define SLICE       256 /* containers looked at in one tick */
#define BATCH       64  /* files cut by one job */
#define LINE_WINDOW (16 << 10)

struct cut {
	uint32_t id;
	int stream;
	uint64_t bytes; /* result: removed; 0 = nothing */
};

struct rotation {
	struct ops *ops;
	struct job job;
	uint32_t next_id; /* where the next slice begins */
	char *paths[BATCH];
	uint64_t limits[BATCH];
	struct cut cuts[BATCH];
	size_t n;
};

/* The first line is probably torn: blank it up to its newline. */
static void blank_torn_line(int fd)
{
	char buf[LINE_WINDOW];
	ssize_t n = pread(fd, buf, sizeof(buf), 0);
	const char *nl = n > 0 ? memchr(buf, '\n', (size_t)n) : NULL;

	if (!nl)
		return;
	memset(buf, ' ', (size_t)(nl - buf));
	(void)!pwrite(fd, buf, (size_t)(nl - buf), 0);
}

/* Returns the bytes removed from the front. */
static uint64_t cut_file(const char *path, uint64_t limit)
{
	/* The directory belongs to the task's user: no link is followed anywhere on the way. */
	auto_close int fd = fd_open_no_symlinks(AT_FDCWD, path, O_RDWR | O_NONBLOCK, 0);
	struct stat st;
	uint64_t keep = limit / 2, cut;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || (uint64_t)st.st_size <= limit)
		return 0;
	cut = ((uint64_t)st.st_size - keep) / (uint64_t)st.st_blksize * (uint64_t)st.st_blksize;
	if (cut > 0 && fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, (off_t)cut) == 0) {
		blank_torn_line(fd);
		return cut;
	}
	/* tmpfs and others cannot collapse: all of it goes, as writers append. */
	if (ftruncate(fd, 0))
		return 0;
	return (uint64_t)st.st_size;
}

static int rotate_job(void *arg, void *result, size_t *len, struct error *err)
{
	struct rotation *r = arg;
	struct cut *out = result;

	(void)err;
	for (size_t i = 0; i < r->n; i++) {
		out[i] = r->cuts[i];
		out[i].bytes = cut_file(r->paths[i], r->limits[i]);
	}
	*len = r->n * sizeof(*out);
	return 0;
}

_Static_assert(BATCH * sizeof(struct cut) <= JOB_RESULT_MAX, "the result fits into a verdict");

static void forget_batch(struct rotation *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->paths[i]);
	r->n = 0;
}

static void on_rotated(struct job *j, const struct error *err, const void *result, size_t len)
{
	struct rotation *r = container_of(j, struct rotation, job);
	const struct cut *cuts = result;

	if (err->code) {
		r->ops->stats.stream_rotate_errors++;
		log_warning("rotate streams: %s", err->text);
	}
	for (size_t i = 0; i < len / sizeof(*cuts); i++) {
		struct container *ct = tree_find_id(r->ops->tree, cuts[i].id);

		r->ops->stats.stream_rotate_bytes += cuts[i].bytes;
		if (!ct || !cuts[i].bytes)
			continue;
		ct->stream_offset[cuts[i].stream] += cuts[i].bytes;
		persist_run(r->ops, ct);
	}
	forget_batch(r);
}

/* Size of a regular file; 0 for anything else. Not by way of mounts and links, which somebody else
 * may have put there: this is the loop. */
static uint64_t size_of(int base, const char *path)
{
	auto_close int fd = fd_open_on_mount(base, path, O_PATH | O_NOFOLLOW);
	struct stat st;
	int e = fd == -ENOSYS ? fstatat(base, path, &st, AT_SYMLINK_NOFOLLOW)
		: fd < 0      ? -1
			      : fstat(fd, &st);

	return e == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

static void look_at(struct rotation *r, int base, const struct container *ct)
{
	size_t base_len = strlen(r->ops->config->workdir_base) + 1;

	for (int stream = 1; stream <= 2 && r->n < BATCH; stream++) {
		auto_free char *path = stream_stored_path(r->ops, ct, stream);

		if (!path || size_of(base, path + base_len) <= ct->spec.stdout_limit)
			continue;
		r->cuts[r->n] = (struct cut){ .id = ct->id, .stream = stream };
		r->limits[r->n] = ct->spec.stdout_limit;
		r->paths[r->n++] = take_ptr(path);
	}
}

void rotation_tick(struct rotation *r)
{
	struct error err = ERROR_INIT;
	auto_close int base = -1;
	unsigned looked = 0;

	if (job_is_running(&r->job))
		return;
	base = open(r->ops->config->workdir_base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return;
	for (uint32_t i = 0; i <= CONTAINER_ID_MAX && looked < SLICE && r->n < BATCH; i++) {
		const struct container *ct = tree_find_id(r->ops->tree, r->next_id);

		r->next_id = r->next_id >= CONTAINER_ID_MAX ? 0 : r->next_id + 1;
		/* The last words of a dead one are cut once, too. */
		if (!ct || !(ct->state == STATE_RUNNING || ct->state == STATE_DEAD))
			continue;
		looked++;
		look_at(r, base, ct);
	}
	if (r->n == 0)
		return;
	if (job_fork(&r->job, r->ops->loop, r->ops->procs, "rotate", rotate_job, r, 60000,
		     on_rotated, &err)) {
		log_warning("rotate streams: %s", err.text);
		forget_batch(r);
	}
}

struct rotation *rotation_new(struct ops *ops)
{
	struct rotation *r = xnew(struct rotation);

	r->ops = ops;
	job_init(&r->job);
	return r;
}

struct rotation *rotation_free(struct rotation *r)
{
	if (!r)
		return NULL;
	if (job_is_running(&r->job))
		job_cancel(&r->job);
	forget_batch(r);
	free(r);
	return NULL;
}
