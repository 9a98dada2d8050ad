/* SPDX-License-Identifier: Apache-2.0 */
/* Access levels, namespaces, names in both directions, the right to change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/xalloc.h"
#include "model/client.h"
#include "model/tree.h"

#define USER      54321 /* no such user, so no groups beside its own */
#define OTHER     54322
#define PORTO_GID 54320

struct fixture {
	struct tree *tree;
	struct container *root, *a, *ab, *abc, *x;
	struct client *c;
	struct error err;
};

static struct container *add(struct fixture *f, const char *name)
{
	struct container *ct;

	assert_int_equal(tree_add(f->tree, name, 0, &ct, &f->err), 0);
	ct->state = STATE_RUNNING;
	ct->spec.enable_porto = ACCESS_NORMAL;
	ct->spec.owner_cred.uid = ct->spec.task_cred.uid = USER;
	ct->spec.owner_cred.gid = ct->spec.task_cred.gid = PORTO_GID;
	return ct;
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->tree = tree_new();
	f->root = tree_root(f->tree);
	f->root->spec.enable_porto = ACCESS_NORMAL;
	f->a = add(f, "a");
	f->ab = add(f, "a/b");
	f->abc = add(f, "a/b/c");
	f->x = add(f, "x");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	client_free(f->c);
	tree_free(f->tree);
	free(f);
	return 0;
}

/* A client of `ct`; error code. */
static int connect_as(struct fixture *f, struct container *ct, uid_t uid, gid_t gid)
{
	client_free(f->c);
	f->c = client_new(ct);
	f->c->pid = 1;
	f->c->task_cred.uid = uid;
	f->c->task_cred.gid = gid;
	error_clear(&f->err);
	return client_authorize(f->c, PORTO_GID, &f->err) ? f->err.code : 0;
}

static void test_access_on_the_host(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(connect_as(f, f->root, 0, 0), 0);
	assert_int_equal(f->c->access, ACCESS_SUPERUSER);
	assert_true(client_is_superuser(f->c));
	assert_int_equal(connect_as(f, f->root, USER, PORTO_GID), 0);
	assert_int_equal(f->c->access, ACCESS_NORMAL);
	assert_int_equal(connect_as(f, f->root, USER, USER), 0);
	assert_int_equal(f->c->access, ACCESS_READ_ONLY);
	assert_string_equal(f->c->read_ns, "");
	assert_string_equal(f->c->write_ns, "");
}

/* Inside, the owner of the container counts, not the uid of the process. */
static void test_owner_counts_inside(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(connect_as(f, f->a, 0, 0), 0);
	assert_int_equal(f->c->access, ACCESS_NORMAL);
	assert_int_equal(f->c->cred.uid, USER);
	assert_int_equal(f->c->task_cred.uid, 0);
	f->a->spec.owner_cred.uid = 0;
	assert_int_equal(connect_as(f, f->a, USER, USER), 0);
	assert_int_equal(f->c->access, ACCESS_SUPERUSER);
}

static void test_weakest_access_of_the_way_up(void **state)
{
	struct fixture *f = *state;

	for (int access = ACCESS_READ_ISOLATE; access <= ACCESS_CHILD_ONLY; access++) {
		f->a->spec.enable_porto = access;
		assert_int_equal(connect_as(f, f->abc, USER, USER), 0);
		assert_int_equal(f->c->access, access);
	}
	f->ab->spec.enable_porto = ACCESS_READ_ONLY;
	assert_int_equal(connect_as(f, f->abc, USER, USER), 0);
	assert_int_equal(f->c->access, ACCESS_READ_ONLY);
	/* Root's container is no superuser when something above restricts it. */
	f->abc->spec.owner_cred.uid = 0;
	assert_int_equal(connect_as(f, f->abc, 0, 0), 0);
	assert_int_equal(f->c->access, ACCESS_READ_ONLY);
	f->a->spec.enable_porto = ACCESS_NONE;
	assert_int_equal(connect_as(f, f->abc, 0, 0), ERR_PERMISSION);
}

static void test_states_that_may_talk(void **state)
{
	struct fixture *f = *state;

	for (int s = 0; s < _STATE_COUNT; s++) {
		bool may = s == STATE_RUNNING || s == STATE_META || s == STATE_STARTING ||
			   s == STATE_STOPPING;

		f->a->state = (enum container_state)s;
		assert_int_equal(connect_as(f, f->a, USER, USER), may ? 0 : ERR_PERMISSION);
	}
	f->a->state = STATE_RUNNING;
}

