/* SPDX-License-Identifier: Apache-2.0 */
/* The endings of a job: result, error, crash, silence, deadline, cancel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/xalloc.h"
#include "loop/job.h"

struct work {
	struct job job;
	struct loop *loop;
	struct procs *procs;
	struct error err;
	char result[JOB_RESULT_MAX];
	size_t len;
	int done;
};

static void on_done(struct job *j, const struct error *err, const void *result, size_t len)
{
	struct work *w = container_of(j, struct work, job);

	assert_false(job_is_running(j));
	w->err = *err;
	if (len)
		memcpy(w->result, result, len);
	w->len = len;
	w->done++;
	loop_stop(w->loop);
}

static int set_up(void **state)
{
	struct work *w = xnew(struct work);

	w->loop = loop_new();
	w->procs = procs_new(w->loop);
	job_init(&w->job);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct work *w = *state;

	procs_free(w->procs);
	loop_free(w->loop);
	free(w);
	return 0;
}

static void run_job(struct work *w, job_fn fn, void *arg, unsigned timeout_ms)
{
	struct error err = ERROR_INIT;

	assert_int_equal(job_fork(&w->job, w->loop, w->procs, "test", fn, arg, timeout_ms, on_done,
				  &err),
			 0);
	assert_true(job_is_running(&w->job));
	loop_run(w->loop);
	assert_int_equal(w->done, 1);
	assert_int_equal(procs_count(w->procs), 0);
}

static int body_add(void *arg, void *result, size_t *result_len, struct error *err)
{
	int *in = arg, out = in[0] + in[1];

	(void)err;
	memcpy(result, &out, sizeof(out));
	*result_len = sizeof(out);
	return 0;
}

static void test_result_arrives(void **state)
{
	struct work *w = *state;
	int in[2] = { 40, 2 }, out = 0;

	run_job(w, body_add, in, 60000);
	assert_int_equal(w->err.code, ERR_SUCCESS);
	assert_int_equal(w->len, sizeof(out));
	memcpy(&out, w->result, sizeof(out));
	assert_int_equal(out, 42);
}

static int body_large(void *arg, void *result, size_t *result_len, struct error *err)
{
	(void)arg, (void)err;
	memset(result, 'x', JOB_RESULT_MAX);
	*result_len = JOB_RESULT_MAX;
	return 0;
}

static void test_largest_result_arrives(void **state)
{
	struct work *w = *state;

	run_job(w, body_large, NULL, 0);
	assert_int_equal(w->len, JOB_RESULT_MAX);
	assert_int_equal(w->result[JOB_RESULT_MAX - 1], 'x');
}

static int body_fail(void *arg, void *result, size_t *result_len, struct error *err)
{
	(void)result;
	*result_len = 7; /* must be ignored */
	return error_errno(err, ENOSPC, "write %s", (const char *)arg);
}

static void test_error_arrives_whole(void **state)
{
	struct work *w = *state;
	char name[] = "file";

	run_job(w, body_fail, name, 0);
	assert_int_equal(w->err.code, ERR_NO_SPACE);
	assert_int_equal(w->err.sys, ENOSPC);
	assert_string_equal(w->err.text, "write file");
	assert_int_equal(w->len, 0);
}

