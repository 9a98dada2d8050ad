/* SPDX-License-Identifier: Apache-2.0 */
/* The core dump helper without kernel and daemon: words, names, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "core/core.h"

static struct core_info example(void)
{
	struct core_info c = {
		.pid = 1234,
		.tid = 1235,
		.vpid = 12,
		.vtid = 13,
		.sig = 11,
		.dumpable = 1,
		.ulimit = UINT64_MAX,
		.uid = 1000,
		.gid = 1001,
		.comm = "comm/x",
		.exe = "prog",
		.exe_path = "/usr/bin/prog",
		.when = 1700000000,
	};

	return c;
}

static int parse(const char *line, struct core_info *ret, struct error *err)
{
	auto_strv words = STRV_INIT;

	strv_split(&words, line, ' ');
	assert_int_equal(words.n, CORE_WORDS);
	return core_info_parse(words.v, ret, err);
}

static void test_words(void **state)
{
	static const char *const bad[] = {
		"0 1 1 1 11 1 0 0 0",          "x 1 1 1 11 1 0 0 0",
		"1 -1 1 1 11 1 0 0 0",         "1 1 4294967296 1 11 1 0 0 0",
		"1 1 1 1 x 1 0 0 0",           "1 1 1 1 11 1 18446744073709551616 0 0",
		"1 1 1 1 11 1 0 -1 0",         "1 1 1 1 11 1 0 0 4294967296",
		"2147483648 1 1 1 11 1 0 0 0",
	};
	struct error err = ERROR_INIT;
	struct core_info c;

	(void)state;
	assert_int_equal(parse("7 8 5 6 139 2 18446744073709551615 4294967295 3", &c, &err), 0);
	assert_true(c.pid == 7 && c.tid == 8 && c.vpid == 5 && c.vtid == 6);
	assert_true(c.sig == 139 && c.dumpable == 2 && c.ulimit == UINT64_MAX);
	assert_true(c.uid == UINT32_MAX && c.gid == 3);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (parse(bad[i], &c, &err) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(err.code, ERR_INVALID_VALUE);
	}
	/* What is no known state of dumpability is none. */
	assert_int_equal(parse("7 8 5 6 11 3 0 0 0", &c, &err), 0);
	assert_int_equal(c.dumpable, 0);
}

static void test_file_names(void **state)
{
	struct core_info c = example();
	char when[32], *name, *want;
	char longest[260];

	(void)state;
	core_info_time(&c, when);
	assert_int_equal(strlen(when), 15);
	name = core_file_name(&c, "a/b", ".gz");
	want = xasprintf("a%%b%%prog.1234.S11.%s.core.gz", when);
	assert_string_equal(name, want);
	free(name);
	free(want);
	name = core_file_name(&c, "/", "");
	want = xasprintf("%%%%prog.1234.S11.%s.core", when);
	assert_string_equal(name, want);
	free(name);
	free(want);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memset(c.exe, 'e', sizeof(c.exe) - 1);
	name = core_file_name(&c, longest, ".zst");
	assert_true(strlen(name) + strlen(".part") <= NAME_MAX);
	free(name);
	c.exe[0] = '\0';
	name = core_file_name(&c, "a", "");
	assert_non_null(strstr(name, "a%unknown."));
	free(name);
}

static void assert_slot(const char *container, const char *prefix)
{
	auto_free char *got = core_slot_prefix(container);

	assert_string_equal(got, prefix);
}

static void test_slots(void **state)
{
	(void)state;
	assert_slot("a", "a%");
	assert_slot("a/b/c", "a%");
	assert_slot("/", "%");
	assert_string_equal(core_suffix("/x/core.gz"), ".gz");
	assert_string_equal(core_suffix("/x/core.%p.zst"), ".zst");
	assert_string_equal(core_suffix("/x.gz/core"), "");
}

static void assert_expand(const char *pattern, const char *want)
{
	struct core_info c = example();
	auto_free char *got = core_expand(pattern, &c, "the/host");

	assert_string_equal(got, want);
}

