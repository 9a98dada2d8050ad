/* SPDX-License-Identifier: Apache-2.0 */
/* What start takes from the properties (environment, limits, binds), and what it leaves: output. */
#include "props_fixture.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include "props/bind.h"
#include "props/env.h"
#include "props/ulimit.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

/* ---- environment ---- */

static const char *env_of(const struct container *ct, struct strv *list, const char *name)
{
	size_t len = strlen(name);

	strv_deinit(list);
	env_build(ct, NULL, "thehost", "/work", list);
	for (size_t i = 0; i < list->n; i++) {
		if (!strncmp(list->v[i], name, len) && list->v[i][len] == '=')
			return list->v[i] + len + 1;
	}
	return NULL;
}

static void environment_of_a_new_container(void **state)
{
	struct props_fixture *f = *state;
	auto_strv list = STRV_INIT;

	assert_string_equal(env_of(f->ab, &list, "HOME"), "/work");
	assert_string_equal(env_of(f->ab, &list, "USER"), "root");
	assert_string_equal(env_of(f->ab, &list, "container"), "lxc");
	assert_string_equal(env_of(f->ab, &list, "PORTO_NAME"), "a/b");
	assert_string_equal(env_of(f->ab, &list, "PORTO_HOST"), "thehost");
	assert_string_equal(env_of(f->ab, &list, "PORTO_USER"), "root");
	assert_true(str_has_prefix(env_of(f->ab, &list, "PATH"), "/usr/local/sbin:"));
	assert_int_equal(list.n, 7);
}

static void own_variables(void **state)
{
	struct props_fixture *f = *state;
	auto_strv list = STRV_INIT;

	fx_set(f, "env", "A=1;PATH=/x;USER;PORTO_NAME=forged;PORTO_HOST");
	assert_string_equal(env_of(f->a, &list, "A"), "1");
	assert_string_equal(env_of(f->a, &list, "PATH"), "/x");
	assert_null(env_of(f->a, &list, "USER"));
	assert_string_equal(env_of(f->a, &list, "PORTO_NAME"), "a");
	assert_string_equal(env_of(f->a, &list, "PORTO_HOST"), "thehost");
}

static void inherited_variables(void **state)
{
	struct props_fixture *f = *state;
	struct container *abc = fx_add(f, "a/b/c", 0);
	auto_strv list = STRV_INIT;

	fx_set(f, "env", "A=1;B=1;C=1;PATH=/x");
	f->ctx.ct = f->ab;
	fx_set(f, "env", "B=2;C");
	f->ctx.ct = abc;
	fx_set(f, "isolate", "false");
	assert_null(env_of(abc, &list, "A")); /* a/b is isolated, but gives its own */
	assert_string_equal(env_of(abc, &list, "B"), "2");
	f->ab->spec.isolate = false;
	assert_string_equal(env_of(abc, &list, "A"), "1");
	assert_string_equal(env_of(abc, &list, "B"), "2");
	assert_null(env_of(abc, &list, "C"));
	assert_true(str_has_prefix(env_of(abc, &list, "PATH"), "/usr/local/sbin:"));
	fx_set(f, "env", "B=3");
	assert_string_equal(env_of(abc, &list, "B"), "3");
	abc->spec.isolate = true;
	assert_null(env_of(abc, &list, "A"));
}

static void effective_variables_by_index(void **state)
{
	struct props_fixture *f = *state;

	fx_set(f, "env", "A=1;B");
	assert_get(f, "env[A]", "1");
	assert_get(f, "env[HOME]", "/place/porto/a");
	assert_no_get(f, "env[B]", ERR_INVALID_VALUE);
	assert_no_get(f, "env[D]", ERR_INVALID_VALUE);
	fx_set(f, "env[B]", "x;y");
	assert_get(f, "env", "A=1;B=x\\;y");
}

/* ---- limits ---- */

static const struct rlimit *limit_of(const struct props_fixture *f, const struct container *ct,
				     int resource)
{
	static struct rlimit found;
	struct rlimit_entry *v;
	size_t n, hits = 0;

	ulimit_effective(ct, &f->env, &v, &n);
	for (size_t i = 0; i < n; i++) {
		if (v[i].resource == resource) {
			found = v[i].lim;
			hits++;
		}
	}
	free(v);
	assert_true(hits < 2);
	return hits ? &found : NULL;
}

static void default_limits(void **state)
{
	struct props_fixture *f = *state;

	assert_int_equal(limit_of(f, f->ab, RLIMIT_CORE)->rlim_cur, 0);
	assert_true(limit_of(f, f->ab, RLIMIT_CORE)->rlim_max == RLIM_INFINITY);
	assert_int_equal(limit_of(f, f->ab, RLIMIT_NOFILE)->rlim_cur, 8192);
	assert_int_equal(limit_of(f, f->ab, RLIMIT_NOFILE)->rlim_max, 1 << 20);
	assert_int_equal(limit_of(f, f->ab, RLIMIT_MEMLOCK)->rlim_cur, 8 << 20);
	assert_true(limit_of(f, f->ab, RLIMIT_NPROC)->rlim_cur > 0);
	assert_null(limit_of(f, f->ab, RLIMIT_CPU));
}

