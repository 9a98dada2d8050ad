/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The starter on the running kernel: real processes, namespaces, mounts and control groups, below a
 * prefix of our own, gone at the end. Needs root; skipped (77) without. PORTOINIT names the helper.
 */
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
	char *root;   /* an image with a shell */
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
	struct start_result res;
	struct error err;
	struct task_record record;
	char output[OUTPUT_MAX];
};

static struct box *box_new(const char *command)
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
	s->caps_bounding = caps_default;
	s->timeout_ms = 20000;
	b->layout = (struct layout_params){ .root = "/",
					    .isolate = true,
					    .run_size = 1 << 20,
					    .dev_size = 1 << 20,
					    .devpts_max = 8 };
	b->layout.devices = device_defaults(&b->layout.ndevices);
	return b;
}

static void box_free(struct box *b)
{
	struct error err;

	plan_deinit(&b->plan);
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

static pid_t fork_starter(struct box *b, int fd)
{
	struct verdict v = { 0 };
	pid_t pid = fork();

	if (pid == 0) {
		v.r = starter_run(&b->spec, &v.res, &v.err);
		_exit(fd_write_all(fd, &v, sizeof(v)) < 0);
	}
	assert_true(pid > 0);
	return pid;
}

/* Run the starter as the server does, in a child. */
static int box_start(struct box *b)
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
static int box_run(struct box *b)
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
static void box_kill(struct box *b)
{
	kill(b->res.wait_pid, SIGKILL);
	assert_int_equal(waitpid(b->res.wait_pid, NULL, 0), b->res.wait_pid);
}

/* Start and expect a failure that leaves no process behind. */
static void box_fails(struct box *b, enum error_code code, const char *part)
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

static void check_output(const char *command, const char *expected)
{
	struct box *b = box_new(command);

	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, expected);
	box_free(b);
}

static ino_t ns_inode(pid_t pid, enum ns_kind kind)
{
	auto_free char *path = xasprintf("/proc/%d/ns/%s", (int)pid, ns_name(kind));
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static char *read_link(int pid, const char *what)
{
	char path[64], to[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	n = readlink(path, to, sizeof(to) - 1);
	assert_true(n >= 0);
	return xstrndup(to, (size_t)n);
}

/* ---- life and death ---- */

static void a_command_runs(void **state)
{
	struct box *b = box_new("/bin/true");

	(void)state;
	assert_int_equal(box_run(b), 0);
	assert_int_equal(b->res.main_vpid, 2);
	assert_int_not_equal(b->res.main_pid, b->res.wait_pid);
	assert_int_equal(b->record.wait_pid, b->res.wait_pid);
	assert_int_equal(b->record.main_pid, b->res.main_pid);
	assert_int_equal(b->record.main_vpid, 2);
	assert_true(b->record.wait_starttime == b->res.wait_starttime);
	assert_true(b->record.main_starttime >= b->res.wait_starttime);
	assert_int_equal(b->record.have_status, 1);
	assert_int_equal(b->record.status, 0);
	box_free(b);
}

static void exit_codes_are_exact(void **state)
{
	char command[64];

	(void)state;
	for (int code = 0; code < 256; code++) {
		struct box *b;

		snprintf(command, sizeof(command), "sh -c \"exit %d\"", code);
		b = box_new(command);
		b->spec.init = code % 4 != 3;
		assert_int_equal(box_run(b), code << 8);
		assert_int_equal(b->record.have_status, b->spec.init);
		assert_int_equal(b->record.status, b->spec.init ? code << 8 : 0);
		box_free(b);
	}
}

static void signals_are_exact(void **state)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		int sig = signals[i];
		auto_free char *command = xasprintf("sh -c 'kill -%d $$'", sig);
		struct box *b = box_new(command);

		/* An init cannot kill itself ... */
		assert_int_equal(box_run(b), (128 + sig) << 8);
		assert_int_equal(b->record.status, sig);
		box_free(b);
		/* ... a sub-reaper can. */
		b = box_new(command);
		b->spec.ns[NS_PID].mode = NS_KEEP;
		assert_int_equal(box_run(b), sig);
		assert_int_equal(b->record.status, sig);
		box_free(b);
	}
}

static void portoinit_forwards_signals(void **state)
{
	struct box *b =
		box_new("sh -c 'trap \"exit 7\" TERM; echo ready; while :; do sleep 0.01; done'");

	(void)state;
	assert_int_equal(box_start(b), 0);
	do {
		b->output[0] = '\0';
		fd_read_small(AT_FDCWD, t.output, b->output, sizeof(b->output));
		usleep(1000);
	} while (!*b->output);
	kill(b->res.wait_pid, SIGTERM);
	assert_int_equal(waitpid(b->res.wait_pid, &b->record.status, 0), b->res.wait_pid);
	assert_int_equal(b->record.status, 7 << 8);
	box_free(b);
}

