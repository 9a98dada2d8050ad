/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: who is in front of the command, and when it begins. */
#include "props/rows.h"

const struct prop row_init = {
	.name = "init",
	.row = ROW_init,
	.desc = "a process of the daemon is the first one and reaps orphans",
	.doc = "**true**: **portoinit** is the first process, the command its child. With\n"
	       "*isolate* it is pid 1, and the command has pid 2. **false**: the command is the\n"
	       "first process itself, as in *virt_mode* os, where it always is. It must reap\n"
	       "orphans then, gets no signal that it does not handle, and its exit status is\n"
	       "lost when it ends while no daemon runs at all. A container without a command has\n"
	       "a **portoinit** in any case. Default true. Beyond Porto.",
	.type = &type_bool,
	.offset = FIELD(init),
};

/* It is the state of a start: only before one can it be asked for. */
CHECKER(check_held)
{
	(void)p;
	if (!ctx->ct->spec.held || ctx->ct->state == STATE_STOPPED)
		return 0;
	return error_set(err, ERR_INVALID_STATE,
			 "'true' can be set in state stopped only, not in %s",
			 state_name(ctx->ct->state));
}

const struct prop row_held = {
	.name = "held",
	.row = ROW_held,
	.desc = "wait before the command runs until this is set to false",
	.doc = "**true**, which can be set in state stopped only: a start sets everything up,\n"
	       "then the process waits before it executes the command. The container is\n"
	       "**running**, *root_pid* is that of the command to come, its namespaces and\n"
	       "groups are there. **false** lets the command go; kill and stop end it before.\n"
	       "It waits through restarts of the daemon. Whether there is such a command is\n"
	       "checked by the start; when executing it fails later the reason is in its stderr\n"
	       "and the exit code 127. Needs a command (else InvalidValue at start). Default\n"
	       "false. Beyond Porto.",
	.type = &type_bool,
	.offset = FIELD(held),
	.flags = PROP_DYNAMIC,
	.group = APPLY_HELD,
	.check = check_held,
};
