/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialogue between the starter (host side) and the container's first process, in named
 * stages over a SOCK_SEQPACKET pair. Each message carries the stage and an error value; a wrong
 * stage is a clear error; end of file at STAGE_EXEC is success (execve(2) closed the socket).
 * The child moves itself into its groups, so there is no stage for that.
 *
 * Sending does not block (messages are few and small); expecting does. unix(7).
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum stage {
	STAGE_NETWORK, /* both: network is set up (a later issue uses it) */
	STAGE_BORN,    /* first -> host: it is in the pid namespace that it joins (child_join()) */
	STAGE_READY,   /* main -> host: all set up, about to exec; carries the sender's pid */
	STAGE_RELEASE, /* host -> main: the record is written, exec */
	STAGE_EXEC,    /* end of file: exec succeeded */
	STAGE_FAILED,  /* of portoinit, which sends no error value: what follows the head is text */
	_STAGE_COUNT
};

/* How each message begins; portoinit knows only this. */
struct handshake_head {
	uint32_t stage;
	uint32_t warnings; /* STAGE_READY: START_WARN_…; STAGE_FAILED: error_code, 0 = by errno */
	int32_t vpid;      /* STAGE_READY: the sender as it sees itself; STAGE_FAILED: errno */
};

/* What STAGE_READY carries besides the sender's pid. */
struct ready_info {
	pid_t vpid;        /* the sender's pid as it sees itself */
	uint32_t warnings; /* START_WARN_… */
};

const char *stage_name(enum stage stage);
/* Both ends are the caller's. Only the host's end learns pids. */
int handshake_pair(int *ret_host, int *ret_child, struct error *err);
int handshake_send(int fd, enum stage stage, struct error *err);
int handshake_send_ready(int fd, const struct ready_info *info, struct error *err);
/* Report a failure: the whole error value travels to the other side. 0 or -1 (nobody listens). */
int handshake_send_error(int fd, const struct error *what);
/* Wait for `stage`; timeout_ms 0 = for ever. A reported failure is returned as this call's error.
 * *ret_pid (may be NULL) is the sender's pid in our pid namespace. */
int handshake_expect(int fd, enum stage stage, unsigned timeout_ms, pid_t *ret_pid,
		     struct error *err);
/* The same for STAGE_READY. */
int handshake_expect_ready(int fd, unsigned timeout_ms, struct ready_info *ret, pid_t *ret_pid,
			   struct error *err);
/* Wait for end of file; a message is an error (a reported failure or a protocol error). */
int handshake_expect_eof(int fd, unsigned timeout_ms, struct error *err);
