/* SPDX-License-Identifier: Apache-2.0 */
/* Processors: the text of cpu_set, who inherits what, and how jails spread. */
#include "props_fixture.h"

#include "props/jail.h"

/* 8 processors: nodes 0-3 and 4-7; 0 and 1, 2 and 3, … share a core. */
static void make_topology(struct topology *t)
{
	*t = (struct topology){ .nnodes = 2 };
	t->nodes = xnew_array(struct cpumask, 2);
	t->core = xnew_array(uint16_t, CPUMASK_BITS);
	cpumask_parse(&t->online, "0-7");
	cpumask_parse(&t->nodes[0], "0-3");
	cpumask_parse(&t->nodes[1], "4-7");
	cpumask_parse(&t->firsts, "0,2,4,6");
	for (unsigned cpu = 0; cpu < CPUMASK_BITS; cpu++)
		t->core[cpu] = (uint16_t)(cpu & ~1u);
}

struct jail_fixture {
	struct props_fixture *fx;
	struct topology topology;
};

static int setup(void **state)
{
	struct jail_fixture *f = xnew(struct jail_fixture);

	assert_int_equal(fx_setup((void **)&f->fx), 0);
	make_topology(&f->topology);
	f->fx->env.topology = &f->topology;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct jail_fixture *f = *state;

	fx_teardown((void **)&f->fx);
	topology_deinit(&f->topology);
	free(f);
	return 0;
}

static void assert_mask(const struct cpumask *m, const char *text)
{
	auto_free char *is = cpumask_format(m);

	assert_string_equal(is, text);
}

static void choose(struct jail_fixture *f, struct jail_usage *usage, const char *allowed,
		   unsigned n, const char *want)
{
	struct cpumask from, got;

	assert_int_equal(cpumask_parse(&from, allowed), 0);
	assert_int_equal(jail_choose(&f->topology, usage, &from, n, &got), 0);
	assert_mask(&got, want);
}

static void the_least_used_is_chosen(void **state)
{
	struct jail_fixture *f = *state;
	struct jail_usage *usage = xnew(struct jail_usage);
	struct cpumask m;

	/* the second goes to the other node, the third fills a core of the first */
	choose(f, usage, "0-7", 1, "0");
	choose(f, usage, "0-7", 1, "4");
	choose(f, usage, "0-7", 3, "1-2,5");
	/* whole cores within one jail, when the nodes do not matter */
	memset(usage, 0, sizeof(*usage));
	choose(f, usage, "0-3", 2, "0-1");
	choose(f, usage, "0-3", 2, "2-3");
	choose(f, usage, "0-3", 3, "0-2");
	assert_int_equal(usage->count[0], 2);
	assert_int_equal(usage->count[3], 1);
	/* the node that is used less, with the same use of each processor */
	memset(usage, 0, sizeof(*usage));
	usage->count[0] = 1;
	choose(f, usage, "0-7", 1, "4");
	cpumask_parse(&m, "4");
	jail_leave(usage, &m);
	assert_int_equal(usage->count[4], 0);
	cpumask_parse(&m, "0-1");
	assert_int_equal(jail_choose(&f->topology, usage, &m, 3, &m), -1);
	free(usage);
}

static void crowds_are_seen(void **state)
{
	struct jail_usage *usage = xnew(struct jail_usage);
	struct cpumask jail, all;

	(void)state;
	cpumask_parse(&jail, "0-1");
	cpumask_parse(&all, "0-3");
	usage->count[0] = 2;
	usage->count[1] = 1;
	assert_int_equal(jail_overload(usage, &jail, &all), 1);
	usage->count[1] = 2;
	assert_int_equal(jail_overload(usage, &jail, &all), 2);
	usage->count[2] = usage->count[3] = 1;
	assert_int_equal(jail_overload(usage, &jail, &all), 0);
	/* what it may not use does not count */
	usage->count[2] = usage->count[3] = 0;
	assert_int_equal(jail_overload(usage, &jail, &jail), 0);
	free(usage);
}

static void whoever_is_above_counts(void **state)
{
	struct jail_fixture *f = *state;
	struct props_fixture *fx = f->fx;
	struct cpumask m;

	cpu_set_target(&f->topology, fx->ab, &m);
	assert_mask(&m, "0-7");
	fx_set(fx, "cpu_set", "node 1");
	cpu_set_target(&f->topology, fx->ab, &m);
	assert_mask(&m, "4-7");
	fx->ctx.ct = fx->ab;
	fx_set(fx, "cpu_set", "2,4");
	cpu_set_target(&f->topology, fx->ab, &m);
	assert_mask(&m, "2,4");
	fx_set(fx, "cpu_set", "jail 2; node 1");
	/* not chosen yet */
	cpu_set_target(&f->topology, fx->ab, &m);
	assert_mask(&m, "4-7");
	cpu_set_jail_bounds(&f->topology, fx->ab, &m);
	assert_mask(&m, "4-7");
	cpumask_parse(&m, "5-6");
	fx->ab->jail = xmemdup(&m, sizeof(m));
	cpu_set_target(&f->topology, fx->ab, &m);
	assert_mask(&m, "5-6");
	assert_get(fx, "porto_cpu_jail_state",
		   "cpu\tjails\n0\t0\n1\t0\n2\t0\n3\t0\n4\t0\n5\t1\n6\t1\n7\t0\n");
	fx_set(fx, "cpu_set", "jail 1; node 0");
	cpu_set_jail_bounds(&f->topology, fx->ab, &m);
	assert_mask(&m, "");
}

static void texts(void **state)
{
	static const char *const bad[] = { "8",      "0-8",    "jail 9", "jail 5; node 0",
					   "node 2", "jail 0", "node",   "x" };
	struct jail_fixture *f = *state;
	struct props_fixture *fx = f->fx;

	fx_set(fx, "cpu_set", " jail 4 ;  node 1 ");
	assert_get(fx, "cpu_set", "jail 4; node 1");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_no_set(fx, "cpu_set", bad[i], ERR_INVALID_VALUE);
	assert_get(fx, "cpu_set", "jail 4; node 1");
	fx_set(fx, "cpu_set", "7,0-2,1");
	assert_get(fx, "cpu_set", "0-2,7");
}

/* What was stored is taken back although processors have gone meanwhile. */
static void stored_values_load(void **state)
{
	struct jail_fixture *f = *state;
	struct props_fixture *fx = f->fx;

	assert_int_equal(prop_load(&fx->env, fx->a, "cpu_set", "0-40", &fx->err), 0);
	assert_get(fx, "cpu_set", "0-40");
	assert_int_equal(prop_load(&fx->env, fx->a, "cpu_set", "jail 99; node 7", &fx->err), 0);
	assert_get(fx, "cpu_set", "jail 99; node 7");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_least_used_is_chosen), T(crowds_are_seen),
		T(whoever_is_above_counts),  T(texts),
		T(stored_values_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
