/* SPDX-License-Identifier: Apache-2.0 */
/* What start and apply take from the properties about files in /etc. Pure. */
#pragma once

#include <stdbool.h>

#include "model/container.h"

/* Has the container a file of its own over /etc/resolv.conf with this value of `resolv_conf`, as it
 * is stored: NULL = default, "keep", or the text? */
bool resolv_conf_overrides(const struct container *ct, const char *value);
