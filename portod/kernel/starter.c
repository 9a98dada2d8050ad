/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host side of a start.
 *
 * Everything with a path on the host is opened here, before the clone: streams, portoinit, the
 * task record, namespaces to join. The rest is the child's work (child.c); we wait for READY,
 * write the record, let it go, and wait until every end of its channel was closed by an
 * execve(2) that succeeded. On success our exit hands the first process over to the sub-reaper.
 */
#include "kernel/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/xalloc.h"
#include "kernel/child.h"
#include "kernel/handshake.h"
#include "kernel/hold.h"
#include "kernel/mnt.h"
#include "kernel/procfs.h"
#include "kernel/stream.h"
#include "kernel/taskfile.h"
#include "kernel/userns.h"

#define KILL_WAIT_MS 10000

struct starter {
	const struct start_spec *spec;
	uint64_t deadline; /* monotonic ns; 0 = none */
	struct child child;
	int channel; /* our end */
	int pid_ns;  /* pid namespace to enter before the clone; -1 = ours */
	int clone_flags;
	pid_t pid; /* first process; 0 = not started */
	int pidfd;
	int main_pidfd;  /* -1 where killing the first process kills it, too */
	bool into_group; /* clone it into its unified group */
	bool born_dead;  /* SIGKILL before its first word */
};

/* ---- ends ---- */

int starter_reap(const char *who, pid_t pid, struct error *err)
{
	int status = 0;

	if (waitpid(pid, &status, 0) < 0)
		return error_errno(err, errno, "wait for the %s", who);
	if (WIFSIGNALED(status))
		return error_set(err, ERR_UNKNOWN, "%s killed by signal %d", who, WTERMSIG(status));
	return error_set(err, ERR_UNKNOWN, "%s exited with %d", who, WEXITSTATUS(status));
}

