/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user's program: only the installed header and the library. Each step prints "ok NAME" or ends
 * with what was wrong; test_libporto_c.py runs it against a private daemon.
 */
#include <libporto.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			const struct porto_error *e_ = conn ? porto_last_error(conn) : NULL;       \
			printf("FAILED line %d: %s (%d %s)\n", __LINE__, #what, e_ ? e_->code : 0, \
			       e_ ? e_->message : "");                                             \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static struct porto_conn *conn;

static void step(const char *name)
{
	printf("ok %s\n", name);
	fflush(stdout);
}

static void specs(void)
{
	static const char text[] = "name: 's' command: 'sh -c \"echo 0123; sleep 1000\"'\n"
				   "cpu_limit: 0.5 labels { map { key: 'AB.x' val: '1' } }";
	static const char more[] = "name: 's' private: 'x' labels { merge: true map { key: 'AB.y' "
				   "val: '2' } }";
	const char *const names[] = { "s", "none", NULL };
	const char *const all[] = { "s", NULL };
	const char *const some[] = { "private", "labels", "state", "stdout[:3]", NULL };
	const char *const wrong[] = { "stdout[x]", NULL };
	struct porto_specs *list;
	struct porto_map *labels;
	const struct porto_spec *one;
	char *value;

	CHECK(porto_create_from_spec(conn, "name: 's' x", 11, 0) == PORTO_E_INVALID_VALUE);
	CHECK(porto_last_error(conn)->local && strstr(porto_last_error(conn)->message, "line 1"));
	CHECK(porto_create_from_spec(conn, "name: 's'", 9, 99) == PORTO_E_INVALID_VALUE);
	CHECK(porto_create_from_spec(conn, text, strlen(text), PORTO_SPEC_START) == 0);
	CHECK(porto_create_from_spec(conn, text, strlen(text), 0) ==
	      PORTO_E_CONTAINER_ALREADY_EXISTS);
	CHECK(porto_update_from_spec(conn, more, strlen(more), PORTO_SPEC_START) == 0);
	CHECK(porto_update_from_spec(conn, "name: 'none'", 12, 0) ==
	      PORTO_E_CONTAINER_DOES_NOT_EXIST);
	do {
		CHECK(porto_get_property(conn, "s", "stdout", 0, &value) == 0);
		one = *value ? (const void *)value : NULL;
		porto_free_string(value);
	} while (!one);

	CHECK(porto_list_specs(conn, names, NULL, 0, some, 0, &list) == 0);
	CHECK(list->count == 2);
	one = list->items[0];
	CHECK(!strcmp(one->name, "s") && !one->error && !*one->message && !one->no_changes);
	CHECK(strstr(one->spec, "private: \"x\"") && strstr(one->spec, "AB.y"));
	CHECK(!strstr(one->spec, "command") && strlen(one->spec) == one->spec_size);
	CHECK(strstr(one->status, "state: \"running\""));
	CHECK(strstr(one->status, "std_out: \"23\\n\""));
	CHECK(!strcmp(list->items[1]->name, "none") && *list->items[1]->message);
	CHECK(list->items[1]->error == PORTO_E_CONTAINER_DOES_NOT_EXIST);
	porto_free_specs(list);

	CHECK(porto_parse_map("AB.x: 1; AB.y: 2", &labels) == 0);
	CHECK(porto_list_specs(conn, NULL, labels, 0, NULL, PORTO_SPEC_PACKED, &list) == 0);
	CHECK(list->count == 1 && !strcmp(list->items[0]->name, "s"));
	one = list->items[0];
	/* What was told can be sent back. */
	CHECK(porto_update_from_spec(conn, one->spec, one->spec_size, PORTO_SPEC_PACKED) == 0);
	porto_free_specs(list);
	porto_free_map(labels);
	CHECK(porto_update_from_spec(conn, "\xff", 1, PORTO_SPEC_PACKED) == PORTO_E_INVALID_VALUE);

	CHECK(porto_list_specs(conn, all, NULL, porto_response_timestamp(conn) + 1000, NULL, 0,
			       &list) == 0);
	CHECK(list->count == 1 && list->items[0]->no_changes && list->items[0]->change_time);
	porto_free_specs(list);
	CHECK(porto_list_specs(conn, NULL, NULL, 0, wrong, 0, &list) == PORTO_E_INVALID_VALUE);
	CHECK(porto_list_specs(conn, NULL, NULL, 0, NULL, PORTO_SPEC_START, &list) ==
	      PORTO_E_INVALID_VALUE);
	porto_free_specs(NULL);
	CHECK(porto_destroy(conn, "s") == 0);
	step("specs");
}

