/* SPDX-License-Identifier: Apache-2.0 */
#include "cred.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "num.h"
#include "xalloc.h"

#define NSS_BUF_MAX (1024 * 1024) /* a group with very many members */
#define GROUPS_MAX  65536         /* NGROUPS_MAX of Linux */

void cred_deinit(struct cred *c)
{
	if (!c)
		return;
	free(c->groups);
	*c = (struct cred)CRED_INIT;
}

void cred_copy(struct cred *dst, const struct cred *src)
{
	struct cred copy = *src;

	copy.groups = xmemdup(src->groups, src->ngroups * sizeof(*src->groups));
	cred_deinit(dst);
	*dst = copy;
}

bool cred_in_group(const struct cred *c, gid_t gid)
{
	if (c->gid == gid)
		return true;
	for (size_t i = 0; i < c->ngroups; i++) {
		if (c->groups[i] == gid)
			return true;
	}
	return false;
}

/*
 * What the four get…_r functions have in common: a buffer that is grown on ERANGE, and several
 * errno values that only mean "not found" (see getpwnam(3)). The caller frees *buf.
 */
enum lookup { LOOKUP_AGAIN, LOOKUP_DONE };

static enum lookup check_lookup(int err, bool found, char **buf, size_t *size, int *ret)
{
	if (err == EINTR)
		return LOOKUP_AGAIN;
	if (err == ERANGE && *size < NSS_BUF_MAX) {
		*size *= 4;
		*buf = xrealloc(*buf, *size);
		return LOOKUP_AGAIN;
	}
	if (found)
		*ret = 0;
	else if (err == 0 || err == ENOENT || err == ESRCH || err == EBADF || err == EPERM)
		*ret = -ENOENT;
	else
		*ret = -err;
	return LOOKUP_DONE;
}

/* By name, or by uid when name is NULL. The strings of *pw live in *buf. */
static int find_user(const char *name, uid_t uid, struct passwd *pw, char **buf)
{
	struct passwd *found;
	size_t size = 1024;
	int err, r;

	*buf = xmalloc(size);
	do {
		found = NULL;
		err = name ? getpwnam_r(name, pw, *buf, size, &found)
			   : getpwuid_r(uid, pw, *buf, size, &found);
	} while (check_lookup(err, found != NULL, buf, &size, &r) == LOOKUP_AGAIN);
	return r;
}

static int find_group(const char *name, gid_t gid, struct group *gr, char **buf)
{
	struct group *found;
	size_t size = 1024;
	int err, r;

	*buf = xmalloc(size);
	do {
		found = NULL;
		err = name ? getgrnam_r(name, gr, *buf, size, &found)
			   : getgrgid_r(gid, gr, *buf, size, &found);
	} while (check_lookup(err, found != NULL, buf, &size, &r) == LOOKUP_AGAIN);
	return r;
}

void cred_load_groups(struct cred *c)
{
	auto_free char *buf = NULL;
	int n = 32, room;
	struct passwd pw;
	gid_t *groups;

	free(c->groups);
	c->ngroups = 0;
	c->groups = NULL;
	groups = xnew_array(gid_t, (size_t)n);
	if (find_user(NULL, c->uid, &pw, &buf) < 0) {
		groups[0] = c->gid;
		n = 1;
	} else {
		while (room = n, getgrouplist(pw.pw_name, c->gid, groups, &n) < 0) {
			/* Old glibc does not say how many there are. */
			n = n > room ? n : room * 2;
			if (n > GROUPS_MAX) {
				n = room;
				break;
			}
			groups = xreallocarray(groups, (size_t)n, sizeof(*groups));
		}
	}
	c->groups = groups;
	c->ngroups = (size_t)n;
}

/* 1: a number (*ret), 0: not a number, -ERANGE: a number that is no id; (id)-1 means "none". */
static int parse_id(const char *text, uint32_t *ret)
{
	uint64_t v;

	if (!*text || text[strspn(text, "0123456789")])
		return 0;
	if (num_parse_u64(text, &v) < 0 || v >= UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 1;
}

int cred_parse_user(const char *text, uid_t *ret)
{
	auto_free char *buf = NULL;
	struct passwd pw;
	uint32_t id;
	int r;

	r = parse_id(text, &id);
	if (r < 0)
		return r;
	if (r == 0) {
		r = find_user(text, 0, &pw, &buf);
		if (r < 0)
			return r;
		id = pw.pw_uid;
	}
	*ret = id;
	return 0;
}

int cred_parse_group(const char *text, gid_t *ret)
{
	auto_free char *buf = NULL;
	struct group gr;
	uint32_t id;
	int r;

	r = parse_id(text, &id);
	if (r < 0)
		return r;
	if (r == 0) {
		r = find_group(text, 0, &gr, &buf);
		if (r < 0)
			return r;
		id = gr.gr_gid;
	}
	*ret = id;
	return 0;
}

int cred_primary_group(uid_t uid, gid_t *ret)
{
	auto_free char *buf = NULL;
	struct passwd pw;
	int r = find_user(NULL, uid, &pw, &buf);

	if (r == 0)
		*ret = pw.pw_gid;
	return r;
}

char *cred_user_name(uid_t uid)
{
	auto_free char *buf = NULL;
	struct passwd pw;

	if (find_user(NULL, uid, &pw, &buf) < 0)
		return xasprintf("%u", (unsigned)uid);
	return xstrdup(pw.pw_name);
}

char *cred_group_name(gid_t gid)
{
	auto_free char *buf = NULL;
	struct group gr;

	if (find_group(NULL, gid, &gr, &buf) < 0)
		return xasprintf("%u", (unsigned)gid);
	return xstrdup(gr.gr_name);
}