static void test_connections_are_counted(void **state)
{
	struct fixture *f = *state;
	struct client *copy, *internal;

	assert_int_equal(connect_as(f, f->a, USER, USER), 0);
	assert_int_equal(f->a->nclients, 1);
	copy = client_dup(f->c);
	internal = client_new_internal(f->tree);
	assert_int_equal(f->a->nclients, 1); /* not a connection */
	assert_int_equal(f->root->nclients, 0);
	assert_int_equal(copy->access, f->c->access);
	assert_int_equal(copy->cred.uid, USER);
	assert_int_equal(copy->pidfd, -1);
	assert_int_equal(internal->access, ACCESS_INTERNAL);
	f->c = client_free(f->c);
	assert_int_equal(f->a->nclients, 0);
	assert_ptr_equal(copy->container, f->a);
	client_free(copy);
	client_free(internal);
	assert_null(client_free(NULL));
}

static void assert_namespaces(struct fixture *f, struct container *ct, const char *read_ns,
			      const char *write_ns)
{
	char *ns;

	assert_int_equal(connect_as(f, ct, USER, USER), 0);
	assert_string_equal(f->c->read_ns, read_ns);
	assert_string_equal(f->c->write_ns, write_ns);
	ns = client_namespace_of(ct);
	assert_string_equal(ns, read_ns);
	free(ns);
}

static void test_namespaces(void **state)
{
	struct fixture *f = *state;

	assert_namespaces(f, f->abc, "", "");
	f->a->spec.porto_namespace = xstrdup("p-");
	f->ab->spec.porto_namespace = xstrdup("q/");
	assert_namespaces(f, f->abc, "p-q/", "p-q/");
	f->ab->spec.enable_porto = ACCESS_CHILD_ONLY;
	assert_namespaces(f, f->abc, "p-q/", "a/b/");
	f->ab->spec.enable_porto = ACCESS_ISOLATE;
	assert_namespaces(f, f->abc, "a/b/", "a/b/");
	f->ab->spec.enable_porto = ACCESS_READ_ISOLATE;
	assert_namespaces(f, f->abc, "a/b/", "a/b/");
	f->abc->spec.enable_porto = ACCESS_SELF_ISOLATE;
	assert_namespaces(f, f->abc, "a/b/c/", "a/b/c/");
}

static void assert_resolved(struct fixture *f, const char *name, const char *expected)
{
	char *full = NULL;

	error_clear(&f->err);
	if (client_resolve_name(f->c, name, &full, &f->err))
		fail_msg("%s: %s", name, f->err.text);
	assert_string_equal(full, expected);
	free(full);
}

static void assert_refused(struct fixture *f, const char *name, int code)
{
	char *full = NULL;

	error_clear(&f->err);
	assert_int_equal(client_resolve_name(f->c, name, &full, &f->err), -1);
	assert_int_equal(f->err.code, code);
}

static void test_resolve_on_the_host(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(connect_as(f, f->root, 0, 0), 0);
	assert_resolved(f, "a", "a");
	assert_resolved(f, "a/b", "a/b");
	assert_resolved(f, "/", "");
	assert_resolved(f, ".", "");
	assert_resolved(f, "self", "");
	assert_resolved(f, "self/a", "a");
	assert_resolved(f, "/porto/a", "a");
	assert_resolved(f, "a/../x", "x");
	assert_refused(f, "", ERR_INVALID_VALUE);
	assert_refused(f, "/a", ERR_INVALID_VALUE);
	assert_refused(f, "../a", ERR_PERMISSION);
	assert_refused(f, "..", ERR_PERMISSION);
}

static void test_resolve_isolated(void **state)
{
	struct fixture *f = *state;

	f->a->spec.enable_porto = ACCESS_ISOLATE;
	assert_int_equal(connect_as(f, f->ab, USER, USER), 0);
	assert_string_equal(f->c->read_ns, "a/");
	assert_resolved(f, "b", "a/b");
	assert_resolved(f, "new", "a/new");
	assert_resolved(f, "self", "a/b");
	assert_resolved(f, "self/c", "a/b/c");
	assert_resolved(f, ".", "a");
	assert_resolved(f, "/porto/a/b", "a/b");
	assert_refused(f, "/porto/x", ERR_PERMISSION);
	assert_refused(f, "../x", ERR_PERMISSION);
	assert_refused(f, "self/../../x", ERR_PERMISSION);
	assert_refused(f, "self/../../../x", ERR_PERMISSION);
	assert_refused(f, "/porto/ab", ERR_PERMISSION); /* a prefix, but not of a component */
}

