/* SPDX-License-Identifier: Apache-2.0 */
/* Each property's accepted and refused values. */
#include "props_fixture.h"

#include <fcntl.h>
#include <stdio.h>

#include "kernel/caps.h"
#include "props/caps_bound.h"
#include "props/rows.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

struct good {
	const char *name, *value, *shown;
};

struct bad {
	const char *name, *value;
	int code;
};

static const struct good good[] = {
	{ "command", "sleep 1", "sleep 1" },
	{ "command_argv", "a\tb c\td", "a\tb c\td" },
	{ "env", "A=1;B=2", "A=1;B=2" },
	{ "env", "A=x\\;y", "A=x\\;y" },
	{ "env", " B = 2 ; A=1=2 ;;C", "A=1=2;B = 2;C" },
	{ "env", "", "" },
	{ "user", "12345", "12345" },
	{ "user", "root", "root" },
	{ "group", "0", "root" },
	{ "umask", "022", "022" },
	{ "umask", "0", "0" },
	{ "umask", "777", "0777" },
	{ "cwd", "/tmp", "/tmp" },
	{ "cwd", "x", "/place/porto/a/x" },
	{ "ulimit", "nofile: 100 200", "nofile: 100 200; " },
	{ "ulimit", "nofile: 1K; core: unlim", "core: unlimited unlimited; nofile: 1024 1024; " },
	{ "ulimit", "", "" },
	{ "oom_score_adj", "-1000", "-1000" },
	{ "oom_score_adj", "1000", "1000" },
	{ "isolate", "false", "false" },
	{ "virt_mode", "docker", "app" },
	{ "virt_mode", "os", "os" },
	{ "virt_mode", "job", "job" },
	{ "virt_mode", "host", "host" },
	{ "enable_porto", "none", "false" },
	{ "enable_porto", "full", "true" },
	{ "enable_porto", "self-isolate", "self-isolate" },
	{ "capabilities", "", "" },
	{ "capabilities", "kill", "KILL" },
	{ "capabilities_ambient", "KILL", "KILL" },
	{ "hostname", "box.example", "box.example" },
	{ "hostname", "", "" },
	{ "root", "/srv/x", "/srv/x" },
	{ "root", "srv/../y/", "/y" },
	{ "root", "/../x", "/x" },
	{ "root", "", "/" },
	{ "bind", "/a /b ro", "/a /b ro" },
	{ "bind", " /a   /b ;/c /d rw,rec;", "/a /b;/c /d rw,rec" },
	{ "resolv_conf", "nameserver 1.1.1.1;search x", "nameserver 1.1.1.1;search x" },
	{ "resolv_conf", "a\nb", "a;b" },
	{ "resolv_conf", "keep", "keep" },
	{ "resolv_conf", "", "keep" },
	{ "resolv_conf", "default", "inherit" },
	{ "stdin_path", "", "" },
	{ "stdout_limit", "1.5K", "1536" },
	{ "stdout_limit", "2G", "2147483648" },
	{ "weak", "true", "true" },
	{ "respawn_count", "5", "5" },
	{ "max_respawns", "5", "5" },
	{ "max_respawns", "-7", "-7" },
	{ "max_respawns", "", "-1" },
	{ "respawn_delay", "0.5s", "500000000ns" },
	{ "respawn_delay", "5", "5ns" },
	{ "aging_time", "0", "0" },
	{ "memory_limit", "1.5G", "1610612736" },
	{ "memory_limit", "64MiB", "67108864" },
	{ "memory_limit", "0", "0" },
	{ "cpu_limit", "1.5c", "1.5c" },
	{ "cpu_limit", "500000000ns", "0.5c" },
	{ "cpu_limit", "50%", "2c" },
	{ "cpu_limit", "25", "1c" },
	{ "cpu_limit", "0", "0c" },
	{ "cpu_weight", "2.5", "2.5" },
	{ "cpu_weight", "0.019", "0.01" },
	{ "cpu_weight", "100", "100" },
	{ "cpu_period", "50ms", "50000000" },
	{ "thread_limit", "1K", "1024" },
	{ "controllers", "memory;pids", "memory;pids" },
	{ "owner_containers", "a/b ; x", "a/b;x" },
	{ "owner_containers", "", "" },
};

