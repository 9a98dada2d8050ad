/* SPDX-License-Identifier: Apache-2.0 */
/* What is stored of a container, and that it comes back; the store is in memory, the host a fake.
 * */
#include "props_fixture.h"

#include <stdio.h>

#include "loop/loop.h"
#include "ops/internal.h"

struct fixture {
	struct props_fixture fx;
	struct loop *loop;
	struct procs *procs;
	struct ops_config config;
	struct ops ops;
	char *workdirs;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	fake_init(&f->fx.fake);
	fake_v1_separate(&f->fx.fake);
	fake_probe_ok(&f->fx.fake, "porto");
	f->fx.have_fake = true;
	fx_init_on(&f->fx, f->fx.fake.host);
	f->loop = loop_new();
	f->procs = procs_new(f->loop);
	f->workdirs = xasprintf("%s/place", f->fx.fake.dir);
	f->config = (struct ops_config){ .queue_timeout_ms = 60000,
					 .max_jobs = 2,
					 .state_dir = f->fx.fake.dir,
					 .workdir_base = f->workdirs };
	f->ops.config = &f->config;
	f->ops.loop = f->loop;
	f->ops.procs = f->procs;
	f->ops.tree = f->fx.tree;
	f->ops.env = &f->fx.env;
	f->ops.cgroups = f->fx.fake.host;
	f->ops.watches = watches_new();
	list_init(&f->ops.job_queue);
	assert_int_equal(store_open(":memory:", &f->ops.store, &f->fx.err), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct props_fixture *fx = xmemdup(&f->fx, sizeof(f->fx));

	for (int i = 0; i < 3; i++)
		loop_run_once(f->loop);
	assert_int_equal(f->ops.active, 0);
	store_close(f->ops.store);
	watches_free(f->ops.watches);
	procs_free(f->procs);
	loop_free(f->loop);
	free(f->workdirs);
	free(f);
	*state = fx;
	return fx_teardown(state);
}

/* The server dies and the next one has nothing but the store. */
static void restart(struct fixture *f)
{
	struct error err = ERROR_INIT;

	client_free(f->fx.su);
	client_free(f->fx.user);
	tree_free(f->fx.tree);
	f->fx.tree = f->fx.env.tree = f->ops.tree = tree_new();
	f->fx.root = tree_root(f->fx.tree);
	prop_init_spec(&f->fx.env, f->fx.root);
	f->fx.su = client_new(f->fx.root);
	f->fx.su->access = ACCESS_SUPERUSER;
	f->fx.user = client_new(f->fx.root);
	f->fx.ctx.client = f->fx.su;
	f->fx.ctx.ct = NULL;
	if (ops_restore(&f->ops, &err))
		fail_msg("restore: %s", err.text);
}

static struct container *found(struct fixture *f, const char *name)
{
	struct container *ct = tree_find(f->fx.tree, name);

	if (!ct)
		fail_msg("%s was not restored", name);
	f->fx.ctx.ct = ct;
	return ct;
}

static void test_run_round_trip(void **state)
{
	struct fixture *f = *state;
	struct container *a = f->fx.a, copy;

	a->task = (struct task_ids){ .wait_pid = 11,
				     .main_pid = 12,
				     .main_vpid = 1,
				     .wait_starttime = UINT64_MAX,
				     .main_starttime = 14 };
	a->has_task = a->own_pid_ns = true;
	a->start = (struct moment){ 100, 200 };
	a->death = (struct moment){ 300, 400 };
	a->exit_status = -1;
	a->oom_killed = true;
	a->oom_events = 1;
	a->oom_kills = 2;
	a->oom_base = 7;
	a->oom_kills_total = 3;
	a->stream_offset[1] = UINT64_MAX;
	a->stream_offset[2] = 5;
	a->spec.respawn_count = 6;
	container_restore_state(a, STATE_DEAD);
	copy = *a;
	persist_container(&f->ops, a);
	persist_container(&f->ops, f->fx.ab);
	restart(f);

	a = found(f, "a");
	assert_int_equal(a->id, copy.id);
	assert_int_equal(a->state, STATE_DEAD);
	assert_memory_equal(&a->task, &copy.task, sizeof(a->task));
	assert_true(a->has_task && a->own_pid_ns && !a->own_mount_ns && a->oom_killed);
	assert_memory_equal(&a->creation, &copy.creation, sizeof(a->creation));
	assert_memory_equal(&a->start, &copy.start, sizeof(a->start));
	assert_memory_equal(&a->death, &copy.death, sizeof(a->death));
	assert_int_equal(a->exit_status, -1);
	assert_int_equal(a->oom_kills, 2);
	assert_int_equal(a->oom_base, 7);
	assert_int_equal(a->oom_kills_total, 3);
	assert_true(a->stream_offset[1] == UINT64_MAX);
	assert_int_equal(a->stream_offset[2], 5);
	assert_int_equal(a->spec.respawn_count, 6);
	assert_int_equal(f->ops.stats.restored, 2);
}

static void test_every_property_comes_back(void **state)
{
	static const char *const values[][2] = {
		{ "command", "sh -c 'echo \"a;b\" \\\n'" },
		{ "env", "A=1;B=x\\;y;C=" },
		{ "cwd", "/tmp" },
		{ "umask", "077" },
		{ "private", "line1\nline2\ttab" },
		{ "labels", "TEST.a:1;TEST.b:x-y" },
		{ "respawn", "true" },
		{ "max_respawns", "5" },
		{ "memory_limit", "104857600" },
		{ "ulimit", "nofile: 10 20" },
		{ "isolate", "false" },
		{ "aging_time", "77" },
	};
	struct fixture *f = *state;
	char *before[ARRAY_SIZE(values)];

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		fx_set(&f->fx, values[i][0], values[i][1]);
		before[i] = xstrdup(fx_get(&f->fx, values[i][0]));
	}
	persist_container(&f->ops, f->fx.a);
	restart(f);
	found(f, "a");
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		assert_get(&f->fx, values[i][0], before[i]);
		assert_true(container_is_set(f->fx.ctx.ct, prop_row(prop_find(values[i][0]))));
		free(before[i]);
	}
	assert_false(container_is_set(f->fx.ctx.ct, prop_row(prop_find("hostname"))));
}

