/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is questionable about a container's configuration: nothing is refused because of it, it is
 * logged at the start and told by the property `taint` (reference/containers.md §30).
 */
#pragma once

#include "base/str.h"
#include "model/container.h"

/* Append a line for each. Reads /proc/self/mountinfo for a container with binds and a root
 * directory of its own; does not block. */
void taint_list(const struct container *ct, struct strv *ret);
/* Is there any? */
bool taint_any(const struct container *ct);
