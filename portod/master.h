/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Master: the tiny parent that outlives the server.
 *
 * It is the sub-reaper of everything, starts the server again when it dies (with back-off), and
 * collects the exit status of each process that re-parents to it: it reads the process's start
 * time while it is still a zombie, sends the report, and only then reaps, so that the report is
 * in the pipe before the pid can be used again. Each report is kept until the server
 * acknowledges it, and sent again to the next server. (pid, starttime) identifies a process for
 * ever, whatever happens to the pid. Reports that are left when the master stops are kept in the
 * file `exits` of the state directory for the next master.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "exit_queue.h"

/* Strings are borrowed and must live as long as the master. Zero chooses the default. */
struct master_options {
	const char *socket_path;
	const char *state_dir;         /* created if missing */
	unsigned backlog;              /* of the socket; SOMAXCONN */
	unsigned stop_timeout_ms;      /* until a stopping server is killed; 300 s */
	unsigned restart_delay_max_ms; /* of the back-off; 5 s */
	int oom_score_adj;             /* of the master, inherited by the server; best effort */
	bool no_restart;               /* end with the server instead of starting it again */
	const char *exe;               /* path of our binary; NULL = where we were executed from */
	const char *probe_option;      /* see upgrade_probe(); NULL = upgrade without a try */
};

/* What the master hands to the server it forks. */
struct server_channels {
	int listen_fd;  /* API socket, listening, non-blocking; stays open in the master */
	int reports_fd; /* SOCK_SEQPACKET, non-blocking; exit_report in, exit_ack out */
	uint64_t master_start_nsec; /* CLOCK_BOOTTIME at the master's start, kept by upgrades */
	unsigned server_starts; /* how many servers this master has started, this one included */
};

/*
 * Runs the master until it is told to stop; returns its exit status: that of the server it
 * stopped (128 + signal if it was killed), or 1 when the start fails (logged). The caller has
 * opened the log. Blocks for the daemon's life.
 *
 * `server_main` is called in the forked server and returns the server's exit status. It runs as
 * process "portod" and dies with the master; SIGTERM, SIGINT, SIGHUP and SIGUSR1 are *blocked*, so
 * that a signal during start-up waits until its handler is there (ev_signal_start() unblocks it;
 * proc_fork() unblocks all in children). When it serves it sends an exit_ack with serial 0; if the
 * very first server exits with a failure before that, the master gives up with its status.
 *
 * `argv` is used to execute the binary again. Signals: SIGTERM = stop, keep containers; SIGINT =
 * stop and destroy containers (both forwarded to the server, perhaps repeatedly); SIGHUP =
 * upgrade: try the binary on disk, stop the server with SIGTERM, execute the binary in place, or
 * go on with the old one if that fails; SIGUSR1 = reopen the log, forwarded.
 */
int master_run(const struct master_options *opt, char **argv,
	       int (*server_main)(void *arg, const struct server_channels *ch), void *arg);
