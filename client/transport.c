/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket is non-blocking; every wait is one poll() of it and of the connection's cancel_fd,
 * which is level-triggered: a cancel that comes between two waits is seen by the second one.
 */
#include "client/transport.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/conn.h"

#define READ_SIZE 16384

uint64_t monotonic_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

void transport_init(struct transport *t, struct porto_conn *conn)
{
	*t = (struct transport){ .conn = conn, .fd = -1 };
	frame_decoder_init(&t->in, conn->max_frame);
}

void transport_close(struct transport *t)
{
	if (t->fd >= 0) {
		/* Closing is not enough: a forked child may hold the same description. */
		if (t->polled)
			epoll_ctl(t->conn->epoll_fd, EPOLL_CTL_DEL, t->fd, NULL);
		close(t->fd);
		event_transport_lost(t);
	}
	t->fd = -1;
	t->polled = false;
	frame_decoder_deinit(&t->in);
	frame_decoder_init(&t->in, t->conn->max_frame);
	t->taken = false;
}

int transport_connect(struct transport *t)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(t->conn->path);
	int fd, r;

	if (len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, t->conn->path, len + 1);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	do
		r = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	while (r == -EINTR);
	if (r < 0) {
		close(fd);
		return r;
	}
	t->fd = fd;
	t->conn->connects++;
	return 0;
}

/* Milliseconds for poll(), rounded up so that the deadline has passed when poll() is done. */
static int poll_timeout(uint64_t deadline)
{
	uint64_t now, ms;

	if (deadline == DEADLINE_NEVER)
		return -1;
	now = monotonic_now();
	if (now >= deadline)
		return 0;
	ms = (deadline - now + 999999) / 1000000;
	return ms > 3600000 ? 3600000 : (int)ms;
}

int transport_wait(struct porto_conn *conn, int fd, short events, uint64_t deadline)
{
	struct pollfd fds[2] = {
		{ .fd = conn->cancel_fd, .events = POLLIN },
		{ .fd = fd, .events = events },
	};
	uint64_t drain;
	int r;

	for (;;) {
		r = poll(fds, 2, poll_timeout(deadline));
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0 && fds[0].revents) {
			if (read(conn->cancel_fd, &drain, sizeof(drain)) < 0 && errno != EAGAIN)
				return -errno;
			return -ECANCELED;
		}
		if (r > 0)
			return 0; /* ready, or broken: the next call on it tells */
		if (monotonic_now() >= deadline)
			return -ETIMEDOUT;
	}
}

int transport_pause(struct porto_conn *conn, uint64_t deadline)
{
	int r = transport_wait(conn, -1, 0, deadline);

	return r == -ETIMEDOUT ? 0 : r;
}

int transport_send(struct transport *t, const uint8_t *data, size_t size, uint64_t deadline,
		   size_t *ret_sent)
{
	size_t sent = 0;
	ssize_t n;
	int r = 0;

	while (sent < size) {
		n = send(t->fd, data + sent, size - sent, MSG_NOSIGNAL);
		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		r = -errno;
		if (r != -EAGAIN)
			break;
		r = transport_wait(t->conn, t->fd, POLLOUT, deadline);
		if (r < 0)
			break;
	}
	*ret_sent = sent;
	return sent == size ? 0 : r;
}

static int frame_errno(enum frame_result r)
{
	switch (r) {
	case FRAME_READY:
		return 0;
	case FRAME_MORE:
		return -EAGAIN;
	case FRAME_TOO_LARGE:
		return -EMSGSIZE;
	case FRAME_NO_MEMORY:
		return -ENOMEM;
	case FRAME_MALFORMED:
	default:
		return -EBADMSG;
	}
}

int transport_buffered(struct transport *t, const uint8_t **ret_data, size_t *ret_size)
{
	enum frame_result r;

	if (t->taken)
		frame_decoder_skip(&t->in);
	t->taken = false;
	r = frame_decoder_peek(&t->in, ret_data, ret_size);
	t->taken = r == FRAME_READY;
	return frame_errno(r);
}

int transport_receive(struct transport *t, uint64_t deadline, const uint8_t **ret_data,
		      size_t *ret_size)
{
	uint8_t chunk[READ_SIZE];
	ssize_t n;
	int r;

	for (;;) {
		r = transport_buffered(t, ret_data, ret_size);
		if (r != -EAGAIN)
			return r;
		/* A reply takes its time: look for it before reading, unless nobody waits. */
		r = deadline ? transport_wait(t->conn, t->fd, POLLIN, deadline) : 0;
		if (r < 0)
			return r;
		n = recv(t->fd, chunk, sizeof(chunk), 0);
		if (n == 0)
			return -EPIPE;
		if (n > 0)
			/* An error stays in the decoder: the next look at it tells. */
			(void)frame_decoder_feed(&t->in, chunk, (size_t)n);
		else if (errno == EAGAIN && deadline == 0)
			return -EAGAIN;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}
