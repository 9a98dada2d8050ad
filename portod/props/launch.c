/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: who is in front of the command, when it begins, and with which surroundings. */
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

const struct prop row_tty = {
	.name = "tty",
	.row = ROW_tty,
	.desc = "stdin is its controlling terminal and /dev/console",
	.doc = "**true**: *stdin_path*, which must be a **/dev/fd/N** that is a pseudo-terminal's\n"
	       "slave (else InvalidValue at start), becomes the controlling terminal of the\n"
	       "command; it must not be that of another session. The terminal is given to\n"
	       "*user*, if it belongs to the client or the client is a superuser on the host\n"
	       "(else Permission). With a *root* of its own it is **/dev/console**, too, where\n"
	       "the daemon can see the terminal's file system. Default false. Beyond Porto.",
	.type = &type_bool,
	.offset = FIELD(tty),
};

CHECKER(check_children_allowed)
{
	(void)p;
	if (ctx->ct->spec.children_allowed || !ctx->ct->nchildren)
		return 0;
	return error_set(err, ERR_INVALID_STATE, "'false', but there are %zu children",
			 ctx->ct->nchildren);
}

const struct prop row_children_allowed = {
	.name = "children_allowed",
	.row = ROW_children_allowed,
	.desc = "permit nested containers",
	.doc = "**false**: creating a container below this one answers Permission. It cannot be\n"
	       "set while there are some (InvalidState). In the unified tree the processes are\n"
	       "in the container's own group then, without a leaf below, unless *virt_mode* is os\n"
	       "or there is *cgroupfs*. Default true.",
	.type = &type_bool,
	.offset = FIELD(children_allowed),
	.check = check_children_allowed,
};