static const struct bad bad[] = {
	{ "env", "=x", ERR_INVALID_VALUE },
	{ "env[A=B]", "x", ERR_INVALID_VALUE },
	{ "user", "no-such-user", ERR_INVALID_VALUE },
	{ "user", "", ERR_INVALID_VALUE },
	{ "group", "no-such-group", ERR_INVALID_VALUE },
	{ "task_cred", "", ERR_INVALID_VALUE },
	{ "task_cred", "1 no-such", ERR_INVALID_VALUE },
	{ "owner_user", "no-such", ERR_INVALID_VALUE },
	{ "umask", "9", ERR_INVALID_VALUE },
	{ "umask", "1000", ERR_INVALID_VALUE },
	{ "umask", "", ERR_INVALID_VALUE },
	{ "ulimit", "nothing: 1", ERR_INVALID_VALUE },
	{ "ulimit", "nofile: x", ERR_INVALID_VALUE },
	{ "ulimit", "nofile", ERR_INVALID_VALUE },
	{ "ulimit[nothing]", "1", ERR_INVALID_VALUE },
	{ "oom_score_adj", "1001", ERR_INVALID_VALUE },
	{ "oom_score_adj", "-1001", ERR_INVALID_VALUE },
	{ "oom_score_adj", "x", ERR_INVALID_VALUE },
	{ "isolate", "yes", ERR_INVALID_VALUE },
	{ "isolate", "True", ERR_INVALID_VALUE },
	{ "virt_mode", "vm", ERR_INVALID_VALUE },
	{ "virt_mode", "OS", ERR_INVALID_VALUE },
	{ "enable_porto", "maybe", ERR_INVALID_VALUE },
	{ "enable_porto", "", ERR_INVALID_VALUE },
	{ "capabilities", "NO_SUCH", ERR_INVALID_VALUE },
	{ "capabilities", "KILL;NO_SUCH", ERR_INVALID_VALUE },
	{ "capabilities[NO_SUCH]", "true", ERR_INVALID_VALUE },
	{ "capabilities[KILL]", "1", ERR_INVALID_VALUE },
	{ "capabilities_ambient", "NO_SUCH", ERR_INVALID_VALUE },
	{ "hostname", "a\nb", ERR_INVALID_VALUE },
	{ "porto_namespace", "a b", ERR_INVALID_VALUE },
	{ "root", "../x", ERR_PERMISSION },
	{ "root", "a/../..", ERR_PERMISSION },
	{ "bind", "/a", ERR_INVALID_VALUE },
	{ "bind", "/a /b wrong", ERR_INVALID_VALUE },
	{ "bind", "/a /b ro rw", ERR_INVALID_VALUE },
	{ "bind", "/a /b ro,rw", ERR_INVALID_VALUE },
	{ "root_readonly", "1", ERR_INVALID_VALUE },
	{ "stdin_path", "/dev/fd/x", ERR_INVALID_VALUE },
	{ "stdin_path", "/dev/fd/-1", ERR_INVALID_VALUE },
	{ "stdin_path", "/dev/fd/0", ERR_INVALID_VALUE }, /* no client */
	{ "stdout_limit", "-1", ERR_INVALID_VALUE },
	{ "stdout_limit", "x", ERR_INVALID_VALUE },
	{ "weak", "2", ERR_INVALID_VALUE },
	{ "respawn_count", "-5", ERR_INVALID_VALUE },
	{ "max_respawns", "x", ERR_INVALID_VALUE },
	{ "respawn_delay", "5 parsecs", ERR_INVALID_VALUE },
	{ "respawn_delay", "-1s", ERR_INVALID_VALUE },
	{ "aging_time", "1.5", ERR_INVALID_VALUE },
	{ "memory_limit", "1K", ERR_INVALID_VALUE },
	{ "memory_limit", "-1", ERR_INVALID_VALUE },
	{ "memory_limit", "lots", ERR_INVALID_VALUE },
	{ "memory_limit", "99999999999G", ERR_INVALID_VALUE },
	{ "cpu_limit", "-1c", ERR_INVALID_VALUE },
	{ "cpu_limit", "1x", ERR_INVALID_VALUE },
	{ "cpu_weight", "0", ERR_INVALID_VALUE },
	{ "cpu_weight", "101", ERR_INVALID_VALUE },
	{ "cpu_weight", "1c", ERR_INVALID_VALUE },
	{ "cpu_weight", "nan", ERR_INVALID_VALUE },
	{ "cpu_period", "1us", ERR_INVALID_VALUE },
	{ "cpu_period", "2s", ERR_INVALID_VALUE },
	{ "thread_limit", "-1", ERR_INVALID_VALUE },
	{ "controllers", "x", ERR_INVALID_VALUE },
	{ "owner_containers", "../x", ERR_PERMISSION },
};

