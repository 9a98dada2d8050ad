/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Job: fork, verdict, deadline, done.
 *
 * The channel is a pipe and needs no watcher. A verdict is one write, smaller than PIPE_BUF and so
 * all or nothing, made before the child exits: when the child is reaped the verdict is there or
 * will never be. So the reaper is the only event, and a grandchild that still holds the other end
 * delays nothing. (A socket pair would do the same for 12 us more.)
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "loop/job.h"

/* Head of the message; text and result follow. Only what is used of the text travels. */
struct verdict {
	int32_t code;
	int32_t sys;
	uint32_t text_len;
	uint32_t result_len;
};

#define VERDICT_MAX (sizeof(struct verdict) + ERROR_TEXT_MAX + JOB_RESULT_MAX)

_Static_assert(VERDICT_MAX <= PIPE_BUF, "a verdict must be one atomic write");

struct body {
	job_fn fn;
	void *arg;
	int channel; /* the child's end */
	const char *name;
};

static void on_deferred_done(struct defer *d);

void job_init(struct job *j)
{
	memset(j, 0, sizeof(*j));
	j->channel = -1;
	defer_init(&j->defer, on_deferred_done);
}

/* ---- in the child ---- */

static int send_verdict(int channel, const struct error *err, void *result, size_t result_len)
{
	struct verdict v = {
		.code = err->code,
		.sys = err->sys,
		.text_len = (uint32_t)strlen(err->text),
		.result_len = (uint32_t)result_len,
	};
	struct iovec iov[] = {
		{ &v, sizeof(v) },
		{ (void *)(uintptr_t)err->text, v.text_len },
		{ result, result_len },
	};

	return writev(channel, iov, ARRAY_SIZE(iov)) < 0 ? -1 : 0;
}

static int body_main(void *arg)
{
	struct body *body = arg;
	char result[JOB_RESULT_MAX];
	struct error err = ERROR_INIT;
	size_t len = 0;

	if (body->fn(body->arg, result, &len, &err) < 0) {
		if (!err.code)
			error_set(&err, ERR_UNKNOWN, "%s failed without a reason", body->name);
		len = 0;
	} else {
		error_clear(&err);
		assert(len <= sizeof(result));
	}
	return send_verdict(body->channel, &err, result, len) < 0;
}

/* ---- in the server ---- */

static void stop_timer(struct job *j)
{
	if (ev_is_active(&j->timer))
		ev_timer_stop(loop_ev(j->loop), &j->timer);
}

/* The child is one of ours, but may have been the victim of a bad pointer: trust no length. */
static void parse_verdict(struct job *j, const char *msg, size_t len)
{
	struct verdict v;

	if (len < sizeof(v))
		return;
	memcpy(&v, msg, sizeof(v));
	if (v.text_len >= ERROR_TEXT_MAX || v.result_len > JOB_RESULT_MAX ||
	    len != sizeof(v) + v.text_len + v.result_len)
		return;
	j->have_verdict = true;
	j->err.code = v.code;
	j->err.sys = v.sys;
	memcpy(j->err.text, msg + sizeof(v), v.text_len);
	j->err.text[v.text_len] = '\0';
	j->result_len = v.result_len;
	if (v.result_len)
		j->result = xmemdup(msg + sizeof(v) + v.text_len, v.result_len);
}

static void read_verdict(struct job *j)
{
	char msg[VERDICT_MAX];
	ssize_t n;

	do {
		n = read(j->channel, msg, sizeof(msg));
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		parse_verdict(j, msg, (size_t)n);
	close_fd(&j->channel);
}

static void explain_silence(struct job *j)
{
	if (j->timed_out)
		error_sys(&j->err, ERR_UNKNOWN, ETIMEDOUT, "%s did not finish in %u ms", j->name,
			  j->timeout_ms);
	else if (WIFSIGNALED(j->status))
		error_set(&j->err, ERR_UNKNOWN, "%s was killed by signal %d (%s)", j->name,
			  WTERMSIG(j->status), strsignal(WTERMSIG(j->status)));
	else
		error_set(&j->err, ERR_UNKNOWN, "%s exited with status %d without a verdict",
			  j->name, WEXITSTATUS(j->status));
}

static void on_job_exit(struct proc *p, int status)
{
	struct job *j = container_of(p, struct job, proc);

	j->status = status;
	stop_timer(j);
	read_verdict(j);
	if (!j->have_verdict)
		explain_silence(j);
	loop_defer(j->loop, &j->defer);
}

/* `done` may free the job or start it again: what it is given lives on our stack. */
static void on_deferred_done(struct defer *d)
{
	struct job *j = container_of(d, struct job, defer);
	auto_free char *result = take_ptr(j->result);
	struct error err = j->err;

	j->running = false;
	j->done(j, &err, result, j->result_len);
}

static void on_deadline(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct job *j = container_of(w, struct job, timer);

	(void)ev, (void)revents;
	j->timed_out = true;
	/* Not reaped yet, so the pid is still the child's. */
	kill(j->proc.pid, SIGKILL);
}

static void start_timer(struct job *j, unsigned timeout_ms)
{
	j->timeout_ms = timeout_ms;
	ev_timer_init(&j->timer, on_deadline, 0., 0.);
	if (!timeout_ms)
		return;
	loop_start_timer(j->loop, &j->timer, timeout_ms / 1e3);
}

static void reset_result(struct job *j)
{
	j->have_verdict = j->timed_out = false;
	j->result_len = 0;
	error_clear(&j->err);
}

int job_fork(struct job *j, struct loop *loop, struct procs *procs, const char *name, job_fn fn,
	     void *arg, unsigned timeout_ms, job_done done, struct error *err)
{
	struct body body = { .fn = fn, .arg = arg, .name = name };
	int ends[2], r;

	assert(!j->running);
	/* Non-blocking for us; the child's one write into an empty pipe cannot block. */
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return error_errno(err, errno, "create the channel of %s", name);
	body.channel = ends[1];
	r = proc_fork(procs, &j->proc, name, body_main, &body, on_job_exit, err);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		return -1;
	}
	reset_result(j);
	j->loop = loop;
	j->name = name;
	j->done = done;
	j->channel = ends[0];
	j->running = true;
	start_timer(j, timeout_ms);
	return 0;
}

void job_cancel(struct job *j)
{
	if (!j->running)
		return;
	stop_timer(j);
	proc_kill(&j->proc);
	loop_defer_cancel(&j->defer);
	close_fd(&j->channel);
	free(take_ptr(j->result));
	j->running = false;
}
