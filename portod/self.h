/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a start of a container executes is for a moment reached by /proc/self/exe of a fork of ours:
 * as a command, a script's interpreter, a program's dynamic linker. Who is root in there could
 * open our own binary by it, wait until no daemon runs, and write to it. So we run from a mount
 * that is read-only, whatever rights somebody has, and exists for us only. open_tree(2),
 * execveat(2).
 */
#pragma once

/*
 * Execute ourselves again from such a mount; does not return then, `argv` is that of main(). In
 * what was executed so, and where it cannot be done (logged), the path of our binary is returned,
 * for upgrades; new string, NULL if unknown. Before any process is started.
 */
char *self_protect(char **argv);
