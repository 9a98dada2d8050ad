/* SPDX-License-Identifier: Apache-2.0 */
/* Start description: root directory, binds, overlays: the mount plan. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "kernel/device.h"
#include "ops/compile.h"
#include "ops/resolver.h"
#include "props/bind.h"
#include "props/mount.h"
#include "props/mounts.h"

/* The root as it is called where the start happens: in the root of the nearest container that has a
 * process, or on the host. */
static char *root_from_base(const struct container *ct, const struct container *near)
{
	char *path = xstrdup("/");

	for (; ct && ct != near; ct = ct->parent) {
		char *outer;

		if (str_is_empty(ct->spec.root) || strcmp(ct->spec.root, "/") == 0)
			continue;
		outer = strcmp(path, "/") == 0 ? xstrdup(ct->spec.root)
					       : xasprintf("%s%s", ct->spec.root, path);
		free(path);
		path = outer;
	}
	return path;
}

static int compile_binds(struct ops *ops, const struct container *ct, struct compiled *c,
			 struct error *err)
{
	auto_free char *parent_cwd = container_cwd(ct->parent, ops->config->workdir_base);

	c->binds = xnew_array(struct bind_mount, ct->spec.bind.n + 1);
	for (; c->nbinds < ct->spec.bind.n; c->nbinds++)
		if (bind_parse(ct->spec.bind.v[c->nbinds], parent_cwd, c->cwd, &c->binds[c->nbinds],
			       err))
			return -1;
	for (size_t i = 0; i < c->nbinds; i++)
		if (bind_check_owner(c->binds[i].flags, ct->spec.owner_cred.uid, err))
			return error_prefix(err, "bind %s at %s", c->binds[i].source,
					    c->binds[i].target);
	return 0;
}

static int compile_mounts(const struct container *ct, struct compiled *c, struct error *err)
{
	const struct strv *items = &ct->spec.mounts;

	c->mounts = xnew_array(struct extra_mount, items->n + 1);
	for (; c->nmounts < items->n; c->nmounts++)
		if (mount_parse(items->v[c->nmounts], c->cwd, ct->spec.owner_cred.uid,
				&c->mounts[c->nmounts], err))
			return error_prefix(err, "mount %s", items->v[c->nmounts]);
	return 0;
}

/* Below a root that lets nothing out a bind cannot do it either. */
static int check_propagation(const struct container *ct, const struct compiled *c,
			     struct error *err)
{
	static const unsigned all = BIND_RPRIVATE | BIND_RSLAVE | BIND_RUNBINDABLE;

	for (size_t i = 0; i < c->nbinds && ((unsigned)ct->spec.root_propagation & all); i++)
		if (c->binds[i].flags & (BIND_SHARED | BIND_RSHARED))
			return error_set(err, ERR_INVALID_VALUE,
					 "bind %s at %s is shared, which root_propagation '%s' "
					 "excludes",
					 c->binds[i].source, c->binds[i].target,
					 bind_flag_name((unsigned)ct->spec.root_propagation));
	return 0;
}

int compile_layout(struct ops *ops, const struct container *ct, struct compiled *c,
		   struct error *err)
{
	struct layout_params *l = &c->layout;
	uint64_t memory = container_memory_limit_total(ct);

	link_set_init(&c->links, ct, NULL, c->cwd);
	c->spec.links = c->links.v;
	c->spec.nlinks = c->links.n;
	c->spec.links_actor = c->links.actor;
	c->root = root_from_base(ct, container_nearest_task(ct));
	c->resolv_conf = resolv_conf_of(ops, ct, &c->resolv_serial);
	if (compile_binds(ops, ct, c, err) || compile_mounts(ct, c, err) ||
	    check_propagation(ct, c, err))
		return -1;
	l->root = c->root;
	l->root_readonly = ct->spec.root_readonly;
	l->isolate = ct->spec.isolate;
	l->private_run = ct->spec.isolate && ct->spec.virt_mode == VIRT_OS &&
			 !container_is_chrooted(ct);
	l->run_size = (memory ? memory : ops->config->memory_total) / 2;
	l->dev_size = ops->config->dev_size;
	l->devpts_max = ops->config->devpts_max;
	l->devices = c->devices.v;
	l->ndevices = c->devices.n;
	l->sysfs = &c->sysfs;
	l->binds = c->binds;
	l->nbinds = c->nbinds;
	l->mounts = c->mounts;
	l->nmounts = c->nmounts;
	l->shm_size = ct->spec.shm_size;
	l->root_propagation = (unsigned)ct->spec.root_propagation;
	l->masked = masked_paths_of(ct, &c->masked) ? &c->masked : NULL;
	l->readonly = readonly_paths_of(ct, &c->readonly) ? &c->readonly : NULL;
	l->hostname = ct->spec.hostname;
	l->resolv_conf = c->resolv_conf;
	l->etc_hosts = str_is_empty(ct->spec.etc_hosts) ? NULL : ct->spec.etc_hosts;
	l->socket_path = ct->spec.enable_porto != ACCESS_NONE ? ops->config->socket_path : NULL;
	l->writes_root = container_task_uid(ct) == 0 || c->links.n;
	if (!container_is_chrooted(ct->parent)) {
		l->owner_uid = ct->spec.owner_cred.uid;
		l->owner_gid = ct->spec.owner_cred.gid;
	}
	l->enable_tracefs = ops->config->enable_tracefs;
	return 0;
}

/* On the host's file system an ordinary owner gets no further than it would by itself. In the root
 * of a parent it has all rights, as root in there would; but what the kernel links to from procfs
 * is not in that root. */
static void check_as_owner(const struct container *ct, struct compiled *c)
{
	if (container_is_chrooted(ct->parent))
		return;
	c->plan.trusted = ct->spec.owner_cred.uid == 0;
	if (c->plan.trusted)
		return;
	cred_copy(&c->owner, &ct->spec.owner_cred);
	cred_load_groups(&c->owner);
	c->plan.checker = &c->owner;
}

void compile_plan(const struct container *ct, struct compiled *c)
{
	layout_build(&c->layout, &c->plan);
	check_as_owner(ct, c);
	c->spec.plan = &c->plan;
}
