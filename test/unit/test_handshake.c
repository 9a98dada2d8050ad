/* SPDX-License-Identifier: Apache-2.0 */
/* The start dialogue, and the task record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/handshake.h"
#include "kernel/taskfile.h"

struct pair {
	int host, child;
};

static int setup(void **state)
{
	static struct pair p;
	struct error err;

	*state = &p;
	return handshake_pair(&p.host, &p.child, &err);
}

static int teardown(void **state)
{
	struct pair *p = *state;

	if (p->host >= 0)
		close(p->host);
	if (p->child >= 0)
		close(p->child);
	return 0;
}

static void stages_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < _STAGE_COUNT; i++)
		assert_non_null(stage_name((enum stage)i));
	assert_string_equal(stage_name(_STAGE_COUNT), "unknown");
}

static void a_stage_arrives_with_its_sender(void **state)
{
	struct pair *p = *state;
	struct ready_info info = { .vpid = 2, .warnings = 5 }, got;
	struct error err = ERROR_INIT;
	pid_t pid = 0;

	assert_int_equal(handshake_send(p->child, STAGE_NETWORK, &err), 0);
	assert_int_equal(handshake_expect(p->host, STAGE_NETWORK, 1000, &pid, &err), 0);
	assert_int_equal(pid, getpid());
	assert_int_equal(handshake_send_ready(p->child, &info, &err), 0);
	assert_int_equal(handshake_expect_ready(p->host, 0, &got, &pid, &err), 0);
	assert_int_equal(got.vpid, 2);
	assert_int_equal(got.warnings, 5);
	/* And the other way; a child does not learn pids. */
	assert_int_equal(handshake_send(p->host, STAGE_RELEASE, &err), 0);
	assert_int_equal(handshake_expect(p->child, STAGE_RELEASE, 0, NULL, &err), 0);
}

static void another_process_is_the_sender(void **state)
{
	struct pair *p = *state;
	struct error err = ERROR_INIT;
	pid_t pid, got = 0;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(handshake_send(p->child, STAGE_READY, &err) < 0);
	assert_int_equal(handshake_expect(p->host, STAGE_READY, 0, &got, &err), 0);
	assert_int_equal(got, pid);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_wrong_stage_is_named(void **state)
{
	struct pair *p = *state;
	struct error err = ERROR_INIT;

	handshake_send(p->child, STAGE_NETWORK, &err);
	assert_int_equal(handshake_expect(p->host, STAGE_READY, 1000, NULL, &err), -1);
	assert_string_equal(err.text, "expected stage ready but got network");
	handshake_send(p->child, STAGE_READY, &err);
	assert_int_equal(handshake_expect_eof(p->host, 1000, &err), -1);
	assert_non_null(strstr(err.text, "ready"));
}

static void an_error_arrives_whole(void **state)
{
	struct pair *p = *state;
	struct error what, err = ERROR_INIT;

	error_sys(&what, ERR_INVALID_COMMAND, ENOENT, "exec /bin/nope");
	assert_int_equal(handshake_send_error(p->child, &what), 0);
	assert_int_equal(handshake_expect(p->host, STAGE_READY, 1000, NULL, &err), -1);
	assert_int_equal(err.code, ERR_INVALID_COMMAND);
	assert_int_equal(err.sys, ENOENT);
	assert_string_equal(err.text, "exec /bin/nope");
	handshake_send_error(p->child, &what);
	assert_int_equal(handshake_expect_eof(p->host, 1000, &err), -1);
	assert_string_equal(err.text, "exec /bin/nope");
	/* Success is no error to report. */
	error_clear(&what);
	handshake_send_error(p->child, &what);
	assert_int_equal(handshake_expect_eof(p->host, 1000, &err), -1);
	assert_int_equal(err.code, ERR_UNKNOWN);
}

static void the_end_is_success_only_at_the_end(void **state)
{
	struct pair *p = *state;
	struct error err = ERROR_INIT;

	handshake_send(p->host, STAGE_RELEASE, &err); /* never read */
	close(p->child);
	p->child = -1;
	assert_int_equal(handshake_expect_eof(p->host, 1000, &err), 0);
	assert_int_equal(handshake_expect(p->host, STAGE_READY, 1000, NULL, &err), -1);
	assert_non_null(strstr(err.text, "ended before stage ready"));
	assert_int_equal(handshake_send(p->host, STAGE_RELEASE, &err), -1);
	assert_int_equal(err.sys, EPIPE);
}

static void waiting_has_an_end(void **state)
{
	struct pair *p = *state;
	struct error err = ERROR_INIT;

	assert_int_equal(handshake_expect(p->host, STAGE_READY, 1, NULL, &err), -1);
	assert_int_equal(err.sys, ETIMEDOUT);
	assert_int_equal(handshake_expect_eof(p->host, 1, &err), -1);
	assert_int_equal(err.sys, ETIMEDOUT);
}

static void garbage_is_refused(void **state)
{
	struct pair *p = *state;
	struct error err = ERROR_INIT;
	char junk[4000] = { 1 };

	assert_int_equal(send(p->child, junk, 3, 0), 3);
	assert_int_equal(handshake_expect(p->host, STAGE_READY, 1000, NULL, &err), -1);
	assert_int_equal(send(p->child, junk, sizeof(junk), 0), sizeof(junk));
	assert_int_equal(handshake_expect(p->host, STAGE_READY, 1000, NULL, &err), -1);
}

/* ---- task record ---- */

static void the_record_keeps_both_halves(void **state)
{
	char path[] = "/tmp/porto-test-record-XXXXXX";
	struct task_record r = {
		.magic = TASK_RECORD_MAGIC,
		.wait_pid = 10,
		.main_pid = 11,
		.main_vpid = 2,
		.wait_starttime = 1ULL << 40,
		.main_starttime = 3,
	};
	struct task_record got = { 0 };
	int fd;

	(void)state;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(task_record_read(path, &got), -EINVAL);
	fd = task_record_create(path);
	assert_true(fd >= 0);
	assert_int_equal(task_record_read(path, &got), -EINVAL);
	assert_int_equal(task_record_write(fd, &r), 0);
	assert_int_equal(task_record_read(path, &got), 0);
	assert_memory_equal(&got, &r, sizeof(r));
	assert_int_equal(task_record_write_status(fd, 0x8200), 0);
	r.have_status = 1;
	r.status = 0x8200;
	assert_int_equal(task_record_read(path, &got), 0);
	assert_memory_equal(&got, &r, sizeof(r));
	/* A new one starts empty, and no link is followed. */
	close(fd);
	fd = task_record_create(path);
	assert_int_equal(task_record_read(path, &got), -EINVAL);
	close(fd);
	unlink(path);
	assert_int_equal(task_record_read(path, &got), -ENOENT);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(task_record_create(path), -ELOOP);
	unlink(path);
	assert_true(task_record_write_status(-1, 0) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stages_have_names),
		cmocka_unit_test_setup_teardown(a_stage_arrives_with_its_sender, setup, teardown),
		cmocka_unit_test_setup_teardown(another_process_is_the_sender, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wrong_stage_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(an_error_arrives_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_is_success_only_at_the_end, setup,
						teardown),
		cmocka_unit_test_setup_teardown(waiting_has_an_end, setup, teardown),
		cmocka_unit_test_setup_teardown(garbage_is_refused, setup, teardown),
		cmocka_unit_test(the_record_keeps_both_halves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
