/* SPDX-License-Identifier: Apache-2.0 */
/* Guarantees of memory over the tree of containers, on a unified host. */
#include "props_fixture.h"

#include "kernel/procfs.h"
#include "ops/memory.h"
#include "ops/settings.h"

#define GIB (1ULL << 30)

struct memory_fixture {
	struct props_fixture *fx;
	struct ops_config config;
	struct ops ops;
};

static int setup(void **state)
{
	static const char *const files[] = { "memory.low", "memory.oom.group", "cpu.idle" };
	struct memory_fixture *f = xnew(struct memory_fixture);
	struct props_fixture *fx = f->fx = xnew(struct props_fixture);

	fake_init(&fx->fake);
	fake_v2(&fx->fake, "porto");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		auto_free char *path = xasprintf("cg/porto/%s", files[i]);

		fake_put(&fx->fake, path, "");
	}
	fake_probe_ok(&fx->fake, "porto");
	fx->have_fake = true;
	fx_init_on(fx, fx->fake.host);
	fx->env.memory_guarantee_reserve = 2 * GIB;
	f->config.cpu_limit_scale = 1;
	f->ops = (struct ops){
		.config = &f->config, .tree = fx->tree, .cgroups = fx->fake.host, .env = &fx->env
	};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct memory_fixture *f = *state;

	fx_teardown((void **)&f->fx);
	free(f);
	return 0;
}

static void guarantee(struct memory_fixture *f, struct container *ct, const char *value)
{
	f->fx->ctx.ct = ct;
	fx_set(f->fx, "memory_guarantee", value);
}

