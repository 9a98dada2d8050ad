/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of containers: names, ids, lookup, walks. Pure memory.
 */
#pragma once

#include <stddef.h>

#include "model/container.h"

#define CONTAINER_ID_MAX         4095
#define CONTAINER_NAME_MAX       128 /* a component */
#define CONTAINER_PATH_MAX       200 /* a whole name */
#define CONTAINER_PATH_MAX_SUPER 220 /* for a superuser */

struct tree;

/* With the root container: id 1, state meta. Ids 2 and 3 are never handed out. */
struct tree *tree_new(void);
/* Destroys everything left. Returns NULL. */
struct tree *tree_free(struct tree *t);
struct container *tree_root(const struct tree *t);
size_t tree_count(const struct tree *t); /* without root */

/* Syntax of a full name. ERR_INVALID_VALUE naming the byte or limit. */
int tree_check_name(const char *name, bool superuser, struct error *err);

/* "" or "/" = root. NULL when missing. */
struct container *tree_find(const struct tree *t, const char *name);
struct container *tree_find_id(const struct tree *t, uint32_t id);
/* The container of a cgroup name: it or its nearest existing ancestor. */
struct container *tree_find_nearest(const struct tree *t, const char *name);

/* Name checked, parent there, not taken (asserted). id 0 = next free one;
 * ERR_RESOURCE_NOT_AVAILABLE when none is left. The tree holds a reference. */
int tree_add(struct tree *t, const char *name, uint32_t id, struct container **ret,
	     struct error *err);
/* Unlink a container without children; drops the tree's reference, sets `destroyed`. */
void tree_remove(struct tree *t, struct container *ct);

/* All containers (without root) sorted bytewise by full name; *ret is malloc'ed, borrowed elements.
 * */
size_t tree_sorted(const struct tree *t, struct container ***ret);
/* Next in pre-order below `top` (parents before children), start with pos = top; NULL at the end.
 * */
struct container *tree_next(const struct container *top, const struct container *pos);
/* Next in post-order (children before parents, `top` last), start with NULL. */
struct container *tree_next_post(const struct container *top, const struct container *pos);

/* Change the state and keep the counters of the ancestors. Asserts state_may_follow(). */
void container_set_state(struct container *ct, enum container_state state);
/* The same without the check of the transition: only for restoring what the store says. */
void container_restore_state(struct container *ct, enum container_state state);