void starter_collect(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- preparation ---- */

static int prepare_groups(const struct start_spec *spec, struct error *err)
{
	if (!spec->cgroup_host || spec->shared_groups)
		return 0;
	if (cgroup_create(spec->cgroup_host, &spec->cgroup, err) < 0)
		return -1;
	for (size_t i = 0; i < spec->nsettings; i++) {
		if (cgroup_set(spec->cgroup_host, &spec->cgroup, &spec->settings[i], err) < 0)
			return -1;
	}
	if (!spec->cgroup.delegated)
		return 0;
	return cgroup_delegate(spec->cgroup_host, &spec->cgroup, spec->cred->uid, spec->cred->gid,
			       err);
}

/* A directory above may belong to the user of a parent container: no link is ever followed. */
static int prepare_workdir(const struct start_spec *spec, struct error *err)
{
	auto_close int fd = -1;
	int r;

	if (!spec->workdir)
		return 0;
	r = spec->keep_workdir ? 0 : fd_remove_tree(AT_FDCWD, spec->workdir);
	if (r < 0)
		return error_errno(err, -r, "remove stale work directory %s", spec->workdir);
	r = fd_mkdir_p(AT_FDCWD, spec->workdir, 0775);
	if (r == 0)
		r = fd = fd_open_no_symlinks(AT_FDCWD, spec->workdir, O_RDONLY | O_DIRECTORY, 0);
	if (r >= 0 && (fchown(fd, spec->cred->uid, spec->cred->gid) < 0 || fchmod(fd, 0775) < 0))
		r = -errno;
	return r < 0 ? error_errno(err, -r, "make work directory %s", spec->workdir) : 0;
}

static int prepare_tty(struct starter *s, struct error *err)
{
	const struct start_spec *spec = s->spec;
	int fd = s->child.streams[0];

	if (!spec->tty)
		return 0;
	if (stream_give_terminal(fd, spec->tty_owner, spec->cred->uid, err) < 0)
		return -1;
	/* One of another mount namespace cannot be copied here. */
	if (spec->tty_console)
		s->child.console = mnt_copy(fd, "", false);
	if (s->child.console < 0)
		s->child.console = -1;
	return 0;
}

static int prepare_streams(struct starter *s, struct error *err)
{
	const struct start_spec *spec = s->spec;

	if (!spec->has_command)
		return 0;
	for (unsigned i = 0; i < 3; i++) {
		if (stream_open_host(&spec->streams[i], i, spec->cred, &s->child.streams[i], err) <
		    0)
			return -1;
	}
	return prepare_tty(s, err);
}

static int open_portoinit(struct starter *s, struct error *err)
{
	const struct start_spec *spec = s->spec;

	s->child.portoinit_fd = open(spec->portoinit, O_PATH | O_CLOEXEC);
	return s->child.portoinit_fd < 0 ? error_errno(err, errno, "open %s", spec->portoinit) : 0;
}

static int prepare_files(struct starter *s, struct error *err)
{
	const struct start_spec *spec = s->spec;
	int fd;

	fd = task_record_create(spec->record_path);
	if (fd < 0)
		return error_errno(err, -fd, "create task record %s", spec->record_path);
	s->child.record_fd = fd;
	if (spec->hold_path) {
		fd = hold_create(spec->hold_path);
		if (fd < 0)
			return error_errno(err, -fd, "make %s", spec->hold_path);
		s->child.hold_fd = fd;
	}
	if (spec->init || !spec->has_command || spec->hold_path)
		return open_portoinit(s, err);
	return 0;
}

/*
 * One kind. clone(2) makes the new ones, unless they derive from another process's: then that is
 * entered before, for a pid namespace by us (it counts for children), else by the child.
 */
static int prepare_namespace(struct starter *s, enum ns_kind kind, int view, struct error *err)
{
	struct ns_choice choice = s->spec->ns[kind];
	int *fd = kind == NS_PID ? &s->pid_ns : &s->child.ns_fds[kind];

	if (kind == NS_USER)
		return 0;
	/* Made by prepare_user_namespace(). */
	if (choice.mode == NS_NEW && *fd >= 0)
		return 0;
	/* What these start with is the same everywhere, or is where their maker is. */
	if (choice.mode == NS_NEW && (kind == NS_IPC || kind == NS_NET || kind == NS_CGROUP))
		choice.pid = 0;
	/* A root means nothing outside of its mount namespace. */
	if (kind == NS_MNT && !choice.pid && choice.mode != NS_AT_PATH)
		choice.pid = s->spec->root_pid_of;
	if (kind == NS_MNT && choice.pid && choice.mode == NS_KEEP)
		choice.mode = NS_OF_PID;
	if (ns_open(kind, &choice, view, fd, err) < 0)
		return -1;
	if (choice.mode != NS_NEW || kind == NS_CGROUP)
		return 0; /* the child makes a cgroup namespace when it is in its groups */
	if (*fd < 0 || kind == NS_PID)
		s->clone_flags |= ns_clone_flag(kind);
	else
		s->child.unshare |= ns_clone_flag(kind);
	return 0;
}

/* The root in which paths of namespaces are looked up, where there are any. */
static int open_view(const struct start_spec *spec, int *ret, struct error *err)
{
	char path[64] = "/";
	bool needed = false;

	for (int kind = 0; kind < _NS_COUNT; kind++)
		needed |= spec->ns[kind].mode == NS_AT_PATH;
	if (!needed)
		return 0;
	if (spec->view < 0 && spec->view_pid)
		snprintf(path, sizeof(path), "/proc/%d/root", (int)spec->view_pid);
	*ret = spec->view >= 0 ? fcntl(spec->view, F_DUPFD_CLOEXEC, 3)
			       : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? error_errno(err, errno, "open %s", path) : 0;
}

/* With a user namespace, new or not, the other new ones are to belong to it. A mount namespace is
 * filled by the host's root, and a process can be born only into a pid namespace of its parent. */
static int prepare_user_namespace(struct starter *s, int view, struct error *err)
{
	static const enum ns_kind owned[] = { NS_IPC, NS_UTS, NS_NET };
	const struct start_spec *spec = s->spec;
	struct ns_choice outer = spec->ns[NS_USER];
	struct userns_request rq = {
		.fresh = outer.mode == NS_NEW,
		.uid = spec->cred->uid,
		.gid = spec->cred->gid,
		.inside_uid = spec->inside_uid,
		.inside_gid = spec->inside_gid,
		.uids = spec->uid_map,
		.gids = spec->gid_map,
		.cgroup_host = spec->cgroup_host,
		.cgroup = &spec->cgroup,
	};
	auto_close int fd = -1;

	if (outer.mode == NS_KEEP)
		return 0;
	if (ns_open(NS_USER, &outer, view, &fd, err) < 0)
		return -1;
	/* Nobody can enter the one he is in. */
	if (fd >= 0 && ns_is_ours(NS_USER, fd))
		close_fd(&fd);
	if (fd < 0 && !rq.fresh)
		return 0;
	rq.outer_fd = fd;
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++) {
		if (spec->ns[owned[i]].mode == NS_NEW)
			rq.others |= ns_clone_flag(owned[i]);
	}
	if ((rq.fresh || rq.others) && userns_make(&rq, s->child.ns_fds, err) < 0)
		return -1;
	if (!rq.fresh)
		s->child.ns_fds[NS_USER] = take_fd(&fd);
	return 0;
}