/* The files of a fake tree are not cut when something shorter is written. */
static void reset_files(struct memory_fixture *f)
{
	static const char *const files[] = { "cg/porto/memory.low", "cg/porto/a/memory.low",
					     "cg/porto/a/%leaf/memory.low",
					     "cg/porto/a/b/memory.low",
					     "cg/porto/a/b/%leaf/memory.low" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		fake_put(&f->fx->fake, files[i], "");
}

static void run(struct memory_fixture *f, struct container *ct, enum container_state state)
{
	ct->state = state;
	guarantee_update(&f->ops, ct);
}

static void those_above_give_it_too(void **state)
{
	struct memory_fixture *f = *state;
	struct fake *fake = &f->fx->fake;
	struct container *a = f->fx->a, *ab = f->fx->ab;

	guarantee(f, ab, "3G");
	guarantee(f, a, "1G");
	assert_int_equal(container_memory_guarantee_total(a, NULL), 0);
	reset_files(f);
	run(f, a, STATE_META);
	fake_assert(fake, "cg/porto/a/memory.low", "1073741824");
	fake_assert(fake, "cg/porto/memory.low", "1073741824");
	/* the group of one that starts is the starter's */
	reset_files(f);
	run(f, ab, STATE_STARTING);
	fake_assert(fake, "cg/porto/a/b/memory.low", "");
	fake_assert(fake, "cg/porto/a/memory.low", "3221225472");
	fake_assert(fake, "cg/porto/memory.low", "3221225472");
	assert_int_equal(container_memory_guarantee_total(a, NULL), 3 * GIB);
	/* nothing changes, nothing is written */
	reset_files(f);
	run(f, ab, STATE_RUNNING);
	fake_assert(fake, "cg/porto/memory.low", "");
	run(f, ab, STATE_DEAD);
	fake_assert(fake, "cg/porto/memory.low", "");
	/* back to the parent's own */
	run(f, ab, STATE_STOPPED);
	fake_assert(fake, "cg/porto/a/b/memory.low", "");
	fake_assert(fake, "cg/porto/a/memory.low", "1073741824");
	reset_files(f);
	run(f, a, STATE_STOPPED);
	fake_assert(fake, "cg/porto/memory.low", "0");
	assert_int_equal(f->fx->root->memory_low, 0);
}

static int admit(struct memory_fixture *f, const struct client *client, const struct container *ct)
{
	error_clear(&f->fx->err);
	return guarantee_admit(&f->ops, client, ct, &f->fx->err) ? f->fx->err.code : 0;
}

/* 8 GiB of RAM, 2 of them reserved; huge pages of the machine this runs on count, too. */
static void all_must_fit(void **state)
{
	struct memory_fixture *f = *state;
	struct props_fixture *fx = f->fx;
	struct container *x = fx_add(fx, "x", 0);

	reset_files(f);
	fake_put(&fx->fake, "cg/porto/x/memory.low", "");
	fx->env.memory_total += procfs_huge_pages();
	guarantee(f, fx->a, "6G");
	assert_int_equal(admit(f, fx->su, fx->a), 0);
	guarantee(f, fx->a, "6145M");
	assert_int_equal(admit(f, fx->su, fx->a), ERR_RESOURCE_NOT_AVAILABLE);
	assert_non_null(strstr(fx->err.text, "memory_guarantee"));
	assert_non_null(strstr(fx->err.text, "6443499520"));
	assert_int_equal(f->ops.stats.guarantee_refused, 1);
	guarantee(f, fx->a, "4G");
	run(f, fx->a, STATE_RUNNING);
	guarantee(f, x, "3G");
	assert_int_equal(admit(f, fx->su, x), ERR_RESOURCE_NOT_AVAILABLE);
	guarantee(f, x, "2G");
	assert_int_equal(admit(f, fx->su, x), 0);
	run(f, x, STATE_RUNNING);
	/* one that runs: more is too much, less is always good */
	guarantee(f, x, "2G");
	fx->env.memory_guarantee_reserve = 4 * GIB;
	assert_int_equal(admit(f, fx->su, x), 0);
	guarantee(f, x, "3G");
	assert_int_equal(admit(f, fx->su, x), ERR_RESOURCE_NOT_AVAILABLE);
	guarantee(f, x, "1G");
	assert_int_equal(admit(f, fx->su, x), 0);
	/* nothing is asked for: a nested one and a superuser may start all the same */
	guarantee(f, fx->ab, "0");
	assert_int_equal(admit(f, fx->user, fx->ab), 0);
	run(f, fx->a, STATE_STOPPED);
	fx->env.memory_guarantee_reserve = 8 * GIB;
	guarantee(f, fx->a, "0");
	assert_int_equal(admit(f, fx->su, fx->a), 0);
	assert_int_equal(admit(f, fx->user, fx->a), ERR_RESOURCE_NOT_AVAILABLE);
	/* a sum that overflows */
	guarantee(f, fx->a, "15E");
	assert_int_equal(admit(f, fx->su, fx->a), ERR_RESOURCE_NOT_AVAILABLE);
}

static void what_a_restart_finds(void **state)
{
	struct memory_fixture *f = *state;
	struct container *all[] = { f->fx->a, f->fx->ab };

	guarantee(f, f->fx->ab, "3G");
	f->fx->a->state = STATE_META;
	f->fx->ab->state = STATE_RUNNING;
	guarantee_adopt(&f->ops, all, 2);
	assert_int_equal(f->fx->a->memory_low, 3 * GIB);
	assert_int_equal(f->fx->root->memory_low, 3 * GIB);
}

/* ---- what a start writes ---- */

static const struct cgroup_setting *find(const struct settings *s, enum cgroup_knob knob)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].knob == knob)
			return &s->v[i];
	return NULL;
}

static void settings_of(struct memory_fixture *f, bool fresh, struct settings *s)
{
	settings_deinit(s);
	for (int group = APPLY_NONE + 1; group < _APPLY_COUNT; group++)
		settings_add_group(&f->ops, f->fx->a, (enum apply_group)group, fresh, s);
}

static void a_plain_container_writes_nothing(void **state)
{
	struct memory_fixture *f = *state;
	_cleanup_(settings_deinit) struct settings s = { 0 };

	settings_of(f, true, &s);
	assert_int_equal(s.n, 1); /* the limit of threads of the first level */
	assert_non_null(find(&s, CGROUP_KNOB_THREAD_LIMIT));
	settings_of(f, false, &s);
	assert_true(s.n > 3);
}

