/* SPDX-License-Identifier: Apache-2.0 */
/*
 * portoctl: what its commands share. Uses libporto through its public header only.
 *
 * A command is one row of the table in portoctl.c; help, option parsing and usage errors come from
 * that row. Its handler returns the exit status of the program. Everything here may block, and
 * memory that runs out ends the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/libporto.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit status when a wait was over before anything happened; as timeout(1). */
#define EXIT_TIMEOUT  124

struct ctl {
	struct porto_conn *conn;
	const char *argv0;
};

/* ---- Options ---- */

/* Ids of options without a letter. */
enum {
	OPT_HELP = 'h',
	OPT_JSON = 256,
	OPT_SOCKET,
	OPT_CONNECT_TIMEOUT,
	OPT_DISK_TIMEOUT,
	OPT_DETACH_KEYS,
	OPT_PREV,
	OPT_MASK,
};

struct option_row {
	int id;           /* the letter of the short form, or one of the above */
	const char *name; /* long form without dashes; NULL = none */
	const char *arg;  /* name of the argument; NULL = none */
	const char *help;
};

struct given {
	int id;
	const char *value;
};

struct args {
	const char **words; /* positionals, NULL-terminated; owned */
	int count;
	int separator;       /* number of words before `--`; -1 if there was none */
	struct given *given; /* options in order; owned */
	int n_given;
	int used; /* arguments consumed, when parsing stopped at a word */
};

struct command;

/*
 * Parse argv[0..argc). Options may stand anywhere before `--`; with `stop_at_word` the first word
 * ends parsing and everything from there on is left alone (args->used). Returns false after a
 * message on stderr. `options` ends with a row of id 0.
 */
bool args_parse(struct args *args, int argc, char **argv, const struct option_row *options,
		bool stop_at_word);
void args_free(struct args *args);
bool args_has(const struct args *args, int id);
/* Value of the last one; NULL if not given. */
const char *args_value(const struct args *args, int id);
/*
 * Value of option `id` in units of `unit_ms` milliseconds, fractions allowed, as milliseconds;
 * `def` if not given. False after a message on stderr.
 */
bool args_time(const struct args *args, int id, int64_t unit_ms, int64_t def, int64_t *ret_ms);

/* ---- Commands ---- */

/* Options before the first word only: what follows are somebody else's words. */
#define CMD_LITERAL 1u
/* Not shown in help. */
#define CMD_HIDDEN  2u

struct command {
	const char *name;
	const char *synopsis;
	const char *description;
	int min_words;
	int max_words; /* -1 = any number */
	unsigned flags;
	const struct option_row *options; /* may be NULL */
	int (*run)(struct ctl *ctl, const struct args *args);
};

extern const struct command commands[];
extern const struct option_row global_options[];
/* NULL if there is none. */
const struct command *command_find(const char *name);
/* Usage of one command: stdout for help, stderr after a mistake. Returns `status`. */
int command_usage(const struct command *cmd, int status);

int cmd_apply(struct ctl *ctl, const struct args *args);
int cmd_attach(struct ctl *ctl, const struct args *args);
int cmd_convert(struct ctl *ctl, const struct args *args);
int cmd_create(struct ctl *ctl, const struct args *args);
int cmd_destroy(struct ctl *ctl, const struct args *args);
int cmd_dget(struct ctl *ctl, const struct args *args);
int cmd_enter(struct ctl *ctl, const struct args *args);
int cmd_exec(struct ctl *ctl, const struct args *args);
int cmd_find(struct ctl *ctl, const struct args *args);
int cmd_find_label(struct ctl *ctl, const struct args *args);
int cmd_gc(struct ctl *ctl, const struct args *args);
int cmd_get(struct ctl *ctl, const struct args *args);
int cmd_help(struct ctl *ctl, const struct args *args);
/* Not for users: reads the terminal of a container that was left. */
int cmd_hold(struct ctl *ctl, const struct args *args);
int cmd_kill(struct ctl *ctl, const struct args *args);
int cmd_label(struct ctl *ctl, const struct args *args);
int cmd_list(struct ctl *ctl, const struct args *args);
int cmd_pause(struct ctl *ctl, const struct args *args);
int cmd_pget(struct ctl *ctl, const struct args *args);
int cmd_raw(struct ctl *ctl, const struct args *args);
int cmd_respawn(struct ctl *ctl, const struct args *args);
int cmd_restart(struct ctl *ctl, const struct args *args);
int cmd_resume(struct ctl *ctl, const struct args *args);
int cmd_run(struct ctl *ctl, const struct args *args);
int cmd_set(struct ctl *ctl, const struct args *args);
int cmd_shell(struct ctl *ctl, const struct args *args);
int cmd_sort(struct ctl *ctl, const struct args *args);
int cmd_spec(struct ctl *ctl, const struct args *args);
int cmd_start(struct ctl *ctl, const struct args *args);
int cmd_stop(struct ctl *ctl, const struct args *args);
int cmd_version(struct ctl *ctl, const struct args *args);
int cmd_wait(struct ctl *ctl, const struct args *args);

/* Help of everything, with the properties the daemon has. Returns `status`. */
int help_full(struct ctl *ctl, int status);
/* `help NAME` for a plug-in: runs it with --help. Does not return if there is one. */
void plugin_exec(struct ctl *ctl, const char *name, char **argv);

/* ---- Errors ---- */

/* "PREFIX: KIND:(TEXT)" of the connection's last error. Returns the exit status for it. */
int ctl_error(struct ctl *ctl, const char *prefix);
/* The same for an error given as a code and its text. */
int ctl_error_code(const char *prefix, int code, const char *message);
int exit_status_of(int code);

/* ---- Helpers (util.c) ---- */

void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool parse_int(const char *text, int64_t *ret); /* whole text, decimal */
/* qsort() and bsearch() of arrays of strings. */
int compare_strings(const void *a, const void *b);
/* Columns of the terminal behind fd, `def` if it is none. */
int terminal_width(int fd, int def);
