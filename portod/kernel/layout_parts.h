/* SPDX-License-Identifier: Apache-2.0 */
/* Private to layout*.c: the parts of a layout that have a file of their own. */
#pragma once

#include "kernel/layout.h"

/* Before anything is mounted: sources whose mounts go both ways. */
void layout_add_holds(const struct layout_params *p, struct plan *plan);
/* Binds and further mounts, each after what it lies on. */
void layout_add_binds(const struct layout_params *p, struct plan *plan);
/* Shared, so that volumes and nested containers see later mounts, unless told otherwise. */
void layout_add_propagation(const struct layout_params *p, struct plan *plan);

/* The built-in part, of what we mounted ourselves; and what a client named, when all is there. */
void layout_add_protection(const struct layout_params *p, struct plan *plan);
void layout_add_named_protection(const struct layout_params *p, struct plan *plan);

/* After the protection, which uses the empty /sys/fs/cgroup. */
void layout_add_cgroups(const struct layout_params *p, struct plan *plan);
