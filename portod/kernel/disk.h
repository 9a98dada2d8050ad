/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks as clients name them, and their numbers.
 *
 * A key is: `8:0`, a number; `sda`, a name in /dev; `/path`, the disk below a path of the host;
 * `.` or `./path`, below a path in a given root; `fs`, the disk below that root itself. A partition
 * stands for its whole disk. A path on a file system without a disk of its own (overlay, tmpfs,
 * btrfs, network) has none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

#define DISK_NAME_MAX 64

/*
 * Number of the whole disk. `root` is a host directory, for keys with `.` and `fs`; no link leads
 * out of it. ERR_INVALID_VALUE with the key when there is none. Blocks as the file systems on the
 * way block, except for numbers and names.
 */
int disk_find(const char *key, const char *root, dev_t *ret, struct error *err);
/* The same without touching any file system, for the server: a path is looked up in a mount table,
 * of process `viewer` (0 = our own), as it is written, links are not followed. */
int disk_find_mounted(const char *key, pid_t viewer, dev_t *ret, struct error *err);
/* Name of a disk, "sda", or "8:0" when it has none. Reads a link in sysfs. */
const char *disk_name(unsigned major, unsigned minor, char *buf, size_t size);
/* Is the number one of a partition? Reads sysfs. */
bool disk_is_partition(unsigned major, unsigned minor);
/* Is it a kind of hardware by its name: sd*, nvme*, vd*? */
bool disk_name_is_hardware(const char *name);
/* Could this be a key at all? Pure. */
bool disk_key_is_valid(const char *key);
