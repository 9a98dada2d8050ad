/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "instance.h"

#define LOCK_NAME "lock"

/* An existing path may lead over symlinks (/var/run); what we create may not. */
static int ensure_dir(const char *path, const char *what, struct error *err)
{
	struct stat st;
	int r;

	if (stat(path, &st) == 0)
		return 0;
	r = fd_mkdir_p(AT_FDCWD, path, 0755);
	if (r < 0)
		return error_errno(err, -r, "create %s directory %s", what, path);
	return 0;
}

static int open_state_dir(struct instance *in, const char *state_dir, struct error *err)
{
	if (ensure_dir(state_dir, "state", err) < 0)
		return -1;
	in->state_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (in->state_fd < 0)
		return error_errno(err, errno, "open state directory %s", state_dir);
	return 0;
}

static int take_lock(struct instance *in, const char *state_dir, struct error *err)
{
	in->lock_fd = openat(in->state_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			     0600);
	if (in->lock_fd < 0)
		return error_errno(err, errno, "open %s/" LOCK_NAME, state_dir);
	if (flock(in->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return error_set(err, ERR_BUSY, "another portod uses state directory %s",
				 state_dir);
	return error_errno(err, errno, "lock %s/" LOCK_NAME, state_dir);
}

static int socket_address(struct sockaddr_un *addr, const char *path, struct error *err)
{
	size_t len = strlen(path);

	if (len >= sizeof(addr->sun_path))
		return error_set(err, ERR_INVALID_VALUE,
				 "socket path %s is longer than the %zu bytes of the kernel", path,
				 sizeof(addr->sun_path) - 1);
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(addr->sun_path, path, len + 1);
	return 0;
}

/*
 * Nobody listens on a socket file whose connect is refused. EAGAIN is a listener with a full
 * backlog.
 */
static int check_nobody_answers(const struct sockaddr_un *addr, struct error *err)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return error_errno(err, errno, "create a socket");
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN)
		return error_set(err, ERR_BUSY, "another daemon answers on %s", addr->sun_path);
	if (errno != ENOENT && errno != ECONNREFUSED)
		return error_errno(err, errno, "probe socket %s", addr->sun_path);
	return 0;
}

static int remove_stale_socket(const char *path, struct error *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : error_errno(err, errno, "stat %s", path);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERR_INVALID_PATH, "%s exists and is not a socket", path);
	if (unlink(path) < 0)
		return error_errno(err, errno, "remove stale socket %s", path);
	return 0;
}

static int bind_and_listen(struct instance *in, const struct sockaddr_un *addr, unsigned backlog,
			   struct error *err)
{
	mode_t mask;
	int r;

	in->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (in->listen_fd < 0)
		return error_errno(err, errno, "create the listening socket");
	/* bind(2) creates the file 0777 & ~umask: born as 0666, without a window. */
	mask = umask(0111);
	r = bind(in->listen_fd, (const struct sockaddr *)addr, sizeof(*addr));
	umask(mask);
	if (r < 0)
		return error_errno(err, errno, "bind socket %s", addr->sun_path);
	if (listen(in->listen_fd, backlog > SOMAXCONN ? SOMAXCONN : (int)backlog) < 0)
		return error_errno(err, errno, "listen on %s", addr->sun_path);
	return 0;
}

static int open_socket(struct instance *in, unsigned backlog, struct error *err)
{
	auto_free char *dir = path_dirname(in->socket_path);
	struct sockaddr_un addr;

	if (socket_address(&addr, in->socket_path, err) < 0 || ensure_dir(dir, "socket", err) < 0 ||
	    check_nobody_answers(&addr, err) < 0 || remove_stale_socket(in->socket_path, err) < 0)
		return -1;
	return bind_and_listen(in, &addr, backlog, err);
}

int instance_acquire(struct instance *in, const char *socket_path, const char *state_dir,
		     unsigned backlog, struct error *err)
{
	*in = (struct instance)INSTANCE_INIT;
	in->socket_path = socket_path;
	if (open_state_dir(in, state_dir, err) < 0 || take_lock(in, state_dir, err) < 0 ||
	    open_socket(in, backlog, err) < 0) {
		instance_close(in);
		return -1;
	}
	return 0;
}

static int check_listening(int fd, struct error *err)
{
	socklen_t len = sizeof(int);
	int listening = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0)
		return error_errno(err, errno, "look at inherited descriptor %d", fd);
	if (!listening)
		return error_set(err, ERR_INVALID_DATA,
				 "inherited descriptor %d is no listening socket", fd);
	return 0;
}

int instance_adopt(struct instance *in, const char *socket_path, const char *state_dir, int lock_fd,
		   int listen_fd, struct error *err)
{
	*in = (struct instance)INSTANCE_INIT;
	in->socket_path = socket_path;
	if (check_listening(listen_fd, err) < 0 || open_state_dir(in, state_dir, err) < 0)
		return -1;
	/* The lock came along with the descriptor; this only proves that it is one. */
	if (flock(lock_fd, LOCK_EX | LOCK_NB) < 0) {
		close_fd(&in->state_fd);
		return error_errno(err, errno, "lock inherited descriptor %d", lock_fd);
	}
	in->lock_fd = lock_fd;
	in->listen_fd = listen_fd;
	fcntl(lock_fd, F_SETFD, FD_CLOEXEC);
	fcntl(listen_fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

void instance_close(struct instance *in)
{
	close_fd(&in->listen_fd);
	close_fd(&in->state_fd);
	close_fd(&in->lock_fd);
}

void instance_release(struct instance *in)
{
	unlink(in->socket_path);
	instance_remove_pid(in, INSTANCE_SERVER_PID);
	instance_remove_pid(in, INSTANCE_MASTER_PID);
	instance_close(in);
}

int instance_write_pid(const struct instance *in, const char *name, pid_t pid)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", (int)pid);

	return fd_replace_file(in->state_fd, name, text, (size_t)len, 0644);
}

void instance_remove_pid(const struct instance *in, const char *name)
{
	unlinkat(in->state_fd, name, 0);
}
