/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User namespaces of containers: who has one, whose ids are whose (reference/containers.md §13).
 *
 * All follows from what is configured, at any time; and what is configured cannot be changed while
 * a container or one above it is started. So it holds at start, whenever a container was made.
 * Pure memory.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/idmap.h"

struct container;

/* A new one at start? */
bool userns_is_own(const struct container *ct);
/* The nearest container, itself or above, that has one; NULL = the host's is shared by all. */
const struct container *userns_of(const struct container *ct);

/* The same, and containers that join the one of somebody else, by `namespaces`. */
const struct container *userns_fence(const struct container *ct);

/*
 * Map of uids or gids from the user namespace of `owner` (of whom userns_is_own()) to the host: as
 * set; otherwise the container's user is root inside and all other ids are themselves, root of the
 * host has none. On the host's root directory an owner who is not root gets no id but its own,
 * since it could take what files of others it likes. Where one lies in another, it has no more
 * ids than that. The caller frees *ret.
 */
void userns_map(const struct container *owner, bool gids, struct idmap *ret);

/* Host ids of root in the user namespace that `ct` runs in; of its task where that has none; 0
 * without one. */
uid_t userns_root_uid(const struct container *ct);
gid_t userns_root_gid(const struct container *ct);

/* Have the task of `ct` and the maps of `owner`, in whose user namespace it is to run (NULL = the
 * host's), their ids where they have to be? ERR_INVALID_VALUE. */
int userns_check(const struct container *ct, const struct container *owner, struct error *err);
