/* SPDX-License-Identifier: Apache-2.0 */
/* Copying the directories of an image's /run into the fresh file system that covers it. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

#define SKELETON_MAX 99 /* directories; an image with more is refused */

/*
 * Recreate the directories below `from` (readable descriptor) below `to`, with owners and modes; a
 * directory that everybody may write to without being sticky loses that. `shm` and `lock` at the
 * top are left out. What is root's goes to root_uid:root_gid. Symbolic links are not followed.
 * Blocks as the file system does.
 */
int skeleton_copy(int from, int to, uid_t root_uid, gid_t root_gid, struct error *err);
