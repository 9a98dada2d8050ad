/* SPDX-License-Identifier: Apache-2.0 */
/* The effective resource limits of a container (reference/containers.md §17). */
#pragma once

#include <stddef.h>

#include "kernel/rlimit.h"
#include "model/container.h"
#include "props/prop.h"

/* Own limits, then those of the ancestors, the defaults, and the computed ones (nproc,
 * memlock); each type once. *ret is malloc'ed. Reads two files of /proc/sys. */
void ulimit_effective(const struct container *ct, const struct prop_env *env,
		      struct rlimit_entry **ret, size_t *ret_n);
