/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/fetch.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/xalloc.h"

#define FETCHES_MAX           8     /* jobs at a time */
#define FETCHES_PER_CONTAINER 2     /* of these: whose file system hangs is not to hold up all */
#define FETCHES_PER_OWNER     4     /* likewise; root is not counted */
#define FETCH_TIME_MS         30000 /* for one */

struct fetch {
	struct ops *ops;
	struct list node; /* of all */
	struct job job;
	struct defer start; /* so that `done` is never called by fetch_start() */
	bool running;
	const struct client *client; /* for the job; here it may be gone */
	/* Of the first part, to count by. */
	const struct container *first;
	uid_t owner;
	struct prop_parts parts;
	int shared; /* memfd: an outcome for each part, in their order */
	fetch_done done;
	void *user;
};

/* What the job writes for a part, followed by the value. */
struct outcome {
	struct error err;
	uint64_t len;
};

static void fetch_free(struct fetch *f)
{
	list_del(&f->node);
	loop_defer_cancel(&f->start);
	close_fd(&f->shared);
	prop_parts_deinit(&f->parts);
	free(f);
}

static void start_waiting(struct ops *ops);

static void finish(struct fetch *f)
{
	struct ops *ops = f->ops;
	struct prop_parts parts = f->parts;

	f->parts = (struct prop_parts){ 0 };
	if (f->done)
		f->done(&parts, f->user);
	else
		prop_parts_deinit(&parts);
	fetch_free(f);
	start_waiting(ops);
}

/* ---- in the job ---- */

static int write_part(const struct fetch *f, const struct prop_part *p, uint64_t *total)
{
	struct prop_ctx ctx = {
		.env = f->ops->env, .client = f->client, .ct = p->ct, .in_job = true
	};
	struct outcome o = { 0 };
	auto_buf value = BUF_INIT;
	int r;

	if (prop_get(&ctx, p->name, &value, &o.err) == 0 && (*total += value.len) > FETCH_BYTES_MAX)
		error_set(&o.err, ERR_RESOURCE_NOT_AVAILABLE,
			  "the values asked for are larger than %d bytes together",
			  FETCH_BYTES_MAX);
	o.len = o.err.code ? 0 : value.len;
	r = fd_write_all(f->shared, &o, sizeof(o));
	return r < 0 ? r : fd_write_all(f->shared, buf_str(&value), o.len);
}

static int fetch_job(void *arg, void *result, size_t *len, struct error *err)
{
	const struct fetch *f = arg;
	uint64_t total = 0;

	(void)result;
	*len = 0;
	/* Getters take on other ids, which disarms the signal that ends a job with its server. */
	alarm(FETCH_TIME_MS / 1000 + 5);
	for (size_t i = 0; i < f->parts.n; i++) {
		int r = write_part(f, &f->parts.v[i], &total);

		if (r < 0)
			return error_errno(err, -r, "hand over the value of %s",
					   f->parts.v[i].name);
	}
	return 0;
}

/* ---- after it ---- */

static int read_part(int fd, off_t *at, struct prop_part *p)
{
	struct outcome o;

	if (pread(fd, &o, sizeof(o), *at) != (ssize_t)sizeof(o))
		return -1;
	*at += (off_t)sizeof(o);
	while (o.len) {
		size_t want = o.len < (1 << 20) ? (size_t)o.len : 1 << 20;
		ssize_t n = pread(fd, buf_reserve(&p->value, want), want, *at);

		if (n <= 0)
			return -1;
		buf_commit(&p->value, (size_t)n);
		*at += n;
		o.len -= (uint64_t)n;
	}
	p->err = o.err;
	return 0;
}

static void fail_from(struct fetch *f, size_t i, const struct error *err)
{
	for (; i < f->parts.n; i++)
		f->parts.v[i].err = *err;
}

static void on_fetched(struct job *j, const struct error *err, const void *result, size_t len)
{
	struct fetch *f = container_of(j, struct fetch, job);
	struct error why = *err;
	size_t n = 0;
	off_t at = 0;

	(void)result;
	(void)len;
	/* What it could not read does not spoil what it had read before. */
	while (n < f->parts.n && read_part(f->shared, &at, &f->parts.v[n]) == 0)
		n++;
	if (n < f->parts.n && !why.code)
		error_set(&why, ERR_UNKNOWN, "read the value of %s from its job",
			  f->parts.v[n].name);
	fail_from(f, n, &why);
	finish(f);
}

/* ---- before it ---- */

static int fork_job(struct fetch *f, struct error *err)
{
	f->shared = memfd_create("portod-fetch", MFD_CLOEXEC);
	if (f->shared < 0)
		return error_errno(err, errno, "make shared memory");
	return job_fork(&f->job, f->ops->loop, f->ops->procs, "fetch", fetch_job, f, FETCH_TIME_MS,
			on_fetched, err);
}

static void on_start(struct defer *d)
{
	struct fetch *f = container_of(d, struct fetch, start);
	struct error err = ERROR_INIT;

	if (fork_job(f, &err) == 0)
		return;
	fail_from(f, 0, &err);
	finish(f);
}

static bool may_join(struct fetch *const *running, size_t n, const struct fetch *f)
{
	size_t same = 0, owner = 0;

	for (size_t i = 0; i < n; i++) {
		same += running[i]->first == f->first;
		owner += f->owner && running[i]->owner == f->owner;
	}
	return same < FETCHES_PER_CONTAINER && owner < FETCHES_PER_OWNER;
}

/* First come, first served. */
static void start_waiting(struct ops *ops)
{
	struct fetch *running[FETCHES_MAX], *f;
	size_t n = 0;

	list_for_each(f, &ops->fetches, node) {
		if (f->running)
			running[n++] = f;
	}
	list_for_each(f, &ops->fetches, node) {
		if (n == FETCHES_MAX)
			break;
		if (f->running || !may_join(running, n, f))
			continue;
		running[n++] = f;
		f->running = true;
		loop_defer(ops->loop, &f->start);
	}
}

struct fetch *fetch_start(struct ops *ops, const struct client *client, struct prop_parts *parts,
			  fetch_done done, void *user)
{
	struct fetch *f = xnew(struct fetch);

	f->ops = ops;
	f->client = client;
	f->parts = *parts;
	f->first = f->parts.v[0].ct;
	f->owner = f->first->spec.owner_cred.uid;
	*parts = (struct prop_parts){ 0 };
	f->shared = -1;
	f->done = done;
	f->user = user;
	job_init(&f->job);
	defer_init(&f->start, on_start);
	list_init(&f->node);
	list_push_back(&ops->fetches, &f->node);
	start_waiting(ops);
	return f;
}

void fetch_cancel(struct fetch *f)
{
	f->done = NULL;
	/* The job's getters have the client in their memory, whatever becomes of it here. */
	if (!job_is_running(&f->job))
		finish(f);
}

void fetch_deinit(struct ops *ops)
{
	struct fetch *f;

	while ((f = list_first(&ops->fetches, struct fetch, node))) {
		if (job_is_running(&f->job))
			job_cancel(&f->job);
		fetch_free(f);
	}
}
