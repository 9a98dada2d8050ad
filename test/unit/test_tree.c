/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of containers: names, ids, lookup, walks, counters, life of what was removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/xalloc.h"
#include "model/tree.h"

static struct container *add(struct tree *t, const char *name)
{
	struct error err = ERROR_INIT;
	struct container *ct;

	if (tree_add(t, name, 0, &ct, &err))
		fail_msg("%s: %s", name, err.text);
	return ct;
}

static int setup(void **state)
{
	*state = tree_new();
	return 0;
}

static int teardown(void **state)
{
	tree_free(*state);
	return 0;
}

static int check(const char *name, bool superuser)
{
	struct error err = ERROR_INIT;

	return tree_check_name(name, superuser, &err) ? err.code : 0;
}

static void test_good_names(void **state)
{
	static const char *const good[] = { "a",       "A-z_0@9:.", "a/b/c",    "...",  ".a",
					    "selfish", "a/..b",     "self-1/x", "porto" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(check(good[i], false), 0);
}

static void test_bad_names(void **state)
{
	static const char *const bad[] = { "",       "/",  "a/",       "/a",    "a//b",  "self",
					   "a/self", ".",  "..",       "a/./b", "a/..",  "a b",
					   "a\n",    "a*", "\xc3\xa4", "a,b",   "a\x7f", "a;b" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(check(bad[i], true), ERR_INVALID_VALUE);
}

static void test_name_lengths(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[CONTAINER_NAME_MAX] = '\0';
	assert_int_equal(check(name, false), 0);
	name[CONTAINER_NAME_MAX] = 'a';
	name[CONTAINER_NAME_MAX + 1] = '\0';
	assert_int_equal(check(name, true), ERR_INVALID_VALUE);

	memset(name, 'a', sizeof(name));
	name[100] = '/';
	name[CONTAINER_PATH_MAX] = '\0';
	assert_int_equal(check(name, false), 0);
	name[CONTAINER_PATH_MAX] = 'a';
	name[CONTAINER_PATH_MAX + 1] = '\0';
	assert_int_equal(check(name, false), ERR_INVALID_VALUE);
	assert_int_equal(check(name, true), 0);
	name[CONTAINER_PATH_MAX + 1] = 'a';
	name[CONTAINER_PATH_MAX_SUPER] = '\0';
	assert_int_equal(check(name, true), 0);
	name[CONTAINER_PATH_MAX_SUPER] = 'a';
	name[CONTAINER_PATH_MAX_SUPER + 1] = '\0';
	assert_int_equal(check(name, true), ERR_INVALID_VALUE);
}

static void test_root(void **state)
{
	struct tree *t = *state;
	struct container *root = tree_root(t);

	assert_ptr_equal(tree_find(t, ""), root);
	assert_ptr_equal(tree_find(t, "/"), root);
	assert_int_equal(root->id, 1);
	assert_int_equal(root->state, STATE_META);
	assert_true(container_is_root(root));
	assert_int_equal(tree_count(t), 0);
	assert_string_equal(container_leaf_name(root), "/");
}

static void test_add_and_find(void **state)
{
	struct tree *t = *state;
	struct container *a = add(t, "a"), *ab = add(t, "a/b");

	assert_ptr_equal(tree_find(t, "a"), a);
	assert_ptr_equal(tree_find(t, "a/b"), ab);
	assert_null(tree_find(t, "b"));
	assert_null(tree_find(t, "a/b/c"));
	assert_ptr_equal(tree_find_id(t, ab->id), ab);
	assert_null(tree_find_id(t, 0));
	assert_null(tree_find_id(t, CONTAINER_ID_MAX + 1));
	assert_ptr_equal(ab->parent, a);
	assert_int_equal(ab->level, 2);
	assert_int_equal(a->nchildren, 1);
	assert_int_equal(tree_count(t), 2);
	assert_string_equal(container_leaf_name(ab), "b");
	assert_true(container_is_below(ab, a));
	assert_true(container_is_below(ab, tree_root(t)));
	assert_false(container_is_below(a, a));
	assert_false(container_is_below(a, ab));
}

static void test_find_nearest(void **state)
{
	struct tree *t = *state;
	struct container *a = add(t, "a"), *ab = add(t, "a/b");
	char longname[3000];

	assert_ptr_equal(tree_find_nearest(t, "a/b/c/d"), ab);
	assert_ptr_equal(tree_find_nearest(t, "a/x"), a);
	assert_ptr_equal(tree_find_nearest(t, "ab"), tree_root(t));
	assert_ptr_equal(tree_find_nearest(t, ""), tree_root(t));
	memset(longname, 'x', sizeof(longname) - 1);
	longname[0] = 'a';
	longname[1] = '/';
	longname[sizeof(longname) - 1] = '\0';
	assert_ptr_equal(tree_find_nearest(t, longname), a);
}

static void test_ids_go_round(void **state)
{
	struct tree *t = *state;
	struct container *a = add(t, "a"), *b, *c;
	struct error err = ERROR_INIT;
	uint32_t first = a->id;

	assert_true(first >= 4);
	tree_remove(t, a);
	b = add(t, "b");
	assert_int_not_equal(b->id, first); /* not reused at once */
	/* A wish that is taken or out of range gives another one. */
	assert_int_equal(tree_add(t, "c", b->id, &c, &err), 0);
	assert_int_not_equal(c->id, b->id);
	assert_int_equal(tree_add(t, "d", 777, &c, &err), 0);
	assert_int_equal(c->id, 777);
	assert_int_equal(tree_add(t, "e", UINT32_MAX, &c, &err), 0);
	assert_true(c->id <= CONTAINER_ID_MAX);
}

static void test_ids_run_out(void **state)
{
	struct tree *t = *state;
	struct error err = ERROR_INIT;
	struct container *ct;
	char name[16];

	for (int i = 0; i < CONTAINER_ID_MAX - 3; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		ct = add(t, name);
		assert_true(ct->id >= 4 && ct->id <= CONTAINER_ID_MAX);
	}
	assert_int_equal(tree_add(t, "more", 0, &ct, &err), -1);
	assert_int_equal(err.code, ERR_RESOURCE_NOT_AVAILABLE);
	assert_int_equal(tree_count(t), CONTAINER_ID_MAX - 3);
	/* The refused one left nothing, and a free one is found wherever it is. */
	assert_null(tree_find(t, "more"));
	tree_remove(t, tree_find(t, "n17"));
	add(t, "more");
}

static void test_sorted(void **state)
{
	struct tree *t = *state;
	struct container **all;
	static const char *const in[] = { "b", "a", "a/c", "a-", "a/b", "B" };
	static const char *const out[] = { "B", "a", "a-", "a/b", "a/c", "b" };

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		add(t, in[i]);
	assert_int_equal(tree_sorted(t, &all), ARRAY_SIZE(out));
	for (size_t i = 0; i < ARRAY_SIZE(out); i++)
		assert_string_equal(all[i]->name, out[i]);
	free(all);
}

static void names_add(char *out, const struct container *ct)
{
	strcat(out, ct->name);
	strcat(out, " ");
}

static void test_walks(void **state)
{
	struct tree *t = *state;
	struct container *a = add(t, "a"), *ct;
	char pre[100] = "", post[100] = "";

	add(t, "a/b");
	add(t, "a/b/c");
	add(t, "a/d");
	add(t, "z");
	for (ct = a; ct; ct = tree_next(a, ct))
		names_add(pre, ct);
	assert_string_equal(pre, "a a/b a/b/c a/d ");
	for (ct = tree_next_post(a, NULL); ct; ct = tree_next_post(a, ct))
		names_add(post, ct);
	assert_string_equal(post, "a/b/c a/b a/d a ");
	ct = tree_find(t, "z");
	assert_null(tree_next(ct, ct));
	assert_ptr_equal(tree_next_post(ct, NULL), ct);
	assert_null(tree_next_post(ct, ct));
}

static void test_state_counters(void **state)
{
	struct tree *t = *state;
	struct container *root = tree_root(t), *a = add(t, "a"), *b = add(t, "a/b");

	container_set_state(a, STATE_STARTING);
	assert_int_equal(root->starting_below, 1);
	assert_int_equal(a->starting_below, 0);
	container_set_state(a, STATE_META);
	assert_true(container_is_hollow_meta(a));
	container_set_state(b, STATE_STARTING);
	assert_int_equal(a->starting_below, 1);
	container_set_state(b, STATE_RUNNING);
	assert_int_equal(a->starting_below, 0);
	assert_int_equal(a->running_below, 1);
	assert_int_equal(root->running_below, 1);
	assert_false(container_is_hollow_meta(a));
	container_set_state(b, STATE_RUNNING); /* no change, counted once */
	assert_int_equal(a->running_below, 1);
	container_set_state(b, STATE_PAUSED);
	assert_int_equal(a->running_below, 0);
	/* Restoring counts like a change. */
	container_restore_state(b, STATE_RUNNING);
	container_restore_state(b, STATE_RUNNING);
	assert_int_equal(root->running_below, 1);
	container_restore_state(b, STATE_STOPPED);
	assert_int_equal(root->running_below, 0);
}

/* A removed container lives as long as somebody refers to it, and so do its ancestors. */
static void test_removed_but_referenced(void **state)
{
	struct tree *t = *state;
	struct container *a = add(t, "a"), *ab = container_ref(add(t, "a/b"));
	uint32_t id = ab->id;

	tree_remove(t, ab);
	tree_remove(t, a);
	assert_true(ab->destroyed);
	assert_null(tree_find(t, "a/b"));
	assert_null(tree_find_id(t, id));
	assert_int_equal(tree_count(t), 0);
	assert_true(ab->parent->destroyed);
	assert_string_equal(ab->parent->name, "a");
	assert_ptr_equal(ab->parent->parent, tree_root(t));
	add(t, "a"); /* the name is free again, and another container */
	assert_ptr_not_equal(tree_find(t, "a"), ab->parent);
	assert_null(container_unref(ab));
	assert_null(container_unref(NULL));
}

static void test_set_bits(void **state)
{
	struct container *a = add(*state, "a");

	for (unsigned row = 0; row < CONTAINER_PROPS_MAX; row++)
		assert_false(container_is_set(a, row));
	container_mark_set(a, 0, true);
	container_mark_set(a, 63, true);
	container_mark_set(a, 64, true);
	container_mark_set(a, CONTAINER_PROPS_MAX - 1, true);
	assert_true(container_is_set(a, 0) && container_is_set(a, 63) && container_is_set(a, 64) &&
		    container_is_set(a, CONTAINER_PROPS_MAX - 1));
	assert_false(container_is_set(a, 1));
	container_mark_set(a, 63, false);
	assert_false(container_is_set(a, 63));
	assert_true(container_is_set(a, 64));
}

static void assert_text(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

static void test_paths(void **state)
{
	struct tree *t = *state;
	struct container *a = add(t, "a"), *ab = add(t, "a/b");

	assert_text(container_absolute_name(tree_root(t)), "/");
	assert_text(container_absolute_name(ab), "/porto/a/b");
	assert_text(container_root_path(ab), "/");
	assert_false(container_is_chrooted(ab));
	assert_text(container_cwd(ab, "/place/porto"), "/place/porto/a/b");
	a->spec.root = xstrdup("/srv/a");
	assert_text(container_root_path(ab), "/srv/a");
	assert_true(container_is_chrooted(ab));
	assert_text(container_cwd(ab, "/place/porto"), "/");
	ab->spec.root = xstrdup("/inner");
	assert_text(container_root_path(ab), "/srv/a/inner");
	ab->spec.cwd = xstrdup("/tmp");
	assert_text(container_cwd(ab, "/place/porto"), "/tmp");
	ab->spec.cwd[0] = 't';
	ab->spec.cwd[1] = '\0';
	assert_text(container_cwd(ab, "/place/porto"), "/t");
}

static void test_limits_of_the_way_up(void **state)
{
	struct container *a = add(*state, "a"), *ab = add(*state, "a/b");

	assert_int_equal(container_memory_limit_total(ab), 0);
	a->spec.memory_limit = 100;
	assert_int_equal(container_memory_limit_total(ab), 100);
	ab->spec.memory_limit = 200;
	assert_int_equal(container_memory_limit_total(ab), 100);
	ab->spec.memory_limit = 50;
	assert_int_equal(container_memory_limit_total(ab), 50);
	assert_int_equal(container_memory_limit_total(a), 100);
	a->spec.cpu_limit = 7;
	assert_int_equal(container_cpu_limit_total(ab), 7);
}

static void test_exit_codes(void **state)
{
	struct container *a = add(*state, "a");

	a->exit_status = 3 << 8;
	assert_int_equal(container_exit_code(a), 3);
	a->exit_status = 9;
	assert_int_equal(container_exit_code(a), -9);
	a->exit_status = 11 | 0x80; /* with a core dump */
	assert_int_equal(container_exit_code(a), -11);
	a->oom_killed = true;
	assert_int_equal(container_exit_code(a), -99);
}

static void test_start_error(void **state)
{
	struct container *a = add(*state, "a");
	struct error err = ERROR_INIT;

	container_set_start_error(a, &err);
	assert_null(a->start_error); /* success is none */
	error_set(&err, ERR_BUSY, "x");
	container_set_start_error(a, &err);
	container_set_start_error(a, &err);
	assert_int_equal(a->start_error->code, ERR_BUSY);
	container_set_start_error(a, NULL);
	assert_null(a->start_error);
}

static void test_nearest_task(void **state)
{
	struct tree *t = *state;
	struct container *a = add(t, "a"), *b, *c;

	b = add(t, "a/b");
	c = add(t, "a/b/c");
	assert_null(container_nearest_task(c));
	a->has_task = true;
	assert_null(container_nearest_task(c)); /* a pid must be known, too */
	a->task.main_pid = 5;
	assert_ptr_equal(container_nearest_task(c), a);
	b->has_task = true;
	b->task.main_pid = 6;
	assert_ptr_equal(container_nearest_task(c), b);
	assert_null(container_nearest_task(a));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_good_names),   T(test_bad_names),      T(test_name_lengths),
		T(test_root),         T(test_add_and_find),   T(test_find_nearest),
		T(test_ids_go_round), T(test_ids_run_out),    T(test_sorted),
		T(test_walks),        T(test_state_counters), T(test_removed_but_referenced),
		T(test_set_bits),     T(test_paths),          T(test_limits_of_the_way_up),
		T(test_exit_codes),   T(test_start_error),    T(test_nearest_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
