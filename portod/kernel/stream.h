/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard streams of a new container: opening them, and making them descriptors 0, 1, 2.
 * All errors are ERR_INVALID_VALUE and name the stream and the path. Opening never waits for the
 * other end of a FIFO.
 */
#pragma once

#include "base/cred.h"
#include "kernel/starter.h"

/*
 * On the host, before the container is entered: a descriptor above 2 for STREAM_NULL,
 * STREAM_FD (a duplicate) and STREAM_HOST; -1 in *ret_fd for STREAM_INSIDE. `index` is 0..2.
 * A stored stream is made 0660 and owned by `cred`; its path may contain no symbolic links, since
 * the directory belongs to the container's user.
 */
int stream_open_host(const struct stream_spec *s, unsigned index, const struct cred *cred,
		     int *ret_fd, struct error *err);
/* In the container, with its root, cwd and credentials: the same for STREAM_INSIDE, else nothing.
 * */
int stream_open_inside(const struct stream_spec *s, unsigned index, int *ret_fd, struct error *err);
/*
 * Give a pseudo-terminal's slave to user `to`, if it belongs to it or to `from`; (uid_t)-1 =
 * whoever. ERR_INVALID_VALUE when it is none, ERR_PERMISSION when it is somebody else's.
 */
int stream_give_terminal(int fd, uid_t from, uid_t to, struct error *err);
/* Make the three the process's 0, 1, 2. */
int stream_install(const int fds[3], struct error *err);
/* The first terminal among 0, 1, 2 becomes the controlling one of our session, if it can. `tty`:
 * stdin must. */
int stream_take_terminal(bool tty, struct error *err);
