/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State in sqlite: (kind, id, key) -> value, all text.
 *
 * Writes go to a journal in memory and never block; store_commit() writes them to sqlite as one
 * transaction, once per loop turn, before the replies of that turn leave. WAL, synchronous=OFF: the
 * state directory is a tmpfs and state does not outlive a reboot, but every commit survives
 * SIGKILL. Commit, close and reading block as the file system blocks. One process has the file
 * open at a time (exclusive lock). A store must never be committed, read or closed in a forked
 * child.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct store;

/*
 * Creates (mode 0600) or migrates. `path` may be ":memory:". A schema newer than ours is
 * NotSupported; a file that another process has open is Busy, after 5 s (a dying server may still
 * hold it).
 */
int store_open(const char *path, struct store **ret, struct error *err);
/* Commits what is pending; a failure is logged. Accepts NULL, returns NULL. */
struct store *store_close(struct store *s);

/* value NULL deletes the key. Strings are copied. NoSpace when 64 MiB wait for a commit. */
int store_put(struct store *s, const char *kind, int64_t id, const char *key, const char *value,
	      struct error *err);
/* All keys of one object. */
int store_delete(struct store *s, const char *kind, int64_t id, struct error *err);
/* Anything written since the last commit? */
bool store_is_dirty(const struct store *s);
/* All or nothing. On failure (for example NoSpace) nothing is lost: the store stays dirty and the
 * next commit tries everything again. */
int store_commit(struct store *s, struct error *err);

/*
 * Every row of `kind` ordered by id, then key; pending writes are committed first. The strings are
 * valid during the call only. `fn` may not use the store; its non-zero return stops and is
 * returned (fill *err then, if it is -1).
 */
int store_each(struct store *s, const char *kind,
	       int (*fn)(void *arg, int64_t id, const char *key, const char *value), void *arg,
	       struct error *err);
