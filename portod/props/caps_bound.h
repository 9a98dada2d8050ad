/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's processes may be able to do (reference/containers.md §15.3). Pure memory. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "kernel/caps.h"

struct container;
struct prop;

/* The limit that `capabilities` shows: set here, or by the nearest ancestor, or the default. */
uint64_t caps_limit(const struct container *ct);
/* The bound of its processes: what start drops everything else from. */
uint64_t caps_bound(const struct container *ct);
/* What a client without superuser rights may name in a container below `parent`. */
uint64_t caps_grantable(const struct container *parent);
/* The sets of its command, for caps_apply(). */
void caps_sets(const struct container *ct, struct cap_sets *ret);
/* What a row about capabilities shows: its value, or what holds without one. */
uint64_t caps_shown(const struct prop *p, const struct container *ct);
/* Are the sets within the bound and each other? ERR_PERMISSION names what is not. */
int caps_check(const struct container *ct, struct error *err);
