/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers on the running kernel for the tests of the starter: real processes, namespaces, mounts
 * and control groups, below a prefix of our own, gone at the end, however that comes: what a test
 * that failed has left is removed before the next one, and a guard outlives us to remove what a
 * killed one has left. PORTOINIT names the helper.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/xalloc.h"
#include "kernel/caps.h"
#include "kernel/layout.h"
#include "kernel/starter.h"
#include "kernel/taskfile.h"

#define SKIP       77
#define OUTPUT_MAX 65536

static struct {
	char dir[64]; /* scratch */
	char prefix[64];
	char *root; /* an image with a shell */
	char *workdir, *output, *record;
	char *portoinit, *plain_file; /* the latter no program */
	struct cgroup_host *host;
	struct cred cred;
	struct strv env;
} t;

/* One container: what every test starts from. */
struct box {
	struct start_spec spec;
	struct layout_params layout;
	struct plan plan;
	struct device_list devices;
	struct start_result res;
	struct error err;
	struct task_record record;
	char output[OUTPUT_MAX];
};

static inline struct box *box_new(const char *command)
{
	struct box *b = xnew(struct box);
	struct start_spec *s = &b->spec;

	*s = (struct start_spec)START_SPEC_INIT;
	s->id = 1;
	s->name = "box";
	s->portoinit = t.portoinit;
	s->record_path = t.record;
	s->cgroup = (struct cgroup){ .name = "box", .level = 1 };
	s->cgroup.owned[1] = cgroup_host_default_controllers(t.host, 1);
	s->cgroup_host = t.host;
	s->ns[NS_PID].mode = s->ns[NS_MNT].mode = s->ns[NS_IPC].mode = s->ns[NS_UTS].mode = NS_NEW;
	s->init = true;
	s->has_command = command;
	s->command = command;
	s->env = &t.env;
	s->cwd = "/";
	s->umask = 022;
	s->workdir = t.workdir;
	s->streams[1] = (struct stream_spec){ .kind = STREAM_HOST, .path = t.output };
	s->streams[2] = (struct stream_spec){ .kind = STREAM_HOST, .path = t.output };
	s->cred = &t.cred;
	s->caps.bounding = caps_default;
	s->timeout_ms = 20000;
	b->layout = (struct layout_params){ .root = "/",
					    .isolate = true,
					    .run_size = 1 << 20,
					    .dev_size = 1 << 20,
					    .devpts_max = 8 };
	device_list_defaults(&b->devices);
	b->layout.devices = b->devices.v;
	b->layout.ndevices = b->devices.n;
	return b;
}

static inline struct box *chroot_box(const char *command)
{
	struct box *b = box_new(command);

	b->layout.root = t.root;
	return b;
}

static inline void box_free(struct box *b)
{
	struct error err;

	plan_deinit(&b->plan);
	device_list_deinit(&b->devices);
	assert_int_equal(cgroup_remove(t.host, &b->spec.cgroup, &err), 0);
	fd_remove_tree(AT_FDCWD, t.workdir);
	unlink(t.record);
	free(b);
}

struct verdict {
	int r;
	struct start_result res;
	struct error err;
};

static inline pid_t fork_starter(struct box *b, int fd)
{
	struct verdict v = { 0 };
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		v.r = starter_run(&b->spec, &v.res, &v.err);
		_exit(fd_write_all(fd, &v, sizeof(v)) < 0);
	}
	assert_true(pid > 0);
	return pid;
}

/* Run the starter as the server does, in a child. */
static inline int box_start(struct box *b)
{
	struct verdict v;
	int fds[2], status;
	pid_t pid;

	if (b->spec.ns[NS_MNT].mode == NS_NEW) {
		plan_deinit(&b->plan);
		layout_build(&b->layout, &b->plan);
		b->spec.plan = &b->plan;
	}
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork_starter(b, fds[1]);
	close(fds[1]);
	assert_int_equal(fd_read_all(fds[0], &v, sizeof(v)), 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	b->res = v.res;
	b->err = v.err;
	return v.r;
}

/* Start and wait: the wait(2) status of the process that stands for the container. */
static inline int box_run(struct box *b)
{
	int status = -1;
	ssize_t n;

	if (box_start(b) < 0)
		fail_msg("%s (%d, %s)", b->err.text, b->err.code, strerror(b->err.sys));
	assert_int_equal(waitpid(b->res.wait_pid, &status, 0), b->res.wait_pid);
	n = fd_read_small(AT_FDCWD, t.output, b->output, sizeof(b->output));
	if (n < 0)
		b->output[0] = '\0';
	assert_int_equal(task_record_read(t.record, &b->record), 0);
	return status;
}

/* Kill what runs and reap all of it. */
static inline void box_kill(struct box *b)
{
	kill(b->res.wait_pid, SIGKILL);
	assert_int_equal(waitpid(b->res.wait_pid, NULL, 0), b->res.wait_pid);
}

/* Start and expect a failure that leaves no process behind. */
static inline void box_fails(struct box *b, enum error_code code, const char *part)
{
	if (box_start(b) == 0) {
		box_kill(b);
		fail_msg("started, no failure with %s", part);
	}
	if (b->err.code != (int)code || !strstr(b->err.text, part))
		fail_msg("got %s: %s", error_name(b->err.code), b->err.text);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_false(cgroup_is_populated(t.host, &b->spec.cgroup, true));
	box_free(b);
}

static inline void check_output(const char *command, const char *expected)
{
	struct box *b = box_new(command);

	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, expected);
	box_free(b);
}

