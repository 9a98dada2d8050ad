/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order matters nearly everywhere in here:
 * - the groups come first, so that everything below is accounted to the container;
 * - what needs the host's /proc comes before the mount namespace changes;
 * - descriptors of the server are closed before a path of the container is looked up;
 * - limits come while we are root, credentials before any path given by the user is opened;
 * - a change of ids clears the parent-death signal, so it is armed again after;
 * - the command is expanded before READY, so that its errors are errors of the start.
 *
 * Until RELEASE the first process dies with the starter and the main process with the first. A
 * starter that died before the signal was armed is noticed as end of file while waiting for
 * RELEASE.
 */
#include "kernel/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/xalloc.h"
#include "kernel/caps.h"
#include "kernel/exec.h"
#include "kernel/handshake.h"
#include "kernel/identity.h"
#include "kernel/hold.h"
#include "kernel/stream.h"
#include "kernel/userns.h"

#define EXIT_FAILED 127 /* as a shell when it cannot exec; nobody waits for it normally */

static _Noreturn void die(const struct child *c, const struct error *err)
{
	handshake_send_error(c->channel, err);
	_exit(EXIT_FAILED);
}

/* ---- first process, on the host ---- */

static void become_orphan_safe(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

/* What is sent to portoinit before it runs must wait for it, even if it is an init. */
static void block_forwarded_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

static void set_name(const struct start_spec *spec)
{
	char name[32];

	snprintf(name, sizeof(name), "portod-CT%llu", (unsigned long long)spec->id);
	prctl(PR_SET_NAME, name, 0, 0, 0);
}

static int set_oom_score_adj(struct child *c, struct error *err)
{
	char text[16];
	int r;

	if (!c->spec->set_oom_score_adj)
		return 0;
	snprintf(text, sizeof(text), "%d", c->spec->oom_score_adj);
	r = fd_write_file(AT_FDCWD, "/proc/self/oom_score_adj", text);
	/* Below the present value only with CAP_SYS_RESOURCE. */
	if (r == -EACCES || r == -EPERM)
		c->warnings |= START_WARN_OOM_ADJ;
	else if (r < 0)
		return error_errno(err, -r, "write /proc/self/oom_score_adj %s", text);
	return 0;
}

static int set_sched(struct child *c, struct error *err)
{
	int r = c->spec->sched ? sched_apply(0, c->spec->sched, err) : 0;

	if (r > 0)
		c->warnings |= START_WARN_SCHED;
	return r < 0 ? -1 : 0;
}

/* Inherited by what we fork, and kept over exec. */
static int set_coredump_filter(const struct child *c, struct error *err)
{
	char text[24];
	int r;

	if (c->spec->coredump_filter < 0)
		return 0;
	snprintf(text, sizeof(text), "%#llx", (unsigned long long)c->spec->coredump_filter);
	r = fd_write_file(AT_FDCWD, "/proc/self/coredump_filter", text);
	if (r == -ENOENT)
		return error_set(err, ERR_NOT_SUPPORTED,
				 "coredump_filter: the kernel writes no core dumps");
	return r < 0 ? error_errno(err, -r, "write /proc/self/coredump_filter %s", text) : 0;
}

static void set_loginuid(struct child *c)
{
	char text[16];
	int r;

	if (!c->spec->set_loginuid)
		return;
	snprintf(text, sizeof(text), "%u", (unsigned)c->spec->loginuid);
	r = fd_write_file(AT_FDCWD, "/proc/self/loginuid", text);
	if (r < 0 && r != -ENOENT) /* no audit in this kernel */
		c->warnings |= START_WARN_LOGINUID;
}

static int close_others(const struct child *c, struct error *err)
{
	int keep[11 + _NS_COUNT] = {
		c->channel, c->streams[0], c->streams[1], c->streams[2], c->portoinit_fd, c->join,
		c->root_fd, c->record_fd,  c->cwd_fd,     c->hold_fd,    c->console,
	};
	int r;

	memcpy(keep + 11, c->ns_fds, sizeof(c->ns_fds));
	r = fd_close_all(keep, ARRAY_SIZE(keep));
	return r < 0 ? error_errno(err, -r, "close descriptors") : 0;
}

static int enter_groups(struct child *c, struct error *err)
{
	const struct start_spec *spec = c->spec;

	if (spec->cgroup_host &&
	    cgroup_attach_self(spec->cgroup_host, &spec->cgroup, c->placed, err) < 0)
		return -1;
	/* The root of a new cgroup namespace is where its maker is: now it is the right place. */
	if (spec->ns[NS_CGROUP].mode == NS_NEW && unshare(ns_clone_flag(NS_CGROUP)) < 0)
		return error_errno(err, errno, "make a cgroup namespace");
	return 0;
}

static int take_root(const struct child *c, struct error *err)
{
	pid_t pid = c->spec->root_pid_of;

	if (c->root_fd < 0)
		return 0;
	if (fchdir(c->root_fd) < 0 || chroot(".") < 0)
		return error_errno(err, errno, "enter the root of process %d", (int)pid);
	if (fchdir(c->cwd_fd) < 0)
		return error_errno(err, errno, "enter the directory of process %d", (int)pid);
	return 0;
}

static int enter_namespaces(struct child *c, struct error *err)
{
	/* The mount namespace last: it changes what paths mean. */
	static const enum ns_kind order[] = { NS_CGROUP, NS_IPC, NS_UTS, NS_NET, NS_MNT };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		int fd = c->ns_fds[order[i]];

		if (fd >= 0 && setns(fd, ns_clone_flag(order[i])) < 0)
			return error_errno(err, errno, "enter %s namespace", ns_name(order[i]));
	}
	if (take_root(c, err) < 0)
		return -1;
	if (c->unshare && unshare(c->unshare) < 0)
		return error_errno(err, errno, "make new namespaces");
	/* Nothing of the parent's root is within reach from here on. */
	close_fd(&c->root_fd);
	close_fd(&c->cwd_fd);
	return 0;
}

