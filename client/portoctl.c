/* SPDX-License-Identifier: Apache-2.0 */
/* portoctl: the table of commands, global options, plug-ins. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl.h"

#define PLUGIN_DIR "/usr/lib/porto"

/* ---- The table ---- */

#define OPTIONS_END                 \
	{                           \
		0, NULL, NULL, NULL \
	}
#define OPTION_JSON                                  \
	{                                            \
		OPT_JSON, "json", NULL, "print JSON" \
	}

static const struct option_row apply_options[] = {
	{ 's', "start", NULL, "start the containers, unless they run" },
	OPTIONS_END,
};
static const struct option_row attach_options[] = {
	{ 't', "thread", NULL, "only this thread" },
	OPTIONS_END,
};
static const struct option_row convert_options[] = {
	{ 's', "source", "CT", "the container that knows the path, default: ours" },
	{ 'd', "destination", "CT", "the container to express it for, default: ours" },
	OPTIONS_END,
};
static const struct option_row exec_options[] = {
	{ 'C', "keep", NULL, "keep the container afterwards" },
	{ 'T', "no-tty", NULL, "no terminal: the container uses our descriptors" },
	{ 'L', "layer", "LAYER", "layer of a root volume (not supported yet)" },
	{ OPT_DETACH_KEYS, "detach-keys", "KEYS", "keys that leave, default ctrl-x,ctrl-x" },
	OPTIONS_END,
};
static const struct option_row find_label_options[] = {
	{ 's', "state", "STATE", "only containers in this state" },
	OPTIONS_END,
};
static const struct option_row get_options[] = {
	{ 'n', "nonblock", NULL, "do not wait for busy containers" },
	{ 's', "sync", NULL, "refresh cached counters first" },
	{ 'r', "real", NULL, "leave out defaults and inherited values" },
	OPTION_JSON,
	OPTIONS_END,
};
static const struct option_row kill_options[] = {
	{ 'a', "all", NULL, "to every process of the container" },
	OPTIONS_END,
};
static const struct option_row label_options[] = {
	{ OPT_PREV, "prev", "VALUE", "only if this is the present value; empty: if not set" },
	{ 's', "state", "STATE", "only if the container is in this state" },
	{ 'i', "inc", "N", "add N to the number in the label, print the sum" },
	OPTIONS_END,
};
static const struct option_row list_options[] = {
	{ '1', "names", NULL, "names only" },
	{ 'f', "forest", NULL, "show the tree" },
	{ 'r', "running", NULL, "only running containers" },
	{ 't', "toplevel", NULL, "only first level containers" },
	{ 'L', "label", "LABEL[=VALUE]", "only containers with this label" },
	OPTION_JSON,
	OPTIONS_END,
};
static const struct option_row pget_options[] = {
	{ 's', "sync", NULL, "refresh cached counters first" },
	{ 'k', "keys", NULL, "print names too" },
	OPTIONS_END,
};
static const struct option_row run_options[] = {
	{ 'L', "layer", "LAYER", "layer of a root volume (not supported yet)" },
	{ 'W', "wait", NULL, "wait for its end, exit with its status" },
	OPTIONS_END,
};
static const struct option_row spec_options[] = {
	{ 'p', "property", "PROP", "only this property; may be repeated" },
	{ 'S', "status", NULL, "what can only be read, too" },
	OPTIONS_END,
};
static const struct option_row shell_options[] = {
	{ 'u', "user", "USER", "as this user, with its group" },
	{ 'g', "group", "GROUP", "with this group" },
	{ 'T', "no-tty", NULL, "no terminal: the command uses our descriptors" },
	{ OPT_DETACH_KEYS, "detach-keys", "KEYS", "keys that leave, default ctrl-x,ctrl-x" },
	OPTIONS_END,
};
static const struct option_row stop_options[] = {
	{ 'T', "timeout", "SEC", "time between SIGTERM and SIGKILL; 0 kills at once" },
	{ 'k', "keep", NULL, "keep the record: state dead, with exit status" },
	OPTIONS_END,
};
static const struct option_row wait_options[] = {
	{ 'T', "timeout", "SEC", "give up after that time, exit with 124" },
	{ 't', "timeout-ms", "MSEC", "the same in milliseconds" },
	{ 'L', "label", "LABEL", "wait for a label (name or mask) too; may be repeated" },
	{ 'A', "async", NULL, "print every change until the time is over" },
	{ 'S', "state", "STATE", "wait until one container reaches this state" },
	OPTIONS_END,
};