static void life(void)
{
	const char *const names[] = { "c", NULL };
	struct porto_event *event;
	struct porto_list *list;
	char *value;

	CHECK(porto_create(conn, "c") == 0);
	CHECK(porto_create(conn, "c") == PORTO_E_CONTAINER_ALREADY_EXISTS);
	CHECK(strstr(porto_last_error(conn)->message, "c"));
	CHECK(!porto_last_error(conn)->local);
	CHECK(porto_set_property(conn, "c", "command", "sh -c 'echo out; exit 5'") == 0);
	CHECK(porto_set_property(conn, "c", "no_such", "x") == PORTO_E_INVALID_PROPERTY);
	CHECK(porto_start(conn, "c") == 0);
	CHECK(porto_wait(conn, names, NULL, PORTO_FOREVER, &event) == 0);
	CHECK(!strcmp(event->name, "c") && !strcmp(event->state, "dead"));
	porto_free_event(event);
	CHECK(porto_get_property(conn, "c", "exit_code", 0, &value) == 0);
	CHECK(!strcmp(value, "5"));
	porto_free_string(value);
	CHECK(porto_get_property(conn, "c", "stdout", 0, &value) == 0);
	CHECK(!strcmp(value, "out\n"));
	porto_free_string(value);
	CHECK(porto_respawn(conn, "c") == 0);
	CHECK(porto_wait(conn, names, NULL, 20000, &event) == 0);
	porto_free_event(event);
	CHECK(porto_stop(conn, "c", 0) == 0);
	CHECK(porto_set_property(conn, "c", "command", "sleep 1000") == 0);
	CHECK(porto_start(conn, "c") == 0);
	CHECK(porto_pause(conn, "c") == 0);
	CHECK(porto_resume(conn, "c") == 0);
	CHECK(porto_wait(conn, names, NULL, 100, &event) == 0);
	CHECK(!strcmp(event->name, "") && !strcmp(event->state, "timeout"));
	porto_free_event(event);
	CHECK(porto_kill(conn, "c", 9) == 0);
	CHECK(porto_wait(conn, names, NULL, PORTO_FOREVER, &event) == 0);
	porto_free_event(event);
	CHECK(porto_list(conn, NULL, 0, &list) == 0);
	CHECK(list->count == 1 && !strcmp(list->names[0], "c") && !list->names[1]);
	porto_free_list(list);
	CHECK(porto_destroy(conn, "c") == 0);
	CHECK(porto_destroy(conn, "c") == PORTO_E_CONTAINER_DOES_NOT_EXIST);
	CHECK(porto_create_weak(conn, "weak") == 0);
	CHECK(porto_destroy(conn, "weak") == 0);
	step("life");
}