static inline ino_t ns_inode(pid_t pid, enum ns_kind kind)
{
	auto_free char *path = xasprintf("/proc/%d/ns/%s", (int)pid, ns_name(kind));
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static inline char *read_link(int pid, const char *what)
{
	char path[64], to[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	n = readlink(path, to, sizeof(to) - 1);
	assert_true(n >= 0);
	return xstrndup(to, (size_t)n);
}
/* ---- frame ---- */

static inline void link_busybox(const char *name)
{
	auto_free char *to = xasprintf("%s/bin/%s", t.root, name);

	assert_int_equal(symlink("busybox", to), 0);
}

static inline void make_image(void)
{
	static const char *const dirs[] = { "", "/bin", "/etc", "/run", "/run/image", "/run/shm" };
	auto_free char *to = NULL, *data = NULL;
	size_t len;

	t.root = xasprintf("%s/root", t.dir);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		auto_free char *dir = xasprintf("%s%s", t.root, dirs[i]);

		assert_int_equal(mkdir(dir, 0755), 0);
		chmod(dir, i == 4 ? 0777 : 0755);
	}
	assert_int_equal(fd_read_file(AT_FDCWD, "/bin/busybox", 64 << 20, &data, &len), 0);
	to = xasprintf("%s/bin/busybox", t.root);
	assert_int_equal(fd_replace_file(AT_FDCWD, to, data, len, 0755), 0);
	link_busybox("sh");
	link_busybox("cat");
}

/* A file of our own: while anybody else executes the helper of the build, the kernel says that it is
 * busy before it says anything else. */
static inline void copy_portoinit(void)
{
	auto_free char *data = NULL;
	size_t len;

	assert_int_equal(fd_read_file(AT_FDCWD, getenv("PORTOINIT"), 64 << 20, &data, &len), 0);
	t.portoinit = xasprintf("%s/portoinit", t.dir);
	assert_int_equal(fd_replace_file(AT_FDCWD, t.portoinit, data, len, 0755), 0);
}

/* Processes, groups and files of a container that nobody has ended. */
static inline int sweep_box(void **state)
{
	struct cgroup cg = { .name = "box", .level = 1 };
	struct error err;
	int r;

	(void)state;
	cg.owned[1] = cgroup_host_default_controllers(t.host, 1);
	r = cgroup_remove(t.host, &cg, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", err.text);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	fd_remove_tree(AT_FDCWD, t.workdir);
	unlink(t.record);
	return r;
}

static inline int new_host(void)
{
	struct cgroup_options options = { .prefix = t.prefix };
	struct error err;

	if (cgroup_host_new(&options, &t.host, &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return -1;
}

/* The directory last: it says that there is something to do. */
static inline int sweep_all(void)
{
	struct error err;

	if (cgroup_host_remove_base(t.host, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	return fd_remove_tree(AT_FDCWD, t.dir);
}

/* A starter dies with us, its child with it; a moment later nobody makes anything new. */
static inline void guard_main(int pidfd)
{
	struct pollfd us = { .fd = pidfd, .events = POLLIN };

	setsid(); /* who ends us may end our whole session */
	for (int fd = 0; fd <= 2; fd++)
		dup2(open("/dev/null", O_RDWR | O_CLOEXEC), fd);
	while (poll(&us, 1, -1) < 0 && errno == EINTR)
		;
	for (int i = 0; i < 20 && access(t.dir, F_OK) == 0; i++) {
		usleep(100000);
		if (new_host() < 0)
			continue;
		sweep_box(NULL);
		sweep_all();
		cgroup_host_free(t.host);
	}
	_exit(0);
}

/* No child of ours, for tests that count these: it must be called before we inherit orphans. */
static inline void start_guard(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	pid_t pid = pidfd < 0 ? -1 : fork();

	if (pid == 0) {
		if (fork())
			_exit(0);
		guard_main(pidfd);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	close_fd(&pidfd);
}

static inline int setup(void **state)
{
	(void)state;
	snprintf(t.prefix, sizeof(t.prefix), "porto-st-%d", (int)getpid());
	snprintf(t.dir, sizeof(t.dir), "/tmp/porto-st-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	t.workdir = xasprintf("%s/work/box", t.dir);
	t.output = xasprintf("%s/stdout", t.workdir);
	t.record = xasprintf("%s/record", t.dir);
	t.plain_file = xasprintf("%s/file", t.dir);
	start_guard();
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (new_host() < 0)
		return -1;
	assert_int_equal(chmod(t.dir, 0755), 0);
	assert_int_equal(fd_replace_file(AT_FDCWD, t.plain_file, "x", 1, 0644), 0);
	t.cred = (struct cred){ 0 };
	strv_add(&t.env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	copy_portoinit();
	make_image();
	return 0;
}

static inline int teardown(void **state)
{
	int r = sweep_all();

	(void)state;
	cgroup_host_free(t.host);
	free(t.portoinit);
	free(t.root);
	free(t.workdir);
	free(t.output);
	free(t.record);
	free(t.plain_file);
	strv_deinit(&t.env);
	return r;
}

/* Run what is in `tests`; an argument selects by a pattern. Skips (77) without root. */
static inline int run_boxes(const char *name, struct CMUnitTest *tests, size_t n, char **argv)
{
	if (geteuid() != 0 || !getenv("PORTOINIT") || access("/bin/busybox", X_OK) < 0) {
		puts("skipped: needs root, busybox, and PORTOINIT in the environment");
		return SKIP;
	}
	if (argv[1])
		cmocka_set_test_filter(argv[1]);
	for (size_t i = 0; i < n; i++)
		tests[i].teardown_func = sweep_box;
	return _cmocka_run_group_tests(name, tests, n, setup, teardown);
}
