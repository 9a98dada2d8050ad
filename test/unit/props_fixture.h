/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of containers in memory with a superuser on the host, for the tests of props/. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_cgroup.h"
#include "model/tree.h"
#include "props/prop.h"

#define NOBODY 65534

struct props_fixture {
	struct prop_env env;
	struct tree *tree;
	struct container *root, *a, *ab; /* "", "a", "a/b" */
	struct client *su, *user;        /* on the host; uid 0 and uid 65534 */
	struct prop_ctx ctx;             /* superuser on "a" */
	struct prop_txn txn;
	struct error err;
	struct buf out;
	struct smap seccomp; /* profiles of the configuration: "known" */
	struct fake fake;
	bool have_fake;
};

static inline struct container *fx_add(struct props_fixture *f, const char *name, uid_t owner)
{
	struct container *ct;

	assert_int_equal(tree_add(f->tree, name, 0, &ct, &f->err), 0);
	prop_init_spec(&f->env, ct);
	ct->spec.owner_cred.uid = ct->spec.task_cred.uid = owner;
	ct->spec.owner_cred.gid = ct->spec.task_cred.gid = owner;
	return ct;
}

static inline void fx_init_on(struct props_fixture *f, struct cgroup_host *host)
{
	f->env = (struct prop_env){
		.cgroups = host,
		.ncpu = 4,
		.memory_total = 8ULL << 30,
		.workdir_base = "/place/porto",
		.stdout_limit_default = 8 << 20,
		.stdout_limit_max = 1 << 30,
		.stdout_read_max = 16 << 20,
		.min_memory_limit = 1 << 20,
		.memlock_minimal = 8 << 20,
		.memlock_margin = 16 << 20,
		.respawn_delay_default = 1000000000,
		.aging_time_default = 86400,
		.thread_limit_default = 10000,
		.cpu_period_default = 100000000,
		.enable_fuse = true,
		.default_ulimit = "core: 0 unlimited; nofile: 8K 1M",
		.core_enabled = true,
	};
	smap_set(&f->seccomp, "known",
		 "rules { syscall: \"mkdir\" action { action: Errno value: 1 } }");
	f->env.seccomp = &f->seccomp;
	f->tree = tree_new();
	f->env.tree = f->tree;
	f->root = tree_root(f->tree);
	prop_init_spec(&f->env, f->root);
	f->a = fx_add(f, "a", 0);
	f->ab = fx_add(f, "a/b", 0);
	f->su = client_new(f->root);
	f->su->access = ACCESS_SUPERUSER;
	f->su->cred.uid = f->su->cred.gid = 0;
	f->user = client_new(f->root);
	f->user->access = ACCESS_NORMAL;
	f->user->cred.uid = f->user->cred.gid = NOBODY;
	f->ctx = (struct prop_ctx){ .env = &f->env, .client = f->su, .ct = f->a };
}

static inline int fx_setup(void **state)
{
	struct props_fixture *f = xnew(struct props_fixture);

	fx_init_on(f, NULL);
	*state = f;
	return 0;
}

/* With the groups of a v1 host whose controllers are separate. */
static inline int fx_setup_v1(void **state)
{
	struct props_fixture *f = xnew(struct props_fixture);

	fake_init(&f->fake);
	fake_v1_separate(&f->fake);
	fake_probe_ok(&f->fake, "porto");
	f->have_fake = true;
	fx_init_on(f, f->fake.host);
	*state = f;
	return 0;
}

static inline int fx_teardown(void **state)
{
	struct props_fixture *f = *state;

	prop_txn_deinit(&f->txn);
	buf_deinit(&f->out);
	smap_deinit(&f->seccomp);
	client_free(f->su);
	client_free(f->user);
	tree_free(f->tree);
	if (f->have_fake)
		fake_deinit(&f->fake);
	free(f);
	return 0;
}

static inline int fx_try_set(struct props_fixture *f, const char *name, const char *value)
{
	error_clear(&f->err);
	return prop_set(&f->ctx, name, value, &f->txn, &f->err) ? f->err.code : 0;
}

static inline void fx_set(struct props_fixture *f, const char *name, const char *value)
{
	if (fx_try_set(f, name, value))
		fail_msg("%s = %s: %s", name, value, f->err.text);
}

static inline int fx_try_get(struct props_fixture *f, const char *name)
{
	error_clear(&f->err);
	buf_reset(&f->out);
	return prop_get(&f->ctx, name, &f->out, &f->err) ? f->err.code : 0;
}

static inline const char *fx_get(struct props_fixture *f, const char *name)
{
	if (fx_try_get(f, name))
		fail_msg("%s: %s", name, f->err.text);
	return buf_str(&f->out);
}

#define assert_get(f, name, value)      assert_string_equal(fx_get(f, name), value)
#define assert_no_get(f, name, code)    assert_int_equal(fx_try_get(f, name), code)
#define assert_no_set(f, name, v, code) assert_int_equal(fx_try_set(f, name, v), code)

/* The shortest legal way from any state. */
static inline void fx_state(struct container *ct, enum container_state state)
{
	ct->state = state;
}
