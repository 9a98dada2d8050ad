/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about processes from procfs. */
#include "kernel/procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#ifndef NS_GET_PID_FROM_PIDNS
#define NS_GET_PID_FROM_PIDNS _IOR(NSIO, 0x6, int) /* Linux 6.11 */
#endif

#define PID_DEPTH_MAX 33         /* the kernel nests 32 pid namespaces in the first one */
#define STATUS_MAX    (2u << 20) /* the Groups line alone may have 65536 numbers */

static ssize_t read_of(pid_t pid, const char *file, char *buf, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	n = fd_read_small(AT_FDCWD, path, buf, size);
	return n == -ENOENT ? -ESRCH : n;
}

/* "pid (comm) state ppid …": the comm may contain anything, also parentheses. */
int procfs_stat(pid_t pid, struct proc_stat *ret)
{
	unsigned long long starttime;
	char buf[1024], state, *p;
	int ppid, pgrp, session;
	ssize_t n = read_of(pid, "stat", buf, sizeof(buf));

	if (n < 0)
		return (int)n;
	p = strrchr(buf, ')');
	if (!p ||
	    sscanf(p + 1,
		   " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &state, &ppid, &pgrp, &session, &starttime) != 5)
		return -EINVAL;
	*ret = (struct proc_stat){ .state = state,
				   .ppid = ppid,
				   .pgrp = pgrp,
				   .session = session,
				   .starttime = starttime };
	return 0;
}

int procfs_comm(pid_t pid, char *buf, size_t size)
{
	char text[64];
	ssize_t n = read_of(pid, "comm", text, sizeof(text));

	if (n < 0)
		return (int)n;
	if (n && text[n - 1] == '\n')
		text[n - 1] = '\0';
	snprintf(buf, size, "%s", text);
	return 0;
}

static int read_status(pid_t pid, char **ret)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	r = fd_read_file(AT_FDCWD, path, STATUS_MAX, ret, NULL);
	return r == -ENOENT ? -ESRCH : r;
}

/* Text behind "Key:" of /proc/PID/status, or NULL. */
static const char *status_field(const char *status, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = status; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (!strncmp(p, key, len) && p[len] == ':')
			return p + len + 1;
	}
	return NULL;
}

struct pid_chain {
	pid_t v[PID_DEPTH_MAX]; /* ours first, the innermost last */
	size_t n;
};

static int read_chain(pid_t pid, struct pid_chain *ret)
{
	auto_free char *status = NULL;
	const char *p;
	char *end;
	int r = read_status(pid, &status);

	if (r < 0)
		return r;
	p = status_field(status, "NSpid");
	if (!p) { /* a kernel without pid namespaces */
		*ret = (struct pid_chain){ .v = { pid }, .n = 1 };
		return 0;
	}
	for (ret->n = 0; ret->n < PID_DEPTH_MAX && *p && *p != '\n'; p = end) {
		long v = strtol(p, &end, 10);

		if (end == p)
			break;
		ret->v[ret->n++] = (pid_t)v;
	}
	return ret->n ? 0 : -EINVAL;
}

int procfs_inner_pid(pid_t pid, pid_t *ret)
{
	struct pid_chain chain;
	int r = read_chain(pid, &chain);

	if (r == 0)
		*ret = chain.v[chain.n - 1];
	return r;
}

