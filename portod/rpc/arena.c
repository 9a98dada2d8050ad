/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define ARENA_FIRST 4096 /* holds a usual request: struct, message and a few strings */
#define ARENA_CHUNK 16384
#define ARENA_LARGE 4096 /* from here on a block has a chunk of its own */
#define ARENA_ALIGN _Alignof(max_align_t)

struct chunk {
	struct chunk *older;
	_Alignas(max_align_t) char data[];
};

struct arena {
	ProtobufCAllocator allocator;
	struct chunk *newest; /* of those beside the first, which is the arena itself */
	char *next, *end;     /* free part of the chunk being filled */
	size_t used, limit;
	bool exhausted;
	_Alignas(max_align_t) char first[];
};

static size_t align_up(size_t size)
{
	return (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
}

static char *add_chunk(struct arena *a, size_t size)
{
	struct chunk *c = xmalloc(sizeof(*c) + size);

	c->older = a->newest;
	a->newest = c;
	return c->data;
}

/* `size` is aligned and not zero. */
static void *take(struct arena *a, size_t size)
{
	void *p;

	if (size >= ARENA_LARGE)
		return add_chunk(a, size);
	if ((size_t)(a->end - a->next) < size) {
		a->next = add_chunk(a, ARENA_CHUNK);
		a->end = a->next + ARENA_CHUNK;
	}
	p = a->next;
	a->next += size;
	return p;
}

static void *protobuf_alloc(void *data, size_t size)
{
	struct arena *a = data;

	if (size > a->limit - a->used || align_up(size) > a->limit - a->used) {
		a->exhausted = true;
		return NULL;
	}
	/* protobuf-c takes NULL for failure, so an empty block is one too. */
	size = size ? align_up(size) : ARENA_ALIGN;
	a->used += size;
	return take(a, size);
}

/* Everything goes at once with the arena. */
static void protobuf_free(void *data, void *p)
{
	(void)data, (void)p;
}

struct arena *arena_new(size_t limit)
{
	struct arena *a = xmalloc(ARENA_FIRST);

	a->allocator = (ProtobufCAllocator){ protobuf_alloc, protobuf_free, a };
	a->newest = NULL;
	a->next = a->first;
	a->end = (char *)a + ARENA_FIRST;
	a->used = 0;
	a->limit = limit;
	a->exhausted = false;
	return a;
}

struct arena *arena_free(struct arena *a)
{
	struct chunk *c;

	if (!a)
		return NULL;
	while ((c = a->newest)) {
		a->newest = c->older;
		free(c);
	}
	free(a);
	return NULL;
}

void *arena_alloc(struct arena *a, size_t size)
{
	assert(size <= SIZE_MAX - ARENA_ALIGN);
	size = size ? align_up(size) : ARENA_ALIGN;
	return memset(take(a, size), 0, size);
}

char *arena_strdup(struct arena *a, const char *s)
{
	size_t size = s ? strlen(s) + 1 : 0;

	return s ? memcpy(arena_alloc(a, size), s, size) : NULL;
}

ProtobufCAllocator *arena_protobuf(struct arena *a)
{
	return &a->allocator;
}

bool arena_was_exhausted(const struct arena *a)
{
	return a->exhausted;
}