const struct command commands[] = {
	{ "apply", "[-s] FILE…",
	  "create or change containers as the files say, each as a whole or not at all", 1, -1, 0,
	  apply_options, cmd_apply },
	{ "attach", "[-t] CT PID [COMM]", "move a process into a container below its own", 2, 3, 0,
	  attach_options, cmd_attach },
	{ "convert", "[-s CT] [-d CT] PATH", "tell what a path is called in another container", 1,
	  1, 0, convert_options, cmd_convert },
	{ "create", "CT…", "create containers", 1, -1, 0, NULL, cmd_create },
	{ "destroy", "CT…", "destroy containers and all below them", 1, -1, 0, NULL, cmd_destroy },
	{ "dget", "[-s] [-k] CT PROP…", "get properties by the old data call", 2, -1, 0,
	  pget_options, cmd_dget },
	{ "enter", "[-u USER] [-g GROUP] [-T] CT [CMD ARG…]",
	  "run a command, default a shell, in a container and in its groups", 1, -1, CMD_LITERAL,
	  shell_options, cmd_enter },
	{ "exec", "[-C] [-T] CT [PROP=VALUE…]",
	  "create a container, run a command in it attached to this terminal, destroy it", 1, -1, 0,
	  exec_options, cmd_exec },
	{ "find", "PID [COMM]", "find the container of a process", 1, 2, 0, NULL, cmd_find },
	{ "find-label", "[-s STATE] LABEL[=VALUE] [MASK]", "find containers by label", 1, 2, 0,
	  find_label_options, cmd_find_label },
	{ "gc", "", "destroy all dead containers", 0, 0, 0, NULL, cmd_gc },
	{ "get", "[-n] [-s] [-r] [--json] CT [PROP…] | [CT|MASK…] -- [PROP…]",
	  "get all or some properties of one or more containers", 0, -1, 0, get_options, cmd_get },
	{ "help", "[COMMAND]", "print help", 0, 1, 0, NULL, cmd_help },
	{ "kill", "[-a] CT [SIGNAL]", "send a signal to the main process, default SIGTERM", 1, 2,
	  CMD_LITERAL, kill_options, cmd_kill },
	{ "label", "[--prev VALUE] [-s STATE] [-i N] CT [LABEL[=VALUE]…]",
	  "show, set, or count in labels; an empty value removes a label", 1, -1, 0, label_options,
	  cmd_label },
	{ "list", "[-1] [-f] [-r] [-t] [-L LABEL[=VALUE]] [--json] [MASK]", "list containers", 0, 1,
	  0, list_options, cmd_list },
	{ "pause", "CT…", "freeze containers", 1, -1, 0, NULL, cmd_pause },
	{ "pget", "[-s] [-k] CT PROP…", "get properties one by one, raw", 2, -1, 0, pget_options,
	  cmd_pget },
	{ "raw", "TEXT…", "send a request in protobuf's text format, print the reply", 1, -1,
	  CMD_LITERAL, NULL, cmd_raw },
	{ "respawn", "CT…", "start dead containers again", 1, -1, 0, NULL, cmd_respawn },
	{ "restart", "CT…", "stop and start containers", 1, -1, 0, NULL, cmd_restart },
	{ "resume", "CT…", "unfreeze containers", 1, -1, 0, NULL, cmd_resume },
	{ "run", "[-W] CT [PROP=VALUE…]", "create a container, configure and start it", 1, -1, 0,
	  run_options, cmd_run },
	{ "set", "CT PROP=VALUE | CT PROP VALUE…", "set a property", 2, -1, CMD_LITERAL, NULL,
	  cmd_set },
	{ "shell", "[-u USER] [-g GROUP] [-T] CT [CMD ARG…]",
	  "run a command, default a shell, in a container, with groups of its own", 1, -1,
	  CMD_LITERAL, shell_options, cmd_shell },
	{ "sort", "[MASK… --] [PROP…]", "list containers sorted by properties", 0, -1, 0, NULL,
	  cmd_sort },
	{ "spec", "[-S] [-p PROP]… CT|MASK…", "print containers as files for apply", 1, -1, 0,
	  spec_options, cmd_spec },
	{ "start", "CT…", "start containers", 1, -1, 0, NULL, cmd_start },
	{ "stop", "[-T SEC] [-k] CT…", "stop containers", 1, -1, 0, stop_options, cmd_stop },
	{ "version", "", "print versions of client and server", 0, 0, 0, NULL, cmd_version },
	{ "wait", "[-T SEC] [-t MSEC] [-L LABEL]… [-A] [-S STATE] CT|MASK…",
	  "wait until a container stops or dies", 0, -1, 0, wait_options, cmd_wait },
	{ "__hold", "", "keep a terminal open", 0, 0, CMD_HIDDEN, NULL, cmd_hold },
	{ 0 },
};

const struct option_row global_options[] = {
	{ 't', "timeout", "SEC", "time for a request, default 300; 0 = no limit" },
	{ OPT_DISK_TIMEOUT, "disk-timeout", "SEC", "extra time for disk operations, default 900" },
	{ OPT_CONNECT_TIMEOUT, "connect-timeout", "SEC", "wait for the daemon, default 0" },
	{ OPT_SOCKET, "socket", "PATH",
	  "daemon's socket, default $PORTO_SOCKET or " PORTO_SOCKET_PATH },
	{ 'h', "help", NULL, "print this help" },
	{ 'v', "version", NULL, "print versions" },
	OPTIONS_END,
};

const struct command *command_find(const char *name)
{
	const struct command *cmd;

	for (cmd = commands; cmd->name; cmd++)
		if (strcmp(cmd->name, name) == 0)
			return cmd;
	return NULL;
}

