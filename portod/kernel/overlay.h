/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a mount plan put over those of a root directory (PLAN_FILE): a private file without a
 * name, mounted over the one that is there.
 */
#pragma once

#include "base/error.h"

/*
 * Write new content in place, for all who have it mounted. `root`: the container's, with its mounts
 * (procfs_open_root()). Only such a file is written to, wherever `path` may lead by now:
 * ERR_INVALID_STATE for anything else. Nothing is written when the content is the same. Blocks as
 * that file system does. Needs /proc.
 */
int overlay_rewrite(int root, const char *path, const char *content, struct error *err);
