/* SPDX-License-Identifier: Apache-2.0 */
/* Private to ops/: the property `symlink` as work to be done. */
#pragma once

#include "base/cred.h"
#include "kernel/symlink.h"
#include "ops/internal.h"

struct link_set {
	struct symlink_entry *v;
	size_t n;
	struct cred cred;         /* of the actor */
	const struct cred *actor; /* NULL = root; points to `cred`: do not move */
};

/* `gone`: links to remove unless they are wanted (may be NULL); `cwd` of the container. */
void link_set_init(struct link_set *s, const struct container *ct, const struct strv *gone,
		   const char *cwd);
void link_set_deinit(struct link_set *s);
