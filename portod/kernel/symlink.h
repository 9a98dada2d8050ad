/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbolic links that a container's owner wants inside of its root directory. Everything happens
 * beneath that root (openat2(2) RESOLVE_IN_ROOT); what is in the way and no link is left alone.
 */
#pragma once

#include <stddef.h>

#include "base/cred.h"
#include "base/error.h"

struct symlink_entry {
	char *link;   /* absolute in the root, normal */
	char *target; /* likewise; NULL = the link goes */
};

/*
 * Make and remove links, in order, all or nothing as far as possible. Missing directories on the
 * way to a link are made, 0775; a link that is there is replaced in one step. The text of a link
 * leads from where it is, so that it is right seen from outside, too. `actor`: whose rights count
 * and who owns what is new; NULL = ourselves. The umask should be 0. ERR_INVALID_VALUE for a file
 * in the way, ERR_INVALID_PATH, ERR_PERMISSION. In a forked child only (kernel/identity.h).
 */
int symlinks_apply(int root, const struct symlink_entry *entries, size_t n,
		   const struct cred *actor, struct error *err);
void symlink_entries_free(struct symlink_entry *entries, size_t n);

/* Relative text of a link in directory `dir` to `target`; both absolute and normal. New string. */
char *symlink_text(const char *dir, const char *target);
