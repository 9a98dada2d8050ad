/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending file systems in user space. A process that waits for an answer of one whose server has
 * read the request cannot even be killed; and when the server itself is the one that waits, or is
 * waited for, the connection does not end by itself. Aborting it lets all of them go.
 *
 * Kernel document: filesystems/fuse.rst.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * Abort the connections of all fuse file systems that one of the processes `v` serves, or that are
 * mounted where it sees them, but neither here nor where process `beyond` (0 = nobody) does: those
 * are of somebody else. Returns how many there were, or -errno. Without /sys/fs/fuse/connections
 * it is mounted here, in a new mount namespace of the caller, who must be a child of the server
 * that ends soon.
 */
int fuse_abort(const pid_t *v, size_t n, pid_t beyond);
