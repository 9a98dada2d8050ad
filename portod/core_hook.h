/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.core_pattern: the host's, for all containers and everything else. It is ours while a
 * server with `core.enable` runs: `|STATE_DIR/core %P …`, a link to the helper, whose neighbour
 * core.conf is a link to our configuration. What was there before is kept in a file and put back at
 * the end. core(5).
 */
#pragma once

#include "base/error.h"
#include "config.h"

/* Install it, or put back what an earlier daemon left when core.enable is off now. 0 = dumps come
 * to us. Writes some small files; does not block. */
int core_hook_install(const struct config *config, struct error *err);
/* Put back what was there, unless somebody else has set something. Harmless if nothing is to do. */
void core_hook_remove(const struct config *config);
