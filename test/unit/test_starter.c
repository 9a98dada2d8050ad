/* SPDX-License-Identifier: Apache-2.0 */
/* The starter on the running kernel: life, death, streams and failures. Needs root. */
#include "starter_fixture.h"

/* ---- life and death ---- */

static void a_command_runs(void **state)
{
	struct box *b = box_new("/bin/true");

	(void)state;
	assert_int_equal(box_run(b), 0);
	assert_int_equal(b->res.main_vpid, 2);
	assert_int_not_equal(b->res.main_pid, b->res.wait_pid);
	assert_int_equal(b->record.wait_pid, b->res.wait_pid);
	assert_int_equal(b->record.main_pid, b->res.main_pid);
	assert_int_equal(b->record.main_vpid, 2);
	assert_true(b->record.wait_starttime == b->res.wait_starttime);
	assert_true(b->record.main_starttime >= b->res.wait_starttime);
	assert_int_equal(b->record.have_status, 1);
	assert_int_equal(b->record.status, 0);
	box_free(b);
}

static void exit_codes_are_exact(void **state)
{
	char command[64];

	(void)state;
	for (int code = 0; code < 256; code++) {
		struct box *b;

		snprintf(command, sizeof(command), "sh -c \"exit %d\"", code);
		b = box_new(command);
		b->spec.init = code % 4 != 3;
		assert_int_equal(box_run(b), code << 8);
		assert_int_equal(b->record.have_status, b->spec.init);
		assert_int_equal(b->record.status, b->spec.init ? code << 8 : 0);
		box_free(b);
	}
}

static void signals_are_exact(void **state)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		int sig = signals[i];
		auto_free char *command = xasprintf("sh -c 'kill -%d $$'", sig);
		struct box *b = box_new(command);

		/* An init cannot kill itself ... */
		assert_int_equal(box_run(b), (128 + sig) << 8);
		assert_int_equal(b->record.status, sig);
		box_free(b);
		/* ... a sub-reaper can. */
		b = box_new(command);
		b->spec.ns[NS_PID].mode = NS_KEEP;
		assert_int_equal(box_run(b), sig);
		assert_int_equal(b->record.status, sig);
		box_free(b);
	}
}

static void portoinit_forwards_signals(void **state)
{
	struct box *b =
		box_new("sh -c 'trap \"exit 7\" TERM; echo ready; while :; do sleep 0.01; done'");

	(void)state;
	assert_int_equal(box_start(b), 0);
	do {
		b->output[0] = '\0';
		fd_read_small(AT_FDCWD, t.output, b->output, sizeof(b->output));
		usleep(1000);
	} while (!*b->output);
	kill(b->res.wait_pid, SIGTERM);
	assert_int_equal(waitpid(b->res.wait_pid, &b->record.status, 0), b->res.wait_pid);
	assert_int_equal(b->record.status, 7 << 8);
	box_free(b);
}

static void orphans_are_reaped_and_do_not_keep_it_alive(void **state)
{
	(void)state;
	check_output("sh -c '(sleep 100 &) ; (true &) ; sleep 0.05; echo done'", "done\n");
}

/* ---- streams ---- */

static void streams_go_where_they_should(void **state)
{
	auto_free char *inside = xasprintf("%s/bin/out", t.root);
	struct box *b = chroot_box("/bin/sh -c 'cat; echo err >&2'");
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "in\n", 3), 3);
	close(fds[1]);
	b->spec.streams[0] = (struct stream_spec){ .kind = STREAM_FD, .fd = fds[0] };
	b->spec.streams[1] = (struct stream_spec){ .kind = STREAM_INSIDE, .path = "out" };
	b->spec.cwd = "/bin";
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, "err\n");
	assert_int_equal(fd_read_small(AT_FDCWD, inside, b->output, sizeof(b->output)), 3);
	assert_string_equal(b->output, "in\n");
	unlink(inside);
	close(fds[0]);
	box_free(b);
}

static void a_respawn_appends(void **state)
{
	struct box *b = box_new("echo once");

	(void)state;
	assert_int_equal(box_run(b), 0);
	b->spec.keep_workdir = true;
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, "once\nonce\n");
	b->spec.keep_workdir = false;
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, "once\n");
	box_free(b);
}

static void traps_in_the_work_directory_are_refused(void **state)
{
	struct box *b = box_new("echo x");

	(void)state;
	assert_int_equal(box_run(b), 0);
	b->spec.keep_workdir = true;
	unlink(t.output);
	assert_int_equal(symlink("/etc/porto-test-never", t.output), 0);
	assert_int_equal(box_start(b), -1);
	assert_int_equal(b->err.code, ERR_INVALID_VALUE);
	assert_int_equal(access("/etc/porto-test-never", F_OK), -1);
	unlink(t.output);
	assert_int_equal(mkfifo(t.output, 0666), 0);
	box_fails(b, ERR_INVALID_VALUE, "open stdout");
}

/* ---- failing steps ---- */

