/* SPDX-License-Identifier: Apache-2.0 */
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

#include "base/fd.h"
#include "base/path.h"
#include "base/xalloc.h"
#include "config.h"

struct fixture {
	char root[64];
	struct config *config;
	struct error err;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->root, sizeof(f->root), "/tmp/test_config.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	config_free(f->config);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->root), 0);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s%s", f->root, name);
	auto_free char *dir = path_dirname(path);

	assert_int_equal(fd_mkdir_p(AT_FDCWD, dir, 0755), 0);
	assert_int_equal(fd_replace_file(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static int load(struct fixture *f, const char *text)
{
	auto_free char *path = xasprintf("%s/private.conf", f->root);

	put(f, "/private.conf", text);
	f->config = config_free(f->config);
	return config_load_file(path, &f->config, &f->err);
}

static void expect_loaded(struct fixture *f, const char *text)
{
	if (load(f, text) < 0)
		fail_msg("%s", f->err.text);
}

static void expect_refused(struct fixture *f, const char *text, const char *why)
{
	auto_free char *file = xasprintf("%s/private.conf:", f->root);

	assert_int_equal(load(f, text), -1);
	assert_null(f->config);
	assert_int_equal(f->err.code, ERR_INVALID_VALUE);
	if (strncmp(f->err.text, file, strlen(file)) != 0)
		fail_msg("\"%s\" does not begin with the file", f->err.text);
	if (!strstr(f->err.text + strlen(file), why))
		fail_msg("no \"%s\" in \"%s\"", why, f->err.text);
}

static const PortoConfig__TDaemonConfig *daemon_of(const struct fixture *f)
{
	return f->config->msg->daemon;
}

/* ---- files ---- */

static void has_defaults_without_any_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(config_load_system(f->root, &f->config, &f->err), 0);
	assert_string_equal(daemon_of(f)->socket_path, "/run/portod.socket");
	assert_string_equal(daemon_of(f)->state_dir, "/run/portod");
	assert_int_equal(daemon_of(f)->max_clients, 1000);
	assert_int_equal(daemon_of(f)->max_msg_len, 32 << 20);
	assert_int_equal(f->config->msg->container->max_total, 3000);
	assert_non_null(f->config->msg->log);
	assert_non_null(f->config->msg->volumes);
	assert_non_null(f->config->msg->core);
	assert_non_null(f->config->msg->network);
	assert_non_null(f->config->msg->metrics);
	assert_string_equal(f->config->log_path, "/var/log/portod.log");
	assert_string_equal(f->config->pid_file, "/run/portod.pid");
	assert_true(path_is_absolute(f->config->helpers_dir));
	assert_null(f->config->file);
}

static void reads_the_main_file_then_the_directory_in_byte_order(void **state)
{
	struct fixture *f = *state;

	put(f, "/etc/portod.conf", "daemon { max_clients: 1 max_msg_len: 2000 vl_threads: 9 }");
	put(f, "/etc/default/portod.conf", "daemon { vl_threads: 1 }");
	put(f, "/etc/portod.conf.d/b.conf", "daemon { max_clients: 3 }");
	put(f, "/etc/portod.conf.d/a.conf", "daemon { max_clients: 2 max_msg_len: 3000 }");
	put(f, "/etc/portod.conf.d/.hidden.conf", "daemon { max_clients: 4 }");
	put(f, "/etc/portod.conf.d/z.conf.bak", "daemon { max_clients: 5 }");
	assert_int_equal(config_load_system(f->root, &f->config, &f->err), 0);
	assert_int_equal(daemon_of(f)->max_clients, 3);
	assert_int_equal(daemon_of(f)->max_msg_len, 3000);
	assert_int_equal(daemon_of(f)->vl_threads, 9);
}

static void falls_back_to_the_default_file(void **state)
{
	struct fixture *f = *state;

	put(f, "/etc/default/portod.conf", "daemon { vl_threads: 7 }");
	assert_int_equal(config_load_system(f->root, &f->config, &f->err), 0);
	assert_int_equal(daemon_of(f)->vl_threads, 7);
}

static void appends_repeated_options_and_merges_sections(void **state)
{
	struct fixture *f = *state;

	put(f, "/etc/portod.conf",
	    "container { rec_bind_hack: \"/a\" } container { max_total: 5 }");
	put(f, "/etc/portod.conf.d/a.conf", "container { rec_bind_hack: \"/b\" }");
	assert_int_equal(config_load_system(f->root, &f->config, &f->err), 0);
	assert_int_equal(f->config->msg->container->max_total, 5);
	assert_int_equal(f->config->msg->container->n_rec_bind_hack, 2);
	assert_string_equal(f->config->msg->container->rec_bind_hack[1], "/b");
}

static void names_the_broken_file_of_the_directory(void **state)
{
	struct fixture *f = *state;

	put(f, "/etc/portod.conf", "");
	put(f, "/etc/portod.conf.d/50-site.conf", "\n\ndaemon { max_clients: 0 }");
	assert_int_equal(config_load_system(f->root, &f->config, &f->err), -1);
	assert_non_null(
		strstr(f->err.text, "/etc/portod.conf.d/50-site.conf:3: daemon.max_clients: "));
}

static void reads_only_the_given_file(void **state)
{
	struct fixture *f = *state;

	put(f, "/etc/portod.conf", "daemon { max_clients: 1 }");
	expect_loaded(f, "");
	assert_int_equal(daemon_of(f)->max_clients, 1000);
	assert_non_null(f->config->file);
}

static void wants_the_given_file_to_exist(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(config_load_file("/nonexistent/x.conf", &f->config, &f->err), -1);
	assert_int_equal(f->err.sys, ENOENT);
	assert_non_null(strstr(f->err.text, "/nonexistent/x.conf"));
}

/* ---- syntax and values ---- */

static void names_line_and_option_of_a_syntax_error(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, "# ok\ndaemon {\n  max_clients: abc\n}", "3: daemon.max_clients: ");
	expect_refused(f, "daemon {\n", ":");
	expect_refused(f, "\n\ndaemon: 5", "3: ");
}

