/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces of containers in memory: maps, ids, capabilities, rights of clients inside. */
#include "kernel/caps.h"
#include "model/userns.h"
#include "props/caps_bound.h"
#include "props/rows.h"
#include "props_fixture.h"

static void own(struct container *ct, uid_t uid, gid_t gid)
{
	ct->spec.userns = true;
	ct->spec.task_cred.uid = uid;
	ct->spec.task_cred.gid = gid;
}

static void check_map(const struct container *ct, bool gids, const char *want)
{
	auto_free char *text = NULL;
	struct idmap map;

	userns_map(ct, gids, &map);
	text = idmap_format(&map, "; ");
	idmap_deinit(&map);
	assert_string_equal(text, want);
}

static void set(struct props_fixture *f, const char *name, const char *value)
{
	if (prop_set(&f->ctx, name, value, &f->txn, &f->err))
		fail_msg("%s: %s", name, f->err.text);
}

static int refused(struct props_fixture *f, const char *name, const char *value)
{
	return prop_set(&f->ctx, name, value, &f->txn, &f->err) ? f->err.code : 0;
}

static void whose_it_is(void **state)
{
	struct props_fixture *f = *state;

	assert_null(userns_of(f->ab));
	assert_null(userns_fence(f->ab));
	own(f->a, 5, 6);
	assert_ptr_equal(userns_of(f->ab), f->a);
	own(f->ab, 5, 6);
	assert_ptr_equal(userns_of(f->ab), f->ab);
	/* `namespaces` has the last word */
	smap_set(&f->ab->spec.namespaces, "user", "inherit");
	assert_ptr_equal(userns_of(f->ab), f->a);
	f->a->spec.userns = false;
	smap_set(&f->a->spec.namespaces, "user", "new");
	assert_ptr_equal(userns_of(f->ab), f->a);
	smap_set(&f->ab->spec.namespaces, "user", "container x");
	assert_ptr_equal(userns_fence(f->ab), f->ab);
	assert_ptr_equal(userns_of(f->ab), f->a);
}

static void usual_maps(void **state)
{
	struct props_fixture *f = *state;

	own(f->a, 5, 1);
	check_map(f->a, false, "0 5 1; 1 1 4; 6 6 4294967289");
	check_map(f->a, true, "0 1 1; 2 2 4294967293");
	/* on the host's root an ordinary owner has its own */
	f->a->spec.owner_cred.uid = 5;
	check_map(f->a, false, "0 5 1");
	check_map(f->a, true, "0 1 1");
	str_set(&f->a->spec.root, "/img");
	check_map(f->a, false, "0 5 1; 1 1 4; 6 6 4294967289");
}

static void ids_of_tasks(void **state)
{
	struct props_fixture *f = *state;

	own(f->a, 5, 6);
	assert_int_equal(container_task_uid(f->ab), 5);
	assert_int_equal(container_task_gid(f->ab), 6);
	assert_int_equal(userns_root_uid(f->ab), 5);
	assert_int_equal(userns_root_gid(f->ab), 6);
	f->ab->spec.task_cred.uid = 7;
	assert_int_equal(container_task_uid(f->ab), 7);
	assert_int_equal(userns_root_uid(f->ab), 5);
	/* the host's root has no id in the map that was set: root is the one inside */
	own(f->a, 0, 0);
	idmap_parse("0 1000 10", &f->a->spec.uid_map);
	assert_int_equal(container_task_uid(f->a), 1000);
	assert_int_equal(container_task_gid(f->a), 0);
	f->ab->spec.task_cred.uid = 0;
	assert_int_equal(container_task_uid(f->ab), 1000);
	/* mode os runs as root, unless its user is that already */
	f->a->spec.virt_mode = VIRT_OS;
	f->a->spec.task_cred.uid = 1003;
	assert_int_equal(container_task_uid(f->a), 1003);
	f->a->spec.userns = false;
	assert_int_equal(container_task_uid(f->a), 0);
}

static void nested_maps(void **state)
{
	struct props_fixture *f = *state;

	own(f->a, 0, 0);
	idmap_parse("0 1000 10", &f->a->spec.uid_map);
	own(f->ab, 1003, 0);
	check_map(f->ab, false, "0 1003 1; 1000 1000 3; 1004 1004 6");
	assert_int_equal(userns_root_uid(f->ab), 1003);
	idmap_parse("0 1000 11", &f->ab->spec.uid_map);
	assert_int_equal(userns_check(f->ab, f->ab, &f->err), -1);
	assert_int_equal(f->err.code, ERR_INVALID_VALUE);
	idmap_deinit(&f->ab->spec.uid_map);
	idmap_parse("5 1000 5", &f->ab->spec.uid_map);
	assert_int_equal(userns_check(f->ab, f->ab, &f->err), 0);
	/* no root inside: the task stands in */
	assert_int_equal(userns_root_uid(f->ab), 1003);
}

