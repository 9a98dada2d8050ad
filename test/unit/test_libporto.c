/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libporto against a fake daemon: a thread that listens in a temporary directory and follows the
 * script of the test. What the script saw is checked after it ended.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/libporto.h"
#include "proto/frame.h"
#include "proto/porto.pb-c.h"

/* ---- The fake daemon ---- */

struct fake {
	char dir[64];
	char path[96];
	int listen_fd;
	pthread_t thread;
	void (*script)(struct fake *f);
	/* What the script saw. */
	int connections;
	int requests;
	uint32_t last_timeout_ms;
	char last_names[128];
	char last_labels[128];
	char last_target[32];
	/* Lets a script wait for the test and the other way round. */
	int pipe[2];
};

static void fake_listen(struct fake *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(f->listen_fd >= 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
	assert_int_equal(bind(f->listen_fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(f->listen_fd, 8), 0);
}

static void *fake_main(void *arg)
{
	struct fake *f = arg;

	f->script(f);
	return NULL;
}

static void fake_init(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/test_libporto.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/socket", f->dir);
	assert_int_equal(pipe(f->pipe), 0);
	f->listen_fd = -1;
}

static void fake_start(struct fake *f, void (*script)(struct fake *f))
{
	fake_init(f);
	fake_listen(f);
	f->script = script;
	assert_int_equal(pthread_create(&f->thread, NULL, fake_main, f), 0);
}

/* Let the test go on, or wait for it to let us. */
static void fake_signal(struct fake *f)
{
	assert_int_equal(write(f->pipe[1], "x", 1), 1);
}

static void fake_await(struct fake *f)
{
	char c;

	assert_int_equal(read(f->pipe[0], &c, 1), 1);
}

static void fake_cleanup(struct fake *f)
{
	if (f->listen_fd >= 0)
		close(f->listen_fd);
	close(f->pipe[0]);
	close(f->pipe[1]);
	unlink(f->path);
	rmdir(f->dir);
}

static void fake_join(struct fake *f)
{
	pthread_join(f->thread, NULL);
	fake_cleanup(f);
}

static int fake_accept(struct fake *f)
{
	int fd = accept(f->listen_fd, NULL, NULL);

	f->connections++;
	return fd;
}

static bool read_all(int fd, void *data, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = recv(fd, (char *)data + done, size - done, 0);
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* NULL when the client hung up. */
static Porto__TPortoRequest *fake_read(struct fake *f, int fd)
{
	Porto__TPortoRequest *req;
	size_t length = 0;
	uint8_t byte, *body;
	int shift = 0;

	do {
		if (!read_all(fd, &byte, 1))
			return NULL;
		length |= (size_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	body = malloc(length + 1);
	if (!read_all(fd, body, length)) {
		free(body);
		return NULL;
	}
	req = porto__tporto_request__unpack(NULL, length, body);
	free(body);
	f->requests++;
	return req;
}

static void fake_skip(struct fake *f, int fd)
{
	Porto__TPortoRequest *req = fake_read(f, fd);

	if (req)
		porto__tporto_request__free_unpacked(req, NULL);
}

static size_t put_frame(uint8_t *out, const Porto__TPortoResponse *rsp)
{
	size_t size = porto__tporto_response__get_packed_size(rsp);
	size_t prefix = frame_encode_prefix((uint32_t)size, out);

	return prefix + porto__tporto_response__pack(rsp, out + prefix);
}

static void fake_write(int fd, const void *data, size_t size)
{
	ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

	(void)n;
}

static void fake_reply(int fd, int code, const char *message)
{
	Porto__TPortoResponse rsp = PORTO__TPORTO_RESPONSE__INIT;
	uint8_t buf[512];

	rsp.has_error = true;
	rsp.error = (Porto__EError)code;
	rsp.errormsg = (char *)message;
	rsp.has_timestamp = true;
	rsp.timestamp = 1234;
	fake_write(fd, buf, put_frame(buf, &rsp));
}

static size_t put_event(uint8_t *out, const char *name, const char *state, const char *label,
			const char *value)
{
	Porto__TPortoResponse rsp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TWaitResponse report = PORTO__TWAIT_RESPONSE__INIT;

	report.name = (char *)name;
	report.state = (char *)state;
	report.has_when = true;
	report.when = 77;
	report.label = (char *)label;
	report.value = (char *)value;
	rsp.has_error = true;
	rsp.error = (Porto__EError)0;
	rsp.asyncwait = &report;
	return put_frame(out, &rsp);
}

static void fake_event(int fd, const char *name, const char *state)
{
	uint8_t buf[512];

	fake_write(fd, buf, put_event(buf, name, state, NULL, NULL));
}

static void join_strings(char *out, size_t size, char **v, size_t n)
{
	size_t i, used = 0;

	out[0] = '\0';
	for (i = 0; i < n; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "," : "", v[i]);
}

/* Read an AsyncWait and remember its arguments. */
static void fake_read_async(struct fake *f, int fd)
{
	Porto__TPortoRequest *req = fake_read(f, fd);
	Porto__TWaitRequest *w = req ? req->asyncwait : NULL;

	if (w) {
		join_strings(f->last_names, sizeof(f->last_names), w->name, w->n_name);
		join_strings(f->last_labels, sizeof(f->last_labels), w->label, w->n_label);
		snprintf(f->last_target, sizeof(f->last_target), "%s",
			 w->target_state ? w->target_state : "");
		f->last_timeout_ms = w->has_timeout_ms ? w->timeout_ms : 0;
	}
	if (req)
		porto__tporto_request__free_unpacked(req, NULL);
}

static struct porto_conn *open_fake(struct fake *f)
{
	struct porto_conn *conn = porto_open(f->path);

	assert_non_null(conn);
	porto_set_timeout(conn, 20000);
	return conn;
}

/* ---- Replies ---- */

static void script_replies(struct fake *f)
{
	Porto__TPortoResponse rsp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TVersionResponse version = PORTO__TVERSION_RESPONSE__INIT;
	int fd = fake_accept(f);
	char tag[] = "1.2.3", revision[] = "abc";
	uint8_t buf[256];
	size_t size, i;

	/* Byte by byte: the client must put it together. */
	fake_skip(f, fd);
	version.tag = tag;
	version.revision = revision;
	rsp.has_error = true;
	rsp.error = (Porto__EError)0;
	rsp.version = &version;
	size = put_frame(buf, &rsp);
	for (i = 0; i < size; i++)
		fake_write(fd, buf + i, 1);

	fake_skip(f, fd);
	fake_reply(fd, PORTO_E_CONTAINER_ALREADY_EXISTS, "container a already exists");
	fake_skip(f, fd);
	fake_reply(fd, 4711, "from the future");
	close(fd);
}

static void test_replies_and_errors(void **state)
{
	char *version = NULL, *revision = NULL;
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_replies);
	conn = open_fake(&f);
	assert_int_equal(porto_version(conn, &version, &revision), 0);
	assert_string_equal(version, "1.2.3");
	assert_string_equal(revision, "abc");
	porto_free_string(version);
	porto_free_string(revision);

	assert_int_equal(porto_create(conn, "a"), PORTO_E_CONTAINER_ALREADY_EXISTS);
	assert_string_equal(porto_last_error(conn)->message, "container a already exists");
	assert_false(porto_last_error(conn)->local);
	assert_false(porto_last_error(conn)->outcome_unknown);
	assert_int_equal(porto_response_timestamp(conn), 1234);

	assert_int_equal(porto_start(conn, "a"), 4711);
	assert_null(porto_error_name(4711));
	assert_int_equal(porto_connect_count(conn), 1);
	porto_close(conn);
	fake_join(&f);
}

static void script_get(struct fake *f)
{
	Porto__TPortoResponse rsp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TGetResponse get = PORTO__TGET_RESPONSE__INIT;
	Porto__TGetResponse__TContainerGetListResponse entry =
		PORTO__TGET_RESPONSE__TCONTAINER_GET_LIST_RESPONSE__INIT;
	Porto__TGetResponse__TContainerGetListResponse same =
		PORTO__TGET_RESPONSE__TCONTAINER_GET_LIST_RESPONSE__INIT;
	Porto__TGetResponse__TContainerGetValueResponse good =
		PORTO__TGET_RESPONSE__TCONTAINER_GET_VALUE_RESPONSE__INIT;
	Porto__TGetResponse__TContainerGetValueResponse bad =
		PORTO__TGET_RESPONSE__TCONTAINER_GET_VALUE_RESPONSE__INIT;
	Porto__TGetResponse__TContainerGetValueResponse *values[] = { &good, &bad };
	Porto__TGetResponse__TContainerGetListResponse *list[] = { &entry, &same };
	char name_a[] = "a", name_b[] = "b", state[] = "state", running[] = "running",
	     pid[] = "root_pid", text[] = "not now";
	int fd = fake_accept(f);
	uint8_t buf[512];

	fake_skip(f, fd);
	good.variable = state;
	good.value = running;
	bad.variable = pid;
	bad.has_error = true;
	bad.error = (Porto__EError)PORTO_E_INVALID_STATE;
	bad.errormsg = text;
	entry.name = name_a;
	entry.keyval = values;
	entry.n_keyval = 2;
	entry.has_change_time = true;
	entry.change_time = 55;
	same.name = name_b;
	same.has_no_changes = same.no_changes = true;
	get.list = list;
	get.n_list = 2;
	rsp.has_error = true;
	rsp.error = (Porto__EError)0;
	rsp.get = &get;
	fake_write(fd, buf, put_frame(buf, &rsp));
	fake_skip(f, fd); /* hang up of the client */
	close(fd);
}

static void test_get_result(void **state)
{
	const char *names[] = { "***", NULL }, *vars[] = { "state", "root_pid", NULL };
	struct porto_get_result *result = NULL;
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_get);
	conn = open_fake(&f);
	assert_int_equal(porto_get(conn, names, vars, PORTO_GET_SYNC, 9, &result), 0);
	assert_int_equal(result->count, 2);
	assert_string_equal(result->containers[0]->name, "a");
	assert_int_equal(result->containers[0]->change_time, 55);
	assert_int_equal(result->containers[0]->count, 2);
	assert_string_equal(result->containers[0]->items[0]->value, "running");
	assert_int_equal(result->containers[0]->items[1]->error, PORTO_E_INVALID_STATE);
	assert_string_equal(result->containers[0]->items[1]->message, "not now");
	assert_string_equal(result->containers[0]->items[1]->value, "");
	assert_true(result->containers[1]->no_changes);
	assert_int_equal(result->containers[1]->count, 0);
	porto_free_get_result(result);
	porto_close(conn);
	fake_join(&f);
}

/* ---- Reconnecting ---- */

/* Serves one call, hangs up; then serves whatever comes. */
static void script_restart_idle(struct fake *f)
{
	int fd = fake_accept(f);

	fake_skip(f, fd);
	fake_reply(fd, 0, "");
	close(fd);
	fake_signal(f);
	fd = fake_accept(f);
	fake_skip(f, fd);
	fake_reply(fd, 0, "");
	close(fd);
}

static void test_nothing_sent_is_repeated(void **state)
{
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_restart_idle);
	conn = open_fake(&f);
	assert_int_equal(porto_create(conn, "a"), 0);
	fake_await(&f); /* the daemon has hung up: sending fails with its first byte */
	assert_int_equal(porto_create(conn, "b"), 0);
	assert_int_equal(porto_connect_count(conn), 2);
	porto_close(conn);
	fake_join(&f);
	assert_int_equal(f.requests, 2);
}

/* Takes one request and dies over it; a second connection is served. */
static void script_lose_reply(struct fake *f)
{
	int fd = fake_accept(f);

	fake_skip(f, fd);
	close(fd);
	fd = fake_accept(f);
	fake_skip(f, fd);
	fake_reply(fd, 0, "");
	close(fd);
}

static void test_lost_reply_of_repeatable(void **state)
{
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_lose_reply);
	conn = open_fake(&f);
	assert_int_equal(porto_set_property(conn, "a", "private", "x"), 0);
	porto_close(conn);
	fake_join(&f);
	assert_int_equal(f.requests, 2);
}

static void test_lost_reply_of_other(void **state)
{
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_lose_reply);
	conn = open_fake(&f);
	assert_int_equal(porto_create(conn, "a"), PORTO_E_SOCKET_ERROR);
	assert_true(porto_last_error(conn)->outcome_unknown);
	assert_true(porto_last_error(conn)->local);
	/* The next call connects again. */
	assert_int_equal(porto_start(conn, "a"), 0);
	assert_false(porto_last_error(conn)->outcome_unknown);
	porto_close(conn);
	fake_join(&f);
	assert_int_equal(f.requests, 2);
	assert_int_equal(f.connections, 2);
}

