/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults of a new container, and the way of its values to the store and back. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "props/control.h"
#include "props/rows.h"

#define DEFAULT_UMASK 02

/* A container below one with restricted access starts with the most that is left to it. */
static int default_access(const struct container *parent)
{
	int above = parent ? parent->spec.enable_porto : ACCESS_NORMAL;

	if (above == ACCESS_NONE)
		return ACCESS_NONE;
	return above <= ACCESS_READ_ONLY ? ACCESS_READ_ONLY : ACCESS_NORMAL;
}

/* Values that depend on parent or level are persisted like values that were set. */
static void init_inherited(const struct prop_env *env, struct container *ct)
{
	struct container_spec *spec = &ct->spec;
	const struct container *parent = ct->parent;

	spec->enable_porto = default_access(parent);
	container_mark_set(ct, ROW_enable_porto, spec->enable_porto != ACCESS_NORMAL);
	spec->cpu_period = parent ? parent->spec.cpu_period : env->cpu_period_default;
	container_mark_set(ct, ROW_cpu_period, spec->cpu_period != env->cpu_period_default);
	spec->cpu_policy = parent ? parent->spec.cpu_policy : CPU_NORMAL;
	container_mark_set(ct, ROW_cpu_policy, spec->cpu_policy != CPU_NORMAL);
	if (env->cgroups)
		spec->controllers = control_close(env, cgroup_host_default_controllers(env->cgroups,
										       ct->level));
	container_mark_set(ct, ROW_controllers, true);
	if (ct->level == 1 && env->memory_limit_margin) {
		uint64_t margin = env->memory_limit_margin, most = env->memory_total / 4;

		spec->memory_limit = env->memory_total - (margin < most ? margin : most);
		control_restore(env, ct, row_memory_limit.needs);
		container_mark_set(ct, ROW_memory_limit, true);
	}
	if (ct->level == 1 && env->thread_limit_default &&
	    prop_is_supported(&row_thread_limit, env)) {
		spec->thread_limit = env->thread_limit_default;
		control_restore(env, ct, row_thread_limit.needs);
		container_mark_set(ct, ROW_thread_limit, true);
	}
}

void prop_init_spec(const struct prop_env *env, struct container *ct)
{
	struct container_spec *spec = &ct->spec;

	spec->umask = DEFAULT_UMASK;
	spec->isolate = !container_is_root(ct);
	spec->init = true;
	spec->children_allowed = true;
	spec->virt_mode = container_is_root(ct) ? VIRT_HOST : VIRT_APP;
	spec->stdout_limit = env->stdout_limit_default;
	spec->max_respawns = -1;
	spec->respawn_delay = env->respawn_delay_default;
	spec->aging_time = env->aging_time_default;
	spec->oom_is_fatal = true;
	spec->cpu_weight = spec->io_weight = 1;
	spec->cpu_set.node = -1;
	spec->coredump_filter = -1;
	spec->pressurize_on_death = env->pressurize_on_death_default;
	init_inherited(env, ct);
}

static bool is_stored(const struct container *ct, const struct prop *p)
{
	return p->type && !(p->flags & PROP_NOSTORE) && row_is_set(ct, p);
}

char *prop_save(const struct container *ct, const struct prop *p)
{
	return is_stored(ct, p) ? p->type->save(p, (const char *)&ct->spec + p->offset) : NULL;
}

void prop_save_each(const struct container *ct,
		    void (*fn)(void *arg, const char *name, const char *text), void *arg)
{
	for (size_t row = 0; row < prop_count(); row++) {
		auto_free char *text = prop_save(ct, prop_at(row));

		if (text)
			fn(arg, prop_at(row)->name, text);
	}
}

int prop_load(const struct prop_env *env, struct container *ct, const char *name, const char *text,
	      struct error *err)
{
	const struct prop *p = prop_find(name);

	if (!p || !p->type)
		return error_set(err, ERR_INVALID_PROPERTY, "there is no stored property '%.200s'",
				 name);
	if (p->type->load(p, text, (char *)&ct->spec + p->offset, err))
		return error_prefix(err, "load property '%s'", name);
	container_mark_set(ct, p->row, true);
	/* `controllers` may have been loaded before or after what requires them. */
	if (p->needs || p == &row_controllers)
		control_restore(env, ct, p->needs | (uint32_t)ct->spec.required_controllers);
	return 0;
}