/* ---- Unknown commands ---- */

void plugin_exec(struct ctl *ctl, const char *name, char **argv)
{
	char *path;

	/* Only names: a path would escape from the directory. */
	if (strchr(name, '/'))
		return;
	path = xasprintf("%s/portoctl-%s", PLUGIN_DIR, name);
	execv(path, argv);
	free(path);
	path = xasprintf("%s-%s", ctl->argv0, name);
	execvp(path, argv);
	free(path);
}

/* Letters to change, add or drop to make b of a; words longer than the table are far off. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[32], n = strlen(b), i, k, diagonal, old;

	if (n >= ARRAY_SIZE(row))
		return n;
	for (k = 0; k <= n; k++)
		row[k] = k;
	for (i = 1; a[i - 1]; i++) {
		diagonal = row[0];
		row[0] = i;
		for (k = 1; k <= n; k++) {
			old = row[k];
			row[k] = diagonal + (a[i - 1] != b[k - 1]);
			if (old + 1 < row[k])
				row[k] = old + 1;
			if (row[k - 1] + 1 < row[k])
				row[k] = row[k - 1] + 1;
			diagonal = old;
		}
	}
	return row[n];
}

static int unknown_command(const char *name)
{
	const struct command *cmd, *best = NULL;
	size_t distance, least = 3;

	for (cmd = commands; cmd->name; cmd++) {
		if (cmd->flags & CMD_HIDDEN)
			continue;
		distance = edit_distance(name, cmd->name);
		if (distance < least && distance < strlen(name)) {
			least = distance;
			best = cmd;
		}
	}
	fprintf(stderr, "Invalid command: %s\n", name);
	if (best)
		fprintf(stderr, "Did you mean '%s'?\n", best->name);
	else
		fputs("Try 'portoctl help'.\n", stderr);
	return 1;
}

/* ---- Running one ---- */

static int run_command(struct ctl *ctl, const struct command *cmd, int argc, char **argv)
{
	struct args args;
	int status;

	if (!args_parse(&args, argc, argv, cmd->options, cmd->flags & CMD_LITERAL)) {
		fprintf(stderr, "Try 'portoctl help %s'.\n", cmd->name);
		status = 1;
	} else if (args_has(&args, OPT_HELP)) {
		status = command_usage(cmd, 0);
	} else if (args.count < cmd->min_words ||
		   (cmd->max_words >= 0 && args.count > cmd->max_words)) {
		status = command_usage(cmd, 1);
	} else {
		status = cmd->run(ctl, &args);
	}
	args_free(&args);
	return status;
}

static bool apply_globals(struct ctl *ctl, const struct args *args)
{
	int64_t timeout, connect, disk;

	if (!args_time(args, 't', 1000, 300000, &timeout) ||
	    !args_time(args, OPT_CONNECT_TIMEOUT, 1000, 0, &connect) ||
	    !args_time(args, OPT_DISK_TIMEOUT, 1000, 900000, &disk))
		return false;
	ctl->conn = porto_open(args_value(args, OPT_SOCKET));
	if (!ctl->conn) {
		perror("portoctl");
		return false;
	}
	porto_set_timeout(ctl->conn, timeout == 0 ? PORTO_FOREVER : timeout);
	/* Without a daemon a person wants to know at once. */
	porto_set_connect_timeout(ctl->conn, connect);
	return true;
}

static int run(struct ctl *ctl, const struct args *globals, char **argv)
{
	const struct command *cmd;

	if (!apply_globals(ctl, globals))
		return 1;
	if (args_has(globals, OPT_HELP))
		return help_full(ctl, 0);
	if (args_has(globals, 'v'))
		return cmd_version(ctl, globals);
	if (globals->count == 0)
		return help_full(ctl, 1);
	cmd = command_find(globals->words[0]);
	if (cmd)
		return run_command(ctl, cmd, globals->count - 1, argv + 1);
	/* Plug-ins find the daemon as we do. */
	if (args_has(globals, OPT_SOCKET))
		setenv("PORTO_SOCKET", args_value(globals, OPT_SOCKET), 1);
	plugin_exec(ctl, globals->words[0], argv);
	return unknown_command(globals->words[0]);
}

/* Nothing we open may become somebody's standard stream. */
static void open_standard_streams(void)
{
	int fd;

	for (;;) {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0 || fd > STDERR_FILENO)
			break;
		/* A plug-in is to have it too. */
		fcntl(fd, F_SETFD, 0);
	}
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .argv0 = argc > 0 ? argv[0] : "portoctl" };
	struct args globals;
	int status = 1;

	open_standard_streams();
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (args_parse(&globals, argc > 0 ? argc - 1 : 0, argv + 1, global_options, true))
		status = run(&ctl, &globals, argv + 1 + globals.used);
	else
		fputs("Try 'portoctl help'.\n", stderr);
	args_free(&globals);
	porto_close(ctl.conn);
	if (fflush(stdout) != 0 && status == 0) {
		perror("portoctl: write");
		status = 1;
	}
	return status;
}
