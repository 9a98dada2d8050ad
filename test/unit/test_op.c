/* SPDX-License-Identifier: Apache-2.0 */
/* Admission and queueing of operations, their timers and job slots, with a real loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/xalloc.h"
#include "ops/ops.h"

struct fixture {
	struct loop *loop;
	struct procs *procs;
	struct ops_config config;
	struct ops ops;
	struct error err;
	struct container *root, *a, *ab, *abc, *ad;
	char order[256]; /* names of the operations in the order of admission */
	char ended[256]; /* and of their `done` */
	unsigned freed, idle;
};

/* Static in the tests: freed by the loop, after the test returned. */
struct fake_op {
	struct op op;
	struct fixture *f;
	const char *name;
	bool instant, end_after_job, end_on_step;
	unsigned steps;
	int code; /* of done */
	bool was_done;
	struct container *move_to;
	struct op *abandon_in_done;
	bool dead;
};

static void note(char *out, size_t size, const char *name)
{
	size_t len = strlen(out);

	snprintf(out + len, size - len, "%s ", name);
}

static void fake_step(struct op *op)
{
	struct fake_op *o = container_of(op, struct fake_op, op);
	struct container *to = o->move_to;

	if (o->steps++ == 0)
		note(o->f->order, sizeof(o->f->order), o->name);
	if (to) {
		o->move_to = NULL;
		op_move(op, to);
		return;
	}
	if (o->instant || o->end_on_step || (o->end_after_job && o->steps > 1))
		op_finish(op, &op->job_err);
}

static void fake_free(struct op *op)
{
	struct fake_op *o = container_of(op, struct fake_op, op);

	o->f->freed++;
	o->dead = true;
}

static const struct op_class exclusive = { .name = "exclusive",
					   .step = fake_step,
					   .free = fake_free };
static const struct op_class shallow = {
	.name = "shallow", .shallow = true, .step = fake_step, .free = fake_free
};

static void fake_done(struct op *op, const struct error *err, void *user)
{
	struct fake_op *o = user;

	(void)op;
	o->was_done = true;
	o->code = err->code;
	note(o->f->ended, sizeof(o->f->ended), o->name);
	if (o->abandon_in_done)
		op_abandon(o->abandon_in_done);
}

static void on_idle(struct ops *ops)
{
	struct fixture *f = container_of(ops, struct fixture, ops);

	f->idle++;
}

static struct container *add(struct fixture *f, const char *name)
{
	struct container *ct;

	assert_int_equal(tree_add(f->ops.tree, name, 0, &ct, &f->err), 0);
	return ct;
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->loop = loop_new();
	f->procs = procs_new(f->loop);
	f->config = (struct ops_config){ .queue_timeout_ms = 60000, .max_jobs = 2 };
	f->ops.config = &f->config;
	f->ops.loop = f->loop;
	f->ops.procs = f->procs;
	f->ops.tree = tree_new();
	f->ops.watches = watches_new();
	f->ops.on_idle = on_idle;
	list_init(&f->ops.job_queue);
	assert_int_equal(store_open(":memory:", &f->ops.store, &f->err), 0);
	f->root = tree_root(f->ops.tree);
	f->a = add(f, "a");
	f->ab = add(f, "a/b");
	f->abc = add(f, "a/b/c");
	f->ad = add(f, "a/d");
	*state = f;
	return 0;
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 3; i++)
		loop_run_once(f->loop);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	turn(f);
	assert_int_equal(f->ops.active, 0);
	assert_true(list_is_empty(&f->ops.job_queue));
	assert_int_equal(f->ops.jobs_running, 0);
	for (struct container *ct = f->root; ct; ct = tree_next(f->root, ct)) {
		assert_null(ct->op);
		assert_int_equal(ct->ops_below, 0);
		assert_true(list_is_empty(&ct->op_waiting));
	}
	tree_free(f->ops.tree);
	watches_free(f->ops.watches);
	store_close(f->ops.store);
	procs_free(f->procs);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void init(struct fixture *f, struct fake_op *o, const char *name, struct container *ct,
		 const struct op_class *class)
{
	memset(o, 0, sizeof(*o));
	o->f = f;
	o->name = name;
	op_init(&o->op, class, &f->ops, ct, fake_done, o);
}

