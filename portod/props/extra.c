/* SPDX-License-Identifier: Apache-2.0 */
#include "props/extra.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "props/control.h"
#include "props/name.h"
#include "props/rows.h"

/* What somebody who runs a host may want for all: how containers are built and what they may use.
 * Not who they are, and not what is only the user's business. */
static const struct prop *const allowed[] = {
	&row_aging_time,
	&row_bind,
	&row_capabilities,
	&row_capabilities_ambient,
	&row_cgroupfs,
	&row_command,
	&row_controllers,
	&row_core_command,
	&row_coredump_filter,
	&row_cpu_limit,
	&row_cpu_period,
	&row_cpu_policy,
	&row_cpu_set,
	&row_cpu_weight,
	&row_devices,
	&row_enable_porto,
	&row_env,
	&row_etc_hosts,
	&row_hugetlb_limit,
	&row_io_limit,
	&row_io_ops_limit,
	&row_io_policy,
	&row_io_weight,
	&row_isolate,
	&row_masked_paths,
	&row_max_respawns,
	&row_memory_limit,
	&row_no_new_privs,
	&row_oom_is_fatal,
	&row_oom_score_adj,
	&row_place,
	&row_pressurize_on_death,
	&row_readonly_paths,
	&row_resolv_conf,
	&row_respawn,
	&row_respawn_delay,
	&row_seccomp,
	&row_seccomp_name,
	&row_shm_size,
	&row_stdout_limit,
	&row_sysctl,
	&row_thread_limit,
	&row_ulimit,
	&row_umask,
	&row_unshare_on_exec,
	&row_userns,
};

static bool is_allowed(const struct prop *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (allowed[i] == p)
			return true;
	return false;
}

int extra_check(const struct prop_env *env, const struct extra_property *x, struct error *err)
{
	struct prop_name n;
	int r = 0;

	if (prop_name_parse(x->name, &n, err))
		return -1;
	if (!n.prop || !is_allowed(n.prop))
		r = error_set(err, ERR_INVALID_PROPERTY,
			      "property '%.200s' is not for the configuration", x->name);
	else
		r = prop_require(n.prop, env, err);
	prop_name_deinit(&n);
	return r;
}

/* ---- what a container would have by itself ---- */

static void fresh_init(struct container *fresh, const struct prop_env *env,
		       const struct container *ct)
{
	*fresh = (struct container){ .level = ct->level, .parent = ct->parent, .name = ct->name };
	prop_init_spec(env, fresh);
}

static char *text_of(const struct prop *p, const struct container *ct)
{
	return p->type->save(p, (const char *)&ct->spec + p->offset);
}

/* Some values are set from birth on, and are nobody's as long as they are those. */
static bool is_somebodys(const struct prop *p, const struct container *ct,
			 const struct container *fresh)
{
	auto_free char *now = NULL, *born = NULL;

	if (!container_is_set(ct, p->row) || container_is_preset(ct, p->row))
		return false;
	if (!container_is_set(fresh, p->row))
		return true;
	now = text_of(p, ct);
	born = text_of(p, fresh);
	return !str_eq(now, born);
}

/* What the properties that are set need. */
static uint32_t needed(const struct container *ct)
{
	uint32_t mask = 0;

	for (size_t row = 0; row < prop_count(); row++)
		if (container_is_set(ct, (unsigned)row))
			mask |= prop_at(row)->needs;
	return mask;
}

static bool reset_all(const struct prop_env *env, struct container *ct,
		      const struct container *fresh)
{
	struct error ignored = ERROR_INIT; /* what save() gave loads */
	bool any = false;

	for (unsigned row = 0; row < prop_count(); row++) {
		const struct prop *p = prop_at(row);
		auto_free char *text = NULL;

		if (!container_is_preset(ct, row))
			continue;
		text = text_of(p, fresh);
		p->type->load(p, text, (char *)&ct->spec + p->offset, &ignored);
		container_mark_set(ct, row, container_is_set(fresh, row));
		container_mark_preset(ct, row, false);
		any = true;
	}
	if (any) {
		ct->spec.required_controllers = 0;
		control_restore(env, ct, needed(ct));
	}
	return any;
}

/* ---- giving ---- */

static int give(const struct prop_ctx *ctx, const struct extra_property *x, struct error *err)
{
	struct prop_txn txn = PROP_TXN_INIT;
	int r = prop_set(ctx, x->name, x->value, &txn, err);

	if (r == 0)
		container_mark_preset(ctx->ct, txn.changes[0].prop->row, true);
	else
		error_prefix(err, "extra_properties of the configuration");
	prop_txn_deinit(&txn);
	return r;
}

static int give_if_unset(const struct prop_ctx *ctx, const struct container *fresh,
			 const struct extra_property *x, struct error *err)
{
	struct prop_name n;
	bool skip;

	if (prop_name_parse(x->name, &n, err))
		return -1;
	skip = is_somebodys(n.prop, ctx->ct, fresh);
	prop_name_deinit(&n);
	if (skip)
		return 0;
	return give(ctx, x, err) ? -1 : 1;
}

int extra_apply(const struct prop_ctx *ctx, const struct extra_property *v, size_t n,
		struct error *err)
{
	auto_free char *before = n ? NULL : extra_save(ctx->ct);
	struct container fresh;
	int r = 0, changed;

	if (n == 0 && !before)
		return 0;
	fresh_init(&fresh, ctx->env, ctx->ct);
	changed = reset_all(ctx->env, ctx->ct, &fresh);
	for (size_t i = 0; i < n && r >= 0; i++) {
		if (!mask_match(v[i].filter, ctx->ct->name))
			continue;
		r = give_if_unset(ctx, &fresh, &v[i], err);
		changed |= r > 0;
	}
	container_spec_deinit(&fresh.spec);
	return r < 0 ? -1 : changed;
}

/* ---- telling ---- */

char *extra_save(const struct container *ct)
{
	auto_strv names = STRV_INIT;

	for (unsigned row = 0; row < prop_count(); row++)
		if (container_is_preset(ct, row))
			strv_add(&names, prop_at(row)->name);
	return names.n ? strv_join(&names, ';') : NULL;
}

void extra_load(struct container *ct, const char *text)
{
	auto_strv names = STRV_INIT;

	strv_split(&names, text, ';');
	for (size_t i = 0; i < names.n; i++) {
		const struct prop *p = prop_find(names.v[i]);

		if (p)
			container_mark_preset(ct, p->row, true);
	}
}

GETTER(get_extra_properties)
{
	auto_free char *names = extra_save(ctx->ct);

	UNUSED();
	buf_adds(out, names ? names : "");
	return 0;
}

const struct prop row_extra_properties = {
	.name = "extra_properties",
	.row = ROW_extra_properties,
	.desc = "properties taken from config",
	.doc = "Names of the properties that the configuration has set at the last start, see\n"
	       "*extra_properties* in **portod.conf**\\(5), separated by ``;``. A name goes from\n"
	       "the list when somebody sets the property.",
	.flags = PROP_READONLY | PROP_HIDDEN,
	.get = get_extra_properties,
};
