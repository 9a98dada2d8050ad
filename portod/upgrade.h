/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executing a new binary in place: what must survive travels as inherited descriptors and one
 * environment variable. The pid, the children and the sub-reaper attribute stay by themselves, see
 * execve(2) and PR_SET_CHILD_SUBREAPER(2const).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct upgrade {
	int lock_fd, listen_fd;
	int queue_fd;        /* a saved exit_queue, position 0 */
	uint64_t start_nsec; /* the first master's start, CLOCK_BOOTTIME */
	unsigned starts;     /* servers started so far */
};

/* Was this process executed by upgrade_exec()? Then fills *ret and forgets the environment
 * variable, so that no child inherits it. Malformed text is false. */
bool upgrade_receive(struct upgrade *ret);

/*
 * Can the binary at `exe` start at all? Runs it with our arguments and `option`; anything but exit
 * status 0 within 10 s is an error. A missing library or a bad configuration shows here, while
 * the old one can still go on. Blocks meanwhile.
 */
int upgrade_probe(const char *exe, char **argv, const char *option, struct error *err);

/* Returns only on failure, -1, with everything as before. */
int upgrade_exec(const char *exe, char **argv, const struct upgrade *up, struct error *err);

/* Path of our binary, new string; ask before anybody replaces it. NULL if unknown. */
char *upgrade_own_path(void);
