/* SPDX-License-Identifier: Apache-2.0 */
#include "props/env.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/xalloc.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The container's own values win over defaults, those of containers above only fill gaps. An
 * entry without value counts as there: it hides what would be inherited. */
static void add_own(struct smap *env, const struct container *ct)
{
	for (size_t i = 0; i < ct->spec.env.n; i++)
		smap_set(env, ct->spec.env.e[i].key, ct->spec.env.e[i].val);
}

static void add_inherited(struct smap *env, const struct container *ct)
{
	while (ct && !ct->spec.isolate) {
		ct = ct->parent;
		for (size_t i = 0; ct && i < ct->spec.env.n; i++) {
			const struct smap_entry *e = &ct->spec.env.e[i];

			if (!smap_find(env, e->key))
				smap_set(env, e->key, e->val);
		}
	}
}

/* Nobody can change these: they are set last. */
static void add_locked(struct smap *env, const struct container *ct, const char *hostname)
{
	auto_free char *owner = cred_user_name(ct->spec.owner_cred.uid);

	smap_set(env, "PORTO_NAME", ct->name);
	smap_set(env, "PORTO_HOST", hostname);
	smap_set(env, "PORTO_USER", owner);
}

static void build(const struct container *ct, const struct smap *extra, const char *hostname,
		  const char *cwd, struct smap *env)
{
	auto_free char *user = cred_user_name(container_task_uid(ct));

	smap_set(env, "PATH", DEFAULT_PATH);
	smap_set(env, "HOME", cwd);
	smap_set(env, "USER", user);
	smap_set(env, "container", "lxc");
	for (size_t i = 0; extra && i < extra->n; i++)
		smap_set(env, extra->e[i].key, extra->e[i].val);
	add_own(env, ct);
	add_inherited(env, ct);
	add_locked(env, ct, hostname);
}

void env_build(const struct container *ct, const struct smap *extra, const char *hostname,
	       const char *cwd, struct strv *ret)
{
	auto_smap env = SMAP_INIT;

	build(ct, extra, hostname, cwd, &env);
	for (size_t i = 0; i < env.n; i++) {
		if (env.e[i].val)
			strv_add_take(ret, xasprintf("%s=%s", env.e[i].key, env.e[i].val));
	}
}

char *env_lookup(const struct prop_ctx *ctx, const char *name)
{
	auto_free char *cwd = container_cwd(ctx->ct, ctx->env->workdir_base);
	char hostname[HOST_NAME_MAX + 1] = "";
	auto_smap env = SMAP_INIT;

	gethostname(hostname, sizeof(hostname) - 1);
	build(ctx->ct, ctx->env->extra_env, hostname, cwd, &env);
	return xstrdup(smap_get(&env, name));
}
