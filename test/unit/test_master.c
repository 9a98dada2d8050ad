/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the master that need no process: queue, back-off, lock and socket, upgrade text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backoff.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/xalloc.h"
#include "exit_queue.h"
#include "instance.h"
#include "upgrade.h"

/* ---- exit queue ---- */

static void fill(struct exit_queue *q, int from, int n)
{
	int i;

	for (i = from; i < from + n; i++)
		assert_true(exit_queue_add(q, i, (uint64_t)i * 10, i & 0xff));
}

static int send_all(struct exit_queue *q)
{
	int n = 0;

	while (exit_queue_next(q)) {
		exit_queue_sent(q);
		n++;
	}
	return n;
}

static void test_reports_are_numbered_and_sent_in_order(void **state)
{
	struct exit_queue q;
	const struct exit_report *r;
	int i;

	(void)state;
	exit_queue_init(&q, EXIT_QUEUE_MAX);
	assert_null(exit_queue_next(&q));
	fill(&q, 100, 500);
	for (i = 0; i < 500; i++) {
		r = exit_queue_next(&q);
		assert_int_equal(r->serial, i + 1);
		assert_int_equal(r->pid, 100 + i);
		assert_int_equal(r->starttime, 1000 + i * 10);
		exit_queue_sent(&q);
	}
	assert_null(exit_queue_next(&q));
	exit_queue_deinit(&q);
}

static void test_acknowledged_reports_are_forgotten(void **state)
{
	struct exit_queue q;

	(void)state;
	exit_queue_init(&q, EXIT_QUEUE_MAX);
	fill(&q, 1, 10);
	assert_int_equal(send_all(&q), 10);
	exit_queue_ack(&q, 0);
	assert_int_equal(q.count, 10);
	exit_queue_ack(&q, 4);
	assert_int_equal(q.count, 6);
	assert_null(exit_queue_next(&q));
	fill(&q, 11, 1);
	assert_int_equal(exit_queue_next(&q)->serial, 11);
	/* Twice, and far ahead. */
	exit_queue_ack(&q, 4);
	exit_queue_ack(&q, 1000);
	assert_int_equal(q.count, 0);
	assert_null(exit_queue_next(&q));
	fill(&q, 12, 1);
	assert_int_equal(exit_queue_next(&q)->serial, 12);
	exit_queue_deinit(&q);
}

static void test_new_server_gets_everything_unacknowledged(void **state)
{
	struct exit_queue q;

	(void)state;
	exit_queue_init(&q, EXIT_QUEUE_MAX);
	fill(&q, 1, 10);
	send_all(&q);
	exit_queue_ack(&q, 7);
	exit_queue_rewind(&q);
	assert_int_equal(exit_queue_next(&q)->serial, 8);
	assert_int_equal(send_all(&q), 3);
	exit_queue_deinit(&q);
}

static void test_full_queue_drops_the_oldest_and_says_so(void **state)
{
	struct exit_queue q;

	(void)state;
	exit_queue_init(&q, 8);
	fill(&q, 1, 8);
	exit_queue_sent(&q);
	assert_false(exit_queue_add(&q, 9, 90, 0));
	assert_int_equal(q.dropped, 1);
	assert_int_equal(q.count, 8);
	assert_int_equal(exit_queue_next(&q)->pid, 2);
	assert_int_equal(send_all(&q), 8);
	exit_queue_deinit(&q);
}

/* Growth and wrap-around in all phases, against a model: what is between two counters. */
static void test_queue_under_random_use(void **state)
{
	struct exit_queue q;
	uint64_t added = 0, acked = 0;
	unsigned seed = 1;
	int i, n;

	(void)state;
	exit_queue_init(&q, EXIT_QUEUE_MAX);
	for (i = 0; i < 2000; i++) {
		n = rand_r(&seed) % 100;
		fill(&q, (int)added + 1, n);
		added += (uint64_t)n;
		if (added > acked)
			acked += (uint64_t)rand_r(&seed) % (added - acked + 1);
		exit_queue_ack(&q, acked);
		exit_queue_rewind(&q);
		assert_int_equal(q.count, added - acked);
		if (q.count)
			assert_int_equal(exit_queue_next(&q)->pid, acked + 1);
	}
	exit_queue_deinit(&q);
}

