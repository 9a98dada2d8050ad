/* SPDX-License-Identifier: Apache-2.0 */
/* Everything happens in a directory of its own below TMPDIR. */
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
#include <linux/openat2.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cred.h"
#include "base/fd.h"
#include "base/xalloc.h"

struct dir {
	char *path;
	int fd;
};

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct dir *d = xnew(struct dir);

	d->path = xasprintf("%s/portod-test.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(d->path))
		return -1;
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = d;
	return d->fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct dir *d = *state;
	int r = fd_remove_tree(AT_FDCWD, d->path);

	close(d->fd);
	free(d->path);
	free(d);
	return r;
}

static void put(int dirfd, const char *name, const char *text)
{
	assert_int_equal(fd_replace_file(dirfd, name, text, strlen(text), 0644), 0);
}

static void test_read_write_replace(void **state)
{
	struct dir *d = *state;
	auto_free char *text = NULL;
	char small[4];
	struct stat st;
	size_t len;

	assert_int_equal(fd_write_file(d->fd, "f", "x"), -ENOENT);
	assert_int_equal(fd_replace_file(d->fd, "f", "a\0b", 3, 0640), 0);
	assert_int_equal(fd_read_file(d->fd, "f", 3, &text, &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(text, "a\0b", 4);
	assert_int_equal(fstatat(d->fd, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fd_read_file(d->fd, "f", 2, &text, &len), -EFBIG);
	assert_int_equal(fd_write_file(d->fd, "f", "hello"), 0);
	assert_int_equal(fd_read_small(d->fd, "f", small, sizeof(small)), 3);
	assert_string_equal(small, "hel");
	assert_int_equal(fd_write_file(d->fd, "f", ""), 0);
	assert_int_equal(fd_read_small(d->fd, "f", small, sizeof(small)), 0);
	assert_string_equal(small, "");
	assert_int_equal(fd_read_small(d->fd, "none", small, sizeof(small)), -ENOENT);
}

static void test_large_files_are_read_whole(void **state)
{
	struct dir *d = *state;
	auto_free char *data = xmalloc(100000);
	auto_free char *text = NULL;
	size_t len;

	memset(data, 'x', 100000);
	assert_int_equal(fd_replace_file(d->fd, "f", data, 100000, 0600), 0);
	assert_int_equal(fd_read_file(d->fd, "f", 100000, &text, &len), 0);
	assert_int_equal(len, 100000);
	assert_int_equal(fd_read_file(d->fd, "f", 99999, &text, &len), -EFBIG);
	/* A file whose size stat(2) does not know. */
	free(take_ptr(text));
	assert_int_equal(fd_read_file(AT_FDCWD, "/proc/self/maps", 1 << 24, &text, NULL), 0);
	assert_true(strlen(text) > 0);
}

static void test_replace_leaves_no_other_files(void **state)
{
	struct dir *d = *state;

	assert_int_equal(mkdirat(d->fd, "dir", 0755), 0);
	assert_true(fd_replace_file(d->fd, "dir", "x", 1, 0644) < 0);
	assert_int_equal(unlinkat(d->fd, "dir", AT_REMOVEDIR), 0);
	put(d->fd, "f", "x");
	assert_int_equal(unlinkat(d->fd, "f", 0), 0);
	/* What is left would make this fail. */
	assert_int_equal(rmdir(d->path), 0);
	assert_int_equal(mkdir(d->path, 0700), 0);
}

/* Kernels before 5.6, and valgrind, which lets the fallback run: it refuses links and "..". */
static bool has_openat2(void)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	if (fd < 0)
		return errno != ENOSYS;
	close(fd);
	return true;
}

static void check_open(int dirfd, bool in_root, const char *path, int expected)
{
	int fd = in_root ? fd_open_in_root(dirfd, path, O_RDONLY, 0)
			 : fd_open_beneath(dirfd, path, O_RDONLY, 0);

	if (fd >= 0) {
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
		fd = 0;
	}
	if (fd < 0 && !has_openat2())
		return;
	if (fd != expected)
		print_error("%s: %d\n", path, fd);
	assert_int_equal(fd, expected);
}

static void test_beneath_does_not_escape(void **state)
{
	struct dir *d = *state;
	int fd;

	assert_int_equal(fd_mkdir_p(d->fd, "root/a", 0755), 0);
	put(d->fd, "outside", "x");
	put(d->fd, "root/a/f", "x");
	assert_int_equal(symlinkat("/etc/passwd", d->fd, "root/absolute"), 0);
	assert_int_equal(symlinkat("../outside", d->fd, "root/up"), 0);
	assert_int_equal(symlinkat("a/f", d->fd, "root/inside"), 0);
	auto_close int root = openat(d->fd, "root", O_PATH | O_DIRECTORY);

	check_open(root, false, "a/f", 0);
	check_open(root, false, "a/../a/f", 0);
	check_open(root, false, "inside", 0);
	check_open(root, false, "../outside", -EXDEV);
	check_open(root, false, "up", -EXDEV);
	check_open(root, false, "absolute", -EXDEV);
	check_open(root, false, "/etc/passwd", -EXDEV);
	check_open(root, false, "none", -ENOENT);
	assert_int_equal(symlinkat("/proc/self/root", d->fd, "root/magic"), 0);
	check_open(root, false, "magic", -EXDEV);
	fd = fd_open_beneath(root, "a/f", O_RDONLY, 0);
	assert_true(fd >= 0);
	close(fd);
}

static void test_in_root_resolves_as_if_chrooted(void **state)
{
	struct dir *d = *state;
	int fd;

	assert_int_equal(fd_mkdir_p(d->fd, "root/a", 0755), 0);
	put(d->fd, "outside", "x");
	put(d->fd, "root/a/f", "x");
	assert_int_equal(symlinkat("/a/f", d->fd, "root/absolute"), 0);
	assert_int_equal(symlinkat("../../../a/f", d->fd, "root/up"), 0);
	assert_int_equal(symlinkat("/outside", d->fd, "root/gone"), 0);
	auto_close int root = openat(d->fd, "root", O_PATH | O_DIRECTORY);

	check_open(root, true, "/a/f", 0);
	check_open(root, true, "/absolute", 0);
	check_open(root, true, "/up", 0);
	check_open(root, true, "/../../a/f", 0);
	check_open(root, true, "/gone", -ENOENT);
	fd = fd_open_in_root(root, "/a/new", O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	close(fd);
	check_open(root, true, "/a/new", 0);
}

static void test_mkdir_p(void **state)
{
	struct dir *d = *state;
	auto_free char *absolute = xasprintf("%s/x/y/z", d->path);
	struct stat st;

	assert_int_equal(fd_mkdir_p(d->fd, "a/b//c/", 0700), 0);
	assert_int_equal(fd_mkdir_p(d->fd, "a/b/c", 0755), 0);
	assert_int_equal(fstatat(d->fd, "a/b/c", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(fd_mkdir_p(AT_FDCWD, absolute, 0755), 0);
	assert_int_equal(fstatat(d->fd, "x/y/z", &st, 0), 0);
	assert_int_equal(fd_mkdir_p(d->fd, "/below", 0755), 0);
	assert_int_equal(fstatat(d->fd, "below", &st, 0), 0);
	put(d->fd, "file", "x");
	assert_int_equal(fd_mkdir_p(d->fd, "file/b", 0755), -ENOTDIR);
	assert_int_equal(symlinkat("a", d->fd, "link"), 0);
	assert_true(fd_mkdir_p(d->fd, "link/q", 0755) < 0);
	assert_int_equal(fstatat(d->fd, "a/q", &st, 0), -1);
}

static void test_remove_tree(void **state)
{
	struct dir *d = *state;
	struct stat st;

	assert_int_equal(fd_mkdir_p(d->fd, "keep", 0755), 0);
	put(d->fd, "keep/f", "x");
	assert_int_equal(fd_mkdir_p(d->fd, "t/a/b", 0755), 0);
	assert_int_equal(fd_mkdir_p(d->fd, "t/c", 0755), 0);
	for (int i = 0; i < 300; i++) {
		char name[32];

		snprintf(name, sizeof(name), "t/a/f%d", i);
		put(d->fd, name, "x");
	}
	assert_int_equal(symlinkat("../keep", d->fd, "t/link"), 0);
	assert_int_equal(mkfifoat(d->fd, "t/fifo", 0600), 0);
	assert_int_equal(fd_remove_tree(d->fd, "t"), 0);
	assert_int_equal(fstatat(d->fd, "t", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(fstatat(d->fd, "keep/f", &st, 0), 0);
	assert_int_equal(fd_remove_tree(d->fd, "t"), 0);
	assert_int_equal(fd_remove_tree(d->fd, "no/such/parent"), 0);
	/* A link is removed, not what it points to; so is a file. */
	assert_int_equal(symlinkat("keep", d->fd, "link"), 0);
	/* Nor does a link on the way lead anywhere. */
	assert_int_equal(fd_remove_tree(d->fd, "link/f"), -ELOOP);
	assert_int_equal(fstatat(d->fd, "keep/f", &st, 0), 0);
	assert_int_equal(fd_remove_tree(d->fd, "link"), 0);
	assert_int_equal(fd_remove_tree(d->fd, "keep/f"), 0);
	assert_int_equal(fstatat(d->fd, "keep", &st, 0), 0);
	assert_int_equal(fd_remove_tree(d->fd, "."), -EINVAL);
	assert_int_equal(fd_remove_tree(d->fd, "keep/.."), -EINVAL);
}

/* Far deeper than PATH_MAX and than the descriptors a process may have. */
static void test_remove_deep_tree(void **state)
{
	struct dir *d = *state;
	struct stat st;
	int at = dup(d->fd);

	for (int i = 0; i < 1200; i++) {
		int next;

		assert_int_equal(mkdirat(at, "deep-directory", 0755), 0);
		next = openat(at, "deep-directory", O_PATH | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
		put(at, "f", "x");
	}
	close(at);
	assert_int_equal(fd_remove_tree(d->fd, "deep-directory"), 0);
	assert_int_equal(fstatat(d->fd, "deep-directory", &st, 0), -1);
}

static void test_descriptors(void **state)
{
	auto_close int fd = -1;
	int pipefd[2], flags;

	(void)state;
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	assert_int_equal(fd_set_nonblock(pipefd[0], true), 0);
	flags = fcntl(pipefd[0], F_GETFL);
	assert_true(flags & O_NONBLOCK);
	assert_int_equal(fd_set_nonblock(pipefd[0], false), 0);
	assert_false(fcntl(pipefd[0], F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_write_all(pipefd[1], "abc", 3), 0);
	fd = fd_move_above_stdio(pipefd[1]);
	assert_true(fd >= 3);
	close_fd(&fd);
	assert_int_equal(fd, -1);

	char buf[4];

	assert_int_equal(fd_read_all(pipefd[0], buf, 2), 0);
	assert_int_equal(fd_read_all(pipefd[0], buf, 2), -EPIPE);
	close(pipefd[0]);
	assert_int_equal(fd_set_nonblock(-1, true), -EBADF);
}

/* In a child: it closes what the test framework needs. */
static void test_close_all_but(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		int keep[3], gone = open("/dev/null", O_RDONLY | O_CLOEXEC), bad = 0;

		for (int i = 0; i < 3; i++)
			keep[2 - i] = fcntl(gone, F_DUPFD_CLOEXEC, 20 + 7 * i);
		bad |= fd_close_all(keep, 3);
		for (int i = 0; i < 3; i++)
			bad |= fcntl(keep[i], F_GETFD) < 0;
		bad |= fcntl(gone, F_GETFD) >= 0;
		bad |= fcntl(21, F_GETFD) >= 0;
		bad |= fcntl(STDERR_FILENO, F_GETFD) < 0;
		bad |= fd_close_all(NULL, 0);
		bad |= fcntl(keep[0], F_GETFD) >= 0;
		_exit(bad ? 1 : 0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_pass_descriptors(void **state)
{
	int pair[2], pipefd[2], got[FD_PASS_MAX];
	pid_t pid;
	size_t n;
	char buf[16];
	int on = 1;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);

	assert_int_equal(fd_send(pair[0], "abc", 3, pipefd, 2), 0);
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), got, &n, &pid), 3);
	assert_int_equal(n, 2);
	assert_int_equal(pid, getpid());
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fd_write_all(got[1], "x", 1), 0);
	assert_int_equal(fd_read_all(pipefd[0], buf, 1), 0);
	close(got[0]);
	close(got[1]);

	assert_int_equal(fd_send(pair[0], "long message", 12, NULL, 0), 0);
	assert_int_equal(fd_recv(pair[1], buf, 4, got, &n, NULL), -EMSGSIZE);
	assert_int_equal(n, 0);

	/* What is not wanted is closed: the pipe sees its end. */
	assert_int_equal(fd_send(pair[0], "x", 1, &pipefd[1], 1), 0);
	close(pipefd[1]);
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), NULL, NULL, NULL), 1);
	assert_int_equal(fd_read_all(pipefd[0], buf, 1), -EPIPE);

	close(pair[0]);
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), got, &n, &pid), 0);
	assert_true(fd_send(pair[1], "x", 1, NULL, 0) == -EPIPE);
	close(pair[1]);
	close(pipefd[0]);
}

