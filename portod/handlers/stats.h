/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's counters by name, as the property porto_stat shows them. */
#pragma once

#include "handlers/handlers.h"

/* `handler_env`: a const struct handler_env *. Does not block. */
uint64_t stats_get(void *handler_env, const char *name, bool *ret_known);
/* Seconds that the oldest request has been in work. */
uint64_t stats_top_running(const struct handler_env *env);