static void script_lose_destroy(struct fake *f)
{
	int fd = fake_accept(f);

	fake_skip(f, fd);
	close(fd);
	fd = fake_accept(f);
	fake_skip(f, fd);
	fake_reply(fd, PORTO_E_CONTAINER_DOES_NOT_EXIST, "gone");
	fake_skip(f, fd);
	fake_reply(fd, PORTO_E_CONTAINER_DOES_NOT_EXIST, "gone");
	close(fd);
}

static void test_repeated_destroy(void **state)
{
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_lose_destroy);
	conn = open_fake(&f);
	assert_int_equal(porto_destroy(conn, "a"), 0);
	assert_int_equal(porto_last_error(conn)->code, 0);
	assert_int_equal(porto_destroy(conn, "a"), PORTO_E_CONTAINER_DOES_NOT_EXIST);
	porto_close(conn);
	fake_join(&f);
}

static void script_reloaded(struct fake *f)
{
	int fd = fake_accept(f);

	fake_skip(f, fd);
	fake_reply(fd, PORTO_E_PORTOD_RELOADED, "reload");
	fake_skip(f, fd);
	close(fd);
	fd = fake_accept(f);
	fake_skip(f, fd);
	fake_reply(fd, 0, "");
	fake_skip(f, fd);
	fake_reply(fd, PORTO_E_PORTOD_RELOADED, "reload");
	close(fd);
}

