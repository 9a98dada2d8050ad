/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of portoctl: the user's terminal and a pseudo terminal for a container. */
#pragma once

#include <stdbool.h>
#include <termios.h>

/* The terminal behind a descriptor, while it is in raw mode. */
struct term {
	int fd;
	bool raw;
	struct termios saved;
};

#define TERM_INIT        \
	{                \
		.fd = -1 \
	}

/* Raw mode. Remembers the settings only if they could be read. False: no terminal. */
bool term_raw(struct term *t, int fd);
/* As it was before. Harmless if it was not changed. */
void term_restore(struct term *t);

/*
 * A pseudo terminal of the size and with the settings of the terminal behind `like`. Both ends are
 * close-on-exec, the master does not block. Returns 0 or -errno.
 */
int pty_open(int like, int *ret_master, int *ret_slave);
/* Copy the window size. */
void pty_resize(int master, int like);