static void test_credentials(void **state)
{
	struct cred c = CRED_INIT, copy = CRED_INIT;
	auto_free char *name = cred_user_name(0);
	auto_free char *unknown = cred_user_name(3999999999U);
	uid_t uid = 1;
	gid_t gid = 1;

	(void)state;
	assert_string_equal(name, "root");
	assert_string_equal(unknown, "3999999999");
	assert_int_equal(cred_parse_user("root", &uid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(cred_parse_user("12345678", &uid), 0);
	assert_int_equal(uid, 12345678);
	assert_int_equal(cred_parse_user("no-such-user-here", &uid), -ENOENT);
	assert_int_equal(cred_parse_user("4294967295", &uid), -ERANGE);
	assert_int_equal(cred_parse_user("-1", &uid), -ENOENT);
	assert_int_equal(cred_parse_user("", &uid), -ENOENT);
	assert_int_equal(uid, 12345678);
	assert_int_equal(cred_parse_group("root", &gid), 0);
	assert_int_equal(gid, 0);

	c.uid = 3999999999U;
	c.gid = 42;
	cred_load_groups(&c);
	assert_int_equal(c.ngroups, 1);
	assert_true(cred_in_group(&c, 42));
	assert_false(cred_in_group(&c, 43));
	c.uid = c.gid = 0;
	cred_load_groups(&c);
	assert_true(c.ngroups >= 1);
	cred_copy(&copy, &c);
	assert_int_equal(copy.ngroups, c.ngroups);
	cred_deinit(&c);
	assert_true(cred_in_group(&copy, 0));
	cred_deinit(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read_write_replace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_files_are_read_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace_leaves_no_other_files, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_beneath_does_not_escape, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_root_resolves_as_if_chrooted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_mkdir_p, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_deep_tree, setup, teardown),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_close_all_but),
		cmocka_unit_test(test_pass_descriptors),
		cmocka_unit_test(test_credentials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
