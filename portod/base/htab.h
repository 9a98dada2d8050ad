/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash table from a string or a 64-bit integer to a pointer. One table uses one key kind.
 * String keys are borrowed: they must live as long as the entry (usually inside the value).
 * The string hash is keyed with a random seed, so clients cannot force collisions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct htab;

struct htab *htab_new(void);
/* Accepts NULL; values are not touched. Returns NULL. */
struct htab *htab_free(struct htab *h);
size_t htab_count(const struct htab *h);

void *htab_get(const struct htab *h, const char *key);
/* The key must not be present (asserted). `value` may not be NULL. */
void htab_put(struct htab *h, const char *key, void *value);
/* Returns the removed value or NULL. */
void *htab_del(struct htab *h, const char *key);

void *htab_get_int(const struct htab *h, uint64_t key);
void htab_put_int(struct htab *h, uint64_t key, void *value);
void *htab_del_int(struct htab *h, uint64_t key);

/* Iterate: start with *iter = 0; NULL at the end. No put or del while iterating. */
void *htab_next(const struct htab *h, size_t *iter);
