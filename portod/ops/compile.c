/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a container to the flat description of its start: namespaces, mounts, streams, limits.
 * Nothing here changes the container or the kernel. The parts are in compile_*.c.
 */
#include <stdlib.h>

#include "base/xalloc.h"
#include "ops/compile.h"
#include "props/mount.h"

struct compiled *compiled_free(struct compiled *c)
{
	if (!c)
		return NULL;
	settings_deinit(&c->settings);
	plan_deinit(&c->plan);
	cred_deinit(&c->cred);
	cred_deinit(&c->owner);
	strv_deinit(&c->env);
	for (size_t i = 0; i < c->nbinds; i++) {
		free(c->binds[i].source);
		free(c->binds[i].target);
	}
	free(c->binds);
	for (size_t i = 0; i < c->nmounts; i++)
		extra_mount_deinit(&c->mounts[i]);
	free(c->mounts);
	strv_deinit(&c->masked);
	strv_deinit(&c->readonly);
	link_set_deinit(&c->links);
	free(c->rlimits);
	device_list_deinit(&c->devices);
	buf_deinit(&c->device_rules);
	strv_deinit(&c->sysfs);
	cgroup_views_free(c->views, c->nviews);
	free(c->program);
	free(c->cwd);
	free(c->workdir);
	free(c->record);
	free(c->hold);
	free(c->root);
	free(c->resolv_conf);
	for (int i = 0; i < 3; i++)
		free(c->stored[i]);
	free(c);
	return NULL;
}

const struct start_spec *compiled_spec(const struct compiled *c)
{
	return &c->spec;
}

bool compiled_is_processless(const struct compiled *c)
{
	return c->processless;
}

uint32_t compiled_ns_flags(const struct compiled *c)
{
	uint32_t flags = 0;

	for (int kind = 0; kind < _NS_COUNT; kind++)
		if (c->spec.ns[kind].mode == NS_NEW)
			flags |= 1u << kind;
	return flags;
}

/* Whoever shares the mounts of others does not change them. */
static int check_no_mounts(const struct container *ct, const struct compiled *c, struct error *err)
{
	const struct layout_params *l = &c->layout;
	const struct {
		bool used;
		const char *prop;
	} all[] = {
		{ l->root_readonly, "root_readonly" },
		{ l->nbinds, "bind" },
		{ !str_is_empty(l->hostname), "hostname" },
		{ l->resolv_conf, "resolv_conf" },
		{ layout_needs_mount_ns(l, false), "a property about its file system" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].used)
			return error_set(err, ERR_INVALID_VALUE,
					 "%s is set, which needs mounts of its own: not with "
					 "virt_mode %s",
					 all[i].prop, container_is_job(ct) ? "job" : "host");
	return 0;
}

static int compile(struct ops *ops, const struct container *ct, const int fds[3],
		   struct compiled *c, struct error *err)
{
	struct start_spec *spec = &c->spec;

	*spec = (struct start_spec)START_SPEC_INIT;
	c->cwd = container_cwd(ct, ops->config->workdir_base);
	compile_task(ops, ct, c);
	compile_resources(ops, ct, c);
	compile_cgroupfs(ops, ct, c);
	if (compile_layout(ops, ct, c, err))
		return -1;
	if (ct->spec.virt_mode == VIRT_HOST || container_is_job(ct))
		if (check_no_mounts(ct, c, err))
			return -1;
	compile_namespaces(ct, c);
	if (compile_streams(ops, ct, fds, c, err))
		return -1;
	if (spec->ns[NS_MNT].mode == NS_NEW)
		compile_plan(ct, c);
	c->processless = !spec->has_command && compiled_ns_flags(c) == 0;
	return 0;
}

int compile_start(struct ops *ops, struct container *ct, const int fds[3], bool respawn,
		  struct compiled **ret, struct error *err)
{
	struct compiled *c = xnew(struct compiled);

	if (compile(ops, ct, fds, c, err)) {
		compiled_free(c);
		return -1;
	}
	c->spec.keep_workdir = respawn;
	*ret = c;
	return 0;
}
