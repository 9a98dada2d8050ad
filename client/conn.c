/* SPDX-License-Identifier: Apache-2.0 */
/* The connection object: life, settings, error. */
#include "client/conn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "portod-config.h"

#define DEFAULT_TIMEOUT_MS         300000
#define DEFAULT_CONNECT_TIMEOUT_MS 5000
#define DEFAULT_MAX_FRAME          (64u << 20)

static const char no_memory[] = "out of memory";

uint64_t deadline_after(int64_t ms)
{
	if (ms < 0)
		return DEADLINE_NEVER;
	/* Beyond any uptime: keeps the sum below from wrapping. */
	if (ms > INT64_MAX / 2000000)
		return DEADLINE_NEVER;
	return monotonic_now() + (uint64_t)ms * 1000000;
}

uint64_t deadline_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_fds(struct porto_conn *conn)
{
	close_fd(&conn->cancel_fd);
	close_fd(&conn->epoll_fd);
	close_fd(&conn->timer_fd);
}

static int open_fds(struct porto_conn *conn)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int r;

	conn->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	conn->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	conn->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (conn->cancel_fd >= 0 && conn->epoll_fd >= 0 && conn->timer_fd >= 0 &&
	    epoll_ctl(conn->epoll_fd, EPOLL_CTL_ADD, conn->timer_fd, &ev) == 0)
		return 0;
	r = -errno;
	close_fds(conn);
	return r;
}

struct porto_conn *porto_open(const char *path)
{
	struct porto_conn *conn;
	const char *env;
	int r;

	env = getenv("PORTO_SOCKET");
	if (!path || !*path)
		path = env && *env ? env : PORTO_SOCKET_PATH;

	conn = calloc(1, sizeof(*conn));
	if (!conn)
		return NULL;
	conn->pid = getpid();
	conn->timeout_ms = DEFAULT_TIMEOUT_MS;
	conn->connect_timeout_ms = DEFAULT_CONNECT_TIMEOUT_MS;
	conn->max_frame = DEFAULT_MAX_FRAME;
	conn->queue_tail = &conn->queue;
	conn->error.message = "";
	transport_init(&conn->main, conn);
	conn->path = strdup(path);
	r = conn->path ? open_fds(conn) : -ENOMEM;
	if (r < 0) {
		free(conn->path);
		free(conn);
		errno = -r;
		return NULL;
	}
	return conn;
}

void porto_close(struct porto_conn *conn)
{
	if (!conn)
		return;
	conn_enter(conn);
	event_free_all(conn);
	transport_close(&conn->main);
	close_fds(conn);
	free(conn->error_text);
	free(conn->path);
	free(conn);
}

/*
 * Descriptors are shared with the parent, and so is the epoll set behind epoll_fd: close ours and
 * touch nothing.
 */
static void after_fork(struct porto_conn *conn)
{
	conn->pid = getpid();
	event_after_fork(conn);
	conn->main.polled = false;
	transport_close(&conn->main);
	close_fds(conn);
	/* Without descriptors the next call fails with EBADF, which says enough. */
	(void)open_fds(conn);
	conn->connects = 0;
	conn->timestamp = 0;
}

void conn_enter(struct porto_conn *conn)
{
	if (conn->pid != getpid())
		after_fork(conn);
	free(conn->error_text);
	conn->error_text = NULL;
	conn->error = (struct porto_error){ .message = "" };
}

int porto_connect(struct porto_conn *conn)
{
	int r;

	conn_enter(conn);
	if (conn->main.fd >= 0)
		return 0;
	r = conn_connect(&conn->main, deadline_after(conn->connect_timeout_ms));
	return r < 0 ? conn_error_transport(conn, r, NULL) : 0;
}

void porto_disconnect(struct porto_conn *conn)
{
	conn_enter(conn);
	transport_close(&conn->main);
}

unsigned porto_connect_count(const struct porto_conn *conn)
{
	return conn->connects;
}