static void good_values(void **state)
{
	struct props_fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		f->a->spec.required_controllers = 0;
		fx_set(f, good[i].name, good[i].value);
		if (strcmp(fx_get(f, good[i].name), good[i].shown))
			fail_msg("%s = %s shows '%s', not '%s'", good[i].name, good[i].value,
				 buf_str(&f->out), good[i].shown);
	}
}

/* What is shown can be set, and shows the same. */
static void shown_values_are_good(void **state)
{
	struct props_fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		f->a->spec.required_controllers = 0;
		fx_set(f, good[i].name, good[i].shown);
		assert_get(f, good[i].name, good[i].shown);
	}
}

static void bad_values(void **state)
{
	struct props_fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (fx_try_set(f, bad[i].name, bad[i].value) != bad[i].code)
			fail_msg("%s = %s: %s, not %s", bad[i].name, bad[i].value,
				 error_name(f->err.code), error_name(bad[i].code));
		assert_non_null(strstr(f->err.text, "property '"));
	}
}

static void lengths(void **state)
{
	struct props_fixture *f = *state;
	static const struct {
		const char *name;
		size_t max;
	} limits[] = { { "command", 131072 },
		       { "command_argv", 131071 },
		       { "private", 4096 },
		       { "cwd", 4095 },
		       { "stdout_path", 4095 } };

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		auto_free char *text = xmalloc(limits[i].max + 2);

		memset(text, 'x', limits[i].max + 1);
		text[limits[i].max + 1] = '\0';
		assert_no_set(f, limits[i].name, text, ERR_INVALID_VALUE);
		text[limits[i].max] = '\0';
		fx_set(f, limits[i].name, text);
	}
}

/* ---- index access ---- */

static void argument_vectors(void **state)
{
	struct props_fixture *f = *state;

	fx_set(f, "command_argv", "echo\ta b\tc'd\t\te");
	assert_int_equal(f->a->spec.command_argv.n, 5);
	assert_get(f, "command", "'echo' 'a b' 'c'\\''d' '' 'e'");
	assert_get(f, "command_argv[1]", "a b");
	fx_set(f, "command_argv[1]", "B");
	assert_get(f, "command_argv", "echo\tB\tc'd\t\te");
	fx_set(f, "command_argv[6]", "z");
	assert_int_equal(f->a->spec.command_argv.n, 7);
	assert_get(f, "command_argv[5]", "");
	assert_no_get(f, "command_argv[7]", ERR_INVALID_PROPERTY);
	assert_no_get(f, "command_argv[x]", ERR_INVALID_PROPERTY);
	assert_no_set(f, "command_argv[x]", "1", ERR_INVALID_PROPERTY);
	assert_no_set(f, "command_argv[999999999]", "1", ERR_INVALID_PROPERTY);
	fx_set(f, "command", "true");
	assert_get(f, "command_argv", "");
	assert_false(container_is_set(f->a, ROW_command_argv));
	fx_set(f, "command_argv", "a\\\tb");
	assert_get(f, "command_argv[0]", "a\tb");
	assert_get(f, "command_argv", "a\\\tb");
}

static void ulimits_by_index(void **state)
{
	struct props_fixture *f = *state;

	fx_set(f, "ulimit[nofile]", "100 200");
	fx_set(f, "ulimit[core]", "1");
	assert_get(f, "ulimit", "core: 1 1; nofile: 100 200; ");
	assert_get(f, "ulimit[nofile]", "nofile: 100 200");
	assert_get(f, "ulimit[nproc]", "");
	assert_get(f, "ulimit[nothing]", "");
}

/* ---- credentials ---- */

static void user_and_group_are_independent(void **state)
{
	struct props_fixture *f = *state;

	fx_set(f, "user", "12345");
	assert_get(f, "group", "root");
	assert_get(f, "task_cred", "12345 0 0");
	fx_set(f, "group", "54321");
	assert_get(f, "task_cred", "12345 54321 54321");
	assert_get(f, "owner_cred", "0 0 0");
	fx_set(f, "task_cred", "7 8 9");
	assert_int_equal(f->a->spec.task_cred.uid, 7);
	assert_int_equal(f->a->spec.task_cred.gid, 8);
	fx_set(f, "task_cred", "root");
	assert_int_equal(f->a->spec.task_cred.uid, 0);
	assert_int_equal(f->a->spec.task_cred.gid, 8);
	f->ctx.real = true;
	assert_get(f, "user", "root");
}