static void test_reload_reply(void **state)
{
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_reloaded);
	conn = open_fake(&f);
	assert_int_equal(porto_kill(conn, "a", 0), 0);
	assert_int_equal(porto_kill(conn, "a", 9), PORTO_E_PORTOD_RELOADED);
	assert_true(porto_last_error(conn)->outcome_unknown);
	porto_close(conn);
	fake_join(&f);
}

static void script_wait_twice(struct fake *f)
{
	Porto__TPortoRequest *req;
	int fd = fake_accept(f);

	fake_skip(f, fd);
	poll(NULL, 0, 60);
	close(fd);
	fd = fake_accept(f);
	req = fake_read(f, fd);
	if (req && req->wait)
		f->last_timeout_ms = req->wait->timeout_ms;
	if (req)
		porto__tporto_request__free_unpacked(req, NULL);
	fake_reply(fd, 0, "");
	close(fd);
}

static void test_wait_goes_on_with_the_rest(void **state)
{
	const char *names[] = { "a", NULL };
	struct porto_event *event = NULL;
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_wait_twice);
	conn = open_fake(&f);
	assert_int_equal(porto_wait(conn, names, NULL, 10000, &event), 0);
	assert_string_equal(event->name, "");
	porto_free_event(event);
	porto_close(conn);
	fake_join(&f);
	assert_true(f.last_timeout_ms > 0 && f.last_timeout_ms <= 10000 - 60);
}

