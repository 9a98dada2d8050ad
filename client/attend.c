/* SPDX-License-Identifier: Apache-2.0 */
#include "client/attend.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/term.h"

static void set_stream(struct settings *s, const char *key, int fd)
{
	char *path = xasprintf("/dev/fd/%d", fd);

	settings_default(s, key, path);
	free(path);
}

/* The user's own descriptors, or both ends of a pseudo terminal. 0 or -errno. */
static int prepare_streams(struct settings *s, bool pty, int *ret_master, int *ret_slave)
{
	const char *term = getenv("TERM");
	char *variable;
	int r;

	*ret_master = *ret_slave = -1;
	if (pty) {
		r = pty_open(STDIN_FILENO, ret_master, ret_slave);
		if (r < 0)
			return r;
		variable = xasprintf("TERM=%s", term && *term ? term : "xterm");
		settings_env(s, variable);
		free(variable);
	}
	set_stream(s, "stderr_path", pty ? *ret_slave : STDERR_FILENO);
	set_stream(s, "stdout_path", pty ? *ret_slave : STDOUT_FILENO);
	set_stream(s, "stdin_path", pty ? *ret_slave : STDIN_FILENO);
	return 0;
}

static int report(const struct session_result *result)
{
	switch (result->end) {
	case SESSION_DEAD:
		return verdict_report(&result->verdict);
	case SESSION_STOPPED:
		fputs("Container was stopped\n", stderr);
		return 1;
	case SESSION_SIGNAL:
		return 128 + result->signal;
	case SESSION_DETACHED:
		fputs("<exit portoctl>\n", stdout);
		return 0;
	case SESSION_LOST:
	default:
		fputs("Connection to the daemon was lost, and the container with it\n", stderr);
		return 1;
	}
}

/* A weak container would die with our connection anyway; this way its name is free at once. */
static void clean_up(struct ctl *ctl, const char *name, bool keep)
{
	if (!keep && porto_destroy(ctl->conn, name) != 0 &&
	    porto_last_error(ctl->conn)->code != PORTO_E_CONTAINER_DOES_NOT_EXIST &&
	    porto_last_error(ctl->conn)->code != PORTO_E_SOCKET_UNAVAILABLE)
		ctl_error(ctl, "Can't destroy container");
}

/*
 * The container lives on after we left, and its terminal must too, or it is hung up: another
 * process of ours (cmd_hold) keeps the other end open and reads what is written there.
 */
static void leave_terminal(const struct ctl *ctl, int master)
{
	char *argv[] = { (char *)ctl->argv0, (char *)"__hold", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	pid_t pid;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, master, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	r = posix_spawn(&pid, "/proc/self/exe", &actions, &attr, argv, environ);
	if (r != 0)
		fprintf(stderr, "portoctl: keep terminal open: %s\n", strerror(r));
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
}

int cmd_hold(struct ctl *ctl, const struct args *args)
{
	struct pollfd fds = { .fd = STDIN_FILENO, .events = POLLIN };
	char buf[4096];
	ssize_t n;

	(void)ctl;
	(void)args;
	do {
		if (poll(&fds, 1, -1) < 0 && errno != EINTR)
			return 1;
		n = read(STDIN_FILENO, buf, sizeof(buf));
	} while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	return 0;
}

bool attend_parse(const struct args *args, struct attend_options *ret)
{
	const char *text = args_value(args, OPT_DETACH_KEYS);

	*ret = (struct attend_options){
		.no_tty = args_has(args, 'T'),
		.keep = args_has(args, 'C'),
	};
	if (detach_keys_parse(text ? text : DEFAULT_DETACH_KEYS, &ret->keys))
		return true;
	fprintf(stderr, "portoctl: bad detach keys '%s'\n", text);
	return false;
}

int attend(struct ctl *ctl, const char *name, struct settings *s, const struct attend_options *o)
{
	bool pty = !o->no_tty && isatty(STDIN_FILENO), keep = o->keep;
	struct session_result result;
	int master, slave, status, r;

	r = prepare_streams(s, pty, &master, &slave);
	if (r < 0) {
		fprintf(stderr, "%s: Unknown:(%s: open terminal)\n", LAUNCH_PREFIX, strerror(-r));
		return 1;
	}
	status = launch(ctl, name, s, true);
	/* The container has its own by now; the last one to close it ends the output. */
	if (slave >= 0)
		close(slave);
	if (status != 0) {
		if (master >= 0)
			close(master);
		return status;
	}
	/* Weak until here: had we been killed before, nothing would be left behind. */
	if (keep && porto_set_property(ctl->conn, name, "weak", "false") != 0)
		ctl_error(ctl, "Can't keep container");
	result = session_run(ctl, name, master, &o->keys);
	if (master >= 0 && keep && (result.end == SESSION_DETACHED || result.end == SESSION_SIGNAL))
		leave_terminal(ctl, master);
	if (master >= 0)
		close(master);
	clean_up(ctl, name, keep);
	return report(&result);
}