/* ---- first process, in the container ---- */

static int set_hostname(const struct start_spec *spec, struct error *err)
{
	if (str_is_empty(spec->hostname))
		return 0;
	if (spec->ns[NS_UTS].mode == NS_KEEP)
		return error_set(err, ERR_INVALID_VALUE,
				 "set hostname %s: the uts namespace is the host's",
				 spec->hostname);
	if (sethostname(spec->hostname, strlen(spec->hostname)) == 0)
		return 0;
	if (errno == EINVAL)
		return error_set(err, ERR_INVALID_VALUE,
				 "set hostname %.300s: it is too long, the kernel takes %d bytes",
				 spec->hostname, HOST_NAME_MAX);
	return error_errno(err, errno, "set hostname %s", spec->hostname);
}

/* Knobs of a namespace that belongs to a user namespace may be written by root of that only, with
 * whatever capabilities. */
static int write_sysctls(const struct start_spec *spec, struct sysctl_writer *w, struct error *err)
{
	struct cred root = { .uid = spec->root_uid, .gid = spec->root_gid };
	struct identity self = IDENTITY_INIT;
	bool other = spec->nsysctls && (root.uid || root.gid);
	int r = other ? identity_assume(&root, &self) : 0, result = -1;

	if (r < 0)
		error_errno(err, -r, "become user %u", (unsigned)root.uid);
	else if (!other || caps_raise(UINT64_MAX, err) == 0)
		result = sysctl_writer_run(w, spec, err);
	r = identity_restore(&self);
	if (r < 0 && result == 0)
		result = error_errno(err, -r, "become root again");
	become_orphan_safe();
	return result;
}

static int set_up(struct child *c, struct error *err)
{
	const struct start_spec *spec = c->spec;
	struct sysctl_writer sysctls;

	if (enter_groups(c, err) < 0 || set_oom_score_adj(c, err) < 0 || set_sched(c, err) < 0 ||
	    set_coredump_filter(c, err) < 0)
		return -1;
	set_loginuid(c);
	if (close_others(c, err) < 0)
		return -1;
	sysctl_writer_open(&sysctls, spec);
	if (enter_namespaces(c, err) < 0 || write_sysctls(spec, &sysctls, err) < 0)
		return -1;
	umask(0);
	if (spec->ns[NS_NET].mode == NS_NEW && ns_bring_up_loopback(err) < 0)
		return -1;
	return child_set_up_files(c, err) < 0 || set_hostname(spec, err) < 0
		       ? -1
		       : child_go_to_cwd(spec, err);
}