static void inherited_limits(void **state)
{
	struct props_fixture *f = *state;

	fx_set(f, "ulimit", "nofile: 10 20; cpu: 5; memlock: 1M");
	f->ctx.ct = f->ab;
	fx_set(f, "ulimit", "nofile: 11");
	assert_int_equal(limit_of(f, f->ab, RLIMIT_NOFILE)->rlim_max, 11);
	assert_int_equal(limit_of(f, f->ab, RLIMIT_CPU)->rlim_cur, 5);
	assert_int_equal(limit_of(f, f->ab, RLIMIT_MEMLOCK)->rlim_max, 1 << 20);
	assert_int_equal(limit_of(f, f->a, RLIMIT_NOFILE)->rlim_max, 20);
}

static void locked_memory_follows_the_limit(void **state)
{
	struct props_fixture *f = *state;

	f->a->spec.memory_limit = 1 << 30;
	assert_int_equal(limit_of(f, f->ab, RLIMIT_MEMLOCK)->rlim_cur, (1 << 30) - (16 << 20));
	f->ab->spec.memory_limit = 20 << 20;
	assert_int_equal(limit_of(f, f->ab, RLIMIT_MEMLOCK)->rlim_cur, 8 << 20);
}

/* ---- binds ---- */

static void binds_become_absolute(void **state)
{
	struct props_fixture *f = *state;
	struct bind_mount b;

	assert_int_equal(bind_parse("/x/../y ./z ro,rec", "/parent", "/cwd", &b, &f->err), 0);
	assert_string_equal(b.source, "/y");
	assert_string_equal(b.target, "/cwd/z");
	assert_int_equal(b.flags, BIND_RO | BIND_REC);
	bind_mount_deinit(&b);
	assert_int_equal(bind_parse("src a\\ b", "/parent", "/cwd", &b, &f->err), 0);
	assert_string_equal(b.source, "/parent/src");
	assert_string_equal(b.target, "/cwd/a b");
	bind_mount_deinit(&b);
	assert_int_equal(bind_parse("/x ..", "/", "/cwd", &b, &f->err), -1);
	assert_int_equal(f->err.code, ERR_INVALID_PATH);
}

/* ---- stored output ---- */

struct stored {
	char dir[64];
};

static void stored_init(struct props_fixture *f, struct stored *s)
{
	*s = (struct stored){ .dir = "/tmp/test_props.XXXXXX" };
	assert_non_null(mkdtemp(s->dir));
	f->env.workdir_base = s->dir;
	fx_state(f->a, STATE_DEAD);
}

static void stored_put(const struct stored *s, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", s->dir, name);
	auto_free char *dir = path_dirname(path);

	assert_int_equal(fd_mkdir_p(AT_FDCWD, dir, 0755), 0);
	assert_int_equal(fd_replace_file(AT_FDCWD, path, text, strlen(text), 0600), 0);
}

static void stored_deinit(struct props_fixture *f, const struct stored *s)
{
	assert_int_equal(fd_remove_tree(AT_FDCWD, s->dir), 0);
	f->env.workdir_base = "/place/porto";
	fx_state(f->a, STATE_STOPPED);
}

