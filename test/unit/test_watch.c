/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions: which reports come to whom, once or again and again. */
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
#include "model/watch.h"

struct fixture {
	struct tree *tree;
	struct watches *watches;
	struct container *root, *a, *ab, *x;
	struct client *host, *inside; /* the latter sees only what is below "a" */
	struct error err;
	char log[1000]; /* "name:state[:label=value][!] " per report, `!` = the last one */
};

struct test_watch {
	struct watch watch;
	struct fixture *f;
};

static void report(struct watch *watch, const struct watch_report *r)
{
	struct test_watch *w = container_of(watch, struct test_watch, watch);
	size_t len = strlen(w->f->log);

	assert_true(r->when > 0);
	snprintf(w->f->log + len, sizeof(w->f->log) - len, "%s:%s%s%s%s%s%s ", r->name, r->state,
		 r->label ? ":" : "", r->label ? r->label : "", r->label ? "=" : "",
		 r->label ? r->value : "", r->last ? "!" : "");
	if (!r->last)
		return;
	assert_null(watch->watches);
	assert_false(list_is_linked(&watch->client_node));
	watch_deinit(watch);
	free(w);
}

static struct container *add(struct fixture *f, const char *name)
{
	struct container *ct;

	assert_int_equal(tree_add(f->tree, name, 0, &ct, &f->err), 0);
	ct->spec.enable_porto = ACCESS_NORMAL;
	return ct;
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->tree = tree_new();
	f->watches = watches_new();
	f->root = tree_root(f->tree);
	f->a = add(f, "a");
	f->ab = add(f, "a/b");
	f->x = add(f, "x");
	f->root->spec.enable_porto = ACCESS_NORMAL;
	f->a->spec.enable_porto = ACCESS_ISOLATE;
	f->host = client_new(f->root);
	f->inside = client_new(f->a);
	f->host->task_cred.uid = f->a->spec.owner_cred.uid = 0;
	/* That "a" does not run yet is no matter of what it may see. */
	(void)client_authorize(f->host, 0, &f->err);
	(void)client_authorize(f->inside, 0, &f->err);
	assert_string_equal(f->inside->read_ns, "a/");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	watches_free(f->watches);
	assert_true(list_is_empty(&f->host->waiters) && list_is_empty(&f->inside->waiters));
	client_free(f->host);
	client_free(f->inside);
	tree_free(f->tree);
	free(f);
	return 0;
}

static struct test_watch *make(struct fixture *f, struct client *c, bool async, const char *name)
{
	struct test_watch *w = xnew(struct test_watch);

	watch_init(&w->watch, c, async);
	w->watch.report = report;
	w->f = f;
	assert_int_equal(watch_add_name(&w->watch, name, &f->err), 0);
	return w;
}

static struct test_watch *subscribe(struct fixture *f, struct client *c, bool async,
				    const char *name)
{
	struct test_watch *w = make(f, c, async, name);

	watches_add(f->watches, &w->watch);
	return w;
}

static void drop(struct test_watch *w)
{
	watch_deinit(&w->watch);
	free(w);
}

static void assert_log(struct fixture *f, const char *expected)
{
	assert_string_equal(f->log, expected);
	f->log[0] = '\0';
}

static void set(struct fixture *f, struct container *ct, enum container_state s)
{
	container_restore_state(ct, s);
	watches_notify_state(f->watches, ct, state_name(s));
}

static void test_sync_ends_once(void **state)
{
	struct fixture *f = *state;

	subscribe(f, f->host, false, "a");
	assert_int_equal(watches_count(f->watches), 1);
	set(f, f->x, STATE_DEAD);
	set(f, f->a, STATE_STARTING);
	set(f, f->a, STATE_RUNNING);
	set(f, f->a, STATE_PAUSED);
	assert_log(f, "");
	set(f, f->a, STATE_DEAD);
	assert_log(f, "a:dead:exit_code=0! ");
	set(f, f->a, STATE_STOPPED);
	assert_log(f, "");
	assert_int_equal(watches_count(f->watches), 0);
}

