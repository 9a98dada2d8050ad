/* SPDX-License-Identifier: Apache-2.0 */
/* The mount plan as data. Its executor is plan_exec.c. */
#include "kernel/plan.h"

#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/xalloc.h"

static const char *const kind_names[_PLAN_KIND_COUNT] = {
	[PLAN_PROPAGATION] = "propagation",
	[PLAN_ROOT] = "root",
	[PLAN_ROOT_READONLY] = "root-readonly",
	[PLAN_MOUNT] = "mount",
	[PLAN_HOLD] = "hold",
	[PLAN_PICK] = "pick",
	[PLAN_BIND] = "bind",
	[PLAN_MKDIR] = "mkdir",
	[PLAN_MKNOD] = "mknod",
	[PLAN_SYMLINK] = "symlink",
	[PLAN_REMOUNT_RO] = "remount-ro",
	[PLAN_CHANGE] = "change",
	[PLAN_IF_PROGRAM] = "if-program",
	[PLAN_MASK] = "mask",
	[PLAN_UNMOUNT] = "unmount",
	[PLAN_FILE] = "file",
	[PLAN_SKELETON] = "skeleton",
	[PLAN_PIVOT] = "pivot",
};

static const struct {
	unsigned long flag;
	const char *name;
} flag_names[] = {
	{ MS_RDONLY, "ro" },         { MS_NOSUID, "nosuid" },
	{ MS_NODEV, "nodev" },       { MS_NOEXEC, "noexec" },
	{ MS_NOATIME, "noatime" },   { MS_NODIRATIME, "nodiratime" },
	{ MS_RELATIME, "relatime" }, { MS_STRICTATIME, "strictatime" },
	{ MS_PRIVATE, "private" },   { MS_SLAVE, "slave" },
	{ MS_SHARED, "shared" },     { MS_UNBINDABLE, "unbindable" },
	{ MS_REC, "rec" },
};

void plan_deinit(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->ops[i].source);
		free(p->ops[i].target);
		free(p->ops[i].fstype);
		free(p->ops[i].data);
	}
	free(p->ops);
	*p = (struct plan)PLAN_INIT;
}

struct plan_op *plan_add(struct plan *p, enum plan_kind kind, const char *source,
			 const char *target)
{
	struct plan_op *op;

	if (p->n % 32 == 0)
		p->ops = xreallocarray(p->ops, p->n + 32, sizeof(*p->ops));
	op = &p->ops[p->n++];
	*op = (struct plan_op){
		.kind = kind,
		.source = xstrdup(source),
		.target = xstrdup(target),
	};
	return op;
}

const char *plan_kind_name(enum plan_kind kind)
{
	return kind < _PLAN_KIND_COUNT ? kind_names[kind] : "unknown";
}

static void format_flags(unsigned long flags, const char *prefix, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++) {
		if (flags & flag_names[i].flag)
			buf_addf(out, " %s%s", prefix, flag_names[i].name);
	}
}

static void format_op(const struct plan_op *op, struct buf *out)
{
	if (op->conditional)
		buf_adds(out, "if ");
	if (op->optional)
		buf_addc(out, '?');
	buf_adds(out, plan_kind_name(op->kind));
	if (op->fstype)
		buf_addf(out, " %s", op->fstype);
	if (op->source)
		buf_addf(out, " %s%s", op->inside ? "inside:" : "", op->source);
	if (op->target)
		buf_addf(out, "%s %s", op->source ? " ->" : "", op->target);
	format_flags(op->flags, "", out);
	format_flags(op->clear, "-", out);
	buf_adds(out, op->held ? " held" : "");
	buf_adds(out, op->all_ro ? " all" : "");
	buf_adds(out, op->strict ? " strict" : "");
	if (op->data)
		buf_addf(out, " [%s]", op->data);
	if (op->mode & S_IFMT)
		buf_adds(out, S_ISDIR(op->mode) ? " dir" : S_ISBLK(op->mode) ? " block" : " char");
	if (op->mode & 07777)
		buf_addf(out, " %04o", (unsigned)(op->mode & 07777));
	if (op->uid || op->gid)
		buf_addf(out, " %u:%u", op->uid, op->gid);
	if (op->kind == PLAN_MKNOD)
		buf_addf(out, " %u:%u", op->major, op->minor);
	buf_addc(out, '\n');
}

void plan_format(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->n; i++)
		format_op(&p->ops[i], out);
}
