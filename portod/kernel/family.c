/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/family.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/xalloc.h"
#include "kernel/procfs.h"

#define PASS_MS     50 /* a pass of killing; who forks meanwhile is seen by the next one */
#define PASSES_MAX  1000
#define ENVIRON_MAX (8u << 20)

struct member {
	pid_t pid;
	struct proc_stat st;
	bool marked;
};

static bool is_alive(pid_t pid, uint64_t starttime)
{
	return pid && !procfs_is_gone(pid, starttime);
}

/* While a process of the session lives its number is not given to another one. A leader with
 * another start time tells that there was nobody left: the number means something else now. */
static bool session_is_ours(const struct family *f)
{
	struct proc_stat st;

	return f->main_pid &&
	       (procfs_stat(f->main_pid, &st) < 0 || st.starttime == f->main_starttime);
}

static bool is_founder(const struct family *f, const struct member *m)
{
	return (m->pid == f->wait_pid && m->st.starttime == f->wait_starttime) ||
	       (m->pid == f->main_pid && m->st.starttime == f->main_starttime);
}

/* Without a C library's copy of it the environment is as it was given to execve(2). */
static bool has_name(pid_t pid, const char *name)
{
	auto_free char *want = xasprintf("PORTO_NAME=%s", name ? name : ""), *env = NULL;
	char path[64];
	size_t len = 0;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	if (!name || fd_read_file(AT_FDCWD, path, ENVIRON_MAX, &env, &len) < 0)
		return false;
	for (const char *p = env; p < env + len; p += strlen(p) + 1) {
		if (!strcmp(p, want))
			return true;
	}
	return false;
}

static bool is_marked(const struct member *all, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++) {
		if (all[i].pid == pid)
			return all[i].marked;
	}
	return false;
}

/* Mark who belongs to the family, children after their parents in as many passes as it takes. */
static void mark(const struct family *f, struct member *all, size_t n)
{
	bool session = session_is_ours(f), more = true;

	for (size_t i = 0; i < n; i++)
		all[i].marked = is_founder(f, &all[i]) ||
				(session && (all[i].st.session == f->main_pid ||
					     all[i].st.pgrp == f->main_pid)) ||
				has_name(all[i].pid, f->name);
	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++) {
			if (all[i].marked || !is_marked(all, n, all[i].st.ppid))
				continue;
			all[i].marked = more = true;
		}
	}
}

int family_members(const struct family *f, struct cgroup_host *h, const struct cgroup *cg,
		   pid_t **ret, size_t *ret_n, struct error *err)
{
	pid_t *pids = NULL;
	struct member *all;
	size_t npids = 0, n = 0;

	if (cgroup_pids(h, cg, true, &pids, &npids, err) < 0)
		return -1;
	all = xnew_array(struct member, npids + 1);
	for (size_t i = 0; i < npids; i++) {
		all[n].pid = pids[i];
		if (procfs_stat(pids[i], &all[n].st) == 0)
			n++;
	}
	mark(f, all, n);
	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		if (all[i].marked && all[i].st.state != 'Z' && all[i].st.state != 'X')
			pids[(*ret_n)++] = all[i].pid;
	}
	free(all);
	*ret = pids ? pids : xnew_array(pid_t, 1);
	return 0;
}

int family_signal(const struct family *f, int sig, struct error *err)
{
	auto_close int pidfd = f->main_pid ? (int)syscall(SYS_pidfd_open, f->main_pid, 0) : -1;

	/* As long as the leader was not reaped the number of the group is its own. */
	if (pidfd < 0 || !is_alive(f->main_pid, f->main_starttime))
		return error_set(err, ERR_INVALID_STATE, "process %d is gone", (int)f->main_pid);
	if (kill(-f->main_pid, sig) < 0)
		return error_errno(err, errno, "send signal %d to process group %d", sig,
				   (int)f->main_pid);
	return 0;
}

static bool is_among(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++) {
		if (pids[i] == pid)
			return true;
	}
	return false;
}

/* Signal those who were not there in the last pass; *seen becomes this pass. */
static int signal_pass(const struct family *f, struct cgroup_host *h, const struct cgroup *cg,
		       int sig, pid_t **seen, size_t *nseen, bool *ret_new, struct error *err)
{
	pid_t *pids = NULL;
	size_t n = 0;

	*ret_new = false;
	if (family_members(f, h, cg, &pids, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if ((f->init && pids[i] == f->wait_pid) || is_among(*seen, *nseen, pids[i]))
			continue;
		kill(pids[i], sig);
		*ret_new = true;
	}
	free(*seen);
	*seen = pids;
	*nseen = n;
	return 0;
}

int family_signal_all(const struct family *f, struct cgroup_host *h, const struct cgroup *cg,
		      int sig, struct error *err)
{
	auto_free pid_t *seen = NULL;
	size_t nseen = 0;
	bool more = true;
	int r = 0;

	for (int pass = 0; r == 0 && more && pass < (sig == SIGKILL ? PASSES_MAX : 1); pass++)
		r = signal_pass(f, h, cg, sig, &seen, &nseen, &more, err);
	return r;
}

/* Until it is gone, or for `ms`. */
static void await_end(pid_t pid, uint64_t starttime, unsigned ms)
{
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd >= 0 && is_alive(pid, starttime))
		poll(&p, 1, (int)ms);
}

/* One pass; *ret_left = how many were alive at its beginning. portoinit reaps the others and ends
 * by itself: it comes last, when it does not. */
static int kill_pass(const struct family *f, struct cgroup_host *h, const struct cgroup *cg,
		     bool spare_init, size_t *ret_left, struct error *err)
{
	auto_free pid_t *pids = NULL;
	size_t n = 0;

	if (family_members(f, h, cg, &pids, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!spare_init || pids[i] != f->wait_pid)
			kill(pids[i], SIGKILL);
	}
	*ret_left = n;
	return 0;
}

int family_kill(const struct family *f, struct cgroup_host *h, const struct cgroup *cg,
		unsigned timeout_ms, struct error *err)
{
	uint64_t start = clock_mono_nsec(), limit = timeout_ms * NSEC_PER_MSEC;
	struct error ignored = ERROR_INIT;
	size_t left = 0;

	if (!f->wait_pid || !cgroup_exists(h, cg))
		return 0;
	(void)family_signal(f, SIGKILL, &ignored);
	await_end(f->wait_pid, f->wait_starttime, f->init ? PASS_MS * 10 : PASS_MS);
	for (;;) {
		uint64_t spent = clock_mono_nsec() - start;

		if (kill_pass(f, h, cg, f->init && spent < limit / 4, &left, err) < 0)
			return -1;
		if (!left)
			return 0;
		if (spent > limit)
			return error_sys(err, ERR_UNKNOWN, ETIMEDOUT,
					 "kill the job's processes: %zu are left", left);
		poll(NULL, 0, PASS_MS);
	}
}