static int body_long_error(void *arg, void *result, size_t *result_len, struct error *err)
{
	char text[ERROR_TEXT_MAX];

	(void)arg, (void)result, (void)result_len;
	memset(text, 'e', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	return error_set(err, ERR_BUSY, "%s", text);
}

static void test_longest_error_arrives_whole(void **state)
{
	struct work *w = *state;

	run_job(w, body_long_error, NULL, 0);
	assert_int_equal(w->err.code, ERR_BUSY);
	assert_int_equal(strlen(w->err.text), ERROR_TEXT_MAX - 1);
}

static int body_silent_failure(void *arg, void *result, size_t *result_len, struct error *err)
{
	(void)arg, (void)result, (void)result_len, (void)err;
	return -1;
}

static void test_failure_without_error_is_an_error(void **state)
{
	struct work *w = *state;

	run_job(w, body_silent_failure, NULL, 0);
	assert_int_equal(w->err.code, ERR_UNKNOWN);
}

static int body_crash(void *arg, void *result, size_t *result_len, struct error *err)
{
	(void)arg, (void)result, (void)result_len, (void)err;
	raise(SIGKILL);
	return 0;
}

static void test_crash_names_the_signal(void **state)
{
	struct work *w = *state;

	run_job(w, body_crash, NULL, 0);
	assert_int_equal(w->err.code, ERR_UNKNOWN);
	assert_non_null(strstr(w->err.text, "test was killed by signal 9"));
}

static int body_exit(void *arg, void *result, size_t *result_len, struct error *err)
{
	(void)arg, (void)result, (void)result_len, (void)err;
	_exit(3);
}

static void test_silent_exit_names_the_status(void **state)
{
	struct work *w = *state;

	run_job(w, body_exit, NULL, 0);
	assert_int_equal(w->err.code, ERR_UNKNOWN);
	assert_non_null(strstr(w->err.text, "status 3"));
}

static int body_hang(void *arg, void *result, size_t *result_len, struct error *err)
{
	(void)arg, (void)result, (void)result_len, (void)err;
	for (;;)
		pause();
	return 0;
}

static void test_deadline_kills(void **state)
{
	struct work *w = *state;

	run_job(w, body_hang, NULL, 20);
	assert_int_equal(w->err.code, ERR_UNKNOWN);
	assert_int_equal(w->err.sys, ETIMEDOUT);
}

/* A process that the body leaves behind keeps the channel open, and must not delay the end. */
static int body_leaves_child(void *arg, void *result, size_t *result_len, struct error *err)
{
	pid_t pid = fork();

	(void)arg, (void)err;
	if (pid == 0) {
		for (;;)
			pause();
	}
	memcpy(result, &pid, sizeof(pid));
	*result_len = sizeof(pid);
	return pid < 0 ? -1 : 0;
}

static void test_surviving_grandchild_does_not_delay_the_end(void **state)
{
	struct work *w = *state;
	pid_t pid = 0;

	run_job(w, body_leaves_child, NULL, 0);
	assert_int_equal(w->err.code, ERR_SUCCESS);
	memcpy(&pid, w->result, sizeof(pid));
	assert_true(pid > 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void test_cancel_kills_without_done(void **state)
{
	struct work *w = *state;
	struct error err = ERROR_INIT;
	pid_t pid;

	job_cancel(&w->job); /* harmless before the start */
	assert_int_equal(
		job_fork(&w->job, w->loop, w->procs, "test", body_hang, NULL, 1, on_done, &err), 0);
	pid = w->job.proc.pid;
	job_cancel(&w->job);
	assert_false(job_is_running(&w->job));
	assert_int_equal(kill(pid, 0), -1);
	loop_run_once(w->loop);
	assert_int_equal(w->done, 0);
}

/* The end is known but `done` has not run: cancel must win. */
static void on_reaped(struct ev_loop *ev, ev_child *c, int revents)
{
	struct work *w = c->data;

	(void)ev, (void)revents;
	job_cancel(&w->job);
	loop_stop(w->loop);
}

static void test_cancel_after_the_end_but_before_done(void **state)
{
	struct work *w = *state;
	struct error err = ERROR_INIT;
	int in[2] = { 1, 2 };
	ev_child watcher;

	ev_child_init(&watcher, on_reaped, 0, 0);
	ev_set_priority(&watcher, EV_MINPRI); /* after the one of proc.c */
	watcher.data = w;
	ev_child_start(loop_ev(w->loop), &watcher);
	assert_int_equal(
		job_fork(&w->job, w->loop, w->procs, "test", body_add, in, 0, on_done, &err), 0);
	loop_run(w->loop);
	ev_child_stop(loop_ev(w->loop), &watcher);
	assert_int_equal(w->done, 0);
	assert_false(job_is_running(&w->job));
}

static void on_done_again(struct job *j, const struct error *err, const void *result, size_t len)
{
	struct work *w = container_of(j, struct work, job);
	int in[2] = { 0, 0 };
	struct error e = ERROR_INIT;

	assert_int_equal(err->code, 0);
	assert_int_equal(len, sizeof(in[0]));
	memcpy(&in[0], result, len);
	w->done++;
	in[1] = 1;
	if (w->done < 5)
		assert_int_equal(job_fork(j, w->loop, w->procs, "test", body_add, in, 60000,
					  on_done_again, &e),
				 0);
	else
		loop_stop(w->loop);
	/* Still valid after the job was started again. */
	assert_int_equal(*(const int *)result, w->done);
}

static void test_done_may_start_the_job_again(void **state)
{
	struct work *w = *state;
	struct error err = ERROR_INIT;
	int in[2] = { 0, 1 };

	assert_int_equal(job_fork(&w->job, w->loop, w->procs, "test", body_add, in, 0,
				  on_done_again, &err),
			 0);
	loop_run(w->loop);
	assert_int_equal(w->done, 5);
}

struct owner {
	struct job job;
	struct loop *loop;
	int *freed;
};

static void on_done_free(struct job *j, const struct error *err, const void *result, size_t len)
{
	struct owner *o = container_of(j, struct owner, job);

	(void)err, (void)result, (void)len;
	(*o->freed)++;
	loop_stop(o->loop);
	free(o);
}

static void test_done_may_free_the_owner(void **state)
{
	struct work *w = *state;
	struct error err = ERROR_INIT;
	int in[2] = { 0, 1 }, freed = 0;
	struct owner *o = xnew(struct owner);

	o->loop = w->loop;
	o->freed = &freed;
	job_init(&o->job);
	assert_int_equal(job_fork(&o->job, w->loop, w->procs, "test", body_add, in, 60000,
				  on_done_free, &err),
			 0);
	loop_run(w->loop);
	assert_int_equal(freed, 1);
}

#define JOB_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		JOB_TEST(test_result_arrives),
		JOB_TEST(test_largest_result_arrives),
		JOB_TEST(test_error_arrives_whole),
		JOB_TEST(test_longest_error_arrives_whole),
		JOB_TEST(test_failure_without_error_is_an_error),
		JOB_TEST(test_crash_names_the_signal),
		JOB_TEST(test_silent_exit_names_the_status),
		JOB_TEST(test_deadline_kills),
		JOB_TEST(test_surviving_grandchild_does_not_delay_the_end),
		JOB_TEST(test_cancel_kills_without_done),
		JOB_TEST(test_cancel_after_the_end_but_before_done),
		JOB_TEST(test_done_may_start_the_job_again),
		JOB_TEST(test_done_may_free_the_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
