/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A held start: everything is set up, the process exists and waits for one byte from a FIFO before
 * it becomes the command. The FIFO has a name in the state directory, so that whoever is the server
 * by then can give the word, and the process has both ends open, so that nobody's end is taken for
 * it.
 *
 * It may wait for long, in view of others in the container that may trace it, and would be a copy
 * of the server with all that it knows. So it waits as portoinit --hold, which executes the
 * command. A signal ends it as it would end any process; as the first one of a pid namespace, which
 * no signal can end, it exits with 128 + signal. fifo(7), execveat(2).
 */
#pragma once

#include "base/error.h"
#include "base/str.h"

/* Make it anew and open it; the descriptor or -errno. */
int hold_create(const char *path);
/* Give the word. -ENXIO: nobody waits (any more). Does not block. */
int hold_release(const char *path);
/* Does anybody wait? Does not block. */
bool hold_is_waiting(const char *path);
/*
 * Become portoinit and wait. The command is looked up now (ERR_INVALID_COMMAND when there is none),
 * and executed when the word comes; a failure is then told on stderr, the exit code is 127. Returns
 * only on failure. `portoinit` is a descriptor, `shown` as for exec_find().
 */
int hold_exec(int portoinit, int hold, const struct strv *argv, const char *shown,
	      struct error *err);
