/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of portoctl: attend a running container until it ends: one poll loop over the user's
 * terminal, the container's pseudo terminal, signals, and events of the daemon.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/ctl.h"
#include "client/launch.h"

#define DETACH_KEYS_MAX 16

struct detach_keys {
	unsigned char keys[DETACH_KEYS_MAX];
	size_t count; /* 0 = no way to detach */
};

/* `ctrl-x,ctrl-x`, `a,b`, or empty. False if it is none of these. */
bool detach_keys_parse(const char *text, struct detach_keys *ret);

enum session_end {
	SESSION_DEAD,     /* the container ended: verdict */
	SESSION_STOPPED,  /* somebody stopped or destroyed it */
	SESSION_LOST,     /* the daemon is out of reach, or forgot the container */
	SESSION_SIGNAL,   /* we were told to go: signal */
	SESSION_DETACHED, /* by the user's keys */
};

struct session_result {
	enum session_end end;
	struct verdict verdict;
	int signal;
};

/*
 * Attend container `name`. With `master` >= 0 its terminal is connected to ours (descriptors 0 and
 * 1, raw mode meanwhile); with -1 it has our descriptors itself. The terminal is as it was before
 * when this returns; `master` stays the caller's.
 */
struct session_result session_run(struct ctl *ctl, const char *name, int master,
				  const struct detach_keys *keys);
