/* SPDX-License-Identifier: Apache-2.0 */
/* What a container of the running kernel looks like from inside, and held and nested ones. */
#include "starter_fixture.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>

#include "kernel/hold.h"
#include "kernel/mnt.h"

/* ---- what it finds ---- */

static void namespaces_are_new(void **state)
{
	static const enum ns_kind fresh[] = { NS_PID, NS_MNT, NS_IPC, NS_UTS };
	struct box *b = box_new("sleep 100");
	auto_free char *comm = NULL;

	(void)state;
	assert_int_equal(box_start(b), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fresh); i++)
		assert_true(ns_inode(b->res.main_pid, fresh[i]) != ns_inode(getpid(), fresh[i]));
	assert_true(ns_inode(b->res.main_pid, NS_NET) == ns_inode(getpid(), NS_NET));
	assert_true(ns_inode(b->res.main_pid, NS_PID) == ns_inode(b->res.wait_pid, NS_PID));
	comm = xasprintf("/proc/%d/comm", (int)b->res.wait_pid);
	fd_read_small(AT_FDCWD, comm, b->output, sizeof(b->output));
	assert_string_equal(b->output, "portoinit\n");
	assert_true(cgroup_is_populated(t.host, &b->spec.cgroup, false));
	box_kill(b);
	box_free(b);
}

static void host_root_is_protected(void **state)
{
	(void)state;
	/* The read-only proc, hidden files, a sysfs of its own, no control groups in it. */
	check_output("sh -c '(echo 1 >/proc/sys/vm/drop_caches) 2>/dev/null && echo writable;"
		     " ls /proc/scsi /sys/firmware /sys/fs/cgroup 2>/dev/null | grep [a-z]$;"
		     " touch /sys/x 2>/dev/null && echo writable; wc -c </proc/keys;"
		     " grep -c cgroup /proc/self/mounts; exit 0'",
		     "0\n0\n");
}

static void only_standard_streams_are_open(void **state)
{
	(void)state;
	check_output("sh -c 'cd /proc/self/fd; echo *; umask; cut -d\" \" -f6 /proc/self/stat |"
		     " grep -c 2; cat /proc/self/oom_score_adj'",
		     "0 1 2 3\n0022\n1\n0\n");
}

static void credentials_and_limits(void **state)
{
	struct box *b = box_new("sh -c 'id -u; id -g; id -G; grep Cap /proc/self/status; "
				"grep NoNewPrivs /proc/self/status; ulimit -n; umask; cat "
				"/proc/self/oom_score_adj'");
	struct rlimit_entry limit = { RLIMIT_NOFILE, { 77, 88 } };
	gid_t groups[] = { 1001, 1002 };
	struct cred cred = { .uid = 1000, .gid = 1000, .groups = groups, .ngroups = 2 };
	struct stat st;

	(void)state;
	b->spec.cred = &cred;
	b->spec.caps.bounding = CAP_BIT(CAP_KILL) | CAP_BIT(CAP_CHOWN);
	b->spec.caps.ambient = b->spec.caps.inheritable = CAP_BIT(CAP_KILL);
	b->spec.rlimits = &limit;
	b->spec.nrlimits = 1;
	b->spec.no_new_privs = true;
	b->spec.umask = 0077;
	b->spec.set_oom_score_adj = true;
	b->spec.oom_score_adj = 500;
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output,
			    "1000\n1000\n1000 1001 1002\n"
			    "CapInh:\t0000000000000020\nCapPrm:\t0000000000000020\n"
			    "CapEff:\t0000000000000020\nCapBnd:\t0000000000000021\n"
			    "CapAmb:\t0000000000000020\nNoNewPrivs:\t1\n77\n0077\n500\n");
	assert_int_equal(b->res.warnings, 0);
	assert_int_equal(stat(t.output, &st), 0);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(stat(t.workdir, &st), 0);
	assert_int_equal(st.st_gid, 1000);
	assert_int_equal(st.st_mode & 07777, 0775);
	box_free(b);
}

static void arguments_are_verbatim(void **state)
{
	struct strv argv = STRV_INIT;
	struct box *b = box_new("ignored");

	(void)state;
	strv_add(&argv, "printf");
	strv_add(&argv, "[%s]");
	strv_add(&argv, "$HOME *");
	strv_add(&argv, "");
	b->spec.argv = &argv;
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, "[$HOME *][]");
	box_free(b);
	strv_deinit(&argv);
}

