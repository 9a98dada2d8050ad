/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of libporto: one socket, frames in and out, every wait bounded by a deadline.
 *
 * All functions return 0 or -errno: -ETIMEDOUT past the deadline, -ECANCELED after porto_cancel(),
 * -EPIPE when the daemon hung up, -EMSGSIZE for a reply over the limit, -EBADMSG for garbage. After
 * any failure the stream is out of step: call transport_close().
 *
 * Deadlines are CLOCK_MONOTONIC nanoseconds; UINT64_MAX waits forever, 0 does not wait.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"

struct porto_conn;
struct porto_subscription;

#define DEADLINE_NEVER UINT64_MAX

struct transport {
	struct porto_conn *conn;
	struct porto_subscription *sub; /* whose events arrive here; NULL = nobody's */
	int fd;                         /* -1 = not connected */
	bool polled;                    /* fd is in conn->epoll_fd */

	struct frame_decoder in; /* received and not yet taken; kept between calls */
	bool taken;              /* the frame at its front was handed out */
};

uint64_t monotonic_now(void);

void transport_init(struct transport *t, struct porto_conn *conn);
/* Disconnect; received bytes are dropped. Harmless when not connected. */
void transport_close(struct transport *t);

/*
 * One try to connect to conn->path. Does not block: -EAGAIN when the listener's queue is full.
 */
int transport_connect(struct transport *t);

/* Send everything. *ret_sent counts bytes that went out, also on failure. */
int transport_send(struct transport *t, const uint8_t *data, size_t size, uint64_t deadline,
		   size_t *ret_sent);

/*
 * Next frame's body; valid until the next call. With deadline 0 only what is there already is read;
 * -EAGAIN if that is no whole frame.
 */
int transport_receive(struct transport *t, uint64_t deadline, const uint8_t **ret_data,
		      size_t *ret_size);

/* The same, from received bytes only: no system call. -EAGAIN if there is no whole frame. */
int transport_buffered(struct transport *t, const uint8_t **ret_data, size_t *ret_size);

/* Wait for poll `events` on fd (-1 = on none), the deadline or a cancel. */
int transport_wait(struct porto_conn *conn, int fd, short events, uint64_t deadline);

/* Pause until the deadline; -ECANCELED if cancelled meanwhile. */
int transport_pause(struct porto_conn *conn, uint64_t deadline);
