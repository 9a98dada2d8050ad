/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of portoctl: names of signals. */
#pragma once

#include <stdbool.h>

/*
 * TERM, SIGTERM, 15, RTMIN, RTMIN+3, RTMAX-1; any case, with or without SIG, a leading `-` is
 * allowed as in kill(1). False if it is no signal; 0 is one.
 */
bool signal_parse(const char *text, int *ret_sig);