static void hostname_is_its_own(void **state)
{
	char before[128], after[128];
	struct box *b = box_new("uname -n");

	(void)state;
	gethostname(before, sizeof(before));
	b->spec.hostname = b->layout.hostname = "porto-box";
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, "porto-box\n");
	gethostname(after, sizeof(after));
	assert_string_equal(before, after);
	box_free(b);
}

/* ---- chroot ---- */

static void chroot_has_a_system(void **state)
{
	struct box *b = chroot_box("/bin/sh -c 'echo /*; echo /dev/*; echo /run/*; "
				   "echo x >/dev/null && cat /etc/hostname /etc/resolv.conf; "
				   "stat -c %a /run /run/lock /dev/shm /run/image; "
				   "stat -c %t:%T /dev/zero; readlink /dev/fd; ls /dev/pts; "
				   "cut -d\" \" -f2 /proc/mounts | sort | tr \"\\n\" \" \"'");
	auto_free char *target = NULL, *leak = NULL;

	(void)state;
	b->layout.hostname = "box";
	b->layout.resolv_conf = "nameserver ::1\n";
	assert_int_equal(box_run(b), 0);
	assert_string_equal(
		b->output,
		"/bin /dev /etc /proc /run /sys\n"
		"/dev/console /dev/fd /dev/full /dev/null /dev/ptmx /dev/pts /dev/random /dev/shm "
		"/dev/stderr /dev/stdin /dev/stdout /dev/tty /dev/urandom /dev/zero\n"
		"/run/image /run/lock /run/shm\n"
		"box\nnameserver ::1\n"
		"755\n1777\n1777\n775\n1:5\n/proc/self/fd\nptmx\n"
		"/ /dev /dev/pts /dev/shm /etc/hostname /etc/resolv.conf /proc /proc/acpi /proc/bus "
		"/proc/irq /proc/keys /proc/sys /proc/timer_list /run /run/lock /sys /sys/firmware ");
	/* Nothing of it is in the image, but for the mount points. */
	leak = xasprintf("%s/dev/null", t.root);
	assert_int_equal(access(leak, F_OK), -1);
	target = xasprintf("%s/etc/resolv.conf", t.root);
	assert_int_equal(fd_read_small(AT_FDCWD, target, b->output, sizeof(b->output)), 0);
	box_free(b);
}

static void chroot_may_be_read_only(void **state)
{
	struct box *b = chroot_box("/bin/sh -c '(echo >/x) 2>/dev/null || echo ro; echo >/run/x; "
				   "echo >/dev/shm/x'");

	(void)state;
	b->layout.root_readonly = true;
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, "ro\n");
	box_free(b);
}

static void images_cannot_lead_out(void **state)
{
	auto_free char *etc = xasprintf("%s/etc", t.root),
		       *saved = xasprintf("%s/etc.saved", t.root);
	auto_free char *victim = xasprintf("%s/victim", t.dir), *lead = NULL;
	struct box *b = chroot_box("/bin/sh -c 'cat /etc/hostname; ls /'");

	(void)state;
	/* /etc leads up and out to a directory of the host. */
	lead = xasprintf("../../../../../../../../../..%s", victim);
	assert_int_equal(mkdir(victim, 0755), 0);
	assert_int_equal(rename(etc, saved), 0);
	assert_int_equal(symlink(lead, etc), 0);
	b->layout.hostname = "box";
	box_fails(b, ERR_UNKNOWN, "overlay /etc/hostname");
	lead = (free(lead), xasprintf("%s/hostname", victim));
	assert_int_equal(access(lead, F_OK), -1);
	/* No mount goes over a link. */
	unlink(etc);
	assert_int_equal(rename(saved, etc), 0);
	free(lead);
	lead = xasprintf("%s/sys", t.root);
	rmdir(lead);
	assert_int_equal(symlink("/", lead), 0);
	box_fails(chroot_box("/bin/sh"), ERR_UNKNOWN, "make directory /sys");
	unlink(lead);
	fd_remove_tree(AT_FDCWD, victim);
}

