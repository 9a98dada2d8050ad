/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts by descriptor, with the fallback for older kernels in one place.
 *
 * Functions return 0, a descriptor or -errno. Flags are MS_… of mount(2). They block as path lookup
 * blocks. Kernel: open_tree(2), move_mount(2) (5.2), mount_setattr(2) (5.12, else remounts one by
 * one), statx(2) STATX_ATTR_MOUNT_ROOT (5.8).
 */
#pragma once

#include <stdbool.h>
#include <sys/mount.h>

/* Per-mount flags that mnt_change() understands. */
#define MNT_FLAGS \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME)

#define MNT_FD_PATH_MAX 32

/* "/proc/self/fd/N", a path for calls that take no descriptor. Returns buf. */
const char *mnt_fd_path(int fd, char buf[MNT_FD_PATH_MAX]);
/* Is this directory or file the root of a mount? true when the kernel cannot say. */
bool mnt_is_root(int fd);
/* Is the mount that `fd` is in shared, so that mounts go to its peers? 1, 0 or -errno. Reads
 * /proc/self/mountinfo. */
int mnt_is_shared(int fd);
/* Is it a mount of another mount namespace, by way of /proc/PID/root, so that it can be neither
 * copied nor changed? false when that is not known. Reads /proc/self/mountinfo. */
bool mnt_is_foreign(int fd);
/* Does what is at the absolute, normal path obey set-user-ID bits, going by the text of mountinfo?
 * Nothing is looked up, symbolic links included: for paths that may be on a dead file server. */
bool mnt_allows_suid(const char *mountinfo, const char *path);
/* A detached copy of the mount below `path` (relative to dirfd; "" = dirfd itself), with what is
 * mounted below it if `recursive`. It vanishes when the descriptor is closed before attaching. */
int mnt_copy(int dirfd, const char *path, bool recursive);
/* Attach a detached mount over `target`; `tree` then refers to the attached mount. */
int mnt_attach(int tree, int target);
/* Set and clear per-mount flags of the mount `fd` is in, and of those below it if `recursive`.
 * -ENOSYS for a detached mount on a kernel without mount_setattr: attach it first. */
int mnt_change(int fd, unsigned long set, unsigned long clear, bool recursive);
/*
 * Open a file on a read-only mount that exists for this descriptor only (as long as it, or a
 * program executed from it, lives). A process that runs it can then not be used to write to the
 * file, by /proc/PID/exe, whatever user and capabilities somebody in its container has. Where that
 * does not work the descriptor is an ordinary one. O_PATH; the caller owns it.
 */
int mnt_open_read_only(const char *path);
