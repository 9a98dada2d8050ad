/* SPDX-License-Identifier: Apache-2.0 */
/* Places: what a container has, and what it may give its children. */
#include "props_fixture.h"

#include <string.h>

#include "props/place.h"

static bool allows(const char *parent, const char *own)
{
	auto_strv p = STRV_INIT, o = STRV_INIT;
	struct error err = ERROR_INIT;

	strv_split(&p, parent, ';');
	strv_split(&o, own, ';');
	if (place_check(&p, &o, &err) == 0)
		return true;
	assert_int_equal(err.code, ERR_PERMISSION);
	return false;
}

static void children_get_no_more_than_the_parent_has(void **state)
{
	static const struct {
		const char *parent, *own;
		bool allowed;
	} rows[] = {
		{ "/place;***", "***", true },
		{ "/place;***", "/anything;/x/*", true },
		{ "/place", "***", false },
		{ "/place", "/place", true },
		{ "/place", "/place/sub", false },
		{ "/place", "", true },
		{ "", "/place", false },
		{ "/place/***", "/place/a/b", true },
		{ "/place/***", "/place", false },
		{ "/place***", "/place", true },
		{ "/place/***", "/place/***", true },
		{ "/place/***", "/place/a/***", true },
		{ "/place/a/***", "/place/***", false },
		{ "/place/***", "/place/a*", true },
		{ "/place/***", "/place*", false },
		{ "/place/*", "/place/a", true },
		{ "/place/*", "/place/a/b", false },
		{ "/place/*", "/place/*", true },
		/* By text it would match, but it means more. */
		{ "/place/?", "/place/*", false },
		{ "/place/?", "/place/[ab]", false },
		{ "/place/*", "/place/***", false },
		{ "/place/*", "/place/a***", false },
		{ "/ssd;/hdd/***", "/hdd/x;/ssd", true },
		{ "/ssd;/hdd/***", "/hdd/x;/other", false },
		{ "fast=/ssd", "/ssd", true },
		{ "/ssd", "fast=/ssd", true },
		{ "/ssd", "fast=/hdd", false },
		{ "fast=/ssd", "fast", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (allows(rows[i].parent, rows[i].own) != rows[i].allowed)
			fail_msg("'%s' below '%s'", rows[i].own, rows[i].parent);
	}
}

static void entries_are_checked(void **state)
{
	static const struct {
		const char *value;
		int code;
	} rows[] = {
		{ "relative", ERR_INVALID_PATH },   { "/a/../b", ERR_INVALID_PATH },
		{ "/a//b", ERR_INVALID_PATH },      { "/", ERR_INVALID_PATH },
		{ "/***", ERR_INVALID_PATH },       { "/etc", ERR_INVALID_PATH },
		{ "/usr/x/***", ERR_INVALID_PATH }, { "x=/etc/a", ERR_INVALID_PATH },
		{ "/a/***/b", ERR_PERMISSION },     { "=/a", ERR_INVALID_VALUE },
		{ "a/b=/a", ERR_INVALID_VALUE },    { "x=", ERR_INVALID_PATH },
		{ "/x;/etc", ERR_INVALID_PATH },
	};
	struct props_fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		error_clear(&f->err);
		if (prop_set(&f->ctx, "place", rows[i].value, &f->txn, &f->err) == 0)
			fail_msg("%s was taken", rows[i].value);
		if (f->err.code != rows[i].code)
			fail_msg("%s: %s", rows[i].value, f->err.text);
		assert_non_null(strstr(f->err.text, "place"));
	}
	fx_set(f, "place", "/var/lib/x;fast=/ssd/***;/home/a;***");
	assert_get(f, "place", "/var/lib/x;fast=/ssd/***;/home/a;***");
}

static void the_nearest_list_holds(void **state)
{
	struct props_fixture *f = *state;

	assert_get(f, "place", "/place;***");
	f->env.place = "/other";
	assert_get(f, "place", "/other;***");
	fx_set(f, "place", "/a;/b/***");
	f->ctx.ct = f->ab;
	assert_get(f, "place", "/a;/b/***");
	assert_no_set(f, "place", "/c", ERR_PERMISSION);
	fx_set(f, "place", "/b/c");
	assert_get(f, "place", "/b/c");
	assert_int_equal(place_check_container(&f->env, f->ab, &f->err), 0);
	/* The parent has less by now. */
	f->ctx.ct = f->a;
	fx_set(f, "place", "/a");
	assert_int_equal(place_check_container(&f->env, f->ab, &f->err), -1);
	assert_int_equal(f->err.code, ERR_PERMISSION);
	assert_non_null(strstr(f->err.text, "/b/c"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_get_no_more_than_the_parent_has),
		TEST(entries_are_checked),
		TEST(the_nearest_list_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