static void test_sync_end_states(void **state)
{
	struct fixture *f = *state;

	for (int s = 0; s < STATE_DESTROYED; s++) {
		struct test_watch *w = make(f, f->host, false, "x");
		bool ends = s == STATE_STOPPED || s == STATE_DEAD || s == STATE_RESPAWNING ||
			    s == STATE_META; /* nothing runs in it */

		container_restore_state(f->x, (enum container_state)s);
		assert_int_equal(watch_is_satisfied(&w->watch, f->x), ends);
		assert_false(watch_is_satisfied(&w->watch, f->a));
		drop(w);
	}
}

static void test_meta_ends_when_hollow(void **state)
{
	struct fixture *f = *state;

	container_restore_state(f->a, STATE_META);
	container_restore_state(f->ab, STATE_RUNNING);
	subscribe(f, f->host, false, "a");
	watches_notify_state(f->watches, f->a, "meta");
	assert_log(f, "");
	container_restore_state(f->ab, STATE_DEAD);
	watches_notify_state(f->watches, f->a, "meta");
	assert_log(f, "a:meta! ");
}

static void test_masks(void **state)
{
	struct fixture *f = *state;
	struct test_watch *w = subscribe(f, f->host, true, "a/*");

	set(f, f->a, STATE_RUNNING);
	set(f, f->ab, STATE_RUNNING);
	set(f, f->x, STATE_RUNNING);
	watches_notify_state(f->watches, f->root, "meta");
	assert_log(f, "a/b:running ");
	drop(w);
	w = subscribe(f, f->host, true, "***");
	set(f, f->x, STATE_DEAD);
	watches_notify_state(f->watches, f->root, "meta"); /* root is nobody's business */
	assert_log(f, "x:dead:exit_code=0 ");
	drop(w);
}

static void test_async_goes_on(void **state)
{
	struct fixture *f = *state;
	struct test_watch *w = subscribe(f, f->host, true, "x");

	set(f, f->x, STATE_STARTING);
	set(f, f->x, STATE_RUNNING);
	f->x->exit_status = 7 << 8;
	set(f, f->x, STATE_DEAD);
	watches_notify_state(f->watches, f->x, "destroyed");
	assert_log(f, "x:starting x:running x:dead:exit_code=7 x:destroyed ");
	assert_int_equal(watches_count(f->watches), 1);
	drop(w);
}

static void test_async_with_target_ends(void **state)
{
	struct fixture *f = *state;
	struct test_watch *w = subscribe(f, f->host, true, "x");

	str_set(&w->watch.target_state, "dead");
	set(f, f->x, STATE_RUNNING);
	assert_log(f, "");
	set(f, f->x, STATE_DEAD);
	assert_log(f, "x:dead:exit_code=0! ");
	assert_int_equal(watches_count(f->watches), 0);
}

static void test_names_of_an_isolated_client(void **state)
{
	struct fixture *f = *state;
	struct test_watch *w = subscribe(f, f->inside, true, "b"), *all;

	set(f, f->ab, STATE_RUNNING);
	assert_log(f, "b:running ");
	drop(w);
	all = subscribe(f, f->inside, true, "***");
	set(f, f->ab, STATE_RUNNING);
	set(f, f->x, STATE_RUNNING);
	set(f, f->a, STATE_RUNNING);
	assert_log(f, "b:running "); /* neither what is outside nor itself */
	drop(all);
	/* Itself has no name in its own view: it is called what the client called it. */
	w = subscribe(f, f->inside, true, "self");
	set(f, f->a, STATE_DEAD);
	assert_log(f, "self:dead:exit_code=0 ");
	drop(w);
	w = make(f, f->inside, false, "b");
	assert_int_equal(watch_add_name(&w->watch, "/porto/x", &f->err), -1);
	assert_int_equal(f->err.code, ERR_PERMISSION);
	drop(w);
}