static void ranges_of_output(void **state)
{
	static const struct {
		const char *index, *text;
	} cases[] = {
		{ "", "0123456789" },
		{ "[:]", "0123456789" },
		{ "[:3]", "789" },
		{ "[:0]", "" },
		{ "[:100]", "0123456789" },
		{ "[4]", "456789" },
		{ "[4:]", "456789" },
		{ "[4:3]", "456" },
		{ "[0:10]", "0123456789" },
		{ "[8:10]", "89" },
		{ "[10]", "" },
		{ "[50:5]", "" },
	};
	static const char *const bad[] = {
		"[x]", "[1:x]", "[-1]", "[1:2:3]", "[ 1]", "[+1]", "[99999999999999999999]"
	};
	struct props_fixture *f = *state;
	struct stored s;
	char name[64];

	stored_init(f, &s);
	stored_put(&s, "a/stdout", "0123456789");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(name, sizeof(name), "stdout%s", cases[i].index);
		assert_get(f, name, cases[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(name, sizeof(name), "stdout%s", bad[i]);
		assert_no_get(f, name, ERR_INVALID_VALUE);
	}
	stored_deinit(f, &s);
}

static void output_after_rotation(void **state)
{
	struct props_fixture *f = *state;
	struct stored s;

	stored_init(f, &s);
	stored_put(&s, "a/stderr", "0123456789");
	f->a->stream_offset[2] = 100;
	assert_get(f, "stderr_offset", "100");
	assert_get(f, "stderr[102:3]", "234");
	assert_no_get(f, "stderr[99]", ERR_INVALID_DATA);
	assert_get(f, "stderr[:2]", "89");
	f->a->spec.stdout_limit = 4;
	assert_get(f, "stderr", "6789");
	assert_get(f, "stderr[101]", "1234");
	f->env.stdout_read_max = 2;
	assert_get(f, "stderr", "89");
	stored_deinit(f, &s);
}

static void output_that_is_not_there(void **state)
{
	struct props_fixture *f = *state;
	auto_free char *outside = NULL;
	struct stored s;

	stored_init(f, &s);
	stored_put(&s, "secret", "secret");
	stored_put(&s, "a/x", "x");
	assert_no_get(f, "stdout", ERR_INVALID_DATA);
	outside = xasprintf("%s/a/stdout", s.dir);
	assert_int_equal(symlink("../secret", outside), 0);
	assert_no_get(f, "stdout", ERR_INVALID_DATA);
	assert_int_equal(unlink(outside), 0);
	assert_int_equal(mkfifo(outside, 0600), 0);
	assert_no_get(f, "stdout", ERR_INVALID_DATA);
	f->a->spec.stdio_path[1] = xstrdup("/dev/null");
	assert_no_get(f, "stdout", ERR_INVALID_DATA);
	str_set(&f->a->spec.stdio_path[1], "");
	assert_no_get(f, "stdout", ERR_INVALID_DATA);
	str_set(&f->a->spec.stdio_path[1], "/dev/fd/1");
	assert_no_get(f, "stdout", ERR_INVALID_DATA);
	stored_deinit(f, &s);
}

static void output_in_custom_files(void **state)
{
	struct props_fixture *f = *state;
	auto_free char *link = NULL;
	struct stored s;

	stored_init(f, &s);
	stored_put(&s, "a/out", "relative");
	stored_put(&s, "root/tmp/out", "inside");
	assert_false(prop_needs_job(f->a, "stdout"));
	f->a->spec.stdio_path[1] = xstrdup("out");
	assert_true(prop_needs_job(f->a, "stdout"));
	assert_true(prop_needs_job(f->a, "stdout[1:2]"));
	assert_false(prop_needs_job(f->a, "stdout_path"));
	assert_false(prop_needs_job(f->a, "stderr"));
	assert_no_get(f, "stdout", ERR_RESOURCE_NOT_AVAILABLE);
	f->ctx.in_job = true;
	assert_get(f, "stdout", "relative");
	f->a->spec.root = xasprintf("%s/root", s.dir);
	str_set(&f->a->spec.stdio_path[1], "/tmp/out");
	assert_get(f, "stdout", "inside");
	str_set(&f->a->spec.stdio_path[1], "../../tmp/../tmp/out");
	assert_get(f, "stdout", "inside");
	link = xasprintf("%s/root/link", s.dir);
	assert_int_equal(symlink("tmp", link), 0);
	str_set(&f->a->spec.stdio_path[1], "/link/out");
	assert_no_get(f, "stdout", ERR_PERMISSION);
	str_set(&f->a->spec.stdio_path[1], "/");
	assert_no_get(f, "stdout", ERR_INVALID_DATA);
	stored_deinit(f, &s);
}

static void values_of_a_job_are_taken(void **state)
{
	struct props_fixture *f = *state;
	struct prop_parts parts = { 0 };

	f->a->state = STATE_DEAD;
	f->a->spec.stdio_path[1] = xstrdup("/tmp/out");
	prop_parts_add(&parts, f->a, "stdout");
	prop_parts_add(&parts, f->a, "stdout[5]");
	prop_parts_add(&parts, f->a, "stdout");
	assert_int_equal(parts.n, 2);
	buf_adds(&parts.v[0].value, "read");
	error_set(&parts.v[1].err, ERR_INVALID_DATA, "not read");
	f->ctx.parts = &parts;
	assert_get(f, "stdout", "read");
	assert_no_get(f, "stdout[5]", ERR_INVALID_DATA);
	assert_no_get(f, "stdout[6]", ERR_RESOURCE_NOT_AVAILABLE);
	prop_parts_deinit(&parts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(environment_of_a_new_container),
		TEST(own_variables),
		TEST(inherited_variables),
		TEST(effective_variables_by_index),
		TEST(default_limits),
		TEST(inherited_limits),
		TEST(locked_memory_follows_the_limit),
		TEST(binds_become_absolute),
		TEST(ranges_of_output),
		TEST(output_after_rotation),
		TEST(output_that_is_not_there),
		TEST(output_in_custom_files),
		TEST(values_of_a_job_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
