/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and descriptors. All descriptors are close-on-exec. Functions return 0, a descriptor or
 * -errno and never log. They block as the file system blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Read a whole small file (at most `max` bytes, else -EFBIG) relative to `dirfd`; *ret is a new
 * NUL-terminated string, *ret_len its length (may be NULL). */
int fd_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len);
/* Read into a caller's buffer; returns the number of bytes (NUL added) or -errno. What does not fit
 * in size - 1 bytes is cut. */
ssize_t fd_read_small(int dirfd, const char *path, char *buf, size_t size);
/* One write(2) to an existing file (O_TRUNC, which knobs ignore), as kernel knobs want. */
int fd_write_file(int dirfd, const char *path, const char *text);
/* Replace a file: temporary name in the same directory + rename (no fsync). */
int fd_replace_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode);
int fd_write_all(int fd, const void *data, size_t len);
/* Read exactly `len` bytes; -EPIPE at end of file. */
int fd_read_all(int fd, void *data, size_t len);

/*
 * open(2) of a path that somebody else chose. Beneath: openat2(2) RESOLVE_BENEATH |
 * RESOLVE_NO_MAGICLINKS. In root: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, `path` is absolute
 * inside dirfd.
 */
int fd_open_beneath(int dirfd, const char *path, int flags, mode_t mode);
int fd_open_in_root(int dirfd, const char *path, int flags, mode_t mode);
/* Any path, symbolic links allowed, but no magic link of procfs such as /proc/self/fd/3 (-ELOOP):
 * openat2(2) RESOLVE_NO_MAGICLINKS. */
int fd_open_no_magic(int dirfd, const char *path, int flags, mode_t mode);
/* Beneath, and on the file system of dirfd itself: RESOLVE_NO_XDEV. -EXDEV where the way leads
 * over a mount point, -ENOSYS before Linux 5.6. For paths that must not block: what somebody
 * mounted there is not asked. */
int fd_open_on_mount(int dirfd, const char *path, int flags);
/* Any path, none of whose components may be a symbolic link (-ELOOP): openat2(2)
 * RESOLVE_NO_SYMLINKS. For paths below a directory that an untrusted user can rename in. */
int fd_open_no_symlinks(int dirfd, const char *path, int flags, mode_t mode);

/* mkdir -p relative to dirfd; existing directories are fine; symlinks are not followed (-ENOTDIR
 * or -ELOOP). An absolute path starts at the root with AT_FDCWD, else below dirfd. */
int fd_mkdir_p(int dirfd, const char *path, mode_t mode);
/* Recursive remove relative to dirfd; never crosses a mount point (-EBUSY), never follows symlinks;
 * -ENOENT is success; the directories before the last component are trusted. Any depth with a
 * bounded number of descriptors. May block long. */
int fd_remove_tree(int dirfd, const char *path);

int fd_set_nonblock(int fd, bool on);
/* Move a descriptor to >= 3. */
int fd_move_above_stdio(int fd);
/* close_range(2) of everything >= 3 except `keep` (n sorted or unsorted descriptors). */
int fd_close_all(const int *keep, size_t n);

/* One datagram with up to FD_PASS_MAX descriptors. fd_send returns 0, fd_recv the bytes (0 at end
 * of file), both -errno on failure; -EMSGSIZE when data or descriptors had to be cut.
 * For fd_recv `fds` must have room for FD_PASS_MAX (or be NULL: what comes is closed); *nfds is
 * only written: the number received. *ret_pid is the sender's pid in our pid namespace (needs
 * SO_PASSCRED on `sock`), 0 when unknown; may be NULL. The caller owns the descriptors. */
#define FD_PASS_MAX 8
int fd_send(int sock, const void *data, size_t len, const int *fds, size_t nfds);
ssize_t fd_recv(int sock, void *data, size_t len, int *fds, size_t *nfds, pid_t *ret_pid);
