/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout: the cgroup file systems that a container sees. They are mounted in its own cgroup
 * namespace, so that each begins with the container's group; a namespace that is not the first
 * cannot make a hierarchy that the host does not have.
 */
#include <sys/mount.h>

#include "base/xalloc.h"
#include "kernel/layout_parts.h"

#define TOP   "/sys/fs/cgroup"
#define FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static void add_mount(struct plan *plan, const char *fstype, const char *target,
		      unsigned long flags, const char *options)
{
	struct plan_op *op = plan_add(plan, PLAN_MOUNT, fstype, target);

	op->fstype = xstrdup(fstype);
	op->flags = FLAGS | flags;
	op->data = xstrdup(options);
}

static void add_view(const struct cgroup_view *v, struct plan *plan)
{
	auto_free char *target = xasprintf(TOP "%s%s", *v->name ? "/" : "", v->name);

	if (*v->name)
		plan_add(plan, PLAN_MKDIR, NULL, target)->mode = 0755;
	add_mount(plan, v->options ? "cgroup" : "cgroup2", target, v->writable ? 0 : MS_RDONLY,
		  v->options);
	for (size_t i = 0; i < v->links.n; i++) {
		auto_free char *link = xasprintf(TOP "/%s", v->links.v[i]);

		plan_add(plan, PLAN_SYMLINK, v->name, link);
	}
}

void layout_add_cgroups(const struct layout_params *p, struct plan *plan)
{
	bool tmpfs = p->ncgroups && *p->cgroups[0].name;
	size_t first;

	if (!p->ncgroups)
		return;
	if (p->cgroups_for)
		plan_add(plan, PLAN_IF_PROGRAM, p->cgroups_for, NULL)->data = xstrdup("systemd");
	first = plan->n;
	if (tmpfs)
		add_mount(plan, "tmpfs", TOP, 0, "mode=755");
	for (size_t i = 0; i < p->ncgroups; i++)
		add_view(&p->cgroups[i], plan);
	if (tmpfs)
		plan_add(plan, PLAN_CHANGE, NULL, TOP)->flags = MS_RDONLY;
	for (size_t i = first; p->cgroups_for && i < plan->n; i++)
		plan->ops[i].conditional = true;
}
