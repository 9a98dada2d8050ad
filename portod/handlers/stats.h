/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's counters by name, as the property porto_stat shows them. */
#pragma once

#include "handlers/handlers.h"

/* `handler_env`: a const struct handler_env *. Does not block. */
uint64_t stats_get(void *handler_env, const char *name, bool *ret_known);
/* Seconds that the oldest request has been in work. */
uint64_t stats_top_running(const struct handler_env *env);

/*
 * Counters go on when the server is replaced, by a crash or an upgrade, while the master lives:
 * they are in the file `stats` of the state directory, written as memory. Those of the servers
 * before are added here. NULL = nothing is kept, the log says why. Opens a file, blocks on
 * nothing.
 */
struct stats_keep;
struct stats_keep *stats_keep_open(const struct handler_env *env, const char *state_dir);
/* Put what is counted now there; some dozen stores. */
void stats_keep(struct stats_keep *keep, const struct handler_env *env);
/* The file stays. Returns NULL. */
struct stats_keep *stats_keep_close(struct stats_keep *keep);
