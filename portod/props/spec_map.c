/* SPDX-License-Identifier: Apache-2.0 */
/* Values of specs that are maps: text, numbers, environment, resource limits, counters. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "props/env.h"
#include "props/secret.h"
#include "props/rows.h"
#include "props/spec_codec.h"
#include "props/ulimit.h"

/* ---- maps of text, and of numbers ---- */

/* The map as the property's text, which must say the same. */
static int write_map(const struct prop *p, const struct prop_ctx *ctx, const struct smap *map,
		     struct error *err)
{
	auto_free char *text = smap_format(map);
	auto_smap back = SMAP_INIT;

	if (smap_parse(&back, text) < 0 || !smap_eq(map, &back))
		return error_set(err, ERR_INVALID_VALUE,
				 "a key is empty, or a key or value begins or ends with a blank");
	return prop_parse(p, ctx, NULL, text, err);
}

static int parse_map(const char *text, struct smap *ret)
{
	/* A number alone is shown for a map of disks that has `fs` only. */
	if (*text && !strchr(text, ':')) {
		smap_set(ret, "fs", text);
		return 0;
	}
	return smap_parse(ret, text);
}

/* What a merge starts from. */
static int read_own_map(const struct prop *p, const struct prop_ctx *ctx, bool merge,
			struct smap *ret, struct error *err)
{
	auto_free char *text = merge ? spec_own_text(p, ctx) : xstrdup("");

	if (parse_map(text, ret) < 0)
		return error_set(err, ERR_UNKNOWN, "its present value '%.100s' is no map", text);
	return 0;
}

static int check_key(const char *key, struct error *err)
{
	if (str_is_empty(key))
		return error_set(err, ERR_INVALID_VALUE, "an entry has no key");
	return 0;
}

/* Text of labels is merged into what is there: naming the others with nothing removes them. */
static int write_labels(const struct prop *p, const struct prop_ctx *ctx, const struct smap *map,
			bool merge, struct error *err)
{
	const struct smap *old = &ctx->ct->spec.labels;
	auto_smap changes = SMAP_INIT;

	for (size_t i = 0; i < old->n && !merge; i++)
		smap_set(&changes, old->e[i].key, "");
	for (size_t i = 0; i < map->n; i++)
		smap_set(&changes, map->e[i].key, map->e[i].val);
	return write_map(p, ctx, &changes, err);
}

static int load_string_map(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
			   struct error *err)
{
	const Porto__TStringMap *m = arg;
	bool merge = m->has_merge && m->merge, labels = p == &row_labels;
	auto_smap map = SMAP_INIT;

	if (!labels && read_own_map(p, ctx, merge, &map, err))
		return -1;
	for (size_t i = 0; i < m->n_map; i++) {
		const Porto__TStringMap__TStringMapEntry *e = m->map[i];

		if (check_key(e->key, err))
			return -1;
		if (labels || !str_is_empty(e->val))
			smap_set(&map, e->key, e->val ? e->val : "");
		else
			smap_del(&map, e->key);
	}
	return labels ? write_labels(p, ctx, &map, merge, err) : write_map(p, ctx, &map, err);
}

/* The text of the property as a map; -1 when it cannot be read. */
static int read_shown_map(const struct prop *p, const struct prop_ctx *ctx, struct smap *ret)
{
	auto_free char *text = spec_text(p, ctx, NULL);

	return text && parse_map(text, ret) == 0 ? 0 : -1;
}

static ProtobufCMessage *dump_string_map(const struct prop *p, const struct prop_ctx *ctx)
{
	auto_smap map = SMAP_INIT;
	Porto__TStringMap *m;

	if (read_shown_map(p, ctx, &map))
		return NULL;
	m = spec_message_new(&porto__tstring_map__descriptor);
	for (size_t i = 0; i < map.n; i++) {
		Porto__TStringMap__TStringMapEntry *e =
			spec_message_new(&porto__tstring_map__tstring_map_entry__descriptor);

		e->key = xstrdup(map.e[i].key);
		e->val = xstrdup(map.e[i].val);
		spec_append(&m->map, &m->n_map, e);
	}
	return &m->base;
}

const struct spec_codec spec_codec_string_map = {
	.type = &porto__tstring_map__descriptor,
	.load = load_string_map,
	.dump = dump_string_map,
};

static int load_uint_map(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
			 struct error *err)
{
	const Porto__TUintMap *m = arg;
	auto_smap map = SMAP_INIT;