static void orphans_are_reaped_and_do_not_keep_it_alive(void **state)
{
	(void)state;
	check_output("sh -c '(sleep 100 &) ; (true &) ; sleep 0.05; echo done'", "done\n");
}

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
	b->spec.caps_bounding = CAP_BIT(CAP_KILL) | CAP_BIT(CAP_CHOWN);
	b->spec.caps_ambient = CAP_BIT(CAP_KILL);
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

static struct box *chroot_box(const char *command)
{
	struct box *b = box_new(command);

	b->layout.root = t.root;
	return b;
}

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

/* ---- streams ---- */

static void streams_go_where_they_should(void **state)
{
	auto_free char *inside = xasprintf("%s/bin/out", t.root);
	struct box *b = chroot_box("/bin/sh -c 'cat; echo err >&2'");
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "in\n", 3), 3);
	close(fds[1]);
	b->spec.streams[0] = (struct stream_spec){ .kind = STREAM_FD, .fd = fds[0] };
	b->spec.streams[1] = (struct stream_spec){ .kind = STREAM_INSIDE, .path = "out" };
	b->spec.cwd = "/bin";
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, "err\n");
	assert_int_equal(fd_read_small(AT_FDCWD, inside, b->output, sizeof(b->output)), 3);
	assert_string_equal(b->output, "in\n");
	unlink(inside);
	close(fds[0]);
	box_free(b);
}

static void a_respawn_appends(void **state)
{
	struct box *b = box_new("echo once");

	(void)state;
	assert_int_equal(box_run(b), 0);
	b->spec.keep_workdir = true;
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, "once\nonce\n");
	b->spec.keep_workdir = false;
	assert_int_equal(box_run(b), 0);
	assert_string_equal(b->output, "once\n");
	box_free(b);
}

static void traps_in_the_work_directory_are_refused(void **state)
{
	struct box *b = box_new("echo x");

	(void)state;
	assert_int_equal(box_run(b), 0);
	b->spec.keep_workdir = true;
	unlink(t.output);
	assert_int_equal(symlink("/etc/porto-test-never", t.output), 0);
	assert_int_equal(box_start(b), -1);
	assert_int_equal(b->err.code, ERR_INVALID_VALUE);
	assert_int_equal(access("/etc/porto-test-never", F_OK), -1);
	unlink(t.output);
	assert_int_equal(mkfifo(t.output, 0666), 0);
	box_fails(b, ERR_INVALID_VALUE, "open stdout");
}

/* ---- failing steps ---- */

static void failures_name_step_and_object(void **state)
{
	static const char long_name[] = "a-name-that-is-much-longer-than-the-sixty-four-characters-"
					"which-the-kernel-has-room-for";
	char source[] = "/no/such/source", target[] = "/tmp";
	struct bind_mount bind = { source, target, 0 };
	struct strv argv = STRV_INIT;
	struct box *b;

	(void)state;
	b = box_new("/bin/true");
	b->layout.root = "/no/such/dir";
	box_fails(b, ERR_INVALID_PATH, "open root /no/such/dir");
	b = box_new("/bin/true");
	b->spec.cwd = "/x/y";
	box_fails(b, ERR_UNKNOWN, "chdir /x/y");
	box_fails(box_new("/bin/nope"), ERR_INVALID_COMMAND, "exec /bin/nope");
	box_fails(box_new(t.plain_file), ERR_INVALID_COMMAND, "exec /tmp/porto-st-");
	box_fails(box_new("echo $(id)"), ERR_INVALID_COMMAND, "expand command");
	box_fails(box_new("$EMPTY"), ERR_INVALID_COMMAND, "undefined variable");
	box_fails(box_new("  "), ERR_INVALID_COMMAND, "empty");
	strv_add(&argv, "");
	b = box_new("x");
	b->spec.argv = &argv;
	box_fails(b, ERR_INVALID_COMMAND, "empty");
	b = box_new("/bin/true");
	b->spec.hostname = long_name;
	box_fails(b, ERR_INVALID_VALUE, "set hostname");
	b = box_new("/bin/true");
	b->spec.hostname = "x";
	b->spec.ns[NS_UTS].mode = NS_KEEP;
	box_fails(b, ERR_INVALID_VALUE, "the host's");
	b = box_new("/bin/true");
	b->layout.binds = &bind;
	b->layout.nbinds = 1;
	box_fails(b, ERR_INVALID_PATH, "/no/such/source");
	b = box_new("/bin/true");
	b->spec.streams[0] = (struct stream_spec){ .kind = STREAM_INSIDE, .path = "/no/in" };
	box_fails(b, ERR_INVALID_VALUE, "open stdin /no/in");
	b = box_new("/bin/true");
	b->spec.streams[2] = (struct stream_spec){ .kind = STREAM_FD, .fd = 999 };
	box_fails(b, ERR_INVALID_VALUE, "open stderr");
	b = box_new("/bin/true");
	b->spec.portoinit = "/no/portoinit";
	box_fails(b, ERR_UNKNOWN, "/no/portoinit");
	b = box_new("/bin/true");
	b->spec.portoinit = t.plain_file;
	box_fails(b, ERR_PERMISSION, "exec /tmp/porto-st-");
	b = box_new("/bin/true");
	b->spec.ns[NS_NET] = (struct ns_choice){ .mode = NS_AT_PATH, .path = "/no/netns" };
	box_fails(b, ERR_UNKNOWN, "open net namespace /no/netns");
	b = box_new("/bin/true");
	b->spec.ns[NS_USER].mode = NS_NEW;
	box_fails(b, ERR_NOT_SUPPORTED, "user namespaces");
	b = box_new("/bin/true");
	b->spec.record_path = "/no/record";
	box_fails(b, ERR_UNKNOWN, "task record /no/record");
	strv_deinit(&argv);
}

