/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "upgrade.h"

#define VARIABLE       "PORTOD_UPGRADE"
#define FORMAT_VERSION 1
#define PROBE_SEC      10

bool upgrade_receive(struct upgrade *ret)
{
	const char *text = getenv(VARIABLE);
	int version = 0, end = 0;
	struct upgrade up;
	bool ok;

	if (!text)
		return false;
	ok = sscanf(text, "%d %d %d %d %" SCNu64 " %u%n", &version, &up.lock_fd, &up.listen_fd,
		    &up.queue_fd, &up.start_nsec, &up.starts, &end) == 6 &&
	     text[end] == '\0' && version == FORMAT_VERSION;
	unsetenv(VARIABLE);
	if (ok)
		*ret = up;
	return ok;
}

/* ---- probe ---- */

static size_t count_args(char **argv)
{
	size_t n = 0;

	while (argv[n])
		n++;
	return n;
}

static void probe_main(const char *exe, char **argv, const char *option) __attribute__((noreturn));

static void probe_main(const char *exe, char **argv, const char *option)
{
	size_t n = count_args(argv);
	char **args = xnew_array(char *, n + 2);
	sigset_t none;
	int null;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memcpy(args, argv, n * sizeof(*args));
	args[n] = xstrdup(option);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0 && (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0))
		_exit(126);
	/* An alarm survives exec, and its default action is the deadline. */
	alarm(PROBE_SEC);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(exe, args);
	_exit(127);
}

int upgrade_probe(const char *exe, char **argv, const char *option, struct error *err)
{
	siginfo_t si = { 0 };
	pid_t pid = fork();

	if (pid < 0)
		return error_errno(err, errno, "fork to try %s", exe);
	if (pid == 0)
		probe_main(exe, argv, option);
	while (waitid(P_PID, (id_t)pid, &si, WEXITED) < 0 && errno == EINTR)
		;
	if (si.si_code == CLD_EXITED && si.si_status == 0)
		return 0;
	return error_set(err, ERR_UNKNOWN, "%s %s: %s %d", exe, option,
			 si.si_code == CLD_EXITED ? "exited with status" : "was killed by signal",
			 si.si_status);
}

/* ---- exec ---- */

static void set_inheritable(const struct upgrade *up, bool on)
{
	int flags = on ? 0 : FD_CLOEXEC;

	fcntl(up->lock_fd, F_SETFD, flags);
	fcntl(up->listen_fd, F_SETFD, flags);
	fcntl(up->queue_fd, F_SETFD, flags);
}

int upgrade_exec(const char *exe, char **argv, const struct upgrade *up, struct error *err)
{
	char text[128];

	snprintf(text, sizeof(text), "%d %d %d %d %" PRIu64 " %u", FORMAT_VERSION, up->lock_fd,
		 up->listen_fd, up->queue_fd, up->start_nsec, up->starts);
	if (setenv(VARIABLE, text, 1) < 0)
		return error_errno(err, errno, "set " VARIABLE);
	set_inheritable(up, true);
	execv(exe, argv);
	error_errno(err, errno, "execute %s", exe);
	set_inheritable(up, false);
	unsetenv(VARIABLE);
	return -1;
}

char *upgrade_own_path(void)
{
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	if (str_has_suffix(path, deleted))
		path[(size_t)n - strlen(deleted)] = '\0';
	return xstrdup(path);
}
