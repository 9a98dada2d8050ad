/* SPDX-License-Identifier: Apache-2.0 */
/* Private to props/: which controllers a container owns and needs. Pure memory. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "props/prop.h"

/* `mask` plus what is co-mounted with it on this host. */
uint32_t control_close(const struct prop_env *env, uint32_t mask);
/* Make `mask` (and what every container has) the owned set in *owned, the field of `controllers`.
 * ERR_NOT_SUPPORTED for absent ones, ERR_INVALID_VALUE when a required one is missing. */
int control_set_owned(const struct prop_ctx *ctx, uint32_t mask, uint64_t *owned,
		      struct error *err);
/* A property that needs `mask` is set: in state stopped missing ones are enabled; later that is
 * ERR_NOT_SUPPORTED. They are required from then on. */
int control_require(const struct prop_ctx *ctx, uint32_t mask, struct error *err);
/* The same for a property from the store. */
void control_restore(const struct prop_env *env, struct container *ct, uint32_t mask);
/* Does the container itself own a group of all these controllers? */
bool control_owns(const struct container *ct, uint32_t mask);