static void test_labels(void **state)
{
	struct fixture *f = *state;
	struct test_watch *w = subscribe(f, f->host, true, "x"), *s;

	strv_add(&w->watch.labels, "A.*");
	watches_notify_label(f->watches, f->x, "B.b", "1");
	watches_notify_label(f->watches, f->a, "A.a", "1");
	assert_log(f, "");
	watches_notify_label(f->watches, f->x, "A.a", "2");
	assert_log(f, "x:stopped:A.a=2 ");
	drop(w);

	s = subscribe(f, f->host, false, "x");
	watches_notify_label(f->watches, f->x, "A.a", "3"); /* asked for none */
	assert_log(f, "");
	strv_add(&s->watch.labels, "A.a");
	watches_notify_label(f->watches, f->x, "A.a", "4");
	assert_log(f, "x:stopped:A.a=4! ");
	assert_int_equal(watches_count(f->watches), 0);
}

static void test_label_satisfies_a_sync_wait(void **state)
{
	struct fixture *f = *state;
	struct test_watch *w = make(f, f->host, false, "x");

	container_restore_state(f->x, STATE_RUNNING);
	strv_add(&w->watch.labels, "A.*");
	assert_false(watch_is_satisfied(&w->watch, f->x));
	smap_set(&f->x->spec.labels, "A.a", "v");
	assert_true(watch_is_satisfied(&w->watch, f->x));
	watch_finish_now(&w->watch, f->x);
	assert_log(f, "x:running:A.a=v! ");

	/* What is over already is not what was asked for; that it ends is. */
	w = make(f, f->host, false, "x");
	strv_add(&w->watch.labels, "B.*");
	container_restore_state(f->x, STATE_DEAD);
	assert_false(watch_is_satisfied(&w->watch, f->x));
	watches_add(f->watches, &w->watch);
	set(f, f->x, STATE_STOPPED);
	assert_log(f, "x:stopped! ");
}

/* A stopped container goes without passing a state that ends a wait. */
static void test_destroyed_ends_a_sync_wait(void **state)
{
	struct fixture *f = *state;
	struct test_watch *w = make(f, f->host, false, "x");

	strv_add(&w->watch.labels, "B.*");
	watches_add(f->watches, &w->watch);
	set(f, f->x, STATE_DESTROYED);
	assert_log(f, "x:destroyed! ");
}

static void test_present_state(void **state)
{
	struct fixture *f = *state;
	struct test_watch *w = make(f, f->host, true, "x");

	assert_true(watch_report_now(&w->watch, f->x));
	assert_true(watch_report_now(&w->watch, f->a));
	assert_log(f, "x:stopped ");
	smap_set(&f->x->spec.labels, "A.a", "1");
	smap_set(&f->x->spec.labels, "A.b", "2");
	smap_set(&f->x->spec.labels, "B.c", "3");
	strv_add(&w->watch.labels, "A.*");
	assert_true(watch_report_now(&w->watch, f->x));
	assert_log(f, "x:stopped:A.a=1 x:stopped:A.b=2 ");
	str_set(&w->watch.target_state, "dead");
	assert_true(watch_report_now(&w->watch, f->x));
	container_restore_state(f->x, STATE_DEAD);
	/* One report is all it gets, however many labels match. */
	assert_false(watch_report_now(&w->watch, f->x));
	assert_log(f, "x:dead:A.a=1! ");
}

static void test_start_error_is_told(void **state)
{
	struct fixture *f = *state;
	struct test_watch *w = subscribe(f, f->host, true, "x");
	struct error why = ERROR_INIT;

	error_set(&why, ERR_INVALID_VALUE, "no such file");
	container_set_start_error(f->x, &why);
	set(f, f->x, STATE_STOPPED);
	assert_log(f, "x:stopped:start_error=InvalidValue:(no such file) ");
	watches_notify_state(f->watches, f->x, "destroyed");
	assert_log(f, "x:destroyed ");
	container_set_start_error(f->x, NULL);
	f->x->oom_killed = true;
	set(f, f->x, STATE_DEAD);
	assert_log(f, "x:dead:exit_code=-99 ");
	drop(w);
}

