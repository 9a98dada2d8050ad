/* SPDX-License-Identifier: Apache-2.0 */
/* Maps of ids: text, usual ones, looking up, nesting. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/idmap.h"
#include "base/buf.h"

static void check(struct idmap *m, const char *want)
{
	auto_free char *text = idmap_format(m, "; ");

	assert_string_equal(text, want);
	idmap_deinit(m);
}

static void check_text(const char *text, const char *want)
{
	struct idmap m = IDMAP_INIT;

	assert_int_equal(idmap_parse(text, &m), 0);
	check(&m, want);
}

static int parse_error(const char *text)
{
	struct idmap m = IDMAP_INIT;
	int r = idmap_parse(text, &m);

	assert_null(m.v);
	return r;
}

static void text(void **state)
{
	(void)state;
	check_text("", "");
	check_text(" ; ", "");
	check_text("0 1000 1", "0 1000 1");
	check_text("0  1000\t1;1 100000 65535;", "0 1000 1; 1 100000 65535");
	check_text("0 0 4294967295", "0 0 4294967295");
	check_text("4294967294 4294967294 1", "4294967294 4294967294 1");
	/* neighbours do not overlap */
	check_text("0 10 5; 5 15 5; 20 5 5", "0 10 5; 5 15 5; 20 5 5");
}

static void bad_text(void **state)
{
	static const char *const malformed[] = { "x",       "0",      "0 0",      "0 0 0",
						 "0 0 1 1", "0 0 1x", "-1 0 1",   "0 +1 1",
						 "0 0 0x1", "0,0,1",  "0 0 1; 5", "0 0 1.0" };
	static const char *const large[] = { "4294967296 0 1",          "0 99999999999999999999 1",
					     "0 0 4294967296",          "1 0 4294967295",
					     "0 4294967295 1",          "4294967295 0 1",
					     "2147483648 0 2147483648", "0 4294967294 2" };
	static const char *const twice[] = { "0 0 1; 0 1 1", "0 0 1; 1 0 1", "0 0 10; 9 20 1",
					     "5 100 10; 0 0 6", "0 0 10; 20 5 1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++)
		assert_int_equal(parse_error(malformed[i]), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(large); i++)
		assert_int_equal(parse_error(large[i]), -ERANGE);
	for (size_t i = 0; i < ARRAY_SIZE(twice); i++)
		assert_int_equal(parse_error(twice[i]), -EEXIST);
}

static void many(void **state)
{
	auto_buf b = BUF_INIT;

	(void)state;
	for (unsigned i = 0; i < IDMAP_MAX; i++)
		buf_addf(&b, "%u %u 1;", 2 * i, 3 * i);
	assert_int_equal(parse_error(""), 0);
	{
		auto_idmap m = IDMAP_INIT;

		assert_int_equal(idmap_parse(buf_str(&b), &m), 0);
		assert_int_equal(m.n, IDMAP_MAX);
	}
	buf_adds(&b, "9999 9999 1");
	assert_int_equal(parse_error(buf_str(&b)), -E2BIG);
}

/* reference/containers.md §13 */
static void swapped_root(void **state)
{
	static const struct {
		uint32_t id;
		const char *map;
	} rows[] = {
		{ 0, "0 0 1; 1 1 4294967294" },
		{ 1, "0 1 1; 2 2 4294967293" },
		{ 2, "0 2 1; 1 1 1; 3 3 4294967292" },
		{ 1000, "0 1000 1; 1 1 999; 1001 1001 4294966294" },
		{ 4294967293U, "0 4294967293 1; 1 1 4294967292; 4294967294 4294967294 1" },
		{ 4294967294U, "0 4294967294 1; 1 1 4294967293" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct idmap m;

		idmap_swap_root(rows[i].id, &m);
		check(&m, rows[i].map);
		/* as a client could write it */
		check_text(rows[i].map, rows[i].map);
	}
}

static void single(void **state)
{
	struct idmap m;

	(void)state;
	idmap_single(1000, &m);
	check(&m, "0 1000 1");
}

static void looking_up(void **state)
{
	auto_idmap m = IDMAP_INIT;
	uint32_t id = 7;

	(void)state;
	assert_int_equal(idmap_parse("0 1000 1; 10 100000 65536", &m), 0);
	assert_true(idmap_to_outside(&m, 0, &id) && id == 1000);
	assert_true(idmap_to_outside(&m, 10, &id) && id == 100000);
	assert_true(idmap_to_outside(&m, 65545, &id) && id == 165535);
	assert_true(idmap_to_inside(&m, 165535, &id) && id == 65545);
	id = 7;
	assert_false(idmap_to_outside(&m, 1, &id));
	assert_false(idmap_to_outside(&m, 65546, &id));
	assert_false(idmap_to_inside(&m, 0, &id));
	assert_false(idmap_to_inside(&m, 165536, &id));
	assert_int_equal(id, 7);
}

static void check_within(const char *inner, const char *outer, bool complete, const char *clipped,
			 const char *told)
{
	auto_idmap m = IDMAP_INIT, o = IDMAP_INIT;
	struct idmap out;

	assert_int_equal(idmap_parse(inner, &m), 0);
	assert_int_equal(idmap_parse(outer, &o), 0);
	assert_int_equal(idmap_clip(&m, &o, &out), complete);
	check(&out, clipped);
	assert_int_equal(idmap_within(&m, &o, &out), complete);
	check(&out, told);
}

static void nesting(void **state)
{
	(void)state;
	check_within("0 1000 1", "0 1000 1", true, "0 1000 1", "0 0 1");
	check_within("0 101000 10", "0 100000 65536", true, "0 101000 10", "0 1000 10");
	/* what the outer one lacks is not there */
	check_within("0 0 65536", "0 1000 1", false, "1000 1000 1", "1000 0 1");
	check_within("0 5 1", "0 1000 1", false, "", "");
	/* a range that the outer one has in pieces */
	check_within("0 10 10", "0 10 5; 100 15 5", true, "0 10 5; 5 15 5", "0 0 5; 5 100 5");
	check_within("0 8 10", "0 10 5; 100 16 50", false, "2 10 5; 8 16 2", "2 0 5; 8 100 2");
	/* the usual map in the usual map, of another user */
	check_within("0 2000 1; 1 1 1999; 2001 2001 4294965294",
		     "0 1000 1; 1 1 999; 1001 1001 4294966294", true,
		     "0 2000 1; 1000 1000 1; 1 1 999; 1001 1001 999; 2001 2001 4294965294",
		     "0 2000 1; 1000 0 1; 1 1 999; 1001 1001 999; 2001 2001 4294965294");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),    cmocka_unit_test(bad_text),
		cmocka_unit_test(many),    cmocka_unit_test(swapped_root),
		cmocka_unit_test(single),  cmocka_unit_test(looking_up),
		cmocka_unit_test(nesting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
