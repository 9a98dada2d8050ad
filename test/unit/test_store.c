/* SPDX-License-Identifier: Apache-2.0 */
/* The store: rows, order, transactions, versions, SIGKILL and a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/xalloc.h"
#include "store/store.h"

struct place {
	char dir[64];
	char db[96];
};

static int set_up(void **state)
{
	struct place *p = xnew(struct place);

	snprintf(p->dir, sizeof(p->dir), "/tmp/test_store.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->db, sizeof(p->db), "%s/state.db", p->dir);
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

static struct store *open_store(const char *path)
{
	struct error err = ERROR_INIT;
	struct store *s = NULL;

	if (store_open(path, &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static void put(struct store *s, const char *kind, int64_t id, const char *key, const char *value)
{
	struct error err = ERROR_INIT;

	assert_int_equal(store_put(s, kind, id, key, value, &err), 0);
}

static void commit(struct store *s)
{
	struct error err = ERROR_INIT;

	if (store_commit(s, &err) < 0)
		fail_msg("%s", err.text);
	assert_false(store_is_dirty(s));
}

static int add_row(void *arg, int64_t id, const char *key, const char *value)
{
	buf_addf(arg, "%lld/%s=%s;", (long long)id, key, value);
	return 0;
}

static void assert_rows(struct store *s, const char *kind, const char *want)
{
	struct error err = ERROR_INIT;
	auto_buf rows = BUF_INIT;

	assert_int_equal(store_each(s, kind, add_row, &rows, &err), 0);
	assert_string_equal(buf_str(&rows), want);
}

static void test_rows_come_ordered_by_id_and_key(void **state)
{
	struct store *s = open_store(":memory:");

	(void)state;
	put(s, "ct", 10, "name", "b");
	put(s, "ct", 2, "name", "a");
	put(s, "ct", 2, "env", "");
	put(s, "vol", 2, "path", "/x");
	put(s, "ct", -1, "k", "it's \"quoted\"; \\");
	assert_true(store_is_dirty(s));
	assert_rows(s, "ct", "-1/k=it's \"quoted\"; \\;2/env=;2/name=a;10/name=b;");
	assert_rows(s, "vol", "2/path=/x;");
	assert_rows(s, "none", "");
	store_close(s);
}

static void test_put_replaces_and_null_deletes(void **state)
{
	struct store *s = open_store(":memory:");

	(void)state;
	put(s, "ct", 1, "a", "1");
	put(s, "ct", 1, "b", "1");
	commit(s);
	put(s, "ct", 1, "a", "2");
	put(s, "ct", 1, "b", NULL);
	put(s, "ct", 1, "never", NULL);
	assert_rows(s, "ct", "1/a=2;");
	store_close(s);
}

static void test_delete_removes_one_object(void **state)
{
	struct store *s = open_store(":memory:");
	struct error err = ERROR_INIT;

	(void)state;
	put(s, "ct", 1, "a", "1");
	put(s, "ct", 1, "b", "1");
	put(s, "ct", 2, "a", "1");
	put(s, "vol", 1, "a", "1");
	assert_int_equal(store_delete(s, "ct", 1, &err), 0);
	put(s, "ct", 1, "c", "born again");
	assert_rows(s, "ct", "1/c=born again;2/a=1;");
	assert_rows(s, "vol", "1/a=1;");
	store_close(s);
}

static int stop_at_second(void *arg, int64_t id, const char *key, const char *value)
{
	(void)id, (void)key, (void)value;
	return ++*(int *)arg == 2 ? 77 : 0;
}

static void test_each_stops_when_told(void **state)
{
	struct store *s = open_store(":memory:");
	struct error err = ERROR_INIT;
	int n = 0;

	(void)state;
	put(s, "ct", 1, "a", "1");
	put(s, "ct", 2, "a", "1");
	put(s, "ct", 3, "a", "1");
	assert_int_equal(store_each(s, "ct", stop_at_second, &n, &err), 77);
	assert_int_equal(n, 2);
	put(s, "ct", 4, "a", "1");
	commit(s); /* no statement was left open */
	store_close(s);
}

static void test_commit_of_nothing_is_fine(void **state)
{
	struct store *s = open_store(":memory:");

	(void)state;
	assert_false(store_is_dirty(s));
	commit(s);
	store_close(s);
	assert_null(store_close(NULL));
}

static void test_file_keeps_rows_and_is_private(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p->db);
	struct stat st;

	put(s, "ct", 1, "a", "1");
	store_close(s); /* commits */
	assert_int_equal(stat(p->db, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	s = open_store(p->db);
	assert_rows(s, "ct", "1/a=1;");
	store_close(s);
}

static void test_large_value(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p->db);
	struct error err = ERROR_INIT;
	auto_free char *big = xmalloc((1 << 20) + 1);
	int i;

	memset(big, 'v', 1 << 20);
	big[1 << 20] = '\0';
	put(s, "ct", 1, "big", big);
	commit(s);
	/* The journal is bounded; a failed put says so. */
	for (i = 0; i < 63; i++)
		put(s, "ct", i, "big", big);
	assert_int_equal(store_put(s, "ct", 99, "big", big, &err), -1);
	assert_int_equal(err.code, ERR_NO_SPACE);
	commit(s);
	store_close(s);
}

