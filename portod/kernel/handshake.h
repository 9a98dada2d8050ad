/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialogue between the starter (host side) and the container's first process, in named
 * stages over a SOCK_SEQPACKET pair. Each message carries the stage and an error value; a wrong
 * stage is a clear error; end of file at STAGE_EXEC is success (execve(2) closed the socket).
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"

enum stage {
	STAGE_CGROUP,  /* host -> child: you are in your groups, go on */
	STAGE_USERMAP, /* both: id maps are written (a later issue uses it) */
	STAGE_NETWORK, /* both: network is set up (a later issue uses it) */
	STAGE_READY,   /* main -> host: all set up, about to exec; carries the sender's pid */
	STAGE_RELEASE, /* host -> main: the record is written, exec */
	STAGE_EXEC,    /* end of file: exec succeeded */
	_STAGE_COUNT
};

const char *stage_name(enum stage stage);
int handshake_pair(int *ret_host, int *ret_child, struct error *err);
int handshake_send(int fd, enum stage stage, struct error *err);
/* Report a failure: the error travels as text to the other side. */
int handshake_send_error(int fd, const struct error *what);
/* Wait for `stage`; timeout_ms 0 = for ever. A reported failure is returned as this call's error.
 * *ret_pid (may be NULL) is the sender's pid in our pid namespace. */
int handshake_expect(int fd, enum stage stage, unsigned timeout_ms, pid_t *ret_pid,
		     struct error *err);
/* Wait for end of file. */
int handshake_expect_eof(int fd, unsigned timeout_ms, struct error *err);
