/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spec is set as a whole or changes nothing; and what is told of a container can be set in it
 * again and tells the same.
 */
#include <string.h>

#include "base/xalloc.h"
#include "fuzz.h"
#include "model/tree.h"
#include "props/spec.h"

static const struct prop_env env = {
	.ncpu = 4,
	.memory_total = 8ULL << 30,
	.workdir_base = "/place/porto",
	.stdout_limit_default = 8 << 20,
	.stdout_limit_max = 1 << 30,
	.stdout_read_max = 16 << 20,
	.min_memory_limit = 1 << 20,
	.respawn_delay_default = 1000000000,
	.aging_time_default = 86400,
	.thread_limit_default = 10000,
	.cpu_period_default = 100000000,
	.default_ulimit = "core: 0 unlimited; nofile: 8K 1M",
};

static void save_all(const struct container *ct, struct smap *ret)
{
	smap_deinit(ret);
	for (size_t row = 0; row < prop_count(); row++) {
		auto_free char *text = prop_save(ct, prop_at(row));

		smap_set(ret, prop_at(row)->name, text);
	}
}

static int load(const struct prop_ctx *ctx, const Porto__TContainerSpec *spec)
{
	struct prop_txn txn = PROP_TXN_INIT;
	struct error err = ERROR_INIT;
	int r = spec_load(ctx, spec, &txn, &err);

	FUZZ_CHECK(r == 0 || (txn.n == 0 && err.code && err.text[0]));
	prop_txn_deinit(&txn);
	return r;
}

/* What can be set; of secrets only what `env` tells. */
static Porto__TContainer *tell(const struct prop_ctx *ctx)
{
	Porto__TContainer *m = spec_container_new();
	struct spec_field f;

	for (size_t row = 0; row < prop_count(); row++) {
		const struct prop *p = prop_at(row);

		if (!(p->flags & (PROP_READONLY | PROP_SECRET)) && spec_field_of(p, &f))
			spec_dump(ctx, &f, m);
	}
	return m;
}

/* Another one each time. */
static void forget_salts(Porto__TContainer *m)
{
	Porto__TContainerEnv *e = m->spec->env;

	for (size_t i = 0; e && i < e->n_var; i++) {
		str_set(&e->var[i]->salt, NULL);
		str_set(&e->var[i]->hash, NULL);
	}
}

static bool equal(const Porto__TContainer *a, const Porto__TContainer *b)
{
	size_t n = porto__tcontainer__get_packed_size(a);
	auto_free uint8_t *x = xmalloc(n + 1), *y = xmalloc(n + 1);

	if (n != porto__tcontainer__get_packed_size(b))
		return false;
	porto__tcontainer__pack(a, x);
	porto__tcontainer__pack(b, y);
	return !memcmp(x, y, n);
}

static void there_and_back(const struct prop_ctx *ctx)
{
	Porto__TContainer *first = tell(ctx), *second, *third;

	/* What is inherited or a default becomes its own: from then on nothing may change. */
	FUZZ_CHECK(load(ctx, first->spec) == 0);
	second = tell(ctx);
	FUZZ_CHECK(load(ctx, second->spec) == 0);
	third = tell(ctx);
	forget_salts(second);
	forget_salts(third);
	FUZZ_CHECK(equal(second, third));
	porto__tcontainer__free_unpacked(first, NULL);
	porto__tcontainer__free_unpacked(second, NULL);
	porto__tcontainer__free_unpacked(third, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Porto__TContainerSpec *spec = porto__tcontainer_spec__unpack(NULL, size, data);
	auto_smap before = SMAP_INIT, after = SMAP_INIT;
	struct tree *tree = tree_new();
	struct client *client = client_new(tree_root(tree));
	struct prop_env mine = env;
	struct prop_ctx ctx = { .env = &mine, .client = client };
	struct error err = ERROR_INIT;

	mine.tree = tree;
	client->access = ACCESS_SUPERUSER;
	client->cred.uid = client->cred.gid = 0;
	prop_init_spec(&mine, tree_root(tree));
	FUZZ_CHECK(tree_add(tree, "a", 0, &ctx.ct, &err) == 0);
	prop_init_spec(&mine, ctx.ct);
	ctx.ct->spec.owner_cred.uid = ctx.ct->spec.owner_cred.gid = 0;
	ctx.ct->spec.task_cred.uid = ctx.ct->spec.task_cred.gid = 0;

	save_all(ctx.ct, &before);
	if (spec && load(&ctx, spec)) {
		save_all(ctx.ct, &after);
		FUZZ_CHECK(smap_eq(&before, &after));
	} else if (spec) {
		there_and_back(&ctx);
	}
	if (spec)
		porto__tcontainer_spec__free_unpacked(spec, NULL);
	client_free(client);
	tree_free(tree);
	return 0;
}
