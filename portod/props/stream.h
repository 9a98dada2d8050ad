/* SPDX-License-Identifier: Apache-2.0 */
/* Private to props/: reading stored output (reference/containers.md §23.1). */
#pragma once

#include "props/prop.h"

/* Is it in a file that the container's owner has named? */
bool stream_is_of_owner(const struct container *ct, int fd);
/*
 * Append bytes of standard output (1) or error (2). `range` is NULL or `[off][:len]`. Opens the
 * file without following any symbolic link, since the container's user owns the directory. A file
 * of the owner is read in a job only, with the rights of the command's user.
 * ERR_INVALID_DATA when there is no such file, ERR_INVALID_VALUE for a malformed range.
 */
int stream_read(const struct prop_ctx *ctx, int fd, const char *range, struct buf *out,
		struct error *err);