static void test_one_changed_property(void **state)
{
	struct fixture *f = *state;

	persist_container(&f->ops, f->fx.a);
	fx_set(&f->fx, "private", "new");
	persist_prop(&f->ops, f->fx.a, prop_find("private"));
	restart(f);
	found(f, "a");
	assert_get(&f->fx, "private", "new");
}

static void test_start_error_comes_back(void **state)
{
	struct fixture *f = *state;
	struct error why = ERROR_INIT;

	error_set(&why, ERR_INVALID_VALUE, "exec nosuch: no such file");
	container_set_start_error(f->fx.a, &why);
	persist_container(&f->ops, f->fx.a);
	restart(f);
	assert_non_null(found(f, "a")->start_error);
	assert_int_equal(f->fx.ctx.ct->start_error->code, ERR_INVALID_VALUE);
	assert_string_equal(f->fx.ctx.ct->start_error->text, "exec nosuch: no such file");
	/* And goes when it is cleared. */
	container_set_start_error(f->fx.ctx.ct, NULL);
	persist_run(&f->ops, f->fx.ctx.ct);
	restart(f);
	assert_null(found(f, "a")->start_error);
}

static void test_removed_stays_removed(void **state)
{
	struct fixture *f = *state;

	persist_container(&f->ops, f->fx.a);
	persist_container(&f->ops, f->fx.ab);
	persist_remove(&f->ops, f->fx.ab);
	/* Late news of a destroyed one must not bring it back. */
	f->fx.ab->destroyed = true;
	persist_run(&f->ops, f->fx.ab);
	persist_prop(&f->ops, f->fx.ab, prop_find("owner_user"));
	f->fx.ab->destroyed = false;
	restart(f);
	found(f, "a");
	assert_null(tree_find(f->fx.tree, "a/b"));
	assert_int_equal(f->ops.stats.lost, 0);
}

static void test_weak_ones_do_not_survive(void **state)
{
	struct fixture *f = *state;

	fx_set(&f->fx, "weak", "true");
	persist_container(&f->ops, f->fx.a);
	persist_container(&f->ops, f->fx.ab);
	restart(f);
	assert_int_equal(tree_count(f->fx.tree), 0);
	restart(f);
	assert_int_equal(f->ops.stats.restored, 0);
}

/* Its group is gone, so it cannot run, whatever the store says. */
static void test_running_without_group_is_stopped(void **state)
{
	static const enum container_state states[] = { STATE_STARTING, STATE_RUNNING,
						       STATE_META,     STATE_PAUSED,
						       STATE_STOPPING, STATE_RESPAWNING };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct container *ct = i ? found(f, "a") : f->fx.a;

		container_restore_state(ct, states[i]);
		ct->task.wait_pid = 1;
		ct->has_task = true;
		persist_container(&f->ops, ct);
		restart(f);
		ct = found(f, "a");
		assert_int_equal(ct->state, STATE_STOPPED);
		assert_int_equal(ct->task.wait_pid, 0);
		assert_false(ct->has_task);
		assert_int_equal(f->fx.root->running_below, 0);
	}
}

static void put(struct fixture *f, int64_t id, const char *key, const char *value)
{
	assert_int_equal(store_put(f->ops.store, "container", id, key, value, &f->fx.err), 0);
}

static void test_damaged_rows(void **state)
{
	struct fixture *f = *state;

	put(f, 10, "_name", "good");
	put(f, 10, "_run", "running 1 2"); /* cut off: stopped, as if new */
	put(f, 10, "umask", "not a number");
	put(f, 10, "no_such_property", "1");
	put(f, 10, "private", "kept");
	put(f, 10, "_of_the_future", "1");
	put(f, 11, "private", "no name");
	put(f, 12, "_name", "orphan/child");
	put(f, 13, "_name", "bad name");
	put(f, 14, "_name", "good"); /* twice */
	put(f, 99999, "_name", "bigid");
	restart(f);
	assert_int_equal(found(f, "good")->state, STATE_STOPPED);
	assert_get(&f->fx, "private", "kept");
	assert_null(tree_find(f->fx.tree, "orphan/child"));
	assert_null(tree_find(f->fx.tree, "bigid"));
	assert_int_equal(f->ops.stats.lost, 5);
	/* What was dropped is gone from the store, too. */
	restart(f);
	assert_int_equal(f->ops.stats.lost, 5);
}

static void test_damaged_run_changes_nothing(void **state)
{
	static const char *const bad[] = { "", "x", "running", "nostate 1 1 1",
					   "running 7 8 9 10 11" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(persist_load_run(f->fx.a, bad[i], &f->fx.err), -1);
		assert_int_equal(f->fx.a->state, STATE_STOPPED);
		assert_int_equal(f->fx.a->task.wait_pid, 0);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_run_round_trip),
		T(test_every_property_comes_back),
		T(test_one_changed_property),
		T(test_start_error_comes_back),
		T(test_removed_stays_removed),
		T(test_weak_ones_do_not_survive),
		T(test_running_without_group_is_stopped),
		T(test_damaged_rows),
		T(test_damaged_run_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