static void submit(struct fixture *f, struct fake_op *o, const char *name, struct container *ct,
		   const struct op_class *class)
{
	init(f, o, name, ct, class);
	op_submit(&o->op);
}

static void finish(struct fake_op *o)
{
	struct error none = ERROR_INIT;

	assert_true(o->op.active);
	op_finish(&o->op, &none);
}

/* Turns of the loop until the operation ended; each sleeps a little. */
static void run_until_done(struct fixture *f, const bool *flag)
{
	for (int i = 0; i < 20000 && !*flag; i++) {
		loop_run_once(f->loop);
		usleep(500);
	}
	assert_true(*flag);
}

/* ---- who may run beside whom ---- */

static void test_runs_at_once_when_idle(void **state)
{
	struct fixture *f = *state;
	static struct fake_op o;

	init(f, &o, "o", f->ab, &exclusive);
	assert_false(op_would_wait(&exclusive, f->ab));
	op_submit(&o.op);
	assert_true(o.op.active);
	assert_ptr_equal(f->ab->op, &o.op);
	assert_int_equal(f->a->ops_below, 1);
	assert_int_equal(f->root->ops_below, 1);
	finish(&o);
	assert_true(o.was_done);
	assert_int_equal(o.code, 0);
	assert_int_equal(f->freed, 0); /* later, so that the caller may still look at it */
	turn(f);
	assert_int_equal(f->freed, 1);
}

static void test_siblings_run_together(void **state)
{
	struct fixture *f = *state;
	static struct fake_op x, y;

	submit(f, &x, "x", f->ab, &exclusive);
	submit(f, &y, "y", f->ad, &exclusive);
	assert_true(x.op.active && y.op.active);
	assert_int_equal(f->a->ops_below, 2);
	finish(&x);
	finish(&y);
}

static void test_below_waits_for_above(void **state)
{
	struct fixture *f = *state;
	static struct fake_op x, y, z;

	submit(f, &x, "x", f->a, &exclusive);
	submit(f, &y, "y", f->abc, &exclusive);
	submit(f, &z, "z", f->ad, &shallow);
	assert_false(y.op.active || z.op.active);
	assert_ptr_equal(y.op.waits_at, f->a);
	assert_true(op_would_wait(&shallow, f->abc));
	finish(&x);
	assert_true(y.op.active && z.op.active);
	finish(&y);
	finish(&z);
	assert_string_equal(f->order, "x y z ");
}

static void test_exclusive_waits_for_below_shallow_does_not(void **state)
{
	struct fixture *f = *state;
	static struct fake_op below, x, s;

	submit(f, &below, "below", f->abc, &exclusive);
	assert_true(op_would_wait(&exclusive, f->a));
	assert_false(op_would_wait(&shallow, f->a));
	submit(f, &s, "s", f->a, &shallow);
	assert_true(s.op.active);
	finish(&s);
	submit(f, &x, "x", f->a, &exclusive);
	assert_false(x.op.active);
	finish(&below);
	assert_true(x.op.active);
	finish(&x);
}

static void test_first_come_first_served(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "1", "2", "3", "4", "5" };
	static struct fake_op first, q[5];

	submit(f, &first, "0", f->a, &exclusive);
	for (int i = 0; i < 5; i++)
		submit(f, &q[i], names[i], f->a, i % 2 ? &shallow : &exclusive);
	finish(&first);
	for (int i = 0; i < 5; i++) {
		assert_true(q[i].op.active);
		for (int k = i + 1; k < 5; k++)
			assert_false(q[k].op.active);
		finish(&q[i]);
	}
	assert_string_equal(f->order, "0 1 2 3 4 5 ");
	assert_string_equal(f->ended, "0 1 2 3 4 5 ");
}

static void test_instant_ones_pass_in_a_row(void **state)
{
	struct fixture *f = *state;
	static struct fake_op first, q[3];
	static const char *const names[] = { "1", "2", "3" };

	submit(f, &first, "0", f->a, &exclusive);
	for (int i = 0; i < 3; i++) {
		init(f, &q[i], names[i], f->a, &exclusive);
		q[i].instant = true;
		op_submit(&q[i].op);
	}
	finish(&first);
	assert_string_equal(f->ended, "0 1 2 3 ");
}

