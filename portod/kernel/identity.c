/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int become(uid_t uid, gid_t gid, const gid_t *groups, size_t n)
{
	int r = 0;

	/* Back to root first: only root may change groups. */
	if (uid == 0 && seteuid(0) < 0)
		return -errno;
	if (setgroups(n, groups) < 0 || setegid(gid) < 0 || (uid && seteuid(uid) < 0))
		r = -errno;
	/* With fs.suid_dumpable=1 the copy of the server that we are could be looked into now. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return r;
}

int identity_assume(const struct cred *c, struct identity *saved)
{
	int n = getgroups(IDENTITY_GROUPS_MAX, saved->groups), r;

	if (n < 0)
		return -errno;
	saved->gid = getegid();
	saved->ngroups = n;
	r = become(c->uid, c->gid, c->groups, c->ngroups);
	if (r < 0)
		identity_restore(saved);
	return r;
}

int identity_restore(struct identity *saved)
{
	int r;

	if (saved->ngroups < 0)
		return 0;
	r = become(0, saved->gid, saved->groups, (size_t)saved->ngroups);
	saved->ngroups = -1;
	return r;
}

int identity_access(const struct cred *c, int fd, int mode)
{
	struct identity self = IDENTITY_INIT;
	int r = identity_assume(c, &self), e;

	if (r == 0 && syscall(SYS_faccessat2, fd, "", mode, AT_EMPTY_PATH | AT_EACCESS) < 0)
		r = -errno;
	e = identity_restore(&self);
	return r < 0 ? r : e;
}