static void script_late_listen(struct fake *f)
{
	int fd;

	poll(NULL, 0, 120);
	fake_listen(f);
	fd = fake_accept(f);
	fake_skip(f, fd);
	fake_reply(fd, 0, "");
	close(fd);
}

static void test_connect_waits_for_daemon(void **state)
{
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_init(&f);
	f.script = script_late_listen;
	conn = open_fake(&f);
	porto_set_connect_timeout(conn, 0);
	assert_int_equal(porto_create(conn, "a"), PORTO_E_SOCKET_UNAVAILABLE);
	assert_false(porto_last_error(conn)->outcome_unknown);
	assert_int_equal(porto_last_error(conn)->sys_errno, ENOENT);

	porto_set_connect_timeout(conn, 20000);
	assert_int_equal(pthread_create(&f.thread, NULL, fake_main, &f), 0);
	assert_int_equal(porto_create(conn, "a"), 0);
	porto_close(conn);
	fake_join(&f);
}

static void script_mute(struct fake *f)
{
	int fd = fake_accept(f);

	fake_skip(f, fd);
	fake_skip(f, fd); /* until the client hangs up */
	close(fd);
}

static void test_deadline(void **state)
{
	struct porto_conn *conn;
	char *value = NULL;
	struct fake f;

	(void)state;
	fake_start(&f, script_mute);
	conn = open_fake(&f);
	porto_set_timeout(conn, 50);
	assert_int_equal(porto_get_property(conn, "a", "state", 0, &value), PORTO_E_SOCKET_TIMEOUT);
	assert_null(value);
	assert_true(porto_last_error(conn)->local);
	assert_false(porto_last_error(conn)->outcome_unknown);
	porto_close(conn);
	fake_join(&f);
	assert_int_equal(f.requests, 1);
}

static void test_deadline_of_other(void **state)
{
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_mute);
	conn = open_fake(&f);
	porto_set_timeout(conn, 50);
	assert_int_equal(porto_start(conn, "a"), PORTO_E_SOCKET_TIMEOUT);
	assert_true(porto_last_error(conn)->outcome_unknown);
	porto_close(conn);
	fake_join(&f);
}

static void test_cancel(void **state)
{
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_mute);
	conn = open_fake(&f);
	porto_cancel(conn);
	assert_int_equal(porto_start(conn, "a"), PORTO_E_SOCKET_ERROR);
	assert_int_equal(porto_last_error(conn)->sys_errno, ECANCELED);
	porto_close(conn);
	fake_join(&f);
}

