/* SPDX-License-Identifier: Apache-2.0 */
#include "model/state.h"

#include <stddef.h>
#include <string.h>

static const char *const state_names[_STATE_COUNT] = {
	[STATE_STOPPED] = "stopped",     [STATE_STARTING] = "starting",
	[STATE_RUNNING] = "running",     [STATE_META] = "meta",
	[STATE_PAUSED] = "paused",       [STATE_STOPPING] = "stopping",
	[STATE_DEAD] = "dead",           [STATE_RESPAWNING] = "respawning",
	[STATE_DESTROYED] = "destroyed",
};

#define S(x) (1u << STATE_##x)

/* The rows of reference/containers.md §3.1. A restart of the server restores states without
 * passing through here. */
static const unsigned successors[_STATE_COUNT] = {
	[STATE_STOPPED] = S(STARTING) | S(DESTROYED),
	[STATE_STARTING] = S(STOPPED) | S(STOPPING) | S(RUNNING) | S(META),
	[STATE_RUNNING] = S(DEAD) | S(RESPAWNING) | S(PAUSED) | S(STOPPING),
	[STATE_META] = S(DEAD) | S(RESPAWNING) | S(PAUSED) | S(STOPPING),
	[STATE_PAUSED] = S(RUNNING) | S(META) | S(STOPPING) | S(DEAD) | S(RESPAWNING),
	[STATE_STOPPING] = S(STOPPED) | S(DEAD),
	/* dead -> starting is the attempt of a respawn */
	[STATE_DEAD] = S(STOPPING) | S(RESPAWNING) | S(STARTING) | S(RUNNING) | S(META),
	[STATE_RESPAWNING] = S(STOPPING) | S(DEAD) | S(STARTING) | S(RUNNING) | S(META),
	[STATE_DESTROYED] = 0,
};

const char *state_name(enum container_state s)
{
	return (unsigned)s < _STATE_COUNT ? state_names[s] : "unknown";
}

bool state_parse(const char *name, enum container_state *ret)
{
	for (size_t i = 0; i < _STATE_COUNT; i++) {
		if (strcmp(name, state_names[i]) == 0) {
			*ret = (enum container_state)i;
			return true;
		}
	}
	return false;
}

bool state_may_follow(enum container_state from, enum container_state to)
{
	return successors[from] >> to & 1;
}
