/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: binds, further mounts, and where mounts made later go. */
#include <string.h>
#include <sys/mount.h>

#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/layout_parts.h"

/* What each word does: flags set and cleared on the mount, and its propagation. */
static const struct {
	const char *name;
	enum bind_flag flag;
	unsigned long set, clear, propagation;
} words[] = {
	{ "ro", BIND_RO, MS_RDONLY, 0, 0 },
	{ "rro", BIND_RRO, MS_RDONLY, 0, 0 },
	{ "rw", BIND_RW, 0, 0, 0 },
	{ "rec", BIND_REC, MS_REC, 0, 0 },
	{ "dev", BIND_DEV, 0, 0, 0 }, /* see add_bind() */
	{ "nodev", BIND_NODEV, MS_NODEV, 0, 0 },
	{ "suid", BIND_SUID, 0, MS_NOSUID, 0 },
	{ "nosuid", BIND_NOSUID, MS_NOSUID, 0, 0 },
	{ "exec", BIND_EXEC, 0, MS_NOEXEC, 0 },
	{ "noexec", BIND_NOEXEC, MS_NOEXEC, 0, 0 },
	{ "noatime", BIND_NOATIME, MS_NOATIME, 0, 0 },
	{ "nodiratime", BIND_NODIRATIME, MS_NODIRATIME, 0, 0 },
	{ "relatime", BIND_RELATIME, MS_RELATIME, 0, 0 },
	{ "private", BIND_PRIVATE, 0, 0, MS_PRIVATE },
	{ "rprivate", BIND_RPRIVATE, 0, 0, MS_PRIVATE | MS_REC },
	{ "slave", BIND_SLAVE, 0, 0, MS_SLAVE },
	{ "rslave", BIND_RSLAVE, 0, 0, MS_SLAVE | MS_REC },
	{ "shared", BIND_SHARED, 0, 0, MS_SHARED },
	{ "rshared", BIND_RSHARED, 0, 0, MS_SHARED | MS_REC },
	{ "unbindable", BIND_UNBINDABLE, 0, 0, MS_UNBINDABLE },
	{ "runbindable", BIND_RUNBINDABLE, 0, 0, MS_UNBINDABLE | MS_REC },
};

unsigned bind_flag_parse(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(words[i].name, word))
			return words[i].flag;
	}
	return 0;
}

const char *bind_flag_name(unsigned flag)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (words[i].flag == flag)
			return words[i].name;
	}
	return NULL;
}

/* ---- binds ---- */

static bool goes_both_ways(const struct bind_mount *b)
{
	return b->flags & (BIND_SHARED | BIND_RSHARED);
}

static void name_source(const struct bind_mount *b, struct plan_op *op)
{
	op->check = true;
	op->check_write = !(b->flags & (BIND_RO | BIND_RRO));
	op->flags |= b->flags & BIND_REC ? MS_REC : 0;
}

void layout_add_holds(const struct layout_params *p, struct plan *plan)
{
	for (size_t i = 0; i < p->nbinds; i++) {
		const struct bind_mount *b = &p->binds[i];

		if (goes_both_ways(b))
			name_source(b, plan_add(plan, PLAN_HOLD, b->source, b->target));
	}
}

/* `rw` is what a bind is without `ro`: it does not make a read-only source writable. */
static void add_bind(const struct layout_params *p, const struct bind_mount *b, struct plan *plan)
{
	struct plan_op *op = plan_add(plan, PLAN_BIND, b->source, b->target);

	name_source(b, op);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (b->flags & words[i].flag) {
			op->flags |= words[i].set;
			op->clear |= words[i].clear;
		}
	}
	if ((b->flags & BIND_DEV) && !(b->flags & BIND_NODEV))
		op->clear |= MS_NODEV;
	else
		op->flags |= MS_NODEV;
	op->all_ro = b->flags & BIND_RRO;
	op->held = goes_both_ways(b);
	op->uid = p->owner_uid;
	op->gid = p->owner_gid;
}

/* ---- further mounts ---- */

static void add_extra(const struct layout_params *p, const struct extra_mount *m, struct plan *plan)
{
	struct plan_op *op = plan_add(plan, PLAN_MOUNT, m->source ? m->source : m->type, m->target);

	op->fstype = xstrdup(m->type);
	op->flags = m->flags;
	op->data = xstrdup(m->data);
	op->check = true;
	op->uid = p->owner_uid;
	op->gid = p->owner_gid;
}

static bool lies_on_bind(const struct layout_params *p, const struct extra_mount *m)
{
	for (size_t i = 0; i < p->nbinds; i++) {
		if (path_below(m->target, p->binds[i].target))
			return true;
	}
	return false;
}

static void add_extras(const struct layout_params *p, bool on_binds, struct plan *plan)
{
	for (size_t i = 0; i < p->nmounts; i++) {
		if (lies_on_bind(p, &p->mounts[i]) == on_binds)
			add_extra(p, &p->mounts[i], plan);
	}
}

void layout_add_binds(const struct layout_params *p, struct plan *plan)
{
	add_extras(p, false, plan);
	for (size_t i = 0; i < p->nbinds; i++)
		add_bind(p, &p->binds[i], plan);
	add_extras(p, true, plan);
}

/* ---- propagation ---- */

static void add_propagation(struct plan *plan, const char *target, unsigned long flags)
{
	plan_add(plan, PLAN_PROPAGATION, NULL, target)->flags = flags;
}

static unsigned long propagation_of(unsigned flags)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if ((flags & words[i].flag) && words[i].propagation)
			return words[i].propagation;
	}
	return 0;
}

void layout_add_propagation(const struct layout_params *p, struct plan *plan)
{
	unsigned long own = propagation_of(p->root_propagation);

	add_propagation(plan, "/", MS_SHARED | MS_REC);
	if (own && !(own & MS_SHARED))
		add_propagation(plan, "/", own);
	for (size_t i = 0; i < p->nbinds; i++) {
		const struct bind_mount *b = &p->binds[i];
		unsigned long flags = propagation_of(b->flags);

		/* Porto's two words count for all that was bound. */
		if (b->flags & (BIND_PRIVATE | BIND_UNBINDABLE) && b->flags & BIND_REC)
			flags |= MS_REC;
		if (flags && !(flags & MS_SHARED))
			add_propagation(plan, b->target, flags);
	}
}