/* Work below goes on all the time; who waits for the whole subtree has its turn nevertheless. */
static void test_subtree_is_not_starved(void **state)
{
	struct fixture *f = *state;
	static struct fake_op first, stop, late, shallow_late;

	submit(f, &first, "first", f->ab, &exclusive);
	submit(f, &stop, "stop", f->a, &exclusive);
	submit(f, &late, "late", f->ad, &exclusive);
	submit(f, &shallow_late, "shallow", f->ad, &shallow);
	assert_false(late.op.active || shallow_late.op.active); /* although a/d is idle */
	finish(&first);
	assert_true(stop.op.active);
	assert_false(late.op.active);
	finish(&stop);
	assert_true(late.op.active);
	assert_false(shallow_late.op.active);
	finish(&late);
	finish(&shallow_late);
	assert_string_equal(f->order, "first stop late shallow ");
}

static void test_waiter_moves_up_with_what_blocks_it(void **state)
{
	struct fixture *f = *state;
	static struct fake_op low, top, mid;

	submit(f, &low, "low", f->abc, &exclusive);
	submit(f, &mid, "mid", f->ab, &exclusive);
	submit(f, &top, "top", f->a, &exclusive);
	assert_ptr_equal(mid.op.waits_at, f->ab);
	assert_ptr_equal(top.op.waits_at, f->a);
	finish(&low);
	/* The subtree's turn is first now: somebody waits for all of it. */
	assert_true(top.op.active != mid.op.active);
	finish(top.op.active ? &top : &mid);
	finish(top.op.finished ? &mid : &top);
}

/* ---- leaving the queue ---- */

static void test_queue_deadline(void **state)
{
	struct fixture *f = *state;
	static struct fake_op first, late, behind;

	submit(f, &first, "first", f->ab, &exclusive);
	f->config.queue_timeout_ms = 1;
	submit(f, &late, "late", f->a, &exclusive);
	f->config.queue_timeout_ms = 60000;
	submit(f, &behind, "behind", f->ad, &exclusive);
	assert_false(behind.op.active);
	run_until_done(f, &late.was_done);
	assert_int_equal(late.code, ERR_BUSY);
	assert_non_null(strstr(late.op.err.text, "exclusive a: waited"));
	assert_int_equal(late.steps, 0);
	/* It only waited behind the one that gave up. */
	assert_true(behind.op.active);
	finish(&behind);
	finish(&first);
}

/* A death must happen, however late. */
static void test_no_deadline_without_a_waiter(void **state)
{
	struct fixture *f = *state;
	static struct fake_op first, death;

	f->config.queue_timeout_ms = 1;
	submit(f, &first, "first", f->a, &exclusive);
	init(f, &death, "death", f->a, &exclusive);
	death.op.done = NULL;
	op_submit(&death.op);
	assert_false(ev_is_active(&death.op.queue_timer));
	usleep(3000);
	turn(f);
	assert_false(death.op.finished);
	finish(&first);
	assert_true(death.op.active);
	finish(&death);
}

/* Being tried again does not give a new deadline; being admitted ends it. */
static void test_deadline_counts_once(void **state)
{
	struct fixture *f = *state;
	static struct fake_op x, y, q;

	submit(f, &x, "x", f->ab, &exclusive);
	submit(f, &y, "y", f->ad, &exclusive);
	submit(f, &q, "q", f->a, &exclusive);
	assert_true(ev_is_active(&q.op.queue_timer));
	finish(&x);
	assert_false(q.op.active);
	assert_true(ev_is_active(&q.op.queue_timer));
	finish(&y);
	assert_true(q.op.active);
	assert_false(ev_is_active(&q.op.queue_timer));
	finish(&q);
}

static void test_abandon_queued(void **state)
{
	struct fixture *f = *state;
	static struct fake_op first, q, behind;

	submit(f, &first, "first", f->ab, &exclusive);
	submit(f, &q, "q", f->a, &exclusive);
	submit(f, &behind, "behind", f->ad, &exclusive);
	op_abandon(&q.op);
	assert_false(q.was_done);
	assert_true(q.op.finished);
	assert_true(behind.op.active);
	turn(f);
	assert_int_equal(f->freed, 1);
	assert_int_equal(q.steps, 0);
	finish(&behind);
	finish(&first);
}

