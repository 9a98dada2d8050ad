/* SPDX-License-Identifier: Apache-2.0 */
#include "props/control.h"

#define NESTED_LEVEL 2 /* below the first level a container has only what everyone has */

/* "memory, pids" */
static void describe(uint32_t mask, struct buf *out)
{
	for (int c = 0; c < _CGROUP_CONTROLLER_COUNT; c++) {
		if (mask & CGROUP_BIT(c))
			buf_addf(out, "%s%s", out->len ? ", " : "",
				 cgroup_controller_name((enum cgroup_controller)c));
	}
}

static int refuse(enum error_code code, const char *what, uint32_t mask, struct error *err)
{
	auto_buf names = BUF_INIT;

	describe(mask, &names);
	return error_set(err, code, "%s: %s", what, buf_str(&names));
}

/* In the tests there may be no host: then every controller is there and alone. */
uint32_t control_close(const struct prop_env *env, uint32_t mask)
{
	return env->cgroups ? cgroup_host_close_mask(env->cgroups, mask) : mask;
}

static uint32_t everyones(const struct prop_env *env)
{
	return env->cgroups ? cgroup_host_default_controllers(env->cgroups, NESTED_LEVEL) : 0;
}

int control_set_owned(const struct prop_ctx *ctx, uint32_t mask, uint64_t *owned, struct error *err)
{
	const struct prop_env *env = ctx->env;
	uint32_t absent = env->cgroups ? mask & ~cgroup_host_controllers(env->cgroups) : 0;
	uint32_t required = (uint32_t)ctx->ct->spec.required_controllers;

	if (absent)
		return refuse(ERR_NOT_SUPPORTED, "this host lacks the controllers", absent, err);
	mask = control_close(env, mask | everyones(env));
	if (required & ~mask)
		return refuse(ERR_INVALID_VALUE, "properties that were set need the controllers",
			      required & ~mask, err);
	*owned = mask;
	return 0;
}

int control_require(const struct prop_ctx *ctx, uint32_t mask, struct error *err)
{
	struct container_spec *spec = &ctx->ct->spec;
	uint32_t missing = mask & ~(uint32_t)spec->controllers;

	if (missing && ctx->ct->state != STATE_STOPPED)
		return refuse(ERR_NOT_SUPPORTED,
			      "the container was started without controllers that this needs",
			      missing, err);
	if (missing)
		spec->controllers = control_close(ctx->env, (uint32_t)spec->controllers | missing);
	spec->required_controllers |= mask;
	return 0;
}

void control_restore(const struct prop_env *env, struct container *ct, uint32_t mask)
{
	ct->spec.required_controllers |= mask;
	ct->spec.controllers = control_close(env, (uint32_t)ct->spec.controllers | mask);
}

bool control_owns(const struct container *ct, uint32_t mask)
{
	return (ct->spec.controllers & mask) == mask;
}

void prop_cgroup(const struct container *ct, struct cgroup *ret)
{
	while (container_is_job(ct))
		ct = ct->parent;
	*ret = (struct cgroup){
		.name = ct->name,
		.level = ct->level,
		.childless = !ct->spec.children_allowed && ct->spec.virt_mode != VIRT_OS &&
			     ct->spec.cgroupfs == CGROUPFS_NONE,
	};
	for (; ct; ct = ct->parent) {
		ret->owned[ct->level] = (uint32_t)ct->spec.controllers;
		if (container_is_system(ct))
			ret->owned[ct->level] |= CGROUP_BIT(CGROUP_SYSTEMD);
	}
}
