/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job: a child process, a verdict channel, a deadline and a `done` callback.
 *
 * The verdict is a struct error followed by up to JOB_RESULT_MAX bytes of result, sent as one
 * atomic write to a pipe. A job ends when its process is reaped: by then the verdict is in the
 * channel, or there is none. (So processes that the body leaves behind, with the channel still
 * open, delay nothing.) A child that dies without a verdict gives an error saying by which
 * signal; one that runs past its deadline is killed and gives ERR_UNKNOWN with ETIMEDOUT, unless
 * its verdict came first. job_cancel() kills and reaps (blocks as proc_kill() does), `done` is not
 * called.
 *
 * `done` runs from the loop's deferred work, so it may start other jobs and free the job's owner.
 */
#pragma once

#include <stddef.h>

#include "loop/proc.h"

#define JOB_RESULT_MAX 2048

struct job;

/*
 * Body of a job, in the child: blocking code. It sees the server's memory and descriptors as they
 * were at job_fork(); `arg` may be on the caller's stack. Fill `err` and return -1, or return 0
 * with the result in `result` (its size in *result_len, at most JOB_RESULT_MAX).
 */
typedef int (*job_fn)(void *arg, void *result, size_t *result_len, struct error *err);

/* err->code == 0 on success; `result` is valid only during the call. */
typedef void (*job_done)(struct job *j, const struct error *err, const void *result, size_t len);

struct job {
	struct proc proc;
	struct loop *loop;
	ev_timer timer;
	struct defer defer;
	job_done done;
	int channel; /* our end; -1 when closed */
	bool running, have_verdict, timed_out;
	unsigned timeout_ms;
	int status; /* wait(2) status */
	struct error err;
	size_t result_len;
	char *result; /* allocated when a result arrived */
	const char *name;
};

void job_init(struct job *j);
static inline bool job_is_running(const struct job *j)
{
	return j->running;
}
/* `name` is static text for messages and the process name; timeout in ms, 0 = none. */
int job_fork(struct job *j, struct loop *loop, struct procs *procs, const char *name, job_fn fn,
	     void *arg, unsigned timeout_ms, job_done done, struct error *err);
void job_cancel(struct job *j);