static void failures_name_step_and_object(void **state)
{
	struct idmap_range ranges[] = { { 0, 0, 1 }, { 0, 1, 1 } };
	const struct idmap twice = { .v = ranges, .n = 2 };
	static const char long_name[] = "a-name-that-is-much-longer-than-the-sixty-four-characters-"
					"which-the-kernel-has-room-for";
	char source[] = "/no/such/source", target[] = "/tmp";
	struct bind_mount bind = { source, target, 0 };
	struct strv argv = STRV_INIT;
	struct box *b;

	(void)state;
	b = box_new("/bin/true");
	b->layout.root = "/no/such/dir";
	box_fails(b, ERR_INVALID_PATH, "open root /no/such/dir");
	b = box_new("/bin/true");
	b->spec.cwd = "/x/y";
	box_fails(b, ERR_INVALID_PATH, "chdir /x/y");
	box_fails(box_new("/bin/nope"), ERR_INVALID_COMMAND, "exec /bin/nope");
	box_fails(box_new(t.plain_file), ERR_INVALID_COMMAND, "exec /tmp/porto-st-");
	box_fails(box_new("echo $(id)"), ERR_INVALID_COMMAND, "expand command");
	box_fails(box_new("$EMPTY"), ERR_INVALID_COMMAND, "undefined variable");
	box_fails(box_new("  "), ERR_INVALID_COMMAND, "empty");
	strv_add(&argv, "");
	b = box_new("x");
	b->spec.argv = &argv;
	box_fails(b, ERR_INVALID_COMMAND, "empty");
	b = box_new("/bin/true");
	b->spec.hostname = long_name;
	box_fails(b, ERR_INVALID_VALUE, "set hostname");
	b = box_new("/bin/true");
	b->spec.hostname = "x";
	b->spec.ns[NS_UTS].mode = NS_KEEP;
	box_fails(b, ERR_INVALID_VALUE, "the host's");
	b = box_new("/bin/true");
	b->layout.binds = &bind;
	b->layout.nbinds = 1;
	box_fails(b, ERR_INVALID_PATH, "/no/such/source");
	b = box_new("/bin/true");
	b->spec.streams[0] = (struct stream_spec){ .kind = STREAM_INSIDE, .path = "/no/in" };
	box_fails(b, ERR_INVALID_VALUE, "open stdin /no/in");
	b = box_new("/bin/true");
	b->spec.streams[2] = (struct stream_spec){ .kind = STREAM_FD, .fd = 999 };
	box_fails(b, ERR_INVALID_VALUE, "open stderr");
	b = box_new("/bin/true");
	b->spec.portoinit = "/no/portoinit";
	box_fails(b, ERR_UNKNOWN, "/no/portoinit");
	b = box_new("/bin/true");
	b->spec.portoinit = t.plain_file;
	box_fails(b, ERR_PERMISSION, "exec /tmp/porto-st-");
	b = box_new("/bin/true");
	b->spec.ns[NS_NET] = (struct ns_choice){ .mode = NS_AT_PATH, .path = "/no/netns" };
	box_fails(b, ERR_INVALID_VALUE, "open net namespace /no/netns");
	b = box_new("/bin/true");
	b->spec.ns[NS_USER].mode = NS_NEW;
	b->spec.uid_map = b->spec.gid_map = &twice;
	box_fails(b, ERR_INVALID_VALUE, "write uid_map '0 0 1\n0 1 1'");
	b = box_new("/bin/true");
	b->spec.record_path = "/no/record";
	box_fails(b, ERR_UNKNOWN, "task record /no/record");
	strv_deinit(&argv);
}

static void failures_without_portoinit_or_pid_namespace(void **state)
{
	struct box *b;

	(void)state;
	for (int i = 0; i < 4; i++) {
		b = box_new(i & 1 ? "'/bin/nope'" : "/bin/nope"); /* forked or sharing memory */
		b->spec.init = i & 2;
		b->spec.ns[NS_PID].mode = NS_KEEP;
		box_fails(b, ERR_INVALID_COMMAND, "exec /bin/nope");
	}
}

static void a_fifo_without_reader_does_not_block(void **state)
{
	auto_free char *fifo = xasprintf("%s/fifo", t.dir);
	struct box *b = box_new("echo x");

	(void)state;
	assert_int_equal(mkfifo(fifo, 0666), 0);
	b->spec.streams[1] = (struct stream_spec){ .kind = STREAM_INSIDE, .path = fifo };
	box_fails(b, ERR_INVALID_VALUE, "open stdout");
	unlink(fifo);
}

/* Whatever instant the starter is killed at: a whole container, or nothing. */
static void a_killed_starter_takes_all_with_it(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		struct box *b = box_new(i & 1 ? "sleep 100" : "'sleep' 100");
		int fds[2], status;
		pid_t pid;

		b->spec.init = i % 3;
		layout_build(&b->layout, &b->plan);
		b->spec.plan = &b->plan;
		if (i & 4)
			b->spec.ns[NS_PID].mode = NS_KEEP;
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid = fork_starter(b, fds[1]);
		close(fds[1]);
		close(fds[0]);
		usleep((useconds_t)i * 100);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		if (task_record_read(t.record, &b->record) < 0)
			memset(&b->record, 0, sizeof(b->record));
		/* What was released runs on, and a record tells of it: the server clears it up. */
		if (b->record.wait_pid)
			cgroup_kill(t.host, &b->spec.cgroup, SIGKILL, true, &b->err);
		if (cgroup_wait_empty(t.host, &b->spec.cgroup, true, 10000, &b->err) < 0)
			fail_msg("round %d: %s", i, b->err.text);
		while (waitpid(-1, NULL, 0) > 0)
			;
		box_free(b);
	}
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_runs),
		cmocka_unit_test(exit_codes_are_exact),
		cmocka_unit_test(signals_are_exact),
		cmocka_unit_test(portoinit_forwards_signals),
		cmocka_unit_test(orphans_are_reaped_and_do_not_keep_it_alive),
		cmocka_unit_test(streams_go_where_they_should),
		cmocka_unit_test(a_respawn_appends),
		cmocka_unit_test(traps_in_the_work_directory_are_refused),
		cmocka_unit_test(failures_name_step_and_object),
		cmocka_unit_test(failures_without_portoinit_or_pid_namespace),
		cmocka_unit_test(a_fifo_without_reader_does_not_block),
		cmocka_unit_test(a_killed_starter_takes_all_with_it),
	};

	(void)argc;
	return run_boxes("starter", tests, ARRAY_SIZE(tests), argv);
}