/* Replies with a length prefix and nothing behind it. */
static void script_bad_frame(struct fake *f)
{
	static const uint8_t large[] = { 0x80, 0x80, 0x80, 0x08 }; /* 16 MiB */
	static const uint8_t endless[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t garbage[] = { 3, 0xff, 0xff, 0xff };
	int fd;

	fd = fake_accept(f);
	fake_skip(f, fd);
	fake_write(fd, large, sizeof(large));
	fake_skip(f, fd);
	close(fd);
	fd = fake_accept(f);
	fake_skip(f, fd);
	fake_write(fd, endless, sizeof(endless));
	fake_skip(f, fd);
	close(fd);
	fd = fake_accept(f);
	fake_skip(f, fd);
	fake_write(fd, garbage, sizeof(garbage));
	fake_skip(f, fd);
	close(fd);
}

static void test_bad_frames(void **state)
{
	struct porto_conn *conn;
	struct fake f;
	int i;

	(void)state;
	fake_start(&f, script_bad_frame);
	conn = open_fake(&f);
	porto_set_max_frame(conn, 1 << 20);
	/* Not repeated, although it could be: the answer would be the same. */
	for (i = 0; i < 3; i++) {
		assert_int_equal(porto_kill(conn, "a", 0), PORTO_E_SOCKET_ERROR);
		assert_true(strlen(porto_last_error(conn)->message) > 0);
	}
	porto_close(conn);
	fake_join(&f);
	assert_int_equal(f.requests, 3);
}

/* Reads the length only, explains itself and hangs up. */
static void script_refuse_large(struct fake *f)
{
	int fd = fake_accept(f);
	uint8_t prefix[4];

	(void)read_all(fd, prefix, sizeof(prefix));
	fake_reply(fd, PORTO_E_INVALID_VALUE, "request is too large");
	close(fd);
}

static void test_reply_to_half_a_request(void **state)
{
	size_t size = 8 << 20;
	struct porto_conn *conn;
	char *value = malloc(size);
	struct fake f;

	(void)state;
	memset(value, 'x', size);
	value[size - 1] = '\0';
	fake_start(&f, script_refuse_large);
	conn = open_fake(&f);
	assert_int_equal(porto_set_property(conn, "a", "private", value), PORTO_E_INVALID_VALUE);
	assert_string_equal(porto_last_error(conn)->message, "request is too large");
	porto_close(conn);
	fake_join(&f);
	free(value);
}

/* ---- Events ---- */

struct seen {
	int count;
	int resyncs;
	char text[512]; /* "name:state " of each */
	int exit_code;
	char label[64];
	struct porto_conn *nested; /* used from inside the callback */
};

static void on_event(struct porto_subscription *sub, const struct porto_event *event, void *data)
{
	struct seen *seen = data;
	size_t used = strlen(seen->text);

	(void)sub;
	seen->count++;
	seen->resyncs += event->resync;
	snprintf(seen->text + used, sizeof(seen->text) - used, "%s:%s ", event->name, event->state);
	if (event->has_exit_code)
		seen->exit_code = event->exit_code;
	if (*event->label)
		snprintf(seen->label, sizeof(seen->label), "%s=%s", event->label, event->value);
	if (seen->nested && *event->name)
		assert_int_equal(porto_create(seen->nested, "from-callback"), 0);
}

/*
 * Two initial events and the reply in one packet; then, for another call, an event before its reply
 * and two events in one packet with it.
 */
static void script_events(struct fake *f)
{
	Porto__TPortoResponse ok = PORTO__TPORTO_RESPONSE__INIT;
	int fd = fake_accept(f);
	uint8_t buf[1024];
	size_t n = 0;

	ok.has_error = true;
	ok.error = (Porto__EError)0;
	fake_read_async(f, fd);
	n += put_event(buf + n, "a", "running", NULL, NULL);
	n += put_event(buf + n, "b", "stopped", NULL, NULL);
	n += put_frame(buf + n, &ok);
	fake_write(fd, buf, n);

	fake_skip(f, fd);
	fake_event(fd, "a", "stopping");
	n = put_frame(buf, &ok);
	n += put_event(buf + n, "a", "dead", "exit_code", "-9");
	n += put_event(buf + n, "b", "running", "AB.x", "1");
	fake_write(fd, buf, n);

	fake_skip(f, fd);
	fake_reply(fd, 0, "");
	fake_skip(f, fd);
	close(fd);
}

static bool is_readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

static void test_events_around_replies(void **state)
{
	const char *names[] = { "a", "b*", NULL };
	struct porto_subscription *sub = NULL;
	struct seen seen = { 0 };
	struct porto_conn *conn;
	size_t count = 0;
	struct fake f;

	(void)state;
	fake_start(&f, script_events);
	conn = open_fake(&f);
	assert_false(is_readable(porto_fd(conn), 0));
	assert_int_equal(
		porto_subscribe(conn, names, NULL, NULL, PORTO_FOREVER, on_event, &seen, &sub), 0);
	/* No callback outside of dispatch, and the descriptor says that there is work. */
	assert_int_equal(seen.count, 0);
	assert_true(is_readable(porto_fd(conn), 5000));

	assert_int_equal(porto_create(conn, "c"), 0);
	assert_int_equal(seen.count, 0);
	assert_int_equal(porto_dispatch(conn, &count), 0);
	assert_int_equal(count, 5);
	assert_string_equal(seen.text, "a:running b:stopped a:stopping a:dead b:running ");
	assert_int_equal(seen.exit_code, -9);
	assert_string_equal(seen.label, "AB.x=1");
	assert_int_equal(seen.resyncs, 0);
	assert_true(porto_subscription_active(sub));
	assert_false(is_readable(porto_fd(conn), 0));
	porto_unsubscribe(sub);
	porto_close(conn);
	fake_join(&f);
	assert_string_equal(f.last_names, "a,b*");
	assert_int_equal(f.requests, 3);
}

static void script_idle_event(struct fake *f)
{
	int fd = fake_accept(f);

	fake_read_async(f, fd);
	fake_reply(fd, 0, "");
	fake_event(fd, "a", "dead");
	fake_skip(f, fd); /* call of the callback */
	fake_reply(fd, 0, "");
	fake_event(fd, "", "timeout");
	fake_skip(f, fd);
	close(fd);
}

static void test_callback_calls_and_timeout(void **state)
{
	const char *names[] = { "***", NULL };
	struct porto_subscription *sub = NULL;
	struct seen seen = { 0 };
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_idle_event);
	conn = open_fake(&f);
	seen.nested = conn;
	assert_int_equal(porto_subscribe(conn, names, NULL, NULL, 5000, on_event, &seen, &sub), 0);
	assert_int_equal(porto_dispatch_wait(conn, 20000, NULL), 0);
	seen.nested = NULL;
	while (porto_subscription_active(sub))
		assert_int_equal(porto_dispatch_wait(conn, 20000, NULL), 0);
	assert_string_equal(seen.text, "a:dead :timeout ");
	assert_int_equal(porto_dispatch_wait(conn, PORTO_FOREVER, NULL), PORTO_E_INVALID_STATE);
	assert_int_equal(porto_dispatch_wait(conn, 1, NULL), PORTO_E_SOCKET_TIMEOUT);
	porto_close(conn); /* frees the subscription */
	fake_join(&f);
	assert_int_equal(f.last_timeout_ms, 5000);
}