static int prepare_namespaces(struct starter *s, struct error *err)
{
	pid_t base = s->spec->root_pid_of;
	auto_close int view = -1;
	char path[64];

	if (open_view(s->spec, &view, err) < 0 || prepare_user_namespace(s, view, err) < 0)
		return -1;
	for (int kind = 0; kind < _NS_COUNT; kind++) {
		if (prepare_namespace(s, (enum ns_kind)kind, view, err) < 0)
			return -1;
	}
	if (!base)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)base);
	s->child.root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->child.root_fd < 0)
		return error_errno(err, errno, "open %s", path);
	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)base);
	s->child.cwd_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->child.cwd_fd < 0)
		return error_errno(err, errno, "open %s", path);
	return 0;
}

/* Here, where it costs nobody who is in the container yet. */
static int prepare_filters(struct starter *s, struct error *err)
{
	const struct start_spec *spec = s->spec;
	struct child *c = &s->child;

	if (!spec->has_command || !spec->nseccomp)
		return 0;
	c->filters = xnew_array(struct sysfilter, spec->nseccomp);
	for (; c->nfilters < spec->nseccomp; c->nfilters++)
		if (sysfilter_compile(&spec->seccomp[c->nfilters], &c->filters[c->nfilters], err))
			return -1;
	return 0;
}

/*
 * Among others who may trace: see child_join(). Those in a user namespace may not, while we are not
 * in it. What has namespaces or mounts of its own has to be inside to make them; a filter would
 * hold for portoinit, too.
 */
static int prepare_join(struct starter *s, struct error *err)
{
	const struct start_spec *spec = s->spec;
	struct child *c = &s->child;

	if (s->pid_ns < 0 || s->clone_flags || c->unshare || c->ns_fds[NS_USER] >= 0 ||
	    spec->plan || spec->late_mount_ns || spec->nsysctls || spec->nseccomp ||
	    c->console >= 0 || !spec->portoinit || ns_is_ours(NS_PID, s->pid_ns))
		return 0;
	c->join = take_fd(&s->pid_ns);
	return c->portoinit_fd < 0 ? open_portoinit(s, err) : 0;
}

static int prepare(struct starter *s, struct error *err)
{
	if (prepare_groups(s->spec, err) < 0 || prepare_workdir(s->spec, err) < 0 ||
	    prepare_streams(s, err) < 0 || prepare_files(s, err) < 0 ||
	    prepare_namespaces(s, err) < 0 || prepare_filters(s, err) < 0 ||
	    prepare_join(s, err) < 0)
		return -1;
	return handshake_pair(&s->channel, &s->child.channel, err);
}

/* ---- the first process ---- */

/* Clone it; never returns in it. The pid or -errno. */
static pid_t clone_first(struct starter *s, int flags, int cgroup_fd)
{
	pid_t pid;

	s->child.placed = cgroup_fd >= 0;
	pid = starter_clone(flags, cgroup_fd, &s->pidfd);
	if (pid < 0 && cgroup_fd >= 0 && pid != -EAGAIN && pid != -ENOMEM) {
		/* Before 5.7, or a group that takes no processes: let attaching find the reason. */
		s->child.placed = false;
		pid = starter_clone(flags, -1, &s->pidfd);
	}
	if (pid == 0) {
		close_fd(&s->channel);
		child_main(&s->child);
	}
	return pid;
}

/* What the bridge tells; in memory that both see. */
struct bridge {
	pid_t pid; /* as the bridge sees it, or -errno */
	int pidfd;
};

