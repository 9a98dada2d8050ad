/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a turn, deferred work and its bound, children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "loop/loop.h"
#include "loop/proc.h"

/* ---- turns ---- */

struct trace {
	struct loop *loop;
	char text[64];
	struct turn_hook commit, flush;
	struct defer a, b;
	ev_timer timer;
};

static void note(struct trace *t, char c)
{
	size_t n = strlen(t->text);

	assert_true(n + 1 < sizeof(t->text));
	t->text[n] = c;
}

static void on_commit(struct turn_hook *h)
{
	note(container_of(h, struct trace, commit), 'C');
}

static void on_flush(struct turn_hook *h)
{
	note(container_of(h, struct trace, flush), 'F');
}

static void run_a(struct defer *d)
{
	struct trace *t = container_of(d, struct trace, a);

	note(t, 'a');
	loop_defer(t->loop, &t->b);
}

static void run_b(struct defer *d)
{
	note(container_of(d, struct trace, b), 'b');
}

static void on_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct trace *t = container_of(w, struct trace, timer);

	(void)ev, (void)revents;
	note(t, 't');
	loop_defer(t->loop, &t->a);
	loop_defer(t->loop, &t->a); /* queued once */
}

static void trace_init(struct trace *t)
{
	memset(t, 0, sizeof(*t));
	t->loop = loop_new();
	assert_non_null(t->loop);
	defer_init(&t->a, run_a);
	defer_init(&t->b, run_b);
	loop_add_turn_hook(t->loop, &t->commit, on_commit);
	loop_add_turn_hook(t->loop, &t->flush, on_flush);
	ev_timer_init(&t->timer, on_timer, 0, 0);
}

static void test_turn_runs_watchers_then_deferred_then_hooks(void **state)
{
	struct trace t;

	(void)state;
	trace_init(&t);
	ev_timer_start(loop_ev(t.loop), &t.timer);
	loop_run_once(t.loop);
	/* The turn that ev_run() ends before its poll comes first. */
	assert_string_equal(t.text, "CFtabCF");
	loop_free(t.loop);
}

static void test_cancelled_deferred_work_does_not_run(void **state)
{
	struct trace t;

	(void)state;
	trace_init(&t);
	loop_defer(t.loop, &t.a);
	loop_defer(t.loop, &t.b);
	loop_defer_cancel(&t.a);
	loop_defer_cancel(&t.a);
	loop_run_once(t.loop);
	assert_string_equal(t.text, "bCFCF");
	loop_free(t.loop);
}

static void on_stop_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct trace *t = container_of(w, struct trace, timer);

	(void)ev, (void)revents;
	loop_defer(t->loop, &t->b);
	loop_stop(t->loop);
}

static void test_stop_ends_the_turn_it_happened_in(void **state)
{
	struct trace t;

	(void)state;
	trace_init(&t);
	ev_set_cb(&t.timer, on_stop_timer);
	ev_timer_start(loop_ev(t.loop), &t.timer);
	loop_run(t.loop);
	assert_string_equal(t.text, "CFbCF");
	assert_int_equal(loop_get_stats(t.loop)->turns, 1);
	assert_true(loop_get_stats(t.loop)->longest_turn_nsec > 0);
	loop_reset_longest_turn(t.loop);
	assert_int_equal(loop_get_stats(t.loop)->longest_turn_nsec, 0);
	loop_free(t.loop);
}

struct endless {
	struct loop *loop;
	struct defer defer;
	unsigned runs, at_hook;
	struct turn_hook hook;
};

static void run_endless(struct defer *d)
{
	struct endless *e = container_of(d, struct endless, defer);

	e->runs++;
	loop_defer(e->loop, d);
}

static void endless_hook(struct turn_hook *h)
{
	struct endless *e = container_of(h, struct endless, hook);

	e->at_hook = e->runs;
}

static void test_deferred_work_that_queues_itself_is_bounded_per_turn(void **state)
{
	struct endless e = { .loop = loop_new() };

	(void)state;
	defer_init(&e.defer, run_endless);
	loop_add_turn_hook(e.loop, &e.hook, endless_hook);
	loop_defer(e.loop, &e.defer);
	/* ONCE would sleep for ever if the leftover did not keep the loop awake. */
	ev_run(loop_ev(e.loop), EVRUN_ONCE);
	assert_true(e.at_hook > 1);
	ev_run(loop_ev(e.loop), EVRUN_ONCE);
	assert_true(e.runs > 1024);
	loop_defer_cancel(&e.defer);
	loop_free(e.loop);
}

/* ---- children ---- */

struct child {
	struct proc proc;
	struct loop *loop;
	int status, exits;
};

static void on_exit_child(struct proc *p, int status)
{
	struct child *c = container_of(p, struct child, proc);

	c->status = status;
	c->exits++;
	loop_stop(c->loop);
}

static int child_main(void *arg)
{
	char name[16] = "";
	sigset_t mask;

	if (prctl(PR_GET_NAME, name) < 0 || strcmp(name, "tiny") != 0)
		return 2;
	if (sigprocmask(SIG_SETMASK, NULL, &mask) < 0 || sigismember(&mask, SIGTERM))
		return 3;
	return *(int *)arg;
}