static void script_rearm(struct fake *f)
{
	Porto__TPortoRequest *req;
	int fd = fake_accept(f);

	fake_read_async(f, fd);
	fake_reply(fd, 0, "");
	close(fd);
	f->last_names[0] = f->last_labels[0] = '\0';
	fd = fake_accept(f);
	fake_read_async(f, fd);
	fake_event(fd, "a", "running");
	fake_reply(fd, 0, "");
	req = fake_read(f, fd); /* states are asked for, since labels do not tell them */
	if (req && !req->get)
		f->connections = -1;
	if (req)
		porto__tporto_request__free_unpacked(req, NULL);
	fake_reply(fd, 0, "");
	fake_event(fd, "a", "dead");
	fake_skip(f, fd);
	close(fd);
}

static void test_rearm_after_restart(void **state)
{
	const char *names[] = { "a", "b", NULL }, *labels[] = { "AB.*", NULL };
	struct porto_subscription *sub = NULL;
	struct seen seen = { 0 };
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_rearm);
	conn = open_fake(&f);
	assert_int_equal(porto_subscribe(conn, names, labels, "dead", PORTO_FOREVER, on_event,
					 &seen, &sub),
			 0);
	while (porto_subscription_active(sub))
		assert_int_equal(porto_dispatch_wait(conn, 20000, NULL), 0);
	porto_close(conn);
	fake_join(&f);
	assert_string_equal(seen.text, ":resync a:running a:dead ");
	assert_int_equal(seen.resyncs, 2);
	assert_string_equal(f.last_names, "a,b");
	assert_string_equal(f.last_labels, "AB.*");
	assert_string_equal(f.last_target, "dead");
	assert_int_equal(f.connections, 2);
}

/* Each subscription has the daemon's one slot of a connection. */
static void script_two_subs(struct fake *f)
{
	int a = fake_accept(f), b;

	fake_read_async(f, a);
	fake_reply(a, 0, "");
	b = fake_accept(f);
	fake_read_async(f, b);
	fake_reply(b, 0, "");
	fake_event(a, "a", "dead");
	fake_event(b, "b", "dead");
	fake_skip(f, a); /* StopAsyncWait */
	fake_reply(a, 0, "");
	fake_skip(f, a);
	close(a);
	close(b);
}

static void test_two_subscriptions(void **state)
{
	const char *a[] = { "a", NULL }, *b[] = { "b", NULL };
	struct porto_subscription *sub_a = NULL, *sub_b = NULL;
	struct seen seen_a = { 0 }, seen_b = { 0 };
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_two_subs);
	conn = open_fake(&f);
	assert_int_equal(
		porto_subscribe(conn, a, NULL, NULL, PORTO_FOREVER, on_event, &seen_a, &sub_a), 0);
	assert_int_equal(
		porto_subscribe(conn, b, NULL, NULL, PORTO_FOREVER, on_event, &seen_b, &sub_b), 0);
	while (seen_a.count + seen_b.count < 2)
		assert_int_equal(porto_dispatch_wait(conn, 20000, NULL), 0);
	assert_string_equal(seen_a.text, "a:dead ");
	assert_string_equal(seen_b.text, "b:dead ");
	porto_unsubscribe(sub_a);
	porto_unsubscribe(sub_b);
	porto_close(conn);
	fake_join(&f);
}