static void only_superusers_give_away(void **state)
{
	struct props_fixture *f = *state;
	auto_free char *nobody = cred_user_name(NOBODY);

	f->ctx.client = f->user;
	assert_no_set(f, "owner_user", "12345", ERR_PERMISSION);
	assert_no_set(f, "owner_cred", "12345 12345", ERR_PERMISSION);
	assert_no_set(f, "owner_group", "12345", ERR_PERMISSION);
	assert_get(f, "owner_user", "root");
	f->a->spec.owner_cred.uid = NOBODY;
	fx_set(f, "owner_user", nobody);
	fx_set(f, "owner_group", "65534");
	f->ctx.client = f->su;
	fx_set(f, "owner_cred", "12345 54321");
	assert_get(f, "owner_cred", "12345 54321 54321");
}

static void limits_of_ordinary_clients(void **state)
{
	struct props_fixture *f = *state;

	f->ctx.client = f->user;
	assert_no_set(f, "stdout_limit", "2G", ERR_PERMISSION);
	fx_set(f, "stdout_limit", "1G");
	f->ctx.ct = f->ab;
	f->a->spec.enable_porto = ACCESS_READ_ISOLATE;
	assert_no_set(f, "enable_porto", "true", ERR_PERMISSION);
	fx_set(f, "enable_porto", "read-only");
	f->a->spec.enable_porto = ACCESS_NONE;
	assert_no_set(f, "enable_porto", "read-only", ERR_PERMISSION);
	fx_set(f, "enable_porto", "false");
	f->ctx.client = f->su;
	fx_set(f, "enable_porto", "true");
}

static void new_containers_inherit_the_ceiling(void **state)
{
	struct props_fixture *f = *state;

	f->a->spec.enable_porto = ACCESS_READ_ISOLATE;
	f->ctx.ct = fx_add(f, "a/c", 0);
	assert_get(f, "enable_porto", "read-only");
	f->a->spec.enable_porto = ACCESS_NONE;
	f->ctx.ct = fx_add(f, "a/d", 0);
	assert_get(f, "enable_porto", "false");
	f->a->spec.enable_porto = ACCESS_ISOLATE;
	f->a->spec.cpu_period = 5000000;
	f->ctx.ct = fx_add(f, "a/e", 0);
	assert_get(f, "enable_porto", "true");
	assert_get(f, "cpu_period", "5000000");
}

/* ---- capabilities ---- */

static void capability_bound(void **state)
{
	struct props_fixture *f = *state;
	uint64_t fenced = caps_need_pid_ns | caps_need_memory | caps_need_net_ns;

	assert_int_equal(caps_bound(f->root), caps_all());
	assert_int_equal(caps_bound(f->a), caps_root & caps_all());
	f->a->spec.owner_cred.uid = f->ab->spec.owner_cred.uid = NOBODY;
	assert_int_equal(caps_limit(f->a), caps_default);
	assert_int_equal(caps_bound(f->a), caps_default & ~caps_need_memory & ~caps_need_net_ns);
	f->a->spec.isolate = f->ab->spec.isolate = false;
	assert_int_equal(caps_bound(f->ab), caps_default & ~fenced);
	f->a->spec.memory_limit = 1 << 20;
	assert_int_equal(caps_bound(f->ab), caps_default & ~caps_need_pid_ns & ~caps_need_net_ns);

	/* Naming it is asking for it. */
	fx_set(f, "capabilities", "KILL;NET_ADMIN;SYS_ADMIN");
	assert_get(f, "capabilities_allowed", "KILL;NET_ADMIN;SYS_ADMIN");
	assert_get(f, "capabilities_ambient_allowed[KILL]", "true");
	assert_get(f, "capabilities_allowed[KILL;CHOWN]", "false");
	f->ctx.ct = f->ab;
	assert_get(f, "capabilities", "KILL;NET_ADMIN;SYS_ADMIN");
	assert_get(f, "capabilities_allowed", "SYS_ADMIN");
	fx_set(f, "capabilities[CHOWN]", "true");
	assert_get(f, "capabilities", "CHOWN;KILL;NET_ADMIN;SYS_ADMIN");
	assert_get(f, "capabilities_allowed", "KILL;NET_ADMIN;SYS_ADMIN");
	fx_set(f, "capabilities[KILL;CHOWN]", "false");
	assert_get(f, "capabilities", "NET_ADMIN;SYS_ADMIN");
	/* A root owner does not escape from a limit above. */
	f->ctx.ct = fx_add(f, "a/r", 0);
	assert_get(f, "capabilities_allowed", "KILL;NET_ADMIN;SYS_ADMIN");
}

