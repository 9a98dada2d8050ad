/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: levels, one sink, one line per call. The only static mutable state of the daemon.
 *
 * Line: "YYYY-MM-DD hh:mm:ss.mmm <process>[<pid>]: <TAG> <text>", local time. TAG is ERR, WRN,
 * DBG or three blanks (info and verbose). Control characters of the text are escaped (\n, \xNN), so
 * no value of a client can forge a line. Writing may block on a slow disk like any write(2); there
 * is no buffering, so nothing is lost on SIGKILL. errno is kept.
 * Error = our fault or a broken host; warning = going on without; info = state changes and
 * modifying requests; verbose = clients that come and go, and what they read; debug = the rest.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_VERBOSE, LOG_DEBUG };

struct log_stats {
	uint64_t lines, bytes;           /* written or lost */
	uint64_t lines_lost, bytes_lost; /* failed writes */
	uint64_t errors, warnings;       /* lines of those levels */
	uint64_t opens;                  /* times the file was opened */
};

/* Start logging to `path` (NULL = stderr); `process` is shown in each line. 0 or -errno. */
int log_open(const char *path, const char *process);
/* Open the file again after an external rotation. 0 or -errno (the old file stays in use). */
int log_reopen(void);
/* Has somebody removed the file? Then it is to be opened again. */
bool log_is_removed(void);
void log_set_process(const char *process);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* Descriptor of the sink, for children that close everything else. */
int log_fd(void);
/* What was counted so far; single ones may be set to 0. */
struct log_stats *log_get_stats(void);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_verbose(...)                                    \
	do {                                                \
		if (log_get_level() >= LOG_VERBOSE)         \
			log_line(LOG_VERBOSE, __VA_ARGS__); \
	} while (0)
#define log_debug(...)                                    \
	do {                                              \
		if (log_get_level() >= LOG_DEBUG)         \
			log_line(LOG_DEBUG, __VA_ARGS__); \
	} while (0)
