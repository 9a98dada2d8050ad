/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Master: the tiny parent that outlives the server.
 *
 * It is the sub-reaper of everything, starts the server again when it dies (with back-off), and
 * collects the exit status of each process that re-parents to it: it reads the process's start
 * time while it is still a zombie, sends the report, and only then reaps, so that the report is
 * in the pipe before the pid can be used again. Each report is kept until the server
 * acknowledges it, and sent again to the next server. (pid, starttime) identifies a process for
 * ever, whatever happens to the pid.
 */
#pragma once

#include <stdint.h>

struct config;

/* Master -> server, fixed size, on a SOCK_SEQPACKET pair. */
struct exit_report {
	uint64_t serial;    /* increasing; what is acknowledged */
	uint64_t starttime; /* field 22 of /proc/PID/stat, clock ticks since boot */
	int32_t pid;        /* in the master's pid namespace */
	int32_t status;     /* wait(2) status */
};

/* Server -> master: everything up to and including `serial` is stored. */
struct exit_ack {
	uint64_t serial;
};

/* What the master hands to the server it forks. */
struct server_channels {
	int listen_fd;  /* API socket, listening, non-blocking; stays open in the master */
	int reports_fd; /* SOCK_SEQPACKET; exit_report in, exit_ack out */
	uint64_t master_start_nsec; /* CLOCK_BOOTTIME at the master's start */
	unsigned server_starts;     /* how many servers this master has started, this one included */
};

/*
 * Runs the master until it is told to stop; returns its exit status. `server_main` is called in
 * the forked server and returns the server's exit status. `argv` is used to execute the binary
 * again on SIGHUP. Signals: SIGTERM = stop, keep containers; SIGINT = stop and destroy
 * containers (both forwarded to the server); SIGHUP = upgrade: stop the server, keep
 * containers, execute the binary in place; SIGUSR1 = reopen the log, forwarded.
 */
int master_run(const struct config *config, char **argv,
	       int (*server_main)(const struct config *config, const struct server_channels *ch));
