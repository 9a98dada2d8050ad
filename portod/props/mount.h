/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items of the property `mounts`: "type target [source] [options]". A third word alone is options.
 * One table says which file systems there are and which options each takes: what is not in it is
 * refused, since options reach the kernel with the rights of root. Pure.
 */
#pragma once

#include "base/error.h"
#include "kernel/layout.h"

/*
 * A stored item as a mount; the target is made absolute with `cwd` and normal. `owner` is whose
 * container it is: only root's may have devices, set-user-ID programs, proc and sysfs. The strings
 * of *ret are owned by the caller: extra_mount_deinit(). ERR_INVALID_VALUE, ERR_INVALID_PATH,
 * ERR_PERMISSION.
 */
int mount_parse(const char *item, const char *cwd, uid_t owner, struct extra_mount *ret,
		struct error *err);
void extra_mount_deinit(struct extra_mount *m);
/* Check one item of the client's text and give it its stored form (single blanks). New string. */
int mount_normalize(const char *item, uid_t owner, char **ret, struct error *err);