static void ids_that_are_missing(void **state)
{
	struct props_fixture *f = *state;

	own(f->a, 1, 1);
	assert_int_equal(userns_check(f->a, f->a, &f->err), 0);
	assert_int_equal(userns_check(f->ab, f->a, &f->err), 0);
	assert_int_equal(userns_check(f->ab, NULL, &f->err), 0);
	idmap_parse("0 1000 10", &f->a->spec.uid_map);
	assert_int_equal(userns_check(f->a, f->a, &f->err), -1);
	assert_non_null(strstr(f->err.text, "user 1 "));
	f->a->spec.task_cred.uid = 1000;
	idmap_parse("0 1000 10", &f->a->spec.gid_map);
	assert_int_equal(userns_check(f->a, f->a, &f->err), -1);
	assert_non_null(strstr(f->err.text, "group 1 "));
	f->a->spec.task_cred.gid = 1000;
	f->a->spec.virt_mode = VIRT_HOST;
	assert_int_equal(userns_check(f->a, f->a, &f->err), -1);
	assert_non_null(strstr(f->err.text, "virt_mode host"));
}

static void capabilities_count_inside(void **state)
{
	struct props_fixture *f = *state;

	f->a->spec.owner_cred.uid = f->ab->spec.owner_cred.uid = NOBODY;
	assert_int_equal(caps_bound(f->a) & ~caps_default, 0);
	f->a->spec.userns = true;
	assert_int_equal(caps_bound(f->a), caps_root & caps_all());
	assert_int_equal(caps_bound(f->ab), caps_root & caps_all());
	/* what was set above binds */
	f->a->spec.userns = false;
	f->a->spec.capabilities = caps_need_pid_ns;
	container_mark_set(f->a, ROW_capabilities, true);
	f->ab->spec.userns = true;
	assert_int_equal(caps_bound(f->ab), caps_need_pid_ns);
}

static void capabilities_that_users_name(void **state)
{
	struct props_fixture *f = *state;

	f->a->spec.owner_cred.uid = NOBODY;
	f->ctx.client = f->user;
	assert_int_equal(refused(f, "capabilities", "SYS_ADMIN"), ERR_PERMISSION);
	set(f, "userns", "true");
	set(f, "capabilities", "SYS_ADMIN");
	assert_int_equal(refused(f, "capabilities", "SYS_MODULE"), ERR_PERMISSION);
	assert_int_equal(refused(f, "userns", "false"), ERR_PERMISSION);
	assert_true(f->a->spec.userns);
	set(f, "capabilities", "CHOWN");
	set(f, "capabilities_ambient", "SYS_ADMIN");
	assert_int_equal(refused(f, "userns", "false"), ERR_PERMISSION);
	f->ctx.client = f->su;
	set(f, "userns", "false");
}

static void fuse_brings_it(void **state)
{
	struct props_fixture *f = *state;

	set(f, "enable_fuse", "true");
	assert_true(f->a->spec.userns && f->a->spec.unshare_on_exec);
	prop_rollback(&f->ctx, &f->txn);
	assert_false(f->a->spec.userns || f->a->spec.unshare_on_exec || f->a->spec.enable_fuse);
	set(f, "userns", "false");
	set(f, "enable_fuse", "true");
	assert_false(f->a->spec.userns || f->a->spec.unshare_on_exec);
	f->env.enable_fuse = false;
	set(f, "enable_fuse", "false");
	assert_int_equal(refused(f, "enable_fuse", "true"), ERR_INVALID_VALUE);
}

/* Access and write namespace of a client in `ct`. */
static void check_client(struct container *ct, enum access_level access, const char *write_ns)
{
	struct client *c = client_new(ct);
	struct error err = ERROR_INIT;

	ct->state = STATE_RUNNING;
	c->task_cred.uid = c->task_cred.gid = 0;
	assert_int_equal(client_authorize(c, 12345, &err), 0);
	assert_int_equal(c->access, access);
	assert_string_equal(c->write_ns, write_ns);
	client_free(c);
}

static void root_inside_is_no_superuser(void **state)
{
	struct props_fixture *f = *state;
	struct container *abc = fx_add(f, "a/b/c", 0);

	check_client(abc, ACCESS_SUPERUSER, "");
	f->ab->spec.userns = true;
	check_client(f->a, ACCESS_SUPERUSER, "");
	check_client(f->ab, ACCESS_CHILD_ONLY, "a/b/");
	check_client(abc, ACCESS_CHILD_ONLY, "a/b/");
	abc->spec.enable_porto = ACCESS_CHILD_ONLY;
	check_client(abc, ACCESS_CHILD_ONLY, "a/b/c/");
	abc->spec.enable_porto = ACCESS_READ_ONLY;
	check_client(abc, ACCESS_READ_ONLY, "a/b/");
	/* a narrower name space stays */
	str_set(&f->ab->spec.porto_namespace, "x");
	abc->spec.enable_porto = ACCESS_NORMAL;
	check_client(abc, ACCESS_CHILD_ONLY, "a/b/");
	f->ab->spec.userns = false;
	smap_set(&f->ab->spec.namespaces, "user", "path /x");
	check_client(f->ab, ACCESS_CHILD_ONLY, "a/b/");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, fx_setup, fx_teardown)
	const struct CMUnitTest tests[] = {
		TEST(whose_it_is),
		TEST(usual_maps),
		TEST(ids_of_tasks),
		TEST(nested_maps),
		TEST(ids_that_are_missing),
		TEST(capabilities_count_inside),
		TEST(capabilities_that_users_name),
		TEST(fuse_brings_it),
		TEST(root_inside_is_no_superuser),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