static void limits_in_settings(void **state)
{
	struct memory_fixture *f = *state;
	_cleanup_(settings_deinit) struct settings s = { 0 };
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	f->fx->ctx.ct = f->fx->a;
	fx_set(f->fx, "memory_limit", "1G");
	settings_of(f, true, &s);
	assert_int_equal(find(&s, CGROUP_KNOB_MEMORY_LIMIT)->value, GIB);
	assert_int_equal(find(&s, CGROUP_KNOB_MEMORY_LIMIT)->arg2, 4 * 64 * page);
	assert_int_equal(find(&s, CGROUP_KNOB_OOM_GROUP)->value, 1);
	/* the margin follows the cores */
	fx_set(f->fx, "cpu_limit", "2.5c");
	settings_of(f, true, &s);
	assert_int_equal(find(&s, CGROUP_KNOB_MEMORY_LIMIT)->arg2, 2 * 64 * page);
	assert_int_equal(find(&s, CGROUP_KNOB_CPU_LIMIT)->value, 250000000);
	f->config.cpu_limit_scale = 2;
	settings_of(f, true, &s);
	assert_int_equal(find(&s, CGROUP_KNOB_CPU_LIMIT)->value, 500000000);
	/* a small limit has none, and who survives is not killed as a whole */
	fx_set(f->fx, "memory_limit", "32M");
	fx_set(f->fx, "oom_is_fatal", "false");
	settings_of(f, true, &s);
	assert_int_equal(find(&s, CGROUP_KNOB_MEMORY_LIMIT)->arg2, 0);
	assert_null(find(&s, CGROUP_KNOB_OOM_GROUP));
	settings_of(f, false, &s);
	assert_int_equal(find(&s, CGROUP_KNOB_OOM_GROUP)->value, 0);
	fx_set(f->fx, "memory_guarantee", "16M");
	settings_of(f, true, &s);
	assert_int_equal(find(&s, CGROUP_KNOB_MEMORY_GUARANTEE)->value, 16 << 20);
}

static void shares_in_settings(void **state)
{
	static const struct {
		const char *guarantee, *weight, *policy;
		uint64_t want; /* 1000 = a group that nobody touched */
	} cases[] = {
		{ "0", "1", "normal", 1000 },      { "0", "0.5", "normal", 500 },
		{ "0", "0.01", "normal", 10 },     { "0", "1", "high", 16000 },
		{ "0", "1", "rt", 16000 },         { "1c", "1", "normal", 16000 },
		{ "0.01c", "1", "normal", 1000 },  { "1c", "2", "normal", 32000 },
		{ "4c", "1", "normal", 64000 },    { "4c", "1", "high", 100000 },
		{ "9c", "100", "normal", 100000 }, { "1c", "2", "idle", 0 },
	};
	struct memory_fixture *f = *state;

	f->fx->ctx.ct = f->fx->a;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(settings_deinit) struct settings s = { 0 };

		fx_set(f->fx, "cpu_guarantee", cases[i].guarantee);
		fx_set(f->fx, "cpu_weight", cases[i].weight);
		fx_set(f->fx, "cpu_policy", cases[i].policy);
		settings_of(f, false, &s);
		assert_int_equal(find(&s, CGROUP_KNOB_CPU_WEIGHT)->value, cases[i].want);
		assert_null(find(&s, CGROUP_KNOB_CPU_IDLE));
	}
	/* on a large host a guarantee of all of it must still be possible */
	f->fx->env.ncpu = 50;
	{
		_cleanup_(settings_deinit) struct settings s = { 0 };

		fx_set(f->fx, "cpu_policy", "normal");
		fx_set(f->fx, "cpu_weight", "1");
		fx_set(f->fx, "cpu_guarantee", "50c");
		settings_of(f, false, &s);
		assert_int_equal(find(&s, CGROUP_KNOB_CPU_WEIGHT)->value, 100000);
		fx_set(f->fx, "cpu_guarantee", "1c");
		settings_of(f, false, &s);
		assert_int_equal(find(&s, CGROUP_KNOB_CPU_WEIGHT)->value, 2000);
	}
	/* an idle group has no weight; the state comes before one */
	f->config.sched_idle = true;
	{
		_cleanup_(settings_deinit) struct settings s = { 0 };

		settings_of(f, false, &s);
		assert_int_equal(find(&s, CGROUP_KNOB_CPU_IDLE)->value, 0);
		assert_true(find(&s, CGROUP_KNOB_CPU_IDLE) < find(&s, CGROUP_KNOB_CPU_WEIGHT));
		fx_set(f->fx, "cpu_policy", "idle");
		settings_of(f, true, &s);
		assert_int_equal(find(&s, CGROUP_KNOB_CPU_IDLE)->value, 1);
		assert_null(find(&s, CGROUP_KNOB_CPU_WEIGHT));
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(those_above_give_it_too),          T(all_must_fit),       T(what_a_restart_finds),
		T(a_plain_container_writes_nothing), T(limits_in_settings), T(shares_in_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