static void test_abandon_active(void **state)
{
	struct fixture *f = *state;
	static struct fake_op o;

	submit(f, &o, "o", f->a, &exclusive);
	op_abandon(&o.op);
	assert_true(o.op.active);
	assert_false(o.op.finished);
	op_abandon(&o.op);
	finish(&o);
	assert_false(o.was_done);
	op_abandon(&o.op); /* too late, harmless */
	turn(f);
	assert_int_equal(f->freed, 1);
}

/* Whoever is dropped while the queue is being woken must not be run after all. */
static void test_abandon_the_next_one_while_waking(void **state)
{
	struct fixture *f = *state;
	static struct fake_op first, q, victim, last;

	submit(f, &first, "first", f->a, &exclusive);
	init(f, &q, "q", f->a, &exclusive);
	q.instant = true;
	q.abandon_in_done = &victim.op;
	op_submit(&q.op);
	submit(f, &victim, "victim", f->a, &exclusive);
	submit(f, &last, "last", f->a, &exclusive);
	finish(&first);
	assert_int_equal(victim.steps, 0);
	assert_false(victim.op.active);
	assert_true(last.op.active);
	finish(&last);
}

/* ---- moving ---- */

static void test_move(void **state)
{
	struct fixture *f = *state;
	static struct fake_op mover, waiter, below;

	init(f, &mover, "mover", f->ab, &exclusive);
	mover.move_to = f->a;
	op_submit(&mover.op);
	assert_ptr_equal(f->a->op, &mover.op);
	assert_null(f->ab->op);
	assert_ptr_equal(mover.op.ct, f->a);
	assert_int_equal(f->a->ops_below, 0);
	submit(f, &waiter, "waiter", f->ab, &exclusive);
	assert_false(waiter.op.active);
	finish(&mover);
	finish(&waiter);
	turn(f);

	submit(f, &below, "below", f->ad, &exclusive);
	init(f, &mover, "mover", f->ab, &exclusive);
	mover.move_to = f->a;
	op_submit(&mover.op);
	assert_false(mover.op.active); /* queued at its new place */
	assert_ptr_equal(mover.op.waits_at, f->a);
	assert_int_equal(f->a->ops_below, 1);
	finish(&below);
	assert_true(mover.op.active);
	finish(&mover);
}

static void test_destroyed_container_stays_valid(void **state)
{
	struct fixture *f = *state;
	static struct fake_op o;

	submit(f, &o, "o", f->ad, &exclusive);
	tree_remove(f->ops.tree, f->ad);
	finish(&o);
	assert_int_equal(f->a->ops_below, 0);
	turn(f);
}

/* ---- jobs ---- */

static int quick_job(void *arg, void *result, size_t *len, struct error *err)
{
	(void)err;
	memcpy(result, arg, 4);
	*len = 4;
	return 0;
}

static int failing_job(void *arg, void *result, size_t *len, struct error *err)
{
	(void)arg;
	(void)result;
	*len = 0;
	return error_set(err, ERR_NO_SPACE, "no");
}

static void test_job_result(void **state)
{
	struct fixture *f = *state;
	static struct fake_op o;
	char arg[4] = "abc";

	init(f, &o, "o", f->a, &exclusive);
	o.end_after_job = true;
	op_submit(&o.op);
	op_start_job(&o.op, "quick", quick_job, arg, 0);
	assert_true(o.op.job_pending);
	run_until_done(f, &o.was_done);
	assert_int_equal(o.code, 0);
	assert_false(o.op.job_pending);
	assert_int_equal(o.op.job_result_len, 4);
	assert_string_equal(o.op.job_result, "abc");
}

static void test_job_failure(void **state)
{
	struct fixture *f = *state;
	static struct fake_op o;

	init(f, &o, "o", f->a, &exclusive);
	o.end_after_job = true;
	op_submit(&o.op);
	op_start_job(&o.op, "failing", failing_job, NULL, 0);
	run_until_done(f, &o.was_done);
	assert_int_equal(o.code, ERR_NO_SPACE);
}