static void binds_appear(void **state)
{
	auto_free char *dir = xasprintf("%s/shared", t.dir),
		       *file = xasprintf("%s/shared/f", t.dir);
	auto_free char *made = xasprintf("%s/mnt", t.root);
	char target[] = "/mnt/a/b", one[] = "/mnt/file", link[] = "/mnt/link/x";
	struct bind_mount binds[] = {
		{ dir, target, BIND_RO },
		{ file, one, 0 },
		{ file, link, 0 },
	};
	struct box *b = chroot_box(
		"/bin/sh -c 'cat /mnt/a/b/f /mnt/file /gone/x; "
		"(echo x >/mnt/a/b/f) 2>/dev/null || echo ro; echo y >>/mnt/file; "
		"grep -c nodev.*mnt/file /proc/mounts; stat -c %u:%a /mnt/a'");
	auto_free char *dangling = xasprintf("%s/mnt/link", t.root);
	struct stat st;

	(void)state;
	assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(fd_replace_file(AT_FDCWD, file, "data\n", 5, 0644), 0);
	assert_int_equal(mkdir(made, 0755), 0);
	/* A link whose target is missing: made inside. */
	assert_int_equal(symlink("/gone", dangling), 0);
	b->layout.binds = binds;
	b->layout.nbinds = 3;
	b->layout.owner_uid = 12;
	assert_int_equal(box_start(b), -1);
	/* A directory in the middle is not made through it. */
	assert_int_equal(unlink(dangling), 0);
	assert_int_equal(symlink("../gone/x", dangling), 0);
	binds[2].target = dangling + strlen(t.root);
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, "data\ndata\ndata\nro\n0\n12:775\n");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 7);
	box_free(b);
	fd_remove_tree(AT_FDCWD, made);
	free(made);
	made = xasprintf("%s/gone", t.root);
	fd_remove_tree(AT_FDCWD, made);
	fd_remove_tree(AT_FDCWD, dir);
}

/* ---- the helper, older kernels ---- */

static void the_helper_cannot_be_written_to(void **state)
{
	struct box *b = box_new(NULL);
	char path[MNT_FD_PATH_MAX], exe[64];
	int fd = mnt_open_read_only(t.portoinit);

	(void)state;
	assert_true(fd >= 0);
	b->spec.portoinit = mnt_fd_path(fd, path);
	assert_int_equal(box_start(b), 0);
	close(fd);
	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)b->res.wait_pid);
	fd = open(exe, O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	box_kill(b); /* now it is not busy any more */
	assert_int_equal(open(mnt_fd_path(fd, path), O_WRONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, EROFS);
	close(fd);
	box_free(b);
}

/* Make some system calls unknown to this process and all it starts. */
static void forget_calls(void)
{
	static const unsigned calls[] = { SYS_mount_setattr, SYS_clone3, SYS_close_range };
	struct sock_filter code[2 * ARRAY_SIZE(calls) + 2], *c = code;
	struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	*c++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					    offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		*c++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
		*c++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	}
	*c = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		_exit(1);
}

static void older_kernels_do(void **state)
{
	auto_free char *dir = xasprintf("%s/shared", t.dir), *sub = xasprintf("%s/sub", dir);
	char target[] = "/mnt";
	struct bind_mount bind = { dir, target, BIND_RRO | BIND_REC };
	struct box *b = chroot_box("/bin/sh -c '(echo >/x) 2>/dev/null || echo ro; "
				   "(echo >/mnt/x) 2>/dev/null || echo ro; "
				   "(echo >/mnt/sub/x) 2>/dev/null || echo ro; echo >/run/x'");
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(mkdir(sub, 0755), 0);
	fd_mkdir_p(AT_FDCWD, t.root, 0755);
	b->layout.binds = &bind;
	b->layout.nbinds = 1;
	b->layout.root_readonly = true;
	pid = fork();
	if (pid == 0) {
		auto_free char *point = xasprintf("%s/mnt", t.root);

		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("tmpfs", sub, "tmpfs", 0, NULL) < 0 || mkdir(point, 0755) < 0)
			_exit(1);
		forget_calls();
		status = box_run(b);
		rmdir(point);
		_exit(status != 0 || strcmp(b->output, "ro\nro\nro\n") != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	box_free(b);
	fd_remove_tree(AT_FDCWD, dir);
}

/* ---- layouts of processes ---- */

static void a_holder_holds(void **state)
{
	struct box *b = box_new(NULL);

	(void)state;
	assert_int_equal(box_start(b), 0);
	assert_int_equal(b->res.main_pid, b->res.wait_pid);
	assert_int_equal(b->res.main_vpid, 1);
	assert_int_equal(waitpid(b->res.wait_pid, NULL, WNOHANG), 0);
	box_kill(b);
	box_free(b);
}

static void the_command_may_be_the_init(void **state)
{
	struct box *b = box_new("sh -c 'echo $$'");

	(void)state;
	b->spec.init = false;
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, "1\n");
	assert_int_equal(b->res.main_pid, b->res.wait_pid);
	assert_int_equal(b->res.main_vpid, 1);
	box_free(b);
}