/* ---- ids ---- */

/* All capabilities stay. */
static int set_ids(const struct cred *cred, struct error *err)
{
	if (setgroups(cred->ngroups, cred->groups) < 0)
		return error_errno(err, errno, "set %zu supplementary groups", cred->ngroups);
	if (setresgid(cred->gid, cred->gid, cred->gid) < 0)
		return error_errno(err, errno, "set gid %u", (unsigned)cred->gid);
	if (cred->uid)
		prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (setresuid(cred->uid, cred->uid, cred->uid) < 0)
		return error_errno(err, errno, "set uid %u", (unsigned)cred->uid);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* fs.suid_dumpable may have allowed it */
	return 0;
}

/*
 * From here on somebody inside may have power over us: our memory, still a copy of the server's,
 * must not be dumpable. A mount namespace that is made in here belongs to the user namespace, and
 * what the host's root mounted cannot be taken off in it.
 */
static int enter_user_namespace(struct child *c, struct error *err)
{
	const struct start_spec *spec = c->spec;
	int fd = c->ns_fds[NS_USER];
	int flags = spec->late_mount_ns ? CLONE_NEWNS : 0;

	if (fd < 0 && !flags)
		return 0;
	if (caps_raise(UINT64_MAX, err) < 0 || (fd >= 0 && userns_enter(fd, err) < 0))
		return -1;
	if (fd >= 0 && spec->ns[NS_CGROUP].mode == NS_NEW)
		flags |= ns_clone_flag(NS_CGROUP);
	if (flags && unshare(flags) < 0)
		return error_errno(err, errno, "make namespaces for the command");
	if (spec->late_mount_ns && mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return error_errno(err, errno, "make the last mount namespace a slave");
	return 0;
}

/* ---- becoming portoinit ---- */

/* `gate`: what portoinit closes when it has given up its rights, -1 = nothing. */
static int exec_portoinit(const struct child *c, pid_t main_pid, int gate, struct error *err)
{
	auto_strv args = STRV_INIT;
	char *envp[] = { NULL };

	strv_add(&args, "portoinit");
	strv_add(&args, "--container");
	strv_add(&args, c->spec->name);
	if (main_pid) {
		exec_add_number(&args, "--wait", (long)main_pid);
		exec_add_fd(&args, "--record", c->record_fd);
		exec_add_fd(&args, "--gate", gate);
	}
	if (main_pid && c->spec->shared_groups)
		exec_add_number(&args, "--kill", 1);
	/* It drops all capabilities but KILL itself: cheaper than to empty the bounding set here.
	 * */
	syscall(SYS_execveat, c->portoinit_fd, "", args.v, envp, AT_EMPTY_PATH);
	return error_errno(err, errno, "exec %s", c->spec->portoinit);
}

static int holder_main(struct child *c, struct error *err)
{
	const struct start_spec *spec = c->spec;
	struct cred root = { .uid = spec->root_uid, .gid = spec->root_gid };
	struct ready_info info = { .vpid = getpid(), .warnings = c->warnings };

	/* Children of the container enter it through this process. */
	if (c->ns_fds[NS_USER] >= 0 &&
	    (set_ids(&root, err) < 0 || enter_user_namespace(c, err) < 0))
		return -1;
	become_orphan_safe();
	if (handshake_send_ready(c->channel, &info, err) < 0 ||
	    handshake_expect(c->channel, STAGE_RELEASE, 0, NULL, err) < 0)
		return -1;
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	return exec_portoinit(c, 0, -1, err);
}

/* ---- becoming the command ---- */

static int set_limits(struct child *c, struct error *err)
{
	for (size_t i = 0; i < c->spec->nrlimits; i++) {
		int r = rlimit_apply(0, &c->spec->rlimits[i], err);

		if (r < 0)
			return -1;
		if (r > 0)
			c->warnings |= START_WARN_RLIMIT;
	}
	return 0;
}

static int set_credentials(struct child *c, struct error *err)
{
	const struct start_spec *spec = c->spec;

	if (set_ids(spec->cred, err) < 0 || enter_user_namespace(c, err) < 0)
		return -1;
	/* A filter without no_new_privs wants an administrator, and comes last. */
	return caps_apply(&spec->caps, getuid() == 0,
			  spec->nseccomp && !spec->no_new_privs ? CAP_BIT(CAP_SYS_ADMIN) : 0, err);
}

static int set_streams(struct child *c, struct error *err)
{
	for (unsigned i = 0; i < 3; i++) {
		if (stream_open_inside(&c->spec->streams[i], i, &c->streams[i], err) < 0)
			return -1;
	}
	return stream_install(c->streams, err);
}

/*
 * As late as can be: what we do after this has to pass the filters. The capability that was kept
 * for it goes with the execution, which gives a program what its ids and sets are worth.
 */
static int restrict_calls(const struct child *c, struct error *err)
{
	const struct start_spec *spec = c->spec;

	if (spec->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(err, errno, "set no_new_privs");
	if (c->nfilters && !spec->no_new_privs && caps_raise(CAP_BIT(CAP_SYS_ADMIN), err))
		return -1;
	for (size_t i = 0; i < c->nfilters; i++)
		if (sysfilter_install(&c->filters[i], err))
			return -1;
	return 0;
}

/*
 * The program shall find the dispositions and the mask of a fresh session. A held one that is the
 * first process of a pid namespace keeps all blocked until portoinit listens to them, which it does
 * with the same mask: what comes before would be lost.
 */
static void reset_signals(bool held)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t mask;

	for (int sig = 1; sig < 32; sig++)
		sigaction(sig, &sa, NULL);
	sigemptyset(&mask);
	if (held && getpid() == 1)
		sigfillset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* Between the main process and the first one, see split(). */
struct gates {
	int released; /* write end: a byte says that the starter let us go */
	int init;     /* read end: its end of file says that the first process is portoinit */
};

static bool has_argv(const struct start_spec *spec)
{
	return spec->argv && spec->argv->n;
}

/* As the command, but for its limits. `keep`: descriptors. */
static int become_command(struct child *c, const int *keep, size_t nkeep, struct strv *argv,
			  struct error *err)
{
	const struct start_spec *spec = c->spec;

	if (set_credentials(c, err) < 0 || set_streams(c, err) < 0)
		return -1;
	fd_close_all(keep, nkeep);
	umask(spec->umask);
	exec_set_environment(spec->env);
	if (has_argv(spec))
		strv_copy(argv, spec->argv);
	else if (exec_expand(spec->command, argv, err) < 0)
		return -1;
	return 0;
}

static int prepare_command(struct child *c, const struct gates *gates, struct strv *argv,
			   struct error *err)
{
	int keep[5] = { c->channel, c->hold_fd, c->hold_fd >= 0 ? c->portoinit_fd : -1,
			gates ? gates->released : -1, gates ? gates->init : -1 };

	if (set_limits(c, err) < 0 || become_command(c, keep, ARRAY_SIZE(keep), argv, err) < 0)
		return -1;
	return stream_take_terminal(c->spec->tty, err);
}

/* The part of a secret that may be shown: what the command was made from. */
static const char *shown_command(const struct start_spec *spec)
{
	return spec->hide_expansion && !has_argv(spec) ? spec->command : NULL;
}

/* `gates` is NULL in a child of the starter itself. Returns only on failure. */
static int command_main(struct child *c, const struct gates *gates, struct error *err)
{
	const char *shown = shown_command(c->spec);
	struct strv argv = STRV_INIT;
	struct ready_info info;

	if (prepare_command(c, gates, &argv, err) < 0)
		return -1;
	become_orphan_safe();
	info = (struct ready_info){ .vpid = getpid(), .warnings = c->warnings };
	if (handshake_send_ready(c->channel, &info, err) < 0 ||
	    handshake_expect(c->channel, STAGE_RELEASE, 0, NULL, err) < 0)
		return -1;
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	if (gates) {
		char byte;

		fd_write_all(gates->released, "", 1);
		(void)fd_read_all(gates->init, &byte, 1);
	}
	reset_signals(c->hold_fd >= 0);
	if (restrict_calls(c, err))
		return -1;
	if (c->hold_fd >= 0)
		return hold_exec(c->portoinit_fd, c->hold_fd, &argv, shown, err);
	return exec_run(&argv, shown, err);
}

/* ---- putting it together ---- */

static _Noreturn void main_process(struct child *c, pid_t parent, const struct gates *gates)
{
	struct error err = ERROR_INIT;

	become_orphan_safe();
	/* In a new pid namespace the parent is its init, with which we die anyway. */
	if (c->spec->ns[NS_PID].mode != NS_NEW && getppid() != parent)
		_exit(EXIT_FAILED);
	setsid();
	command_main(c, gates, &err);
	die(c, &err);
}

/* The limits are the command's alone: portoinit in front of it has work to do. */
static int make_room(struct child *c, struct rlimit_entry *ret, struct error *err)
{
	for (size_t i = 0; i < c->spec->nrlimits; i++) {
		int r = rlimit_make_room(&c->spec->rlimits[i], &ret[i], err);

		if (r < 0)
			return -1;
		if (r > 0)
			c->warnings |= START_WARN_RLIMIT;
	}
	return 0;
}

/* Into a pid namespace where others are, see child_join(). Returns only on failure. */
static int join(struct child *c, struct error *err)
{
	const struct start_spec *spec = c->spec;
	int keep[4] = { c->channel, c->hold_fd, c->portoinit_fd, spec->init ? c->record_fd : -1 };
	auto_free struct rlimit_entry *limits = xnew_array(struct rlimit_entry, spec->nrlimits + 1);
	struct strv argv = STRV_INIT;

	/* It counts for our children. */
	if (setns(c->join, CLONE_NEWPID) < 0)
		return error_sys(err,
				 errno == EINVAL ? ERR_INVALID_VALUE : error_code_of_errno(errno),
				 errno,
				 "enter the pid namespace, which must be the daemon's or below it");
	if (!spec->has_command)
		return child_join(c, NULL, limits, NULL, err);
	if (make_room(c, limits, err) < 0 ||
	    become_command(c, keep, ARRAY_SIZE(keep), &argv, err) < 0)
		return -1;
	reset_signals(false);
	block_forwarded_signals();
	if (restrict_calls(c, err) < 0)
		return -1;
	return child_join(c, &argv, limits, shown_command(spec), err);
}

/*
 * Fork the main process and become portoinit. Returns only on failure, in the first process.
 *
 * Since we hold the channel, too, the starter cannot see by its end that the main process died
 * without a word, killed for lack of memory for example. The gate shows it to us: its end of file
 * without a byte.
 *
 * The command must not run before we are portoinit: until then we are a copy of the server, with
 * all that it knows in our memory, and somebody who may trace could read it. So the main process
 * waits for the end of a second pipe, which portoinit closes when it has given up all rights. (It
 * cannot share our memory as after vfork(2), faster as that is: we would be suspended until it has
 * executed.)
 */
static int split(struct child *c, struct error *err)
{
	pid_t parent = getpid(), pid;
	int gate[2], init[2], r;
	char byte;

	if (pipe2(gate, O_CLOEXEC) < 0 || pipe2(init, O_CLOEXEC) < 0)
		return error_errno(err, errno, "make a pipe");
	/* Now, not only when portoinit gets to it: the command may leave orphans at once. */
	if (c->spec->shared_groups)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = starter_clone(0, -1, NULL);
	if (pid == 0) {
		close(init[1]);
		main_process(c, parent, &(struct gates){ .released = gate[1], .init = init[0] });
	}
	if (pid < 0)
		return error_errno(err, -pid, "fork the main process");
	close(gate[1]);
	close(init[0]);
	r = fd_read_all(gate[0], &byte, 1);
	close(gate[0]);
	if (r < 0)
		return starter_reap("main process", pid, err);
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	return exec_portoinit(c, pid, init[1], err);
}

_Noreturn void child_main(struct child *c)
{
	const struct start_spec *spec = c->spec;
	struct error err = ERROR_INIT;

	become_orphan_safe();
	/* A copy of the server must not be looked into from inside the container. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	set_name(spec);
	setsid();
	block_forwarded_signals();
	if (set_up(c, &err) == 0) {
		if (c->join >= 0)
			join(c, &err);
		else if (!spec->has_command)
			holder_main(c, &err);
		else if (spec->init)
			split(c, &err);
		else
			command_main(c, NULL, &err);
	}
	die(c, &err);
}
