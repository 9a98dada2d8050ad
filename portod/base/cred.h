/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials and the host's user database. Lookups use getpwnam_r and friends, which may read
 * files (and block, if NSS asks a network).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cred {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned; supplementary */
	size_t ngroups;
};

#define CRED_INIT                                  \
	{                                          \
		.uid = (uid_t)-1, .gid = (gid_t)-1 \
	}

void cred_deinit(struct cred *c);
void cred_copy(struct cred *dst, const struct cred *src);
bool cred_in_group(const struct cred *c, gid_t gid); /* primary or supplementary */
/* Fill supplementary groups from the database by uid and gid; only the gid when unknown. */
void cred_load_groups(struct cred *c);

/* Name or number; a number need not exist. 0, -ENOENT for an unknown name, -ERANGE for a number
 * that is no id, else -errno of the database. */
int cred_parse_user(const char *text, uid_t *ret);
int cred_parse_group(const char *text, gid_t *ret);
/* Of the database; 0, -ENOENT for an unknown user, else -errno of the database. */
int cred_primary_group(uid_t uid, gid_t *ret);
/* Name if known, else the number. New string. */
char *cred_user_name(uid_t uid);
char *cred_group_name(gid_t gid);