static void refuses_an_unknown_option_by_name(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, "daemon {\n\n  max_clint: 1\n}", "3: daemon.max_clint");
	expect_refused(f, "demon { }", "1: demon");
}

static void takes_what_an_existing_file_has_in_it(void **state)
{
	struct fixture *f = *state;

	expect_loaded(f, "log {\n  verbose: true\n}\n"
			 "daemon {\n  rw_threads: 20; max_msg_len: 33554432,\n}\n"
			 "container { memory_limit_margin: 2147483648 cpu_limit_scale: 1.5\n"
			 "  default_ulimit: \"core: unlimited; nofile: 8196 1048576\"\n"
			 "  extra_env { name: 'A' value: \"b\\\"c\" } }\n"
			 "privileges { root_user: \"alice\" }\n"
			 "network { managed_device: ['eth*', 'veth*'] }\n");
	assert_true(f->config->msg->log->verbose);
	assert_int_equal(f->config->msg->network->n_managed_device, 2);
}

static void refuses_values_out_of_range(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, "daemon {\n max_msg_len: 1\n}", "2: daemon.max_msg_len: 1 is not in ");
	expect_refused(f, "container { rt_nice: -21 }", "1: container.rt_nice: -21 ");
	expect_refused(f, "container {\n cpu_limit_scale: -0.5 }",
		       "2: container.cpu_limit_scale: -0.5");
	expect_refused(f, "container { cpu_limit_scale: nan }", "container.cpu_limit_scale: ");
	expect_refused(f, "container { memory_high_limit_proportion: 2 }",
		       "container.memory_high_limit_proportion: 2");
	expect_refused(f, "container { cpu_period: 0 }", "container.cpu_period: 0");
	expect_refused(f, "daemon { max_clients_in_container: -1 }", "-1 is not in 1 ..");
}

