/* SPDX-License-Identifier: Apache-2.0 */
/* Links beneath a root: their text, what is replaced and what is not, all or nothing. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/xalloc.h"
#include "kernel/symlink.h"

static void texts_lead_from_the_directory(void **state)
{
	static const struct {
		const char *dir, *target, *text;
	} rows[] = {
		{ "/", "/a", "a" },
		{ "/", "/a/b", "a/b" },
		{ "/", "/", "." },
		{ "/a", "/a", "." },
		{ "/a", "/", ".." },
		{ "/a/b", "/a", ".." },
		{ "/a/b", "/", "../.." },
		{ "/a/b", "/a/b/c", "c" },
		{ "/a/b", "/a/c", "../c" },
		{ "/a/b", "/x/y", "../../x/y" },
		{ "/ab", "/abc", "../abc" },
		{ "/abc", "/ab", "../ab" },
		{ "/a/bb/c", "/a/b/c", "../../b/c" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		auto_free char *text = symlink_text(rows[i].dir, rows[i].target);

		assert_string_equal(text, rows[i].text);
	}
}

struct fixture {
	char path[64];
	int root;
	struct error err;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->path, sizeof(f->path), "/tmp/porto-symlink-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	f->root = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->root);
	fd_remove_tree(AT_FDCWD, f->path);
	free(f);
	return 0;
}

static int apply(struct fixture *f, const struct symlink_entry *v, size_t n)
{
	error_clear(&f->err);
	return symlinks_apply(f->root, v, n, NULL, &f->err);
}

static void assert_link(const struct fixture *f, const char *name, const char *expected)
{
	char text[256];
	ssize_t n = readlinkat(f->root, name, text, sizeof(text) - 1);

	if (!expected) {
		assert_int_equal(n, -1);
		return;
	}
	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, expected);
}

#define S(text) ((char *)(uintptr_t)(text))

static void links_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct symlink_entry make[] = { { S("/a"), S("/x") }, { S("/d/e/b"), S("/d/x") } };
	struct symlink_entry change[] = { { S("/a"), S("/y") }, { S("/d/e/b"), NULL } };
	struct symlink_entry drop[] = { { S("/a"), NULL }, { S("/not/there"), NULL } };

	assert_int_equal(apply(f, make, 2), 0);
	assert_link(f, "a", "x");
	assert_link(f, "d/e/b", "../x");
	assert_int_equal(apply(f, make, 2), 0);
	assert_int_equal(apply(f, change, 2), 0);
	assert_link(f, "a", "y");
	assert_link(f, "d/e/b", NULL);
	assert_int_equal(apply(f, drop, 2), 0);
	assert_link(f, "a", NULL);
	assert_int_equal(faccessat(f->root, "not", F_OK, 0), -1);
}

static void a_failure_takes_back(void **state)
{
	struct fixture *f = *state;
	struct symlink_entry before[] = { { S("/old"), S("/1") }, { S("/gone"), S("/2") } };
	struct symlink_entry v[] = {
		{ S("/old"), S("/changed") },
		{ S("/gone"), NULL },
		{ S("/new"), S("/3") },
		{ S("/file"), S("/4") },
	};
	int fd;

	assert_int_equal(apply(f, before, 2), 0);
	fd = openat(f->root, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(apply(f, v, 4), -1);
	assert_int_equal(f->err.code, ERR_INVALID_VALUE);
	assert_non_null(strstr(f->err.text, "/file"));
	assert_link(f, "old", "1");
	assert_link(f, "gone", "2");
	assert_link(f, "new", NULL);
	/* A file where a link is to go is not ours. */
	v[3].target = NULL;
	assert_int_equal(apply(f, v, 4), 0);
	assert_int_equal(faccessat(f->root, "file", F_OK, 0), 0);
}

static void links_on_the_way_are_followed_inside(void **state)
{
	struct fixture *f = *state;
	struct symlink_entry v[] = { { S("/short/l"), S("/x") }, { S("/up/l"), S("/x") } };

	assert_int_equal(mkdirat(f->root, "deep", 0755), 0);
	assert_int_equal(mkdirat(f->root, "deep/er", 0755), 0);
	assert_int_equal(symlinkat("/deep/er", f->root, "short"), 0);
	assert_int_equal(symlinkat("../../../..", f->root, "up"), 0);
	assert_int_equal(apply(f, v, 2), 0);
	/* From there `..` is not the root. */
	assert_link(f, "deep/er/l", "/x");
	assert_link(f, "l", "/x");
}

static void leftovers_of_another_attempt_do_not_matter(void **state)
{
	struct fixture *f = *state;
	struct symlink_entry v[] = { { S("/a"), S("/x") } };
	char name[256];

	assert_int_equal(symlinkat("junk", f->root, ".next_a"), 0);
	assert_int_equal(apply(f, v, 1), 0);
	assert_link(f, "a", "x");
	assert_link(f, ".next_a", NULL);
	/* The longest name there can be. */
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[255] = '\0';
	v[0].link = name;
	assert_int_equal(apply(f, v, 1), 0);
	assert_link(f, name + 1, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_lead_from_the_directory),
		cmocka_unit_test_setup_teardown(links_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_takes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(links_on_the_way_are_followed_inside, setup,
						teardown),
		cmocka_unit_test_setup_teardown(leftovers_of_another_attempt_do_not_matter, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
