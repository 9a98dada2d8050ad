/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of portoctl: a weak container with our terminal or our descriptors, until it ends. */
#pragma once

#include <stdbool.h>

#include "client/ctl.h"
#include "client/launch.h"
#include "client/session.h"

#define DEFAULT_DETACH_KEYS "ctrl-x,ctrl-x"

struct attend_options {
	bool no_tty; /* our own descriptors, also if they are a terminal */
	bool keep;   /* the container stays, and runs on if we leave */
	struct detach_keys keys;
};

/* -T, -C and --detach-keys, as far as the command has them. False after a message on stderr. */
bool attend_parse(const struct args *args, struct attend_options *ret);
/*
 * Create the container, set everything, start it, attend it, clean up. Standard streams, TERM and
 * terminal come in addition to the settings. Returns the exit status for portoctl.
 */
int attend(struct ctl *ctl, const char *name, struct settings *s, const struct attend_options *o);