static void only_superusers_grant_capabilities(void **state)
{
	struct props_fixture *f = *state;

	f->ctx.client = f->user;
	f->a->spec.owner_cred.uid = f->ab->spec.owner_cred.uid = NOBODY;
	assert_no_set(f, "capabilities", "SYS_ADMIN", ERR_PERMISSION);
	assert_non_null(strstr(f->err.text, "SYS_ADMIN"));
	assert_no_set(f, "capabilities_ambient", "SYS_MODULE", ERR_PERMISSION);
	fx_set(f, "capabilities", "KILL;CHOWN");
	f->ctx.client = f->su;
	fx_set(f, "capabilities", "SYS_ADMIN");
	f->ctx.client = f->user;
	f->ctx.ct = f->ab;
	fx_set(f, "capabilities", "SYS_ADMIN");
	assert_no_set(f, "capabilities", "SYS_MODULE", ERR_PERMISSION);
}

/* ---- things of the client ---- */

static void descriptors_of_the_client(void **state)
{
	struct props_fixture *f = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char path[64];

	f->su->pid = getpid();
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	fx_set(f, "stdin_path", path);
	assert_get(f, "stdin_path", path);
	close(fd);
	assert_no_set(f, "stdout_path", path, ERR_INVALID_VALUE);
	assert_get(f, "stdout_path", "stdout");
}

static void root_as_the_client_sees_it(void **state)
{
	struct props_fixture *f = *state;
	struct client *inside;

	f->a->spec.root = xstrdup("/srv/a");
	f->ab->spec.root = xstrdup("/b");
	f->ctx.ct = f->ab;
	assert_get(f, "root_path", "/srv/a/b");
	assert_get(f, "root", "/b");
	assert_get(f, "resolv_conf", "default");
	inside = client_new(f->a);
	f->ctx.client = inside;
	assert_get(f, "root_path", "/b");
	f->ctx.ct = f->a;
	assert_get(f, "root_path", "/");
	f->ctx.ct = f->root;
	assert_no_get(f, "root_path", ERR_PERMISSION);
	client_free(inside);
}

static void owner_containers_in_a_namespace(void **state)
{
	struct props_fixture *f = *state;
	struct client *inside = client_new(f->a);

	inside->access = ACCESS_SUPERUSER;
	str_set(&inside->read_ns, "a/");
	f->ctx.client = inside;
	f->ctx.ct = f->ab;
	fx_set(f, "owner_containers", "b;c");
	assert_string_equal(f->ab->spec.owner_containers.v[0], "a/b");
	assert_get(f, "owner_containers", "b;c");
	f->ctx.client = f->su;
	assert_get(f, "owner_containers", "a/b;a/c");
	fx_set(f, "owner_containers", "x");
	f->ctx.client = inside;
	assert_get(f, "owner_containers", "/porto/x");
	client_free(inside);
}

static uint64_t count(void *daemon, const char *name, bool *ret_known)
{
	(void)daemon;
	*ret_known = !strcmp(name, "porto_uptime") || !strcmp(name, "containers");
	return 17;
}

static void counters_of_the_daemon(void **state)
{
	struct props_fixture *f = *state;

	f->env.porto_stat = count;
	f->a->running_below = 2;
	assert_get(f, "porto_stat[porto_uptime]", "17");
	assert_get(f, "porto_stat[running_children]", "2");
	assert_no_get(f, "porto_stat[no_such]", ERR_INVALID_VALUE);
	assert_get(f, "porto_stat",
		   "container_clients: 0; container_oom: 0; container_requests: 0; "
		   "running_children: 2; starting_children: 0; volume_mounts: 0; "
		   "containers: 17; porto_uptime: 17");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good_values),
		TEST(shown_values_are_good),
		TEST(bad_values),
		TEST(lengths),
		TEST(argument_vectors),
		TEST(ulimits_by_index),
		TEST(user_and_group_are_independent),
		TEST(only_superusers_give_away),
		TEST(limits_of_ordinary_clients),
		TEST(new_containers_inherit_the_ceiling),
		TEST(capability_bound),
		TEST(only_superusers_grant_capabilities),
		TEST(descriptors_of_the_client),
		TEST(root_as_the_client_sees_it),
		TEST(owner_containers_in_a_namespace),
		TEST(counters_of_the_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
