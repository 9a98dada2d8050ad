/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State in sqlite: (kind, id, key) -> value, all text.
 *
 * Writes open a transaction by themselves; store_commit() ends it once per loop turn, before the
 * replies of that turn leave. WAL, synchronous=OFF: the state directory is a tmpfs and state does
 * not outlive a reboot, but every commit survives SIGKILL. Calls may block as the file system
 * blocks. A store must never be used or closed in a forked child.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct store;

/* Creates or migrates. `path` may be ":memory:". A schema newer than ours is an error. */
int store_open(const char *path, struct store **ret, struct error *err);
/* Commits what is pending. Accepts NULL, returns NULL. */
struct store *store_close(struct store *s);

/* value NULL deletes the key. */
int store_put(struct store *s, const char *kind, int64_t id, const char *key, const char *value,
	      struct error *err);
/* All keys of one object. */
int store_delete(struct store *s, const char *kind, int64_t id, struct error *err);
/* Anything written since the last commit? */
bool store_is_dirty(const struct store *s);
int store_commit(struct store *s, struct error *err);

/* Every row of `kind` ordered by id, then key. The strings are valid during the call only. A
 * non-zero return of `fn` stops and is returned. */
int store_each(struct store *s, const char *kind,
	       int (*fn)(void *arg, int64_t id, const char *key, const char *value), void *arg,
	       struct error *err);