static void finds_the_line_among_comments_strings_and_other_sections(void **state)
{
	struct fixture *f = *state;

	expect_refused(f,
		       "# container { max_total: 0 }\n"
		       "volumes { max_total: 7 }\n"
		       "daemon { place: \"/max_total: 0 container {\\\" #\" }\n"
		       "container <\n"
		       "  max_total: 5\n"
		       "  max_total:\n 0\n"
		       ">\n"
		       "volumes:\n{\n max_total: 7 }\n",
		       "6: container.max_total: 0 ");
}

static void refuses_paths_that_are_none(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = xasprintf("daemon { socket_path: \"/%0200d\" }", 1);

	expect_refused(f, "daemon { state_dir: \"state\" }",
		       "1: daemon.state_dir: not an absolute");
	expect_refused(f, "daemon { state_dir: \"\" }", "daemon.state_dir: not an absolute");
	expect_refused(f, "daemon { state_dir: \"/\" }", "daemon.state_dir: not an absolute");
	expect_refused(f, "daemon { place: \"/a/../b\" }", "daemon.place: not an absolute");
	expect_refused(f, "daemon { socket_path: \"\" }", "daemon.socket_path: ");
	expect_refused(f, path, "daemon.socket_path: longer");
	expect_refused(f, "daemon { log_path: \"log\" }", "daemon.log_path: ");
}

static void refuses_a_cgroup_prefix_that_leaves_the_hierarchy(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, "daemon { cgroup_prefix: \"\" }", "daemon.cgroup_prefix: ");
	expect_refused(f, "daemon { cgroup_prefix: \"/porto\" }", "daemon.cgroup_prefix: ");
	expect_refused(f, "daemon { cgroup_prefix: \"../x\" }", "daemon.cgroup_prefix: ");
	expect_refused(f, "daemon { cgroup_prefix: \"a//b\" }", "daemon.cgroup_prefix: ");
	expect_loaded(f, "daemon { cgroup_prefix: \"a/b\" }");
}

static void checks_options_against_each_other(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, "network {\n enable_host_net_classes: true }",
		       "2: network.enable_host_net_classes: needs network.enable_netcls_classid");
	expect_loaded(f, "network { enable_host_net_classes: true enable_netcls_classid: true }");
}

static void derives_values(void **state)
{
	struct fixture *f = *state;

	expect_loaded(f, "daemon { state_dir: '/x/state' log_path: '' helpers_dir: '/x/bin' }");
	assert_string_equal(f->config->helpers_dir, "/x/bin");
	assert_null(f->config->log_path);
	assert_string_equal(f->config->pid_file, "/x/state/portod.pid");
	expect_loaded(f, "daemon { state_dir: '/x/state' pid_file: '' }");
	assert_null(f->config->pid_file);
	expect_loaded(f, "daemon { state_dir: '/x/state' pid_file: '/x/pid' }");
	assert_string_equal(f->config->pid_file, "/x/pid");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(has_defaults_without_any_file),
		TEST(reads_the_main_file_then_the_directory_in_byte_order),
		TEST(falls_back_to_the_default_file),
		TEST(appends_repeated_options_and_merges_sections),
		TEST(names_the_broken_file_of_the_directory),
		TEST(reads_only_the_given_file),
		TEST(wants_the_given_file_to_exist),
		TEST(names_line_and_option_of_a_syntax_error),
		TEST(refuses_an_unknown_option_by_name),
		TEST(takes_what_an_existing_file_has_in_it),
		TEST(refuses_values_out_of_range),
		TEST(finds_the_line_among_comments_strings_and_other_sections),
		TEST(refuses_paths_that_are_none),
		TEST(refuses_a_cgroup_prefix_that_leaves_the_hierarchy),
		TEST(checks_options_against_each_other),
		TEST(derives_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