static void failures_without_portoinit_or_pid_namespace(void **state)
{
	struct box *b;

	(void)state;
	for (int i = 0; i < 4; i++) {
		b = box_new(i & 1 ? "'/bin/nope'" : "/bin/nope"); /* forked or sharing memory */
		b->spec.init = i & 2;
		b->spec.ns[NS_PID].mode = NS_KEEP;
		box_fails(b, ERR_INVALID_COMMAND, "exec /bin/nope");
	}
}

static void a_fifo_without_reader_does_not_block(void **state)
{
	auto_free char *fifo = xasprintf("%s/fifo", t.dir);
	struct box *b = box_new("echo x");

	(void)state;
	assert_int_equal(mkfifo(fifo, 0666), 0);
	b->spec.streams[1] = (struct stream_spec){ .kind = STREAM_INSIDE, .path = fifo };
	box_fails(b, ERR_INVALID_VALUE, "open stdout");
	unlink(fifo);
}

/* Whatever instant the starter is killed at: a whole container, or nothing. */
static void a_killed_starter_takes_all_with_it(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		struct box *b = box_new(i & 1 ? "sleep 100" : "'sleep' 100");
		int fds[2], status;
		pid_t pid;

		b->spec.init = i % 3;
		layout_build(&b->layout, &b->plan);
		b->spec.plan = &b->plan;
		if (i & 4)
			b->spec.ns[NS_PID].mode = NS_KEEP;
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid = fork_starter(b, fds[1]);
		close(fds[1]);
		close(fds[0]);
		usleep((useconds_t)i * 100);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		if (task_record_read(t.record, &b->record) < 0)
			memset(&b->record, 0, sizeof(b->record));
		/* What was released runs on, and a record tells of it: the server clears it up. */
		if (b->record.wait_pid)
			cgroup_kill(t.host, &b->spec.cgroup, SIGKILL, true, &b->err);
		if (cgroup_wait_empty(t.host, &b->spec.cgroup, true, 10000, &b->err) < 0)
			fail_msg("round %d: %s", i, b->err.text);
		while (waitpid(-1, NULL, 0) > 0)
			;
		box_free(b);
	}
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
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool init = i & 1, go = i & 2;
		struct box *b = box_new("echo gone");
		int fds[2], status;
		char link[64];

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		b->spec.init = init;
		b->spec.hold_fd = fds[0];
		assert_int_equal(box_start(b), 0);
		close(fds[0]);
		/* It exists, in its groups and namespaces, and has run nothing. */
		assert_true(ns_inode(b->res.main_pid, NS_UTS) != ns_inode(getpid(), NS_UTS));
		assert_int_equal(waitpid(b->res.wait_pid, &status, WNOHANG), 0);
		snprintf(link, sizeof(link), "/proc/%d/comm", (int)b->res.main_pid);
		fd_read_small(AT_FDCWD, link, b->output, sizeof(b->output));
		assert_string_equal(b->output, "portod-CT1\n");
		if (go)
			assert_int_equal(write(fds[1], "x", 1), 1);
		close(fds[1]);
		assert_int_equal(waitpid(b->res.wait_pid, &status, 0), b->res.wait_pid);
		assert_int_equal(status, go ? 0 : 127 << 8);
		assert_true(fd_read_small(AT_FDCWD, t.output, b->output, sizeof(b->output)) > 0);
		if (go)
			assert_string_equal(b->output, "gone\n");
		else
			assert_non_null(strstr(b->output, "go on"));
		box_free(b);
	}
}