static void test_timeout(void **state)
{
	struct fixture *f = *state;
	struct test_watch *w = subscribe(f, f->host, false, "x"), *async;

	watch_time_out(&w->watch);
	assert_log(f, ":timeout! ");
	async = subscribe(f, f->host, true, "x");
	watch_time_out(&async->watch);
	assert_log(f, ":timeout! ");
	assert_int_equal(watches_count(f->watches), 0);
}

/* Everyone is told, although each of them leaves and frees itself meanwhile. */
static void test_many_end_at_once(void **state)
{
	struct fixture *f = *state;
	struct test_watch *stays;

	subscribe(f, f->host, false, "x");
	stays = subscribe(f, f->host, true, "x");
	subscribe(f, f->inside, false, "b");
	subscribe(f, f->host, false, "*");
	set(f, f->x, STATE_DEAD);
	assert_log(f, "x:dead:exit_code=0! x:dead:exit_code=0 x:dead:exit_code=0! ");
	assert_int_equal(watches_count(f->watches), 2);
	set(f, f->ab, STATE_DEAD);
	assert_log(f, "b:dead:exit_code=0! ");
	drop(stays);
}

/* A container that is asked for several times is reported once, under the name that was given. */
static void test_one_report_for_many_masks(void **state)
{
	struct fixture *f = *state;
	struct test_watch *w = make(f, f->host, true, "a/b");
	static const char *const more[] = { "/porto/a/b", "a/*", "a/***", "***", "*/b", "a/[b]" };

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		assert_int_equal(watch_add_name(&w->watch, more[i], &f->err), 0);
	assert_int_equal(w->watch.names.n, 1);
	watches_add(f->watches, &w->watch);
	set(f, f->ab, STATE_RUNNING);
	assert_log(f, "a/b:running ");
	drop(w);
	watches_notify_state(f->watches, f->ab, "running");
	assert_log(f, "");
}

static void test_masks_are_found_by_directory(void **state)
{
	static const struct {
		const char *mask;
		bool matches;
	} cases[] = {
		{ "a/b*", true },   { "a/b***", true }, { "a/***", true },    { "a***", true },
		{ "?/b", true },    { "***b", true },   { "***/b", true },    { "a/?", true },
		{ "[a]/b", true },  { "a/b/*", false }, { "a/b/***", false }, { "b/*", false },
		{ "x/***", false }, { "*", false },     { "ab*", false },     { "a/\\b*", true },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_watch *w = subscribe(f, f->host, true, cases[i].mask);

		watches_notify_state(f->watches, f->ab, "running");
		assert_log(f, cases[i].matches ? "a/b:running " : "");
		drop(w);
	}
}

/* What an event costs does not depend on those that it does not concern. */
static void test_cost(void **state)
{
	struct fixture *f = *state;
	struct test_watch *many[300];
	uint64_t before;
	char name[32];

	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), i % 2 ? "other-%d" : "other-%d/***", i);
		many[i] = subscribe(f, f->host, true, name);
	}
	subscribe(f, f->host, false, "x");
	before = watches_examined(f->watches);
	for (int i = 0; i < 100; i++)
		watches_notify_label(f->watches, f->x, "A.a", "1");
	set(f, f->x, STATE_DEAD);
	assert_log(f, "x:dead:exit_code=0! ");
	assert_true(watches_examined(f->watches) - before <= 101);
	for (int i = 0; i < 300; i++)
		drop(many[i]);
}

