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

#include "base/buf.h"
#include "base/cred.h"
#include "base/error.h"

enum plan_kind {
	PLAN_PROPAGATION,   /* change propagation of `target` to `flags` (MS_SLAVE | MS_REC …) */
	PLAN_ROOT,          /* open `source` as the new root; bind it on itself if it is no mount;
			       allow set-user-ID programs on it */
	PLAN_ROOT_READONLY, /* make the new root, and what is mounted below it, read-only */
	PLAN_MOUNT,         /* mount `fstype` from `source` at `target` with `flags`, `data` */
	PLAN_HOLD,          /* before PLAN_ROOT: copy the mount of `source`, which must be shared,
			       for the next PLAN_BIND with `held`; what is mounted there goes
			       through both ways */
	PLAN_PICK,          /* copy the mount of `source`, before something covers it, for the
			       next PLAN_BIND with `picked`; a later one takes its place */
	PLAN_BIND,          /* bind `source` at `target` with `flags` set and `clear` cleared
			       (MS_REC: with what is below it); a missing target is made like the
			       source, with its parents, owned by uid:gid */
	PLAN_MKDIR,         /* directory `target` with `mode`; fine if there, but no symbolic link
			       */
	PLAN_MKNOD,         /* device `target`, `mode`, `major`:`minor`, owned by uid:gid */
	PLAN_SYMLINK,       /* `target` -> `source`; fine if there */
	PLAN_REMOUNT_RO,    /* make `target` read-only, binding it on itself; `flags` are set as
			       well */
	PLAN_CHANGE,        /* set `flags` and clear `clear` of the mount at `target` */
	PLAN_IF_PROGRAM,    /* what is `conditional` after this is done only if `source` is a
			       program called `data`, or a link that leads to one */
	PLAN_MASK,          /* hide `target`: /dev/null over a file; over a directory `source`, an
			       empty directory inside, or without it an empty read-only tmpfs;
			       `mode` S_IFDIR is a hint which of them the target is */
	PLAN_UNMOUNT,       /* lazily unmount `target` */
	PLAN_FILE,          /* private overlay of file `target` with content `data`; a missing
			       target is made when `mode` is not 0 */
	PLAN_SKELETON,      /* like PLAN_MOUNT, then recreate the directories `target` had before */
	PLAN_PIVOT,         /* pivot_root into the new root, detach the old one */
	_PLAN_KIND_COUNT
};

struct plan_op {
	enum plan_kind kind;
	char *source, *target, *fstype, *data; /* owned, NULL where unused */
	unsigned long flags, clear;            /* MS_* */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	unsigned major, minor;
	bool optional; /* a failure is ignored (the object may not exist on this kernel or image) */
	bool check;    /* a client named the paths: the plan's checker must be able to read
			  `source`, and to make or write `target` (kernel/plan_run.h) */
	bool check_write; /* and to write `source` */
	bool inside;      /* PLAN_BIND: `source`, too, is a path in the new root */
	bool conditional; /* see PLAN_IF_PROGRAM */
	bool held;        /* PLAN_BIND: `source` was opened by PLAN_HOLD */
	bool picked;      /* and by PLAN_PICK; optional, when it was */
	bool all_ro;      /* PLAN_BIND: MS_RDONLY with MS_REC counts for all that is below */
	bool strict;      /* PLAN_MASK, PLAN_REMOUNT_RO: a client named `target`; that it is
			     missing is no error */
};

struct plan {
	struct plan_op *ops;
	size_t n;
	/* Who gets what is made for root: its host ids in a user namespace. */
	uid_t root_uid;
	gid_t root_gid;
	/* Whose access counts for sources of operations with `check`; borrowed, NULL = no check. */
	const struct cred *checker;
	/* Who named these sources is root of the host: magic links of procfs may be followed. */
	bool trusted;
};

#define PLAN_INIT \
	{         \
		0 \
	}

void plan_deinit(struct plan *p);
/* Append a zeroed operation and return it; pointer valid until the next append. */
struct plan_op *plan_add(struct plan *p, enum plan_kind kind, const char *source,
			 const char *target);
const char *plan_kind_name(enum plan_kind kind);
/* One line per operation, for tests and the debug log. */
void plan_format(const struct plan *p, struct buf *out);
/*
 * Execute in order in the current mount namespace, which must be private to the container. Sources
 * are paths as the caller sees them. Targets are resolved beneath the new root, symbolic links
 * included (openat2(2) RESOLVE_IN_ROOT), so an image cannot lead the executor out of itself. The
 * error names the operation and its object: ERR_INVALID_PATH for a missing root or bind source,
 * ERR_PERMISSION for what the checker may not do. The
 * umask should be 0. The current directory is the new root afterwards. Blocks as the file systems
 * do. Linux 5.6.
 */
int plan_execute(const struct plan *p, struct error *err);
