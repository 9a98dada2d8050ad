/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the start dialogue. SOCK_SEQPACKET keeps their borders, end of file is seen when the
 * last process that holds the other end is gone or has called execve(2), and SO_PASSCRED makes the
 * kernel attach the sender's pid, translated to our pid namespace.
 */
#include "kernel/handshake.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"

struct message {
	struct handshake_head head;
	struct error err; /* sent only when it carries a failure */
};

#define MESSAGE_SHORT offsetof(struct message, err)

static const char *const stage_names[_STAGE_COUNT] = {
	[STAGE_NETWORK] = "network", [STAGE_BORN] = "born", [STAGE_READY] = "ready",
	[STAGE_RELEASE] = "release", [STAGE_EXEC] = "exec", [STAGE_FAILED] = "failed",
};

const char *stage_name(enum stage stage)
{
	return stage < _STAGE_COUNT ? stage_names[stage] : "unknown";
}

static const char *name_of(const struct message *m)
{
	return stage_name((enum stage)m->head.stage);
}

int handshake_pair(int *ret_host, int *ret_child, struct error *err)
{
	int fds[2], on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return error_errno(err, errno, "make a socket pair");
	if (setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0) {
		error_errno(err, errno, "set SO_PASSCRED");
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	*ret_host = fds[0];
	*ret_child = fds[1];
	return 0;
}

static int send_message(int fd, const struct message *m, size_t len, struct error *err)
{
	ssize_t n;

	do {
		n = send(fd, m, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, errno, "send stage %s", name_of(m));
	return 0;
}

int handshake_send(int fd, enum stage stage, struct error *err)
{
	struct message m = { .head.stage = stage };

	return send_message(fd, &m, MESSAGE_SHORT, err);
}

int handshake_send_ready(int fd, const struct ready_info *info, struct error *err)
{
	struct message m = {
		.head = { STAGE_READY, info->warnings, info->vpid },
	};

	return send_message(fd, &m, MESSAGE_SHORT, err);
}

int handshake_send_error(int fd, const struct error *what)
{
	struct message m = { .head.stage = _STAGE_COUNT, .err = *what };
	struct error ignored;

	return send_message(fd, &m, sizeof(m), &ignored);
}

/* Wait for input. deadline 0 = for ever. */
static int wait_readable(int fd, uint64_t deadline, const char *what, struct error *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int timeout = -1, r;

	do {
		if (deadline) {
			uint64_t now = clock_mono_nsec();

			timeout = now >= deadline ? 0 : (int)((deadline - now) / NSEC_PER_MSEC) + 1;
		}
		r = poll(&p, 1, timeout);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return error_errno(err, errno, "wait for stage %s", what);
	if (r == 0)
		return error_sys(err, ERR_UNKNOWN, ETIMEDOUT, "wait for stage %s", what);
	return 0;
}

/* What portoinit has to say: `len` bytes of text behind the head. */
static int explain(const struct message *m, size_t len, struct error *err)
{
	int sys = m->head.vpid;
	enum error_code code = (enum error_code)m->head.warnings;

	error_errno(err, sys, "%.*s", (int)len, (const char *)&m->err);
	if (code)
		err->code = (int)code;
	return -1;
}

/* One message: 1, end of file: 0, failure of the other side or of the channel: -1. */
static int receive(int fd, const char *what, unsigned timeout_ms, struct message *ret,
		   pid_t *ret_pid, struct error *err)
{
	uint64_t deadline = timeout_ms ? clock_mono_nsec() + timeout_ms * NSEC_PER_MSEC : 0;
	ssize_t n;

	/* Without a limit the read itself is the wait. */
	if (deadline && wait_readable(fd, deadline, what, err) < 0)
		return -1;
	memset(ret, 0, MESSAGE_SHORT);
	n = fd_recv(fd, ret, sizeof(*ret), NULL, NULL, ret_pid);
	if (n == -ECONNRESET || n == 0)
		return 0; /* closed, perhaps before it read all that we had sent */
	if (n < 0)
		return error_errno(err, (int)-n, "receive stage %s", what);
	if (n == sizeof(*ret) && ret->head.stage == _STAGE_COUNT) {
		ret->err.text[ERROR_TEXT_MAX - 1] = '\0';
		*err = ret->err;
		if (!err->code)
			err->code = ERR_UNKNOWN;
		return -1;
	}
	if (n >= (ssize_t)MESSAGE_SHORT && ret->head.stage == STAGE_FAILED)
		return explain(ret, (size_t)n - MESSAGE_SHORT, err);
	if (n != MESSAGE_SHORT)
		return error_set(err, ERR_UNKNOWN, "malformed message while waiting for stage %s",
				 what);
	return 1;
}

static int expect(int fd, enum stage stage, unsigned timeout_ms, struct message *m, pid_t *ret_pid,
		  struct error *err)
{
	int r = receive(fd, stage_name(stage), timeout_ms, m, ret_pid, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return error_sys(err, ERR_UNKNOWN, ECONNRESET,
				 "the other side ended before stage %s", stage_name(stage));
	if (m->head.stage != stage)
		return error_set(err, ERR_UNKNOWN, "expected stage %s but got %s",
				 stage_name(stage), name_of(m));
	return 0;
}

int handshake_expect(int fd, enum stage stage, unsigned timeout_ms, pid_t *ret_pid,
		     struct error *err)
{
	struct message m;

	return expect(fd, stage, timeout_ms, &m, ret_pid, err);
}

int handshake_expect_ready(int fd, unsigned timeout_ms, struct ready_info *ret, pid_t *ret_pid,
			   struct error *err)
{
	struct message m;

	if (expect(fd, STAGE_READY, timeout_ms, &m, ret_pid, err) < 0)
		return -1;
	ret->vpid = m.head.vpid;
	ret->warnings = m.head.warnings;
	return 0;
}

int handshake_expect_eof(int fd, unsigned timeout_ms, struct error *err)
{
	struct message m;
	int r = receive(fd, stage_name(STAGE_EXEC), timeout_ms, &m, NULL, err);

	if (r > 0)
		return error_set(err, ERR_UNKNOWN, "expected the end but got stage %s",
				 name_of(&m));
	return r;
}
