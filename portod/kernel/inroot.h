/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making files and directories beneath a root directory that somebody else filled. Symbolic links
 * are followed as a process in that root would follow them, never out of it (openat2(2)
 * RESOLVE_IN_ROOT), and no magic link is. What is new gets mode 0775 or 0664 and belongs to
 * uid:gid; the umask should be 0. Functions return 0, an O_PATH descriptor or -errno; they block as
 * file systems do.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Directory `path`, absolute in the root, with its parents. */
int inroot_make_dirs(int root, const char *path, uid_t uid, gid_t gid);
/* The same with a file or directory at the end; a dangling link there is followed. Fine if it is
 * there already, whatever it is. */
int inroot_make(int root, const char *path, bool is_dir, uid_t uid, gid_t gid);
/* Where `fd` is in the root, as text; NULL when it is not below it. New string. Needs /proc. */
char *inroot_path(int root, int fd);