static void script_refuse(struct fake *f)
{
	int fd = fake_accept(f);

	fake_read_async(f, fd);
	fake_reply(fd, PORTO_E_PERMISSION, "not you");
	fake_skip(f, fd);
	fake_reply(fd, 0, "");
	close(fd);
}

static void test_refused_subscription(void **state)
{
	const char *names[] = { "a", NULL };
	struct porto_subscription *sub = NULL;
	struct porto_conn *conn;
	struct fake f;

	(void)state;
	fake_start(&f, script_refuse);
	conn = open_fake(&f);
	assert_int_equal(porto_subscribe(conn, names, NULL, NULL, 0, on_event, NULL, &sub),
			 PORTO_E_PERMISSION);
	assert_string_equal(porto_last_error(conn)->message, "not you");
	assert_null(sub);
	assert_int_equal(porto_create(conn, "a"), 0);
	porto_close(conn);
	fake_join(&f);
}

/* ---- Fork ---- */

static void script_two_clients(struct fake *f)
{
	int parent = fake_accept(f), child;

	fake_read_async(f, parent);
	fake_reply(parent, 0, "");
	child = fake_accept(f);
	fake_skip(f, child);
	fake_reply(child, 0, "");
	/* The parent's connection works as before. */
	fake_skip(f, parent);
	fake_event(parent, "a", "dead");
	fake_reply(parent, 0, "");
	fake_skip(f, parent);
	close(parent);
	close(child);
}

static int child_main(struct porto_conn *conn, struct porto_subscription *sub)
{
	if (porto_subscription_active(sub))
		return 1;
	if (porto_create(conn, "child") != 0)
		return 2;
	if (porto_connect_count(conn) != 1)
		return 3;
	porto_close(conn);
	return 0;
}

static void test_fork(void **state)
{
	const char *names[] = { "a", NULL };
	struct porto_subscription *sub = NULL;
	struct seen seen = { 0 };
	struct porto_conn *conn;
	int status = -1;
	struct fake f;
	pid_t pid;

	(void)state;
	fake_start(&f, script_two_clients);
	conn = open_fake(&f);
	assert_int_equal(
		porto_subscribe(conn, names, NULL, NULL, PORTO_FOREVER, on_event, &seen, &sub), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child_main(conn, sub));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(porto_create(conn, "parent"), 0);
	assert_true(is_readable(porto_fd(conn), 5000));
	assert_int_equal(porto_dispatch(conn, NULL), 0);
	assert_string_equal(seen.text, "a:dead ");
	porto_close(conn);
	fake_join(&f);
	assert_int_equal(f.connections, 2);
}

/* ---- Raw calls ---- */

static void test_raw_call(void **state)
{
	/* Field 14 (Version), empty message. */
	static const uint8_t request[] = { 0x72, 0x00 };
	Porto__TPortoResponse *rsp;
	struct porto_conn *conn;
	char *reply = NULL;
	size_t size = 0;
	struct fake f;

	(void)state;
	fake_start(&f, script_replies);
	conn = open_fake(&f);
	assert_int_equal(porto_call_raw(conn, request, sizeof(request), &reply, &size), 0);
	rsp = porto__tporto_response__unpack(NULL, size, (const uint8_t *)reply);
	assert_non_null(rsp);
	assert_string_equal(rsp->version->tag, "1.2.3");
	porto__tporto_response__free_unpacked(rsp, NULL);
	porto_free_string(reply);
	/* An error of the daemon is a reply as well. */
	assert_int_equal(porto_call_raw(conn, request, sizeof(request), &reply, &size), 0);
	porto_free_string(reply);
	assert_int_equal(porto_call_raw(conn, request, sizeof(request), &reply, &size), 0);
	porto_free_string(reply);
	porto_close(conn);
	fake_join(&f);
}

/* ---- Values ---- */

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = {
		{ "0", 0 },
		{ "17", 17 },
		{ "1K", 1024 },
		{ " 1.5 G ", 3ULL << 29 },
		{ "2kb", 2048 },
		{ "3MiB", 3 << 20 },
		{ "1E", 1ULL << 60 },
		{ "512B", 512 },
		{ "18446744073709551615", UINT64_MAX },
	};
	static const char *const bad[] = { "",
					   "x",
					   "-1",
					   "1X",
					   "1 2",
					   "1Bi",
					   "16E",
					   "1KB2",
					   "1.5.5",
					   "1Kx",
					   "18446744073709551616" };
	char buf[PORTO_VALUE_MAX];
	uint64_t value;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(porto_parse_size(good[i].text, &value), 0);
		assert_true(value == good[i].value);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(porto_parse_size(bad[i], &value), PORTO_E_INVALID_VALUE);
	assert_string_equal(porto_format_size(0, buf, sizeof(buf)), "0B");
	assert_string_equal(porto_format_size(512, buf, sizeof(buf)), "512B");
	assert_string_equal(porto_format_size(1 << 30, buf, sizeof(buf)), "1G");
	assert_string_equal(porto_format_size(3ULL << 29, buf, sizeof(buf)), "1.5G");
}