static void test_leading_slashes(void **state)
{
	static const char *const bad[] = { "/a", "//a", "/porto", "/portoa", "/self", "/." };
	struct fixture *f = *state;
	char longest[5000];

	for (int isolated = 0; isolated < 2; isolated++) {
		f->a->spec.enable_porto = isolated ? ACCESS_ISOLATE : ACCESS_NORMAL;
		assert_int_equal(connect_as(f, f->ab, USER, USER), 0);
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
			assert_refused(f, bad[i], ERR_INVALID_VALUE);
		assert_resolved(f, "/porto//a/b", "a/b");
		assert_resolved(f, "/porto/", "");
		memset(longest, 'x', sizeof(longest) - 1);
		longest[sizeof(longest) - 1] = '\0';
		assert_refused(f, longest, ERR_INVALID_VALUE);
	}
}

static bool may_create(struct fixture *f, struct container *parent, const char *name)
{
	error_clear(&f->err);
	return client_can_create(f->c, parent, name, &f->err) == 0;
}

/* Names that begin with it may be made, where the parent is outside, too. */
static void test_create_in_a_namespace_without_slash(void **state)
{
	struct fixture *f = *state;

	f->ab->spec.porto_namespace = xstrdup("a/x-");
	assert_int_equal(connect_as(f, f->ab, USER, USER), 0);
	assert_true(may_create(f, f->a, "a/x-1"));
	assert_false(may_create(f, f->a, "a/y"));
	assert_false(may_create(f, f->root, "z"));
	assert_true(may_create(f, f->ab, "a/b/z"));
	f->a->spec.owner_cred.uid = OTHER;
	assert_false(may_create(f, f->a, "a/x-1"));
	str_set(&f->ab->spec.porto_namespace, "job-");
	assert_int_equal(connect_as(f, f->ab, USER, USER), 0);
	assert_true(may_create(f, f->root, "job-1"));
	assert_false(may_create(f, f->root, "jo"));
}

/* What was computed at connect follows enable_porto. */
static void test_refresh(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(connect_as(f, f->abc, USER, USER), 0);
	assert_int_equal(client_refresh(f->c, &f->err), 0);
	assert_int_equal(f->c->access, ACCESS_NORMAL);
	f->a->spec.enable_porto = ACCESS_CHILD_ONLY;
	assert_int_equal(client_refresh(f->c, &f->err), 0);
	assert_int_equal(f->c->access, ACCESS_CHILD_ONLY);
	assert_string_equal(f->c->write_ns, "a/");
	/* The same weakest level at another place is another namespace. */
	f->ab->spec.enable_porto = ACCESS_CHILD_ONLY;
	f->a->spec.enable_porto = ACCESS_NORMAL;
	assert_int_equal(client_refresh(f->c, &f->err), 0);
	assert_string_equal(f->c->write_ns, "a/b/");
	f->ab->spec.enable_porto = ACCESS_NONE;
	assert_int_equal(client_refresh(f->c, &f->err), -1);
	assert_int_equal(f->err.code, ERR_PERMISSION);
	assert_int_equal(f->c->access, ACCESS_NONE);
	f->ab->spec.enable_porto = ACCESS_NORMAL;
	error_clear(&f->err);
	assert_int_equal(client_refresh(f->c, &f->err), 0);
	assert_int_equal(f->c->access, ACCESS_NORMAL);
	/* A pause takes nothing away for good. */
	f->abc->state = STATE_PAUSED;
	assert_int_equal(client_refresh(f->c, &f->err), -1);
	assert_int_equal(f->c->access, ACCESS_NORMAL);
	f->abc->state = STATE_RUNNING;
	error_clear(&f->err);
	assert_int_equal(client_refresh(f->c, &f->err), 0);
}

static void test_resolve_to_container(void **state)
{
	struct fixture *f = *state;
	struct container *ct;

	assert_int_equal(connect_as(f, f->ab, USER, USER), 0);
	assert_int_equal(client_resolve(f->c, f->tree, "self/c", &ct, &f->err), 0);
	assert_ptr_equal(ct, f->abc);
	assert_int_equal(client_resolve(f->c, f->tree, "x", &ct, &f->err), 0);
	assert_ptr_equal(ct, f->x);
	assert_int_equal(client_resolve(f->c, f->tree, "nope", &ct, &f->err), -1);
	assert_int_equal(f->err.code, ERR_CONTAINER_DOES_NOT_EXIST);
	f->a->spec.enable_porto = ACCESS_ISOLATE;
	assert_int_equal(connect_as(f, f->ab, USER, USER), 0);
	/* The short way for hosts must not let an isolated one out. */
	assert_int_equal(client_resolve(f->c, f->tree, "x", &ct, &f->err), -1);
	assert_int_equal(client_resolve(f->c, f->tree, "b", &ct, &f->err), 0);
	assert_ptr_equal(ct, f->ab);
}

