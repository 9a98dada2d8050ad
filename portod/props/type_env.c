/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Value types of environments. The secret one is written like the other and never read back: what
 * is shown of a value is its mask, and no error repeats what was written.
 */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "props/env.h"
#include "props/secret.h"
#include "props/type.h"

/* What a message may say of a client's text. */
static const char *quotable(const struct prop *p, const char *text)
{
	return p->flags & PROP_SECRET ? SECRET_TEXT : text;
}

/* `N=V` or `N`. */
static int add_item(const struct prop *p, struct smap *env, const char *item, struct error *err)
{
	const char *eq = strchr(item, '=');
	auto_free char *name = NULL;

	if (!eq) {
		smap_set(env, item, NULL);
		return 0;
	}
	if (eq == item)
		return error_set(err, ERR_INVALID_VALUE, "variable '%.100s' has no name",
				 quotable(p, item));
	name = xstrndup(item, (size_t)(eq - item));
	smap_set(env, name, eq + 1);
	return 0;
}

static int from_list(const struct prop *p, struct smap *env, const struct strv *items,
		     struct error *err)
{
	smap_deinit(env);
	for (size_t i = 0; i < items->n; i++) {
		if (add_item(p, env, items->v[i], err))
			return -1;
	}
	return 0;
}

static void to_list(const struct smap *env, struct strv *ret)
{
	for (size_t i = 0; i < env->n; i++) {
		const struct smap_entry *e = &env->e[i];

		strv_add_take(ret, e->val ? xasprintf("%s=%s", e->key, e->val) : xstrdup(e->key));
	}
}

static int parse_env(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		     void *field, struct error *err)
{
	auto_strv items = STRV_INIT;

	(void)ctx;
	strv_split(&items, text, ';');
	return from_list(p, field, &items, err);
}

static void format_env(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		       struct buf *out)
{
	auto_strv items = STRV_INIT;
	auto_free char *text = NULL;

	(void)p, (void)ctx;
	to_list(field, &items);
	text = strv_join(&items, ';');
	buf_adds(out, text);
}

static char *save_env(const struct prop *p, const void *field)
{
	auto_strv items = STRV_INIT;

	(void)p;
	to_list(field, &items);
	return type_save_strv(&items);
}

static int load_env(const struct prop *p, const char *text, void *field, struct error *err)
{
	auto_strv items = STRV_INIT;

	type_load_strv(&items, text);
	return from_list(p, field, &items, err);
}

static int not_defined(const char *name, struct error *err)
{
	return error_set(err, ERR_INVALID_VALUE, "variable '%.100s' is not defined", name);
}

static int get_env_index(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			 const char *index, struct buf *out, struct error *err)
{
	bool secret;
	auto_free char *value = env_lookup(ctx, index, &secret);

	(void)p, (void)field;
	if (!value)
		return not_defined(index, err);
	if (secret)
		secret_format(ctx, value, out);
	else
		buf_adds(out, value);
	return 0;
}

static int set_env_index(const struct prop *p, const struct prop_ctx *ctx, void *field,
			 const char *index, const char *value, struct error *err)
{
	(void)ctx;
	if (strchr(index, '='))
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no name of a variable",
				 quotable(p, index));
	smap_set(field, index, value);
	return 0;
}

const struct prop_type type_env = {
	.name = "environment",
	.parse = parse_env,
	.format = format_env,
	.save = save_env,
	.load = load_env,
	.get_index = get_env_index,
	.set_index = set_env_index,
};

static void format_secret(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			  struct buf *out)
{
	const struct smap *env = field;
	auto_strv items = STRV_INIT;
	auto_free char *text = NULL;

	(void)p;
	for (size_t i = 0; i < env->n; i++) {
		auto_buf item = BUF_INIT;

		buf_adds(&item, env->e[i].key);
		if (env->e[i].val) {
			buf_addc(&item, '=');
			secret_format(ctx, env->e[i].val, &item);
		}
		strv_add(&items, buf_str(&item));
	}
	text = strv_join(&items, ';');
	buf_adds(out, text);
}

static int get_secret_index(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			    const char *index, struct buf *out, struct error *err)
{
	const char *value = smap_get(field, index);

	(void)p;
	if (!value)
		return not_defined(index, err);
	secret_format(ctx, value, out);
	return 0;
}

const struct prop_type type_env_secret = {
	.name = "environment",
	.parse = parse_env,
	.format = format_secret,
	.save = save_env,
	.load = load_env,
	.get_index = get_secret_index,
	.set_index = set_env_index,
};