static void test_job_slots(void **state)
{
	struct fixture *f = *state;
	static struct fake_op o[6];
	struct container *ct[6];
	static const char *const names[] = { "n0", "n1", "n2", "n3", "n4", "n5" };
	char arg[4] = "xyz";

	for (int i = 0; i < 6; i++) {
		ct[i] = add(f, names[i]);
		init(f, &o[i], names[i], ct[i], &exclusive);
		o[i].end_after_job = true;
		op_submit(&o[i].op);
		op_start_job(&o[i].op, "quick", quick_job, arg, 0);
		assert_true(o[i].op.job_pending);
	}
	assert_int_equal(f->ops.jobs_running, 2);
	assert_int_equal(procs_count(f->procs), 2);
	for (int i = 0; i < 6; i++) {
		assert_true(procs_count(f->procs) <= 2);
		run_until_done(f, &o[i].was_done);
		assert_int_equal(o[i].code, 0);
	}
}

/* Without a process to be had the step runs once, from the loop, and whoever looks meanwhile sees
 * that the operation is still waiting for its job. */
static void test_job_cannot_fork(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, none;
	static struct fake_op o;

	init(f, &o, "o", f->a, &exclusive);
	o.end_after_job = true;
	op_submit(&o.op);
	/* No descriptors, no channel. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	op_start_job(&o.op, "quick", quick_job, &o, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(o.steps, 1);
	assert_true(o.op.job_pending);
	run_until_done(f, &o.was_done);
	assert_int_equal(o.steps, 2);
	assert_false(o.op.job_pending);
	assert_int_not_equal(o.code, 0);
}

static void test_timer(void **state)
{
	struct fixture *f = *state;
	static struct fake_op o;

	submit(f, &o, "o", f->a, &exclusive);
	op_start_timer(&o.op, 1);
	op_stop_timer(&o.op);
	usleep(3000);
	turn(f);
	assert_int_equal(o.steps, 1);
	o.end_on_step = true;
	op_start_timer(&o.op, 1);
	run_until_done(f, &o.was_done);
	assert_int_equal(o.steps, 2);
}

static void test_idle_is_told_when_stopping(void **state)
{
	struct fixture *f = *state;
	static struct fake_op x, y;

	submit(f, &x, "x", f->a, &exclusive);
	finish(&x);
	turn(f);
	assert_int_equal(f->idle, 0);
	submit(f, &x, "x", f->ab, &exclusive);
	submit(f, &y, "y", f->ad, &exclusive);
	f->ops.stopping = true;
	finish(&x);
	turn(f);
	assert_int_equal(f->idle, 0);
	finish(&y);
	turn(f);
	assert_int_equal(f->idle, 1);
}

/* ---- weak containers, all in memory as long as they are stopped ---- */

static void test_weak_parent_and_child_go_together(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_new(f->root);
	struct container *w = add(f, "w"), *wc = add(f, "w/c"), *v = add(f, "v"),
			 *kept = add(f, "k");

	w->spec.weak = wc->spec.weak = v->spec.weak = true;
	ops_bind_weak(c, w);
	ops_bind_weak(c, wc);
	ops_bind_weak(c, v);
	ops_bind_weak(c, kept); /* was set to weak=false meanwhile */
	ops_client_gone(&f->ops, c);
	assert_null(tree_find(f->ops.tree, "w"));
	assert_null(tree_find(f->ops.tree, "w/c"));
	assert_null(tree_find(f->ops.tree, "v"));
	assert_ptr_equal(tree_find(f->ops.tree, "k"), kept);
	client_free(c);
}

static void test_destroy_all(void **state)
{
	struct fixture *f = *state;

	add(f, "x");
	add(f, "y");
	ops_destroy_all(&f->ops);
	assert_int_equal(tree_count(f->ops.tree), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_runs_at_once_when_idle),
		T(test_siblings_run_together),
		T(test_below_waits_for_above),
		T(test_exclusive_waits_for_below_shallow_does_not),
		T(test_first_come_first_served),
		T(test_instant_ones_pass_in_a_row),
		T(test_subtree_is_not_starved),
		T(test_waiter_moves_up_with_what_blocks_it),
		T(test_queue_deadline),
		T(test_no_deadline_without_a_waiter),
		T(test_deadline_counts_once),
		T(test_abandon_queued),
		T(test_abandon_active),
		T(test_abandon_the_next_one_while_waking),
		T(test_move),
		T(test_destroyed_container_stays_valid),
		T(test_job_result),
		T(test_job_failure),
		T(test_job_slots),
		T(test_job_cannot_fork),
		T(test_timer),
		T(test_idle_is_told_when_stopping),
		T(test_weak_parent_and_child_go_together),
		T(test_destroy_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
