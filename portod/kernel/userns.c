/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two processes: the maker goes into the outer namespace, clones the tenant into the new one, and
 * writes its maps, which the kernel allows only to a process of the outer namespace. The tenant
 * takes ids that exist inside and makes the other namespaces, so that what is in them belongs to
 * somebody in there. The starter opens them all; then both are gone.
 *
 * Files of a process in /proc that is not dumpable belong to the host's root. The maker may write
 * the maps since it kept that file system id; its effective ids are mapped ones, because the kernel
 * wants the owner of a user namespace to exist in the one around it.
 */
#include "kernel/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "kernel/caps.h"
#include "kernel/child.h"

#define ALL_CAPS UINT64_MAX

/* In memory that all three see. */
struct shared {
	pid_t tenant;     /* 0 = not started */
	struct error err; /* what went wrong, in either of them */
};

struct making {
	const struct userns_request *rq;
	struct shared *shared;
	int mapped[2]; /* maker -> tenant: a byte says that the maps are written */
	int ready[2];  /* tenant -> starter: a byte says that all is made */
	int gate[2];   /* its end lets the tenant go */
};

static void protect_memory(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* ---- the tenant ---- */

static int live_there(const struct making *m, struct error *err)
{
	const struct userns_request *rq = m->rq;
	char byte;

	if (fd_read_all(m->mapped[0], &byte, 1) < 0)
		return -1; /* the maker has said why */
	if (setresgid(rq->inside_gid, rq->inside_gid, rq->inside_gid) < 0 ||
	    setresuid(rq->inside_uid, rq->inside_uid, rq->inside_uid) < 0)
		return error_errno(err, errno, "take ids %u and %u of the user namespace",
				   (unsigned)rq->inside_uid, (unsigned)rq->inside_gid);
	protect_memory();
	/* Another id than 0 lost them. */
	if (caps_raise(ALL_CAPS, err) < 0)
		return -1;
	if (rq->others && unshare(rq->others) < 0)
		return error_errno(err, errno, "make namespaces of the user namespace");
	return 0;
}

static _Noreturn void tenant_main(struct making *m)
{
	char byte;

	protect_memory();
	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	close_fd(&m->mapped[1]);
	close_fd(&m->ready[0]);
	close_fd(&m->gate[1]);
	if (live_there(m, &m->shared->err) < 0)
		_exit(1);
	fd_write_all(m->ready[1], "", 1);
	(void)fd_read_all(m->gate[0], &byte, 1);
	_exit(0);
}

/* ---- the maker ---- */

static int enter_outer(const struct userns_request *rq, struct error *err)
{
	if (rq->outer_fd < 0)
		return 0;
	if (setegid(rq->gid) < 0 || seteuid(rq->uid) < 0)
		return error_errno(err, errno, "become user %u", (unsigned)rq->uid);
	setfsuid(0);
	protect_memory();
	if (caps_raise(ALL_CAPS, err) < 0)
		return -1;
	return userns_enter(rq->outer_fd, err);
}

static int write_map(pid_t pid, const char *file, const struct idmap *map, struct error *err)
{
	auto_free char *text = idmap_format(map, "\n");
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	r = fd_write_file(AT_FDCWD, path, text);
	if (r == -EINVAL)
		return error_sys(err, ERR_INVALID_VALUE, EINVAL, "write %s '%s'", file, text);
	return r < 0 ? error_errno(err, -r, "write %s '%s'", file, text) : 0;
}

static int clone_tenant(struct making *m, struct error *err)
{
	int flags = CLONE_PARENT | (m->rq->fresh ? CLONE_NEWUSER : 0);
	pid_t pid = starter_clone(flags, -1, NULL);

	if (pid == 0)
		tenant_main(m);
	if (pid == -ENOSPC || pid == -EUSERS)
		return error_sys(err, ERR_RESOURCE_NOT_AVAILABLE, (int)-pid,
				 "make a user namespace: too many, or too deep");
	if (pid == -EINVAL)
		return error_sys(err, ERR_NOT_SUPPORTED, EINVAL, "make a user namespace");
	if (pid < 0)
		return error_errno(err, -pid, "make a user namespace");
	m->shared->tenant = pid;
	return 0;
}

static int make(struct making *m, struct error *err)
{
	const struct userns_request *rq = m->rq;

	if (rq->cgroup_host && cgroup_attach_self(rq->cgroup_host, rq->cgroup, false, err) < 0)
		return -1;
	if (enter_outer(rq, err) < 0 || clone_tenant(m, err) < 0)
		return -1;
	/* setgroups(2) is allowed inside by default, and has to be. */
	if (rq->fresh && (write_map(m->shared->tenant, "uid_map", rq->uids, err) < 0 ||
			  write_map(m->shared->tenant, "gid_map", rq->gids, err) < 0))
		return -1;
	fd_write_all(m->mapped[1], "", 1);
	return 0;
}

static _Noreturn void maker_main(struct making *m)
{
	protect_memory();
	_exit(make(m, &m->shared->err) < 0 ? 1 : 0);
}

/* ---- the starter ---- */

static int open_one(pid_t pid, enum ns_kind kind, int fds[_NS_COUNT], struct error *err)
{
	struct ns_choice choice = { .mode = NS_OF_PID, .pid = pid };
	int fd;

	if (ns_open(kind, &choice, -1, &fd, err) < 0)
		return -1;
	close_fd(&fds[kind]);
	fds[kind] = fd;
	return 0;
}

static int open_all(const struct making *m, int fds[_NS_COUNT], struct error *err)
{
	for (int kind = 0; kind < _NS_COUNT; kind++) {
		int flag = ns_clone_flag((enum ns_kind)kind);
		bool wanted = kind == NS_USER ? m->rq->fresh : (m->rq->others & flag) != 0;

		if (wanted && open_one(m->shared->tenant, (enum ns_kind)kind, fds, err) < 0)
			return -1;
	}
	return 0;
}

/* Until both said what they had to; their ends of the pipes are all there is to wait for. */
static int await(struct making *m, struct error *err)
{
	char byte;

	close_fd(&m->mapped[0]);
	close_fd(&m->mapped[1]);
	close_fd(&m->ready[1]);
	if (fd_read_all(m->ready[0], &byte, 1) == 0)
		return 0;
	*err = m->shared->err;
	return err->code ? -1 : error_set(err, ERR_UNKNOWN, "the maker of namespaces was killed");
}

static int run(struct making *m, int fds[_NS_COUNT], struct error *err)
{
	pid_t maker;
	int r;

	if (pipe2(m->mapped, O_CLOEXEC) < 0 || pipe2(m->ready, O_CLOEXEC) < 0 ||
	    pipe2(m->gate, O_CLOEXEC) < 0)
		return error_errno(err, errno, "make a pipe");
	maker = starter_clone(0, -1, NULL);
	if (maker == 0)
		maker_main(m);
	if (maker < 0)
		return error_errno(err, -maker, "fork the maker of namespaces");
	r = await(m, err);
	if (r == 0)
		r = open_all(m, fds, err);
	close_fd(&m->gate[1]);
	starter_collect(maker);
	if (m->shared->tenant)
		starter_collect(m->shared->tenant);
	return r;
}

int userns_make(const struct userns_request *rq, int fds[_NS_COUNT], struct error *err)
{
	struct making m = {
		.rq = rq, .mapped = { -1, -1 }, .ready = { -1, -1 }, .gate = { -1, -1 }
	};
	int r;

	m.shared = mmap(NULL, sizeof(*m.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (m.shared == MAP_FAILED)
		return error_errno(err, errno, "allocate shared memory");
	r = run(&m, fds, err);
	for (int i = 0; i < 2; i++) {
		close_fd(&m.mapped[i]);
		close_fd(&m.ready[i]);
		close_fd(&m.gate[i]);
	}
	munmap(m.shared, sizeof(*m.shared));
	return r;
}

int userns_enter(int fd, struct error *err)
{
	if (setns(fd, CLONE_NEWUSER) < 0)
		return error_errno(err, errno, "enter user namespace");
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* fs.suid_dumpable may have allowed it */
	return 0;
}