const char *porto_socket_path(const struct porto_conn *conn)
{
	return conn->path;
}

void porto_set_timeout(struct porto_conn *conn, int64_t msec)
{
	conn->timeout_ms = msec;
}

void porto_set_connect_timeout(struct porto_conn *conn, int64_t msec)
{
	conn->connect_timeout_ms = msec;
}

void porto_set_max_frame(struct porto_conn *conn, size_t bytes)
{
	conn->max_frame = bytes > UINT32_MAX ? UINT32_MAX : bytes;
	conn->main.in.max_body = conn->max_frame;
}

void porto_cancel(struct porto_conn *conn)
{
	uint64_t one = 1;
	int saved = errno;
	ssize_t n;

	/* Can only fail when cancelled 2^64 times before. */
	n = write(conn->cancel_fd, &one, sizeof(one));
	(void)n;
	errno = saved;
}

const struct porto_error *porto_last_error(const struct porto_conn *conn)
{
	return &conn->error;
}

uint64_t porto_response_timestamp(const struct porto_conn *conn)
{
	return conn->timestamp;
}

const char *porto_library_version(void)
{
	return PORTOD_VERSION;
}

/* `text` is owned from here on; NULL stands for memory that ran out. */
static int set_error(struct porto_conn *conn, int code, char *text)
{
	free(conn->error_text);
	conn->error_text = text;
	conn->error.code = code;
	conn->error.message = text ? text : no_memory;
	return code;
}

int conn_error(struct porto_conn *conn, int code, const char *message)
{
	set_error(conn, code, strdup(message ? message : ""));
	conn->error.local = true;
	return code;
}

int conn_error_errno(struct porto_conn *conn, int code, int sys, const char *fmt, ...)
{
	char *what = NULL, *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	if (what && sys && asprintf(&text, "%s: %s", what, strerrordesc_np(sys)) < 0)
		text = NULL;
	if (!sys) {
		text = what;
		what = NULL;
	}
	free(what);
	set_error(conn, code, text);
	conn->error.local = true;
	conn->error.sys_errno = sys;
	return code;
}

int conn_error_memory(struct porto_conn *conn)
{
	set_error(conn, PORTO_E_RESOURCE_NOT_AVAILABLE, NULL);
	conn->error.local = true;
	conn->error.sys_errno = ENOMEM;
	return PORTO_E_RESOURCE_NOT_AVAILABLE;
}

static int error_connect(struct porto_conn *conn, int sys)
{
	int code = PORTO_E_SOCKET_ERROR;

	if (sys == ENOENT || sys == ECONNREFUSED || sys == EAGAIN)
		code = PORTO_E_SOCKET_UNAVAILABLE;
	else if (sys == EACCES || sys == EPERM)
		code = PORTO_E_PERMISSION;
	return conn_error_errno(conn, code, sys, "connect to %s", conn->path);
}

int conn_error_transport(struct porto_conn *conn, int r, const char *what)
{
	if (r == -ENOMEM)
		return conn_error_memory(conn);
	if (!what)
		return error_connect(conn, -r);
	if (r == -ETIMEDOUT)
		return conn_error_errno(conn, PORTO_E_SOCKET_TIMEOUT, 0,
					"%s: no answer from the daemon in time", what);
	if (r == -EPIPE)
		return conn_error_errno(conn, PORTO_E_SOCKET_ERROR, 0,
					"%s: the daemon closed the connection", what);
	if (r == -EMSGSIZE)
		return conn_error_errno(conn, PORTO_E_SOCKET_ERROR, 0,
					"%s: the reply is larger than %zu bytes", what,
					conn->max_frame);
	if (r == -EBADMSG)
		return conn_error_errno(conn, PORTO_E_SOCKET_ERROR, 0,
					"%s: the reply cannot be understood", what);
	return conn_error_errno(conn, PORTO_E_SOCKET_ERROR, -r, "%s", what);
}
