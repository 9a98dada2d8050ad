/* SPDX-License-Identifier: Apache-2.0 */
/* virt_mode: defaults that are derived and not stored, groups, capabilities. */
#include "props_fixture.h"

#include "kernel/caps.h"
#include "props/caps_bound.h"
#include "props/rows.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

static void os_defaults_come_and_go(void **state)
{
	struct props_fixture *f = *state;

	f->a->spec.task_cred.uid = f->a->spec.task_cred.gid = NOBODY;
	assert_true(container_is_meta(f->a));
	fx_set(f, "virt_mode", "os");
	assert_false(container_is_meta(f->a));
	assert_get(f, "command", "/sbin/init");
	assert_get(f, "cwd", "/");
	assert_get(f, "stdout_path", "/dev/null");
	assert_get(f, "stderr_path", "/dev/null");
	assert_get(f, "stdin_path", "/dev/null");
	assert_get(f, "user", "root");
	assert_get(f, "group", "root");
	/* Nothing of it is in the spec, or in the store. */
	assert_null(f->a->spec.command);
	assert_null(f->a->spec.cwd);
	assert_null(prop_save(f->a, prop_find("command")));
	assert_int_equal(f->a->spec.task_cred.uid, NOBODY);
	fx_set(f, "virt_mode", "app");
	assert_true(container_is_meta(f->a));
	assert_get(f, "command", "");
	assert_get(f, "stdout_path", "stdout");
	assert_get(f, "user", "nobody");
}

static void os_keeps_what_was_set(void **state)
{
	struct props_fixture *f = *state;

	fx_set(f, "virt_mode", "os");
	fx_set(f, "command", "/bin/other");
	fx_set(f, "cwd", "/tmp");
	fx_set(f, "stdout_path", "/log");
	fx_set(f, "user", "nobody");
	assert_get(f, "command", "/bin/other");
	assert_get(f, "cwd", "/tmp");
	assert_get(f, "stdout_path", "/log");
	assert_get(f, "user", "nobody");
	assert_get(f, "group", "root");
	assert_int_equal(container_task_gid(f->a), 0);
}

static void given_ids_survive_the_store(void **state)
{
	struct props_fixture *f = *state;
	const struct prop *p = prop_find("task_cred");
	auto_free char *nothing = prop_save(f->a, p), *user = NULL, *both = NULL;

	fx_set(f, "user", "nobody");
	user = prop_save(f->a, p);
	fx_set(f, "task_cred", "1 1");
	both = prop_save(f->a, p);
	assert_int_equal(prop_load(&f->env, f->ab, "task_cred", user, &f->err), 0);
	assert_true(f->ab->spec.user_given);
	assert_false(f->ab->spec.group_given);
	assert_int_equal(f->ab->spec.task_cred.uid, NOBODY);
	assert_int_equal(prop_load(&f->env, f->ab, "task_cred", both, &f->err), 0);
	assert_true(f->ab->spec.user_given && f->ab->spec.group_given);
	assert_int_equal(prop_load(&f->env, f->ab, "task_cred", nothing, &f->err), 0);
	assert_false(f->ab->spec.user_given || f->ab->spec.group_given);
}

static void children_of_an_os_start_at_its_root(void **state)
{
	struct props_fixture *f = *state;
	auto_free char *cwd = NULL;

	fx_set(f, "virt_mode", "os");
	cwd = container_cwd(f->ab, "/place/porto");
	assert_string_equal(cwd, "/");
}

static void sharing_modes_are_not_isolated(void **state)
{
	static const char *const modes[] = { "job", "host" };
	struct props_fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		fx_set(f, "virt_mode", "app");
		fx_set(f, "isolate", "true");
		fx_set(f, "virt_mode", modes[i]);
		assert_get(f, "isolate", "false");
		assert_int_equal(prop_set(&f->ctx, "isolate", "true", &f->txn, &f->err), -1);
		assert_int_equal(f->err.code, ERR_INVALID_VALUE);
		fx_set(f, "virt_mode", "app");
		assert_get(f, "isolate", "false");
	}
	/* A set that is taken back takes the other value back, too. */
	fx_set(f, "isolate", "true");
	prop_txn_deinit(&f->txn);
	f->txn = (struct prop_txn)PROP_TXN_INIT;
	fx_set(f, "virt_mode", "host");
	prop_rollback(&f->ctx, &f->txn);
	assert_get(f, "isolate", "true");
	assert_get(f, "virt_mode", "app");
}

static void a_job_is_in_the_groups_of_its_parent(void **state)
{
	struct props_fixture *f = *state;
	struct cgroup cg;

	f->ab->spec.virt_mode = VIRT_JOB;
	prop_cgroup(f->ab, &cg);
	assert_string_equal(cg.name, "a");
	assert_int_equal(cg.level, 1);
	f->ab->spec.virt_mode = VIRT_APP;
	prop_cgroup(f->ab, &cg);
	assert_string_equal(cg.name, "a/b");
	assert_int_equal(cg.level, 2);
}

static void capabilities_of_host_mode(void **state)
{
	struct props_fixture *f = *state;

	f->a->spec.owner_cred.uid = f->ab->spec.owner_cred.uid = NOBODY;
	fx_set(f, "virt_mode", "host");
	assert_int_equal(caps_bound(f->a), caps_all());
	/* It does not spread: a child has the usual ones, and is granted no more than these. */
	assert_int_equal(caps_bound(f->ab) & ~caps_default, 0);
	assert_int_equal(caps_grantable(f->a), caps_default);
	/* But it does not limit what a superuser gives, either. */
	f->ab->spec.capabilities = caps_all();
	container_mark_set(f->ab, ROW_capabilities, true);
	assert_int_equal(caps_bound(f->ab), caps_all());
	fx_set(f, "capabilities", "KILL");
	assert_int_equal(caps_bound(f->a) & ~UINT64_C(0x20), 0);
	assert_int_equal(caps_bound(f->ab) & ~UINT64_C(0x20), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(os_defaults_come_and_go),        TEST(os_keeps_what_was_set),
		TEST(given_ids_survive_the_store),    TEST(children_of_an_os_start_at_its_root),
		TEST(sharing_modes_are_not_isolated), TEST(a_job_is_in_the_groups_of_its_parent),
		TEST(capabilities_of_host_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
