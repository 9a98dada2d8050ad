/* SPDX-License-Identifier: Apache-2.0 */
/* Knobs that new namespaces begin with: what the host has, and over it the configuration. */
#pragma once

#include "base/str.h"
#include "config.h"

/* Reads /proc/sys; keys of the configuration that no container may have are logged and left out. */
void sysctls_read(const struct config *config, struct smap *ret_ipc, struct smap *ret_net);
