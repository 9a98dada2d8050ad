/* SPDX-License-Identifier: Apache-2.0 */
/* The server process: the one aggregate that owns every room's object, in order of creation. */
#pragma once

#include "config.h"
#include "master.h"

/* Runs the server until it is told to stop; returns its exit status. `arg` is struct config. */
int daemon_main(void *arg, const struct server_channels *ch);
