/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of the whole tree: guarantees, which those above have to give, too, and what the dead give
 * back. Costs nothing where nobody has a guarantee and nobody is to be pressed.
 */
#pragma once

#include "ops/ops.h"

/*
 * Before a start, or a new guarantee of a container that has one: do the guarantees of all fit into
 * the host? ERR_RESOURCE_NOT_AVAILABLE.
 */
int guarantee_admit(struct ops *ops, const struct client *client, const struct container *ct,
		    struct error *err);
/* Its state or its guarantee has changed: tell the kernel about it and those above. Does not block.
 * The group of a container that is just being started is the starter's. */
void guarantee_update(struct ops *ops, struct container *ct);
/* After a restart: what the kernel was told before. Parents before children in `all`. */
void guarantee_adopt(struct ops *ops, struct container **all, size_t n);

/* Its state or that of one below has changed: should it, or one above, give memory back now, or not
 * any more? The kernel is told by a job. */
void press_update(struct ops *ops, struct container *ct);
