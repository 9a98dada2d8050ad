/* SPDX-License-Identifier: Apache-2.0 */
/* Value types of maps: resource limits, labels. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "kernel/rlimit.h"
#include "props/label.h"
#include "props/type.h"

/* ---- maps of text to text ---- */

static void format_map(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		       struct buf *out)
{
	auto_free char *text = smap_format(field);

	(void)p, (void)ctx;
	buf_adds(out, text);
}

char *type_save_map(const struct prop *p, const void *field)
{
	(void)p;
	return smap_format(field);
}

int type_load_map(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p;
	smap_deinit(field);
	if (smap_parse(field, text) < 0)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no map", text);
	return 0;
}

static int parse_pairs(const char *text, struct smap *ret, struct error *err)
{
	if (smap_parse(ret, text) < 0)
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' is not a list like 'key: value; key: value'", text);
	return 0;
}

int type_replace_map(struct smap *field, const struct smap *pairs, type_set_pair set,
		     struct error *err)
{
	smap_deinit(field);
	for (size_t i = 0; i < pairs->n; i++) {
		if (set(field, pairs->e[i].key, pairs->e[i].val, err))
			return -1;
	}
	return 0;
}

static int parse_with(const char *text, type_set_pair set, void *field, struct error *err)
{
	auto_smap pairs = SMAP_INIT;

	if (parse_pairs(text, &pairs, err))
		return -1;
	return type_replace_map(field, &pairs, set, err);
}

static int parse_map(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		     void *field, struct error *err)
{
	(void)p, (void)ctx;
	smap_deinit(field);
	return parse_pairs(text, field, err);
}

static int get_map_index(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			 const char *index, struct buf *out, struct error *err)
{
	const char *value = smap_get(field, index);

	(void)p, (void)ctx, (void)err;
	if (value)
		buf_adds(out, value);
	return 0;
}

static int set_map_index(const struct prop *p, const struct prop_ctx *ctx, void *field,
			 const char *index, const char *value, struct error *err)
{
	(void)p, (void)ctx, (void)err;
	if (*value)
		smap_set(field, index, value);
	else
		smap_del(field, index);
	return 0;
}

const struct prop_type type_map = {
	.name = "map",
	.parse = parse_map,
	.format = format_map,
	.save = type_save_map,
	.load = type_load_map,
	.get_index = get_map_index,
	.set_index = set_map_index,
};

/* ---- maps of text to number ---- */

static int set_size(struct smap *map, const char *key, const char *value, struct error *err)
{
	auto_free char *text = NULL;
	uint64_t v;

	if (num_parse_size(value, &v) < 0)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no number for '%.100s'",
				 value, key);
	text = xasprintf("%" PRIu64, v);
	smap_set(map, key, text);
	return 0;
}

static int parse_umap(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		      void *field, struct error *err)
{
	(void)p, (void)ctx;
	return parse_with(text, set_size, field, err);
}

int type_get_umap_index(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			const char *index, struct buf *out, struct error *err)
{
	const char *value = smap_get(field, index);

	(void)p, (void)ctx;
	if (!value)
		return error_set(err, ERR_INVALID_VALUE, "there is no '%.100s' in it", index);
	buf_adds(out, value);
	return 0;
}

static int set_umap_index(const struct prop *p, const struct prop_ctx *ctx, void *field,
			  const char *index, const char *value, struct error *err)
{
	(void)p, (void)ctx;
	return set_size(field, index, value, err);
}

const struct prop_type type_umap = {
	.name = "map of sizes",
	.parse = parse_umap,
	.format = format_map,
	.save = type_save_map,
	.load = type_load_map,
	.get_index = type_get_umap_index,
	.set_index = set_umap_index,
};

/* ---- resource limits ---- */

static int set_limit(struct smap *map, const char *name, const char *value, struct error *err)
{
	auto_free char *text = NULL;
	struct rlimit lim;
	int resource;

	if (rlimit_parse_name(name, &resource) < 0)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no resource limit", name);
	if (rlimit_parse_value(value, &lim) < 0)
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' is no limit for %s, 'soft [hard]' "
				 "is needed",
				 value, name);
	text = rlimit_format_value(&lim);
	smap_set(map, rlimit_name(resource), text);
	return 0;
}

static int parse_ulimit(const struct prop *p, const struct prop_ctx *ctx, const char *text,
			void *field, struct error *err)
{
	(void)p, (void)ctx;
	return parse_with(text, set_limit, field, err);
}

static int get_ulimit_index(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			    const char *index, struct buf *out, struct error *err)
{
	const char *value = smap_get(field, index);

	(void)p, (void)ctx, (void)err;
	if (value)
		buf_addf(out, "%s: %s", index, value);
	return 0;
}

static int set_ulimit_index(const struct prop *p, const struct prop_ctx *ctx, void *field,
			    const char *index, const char *value, struct error *err)
{
	(void)p, (void)ctx;
	return set_limit(field, index, value, err);
}

/* Porto ends each item, the last one, too. */
static void format_ulimit(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			  struct buf *out)
{
	const struct smap *map = field;

	format_map(p, ctx, field, out);
	if (map->n)
		buf_adds(out, "; ");
}

const struct prop_type type_ulimit = {
	.name = "resource limits",
	.parse = parse_ulimit,
	.format = format_ulimit,
	.save = type_save_map,
	.load = type_load_map,
	.get_index = get_ulimit_index,
	.set_index = set_ulimit_index,
};

/* ---- labels ---- */

static int parse_labels(const struct prop *p, const struct prop_ctx *ctx, const char *text,
			void *field, struct error *err)
{
	auto_smap pairs = SMAP_INIT;

	(void)p, (void)ctx;
	if (parse_pairs(text, &pairs, err))
		return -1;
	return label_merge(field, &pairs, err);
}

static int get_label_index(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			   const char *index, struct buf *out, struct error *err)
{
	const char *value = label_get(ctx->ct, index);

	(void)p, (void)field;
	if (!value)
		return error_set(err, ERR_LABEL_NOT_FOUND, "container '%s' has no label '%.128s'",
				 container_is_root(ctx->ct) ? "/" : ctx->ct->name, index);
	buf_adds(out, value);
	return 0;
}

static int set_label_index(const struct prop *p, const struct prop_ctx *ctx, void *field,
			   const char *index, const char *value, struct error *err)
{
	(void)p, (void)ctx;
	return label_map_set(field, index, value, err);
}

const struct prop_type type_labels = {
	.name = "labels",
	.parse = parse_labels,
	.format = format_map,
	.save = type_save_map,
	.load = type_load_map,
	.get_index = get_label_index,
	.set_index = set_label_index,
};
