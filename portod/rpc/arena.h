/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bump allocator with one lifetime: everything goes at arena_free().
 *
 * The arena lives inside its own first chunk, so a small request costs one malloc. Decoding
 * allocates through arena_protobuf(), which stops at `limit`: a frame of a few bytes per empty
 * sub-message could otherwise ask for a hundred times its size. What handlers allocate
 * (arena_alloc) is not a client's choice of size and is not limited. Pure memory.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

struct arena;

/* `limit` in bytes, for arena_protobuf() only. */
struct arena *arena_new(size_t limit);
/* Accepts NULL. Returns NULL. */
struct arena *arena_free(struct arena *a);

/* Zeroed memory, aligned for any type; never NULL. */
void *arena_alloc(struct arena *a, size_t size);
/* NULL in, NULL out. */
char *arena_strdup(struct arena *a, const char *s);

/*
 * Allocator for protobuf-c, not zeroed; valid as long as the arena. Gives NULL over the limit; its
 * free does nothing, so the limit counts protobuf-c's scratch of the scan too.
 */
ProtobufCAllocator *arena_protobuf(struct arena *a);
/* Some allocation was refused because of the limit. */
bool arena_was_exhausted(const struct arena *a);
