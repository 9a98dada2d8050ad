/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's processes may be able to do (reference/containers.md §15.3). Pure memory. */
#pragma once

#include <stdint.h>

struct container;

/* The limit that `capabilities` shows: set here, or by the nearest ancestor, or the default. */
uint64_t caps_limit(const struct container *ct);
/* The bound of its processes: what start drops everything else from. */
uint64_t caps_bound(const struct container *ct);
/* What a client without superuser rights may name in a container below `parent`. */
uint64_t caps_grantable(const struct container *parent);
