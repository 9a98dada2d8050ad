/* SPDX-License-Identifier: Apache-2.0 */
/* What start takes from the lists of protected paths. Pure. */
#pragma once

#include "model/container.h"

/* Lists as they hold; an item `default` stands for the built-in ones. false: nothing was set, the
 * built-in ones hold and *ret is untouched. */
bool masked_paths_of(const struct container *ct, struct strv *ret);
bool readonly_paths_of(const struct container *ct, struct strv *ret);
