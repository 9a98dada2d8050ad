/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start description: what of the cgroup file systems the container sees and rules.
 *
 * A systemd wants one hierarchy to keep its services apart: the named one that hosts with version 1
 * have for it, else the unified tree. Whether the command is one is found out in the image, by
 * the plan: here are no files to be looked at.
 */
#include <string.h>

#include "base/xalloc.h"
#include "ops/compile.h"
#include "props/rows.h"

static int mode_of(const struct ops *ops, const struct container *ct)
{
	if (!row_is_set(ct, &row_cgroupfs) && ct->spec.virt_mode == VIRT_OS &&
	    ops->config->os_cgroupfs)
		return CGROUPFS_RW;
	return ct->spec.cgroupfs;
}

int compile_check_cgroupfs(const struct ops *ops, const struct container *ct, struct error *err)
{
	bool allowed = ops->config->rw_cgroupfs ||
		       (ops->config->os_cgroupfs && ct->spec.virt_mode == VIRT_OS);

	if (ct->spec.cgroupfs != CGROUPFS_RW || allowed)
		return 0;
	return error_set(err, ERR_PERMISSION,
			 "cgroupfs is rw, which container.enable_rw_cgroupfs does not allow");
}

/* First word of the command, as far as it is a path. */
static char *program_of(const struct container *ct)
{
	const char *command = str_is_empty(ct->spec.command) ? "/sbin/init" : ct->spec.command;

	if (ct->spec.command_argv.n)
		return xstrdup(ct->spec.command_argv.v[0]);
	command += strspn(command, " \t\n");
	return xstrndup(command, strcspn(command, " \t\n"));
}

/* Where it finds the unified tree it will not do with the named hierarchy. */
static uint32_t for_systemd(const struct ops *ops, int mode)
{
	uint32_t named = CGROUP_BIT(CGROUP_SYSTEMD), unified = CGROUP_BIT(CGROUP_CGROUP2);

	if (mode != CGROUPFS_NONE)
		return named | unified;
	return cgroup_host_controllers(ops->cgroups) & named ? named : unified;
}

void compile_cgroupfs(struct ops *ops, const struct container *ct, struct compiled *c)
{
	int mode = mode_of(ops, ct);
	bool system = container_is_system(ct) && ops->config->detect_systemd;
	uint32_t shown = mode == CGROUPFS_NONE ? 0 : ~0u, ruled = 0;

	if (mode == CGROUPFS_RW)
		ruled = CGROUP_DELEGABLE |
			(ops->config->rw_net_cgroups ? CGROUP_BIT(CGROUP_NET_CLS) : 0);
	if (system) {
		ruled |= for_systemd(ops, mode);
		shown |= for_systemd(ops, mode);
	}
	if (!shown)
		return;
	c->spec.cgroup.delegated = ruled;
	cgroup_views(ops->cgroups, &c->spec.cgroup, shown, &c->views, &c->nviews);
	c->layout.cgroups = c->views;
	c->layout.ncgroups = c->nviews;
	if (mode == CGROUPFS_NONE)
		c->layout.cgroups_for = c->program = program_of(ct);
}
