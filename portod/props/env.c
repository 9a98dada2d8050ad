/* SPDX-License-Identifier: Apache-2.0 */
#include "props/env.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/xalloc.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void put(struct env_view *v, const char *name, const char *value, bool secret)
{
	smap_set(&v->vars, name, value);
	if (secret)
		smap_set(&v->secret, name, "");
	else
		smap_del(&v->secret, name);
}

/* The container's own values win over defaults, those of containers above only fill gaps. An
 * entry without value counts as there: it hides what would be inherited. */
static void add_own(struct env_view *v, const struct smap *own, bool secret)
{
	for (size_t i = 0; i < own->n; i++)
		put(v, own->e[i].key, own->e[i].val, secret);
}

static void fill_gaps(struct env_view *v, const struct smap *from, bool secret)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct smap_entry *e = &from->e[i];

		if (!smap_find(&v->vars, e->key))
			put(v, e->key, e->val, secret);
	}
}

static void add_inherited(struct env_view *v, const struct container *ct)
{
	while (ct && !ct->spec.isolate) {
		ct = ct->parent;
		if (!ct)
			return;
		fill_gaps(v, &ct->spec.env_secret, true);
		fill_gaps(v, &ct->spec.env, false);
	}
}

/* Nobody can change these: they are set last. */
static void add_locked(struct env_view *v, const struct container *ct, const char *hostname)
{
	auto_free char *owner = cred_user_name(ct->spec.owner_cred.uid);

	put(v, "PORTO_NAME", ct->name, false);
	put(v, "PORTO_HOST", hostname, false);
	put(v, "PORTO_USER", owner, false);
}

static void build(const struct container *ct, const struct smap *extra, const char *hostname,
		  const char *cwd, struct env_view *v)
{
	auto_free char *user = cred_user_name(container_task_uid(ct));

	smap_set(&v->vars, "PATH", DEFAULT_PATH);
	smap_set(&v->vars, "HOME", cwd);
	smap_set(&v->vars, "USER", user);
	smap_set(&v->vars, "container", "lxc");
	for (size_t i = 0; extra && i < extra->n; i++)
		smap_set(&v->vars, extra->e[i].key, extra->e[i].val);
	add_own(v, &ct->spec.env, false);
	add_own(v, &ct->spec.env_secret, true);
	add_inherited(v, ct);
	add_locked(v, ct, hostname);
}

void env_view_deinit(struct env_view *v)
{
	smap_deinit(&v->vars);
	smap_deinit(&v->secret);
}

bool env_build(const struct container *ct, const struct smap *extra, const char *hostname,
	       const char *cwd, struct strv *ret)
{
	_cleanup_(env_view_deinit) struct env_view v = ENV_VIEW_INIT;

	build(ct, extra, hostname, cwd, &v);
	for (size_t i = 0; i < v.vars.n; i++) {
		const struct smap_entry *e = &v.vars.e[i];

		if (e->val)
			strv_add_take(ret, xasprintf("%s=%s", e->key, e->val));
	}
	return v.secret.n > 0;
}

void env_view(const struct prop_ctx *ctx, struct env_view *ret)
{
	auto_free char *cwd = container_cwd(ctx->ct, ctx->env->workdir_base);
	char hostname[HOST_NAME_MAX + 1] = "";

	gethostname(hostname, sizeof(hostname) - 1);
	build(ctx->ct, ctx->env->extra_env, hostname, cwd, ret);
}

char *env_lookup(const struct prop_ctx *ctx, const char *name, bool *ret_secret)
{
	_cleanup_(env_view_deinit) struct env_view v = ENV_VIEW_INIT;

	env_view(ctx, &v);
	*ret_secret = smap_find(&v.secret, name) != NULL;
	return xstrdup(smap_get(&v.vars, name));
}