	if (read_own_map(p, ctx, m->has_merge && m->merge, &map, err))
		return -1;
	for (size_t i = 0; i < m->n_map; i++) {
		const Porto__TUintMap__TUintMapEntry *e = m->map[i];
		char text[24];

		if (check_key(e->key, err))
			return -1;
		snprintf(text, sizeof(text), "%" PRIu64, e->val);
		smap_set(&map, e->key, text);
	}
	return write_map(p, ctx, &map, err);
}

static ProtobufCMessage *dump_uint_map(const struct prop *p, const struct prop_ctx *ctx)
{
	auto_smap map = SMAP_INIT;
	Porto__TUintMap *m;

	if (read_shown_map(p, ctx, &map))
		return NULL;
	m = spec_message_new(&porto__tuint_map__descriptor);
	for (size_t i = 0; i < map.n; i++) {
		Porto__TUintMap__TUintMapEntry *e;
		uint64_t val;

		if (num_parse_u64(map.e[i].val, &val) < 0)
			continue;
		e = spec_message_new(&porto__tuint_map__tuint_map_entry__descriptor);
		e->key = xstrdup(map.e[i].key);
		e->has_val = true;
		e->val = val;
		spec_append(&m->map, &m->n_map, e);
	}
	return &m->base;
}

const struct spec_codec spec_codec_uint_map = {
	.type = &porto__tuint_map__descriptor,
	.load = load_uint_map,
	.dump = dump_uint_map,
};

/* Fields are keys of the map. */
static ProtobufCMessage *dump_vmstat(const struct prop *p, const struct prop_ctx *ctx)
{
	const ProtobufCMessageDescriptor *d = &porto__tvm_stat__descriptor;
	auto_smap map = SMAP_INIT;
	ProtobufCMessage *m;

	if (read_shown_map(p, ctx, &map))
		return NULL;
	m = spec_message_new(d);
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		const char *text = smap_get(&map, f->name);
		uint64_t *val = spec_member(m, f);

		if (text && num_parse_u64(text, val) == 0)
			*(protobuf_c_boolean *)((char *)m + f->quantifier_offset) = true;
	}
	return m;
}

const struct spec_codec spec_codec_vmstat = {
	.type = &porto__tvm_stat__descriptor,
	.dump = dump_vmstat,
};

/* ---- environment: the property's field is a map, NULL = unset ---- */

/*
 * What dump_secret() told comes back: it stands for the value it was made of. Where there is no
 * such value the client wants what it does not have.
 */
static int load_mask(const Porto__TContainerEnvVar *v, const struct smap *old, struct smap *env,
		     struct error *err)
{
	const char *value = smap_get(old, v->name);

	if (!value || !v->salt || !secret_matches(value, v->salt, v->hash))
		return error_set(err, ERR_INVALID_VALUE,
				 "the hash of variable '%.100s' is not the one of its value",
				 v->name);
	smap_set(env, v->name, value);
	return 0;
}

static int load_var(const struct prop *p, const Porto__TContainerEnvVar *v, const struct smap *old,
		    struct smap *env, struct error *err)
{
	bool unset = (v->has_unset && v->unset) || !v->value;

	if (str_is_empty(v->name))
		return error_set(err, ERR_INVALID_VALUE, "a variable has no name");
	if (strchr(v->name, '='))
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no name of a variable",
				 v->name);
	if (v->hash)
		return p->flags & PROP_SECRET ? load_mask(v, old, env, err) : 0;
	smap_set(env, v->name, unset ? NULL : v->value);
	return 0;
}

static int load_env(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
		    struct error *err)
{
	struct smap *env = spec_field_ptr(p, ctx);
	const Porto__TContainerEnv *m = arg;
	auto_smap old = SMAP_INIT;

	smap_copy(&old, env);
	if (!m->has_merge || !m->merge)
		smap_deinit(env);
	for (size_t i = 0; i < m->n_var; i++) {
		if (load_var(p, m->var[i], &old, env, err))
			return -1;
	}
	return 0;
}

static Porto__TContainerEnvVar *add_var(Porto__TContainerEnv *m, const char *name)
{
	Porto__TContainerEnvVar *v = spec_message_new(&porto__tcontainer_env_var__descriptor);

	v->name = xstrdup(name);
	spec_append(&m->var, &m->n_var, v);
	return v;
}

static void dump_var(Porto__TContainerEnv *m, const struct prop_ctx *ctx, const char *name,
		     const char *value, bool secret)
{
	Porto__TContainerEnvVar *v = add_var(m, name);
	struct secret_mask mask;

	v->value = xstrdup(secret ? SECRET_TEXT : value);
	if (!secret)
		return;
	secret_mask(ctx, value, &mask);
	if (mask.salt[0]) {
		v->salt = xstrdup(mask.salt);
		v->hash = xstrdup(mask.hash);
	}
}