static int saved_copy(const struct exit_queue *q)
{
	int fd = memfd_create("queue", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(exit_queue_save(q, fd), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void test_queue_survives_saving(void **state)
{
	struct exit_queue q, copy;
	int fd;

	(void)state;
	exit_queue_init(&q, EXIT_QUEUE_MAX);
	/* Wrapped: the saved ring consists of two pieces. */
	fill(&q, 1, 60);
	exit_queue_ack(&q, 50);
	fill(&q, 61, 40);
	send_all(&q);
	fd = saved_copy(&q);
	exit_queue_init(&copy, EXIT_QUEUE_MAX);
	assert_int_equal(exit_queue_load(&copy, fd), 0);
	assert_int_equal(copy.count, 50);
	assert_int_equal(exit_queue_next(&copy)->serial, 51);
	assert_int_equal(exit_queue_next(&copy)->pid, 51);
	fill(&copy, 101, 100);
	exit_queue_ack(&copy, 100);
	assert_int_equal(exit_queue_next(&copy)->serial, 101);
	assert_int_equal(send_all(&copy), 100);
	close(fd);
	exit_queue_deinit(&q);
	exit_queue_deinit(&copy);
}

static void test_empty_queue_keeps_counting_after_saving(void **state)
{
	struct exit_queue q, copy;
	int fd;

	(void)state;
	exit_queue_init(&q, EXIT_QUEUE_MAX);
	fill(&q, 1, 3);
	exit_queue_ack(&q, 3);
	fd = saved_copy(&q);
	exit_queue_init(&copy, EXIT_QUEUE_MAX);
	assert_int_equal(exit_queue_load(&copy, fd), 0);
	fill(&copy, 4, 1);
	assert_int_equal(exit_queue_next(&copy)->serial, 4);
	close(fd);
	exit_queue_deinit(&q);
	exit_queue_deinit(&copy);
}

static void test_foreign_or_cut_file_is_refused(void **state)
{
	struct exit_queue q, copy;
	int fd;

	(void)state;
	exit_queue_init(&q, EXIT_QUEUE_MAX);
	exit_queue_init(&copy, EXIT_QUEUE_MAX);
	fill(&q, 1, 3);
	fd = saved_copy(&q);
	assert_int_equal(ftruncate(fd, 60), 0);
	assert_int_equal(exit_queue_load(&copy, fd), -EPIPE);
	assert_int_equal(copy.count, 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(exit_queue_load(&copy, fd), -EINVAL);
	close(fd);
	exit_queue_deinit(&q);
	exit_queue_deinit(&copy);
}

static void test_start_time_is_found_behind_any_name(void **state)
{
	uint64_t t = 0;

	(void)state;
	assert_int_equal(exit_parse_starttime("1 (sh) Z 1 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 "
					      "18446744073709551615 0 0\n",
					      &t),
			 0);
	assert_true(t == UINT64_MAX);
	assert_int_equal(exit_parse_starttime("1 (a) b) 7 8) Z 1 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 "
					      "1 0 4711 0",
					      &t),
			 0);
	assert_int_equal(t, 4711);
	assert_int_equal(exit_parse_starttime("1 (sh) Z 1 1", &t), -EINVAL);
	assert_int_equal(exit_parse_starttime("", &t), -EINVAL);
	assert_int_equal(exit_parse_starttime("1 (sh) Z 1 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 x 0",
					      &t),
			 -EINVAL);
}

static void test_own_start_time_is_read(void **state)
{
	char stat[1024];
	uint64_t t = 0;

	(void)state;
	assert_true(fd_read_small(AT_FDCWD, "/proc/self/stat", stat, sizeof(stat)) > 0);
	assert_int_equal(exit_parse_starttime(stat, &t), 0);
	assert_true(t > 0);
}

/* ---- back-off ---- */

static void test_backoff_grows_only_for_young_deaths(void **state)
{
	struct backoff b = { .max_ms = 5000 };
	unsigned last = 0, delay, i;

	(void)state;
	assert_int_equal(backoff_next(&b, 0), 0);
	assert_int_equal(backoff_next(&b, 999), 50);
	assert_int_equal(backoff_next(&b, 0), 100);
	for (i = 0; i < 100; i++) {
		delay = backoff_next(&b, 0);
		assert_true(delay >= last && delay <= 5000);
		last = delay;
	}
	assert_int_equal(last, 5000);
	/* Restoring for some seconds and then crashing is no recovery. */
	assert_int_equal(backoff_next(&b, 5000), 5000);
	assert_int_equal(backoff_next(&b, 10000), 0);
	/* A long life forgives all. */
	assert_int_equal(backoff_next(&b, 1000), 0);
	assert_int_equal(backoff_next(&b, 3600000), 0);
}

/* ---- instance ---- */

struct place {
	char dir[64];
	char state[96];
	char socket[96];
};

static int set_up(void **state)
{
	struct place *p = xnew(struct place);

	snprintf(p->dir, sizeof(p->dir), "/tmp/test_master.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->state, sizeof(p->state), "%s/a/state", p->dir);
	snprintf(p->socket, sizeof(p->socket), "%s/run/api.socket", p->dir);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	fd_remove_tree(AT_FDCWD, p->dir);
	free(p);
	return 0;
}

static int try_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	return connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
}

static void test_instance_listens_and_cleans_up(void **state)
{
	struct place *p = *state;
	struct instance in;
	struct error err = ERROR_INIT;
	struct stat st;
	char pid[16];

	if (instance_acquire(&in, p->socket, p->state, 16, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(stat(p->socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	assert_int_equal(try_connect(p->socket), 0);
	assert_int_equal(instance_write_pid(&in, INSTANCE_MASTER_PID, 4711), 0);
	assert_true(fd_read_small(in.state_fd, INSTANCE_MASTER_PID, pid, sizeof(pid)) > 0);
	assert_string_equal(pid, "4711");
	instance_release(&in);
	assert_int_equal(try_connect(p->socket), -ENOENT);
}

static void test_second_instance_of_a_state_directory_is_refused(void **state)
{
	struct place *p = *state;
	struct instance in, other;
	struct error err = ERROR_INIT;
	char socket2[128];

	assert_int_equal(instance_acquire(&in, p->socket, p->state, 16, &err), 0);
	snprintf(socket2, sizeof(socket2), "%s/run/other.socket", p->dir);
	assert_int_equal(instance_acquire(&other, socket2, p->state, 16, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_non_null(strstr(err.text, p->state));
	instance_release(&in);
	error_clear(&err);
	assert_int_equal(instance_acquire(&other, socket2, p->state, 16, &err), 0);
	instance_release(&other);
}

static void test_second_instance_on_a_socket_is_refused(void **state)
{
	struct place *p = *state;
	struct instance in, other;
	struct error err = ERROR_INIT;
	char state2[128];

	assert_int_equal(instance_acquire(&in, p->socket, p->state, 16, &err), 0);
	snprintf(state2, sizeof(state2), "%s/state2", p->dir);
	assert_int_equal(instance_acquire(&other, p->socket, state2, 16, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_int_equal(try_connect(p->socket), 0); /* the first one is unharmed */
	instance_release(&in);
}

static void test_stale_socket_is_replaced(void **state)
{
	struct place *p = *state;
	struct instance in;
	struct error err = ERROR_INIT;

	assert_int_equal(instance_acquire(&in, p->socket, p->state, 16, &err), 0);
	instance_close(&in); /* as SIGKILL does: the file stays */
	assert_int_equal(try_connect(p->socket), -ECONNREFUSED);
	assert_int_equal(instance_acquire(&in, p->socket, p->state, 16, &err), 0);
	assert_int_equal(try_connect(p->socket), 0);
	instance_release(&in);
}

static void test_foreign_file_is_not_replaced(void **state)
{
	struct place *p = *state;
	struct instance in;
	struct error err = ERROR_INIT;
	char path[128];

	snprintf(path, sizeof(path), "%s/file", p->dir);
	assert_int_equal(fd_replace_file(AT_FDCWD, path, "data", 4, 0600), 0);
	assert_int_equal(instance_acquire(&in, path, p->state, 16, &err), -1);
	assert_int_equal(err.code, ERR_INVALID_PATH);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(in.lock_fd, -1);
}

static void test_long_socket_path_is_refused(void **state)
{
	struct place *p = *state;
	struct instance in;
	struct error err = ERROR_INIT;
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(instance_acquire(&in, path, p->state, 16, &err), -1);
	assert_int_equal(err.code, ERR_INVALID_VALUE);
}

static void test_adopted_descriptors_are_checked(void **state)
{
	struct place *p = *state;
	struct instance in, heir;
	struct error err = ERROR_INIT;

	assert_int_equal(instance_acquire(&in, p->socket, p->state, 16, &err), 0);
	assert_int_equal(instance_adopt(&heir, p->socket, p->state, in.lock_fd, in.lock_fd, &err),
			 -1);
	assert_int_equal(instance_adopt(&heir, p->socket, p->state, in.lock_fd, in.listen_fd, &err),
			 0);
	close_fd(&in.state_fd);
	assert_int_equal(try_connect(p->socket), 0);
	instance_release(&heir);
}

/* ---- upgrade ---- */

static void test_upgrade_text_is_checked(void **state)
{
	struct upgrade up = { 0 };

	(void)state;
	unsetenv("PORTOD_UPGRADE");
	assert_false(upgrade_receive(&up));
	setenv("PORTOD_UPGRADE", "1 5 6 7 123456789012 3", 1);
	assert_true(upgrade_receive(&up));
	assert_int_equal(up.lock_fd, 5);
	assert_int_equal(up.listen_fd, 6);
	assert_int_equal(up.queue_fd, 7);
	assert_true(up.start_nsec == 123456789012ULL);
	assert_int_equal(up.starts, 3);
	assert_null(getenv("PORTOD_UPGRADE"));
	setenv("PORTOD_UPGRADE", "2 5 6 7 1 3", 1);
	assert_false(upgrade_receive(&up));
	setenv("PORTOD_UPGRADE", "1 5 6", 1);
	assert_false(upgrade_receive(&up));
	setenv("PORTOD_UPGRADE", "1 5 6 7 1 3 and more", 1);
	assert_false(upgrade_receive(&up));
	assert_null(getenv("PORTOD_UPGRADE"));
}

static void test_failed_exec_leaves_all_as_it_was(void **state)
{
	struct error err = ERROR_INIT;
	char *argv[] = { (char[]){ "portod" }, NULL };
	int fds[2];
	struct upgrade up = { 0 };

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	up.lock_fd = up.listen_fd = up.queue_fd = fds[0];
	assert_int_equal(upgrade_exec("/nonexistent/portod", argv, &up, &err), -1);
	assert_int_equal(err.sys, ENOENT);
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	assert_null(getenv("PORTOD_UPGRADE"));
	close(fds[0]);
	close(fds[1]);
}

static void test_probe_tells_good_from_bad(void **state)
{
	struct error err = ERROR_INIT;
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, NULL };

	(void)state;
	assert_int_equal(upgrade_probe("/bin/sh", argv, "exit 0", &err), 0);
	assert_int_equal(upgrade_probe("/bin/sh", argv, "exit 5", &err), -1);
	assert_non_null(strstr(err.text, "status 5"));
	assert_int_equal(upgrade_probe("/bin/sh", argv, "kill -9 $$", &err), -1);
	assert_non_null(strstr(err.text, "signal 9"));
	assert_int_equal(upgrade_probe("/nonexistent/portod", argv, "x", &err), -1);
}

static void test_own_path_is_a_binary(void **state)
{
	auto_free char *path = upgrade_own_path();

	(void)state;
	assert_non_null(path);
	assert_int_equal(access(path, X_OK), 0);
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reports_are_numbered_and_sent_in_order),
		cmocka_unit_test(test_acknowledged_reports_are_forgotten),
		cmocka_unit_test(test_new_server_gets_everything_unacknowledged),
		cmocka_unit_test(test_full_queue_drops_the_oldest_and_says_so),
		cmocka_unit_test(test_queue_under_random_use),
		cmocka_unit_test(test_queue_survives_saving),
		cmocka_unit_test(test_empty_queue_keeps_counting_after_saving),
		cmocka_unit_test(test_foreign_or_cut_file_is_refused),
		cmocka_unit_test(test_start_time_is_found_behind_any_name),
		cmocka_unit_test(test_own_start_time_is_read),
		cmocka_unit_test(test_backoff_grows_only_for_young_deaths),
		PLACE_TEST(test_instance_listens_and_cleans_up),
		PLACE_TEST(test_second_instance_of_a_state_directory_is_refused),
		PLACE_TEST(test_second_instance_on_a_socket_is_refused),
		PLACE_TEST(test_stale_socket_is_replaced),
		PLACE_TEST(test_foreign_file_is_not_replaced),
		PLACE_TEST(test_long_socket_path_is_refused),
		PLACE_TEST(test_adopted_descriptors_are_checked),
		cmocka_unit_test(test_upgrade_text_is_checked),
		cmocka_unit_test(test_failed_exec_leaves_all_as_it_was),
		cmocka_unit_test(test_probe_tells_good_from_bad),
		cmocka_unit_test(test_own_path_is_a_binary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
