/* SPDX-License-Identifier: Apache-2.0 */
/* Container states, their names, and which change may follow which (reference/containers.md §3). */
#pragma once

#include <stdbool.h>

enum container_state {
	STATE_STOPPED,
	STATE_STARTING,
	STATE_RUNNING,
	STATE_META,
	STATE_PAUSED,
	STATE_STOPPING,
	STATE_DEAD,
	STATE_RESPAWNING,
	STATE_DESTROYED, /* reports only */
	_STATE_COUNT
};

const char *state_name(enum container_state s);
/* false for unknown text. */
bool state_parse(const char *name, enum container_state *ret);
bool state_may_follow(enum container_state from, enum container_state to);

/* Holds groups, files, maybe tasks. */
static inline bool state_has_resources(enum container_state s)
{
	return s != STATE_STOPPED && s != STATE_DESTROYED;
}

static inline bool state_is_started(enum container_state s)
{
	return s == STATE_RUNNING || s == STATE_META;
}