static void reading(void)
{
	const char *const names[] = { "a", "nothing", NULL };
	const char *const variables[] = { "state", "exit_code", NULL };
	struct porto_get_result *result;
	struct porto_properties *props;
	struct porto_map *map;
	char *version, *revision, *name, *text;
	bool found = false;

	CHECK(porto_create(conn, "a") == 0);
	CHECK(porto_get(conn, names, variables, PORTO_GET_SYNC, 0, &result) == 0);
	CHECK(result->count == 2 && result->containers[0]->count == 2);
	CHECK(!strcmp(result->containers[0]->items[0]->value, "stopped"));
	CHECK(result->containers[0]->items[1]->error == PORTO_E_INVALID_STATE);
	CHECK(result->containers[1]->items[0]->error == PORTO_E_CONTAINER_DOES_NOT_EXIST);
	porto_free_get_result(result);
	CHECK(porto_list_properties(conn, &props) == 0);
	for (size_t i = 0; i < props->count; i++)
		if (!strcmp(props->items[i]->name, "memory_limit"))
			found = props->items[i]->dynamic && !props->items[i]->read_only;
	CHECK(found);
	porto_free_properties(props);
	CHECK(porto_list_data_properties(conn, &props) == 0);
	porto_free_properties(props);
	CHECK(porto_version(conn, &version, &revision) == 0);
	CHECK(*version);
	porto_free_string(version);
	porto_free_string(revision);
	CHECK(porto_get_system(conn, &map) == 0);
	CHECK(map->count > 20);
	porto_free_map(map);
	CHECK(porto_set_system(conn, "verbose", true) == 0);
	CHECK(porto_set_system(conn, "verbose", false) == 0);

	CHECK(porto_create(conn, "counted") == 0);
	CHECK(porto_destroy(conn, "counted") == 0);
	CHECK(porto_get_property(conn, "/", "porto_stat[containers_created]", 0, &text) == 0);
	CHECK(strcmp(text, "0") != 0);
	porto_free_string(text);
	CHECK(porto_clear_statistics(conn, "containers_created") == 0);
	CHECK(porto_get_property(conn, "/", "porto_stat[containers_created]", 0, &text) == 0);
	CHECK(strcmp(text, "0") == 0);
	porto_free_string(text);
	CHECK(porto_clear_statistics(conn, "porto_uptime") == PORTO_E_INVALID_VALUE);
	CHECK(porto_clear_statistics(conn, "nothing") == PORTO_E_INVALID_VALUE);
	CHECK(porto_clear_statistics(conn, NULL) == 0);
	CHECK(porto_locate_process(conn, (uint32_t)getpid(), NULL, &name) == 0);
	porto_free_string(name);
	CHECK(porto_response_timestamp(conn) > 1500000000);
	CHECK(porto_destroy(conn, "a") == 0);
	step("reading");
}

static void labels(void)
{
	struct porto_labels *found;
	int64_t number;
	char *value;

	CHECK(porto_create(conn, "a") == 0);
	CHECK(porto_set_label(conn, "a", "TEST.x", "1", NULL, NULL, NULL) == 0);
	CHECK(porto_set_label(conn, "a", "TEST.x", "2", "9", NULL, &value) == PORTO_E_BUSY);
	CHECK(value && !strcmp(value, "1"));
	porto_free_string(value);
	CHECK(porto_get_label(conn, "a", "TEST.x", &value) == 0);
	CHECK(!strcmp(value, "1"));
	porto_free_string(value);
	CHECK(porto_inc_label(conn, "a", "TEST.x", 41, &number) == 0);
	CHECK(number == 42);
	CHECK(porto_find_label(conn, "TEST.*", NULL, NULL, NULL, &found) == 0);
	CHECK(found->count == 1 && !strcmp(found->items[0]->value, "42"));
	porto_free_labels(found);
	CHECK(porto_destroy(conn, "a") == 0);
	step("labels");
}

struct seen {
	int count;
	char last[64];
	int exit_code;
};

static void on_event(struct porto_subscription *sub, const struct porto_event *event, void *arg)
{
	struct seen *seen = arg;

	(void)sub;
	seen->count++;
	snprintf(seen->last, sizeof(seen->last), "%s %s", event->name, event->state);
	if (event->has_exit_code)
		seen->exit_code = event->exit_code;
}