static void exec_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_newer_schema_is_refused(void **state)
{
	struct place *p = *state;
	struct store *s = open_store(p->db);
	struct error err = ERROR_INIT;

	store_close(s);
	s = NULL;
	exec_sql(p->db, "PRAGMA user_version = 1000000");
	assert_int_equal(store_open(p->db, &s, &err), -1);
	assert_int_equal(err.code, ERR_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "1000000"));
	assert_null(s);
}

static void test_empty_database_is_migrated(void **state)
{
	struct place *p = *state;
	struct store *s;

	/* Another table must survive: migration adds, it does not start over. */
	exec_sql(p->db, "CREATE TABLE other (x)");
	s = open_store(p->db);
	put(s, "ct", 1, "a", "1");
	store_close(s);
	exec_sql(p->db, "INSERT INTO other VALUES (1)");
}

static void test_garbage_is_refused(void **state)
{
	struct place *p = *state;
	struct error err = ERROR_INIT;
	struct store *s = NULL;
	char junk[4096];

	memset(junk, 'j', sizeof(junk));
	assert_int_equal(fd_replace_file(AT_FDCWD, p->db, junk, sizeof(junk), 0600), 0);
	assert_int_equal(store_open(p->db, &s, &err), -1);
	assert_non_null(strstr(err.text, p->db));
	assert_int_equal(store_open("/nonexistent/dir/state.db", &s, &err), -1);
}

/* The server of a SIGKILL: commits twice, writes once more, tells us and hangs. */
static void victim(const char *path, int ready)
{
	struct store *s = open_store(path);
	int i;

	for (i = 0; i < 1000; i++)
		put(s, "ct", i, "state", "running");
	commit(s);
	put(s, "ct", 1000, "state", "starting");
	commit(s);
	put(s, "ct", 1001, "state", "not promised to anybody");
	if (write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int count_row(void *arg, int64_t id, const char *key, const char *value)
{
	(void)id, (void)key, (void)value;
	++*(int *)arg;
	return 0;
}

static void test_commits_survive_sigkill(void **state)
{
	struct place *p = *state;
	struct error err = ERROR_INIT;
	struct store *s;
	int ready[2], n = 0;
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		victim(p->db, ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* At once: the dead process holds no lock. */
	s = open_store(p->db);
	assert_int_equal(store_each(s, "ct", count_row, &n, &err), 0);
	assert_int_equal(n, 1001);
	store_close(s);
}

/* RLIMIT_FSIZE makes writes fail as a full disk does, without needing a mount. */
static void full_disk(const char *path)
{
	struct rlimit limit = { .rlim_cur = 64 << 10, .rlim_max = RLIM_INFINITY };
	struct store *s = open_store(path);
	struct error err = ERROR_INIT;
	char value[512];
	int i;

	signal(SIGXFSZ, SIG_IGN);
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	put(s, "ct", 1, "before", "1");
	commit(s);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		_exit(2);
	for (i = 0; i < 1000; i++)
		put(s, "ct", i, "k", value);
	for (i = 0; i < 3; i++)
		if (store_commit(s, &err) == 0 || !store_is_dirty(s) || !err.code)
			_exit(3);
	put(s, "ct", 5000, "later", "1");
	limit.rlim_cur = RLIM_INFINITY;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		_exit(4);
	if (store_commit(s, &err) < 0 || store_is_dirty(s))
		_exit(5);
	i = 0;
	if (store_each(s, "ct", count_row, &i, &err) < 0 || i != 1002)
		_exit(6);
	store_close(s);
	_exit(0);
}

static void test_failed_commit_loses_nothing(void **state)
{
	struct place *p = *state;
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		full_disk(p->db);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_come_ordered_by_id_and_key),
		cmocka_unit_test(test_put_replaces_and_null_deletes),
		cmocka_unit_test(test_delete_removes_one_object),
		cmocka_unit_test(test_each_stops_when_told),
		cmocka_unit_test(test_commit_of_nothing_is_fine),
		FILE_TEST(test_file_keeps_rows_and_is_private),
		FILE_TEST(test_large_value),
		FILE_TEST(test_newer_schema_is_refused),
		FILE_TEST(test_empty_database_is_migrated),
		FILE_TEST(test_garbage_is_refused),
		FILE_TEST(test_commits_survive_sigkill),
		FILE_TEST(test_failed_commit_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