static void a_held_start_waits_for_the_word(void **state)
{
	auto_free char *fifo = xasprintf("%s.hold", t.record);

	(void)state;
	assert_int_equal(hold_release(fifo), -ENXIO);
	for (int i = 0; i < 4; i++) {
		bool init = i & 1, go = i & 2;
		struct box *b = box_new("echo gone");
		char link[64];
		int status;

		b->spec.init = init;
		b->spec.hold_path = fifo;
		assert_int_equal(box_start(b), 0);
		/* It exists, in its groups and namespaces, and has run nothing. It is no copy of us
		 * any more, either. */
		assert_true(hold_is_waiting(fifo));
		assert_true(ns_inode(b->res.main_pid, NS_UTS) != ns_inode(getpid(), NS_UTS));
		assert_int_equal(waitpid(b->res.wait_pid, &status, WNOHANG), 0);
		snprintf(link, sizeof(link), "/proc/%d/comm", (int)b->res.main_pid);
		fd_read_small(AT_FDCWD, link, b->output, sizeof(b->output));
		assert_string_not_equal(b->output, "test_starter_bo\n");
		if (go)
			assert_int_equal(hold_release(fifo), 0);
		else
			kill(b->res.main_pid, SIGTERM);
		assert_int_equal(waitpid(b->res.wait_pid, &status, 0), b->res.wait_pid);
		assert_int_equal(status, go ? 0 : (128 + SIGTERM) << 8);
		fd_read_small(AT_FDCWD, t.output, b->output, sizeof(b->output));
		assert_string_equal(b->output, go ? "gone\n" : "");
		assert_false(hold_is_waiting(fifo));
		box_free(b);
	}
	unlink(fifo);
}

static void a_held_command_must_be_there(void **state)
{
	auto_free char *fifo = xasprintf("%s.hold", t.record);
	struct box *b = box_new("/bin/nope");

	(void)state;
	b->spec.hold_path = fifo;
	assert_int_equal(box_start(b), -1);
	assert_int_equal(b->err.code, ERR_INVALID_COMMAND);
	assert_non_null(strstr(b->err.text, "exec /bin/nope"));
	unlink(fifo);
	box_free(b);
}