static void events(void)
{
	const char *const names[] = { "e*", NULL };
	struct seen one = { 0 }, two = { 0 };
	struct porto_subscription *first, *second;
	struct pollfd pfd = { .fd = porto_fd(conn), .events = POLLIN };

	CHECK(pfd.fd >= 0);
	CHECK(porto_subscribe(conn, names, NULL, NULL, PORTO_FOREVER, on_event, &one, &first) == 0);
	CHECK(porto_subscribe(conn, names, NULL, "dead", PORTO_FOREVER, on_event, &two, &second) ==
	      0);
	CHECK(porto_create(conn, "e1") == 0);
	CHECK(porto_set_property(conn, "e1", "command", "sh -c 'exit 3'") == 0);
	CHECK(porto_start(conn, "e1") == 0);
	CHECK(one.count == 0); /* only dispatch runs callbacks */
	while (strcmp(one.last, "e1 dead") || !two.count) {
		CHECK(poll(&pfd, 1, 20000) == 1);
		CHECK(porto_dispatch(conn, NULL) == 0);
	}
	CHECK(one.count >= 3 && one.exit_code == 3);
	CHECK(two.count == 1 && !strcmp(two.last, "e1 dead"));
	CHECK(!porto_subscription_active(second));
	CHECK(porto_subscription_active(first));
	porto_unsubscribe(second);
	porto_unsubscribe(first);
	CHECK(porto_destroy(conn, "e1") == 0);
	CHECK(porto_dispatch_wait(conn, 50, NULL) == PORTO_E_SOCKET_TIMEOUT);
	step("events");
}

/* Signals and ends beyond Porto's, and processes. */
static void processes(void)
{
	const char *const names[] = { "p", NULL };
	struct porto_event *event;
	char *text;
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	CHECK(porto_create(conn, "p") == 0);
	CHECK(porto_set_property(conn, "p", "isolate", "false") == 0);
	CHECK(porto_set_property(conn, "p", "command", "sleep 1000") == 0);
	CHECK(porto_kill_all(conn, "p", 9) == PORTO_E_INVALID_STATE);
	CHECK(porto_stop_keep(conn, "p", 0) == 0);
	CHECK(porto_start(conn, "p") == 0);
	CHECK(porto_attach_process(conn, "p", (uint32_t)pid, "wrong") == PORTO_E_INVALID_VALUE);
	CHECK(porto_attach_process(conn, "p", (uint32_t)pid, NULL) == 0);
	CHECK(porto_attach_thread(conn, "p", (uint32_t)pid, NULL) == PORTO_E_PERMISSION);
	CHECK(porto_locate_process(conn, (uint32_t)pid, NULL, &text) == 0);
	CHECK(!strcmp(text, "p"));
	porto_free_string(text);
	CHECK(porto_kill_all(conn, "p", 0) == 0);
	CHECK(porto_kill_all(conn, "p", 15) == 0);
	CHECK(porto_wait(conn, names, NULL, 20000, &event) == 0);
	CHECK(!strcmp(event->state, "dead"));
	porto_free_event(event);
	CHECK(waitpid(pid, NULL, 0) == pid);
	CHECK(porto_respawn(conn, "p") == 0);
	CHECK(porto_stop_keep(conn, "p", 10000) == 0);
	CHECK(porto_stop_keep(conn, "p", 10000) == 0);
	CHECK(porto_get_property(conn, "p", "exit_code", 0, &text) == 0);
	CHECK(!strcmp(text, "-15"));
	porto_free_string(text);
	CHECK(porto_stop(conn, "p", 0) == 0);
	CHECK(porto_set_property(conn, "p", "root", "/srv/x") == 0);
	CHECK(porto_convert_path(conn, "/a", "p", NULL, &text) == 0);
	CHECK(!strcmp(text, "/srv/x/a"));
	porto_free_string(text);
	CHECK(porto_convert_path(conn, "/a", NULL, "p", &text) == PORTO_E_INVALID_VALUE);
	CHECK(porto_destroy(conn, "p") == 0);
	step("processes");
}