static void a_late_failure_is_told_on_stderr(void **state)
{
	struct box *b = box_new("/bin/nope");
	int fds[2], status;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	b->spec.hold_fd = fds[0];
	assert_int_equal(box_start(b), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(waitpid(b->res.wait_pid, &status, 0), b->res.wait_pid);
	assert_int_equal(status, 127 << 8);
	fd_read_small(AT_FDCWD, t.output, b->output, sizeof(b->output));
	assert_non_null(strstr(b->output, "exec /bin/nope"));
	close(fds[0]);
	close(fds[1]);
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
	/* The end of the outer one is the end of the inner one, which is to be reaped first: an init
	 * ends when its namespace is empty. */
	kill(outer->res.wait_pid, SIGKILL);
	assert_int_equal(waitpid(b->res.wait_pid, NULL, 0), b->res.wait_pid);
	assert_int_equal(waitpid(outer->res.wait_pid, NULL, 0), outer->res.wait_pid);
	plan_deinit(&b->plan);
	free(b);
	unlink(second);
	box_free(outer);
	for (size_t i = 0; i < 4; i++) {
		static const char *const made[] = { "proc", "dev", "run", "sys" };
		auto_free char *dir = xasprintf("%s/bin/%s", t.root, made[i]);

		fd_remove_tree(AT_FDCWD, dir);
	}
}

/* ---- frame ---- */

static void link_busybox(const char *name)
{
	auto_free char *to = xasprintf("%s/bin/%s", t.root, name);

	assert_int_equal(symlink("busybox", to), 0);
}

static void make_image(void)
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

static int setup(void **state)
{
	struct cgroup_options options = { 0 };
	struct error err;
	char prefix[64];

	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	snprintf(prefix, sizeof(prefix), "porto-st-%d", (int)getpid());
	options.prefix = prefix;
	if (cgroup_host_new(&options, &t.host, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	snprintf(t.dir, sizeof(t.dir), "/tmp/porto-st-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	assert_int_equal(chmod(t.dir, 0755), 0);
	t.workdir = xasprintf("%s/work/box", t.dir);
	t.output = xasprintf("%s/stdout", t.workdir);
	t.record = xasprintf("%s/record", t.dir);
	t.plain_file = xasprintf("%s/file", t.dir);
	assert_int_equal(fd_replace_file(AT_FDCWD, t.plain_file, "x", 1, 0644), 0);
	t.cred = (struct cred){ 0 };
	strv_add(&t.env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	make_image();
	return 0;
}

static int teardown(void **state)
{
	struct error err;
	int r;

	(void)state;
	r = fd_remove_tree(AT_FDCWD, t.dir);
	if (cgroup_host_remove_base(t.host, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		r = -1;
	}
	cgroup_host_free(t.host);
	free(t.root);
	free(t.workdir);
	free(t.output);
	free(t.record);
	free(t.plain_file);
	strv_deinit(&t.env);
	return r;
}

/* An argument selects tests by a pattern. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_runs),
		cmocka_unit_test(exit_codes_are_exact),
		cmocka_unit_test(signals_are_exact),
		cmocka_unit_test(portoinit_forwards_signals),
		cmocka_unit_test(orphans_are_reaped_and_do_not_keep_it_alive),
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
		cmocka_unit_test(streams_go_where_they_should),
		cmocka_unit_test(a_respawn_appends),
		cmocka_unit_test(traps_in_the_work_directory_are_refused),
		cmocka_unit_test(failures_name_step_and_object),
		cmocka_unit_test(failures_without_portoinit_or_pid_namespace),
		cmocka_unit_test(a_fifo_without_reader_does_not_block),
		cmocka_unit_test(a_killed_starter_takes_all_with_it),
		cmocka_unit_test(a_holder_holds),
		cmocka_unit_test(the_command_may_be_the_init),
		cmocka_unit_test(a_held_start_waits_for_the_word),
		cmocka_unit_test(a_late_failure_is_told_on_stderr),
		cmocka_unit_test(containers_nest),
	};

	t.portoinit = getenv("PORTOINIT");
	if (geteuid() != 0 || !t.portoinit || access("/bin/busybox", X_OK) < 0) {
		puts("skipped: needs root, busybox, and PORTOINIT in the environment");
		return SKIP;
	}
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, setup, teardown);
}