static void a_late_failure_is_told_on_stderr(void **state)
{
	auto_free char *fifo = xasprintf("%s.hold", t.record), *prog = xasprintf("%s.sh", t.record);
	struct box *b = box_new(prog);
	int status;

	(void)state;
	close(open(prog, O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
	b->spec.hold_path = fifo;
	assert_int_equal(box_start(b), 0);
	unlink(prog);
	assert_int_equal(hold_release(fifo), 0);
	assert_int_equal(waitpid(b->res.wait_pid, &status, 0), b->res.wait_pid);
	assert_int_equal(status, 127 << 8);
	fd_read_small(AT_FDCWD, t.output, b->output, sizeof(b->output));
	assert_non_null(strstr(b->output, prog));
	unlink(fifo);
	box_free(b);
}

static void as_in(struct box *b, pid_t base)
{
	for (int kind = NS_PID; kind < _NS_COUNT; kind++)
		b->spec.ns[kind] = (struct ns_choice){ .mode = NS_OF_PID, .pid = base };
	b->spec.root_pid_of = base;
	b->spec.cwd = NULL;
	b->spec.plan = NULL;
}

static void containers_nest(void **state)
{
	struct box *outer = chroot_box("/bin/sh -c 'cd /run; exec sleep 100'"), *b;
	auto_free char *second = xasprintf("%s.second", t.record), *cwd = NULL;
	pid_t base;

	(void)state;
	outer->spec.hostname = "outer";
	assert_int_equal(box_start(outer), 0);
	base = outer->res.main_pid;
	for (int i = 0; i < 200; i++) { /* until it is in its directory */
		free(cwd);
		cwd = read_link(base, "cwd");
		if (!strcmp(cwd, "/run"))
			break;
		usleep(1000);
	}
	/* The same namespaces, root and directory. */
	b = box_new("/bin/sh -c 'hostname; pwd; echo /bin/*; [ $$ -gt 2 ] && echo inside'");
	as_in(b, base);
	b->spec.record_path = second;
	b->spec.keep_workdir = true;
	assert_int_equal(box_start(b), 0);
	waitpid(b->res.wait_pid, NULL, 0);
	fd_read_small(AT_FDCWD, t.output, b->output, sizeof(b->output));
	assert_string_equal(b->output, "outer\n/run\n/bin/busybox /bin/cat /bin/sh\ninside\n");
	assert_true(b->res.main_vpid > 2);
	/* New ones within those: a pid namespace below, a root in the root. */
	plan_deinit(&b->plan);
	device_list_deinit(&b->devices);
	free(b);
	b = box_new("/bin/sh -c 'hostname; echo $$; echo /*; sleep 100'");
	as_in(b, base);
	b->spec.ns[NS_PID].mode = b->spec.ns[NS_MNT].mode = b->spec.ns[NS_UTS].mode = NS_NEW;
	b->spec.record_path = second;
	b->spec.cwd = "/";
	b->spec.keep_workdir = true;
	b->layout.root = "/bin";
	b->spec.command = "/sh -c 'hostname; echo $$; echo /*; exec sleep 100'";
	unlink(t.output);
	assert_int_equal(box_start(b), 0);
	for (int i = 0; i < 500; i++) {
		ssize_t n = fd_read_small(AT_FDCWD, t.output, b->output, sizeof(b->output));

		if (n > 0 && strstr(b->output, "/sys"))
			break;
		usleep(1000);
	}
	assert_string_equal(b->output, "outer\n2\n/busybox /cat /dev /proc /run /sh /sys\n");
	assert_true(ns_inode(b->res.main_pid, NS_PID) != ns_inode(base, NS_PID));
	assert_true(ns_inode(b->res.main_pid, NS_IPC) == ns_inode(base, NS_IPC));
	/* The end of the outer one is the end of the inner one, which is to be reaped first: an
	 * init ends when its namespace is empty. */
	kill(outer->res.wait_pid, SIGKILL);
	assert_int_equal(waitpid(b->res.wait_pid, NULL, 0), b->res.wait_pid);
	assert_int_equal(waitpid(outer->res.wait_pid, NULL, 0), outer->res.wait_pid);
	plan_deinit(&b->plan);
	device_list_deinit(&b->devices);
	free(b);
	unlink(second);
	box_free(outer);
	for (size_t i = 0; i < 4; i++) {
		static const char *const made[] = { "proc", "dev", "run", "sys" };
		auto_free char *dir = xasprintf("%s/bin/%s", t.root, made[i]);

		fd_remove_tree(AT_FDCWD, dir);
	}
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(namespaces_are_new),
		cmocka_unit_test(host_root_is_protected),
		cmocka_unit_test(only_standard_streams_are_open),
		cmocka_unit_test(credentials_and_limits),
		cmocka_unit_test(arguments_are_verbatim),
		cmocka_unit_test(hostname_is_its_own),
		cmocka_unit_test(chroot_has_a_system),
		cmocka_unit_test(chroot_may_be_read_only),
		cmocka_unit_test(images_cannot_lead_out),
		cmocka_unit_test(binds_appear),
		cmocka_unit_test(the_helper_cannot_be_written_to),
		cmocka_unit_test(older_kernels_do),
		cmocka_unit_test(a_holder_holds),
		cmocka_unit_test(the_command_may_be_the_init),
		cmocka_unit_test(a_held_start_waits_for_the_word),
		cmocka_unit_test(a_held_command_must_be_there),
		cmocka_unit_test(a_late_failure_is_told_on_stderr),
		cmocka_unit_test(containers_nest),
	};

	(void)argc;
	return run_boxes("starter_box", tests, ARRAY_SIZE(tests), argv);
}
