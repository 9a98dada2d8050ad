/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of values that are taken, kept and shown, so that specs of other hosts hold here, and that
 * change nothing: they belong to kernels with patches of Porto's inventor, or never did anything.
 * Which of them a host takes is what Porto does there; a taint tells of those that are set.
 */
#include "kernel/procfs.h"
#include "props/rows.h"

/* Porto refuses on version 1 what it takes on version 2. */
static bool is_unified(const struct prop_env *env)
{
	return !env->cgroups ||
	       cgroup_knob_is_supported(env->cgroups, CGROUP_KNOB_MEMORY_GUARANTEE);
}

#define NO_EFFECT \
	"Kept and shown without effect, see *taint*; NotSupported without the unified tree."

/* ---- memory ---- */

static int check_least(const struct prop_ctx *ctx, uint64_t value, struct error *err)
{
	uint64_t min = ctx->env->min_memory_limit;

	if (value && value < min)
		return error_set(err, ERR_INVALID_VALUE, "%llu is less than the least limit, %llu",
				 (unsigned long long)value, (unsigned long long)min);
	return 0;
}

CHECKER(check_anon_limit)
{
	(void)p;
	return check_least(ctx, ctx->ct->spec.anon_limit, err);
}

const struct prop row_anon_limit = {
	.name = "anon_limit",
	.row = ROW_anon_limit,
	.desc = "limit of anonymous memory, bytes, without effect",
	.doc = "0 is none, the default; at least **container.min_memory_limit** of the\n"
	       "configuration. " NO_EFFECT,
	.type = &type_size,
	.offset = FIELD(anon_limit),
	.flags = PROP_DYNAMIC,
	.needs = CGROUP_BIT(CGROUP_MEMORY),
	.check = check_anon_limit,
	.supported = is_unified,
};

GETTER(get_anon_limit_total)
{
	uint64_t least = ctx->env->memory_total;

	UNUSED();
	for (const struct container *ct = ctx->ct; ct; ct = ct->parent)
		if (ct->spec.anon_limit && ct->spec.anon_limit < least)
			least = ct->spec.anon_limit;
	type_put_u64(out, least);
	return 0;
}

const struct prop row_anon_limit_total = {
	.name = "anon_limit_total",
	.row = ROW_anon_limit_total,
	.desc = "anon_limit with those of the containers above",
	.doc = "The least *anon_limit* on the way up, or the host's RAM. NotSupported without the\n"
	       "unified tree.",
	.flags = PROP_READONLY,
	.get = get_anon_limit_total,
	.supported = is_unified,
};

const struct prop row_anon_only = {
	.name = "anon_only",
	.row = ROW_anon_only,
	.desc = "charge anonymous memory only, without effect",
	.doc = "Default false. " NO_EFFECT,
	.type = &type_bool,
	.offset = FIELD(anon_only),
	.flags = PROP_DYNAMIC,
	.needs = CGROUP_BIT(CGROUP_MEMORY),
	.supported = is_unified,
};

CHECKER(check_dirty_limit)
{
	(void)p;
	return check_least(ctx, ctx->ct->spec.dirty_limit, err);
}

const struct prop row_dirty_limit = {
	.name = "dirty_limit",
	.row = ROW_dirty_limit,
	.desc = "limit of dirty cache, bytes, without effect",
	.doc = "0 is none, the default; at least **container.min_memory_limit** of the\n"
	       "configuration. Kept and shown without effect, see *taint*.",
	.type = &type_size,
	.offset = FIELD(dirty_limit),
	.flags = PROP_DYNAMIC | PROP_HIDDEN,
	.needs = CGROUP_BIT(CGROUP_MEMORY),
	.check = check_dirty_limit,
};

GETTER(get_dirty_limit_bound)
{
	uint64_t least = 0;

	UNUSED();
	for (const struct container *ct = ctx->ct; ct; ct = ct->parent)
		if (ct->spec.dirty_limit && (!least || ct->spec.dirty_limit < least))
			least = ct->spec.dirty_limit;
	if (least)
		type_put_u64(out, least);
	return 0;
}