/* enable_porto is changed while somebody listens. */
static void test_rights_that_change(void **state)
{
	struct fixture *f = *state;
	struct test_watch *w;

	f->a->spec.enable_porto = ACCESS_NORMAL;
	container_restore_state(f->a, STATE_RUNNING);
	assert_int_equal(client_refresh(f->inside, &f->err), 0);
	w = make(f, f->inside, true, "x");
	assert_int_equal(watch_add_name(&w->watch, "***", &f->err), 0);
	watches_add(f->watches, &w->watch);
	set(f, f->x, STATE_RUNNING);
	set(f, f->ab, STATE_RUNNING);
	assert_log(f, "x:running a/b:running ");
	f->a->spec.enable_porto = ACCESS_ISOLATE;
	set(f, f->x, STATE_DEAD);
	set(f, f->ab, STATE_DEAD);
	assert_log(f, "b:dead:exit_code=0 ");
	f->a->spec.enable_porto = ACCESS_NONE;
	set(f, f->ab, STATE_STOPPED);
	assert_log(f, "");
	f->a->spec.enable_porto = ACCESS_NORMAL;
	set(f, f->x, STATE_STOPPED);
	assert_log(f, "x:stopped ");
	drop(w);
}

/* Only who names it hears of it, and only of a container that goes on. */
static void test_oom_notice(void **state)
{
	struct fixture *f = *state;
	struct test_watch *masks = make(f, f->host, true, "***");
	struct test_watch *plain = subscribe(f, f->host, true, "x");
	struct test_watch *named = make(f, f->host, true, "*");
	struct test_watch *sync = make(f, f->host, false, "x");
	struct test_watch *once = make(f, f->host, true, "x");

	set(f, f->x, STATE_STARTING);
	set(f, f->x, STATE_RUNNING);
	f->log[0] = '\0';
	strv_add(&masks->watch.labels, "***");
	strv_add(&masks->watch.labels, "oom_*");
	strv_add(&named->watch.labels, "TEST.*");
	strv_add(&named->watch.labels, "oom_kills");
	strv_add(&sync->watch.labels, "oom_kills");
	strv_add(&once->watch.labels, "oom_kills");
	once->watch.target_state = xstrdup("running");
	watches_add(f->watches, &masks->watch);
	watches_add(f->watches, &sync->watch);
	assert_true(watch_report_now(&named->watch, f->x));
	assert_log(f, "");
	watches_add(f->watches, &named->watch);
	f->x->oom_kills = 3;
	f->x->spec.oom_is_fatal = true;
	watches_notify_oom(f->watches, f->x);
	assert_log(f, "");
	f->x->spec.oom_is_fatal = false;
	watches_notify_oom(f->watches, f->x);
	assert_log(f, "x:running:oom_kills=3 ");
	/* Who comes later is told at once. */
	assert_true(watch_report_now(&named->watch, f->x));
	assert_log(f, "x:running:oom_kills=3 ");
	watches_add(f->watches, &once->watch);
	f->x->oom_kills = 5;
	watches_notify_oom(f->watches, f->x);
	assert_log(f, "x:running:oom_kills=5! x:running:oom_kills=5 ");
	/* A child of another, outside of the mask. */
	f->ab->spec.oom_is_fatal = false;
	f->ab->oom_kills = 1;
	watches_notify_oom(f->watches, f->ab);
	assert_log(f, "");
	drop(masks);
	drop(plain);
	drop(named);
	drop(sync);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_sync_ends_once),
		T(test_sync_end_states),
		T(test_meta_ends_when_hollow),
		T(test_masks),
		T(test_async_goes_on),
		T(test_async_with_target_ends),
		T(test_names_of_an_isolated_client),
		T(test_labels),
		T(test_label_satisfies_a_sync_wait),
		T(test_present_state),
		T(test_start_error_is_told),
		T(test_timeout),
		T(test_many_end_at_once),
		T(test_destroyed_ends_a_sync_wait),
		T(test_one_report_for_many_masks),
		T(test_masks_are_found_by_directory),
		T(test_cost),
		T(test_rights_that_change),
		T(test_oom_notice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