static void *thread(void *arg)
{
	struct porto_conn *own = porto_open(NULL);
	char name[32];

	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "t%d-%d", (int)(long)arg, i);
		if (porto_create(own, name) || porto_destroy(own, name)) {
			porto_close(own);
			return (void *)1;
		}
	}
	porto_close(own);
	return NULL;
}

static void threads(void)
{
	pthread_t ids[4];
	void *result;

	for (long i = 0; i < 4; i++)
		pthread_create(&ids[i], NULL, thread, (void *)i);
	for (int i = 0; i < 4; i++) {
		pthread_join(ids[i], &result);
		CHECK(result == NULL);
	}
	step("threads");
}

static void *canceller(void *arg)
{
	usleep(200000);
	porto_cancel(arg);
	return NULL;
}

static void cancel(void)
{
	const char *const names[] = { "x", NULL };
	struct porto_event *event;
	pthread_t id;

	CHECK(porto_create(conn, "x") == 0);
	CHECK(porto_set_property(conn, "x", "command", "sleep 1000") == 0);
	CHECK(porto_start(conn, "x") == 0);
	pthread_create(&id, NULL, canceller, conn);
	CHECK(porto_wait(conn, names, NULL, PORTO_FOREVER, &event) == PORTO_E_SOCKET_ERROR);
	CHECK(porto_last_error(conn)->local);
	pthread_join(id, NULL);
	CHECK(porto_destroy(conn, "x") == 0);
	step("cancel");
}

static void forking(void)
{
	int status;
	pid_t pid;

	CHECK(porto_create_weak(conn, "parents") == 0);
	pid = fork();
	if (pid == 0) {
		/* A connection of its own; the parent's weak container stays. */
		_exit(porto_version(conn, NULL, NULL) == 0 ? 0 : 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(porto_set_property(conn, "parents", "private", "x") == 0);
	CHECK(porto_destroy(conn, "parents") == 0);
	step("fork");
}

/* The driver kills the server between "ready" and our next line of input. */
static void restart(void)
{
	const char *const names[] = { "r", NULL };
	struct seen seen = { 0 };
	struct porto_subscription *sub;
	char line[16];

	CHECK(porto_create(conn, "r") == 0);
	CHECK(porto_subscribe(conn, names, NULL, NULL, PORTO_FOREVER, on_event, &seen, &sub) == 0);
	CHECK(porto_dispatch_wait(conn, 5000, NULL) == 0);
	step("ready");
	CHECK(fgets(line, sizeof(line), stdin) != NULL);
	/* Safe to repeat: works at once. */
	CHECK(porto_version(conn, NULL, NULL) == 0);
	CHECK(porto_set_property(conn, "r", "private", "again") == 0);
	CHECK(porto_start(conn, "r") == 0);
	for (int i = 0; i < 100 && strcmp(seen.last, "r meta"); i++)
		porto_dispatch_wait(conn, 200, NULL);
	CHECK(!strcmp(seen.last, "r meta"));
	porto_unsubscribe(sub);
	CHECK(porto_destroy(conn, "r") == 0);
	step("restart");
}

static void local_errors(void)
{
	struct porto_conn *other = porto_open("/no/such/socket");

	CHECK(other);
	porto_set_connect_timeout(other, 0);
	CHECK(porto_version(other, NULL, NULL) == PORTO_E_SOCKET_UNAVAILABLE);
	CHECK(porto_last_error(other)->local);
	CHECK(strstr(porto_last_error(other)->message, "/no/such/socket"));
	porto_close(other);
	CHECK(!strcmp(porto_error_name(7), "InvalidValue"));
	CHECK(porto_error_code("Busy") == PORTO_E_BUSY);
	CHECK(!porto_error_name(123456));
	porto_close(NULL);
	step("local errors");
}

int main(void)
{
	conn = porto_open(NULL);
	CHECK(conn);
	life();
	specs();
	reading();
	labels();
	events();
	processes();
	threads();
	cancel();
	forking();
	local_errors();
	restart();
	porto_close(conn);
	return 0;
}
