/* SPDX-License-Identifier: Apache-2.0 */
/* Copying the directories of an image's /run into the fresh file system that covers it. */
#pragma once

#include "base/error.h"

#define SKELETON_MAX 99 /* directories; an image with more is refused */

/*
 * Recreate the directories below `from` (readable descriptor) below `to`, with owners and modes; a
 * directory that everybody may write to without being sticky loses that. `shm` and `lock` at the
 * top are left out. Symbolic links are not followed. Blocks as the file system does.
 */
int skeleton_copy(int from, int to, struct error *err);