static void test_durations_and_cpu(void **state)
{
	char buf[PORTO_VALUE_MAX];
	uint64_t v;

	(void)state;
	assert_int_equal(porto_parse_duration("1.5s", &v), 0);
	assert_true(v == 1500000000);
	assert_int_equal(porto_parse_duration("7", &v), 0);
	assert_true(v == 7);
	assert_int_equal(porto_parse_duration("2 h", &v), 0);
	assert_true(v == 7200ULL * 1000000000);
	assert_int_equal(porto_parse_duration("3 weeks", &v), PORTO_E_INVALID_VALUE);
	assert_string_equal(porto_format_duration(250000000, buf, sizeof(buf)), "0.25s");
	assert_string_equal(porto_format_duration(59999000000, buf, sizeof(buf)), "59.999s");
	assert_string_equal(porto_format_duration(60ULL * 1000000000, buf, sizeof(buf)), "0:01:00");
	assert_string_equal(porto_format_duration(273900ULL * 1000000000, buf, sizeof(buf)),
			    "3d  4:05");

	assert_int_equal(porto_parse_cpu("1.5c", 4, &v), 0);
	assert_true(v == 1500000000);
	assert_int_equal(porto_parse_cpu("50", 4, &v), 0);
	assert_true(v == 2000000000);
	assert_int_equal(porto_parse_cpu("25%", 4, &v), 0);
	assert_true(v == 1000000000);
	assert_int_equal(porto_parse_cpu("10ns", 4, &v), 0);
	assert_true(v == 10);
	assert_string_equal(porto_format_cpu(1500000000, buf, sizeof(buf)), "1.5c");
	assert_string_equal(porto_format_cpu(0, buf, sizeof(buf)), "0c");
}

static void test_maps_and_lists(void **state)
{
	struct porto_list *list;
	struct porto_map *map;
	bool flag;
	char *text;

	(void)state;
	assert_int_equal(porto_parse_map("b: 2; a\\;x: y\\:z ;", &map), 0);
	assert_int_equal(map->count, 2);
	assert_string_equal(map->pairs[0].key, "b");
	assert_string_equal(map->pairs[1].key, "a;x");
	assert_string_equal(map->pairs[1].value, "y:z");
	text = porto_format_map(map);
	assert_string_equal(text, "b: 2; a\\;x: y\\:z");
	porto_free_string(text);
	porto_free_map(map);
	assert_int_equal(porto_parse_map("", &map), 0);
	assert_int_equal(map->count, 0);
	porto_free_map(map);
	assert_int_equal(porto_parse_map("a", &map), PORTO_E_INVALID_VALUE);
	assert_int_equal(porto_parse_map("a: b: c", &map), PORTO_E_INVALID_VALUE);

	assert_int_equal(porto_parse_list(" A=1; ;B=x\\;y;", ';', &list), 0);
	assert_int_equal(list->count, 2);
	assert_string_equal(list->names[0], "A=1");
	assert_string_equal(list->names[1], "B=x;y");
	assert_null(list->names[2]);
	porto_free_list(list);
	text = porto_escape("a;b\\c", ";");
	assert_string_equal(text, "a\\;b\\\\c");
	porto_free_string(text);

	assert_int_equal(porto_parse_bool(" true ", &flag), 0);
	assert_true(flag);
	assert_int_equal(porto_parse_bool("yes", &flag), PORTO_E_INVALID_VALUE);
}

static void test_error_names(void **state)
{
	(void)state;
	assert_string_equal(porto_error_name(0), "Success");
	assert_int_equal(porto_error_code("DockerImageNotFound"), 701);
	assert_int_equal(porto_error_code("NoSuchThing"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies_and_errors),
		cmocka_unit_test(test_get_result),
		cmocka_unit_test(test_nothing_sent_is_repeated),
		cmocka_unit_test(test_lost_reply_of_repeatable),
		cmocka_unit_test(test_lost_reply_of_other),
		cmocka_unit_test(test_repeated_destroy),
		cmocka_unit_test(test_reload_reply),
		cmocka_unit_test(test_wait_goes_on_with_the_rest),
		cmocka_unit_test(test_connect_waits_for_daemon),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_deadline_of_other),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_reply_to_half_a_request),
		cmocka_unit_test(test_events_around_replies),
		cmocka_unit_test(test_callback_calls_and_timeout),
		cmocka_unit_test(test_rearm_after_restart),
		cmocka_unit_test(test_two_subscriptions),
		cmocka_unit_test(test_refused_subscription),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_raw_call),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_durations_and_cpu),
		cmocka_unit_test(test_maps_and_lists),
		cmocka_unit_test(test_error_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