static void test_patterns(void **state)
{
	char longest[320];

	(void)state;
	assert_expand("/cores/core", "core");
	assert_expand("/c%p/core.%p.%P.%i.%I", "core.12.1234.13.1235");
	assert_expand("/c/%e-%f-%E-%h", "comm!x-prog-!usr!bin!prog-the!host");
	assert_expand("/c/%s %d %u %g %t %c", "11 1 1000 1001 1700000000 18446744073709551615");
	assert_expand("/c/100%%.%x%", "100%.");
	assert_expand("/c/..", "");
	assert_expand("/c/", "");
	snprintf(longest, sizeof(longest), "/c/%0299d", 0);
	assert_expand(longest, "");
}

/* ---- files ---- */

struct fixture {
	char dir[64], pattern[96];
	struct core_store store;
	struct core_info info;
	struct core_file file;
	struct error err;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/test_core.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->pattern, sizeof(f->pattern), "%s/core.%%p", f->dir);
	f->store = (struct core_store){
		.pattern = f->pattern, .limit = 1 << 30, .slot_limit = 1 << 30, .sync_size = 65536
	};
	f->info = example();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fd_remove_tree(AT_FDCWD, f->dir), 0);
	free(f);
	return 0;
}

/* Save these bytes; 0 or -1. */
static int save(struct fixture *f, const char *container, const void *data, size_t len)
{
	int fd = (int)memfd_create("dump", MFD_CLOEXEC), r;

	assert_int_equal(fd_write_all(fd, data, len), 0);
	lseek(fd, 0, SEEK_SET);
	error_clear(&f->err);
	r = core_save(&f->store, &f->info, container, getuid(), getgid(), fd, &f->file, &f->err);
	close(fd);
	return r;
}

static struct stat stat_of(struct fixture *f, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", f->dir, name);
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static char *content_of(struct fixture *f, const char *name, size_t *ret_len)
{
	auto_free char *path = xasprintf("%s/%s", f->dir, name);
	char *data;

	assert_int_equal(fd_read_file(AT_FDCWD, path, 64 << 20, &data, ret_len), 0);
	return data;
}

static unsigned files(struct fixture *f)
{
	auto_closedir DIR *d = opendir(f->dir);
	struct dirent *e;
	struct stat st;
	unsigned n = 0;

	while ((e = readdir(d)))
		n += fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode);
	return n;
}

static void test_save(void **state)
{
	struct fixture *f = *state;
	size_t len = 5 << 20, got;
	auto_free char *data = xmalloc(len), *back = NULL;
	struct stat st, other;

	memset(data, 0, len);
	memcpy(data + 10, "begin", 5);
	memcpy(data + (2 << 20) + 4090, "across two blocks", 17);
	assert_int_equal(save(f, "a/b", data, len), 0);
	assert_true(f->file.size == len && !f->file.truncated);
	st = stat_of(f, f->file.name);
	assert_int_equal(st.st_mode & 07777, 0440);
	assert_int_equal(st.st_size, len);
	assert_int_equal(st.st_nlink, 2);
	assert_true(st.st_blocks * 512 < 1 << 20); /* holes, also at the end */
	other = stat_of(f, "core.12");
	assert_int_equal(st.st_ino, other.st_ino);
	back = content_of(f, f->file.name, &got);
	assert_int_equal(got, len);
	assert_memory_equal(back, data, len);
	free(f->file.name);
	/* The next one takes the second name over. */
	f->info.pid++;
	assert_int_equal(save(f, "a/b", "x", 1), 0);
	assert_int_equal(stat_of(f, "core.12").st_ino, stat_of(f, f->file.name).st_ino);
	assert_int_equal(files(f), 3);
	free(f->file.name);
}

static void test_links_are_not_followed(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = xasprintf("%s/core.12", f->dir);
	auto_free char *victim = xasprintf("%s/victim", f->dir);

	assert_int_equal(fd_replace_file(AT_FDCWD, victim, "keep", 4, 0600), 0);
	assert_int_equal(symlink("victim", path), 0);
	assert_int_equal(save(f, "a", "dump", 4), 0);
	free(f->file.name);
	assert_true(S_ISREG(stat_of(f, "core.12").st_mode));
	assert_int_equal(stat_of(f, "victim").st_size, 4);
}

