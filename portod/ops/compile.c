/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a container to the flat description of its start: namespaces, mounts, streams, limits.
 * Nothing here changes the container or the kernel. The parts are in compile_*.c.
 */
#include <stdlib.h>

#include "base/xalloc.h"
#include "ops/compile.h"
#include "props/mount.h"
#include "props/nswish.h"

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
	free(c->sysctls);
	free(c->rlimits);
	device_list_deinit(&c->devices);
	buf_deinit(&c->device_rules);
	strv_deinit(&c->sysfs);
	seccomp_profiles_deinit(&c->seccomp);
	cgroup_views_free(c->views, c->nviews);
	idmap_deinit(&c->uid_map);
	idmap_deinit(&c->gid_map);
	free(c->program);
	free(c->cwd);
	free(c->workdir);
	free(c->record);
	free(c->hold);
	free(c->netns);
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

uint64_t compiled_resolv_serial(const struct compiled *c)
{
	return c->resolv_serial;
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

/* Why it may not change its mounts; NULL = it may. */
static const char *shares_mounts(const struct container *ct)
{
	switch (ns_wish_of(ct, NS_MNT).kind) {
	case NS_WISH_INHERIT:
	case NS_WISH_CONTAINER:
	case NS_WISH_PATH:
		return "with namespaces mnt from others";
	case NS_WISH_NEW:
	case NS_WISH_NONE:
		break;
	}
	if (container_is_job(ct))
		return "with virt_mode job";
	return ct->spec.virt_mode == VIRT_HOST ? "with virt_mode host" : NULL;
}

/* Whoever shares the mounts of others does not change them. A host name alone does without. */
static int check_no_mounts(const struct container *ct, const struct compiled *c, const char *why,
			   struct error *err)
{
	struct layout_params rest = c->layout;
	bool named = ns_wish_of(ct, NS_MNT).kind != NS_WISH_NONE;
	const struct {
		bool used;
		const char *prop;
	} all[] = {
		{ !str_eq(c->layout.root, "/"), "root" },
		{ c->layout.root_readonly, "root_readonly" },
		{ c->layout.nbinds, "bind" },
		{ !str_is_empty(c->layout.hostname) && !named, "hostname" },
		{ c->layout.resolv_conf, "resolv_conf" },
		{ ns_wish_of(ct, NS_MNT).kind == NS_WISH_NEW, "namespaces mnt" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].used)
			return error_set(err, ERR_INVALID_VALUE,
					 "%s is set, which needs mounts of its own: not %s",
					 all[i].prop, why);
	rest.isolate = false;
	rest.hostname = NULL;
	if (layout_needs_mount_ns(&rest, false))
		return error_set(err, ERR_INVALID_VALUE,
				 "a property is set that needs mounts of its own: not %s", why);
	return 0;
}

static int compile(struct ops *ops, const struct container *ct, const struct start_client *from,
		   struct compiled *c, struct error *err)
{
	struct start_spec *spec = &c->spec;
	const char *why;

	*spec = (struct start_spec)START_SPEC_INIT;
	spec->view = from->view;
	c->cwd = container_cwd(ct, ops->config->workdir_base);
	compile_task(ops, ct, c);
	compile_resources(ops, ct, c);
	compile_cgroupfs(ops, ct, c);
	if (compile_layout(ops, ct, c, err) || compile_seccomp(ops, ct, c, err))
		return -1;
	why = shares_mounts(ct);
	if (why && check_no_mounts(ct, c, why, err))
		return -1;
	if (compile_namespaces(ops, ct, c, err) || compile_userns(ops, ct, c, err))
		return -1;
	if (compile_sysctls(ops, ct, c, err) || compile_streams(ops, ct, from, c, err))
		return -1;
	if (spec->ns[NS_MNT].mode == NS_NEW)
		compile_plan(ct, c);
	c->processless = !spec->has_command && compiled_ns_flags(c) == 0 && !c->joins;
	return 0;
}

int compile_start(struct ops *ops, struct container *ct, const struct start_client *from,
		  bool respawn, struct compiled **ret, struct error *err)
{
	struct compiled *c = xnew(struct compiled);

	if (compile(ops, ct, from, c, err)) {
		compiled_free(c);
		return -1;
	}
	c->spec.keep_workdir = respawn;
	*ret = c;
	return 0;
}
