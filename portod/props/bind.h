/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the property `bind`: "source target [flags]" (reference/containers.md §21.6). Pure. */
#pragma once

#include "base/error.h"
#include "kernel/layout.h"

/*
 * A stored row with its paths made absolute and normal: the source in the parent's root, relative
 * to `parent_cwd`; the target in the container's root, relative to `cwd`. The strings of *ret are
 * owned by the caller: bind_mount_deinit(). ERR_INVALID_VALUE, ERR_INVALID_PATH.
 */
int bind_parse(const char *row, const char *parent_cwd, const char *cwd, struct bind_mount *ret,
	       struct error *err);
void bind_mount_deinit(struct bind_mount *b);
/* Check one item of the client's text, and give it its stored form (single blanks). New string. */
int bind_normalize(const char *item, uid_t owner, char **ret, struct error *err);
/* Devices, and mounts that reach the host, are for containers of root: ERR_PERMISSION. */
int bind_check_owner(unsigned flags, uid_t owner, struct error *err);