static int open_pidns(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

static bool is_same_ns(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* The ancestor of pid's namespace `up` levels above it; a descriptor or -errno. */
static int open_ancestor_ns(pid_t pid, size_t up)
{
	auto_close int fd = open_pidns(pid);

	for (; fd >= 0 && up; up--) {
		int parent = ioctl(fd, NS_GET_PARENT);

		if (parent < 0)
			return -errno;
		close(fd);
		fd = parent;
	}
	return take_fd(&fd);
}

int procfs_pid_as_seen_by(pid_t pid, pid_t viewer, pid_t *ret)
{
	auto_close int mine = -1, theirs = -1;
	struct pid_chain chain, view;
	int r = read_chain(pid, &chain);

	if (r == 0)
		r = read_chain(viewer, &view);
	if (r < 0)
		return r;
	if (view.n == 1) { /* in our own namespace */
		*ret = pid;
		return 0;
	}
	if (chain.n < view.n)
		return -ESRCH;
	theirs = open_pidns(viewer);
	mine = open_ancestor_ns(pid, chain.n - view.n);
	if (theirs < 0 || mine < 0)
		return theirs < 0 ? theirs : mine;
	if (!is_same_ns(mine, theirs))
		return -ESRCH;
	*ret = chain.v[view.n - 1];
	return 0;
}

/* For kernels before 6.11. */
static int find_by_scan(pid_t seen, pid_t viewer, pid_t *ret)
{
	auto_closedir DIR *dir = opendir("/proc");
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		pid_t pid, v;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (procfs_pid_as_seen_by(pid, viewer, &v) == 0 && v == seen) {
			*ret = pid;
			return 0;
		}
	}
	return -ESRCH;
}

int procfs_pid_from_view(pid_t seen, pid_t viewer, pid_t *ret)
{
	auto_close int fd = -1;
	struct pid_chain view;
	struct proc_stat stat;
	int r = seen > 0 ? read_chain(viewer, &view) : -ESRCH;
	int pid;

	if (r < 0)
		return r;
	if (view.n == 1) {
		r = procfs_stat(seen, &stat);
		if (r == 0)
			*ret = seen;
		return r;
	}
	fd = open_pidns(viewer);
	if (fd < 0)
		return fd;
	pid = ioctl(fd, NS_GET_PID_FROM_PIDNS, seen);
	if (pid > 0) {
		*ret = pid;
		return 0;
	}
	return pid < 0 && errno == ESRCH ? -ESRCH : find_by_scan(seen, viewer, ret);
}

bool procfs_is_gone(pid_t pid, uint64_t starttime)
{
	struct proc_stat st;

	return procfs_stat(pid, &st) < 0 || st.starttime != starttime || st.state == 'Z' ||
	       st.state == 'X';
}

static int signal_mask(const char *status, const char *key, uint64_t *ret)
{
	const char *p = status_field(status, key);
	unsigned long long mask;

	if (!p || sscanf(p, "%llx", &mask) != 1)
		return -EINVAL;
	*ret = mask;
	return 0;
}

int procfs_handled_signals(pid_t pid, uint64_t *ret)
{
	auto_free char *status = NULL;
	uint64_t caught, blocked;
	int r = read_status(pid, &status);

	if (r < 0)
		return r;
	if (signal_mask(status, "SigCgt", &caught) < 0 ||
	    signal_mask(status, "SigBlk", &blocked) < 0)
		return -EINVAL;
	*ret = caught | blocked;
	return 0;
}

/* "128 0x7ffd… …": number and arguments of the call that it is in, or "running". */
bool procfs_waits_for_signal(pid_t pid)
{
	char text[256];
	long nr;

	return read_of(pid, "syscall", text, sizeof(text)) > 0 && sscanf(text, "%ld", &nr) == 1 &&
	       nr == SYS_rt_sigtimedwait;
}

/* "Uid: real effective saved fs". */
static int effective_id(const char *status, const char *key, unsigned *ret)
{
	const char *p = status_field(status, key);

	return p && sscanf(p, "%*u %u", ret) == 1 ? 0 : -EINVAL;
}

static int stat_ns(pid_t pid, const char *kind, struct stat *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	return stat(path, ret);
}

bool procfs_same_ns(pid_t a, pid_t b, const char *kind)
{
	struct stat sa, sb;

	return stat_ns(a, kind, &sa) == 0 && stat_ns(b, kind, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

int procfs_caps(pid_t pid, uint64_t *ret)
{
	auto_free char *status = NULL;
	int r = read_status(pid, &status);
	const char *p;
	char *end;

	if (r < 0)
		return r;
	p = status_field(status, "CapEff");
	if (!p)
		return -EINVAL;
	*ret = strtoull(p, &end, 16);
	return end == p ? -EINVAL : 0;
}

int procfs_ids(pid_t pid, uid_t *ret_uid, gid_t *ret_gid)
{
	auto_free char *status = NULL;
	unsigned uid, gid;
	int r = read_status(pid, &status);

	if (r < 0)
		return r;
	if (effective_id(status, "Uid", &uid) < 0 || effective_id(status, "Gid", &gid) < 0)
		return -EINVAL;
	*ret_uid = uid;
	*ret_gid = gid;
	return 0;
}

bool procfs_is_of_user(pid_t pid, uid_t uid)
{
	auto_free char *status = NULL;
	unsigned v[4];
	const char *p;

	if (read_status(pid, &status) < 0)
		return false;
	p = status_field(status, "Uid");
	if (!p || sscanf(p, "%u %u %u %u", &v[0], &v[1], &v[2], &v[3]) != 4)
		return false;
	return v[0] == uid && v[1] == uid && v[2] == uid && v[3] == uid;
}

bool procfs_is_open_to(pid_t pid, uid_t uid)
{
	char path[64];
	struct stat st;

	/* What is not dumpable belongs to root, see proc(5). */
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	return stat(path, &st) == 0 && st.st_uid == uid && procfs_is_of_user(pid, uid);
}

int procfs_process_of(pid_t tid, pid_t *ret)
{
	auto_free char *status = NULL;
	const char *p;
	int pid, r = read_status(tid, &status);

	if (r < 0)
		return r;
	p = status_field(status, "Tgid");
	if (!p || sscanf(p, "%d", &pid) != 1)
		return -EINVAL;
	*ret = pid;
	return 0;
}

uint64_t procfs_mem_total(void)
{
	unsigned long long kib;
	char buf[256];

	if (fd_read_small(AT_FDCWD, "/proc/meminfo", buf, sizeof(buf)) < 0 ||
	    sscanf(buf, "MemTotal: %llu kB", &kib) != 1)
		return 0;
	return (uint64_t)kib * 1024;
}

uint64_t procfs_huge_pages(void)
{
	static const char path[] = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
	unsigned long long pages;
	char buf[32];

	if (fd_read_small(AT_FDCWD, path, buf, sizeof(buf)) < 0 || sscanf(buf, "%llu", &pages) != 1)
		return 0;
	return (uint64_t)pages << 21;
}

int procfs_add_vm(pid_t pid, struct proc_vm *vm)
{
	const struct {
		const char *key;
		uint64_t *sum;
	} rows[] = {
		{ "VmPeak", &vm->max_size },   { "VmSize", &vm->size },    { "VmLck", &vm->locked },
		{ "VmHWM", &vm->max_used },    { "VmRSS", &vm->used },     { "RssAnon", &vm->anon },
		{ "RssFile", &vm->file },      { "RssShmem", &vm->shmem }, { "VmData", &vm->data },
		{ "VmStk", &vm->stack },       { "VmExe", &vm->code },     { "VmLib", &vm->code },
		{ "VmPTE", &vm->table },       { "VmPMD", &vm->table },    { "VmSwap", &vm->swap },
		{ "HugetlbPages", &vm->huge },
	};
	auto_free char *status = NULL;
	int r = read_status(pid, &status);

	if (r < 0)
		return r;
	vm->count++;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *p = status_field(status, rows[i].key);

		if (p)
			*rows[i].sum += strtoull(p, NULL, 10) * 1024;
	}
	return 0;
}

int procfs_open_root(pid_t pid, uint64_t starttime)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	if (!procfs_is_gone(pid, starttime))
		return fd;
	close(fd);
	return -ESRCH;
}