static void test_ulimit(void **state)
{
	struct fixture *f = *state;
	auto_free char *data = xmalloc(3 << 20);

	memset(data, 'x', 3 << 20);
	f->info.ulimit = (1 << 20) + 5;
	assert_int_equal(save(f, "a", data, 3 << 20), 0);
	assert_true(f->file.truncated);
	assert_int_equal(stat_of(f, f->file.name).st_size, (1 << 20) + 5);
	free(f->file.name);
}

static void test_empty(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(save(f, "a", "", 0), 0);
	assert_int_equal(stat_of(f, f->file.name).st_size, 0);
	free(f->file.name);
}

/* A directory that is full, a first-level container that is, a dump larger than what is left. */
static void test_limits(void **state)
{
	struct fixture *f = *state;
	size_t len = 1 << 20;
	auto_free char *data = xmalloc(len);

	memset(data, 'x', len);
	f->store.slot_limit = 3 << 19;
	assert_int_equal(save(f, "a", data, len), 0);
	free(f->file.name);
	f->info.pid++;
	assert_int_equal(save(f, "a/b", data, len), -1); /* half of it would fit */
	assert_int_equal(f->err.code, ERR_NO_SPACE);
	free(f->file.name);
	assert_int_equal(files(f), 2);
	assert_int_equal(save(f, "ab", data, len), 0); /* another one, whose name begins alike */
	free(f->file.name);
	f->store.limit = 2 << 20;
	f->info.pid++;
	assert_int_equal(save(f, "c", "x", 1), -1);
	assert_int_equal(f->err.code, ERR_NO_SPACE);
	assert_non_null(strstr(f->err.text, "core.space_limit_mb"));
	free(f->file.name);
	f->store.limit = 1 << 30;
	f->store.slot_limit = 1 << 20;
	assert_int_equal(save(f, "a", "x", 1), -1);
	assert_non_null(strstr(f->err.text, "core.slot_space_limit_mb"));
	free(f->file.name);
}

static void test_holes_cost_nothing(void **state)
{
	struct fixture *f = *state;
	size_t len = 8 << 20;
	auto_free char *data = xmalloc(len);

	memset(data, 0, len);
	f->store.limit = f->store.slot_limit = 1 << 20;
	assert_int_equal(save(f, "a", data, len), 0);
	assert_int_equal(stat_of(f, f->file.name).st_size, len);
	free(f->file.name);
}

static void test_no_directory(void **state)
{
	struct fixture *f = *state;

	f->store.pattern = "/nonexistent/core";
	assert_int_equal(save(f, "a", "x", 1), -1);
	assert_non_null(strstr(f->err.text, "/nonexistent"));
	free(f->file.name);
}

/* Magic bytes; that programs can read them is in the behaviour tests. */
static void test_compression(void **state)
{
	static const struct {
		const char *suffix, *magic;
		size_t n;
	} kinds[] = {
		{ ".gz", "\x1f\x8b", 2 },
		{ ".xz",
		  "\xfd"
		  "7zXZ",
		  5 },
		{ ".zst", "\x28\xb5\x2f\xfd", 4 },
	};
	struct fixture *f = *state;
	size_t len = 3 << 20, got;
	auto_free char *data = xmalloc(len);

	memset(data, 'x', len);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		auto_free char *back = NULL;

		snprintf(f->pattern, sizeof(f->pattern), "%s/core.%%p%s", f->dir, kinds[i].suffix);
		f->info.pid++;
		assert_int_equal(save(f, "a", data, len), 0);
		assert_true(str_has_suffix(f->file.name, kinds[i].suffix));
		assert_int_equal(f->file.size, len);
		back = content_of(f, f->file.name, &got);
		assert_true(got < len / 100);
		assert_memory_equal(back, kinds[i].magic, kinds[i].n);
		free(f->file.name);
	}
	f->store.limit = 100;
	f->info.pid++;
	assert_int_equal(save(f, "b", data, len), -1);
	assert_int_equal(f->err.code, ERR_NO_SPACE);
	free(f->file.name);
}

#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_file_names),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_patterns),
		T(test_save),
		T(test_links_are_not_followed),
		T(test_ulimit),
		T(test_empty),
		T(test_limits),
		T(test_holes_cost_nothing),
		T(test_no_directory),
		T(test_compression),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