static int child_sleep(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static int child_die(void *arg)
{
	(void)arg;
	raise(SIGTERM);
	return 0;
}

static void test_child_reports_its_status(void **state)
{
	struct child c = { .loop = loop_new() };
	struct procs *ps = procs_new(c.loop);
	struct error err = ERROR_INIT;
	int want = 42;

	(void)state;
	assert_int_equal(proc_fork(ps, &c.proc, "tiny", child_main, &want, on_exit_child, &err), 0);
	assert_int_equal(procs_count(ps), 1);
	loop_run(c.loop);
	assert_true(WIFEXITED(c.status));
	assert_int_equal(WEXITSTATUS(c.status), 42);
	assert_int_equal(c.exits, 1);
	assert_int_equal(c.proc.pid, 0);
	assert_int_equal(procs_count(ps), 0);
	procs_free(ps);
	loop_free(c.loop);
}

/* The server ignores or handles signals; its children must not inherit that. */
static void test_child_has_default_signal_handlers(void **state)
{
	struct child c = { .loop = loop_new() };
	struct procs *ps = procs_new(c.loop);
	struct error err = ERROR_INIT;

	(void)state;
	signal(SIGTERM, SIG_IGN);
	assert_int_equal(proc_fork(ps, &c.proc, "tiny", child_die, NULL, on_exit_child, &err), 0);
	loop_run(c.loop);
	signal(SIGTERM, SIG_DFL);
	assert_true(WIFSIGNALED(c.status));
	assert_int_equal(WTERMSIG(c.status), SIGTERM);
	procs_free(ps);
	loop_free(c.loop);
}

static void test_killed_child_is_not_reported(void **state)
{
	struct child c = { .loop = loop_new() }, other = { .loop = c.loop };
	struct procs *ps = procs_new(c.loop);
	struct error err = ERROR_INIT;
	int zero = 0;

	(void)state;
	assert_int_equal(proc_fork(ps, &c.proc, "tiny", child_sleep, NULL, on_exit_child, &err), 0);
	proc_kill(&c.proc);
	proc_kill(&c.proc);
	assert_int_equal(c.proc.pid, 0);
	assert_int_equal(procs_count(ps), 0);
	/* Another child's end drives the loop past the SIGCHLD of the first. */
	assert_int_equal(proc_fork(ps, &other.proc, "tiny", child_main, &zero, on_exit_child, &err),
			 0);
	loop_run(c.loop);
	assert_int_equal(c.exits, 0);
	assert_int_equal(other.exits, 1);
	procs_free(ps);
	loop_free(c.loop);
}

static void test_unknown_child_is_reaped_and_forgotten(void **state)
{
	struct child c = { .loop = loop_new() };
	struct procs *ps = procs_new(c.loop);
	struct error err = ERROR_INIT;
	int zero = 0;
	pid_t stranger;

	(void)state;
	stranger = fork();
	assert_true(stranger >= 0);
	if (stranger == 0)
		_exit(0);
	/* Wait until it is a zombie, without reaping: the loop has to. */
	assert_int_equal(waitid(P_PID, (id_t)stranger, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_fork(ps, &c.proc, "tiny", child_main, &zero, on_exit_child, &err), 0);
	loop_run(c.loop);
	loop_run_once(c.loop);
	assert_int_equal(kill(stranger, 0), -1);
	procs_free(ps);
	loop_free(c.loop);
}

/* ---- timers ---- */

struct late {
	struct loop *loop;
	struct defer defer;
	ev_timer timer;
	uint64_t begin, end; /* CLOCK_MONOTONIC, ns */
};

static void on_late_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct late *t = container_of(w, struct late, timer);

	(void)ev, (void)revents;
	t->end = clock_mono_nsec();
	loop_stop(t->loop);
}

/* The turn has lasted longer already than the timer shall. */
static void arm_late(struct defer *d)
{
	struct late *t = container_of(d, struct late, defer);
	uint64_t until = clock_mono_nsec() + 30 * 1000000ULL;

	while (clock_mono_nsec() < until)
		;
	t->begin = clock_mono_nsec();
	loop_start_timer(t->loop, &t->timer, 0.02);
}

static void test_a_timer_counts_from_its_start_not_from_the_turn_s(void **state)
{
	struct late t = { .loop = loop_new() };

	(void)state;
	defer_init(&t.defer, arm_late);
	ev_timer_init(&t.timer, on_late_timer, 0., 0.);
	loop_defer(t.loop, &t.defer);
	loop_run(t.loop);
	assert_true(t.end - t.begin >= 20 * 1000000ULL);
	loop_free(t.loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turn_runs_watchers_then_deferred_then_hooks),
		cmocka_unit_test(test_cancelled_deferred_work_does_not_run),
		cmocka_unit_test(test_stop_ends_the_turn_it_happened_in),
		cmocka_unit_test(test_deferred_work_that_queues_itself_is_bounded_per_turn),
		cmocka_unit_test(test_a_timer_counts_from_its_start_not_from_the_turn_s),
		cmocka_unit_test(test_child_reports_its_status),
		cmocka_unit_test(test_child_has_default_signal_handlers),
		cmocka_unit_test(test_killed_child_is_not_reported),
		cmocka_unit_test(test_unknown_child_is_reaped_and_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