/* Everything the command sees, not only what was set here; and what was unset here. */
static ProtobufCMessage *dump_env(const struct prop *p, const struct prop_ctx *ctx)
{
	Porto__TContainerEnv *m = spec_message_new(&porto__tcontainer_env__descriptor);
	_cleanup_(env_view_deinit) struct env_view view = ENV_VIEW_INIT;
	const struct smap *own = spec_field_ptr(p, ctx);
	bool hidden = p->flags & PROP_SECRET;

	if (!hidden)
		env_view(ctx, &view);
	for (size_t i = 0; i < view.vars.n; i++) {
		const struct smap_entry *e = &view.vars.e[i];

		if (e->val)
			dump_var(m, ctx, e->key, e->val, smap_find(&view.secret, e->key));
	}
	for (size_t i = 0; hidden && i < own->n; i++)
		if (own->e[i].val)
			dump_var(m, ctx, own->e[i].key, own->e[i].val, true);
	for (size_t i = 0; i < own->n; i++) {
		Porto__TContainerEnvVar *v = own->e[i].val ? NULL : add_var(m, own->e[i].key);

		if (v)
			v->has_unset = v->unset = true;
	}
	return &m->base;
}

const struct spec_codec spec_codec_env = {
	.type = &porto__tcontainer_env__descriptor,
	.load = load_env,
	.dump = dump_env,
};

/* ---- resource limits ---- */

static int load_ulimit(const struct prop *p, const struct prop_ctx *ctx,
		       const Porto__TContainerUlimit *u, struct error *err)
{
	bool unlimited = u->has_unlimited && u->unlimited;
	char soft[24] = "unlimited", hard[24] = "unlimited", text[56];

	if (str_is_empty(u->type))
		return error_set(err, ERR_INVALID_VALUE, "a limit has no type");
	/* Told, but not the container's own. */
	if (u->has_inherited && u->inherited)
		return 0;
	if (u->has_soft && !unlimited)
		snprintf(soft, sizeof(soft), "%" PRIu64, u->soft);
	if (u->has_hard && !unlimited)
		snprintf(hard, sizeof(hard), "%" PRIu64, u->hard);
	snprintf(text, sizeof(text), "%s %s", soft, hard);
	return prop_parse(p, ctx, u->type, text, err);
}

static int load_ulimits(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
			struct error *err)
{
	const Porto__TContainerUlimits *m = arg;

	if ((!m->has_merge || !m->merge) && prop_parse(p, ctx, NULL, "", err))
		return -1;
	for (size_t i = 0; i < m->n_ulimit; i++) {
		if (load_ulimit(p, ctx, m->ulimit[i], err))
			return -1;
	}
	return 0;
}

static Porto__TContainerUlimit *new_ulimit(const struct rlimit_entry *e, bool inherited)
{
	Porto__TContainerUlimit *u = spec_message_new(&porto__tcontainer_ulimit__descriptor);

	u->type = xstrdup(rlimit_name(e->resource));
	u->has_soft = e->lim.rlim_cur != RLIM_INFINITY;
	u->has_hard = e->lim.rlim_max != RLIM_INFINITY;
	u->soft = u->has_soft ? e->lim.rlim_cur : 0;
	u->hard = u->has_hard ? e->lim.rlim_max : 0;
	u->has_unlimited = u->unlimited = !u->has_soft && !u->has_hard;
	u->has_inherited = u->inherited = inherited;
	return u;
}

/* The limits in force. */
static ProtobufCMessage *dump_ulimits(const struct prop *p, const struct prop_ctx *ctx)
{
	Porto__TContainerUlimits *m = spec_message_new(&porto__tcontainer_ulimits__descriptor);
	const struct smap *own = spec_field_ptr(p, ctx);
	struct rlimit_entry *limits;
	size_t n;

	ulimit_effective(ctx->ct, ctx->env, &limits, &n);
	for (size_t i = 0; i < n; i++)
		spec_append(&m->ulimit, &m->n_ulimit,
			    new_ulimit(&limits[i],
				       !smap_find(own, rlimit_name(limits[i].resource))));
	free(limits);
	return &m->base;
}

const struct spec_codec spec_codec_ulimits = {
	.type = &porto__tcontainer_ulimits__descriptor,
	.load = load_ulimits,
	.dump = dump_ulimits,
};
