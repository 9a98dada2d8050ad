/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/symlink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/identity.h"
#include "kernel/inroot.h"

void symlink_entries_free(struct symlink_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(entries[i].link);
		free(entries[i].target);
	}
	free(entries);
}

/* ---- text ---- */

/* Length of the part of both that consists of the same whole components. */
static size_t common_dirs(const char *a, const char *b)
{
	size_t common = 0, i = 0;

	for (;; i++) {
		bool end_a = !a[i] || a[i] == '/', end_b = !b[i] || b[i] == '/';

		if (end_a && end_b)
			common = i;
		if (a[i] != b[i] || !a[i])
			return common;
	}
}

char *symlink_text(const char *dir, const char *target)
{
	struct buf out = BUF_INIT;
	size_t common;

	/* "/" is no component. */
	dir += strcmp(dir, "/") == 0;
	target += strcmp(target, "/") == 0;
	common = common_dirs(dir, target);
	for (const char *p = dir + common; *p; p++) {
		if (*p == '/')
			buf_adds(&out, "../");
	}
	target += common;
	target += *target == '/';
	if (*target)
		buf_adds(&out, target);
	else if (out.len)
		out.len--; /* the last slash */
	else
		buf_addc(&out, '.');
	buf_addc(&out, '\0');
	return buf_take(&out);
}

/* ---- one link ---- */

/* What was there before; for going back. */
struct undo {
	int dir;
	const char *name; /* points into the entry */
	char *old;        /* text; NULL = there was none */
};

/* Text of the link, NULL in *ret when there is nothing; -EEXIST for anything but a link. */
static int read_link(int dir, const char *name, char **ret)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(dir, name, text, sizeof(text) - 1);

	*ret = NULL;
	if (n < 0)
		return errno == ENOENT ? 0 : errno == EINVAL ? -EEXIST : -errno;
	text[n] = '\0';
	*ret = xstrdup(text);
	return 0;
}

/* A new link under another name, and then its own: nobody ever finds none. */
static int replace_link(int dir, const char *name, const char *text)
{
	char next[NAME_MAX + 1];

	snprintf(next, sizeof(next), ".next_%.200s", name);
	if (symlinkat(text, dir, next) < 0) {
		/* Left behind by somebody who was interrupted. */
		if (errno != EEXIST || unlinkat(dir, next, 0) < 0 || symlinkat(text, dir, next) < 0)
			return -errno;
	}
	if (renameat(dir, next, dir, name) < 0) {
		int e = -errno;

		unlinkat(dir, next, 0);
		return e;
	}
	return 0;
}

static int put_text(int dir, const char *name, const char *text)
{
	if (text)
		return replace_link(dir, name, text);
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/*
 * From a directory that is reached through links `..` leads elsewhere than the text says: then the
 * link is absolute.
 */
static char *text_for(int root, const char *dir_path, const char *target)
{
	const char *relative = dir_path + 1;
	auto_close int plain = fd_open_no_symlinks(root, *relative ? relative : ".",
						   O_PATH | O_DIRECTORY, 0);

	return plain < 0 ? xstrdup(target) : symlink_text(dir_path, target);
}

static int apply_one(int root, const struct symlink_entry *e, const struct cred *actor,
		     struct undo *undo)
{
	auto_free char *dir_path = path_dirname(e->link), *text = NULL;
	int r;

	if (e->target)
		undo->dir = inroot_make_dirs(root, dir_path, actor ? actor->uid : 0,
					     actor ? actor->gid : 0);
	else
		undo->dir = fd_open_in_root(root, dir_path, O_PATH | O_DIRECTORY, 0);
	if (undo->dir < 0)
		return !e->target && undo->dir == -ENOENT ? 0 : undo->dir;
	undo->name = path_basename(e->link);
	r = read_link(undo->dir, undo->name, &undo->old);
	if (r < 0)
		return !e->target && r == -EEXIST ? 0 : r; /* it is no link of ours any more */
	text = e->target ? text_for(root, dir_path, e->target) : NULL;
	if (str_eq(text, undo->old))
		return 0;
	return put_text(undo->dir, undo->name, text);
}

/* ---- all ---- */

static int fail(const struct symlink_entry *e, int r, struct error *err)
{
	if (r == -EEXIST)
		return error_sys(err, ERR_INVALID_VALUE, EEXIST,
				 "link %s to %s: a file that is no link is in the way", e->link,
				 e->target);
	if (r == -ENOTDIR || r == -ELOOP || r == -ENAMETOOLONG)
		return error_sys(err, ERR_INVALID_PATH, -r, "link %s to %s", e->link,
				 e->target ? e->target : "nothing");
	return error_errno(err, -r, "link %s to %s", e->link, e->target ? e->target : "nothing");
}

static int apply_all(int root, const struct symlink_entry *entries, size_t n,
		     const struct cred *actor, struct error *err)
{
	struct undo *undo = xnew_array(struct undo, n + 1);
	size_t done = 0;
	int r = 0;

	for (; done < n && r == 0; done++) {
		undo[done].dir = -1;
		r = apply_one(root, &entries[done], actor, &undo[done]);
		if (r < 0)
			fail(&entries[done], r, err);
	}
	/* The last one changed nothing if it failed. */
	for (size_t i = done; i-- > 0;) {
		if (r < 0 && i + 1 < done && undo[i].dir >= 0 && undo[i].name)
			(void)put_text(undo[i].dir, undo[i].name, undo[i].old);
		close_fd(&undo[i].dir);
		free(undo[i].old);
	}
	free(undo);
	return r < 0 ? -1 : 0;
}

int symlinks_apply(int root, const struct symlink_entry *entries, size_t n,
		   const struct cred *actor, struct error *err)
{
	struct identity self = IDENTITY_INIT;
	int r = actor ? identity_assume(actor, &self) : 0, result;

	if (r < 0)
		return error_errno(err, -r, "act as user %u", (unsigned)actor->uid);
	result = apply_all(root, entries, n, actor, err);
	r = identity_restore(&self);
	return r < 0 ? error_errno(err, -r, "act as root again") : result;
}
