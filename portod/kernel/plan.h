/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mount plan: what a container's file system shall look like, as a flat list of operations
 * computed beforehand by a pure function (kernel/layout.h) and executed by a dumb executor in the
 * container's first process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

enum plan_kind {
	PLAN_PROPAGATION,  /* change propagation of `target` to `flags` (MS_SLAVE | MS_REC …) */
	PLAN_ROOT,         /* open `source` as the new root; bind it on itself if it is no mount */
	PLAN_ROOT_READONLY,/* remount the new root, recursively, read-only */
	PLAN_MOUNT,        /* mount `fstype` from `source` at `target` with `flags`, `data` */
	PLAN_BIND,         /* bind `source` (host side) at `target` with `flags`; create if missing */
	PLAN_MKDIR,        /* directory `target` with `mode`; fine if there */
	PLAN_MKNOD,        /* device `target`, `mode`, `major`:`minor` */
	PLAN_SYMLINK,      /* `target` -> `source`; fine if there */
	PLAN_REMOUNT_RO,   /* make the existing `target` read-only (bind on itself first) */
	PLAN_MASK,         /* hide `target`: /dev/null over a file, empty read-only tmpfs over a dir */
	PLAN_UNMOUNT,      /* lazily unmount `target` */
	PLAN_FILE,         /* private overlay of file `target` with content `data` */
	PLAN_COPY_SKELETON,/* recreate the directory skeleton of the image's `source` under `target` */
	PLAN_PIVOT,        /* pivot_root into the new root, detach the old one */
	_PLAN_KIND_COUNT
};

struct plan_op {
	enum plan_kind kind;
	char *source, *target, *fstype, *data; /* owned, NULL where unused */
	unsigned long flags;                   /* MS_* */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	unsigned major, minor;
	bool optional; /* a failure is ignored (the object may not exist on this kernel or image) */
	bool directory;/* PLAN_BIND: create a directory, not a file, when the target is missing */
};

struct plan {
	struct plan_op *ops;
	size_t n;
};

#define PLAN_INIT { 0 }

void plan_deinit(struct plan *p);
/* Append a zeroed operation and return it; pointer valid until the next append. */
struct plan_op *plan_add(struct plan *p, enum plan_kind kind, const char *source,
			 const char *target);
const char *plan_kind_name(enum plan_kind kind);
/* Execute in order in the current mount namespace, which must be private to the container.
 * Targets are resolved beneath the new root (openat2 RESOLVE_IN_ROOT). The error names the
 * operation, source and target. Blocks. */
int plan_execute(const struct plan *p, struct error *err);
