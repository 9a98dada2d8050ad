/* SPDX-License-Identifier: Apache-2.0 */
/* Path algebra on text; no file system access. */
#pragma once

#include <stdbool.h>

/* Resolve `.`, `..`, double and trailing slashes lexically. `..` never rises above `/` in an
 * absolute path and is kept in front of a relative one. "" gives ".". New string. */
char *path_normalize(const char *path);
static inline bool path_is_absolute(const char *path)
{
	return path && path[0] == '/';
}
/* Absolute, without `.`, `..`, empty components or trailing slash. */
bool path_is_normal(const char *path);
/* a/b; b is returned alone when absolute. New string. */
char *path_join(const char *a, const char *b);
/* Part of `path` below `dir` without leading slash ("" if equal), or NULL if not inside. Points
 * into `path`. Both normal. */
const char *path_below(const char *path, const char *dir);
/* Of those a user should not cover or use as a place: / and /home, and /bin, /boot, /dev, /etc,
 * /lib*, /proc, /root, /sbin, /sys, /usr, /var with what is below, but not what is below /var/lib.
 * `path` is normal. */
bool path_is_system(const char *path);
/* Part after the last slash. Points into `path`. */
const char *path_basename(const char *path);
/* New string: everything before the last slash ("/" for "/x", "." for "x"). */
char *path_dirname(const char *path);