/* Host pid of the process behind a pidfd, from its fdinfo; 0 if it is gone. */
static pid_t pid_of_pidfd(int pidfd)
{
	char path[64], text[512];
	const char *line;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (fd_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	line = strstr(text, "\nPid:");
	return line && sscanf(line, "\nPid: %d", &pid) == 1 && pid > 0 ? pid : 0;
}

/*
 * A pid namespace can only be made by a process that is inside of the one it becomes a child of,
 * and setns(2) puts only our children there. So a child of ours, the bridge, clones the first
 * process, as our child and not its own (CLONE_PARENT): when we exit it must go to the sub-reaper
 * of the host and not to the init of the container around it. The descriptor table is shared with
 * the bridge for the pidfd.
 */
static pid_t clone_first_nested(struct starter *s, int cgroup_fd)
{
	struct bridge *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid, bridge;

	if (b == MAP_FAILED)
		return -errno;
	b->pid = -ESRCH; /* killed before it could say anything */
	bridge = starter_clone(CLONE_FILES, -1, NULL);
	if (bridge == 0) {
		b->pid = clone_first(s, s->clone_flags | CLONE_PARENT, cgroup_fd);
		b->pidfd = s->pidfd;
		_exit(0);
	}
	if (bridge < 0) {
		munmap(b, sizeof(*b));
		return bridge;
	}
	while (waitpid(bridge, NULL, 0) < 0 && errno == EINTR)
		;
	pid = b->pid;
	if (pid > 0) {
		s->pidfd = b->pidfd;
		pid = pid_of_pidfd(s->pidfd);
		pid = pid ? pid : -ESRCH;
	}
	munmap(b, sizeof(*b));
	return pid;
}

static int launch(struct starter *s, struct error *err)
{
	const struct start_spec *spec = s->spec;
	int cgroup_fd = -1;
	pid_t pid;

	if (spec->cgroup_host && s->into_group)
		cgroup_fd = cgroup_clone_fd(spec->cgroup_host, &spec->cgroup);
	s->into_group = cgroup_fd >= 0;
	if (s->pid_ns >= 0 && setns(s->pid_ns, CLONE_NEWPID) < 0)
		return error_sys(err,
				 errno == EINVAL ? ERR_INVALID_VALUE : error_code_of_errno(errno),
				 errno,
				 "enter the pid namespace, which must be the daemon's or below it");
	if (s->pid_ns >= 0 && s->clone_flags & CLONE_NEWPID)
		pid = clone_first_nested(s, cgroup_fd);
	else
		pid = clone_first(s, s->clone_flags, cgroup_fd);
	close_fd(&cgroup_fd);
	if (pid == -ENOSPC) /* too many namespaces, or too deep */
		return error_sys(err, ERR_RESOURCE_NOT_AVAILABLE, ENOSPC,
				 "clone the first process");
	if (pid < 0)
		return error_errno(err, -pid, "clone the first process");
	s->pid = pid;
	close_fd(&s->child.channel);
	return 0;
}

/* ---- dialogue ---- */

/* For one step; 0 = no limit. */
static unsigned time_left(const struct starter *s)
{
	uint64_t now;

	if (!s->deadline)
		return 0;
	now = clock_mono_nsec();
	return now >= s->deadline ? 1 : (unsigned)((s->deadline - now) / NSEC_PER_MSEC) + 1;
}

static int start_time(pid_t pid, uint64_t *ret, struct error *err)
{
	struct proc_stat st;
	int r = procfs_stat(pid, &st);

	if (r < 0)
		return error_errno(err, -r, "read /proc/%d/stat", (int)pid);
	*ret = st.starttime;
	return 0;
}

/*
 * Instead of the one that set everything up, which ends, the one that it cloned, as our child, is
 * the first process.
 */
static int learn_born(struct starter *s, struct error *err)
{
	pid_t pid;

	if (s->child.join < 0)
		return 0;
	if (handshake_expect(s->channel, STAGE_BORN, time_left(s), &pid, err) < 0)
		return -1;
	starter_collect(s->pid);
	close_fd(&s->pidfd);
	s->pid = pid;
	s->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return s->pidfd < 0 ? error_errno(err, errno, "open process %d", (int)pid) : 0;
}

static int learn_main(struct starter *s, struct start_result *res, struct error *err)
{
	struct ready_info info;

	/* Now, while the child is busy. */
	if (start_time(s->pid, &res->wait_starttime, err) < 0 ||
	    handshake_expect_ready(s->channel, time_left(s), &info, &res->main_pid, err) < 0)
		return -1;
	res->wait_pid = s->pid;
	res->main_vpid = info.vpid;
	res->main_starttime = res->wait_starttime;
	res->warnings = info.warnings;
	if (res->main_pid == s->pid)
		return 0;
	/* The first process being an init, the main one dies with it; else we have to. */
	if (!(s->clone_flags & CLONE_NEWPID)) {
		s->main_pidfd = (int)syscall(SYS_pidfd_open, res->main_pid, 0);
		if (s->main_pidfd < 0)
			return error_errno(err, errno, "open process %d", (int)res->main_pid);
	}
	return start_time(res->main_pid, &res->main_starttime, err);
}

static int write_record(const struct starter *s, const struct start_result *res, struct error *err)
{
	struct task_record record = {
		.magic = TASK_RECORD_MAGIC,
		.wait_pid = res->wait_pid,
		.main_pid = res->main_pid,
		.main_vpid = res->main_vpid,
		.wait_starttime = res->wait_starttime,
		.main_starttime = res->main_starttime,
	};
	int r = task_record_write(s->child.record_fd, &record);

	return r < 0 ? error_errno(err, -r, "write task record %s", s->spec->record_path) : 0;
}

static int release(struct starter *s, struct error *err)
{
	if (handshake_send(s->channel, STAGE_RELEASE, err) < 0)
		return -1;
	return handshake_expect_eof(s->channel, time_left(s), err);
}

/* ---- failure ---- */

/* Until every process that holds the other end is gone. */
static void drain(int channel)
{
	struct pollfd p = { .fd = channel, .events = POLLIN };
	char byte[sizeof(struct error) + 64];

	while (poll(&p, 1, KILL_WAIT_MS) > 0 &&
	       fd_recv(channel, byte, sizeof(byte), NULL, NULL, NULL) > 0)
		;
}

/*
 * The main process is our grandchild: as a sub-reaper we get it when the first is gone, unless it
 * lives in a pid namespace with another init, where its pidfd and the channel tell of its end.
 */
static void kill_all(struct starter *s, struct error *err)
{
	if (!s->pid)
		return;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
	if (s->main_pidfd >= 0) {
		struct pollfd p = { .fd = s->main_pidfd, .events = POLLIN };

		syscall(SYS_pidfd_send_signal, s->main_pidfd, SIGKILL, NULL, 0);
		poll(&p, 1, KILL_WAIT_MS);
	}
	drain(s->channel);
	/* It closed the channel without a word: how it ended is all there is to say. */
	if (err->sys == ECONNRESET) {
		siginfo_t info = { 0 };

		s->born_dead = waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOWAIT) == 0 &&
			       info.si_code == CLD_KILLED && info.si_status == SIGKILL;
		starter_reap("first process", s->pid, err);
	}
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static void deinit(struct starter *s)
{
	struct child *c = &s->child;
	int *fds[] = {
		&c->channel,   &c->streams[0], &c->streams[1], &c->streams[2], &c->portoinit_fd,
		&c->record_fd, &c->root_fd,    &c->cwd_fd,     &s->channel,    &s->pid_ns,
		&s->pidfd,     &s->main_pidfd, &c->hold_fd,    &c->console,    &c->join,
	};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close_fd(fds[i]);
	for (int i = 0; i < _NS_COUNT; i++)
		close_fd(&c->ns_fds[i]);
	for (size_t i = 0; i < c->nfilters; i++)
		sysfilter_deinit(&c->filters[i]);
	free(c->filters);
}

static void init(struct starter *s, const struct start_spec *spec, bool into_group)
{
	*s = (struct starter){
		.spec = spec,
		.into_group = into_group,
		.channel = -1,
		.pid_ns = -1,
		.pidfd = -1,
		.main_pidfd = -1,
		.child = { .spec = spec,
			   .channel = -1,
			   .streams = { -1, -1, -1 },
			   .portoinit_fd = -1,
			   .record_fd = -1,
			   .hold_fd = -1,
			   .join = -1,
			   .console = -1,
			   .root_fd = -1,
			   .cwd_fd = -1 },
	};
	memset(s->child.ns_fds, -1, sizeof(s->child.ns_fds));
	if (spec->timeout_ms)
		s->deadline = clock_mono_nsec() + spec->timeout_ms * NSEC_PER_MSEC;
}

/* *ret_born_dead: it was cloned into its group and killed at once. */
static int start(const struct start_spec *spec, bool into_group, struct start_result *ret,
		 bool *ret_born_dead, struct error *err)
{
	struct start_result res = { 0 };
	struct starter s;
	int r = -1;

	init(&s, spec, into_group);
	error_clear(err);
	if (prepare(&s, err) == 0 && launch(&s, err) == 0 && learn_born(&s, err) == 0 &&
	    learn_main(&s, &res, err) == 0 && write_record(&s, &res, err) == 0 &&
	    release(&s, err) == 0)
		r = 0;
	if (r < 0)
		kill_all(&s, err);
	else
		*ret = res;
	*ret_born_dead = s.into_group && s.born_dead;
	deinit(&s);
	return r;
}

/*
 * Some kernels (6.18) kill what is cloned into a group that once saw cgroup.kill; a removal that
 * was interrupted leaves such groups. A process that moves there lives.
 */
int starter_run(const struct start_spec *spec, struct start_result *ret, struct error *err)
{
	bool born_dead;
	int r = start(spec, true, ret, &born_dead, err);

	return r < 0 && born_dead ? start(spec, false, ret, &born_dead, err) : r;
}
