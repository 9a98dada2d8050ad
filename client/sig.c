/* SPDX-License-Identifier: Apache-2.0 */
#include "client/sig.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

#include "client/ctl.h"

/* Second names, and those the C library does not list. */
static const struct {
	const char *name;
	int sig;
} aliases[] = {
	{ "IOT", SIGABRT },
	{ "CLD", SIGCHLD },
	{ "IO", SIGIO },
	{ "POLL", SIGPOLL },
};

/* RTMIN, RTMIN+n, RTMAX, RTMAX-n */
static bool parse_realtime(const char *text, int *ret_sig)
{
	bool from_min = strncasecmp(text, "RTMIN", 5) == 0;
	int64_t offset = 0;

	if (!from_min && strncasecmp(text, "RTMAX", 5) != 0)
		return false;
	text += 5;
	if (*text && (*text != (from_min ? '+' : '-') || !parse_int(text, &offset)))
		return false;
	offset += from_min ? SIGRTMIN : SIGRTMAX;
	if (offset < SIGRTMIN || offset > SIGRTMAX)
		return false;
	*ret_sig = (int)offset;
	return true;
}

bool signal_parse(const char *text, int *ret_sig)
{
	const char *name;
	int64_t number;
	size_t i;
	int sig;

	if (*text == '-')
		text++;
	if (parse_int(text, &number)) {
		if (number < 0 || number > SIGRTMAX)
			return false;
		*ret_sig = (int)number;
		return true;
	}
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (sig = 1; sig < SIGRTMIN; sig++) {
		name = sigabbrev_np(sig);
		if (name && strcasecmp(name, text) == 0) {
			*ret_sig = sig;
			return true;
		}
	}
	for (i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strcasecmp(aliases[i].name, text) == 0) {
			*ret_sig = aliases[i].sig;
			return true;
		}
	return parse_realtime(text, ret_sig);
}
