/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at files with somebody else's eyes: a privileged process takes on the effective ids and
 * supplementary groups of another user for a few calls, and puts them off again. The kernel then
 * checks every step of a path as it would for that user; nothing is checked first and used later.
 *
 * For forked children that do one thing (starter, jobs), never for the server. Changing ids disarms
 * the parent-death signal (prctl(2)): who wants it arms it again. The process is not dumpable
 * afterwards. Functions return 0, a descriptor or -errno; they block as path lookup blocks.
 */
#pragma once

#include <stdbool.h>

#include "base/cred.h"

#define IDENTITY_GROUPS_MAX 256 /* of ourselves */

struct identity {
	gid_t gid, groups[IDENTITY_GROUPS_MAX];
	int ngroups; /* -1 = not assumed */
};

#define IDENTITY_INIT         \
	{                     \
		.ngroups = -1 \
	}

/* Become `c` for file access; *saved remembers who we are. Effective capabilities go with the
 * effective uid, unless that is 0. */
int identity_assume(const struct cred *c, struct identity *saved);
/* Become ourselves (effective uid 0) again. Harmless when nothing was assumed. A process that
 * cannot must end: the caller treats the -errno as fatal. */
int identity_restore(struct identity *saved);

/* May `c` access what `fd` (O_PATH will do) refers to? `mode` as of access(2). 0 or -errno. */
int identity_access(const struct cred *c, int fd, int mode);