const struct prop row_dirty_limit_bound = {
	.name = "dirty_limit_bound",
	.row = ROW_dirty_limit_bound,
	.desc = "dirty_limit with those of the containers above",
	.doc = "The least *dirty_limit* on the way up; empty when there is none.",
	.flags = PROP_READONLY | PROP_HIDDEN,
	.get = get_dirty_limit_bound,
};

const struct prop row_recharge_on_pgfault = {
	.name = "recharge_on_pgfault",
	.row = ROW_recharge_on_pgfault,
	.desc = "charge cache to who uses it, without effect",
	.doc = "Default false. " NO_EFFECT,
	.type = &type_bool,
	.offset = FIELD(recharge_on_pgfault),
	.flags = PROP_DYNAMIC,
	.needs = CGROUP_BIT(CGROUP_MEMORY),
	.supported = is_unified,
};

static const struct enum_word lock_policies[] = {
	{ "disabled", LOCK_DISABLED },
	{ NULL, 0 },
};

/* What only patched kernels do is known, and not had; the rest is wrong. */
SETTER(set_lock_policy)
{
	(void)index;
	if (str_eq(value, "mlockall") || str_eq(value, "executable") || str_eq(value, "xattr"))
		return error_set(err, ERR_NOT_SUPPORTED, "'%s' needs a kernel that can do it",
				 value);
	return type_enum.parse(p, ctx, value, &ctx->ct->spec.memory_lock_policy, err);
}

const struct prop row_memory_lock_policy = {
	.name = "memory_lock_policy",
	.row = ROW_memory_lock_policy,
	.desc = "what is locked in memory by itself",
	.doc = "**disabled**, the default; **mlockall**, **executable** and **xattr** are\n"
	       "NotSupported. NotSupported altogether without the unified tree.",
	.type = &type_enum,
	.offset = FIELD(memory_lock_policy),
	.flags = PROP_DYNAMIC,
	.needs = CGROUP_BIT(CGROUP_MEMORY),
	.arg = lock_policies,
	.set = set_lock_policy,
	.supported = is_unified,
};

/* ---- obsolete ---- */

const struct prop row_link_memory_writeback_blkio = {
	.name = "link_memory_writeback_blkio",
	.row = ROW_link_memory_writeback_blkio,
	.desc = "account writeback to disks",
	.doc = "Kept and shown without effect: in the unified tree it is always so, elsewhere\n"
	       "never. Default false.",
	.type = &type_bool,
	.offset = FIELD(link_memory_writeback_blkio),
	.flags = PROP_HIDDEN,
};

const struct prop row_bind_dns = {
	.name = "bind_dns",
	.row = ROW_bind_dns,
	.desc = "obsolete",
	.doc = "Kept and shown without effect, see *resolv_conf* and *etc_hosts*. Default false.",
	.type = &type_bool,
	.offset = FIELD(bind_dns),
	.flags = PROP_HIDDEN,
};

const struct prop row_place_limit = {
	.name = "place_limit",
	.row = ROW_place_limit,
	.desc = "obsolete volume quota, without effect",
	.doc = "Map of places to bytes. Kept and shown without effect, see *taint*. Index: a place,\n"
	       "InvalidValue if it is not there. Default empty.",
	.type = &type_umap,
	.offset = FIELD(place_limit),
	.flags = PROP_INDEXED,
};

GETTER(get_place_usage)
{
	UNUSED();
	(void)out;
	return 0;
}

const struct prop row_place_usage = {
	.name = "place_usage",
	.row = ROW_place_usage,
	.desc = "obsolete volume usage",
	.doc = "Always empty.",
	.flags = PROP_READONLY | PROP_INDEX_GET,
	.get = get_place_usage,
};
