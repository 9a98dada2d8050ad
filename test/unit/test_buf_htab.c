/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/htab.h"
#include "base/list.h"
#include "base/xalloc.h"

static void test_buf_is_always_terminated(void **state)
{
	auto_buf b = BUF_INIT;

	(void)state;
	assert_string_equal(buf_str(&b), "");
	buf_add(&b, NULL, 0);
	assert_string_equal(buf_str(&b), "");
	for (unsigned i = 0; i < 1000; i++) {
		buf_addc(&b, 'x');
		assert_int_equal(b.len, i + 1);
		assert_true(b.data[b.len] == '\0');
	}
	buf_reset(&b);
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(b.len, 0);
}

static void test_buf_formats_of_any_length(void **state)
{
	auto_buf b = BUF_INIT;
	auto_free char *wide = NULL;

	(void)state;
	for (int width = 1; width < 300; width++) {
		buf_reset(&b);
		buf_addf(&b, "%*d|", width, 7);
		assert_int_equal(b.len, width + 1);
		assert_true(b.data[width] == '|');
	}
	wide = xasprintf("%4000d", 1);
	buf_reset(&b);
	buf_addf(&b, "<%s>", wide);
	assert_int_equal(b.len, 4002);
}

static void test_buf_consume_and_take(void **state)
{
	auto_free char *s = NULL;
	auto_free char *empty = NULL;
	auto_buf b = BUF_INIT;

	(void)state;
	buf_adds(&b, "hello world");
	buf_consume(&b, 6);
	assert_string_equal(buf_str(&b), "world");
	s = buf_take(&b);
	assert_string_equal(s, "world");
	assert_null(b.data);
	empty = buf_take(&b);
	assert_string_equal(empty, "");
	memcpy(buf_reserve(&b, 3), "abc", 3);
	buf_commit(&b, 2);
	assert_string_equal(buf_str(&b), "ab");
	buf_shrink(&b, 1 << 20);
	assert_non_null(b.data);
	assert_int_equal(b.len, 0);
	buf_shrink(&b, 8);
	assert_null(b.data);
}

static void test_htab_strings(void **state)
{
	enum { N = 2000 };
	struct htab *h = htab_new();
	static char keys[N][16];
	size_t iter = 0, seen = 0;

	(void)state;
	assert_null(htab_get(h, "x"));
	assert_null(htab_del(h, "x"));
	for (int i = 0; i < N; i++) {
		snprintf(keys[i], sizeof(keys[i]), "container%d", i);
		htab_put(h, keys[i], keys[i]);
	}
	assert_int_equal(htab_count(h), N);
	while (htab_next(h, &iter))
		seen++;
	assert_int_equal(seen, N);
	for (int i = 0; i < N; i += 3)
		assert_ptr_equal(htab_del(h, keys[i]), keys[i]);
	for (int i = 0; i < N; i++)
		assert_ptr_equal(htab_get(h, keys[i]), i % 3 ? keys[i] : NULL);
	for (int i = 0; i < N; i += 3)
		htab_put(h, keys[i], keys[i]);
	for (int i = 0; i < N; i++)
		assert_ptr_equal(htab_del(h, keys[i]), keys[i]);
	assert_int_equal(htab_count(h), 0);
	iter = 0;
	assert_null(htab_next(h, &iter));
	assert_null(htab_free(h));
	assert_null(htab_free(NULL));
}

/* Against a plain array, with many removals: the gap closing is where such tables break. */
static void test_htab_numbers_like_an_array(void **state)
{
	enum { KEYS = 512 };
	static char present[KEYS];
	struct htab *h = htab_new();
	uint32_t random = 12345;
	size_t count = 0;

	(void)state;
	memset(present, 0, sizeof(present));
	for (int i = 0; i < 100000; i++) {
		uint32_t k;

		random = random * 1664525 + 1013904223;
		k = random >> 16 & (KEYS - 1);
		if (present[k]) {
			assert_ptr_equal(htab_del_int(h, k), &present[k]);
			present[k] = 0;
			count--;
		} else {
			htab_put_int(h, k, &present[k]);
			present[k] = 1;
			count++;
		}
		assert_int_equal(htab_count(h), count);
		k = (k * 7 + 1) & (KEYS - 1);
		assert_ptr_equal(htab_get_int(h, k), present[k] ? &present[k] : NULL);
	}
	for (uint32_t k = 0; k < KEYS; k++)
		assert_ptr_equal(htab_get_int(h, k), present[k] ? &present[k] : NULL);
	htab_free(h);
}

static void test_htab_extreme_numbers(void **state)
{
	struct htab *h = htab_new();

	(void)state;
	htab_put_int(h, 0, h);
	htab_put_int(h, UINT64_MAX, h);
	assert_ptr_equal(htab_get_int(h, 0), h);
	assert_ptr_equal(htab_get_int(h, UINT64_MAX), h);
	assert_null(htab_get_int(h, 1));
	htab_free(h);
}

struct item {
	int value;
	struct list node;
};

static void test_list(void **state)
{
	struct item items[4], *pos, *tmp;
	struct list head = LIST_INIT(head), other = LIST_INIT(other);
	int expected = 0;

	(void)state;
	assert_true(list_is_empty(&head));
	assert_null(list_first(&head, struct item, node));
	for (int i = 0; i < 4; i++) {
		items[i].value = i;
		list_init(&items[i].node);
		assert_false(list_is_linked(&items[i].node));
		list_push_back(&head, &items[i].node);
	}
	list_for_each(pos, &head, node)
		assert_int_equal(pos->value, expected++);
	list_for_each_safe(pos, tmp, &head, node) {
		if (pos->value % 2)
			list_del(&pos->node);
	}
	assert_false(list_is_linked(&items[1].node));
	list_del(&items[1].node); /* harmless */
	list_push_front(&other, &items[1].node);
	list_splice(&head, &other);
	assert_true(list_is_empty(&other));
	assert_ptr_equal(list_first(&head, struct item, node), &items[0]);
	assert_ptr_equal(head.prev, &items[1].node);
	list_splice(&head, &other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_is_always_terminated),
		cmocka_unit_test(test_buf_formats_of_any_length),
		cmocka_unit_test(test_buf_consume_and_take),
		cmocka_unit_test(test_htab_strings),
		cmocka_unit_test(test_htab_numbers_like_an_array),
		cmocka_unit_test(test_htab_extreme_numbers),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
