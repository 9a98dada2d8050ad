/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps of user or group ids between a user namespace and what is outside of it, in the form of
 * user_namespaces(7): ranges "inside outside count". Pure. Ids are 32 bit, the last one means "none".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

#define IDMAP_MAX 340 /* ranges; Linux 4.15, before it was 5 */

struct idmap_range {
	uint32_t inside, outside, count;
};

struct idmap {
	struct idmap_range *v; /* owned; NULL when empty */
	size_t n;
};

#define IDMAP_INIT \
	{          \
		0  \
	}

void idmap_deinit(struct idmap *m);
#define auto_idmap _cleanup_(idmap_deinit) struct idmap
void idmap_copy(struct idmap *dst, const struct idmap *src);

/*
 * "0 1000 1; 1 100000 65535". 0; -EINVAL malformed or a count of 0, -ERANGE an id of more than 32
 * bit, -EEXIST two ranges that share an id on either side, -E2BIG more than IDMAP_MAX ranges.
 */
int idmap_parse(const char *text, struct idmap *ret);
/* Reverse, with `sep` after each range but the last. New string. */
char *idmap_format(const struct idmap *m, const char *sep);

/* Only `id`, as 0 inside. */
void idmap_single(uint32_t id, struct idmap *ret);
/* `id` is 0 inside, all others are themselves; 0 and `id` itself have no counterpart, unless
 * they are the same. */
void idmap_swap_root(uint32_t id, struct idmap *ret);

/* The counterpart; false when there is none. */
bool idmap_to_outside(const struct idmap *m, uint32_t inside, uint32_t *ret);
bool idmap_to_inside(const struct idmap *m, uint32_t outside, uint32_t *ret);

/*
 * A map for a namespace within another: `m` and `outer` both lead to the same outside. What `outer`
 * does not have is left out: false then. idmap_clip() keeps the outside ids; idmap_within() turns
 * them into ids of the outer namespace, as the kernel wants to be told.
 */
bool idmap_clip(const struct idmap *m, const struct idmap *outer, struct idmap *ret);
bool idmap_within(const struct idmap *m, const struct idmap *outer, struct idmap *ret);