static void test_compose(void **state)
{
	struct fixture *f = *state;
	char *name;

	f->a->spec.enable_porto = ACCESS_ISOLATE;
	assert_int_equal(connect_as(f, f->ab, USER, USER), 0);
	assert_string_equal(client_compose(f->c, f->root), "/");
	assert_string_equal(client_compose(f->c, f->abc), "b/c");
	assert_null(client_compose(f->c, f->a));
	assert_null(client_compose(f->c, f->x));
	name = client_relative(f->c, f->x);
	assert_string_equal(name, "/porto/x");
	free(name);
	assert_int_equal(connect_as(f, f->root, 0, 0), 0);
	assert_string_equal(client_compose(f->c, f->abc), "a/b/c");
}

static bool may(struct fixture *f, struct container *ct, bool as_parent)
{
	error_clear(&f->err);
	if (client_can_control(f->c, ct, as_parent, &f->err) == 0)
		return true;
	assert_int_equal(f->err.code, ERR_PERMISSION);
	return false;
}

static void test_control_on_the_host(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(connect_as(f, f->root, USER, PORTO_GID), 0);
	assert_true(may(f, f->a, false));
	assert_true(may(f, f->root, true));
	assert_false(may(f, f->root, false));
	f->a->spec.owner_cred.uid = OTHER;
	assert_false(may(f, f->a, false));
	assert_false(may(f, f->a, true));
	assert_int_equal(connect_as(f, f->root, 0, 0), 0);
	assert_true(may(f, f->a, false));
	assert_false(may(f, f->root, false)); /* not even the superuser */
	assert_int_equal(connect_as(f, f->root, USER, USER), 0);
	assert_false(may(f, f->ab, false)); /* read-only */
	assert_false(may(f, f->root, true));
}

static void test_control_inside(void **state)
{
	struct fixture *f = *state;

	f->ab->spec.enable_porto = ACCESS_CHILD_ONLY;
	assert_int_equal(connect_as(f, f->ab, USER, USER), 0);
	assert_true(may(f, f->abc, false));
	assert_true(may(f, f->ab, true));
	assert_false(may(f, f->ab, false)); /* not oneself */
	assert_false(may(f, f->a, false));
	assert_false(may(f, f->a, true));
	assert_false(may(f, f->x, false));
	assert_false(may(f, f->root, true));
	f->ab->spec.enable_porto = ACCESS_SELF_ISOLATE;
	assert_int_equal(connect_as(f, f->ab, USER, USER), 0);
	assert_true(may(f, f->ab, false));
	f->abc->spec.owner_cred.uid = OTHER;
	assert_false(may(f, f->abc, false));
}

static void test_owner_containers(void **state)
{
	struct fixture *f = *state;

	strv_add(&f->x->spec.owner_containers, "a/b");
	assert_int_equal(connect_as(f, f->root, USER, PORTO_GID), 0);
	assert_true(may(f, f->x, false)); /* the host always may */
	assert_int_equal(connect_as(f, f->ab, USER, USER), 0);
	assert_true(may(f, f->x, false));
	assert_int_equal(connect_as(f, f->a, USER, USER), 0);
	assert_true(may(f, f->x, false)); /* above one of them */
	assert_int_equal(connect_as(f, f->abc, USER, USER), 0);
	assert_false(may(f, f->x, false));
	assert_int_equal(connect_as(f, f->x, USER, USER), 0);
	strv_add(&f->a->spec.owner_containers, "xy"); /* a prefix is not enough */
	assert_false(may(f, f->a, false));
}

static void test_internal_may_all(void **state)
{
	struct fixture *f = *state;

	f->c = client_new_internal(f->tree);
	f->x->spec.owner_cred.uid = OTHER;
	strv_add(&f->x->spec.owner_containers, "a");
	assert_true(may(f, f->x, false));
	assert_true(client_controls_cred(f->c, &f->x->spec.owner_cred));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_access_on_the_host),
		T(test_owner_counts_inside),
		T(test_weakest_access_of_the_way_up),
		T(test_states_that_may_talk),
		T(test_connections_are_counted),
		T(test_namespaces),
		T(test_resolve_on_the_host),
		T(test_resolve_isolated),
		T(test_resolve_to_container),
		T(test_leading_slashes),
		T(test_create_in_a_namespace_without_slash),
		T(test_refresh),
		T(test_compose),
		T(test_control_on_the_host),
		T(test_control_inside),
		T(test_owner_containers),
		T(test_internal_may_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
