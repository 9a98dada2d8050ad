/* SPDX-License-Identifier: Apache-2.0 */
/* States: names both ways, and which change may follow which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/state.h"

static void test_names_both_ways(void **state)
{
	(void)state;
	for (int i = 0; i < _STATE_COUNT; i++) {
		enum container_state back = _STATE_COUNT;

		assert_non_null(state_name((enum container_state)i));
		assert_true(state_parse(state_name((enum container_state)i), &back));
		assert_int_equal(back, i);
	}
}

static void test_wire_names(void **state)
{
	(void)state;
	assert_string_equal(state_name(STATE_STOPPED), "stopped");
	assert_string_equal(state_name(STATE_RESPAWNING), "respawning");
	assert_string_equal(state_name(STATE_DESTROYED), "destroyed");
	assert_string_equal(state_name((enum container_state)99), "unknown");
}

static void test_unknown_names(void **state)
{
	static const char *const bad[] = { "", "Running", "running ", "unknown", "timeout" };
	enum container_state s = STATE_PAUSED;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(state_parse(bad[i], &s));
	assert_int_equal(s, STATE_PAUSED);
}

static void test_usual_life(void **state)
{
	static const enum container_state life[] = {
		STATE_STOPPED, STATE_STARTING,  STATE_RUNNING,    STATE_PAUSED,   STATE_RUNNING,
		STATE_DEAD,    STATE_STOPPING,  STATE_STOPPED,    STATE_STARTING, STATE_META,
		STATE_PAUSED,  STATE_META,      STATE_RESPAWNING, STATE_RUNNING,  STATE_STOPPING,
		STATE_STOPPED, STATE_DESTROYED,
	};

	(void)state;
	for (size_t i = 1; i < sizeof(life) / sizeof(life[0]); i++)
		assert_true(state_may_follow(life[i - 1], life[i]));
}

static void test_forbidden(void **state)
{
	(void)state;
	for (int i = 0; i < _STATE_COUNT; i++) {
		enum container_state s = (enum container_state)i;

		assert_false(state_may_follow(STATE_DESTROYED, s));
		/* Only what was stopped can go. */
		assert_int_equal(state_may_follow(s, STATE_DESTROYED), s == STATE_STOPPED);
		assert_false(state_may_follow(s, s));
	}
	assert_false(state_may_follow(STATE_STOPPED, STATE_RUNNING));
	assert_false(state_may_follow(STATE_RUNNING, STATE_STOPPED));
	assert_false(state_may_follow(STATE_DEAD, STATE_STOPPED));
	assert_false(state_may_follow(STATE_DEAD, STATE_PAUSED));
	assert_false(state_may_follow(STATE_STOPPING, STATE_RUNNING));
}

/* Whoever holds anything must have a way to stopping. */
static void test_everything_can_be_stopped(void **state)
{
	(void)state;
	for (int i = 0; i < _STATE_COUNT; i++) {
		enum container_state s = (enum container_state)i;

		if (state_has_resources(s) && s != STATE_STOPPING)
			assert_true(state_may_follow(s, STATE_STOPPING));
	}
	assert_true(state_may_follow(STATE_STOPPING, STATE_STOPPED));
}

static void test_predicates(void **state)
{
	(void)state;
	for (int i = 0; i < _STATE_COUNT; i++) {
		enum container_state s = (enum container_state)i;

		assert_int_equal(state_has_resources(s),
				 s != STATE_STOPPED && s != STATE_DESTROYED);
		assert_int_equal(state_is_started(s), s == STATE_RUNNING || s == STATE_META);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_both_ways),
		cmocka_unit_test(test_wire_names),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_usual_life),
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_everything_can_be_stopped),
		cmocka_unit_test(test_predicates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
