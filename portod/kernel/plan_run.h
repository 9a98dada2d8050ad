/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to plan_*.c: what the operations of a mount plan share while it is executed.
 *
 * The executor runs with all privileges over a tree that an untrusted image or the owner of a
 * directory made, so it never trusts a path: every target is opened beneath the new root by
 * fd_open_in_root() (no `..` or symbolic link leaves it, no magic link is followed), and mounts are
 * attached to that descriptor. What a client named is opened by plan_open_source() and
 * plan_open_target(), with the rights of the plan's checker.
 */
#pragma once

#include "base/cleanup.h"
#include "kernel/mnt.h"
#include "kernel/plan.h"

struct runner {
	const struct plan *plan;
	int root;   /* O_PATH; -1 until PLAN_ROOT */
	bool plain; /* the new root is "/" */
	char *dir;  /* directory of the last target, to make many nodes in /dev quickly */
	int dir_fd;
	int *held; /* trees of PLAN_HOLD, in their order; -1 = taken */
	size_t nheld, next_held;
	int picked; /* tree of PLAN_PICK, -1 = none */
	bool skip;  /* what is conditional */
};

/* An existing target for calls that take a path. */
struct place {
	int fd;
	const char *path;
	char link[MNT_FD_PATH_MAX];
};

#define PLACE_INIT       \
	{                \
		.fd = -1 \
	}

/*
 * Two shortcuts for targets of our own making, none of which reaches beyond this private namespace:
 * when the new root is "/", our own root, the path is used as it is; below /proc and /sys of any
 * root, which we mounted ourselves and where the kernel makes all names, it is used relative to the
 * root, which is the current directory. 0 or -errno.
 */
int place_open(const struct runner *r, const char *target, int flags, struct place *ret);
/* Without shortcuts, for what a client named. */
int place_open_strict(const struct runner *r, const char *target, int flags, struct place *ret);
void place_deinit(struct place *p);
#define auto_place _cleanup_(place_deinit) struct place

/* The operation's source, an O_PATH descriptor or -errno. Where the checker counts: with its eyes,
 * and it can read (and write) what is there. Magic links (-ELOOP) only for the trusted. */
int plan_open_source(const struct runner *r, const struct plan_op *op);
/* What the calls on mounts say (-EINVAL) of a source that is in another mount namespace; returns
 * what the operation shall. */
int plan_refuse_foreign(const struct plan_op *op, int source, int e, struct error *err);
/*
 * The target, made as `is_dir` says if it is missing. Where the checker counts it must be
 * able to make it; and to write what is there, on the host's root and in system directories: who
 * covers /etc/sudoers could become root with the next set-user-ID program.
 */
int plan_open_target(const struct runner *r, const struct plan_op *op, bool is_dir);

/* Say what -errno `e` of a target that a client named means; returns what the operation shall. */
int plan_explain_target(const struct plan_op *op, const char *verb, const char *what, int e,
			struct error *err);

/* mount(2) with -errno. */
int plan_mount(const char *source, const char *path, const char *fstype, unsigned long flags,
	       const char *data);

/* Operations: 0 or -errno; `err` is filled instead where errno cannot say it. */
int plan_run_hold(struct runner *r, const struct plan_op *op, struct error *err);
int plan_run_pick(struct runner *r, const struct plan_op *op, struct error *err);
int plan_run_bind(struct runner *r, const struct plan_op *op, struct error *err);
int plan_run_remount_ro(struct runner *r, const struct plan_op *op, struct error *err);
int plan_run_change(struct runner *r, const struct plan_op *op, struct error *err);
int plan_run_if_program(struct runner *r, const struct plan_op *op, struct error *err);
int plan_run_mask(struct runner *r, const struct plan_op *op, struct error *err);
int plan_run_file(struct runner *r, const struct plan_op *op, struct error *err);
