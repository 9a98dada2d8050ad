/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/config.pb-c.h"
#include "proto/porto.pb-c.h"
#include "proto/textpb.h"

static char err[512];

static PortoConfig__TPortodConfig *new_config(void)
{
	return (PortoConfig__TPortodConfig *)textpb_new(&porto_config__tportod_config__descriptor);
}

static void free_config(PortoConfig__TPortodConfig *c)
{
	porto_config__tportod_config__free_unpacked(c, NULL);
}

static const char *other_name(const ProtobufCMessageDescriptor *type, const char *name)
{
	if (type == &porto_config__tportod_config__descriptor && !strcmp(name, "journal"))
		return "log";
	return strcmp(name, "nothing") ? NULL : "nowhere";
}

static void test_other_names(void **state)
{
	static const char text[] = "journal { verbose: true }";
	static const struct textpb_options options = { .other_name = other_name };
	PortoConfig__TPortodConfig *c = new_config();

	(void)state;
	assert_int_equal(textpb_parse(&c->base, text, strlen(text), &options, err, sizeof(err)), 0);
	assert_true(c->log->verbose);
	assert_int_equal(textpb_parse(&c->base, "nothing: 1", 10, &options, err, sizeof(err)),
			 -EINVAL);
	assert_string_equal(err, "line 1: nothing: unknown field");
	assert_int_equal(textpb_parse(&c->base, "log { journal: 1 }", 18, &options, err,
				      sizeof(err)),
			 -EINVAL);
	assert_string_equal(err, "line 1: log.journal: unknown field");
	free_config(c);
}

static int parse_into(void *msg, const char *text)
{
	err[0] = '\0';
	return textpb_parse(msg, text, strlen(text), NULL, err, sizeof(err));
}

static PortoConfig__TPortodConfig *parse(const char *text)
{
	PortoConfig__TPortodConfig *c = new_config();

	if (parse_into(c, text))
		print_error("%s\n", err);
	assert_string_equal(err, "");
	return c;
}

static void check_error(const char *text, const char *expected)
{
	PortoConfig__TPortodConfig *c = new_config();

	assert_true(parse_into(c, text) < 0);
	assert_string_equal(err, expected);
	free_config(c);
}

static void test_empty_text(void **state)
{
	PortoConfig__TPortodConfig *c = parse(" \n# only a comment");

	(void)state;
	assert_null(c->daemon);
	assert_false(c->has_keyvalue_limit);
	assert_int_equal(c->keyvalue_limit, 1 << 20);
	free_config(c);
}

static void test_a_configuration(void **state)
{
	PortoConfig__TPortodConfig *c = parse(
		"# a private daemon\n"
		"log { verbose: true }\n"
		"daemon: {\n"
		"  socket_path: \"/tmp/x.socket\"  # here\n"
		"  max_clients: 0x10,\n"
		"  max_clients_in_container: -010;\n"
		"  docker_allowed_registry: ['a', \"b\" 'c']\n"
		"  docker_allowed_registry: \"d\"\n"
		"}\n"
		"container < cpu_limit_scale: 1.5e0 default_thread_limit: -1 >\n"
		"container { extra_env { name: \"A\" value: \"1\" } extra_env { name: 'B' }\n"
		"  net_sysctl: [{ key: 'a' }, { key: 'b' val: 'c' }] }\n");

	(void)state;
	assert_true(c->log->has_verbose && c->log->verbose);
	assert_false(c->log->has_debug);
	assert_string_equal(c->daemon->socket_path, "/tmp/x.socket");
	assert_true(c->daemon->has_max_clients);
	assert_int_equal(c->daemon->max_clients, 16);
	assert_int_equal(c->daemon->max_clients_in_container, -8);
	assert_int_equal(c->daemon->n_docker_allowed_registry, 3);
	assert_string_equal(c->daemon->docker_allowed_registry[1], "bc");
	assert_string_equal(c->daemon->docker_allowed_registry[2], "d");
	assert_true(c->container->cpu_limit_scale == 1.5);
	assert_true(c->container->default_thread_limit == -1);
	assert_int_equal(c->container->n_extra_env, 2);
	assert_string_equal(c->container->extra_env[0]->value, "1");
	assert_null(c->container->extra_env[1]->value);
	assert_int_equal(c->container->n_net_sysctl, 2);
	assert_string_equal(c->container->net_sysctl[1]->val, "c");
	/* Defaults of what was not named. */
	assert_string_equal(c->daemon->cgroup_prefix, "porto");
	assert_int_equal(c->container->max_total, 3000);
	free_config(c);
}

static void test_files_merge(void **state)
{
	PortoConfig__TPortodConfig *c = parse("daemon { max_clients: 1 place: 'a' "
					      "docker_allowed_registry: 'x' }");

	(void)state;
	assert_int_equal(parse_into(c, "daemon { max_clients: 2; place: 'b'; place: 'c'; "
				       "docker_allowed_registry: ['y'] tar_path: 't' }"),
			 0);
	assert_int_equal(c->daemon->max_clients, 2);
	assert_string_equal(c->daemon->place, "c");
	assert_string_equal(c->daemon->tar_path, "t");
	assert_int_equal(c->daemon->n_docker_allowed_registry, 2);
	assert_string_equal(c->daemon->docker_allowed_registry[0], "x");
	free_config(c);
}

static void test_strings(void **state)
{
	PortoConfig__TPortodConfig *c = parse(
		"version: 'it\\'s \\\"q\\\" \\\\ \\n\\t\\x41\\101\\u00e9\\U0001F600' \"\" \"#\"");

	(void)state;
	assert_string_equal(c->version, "it's \"q\" \\ \n\tAA\xc3\xa9\xf0\x9f\x98\x80#");
	free_config(c);
	c = parse("version: ''");
	assert_string_equal(c->version, "");
	free_config(c);
}

static void test_numbers(void **state)
{
	PortoConfig__TPortodConfig *c = parse(
		"keyvalue_limit: 18446744073709551615 daemon { max_clients: 4294967295 "
		"max_clients_in_container: -2147483648 } container { cpu_limit_scale: -3 "
		"dead_memory_soft_limit: -9223372036854775808 memory_high_limit_proportion: .5f }");

	(void)state;
	assert_true(c->keyvalue_limit == UINT64_MAX);
	assert_true(c->daemon->max_clients == UINT32_MAX);
	assert_true(c->daemon->max_clients_in_container == INT32_MIN);
	assert_true(c->container->cpu_limit_scale == -3);
	assert_true(c->container->dead_memory_soft_limit == INT64_MIN);
	assert_true(c->container->memory_high_limit_proportion == 0.5);
	free_config(c);
}

static void test_seccomp_profile(void **state)
{
	Porto__TSeccompProfile *p =
		(Porto__TSeccompProfile *)textpb_new(&porto__tseccomp_profile__descriptor);

	(void)state;
	assert_int_equal(
		parse_into(p, "default_action { action: Allow } rules { syscall: 'clone' args { "
			      "index: 0 compare: MaskedEq value: 0x10 } action { action: Errno "
			      "value: 1 } } rules { syscall: 'x' action { action: 7 } }"),
		0);
	assert_true(p->default_action->has_action);
	assert_int_equal(p->default_action->action, PORTO__TSECCOMP_ACTION__EACTION__Allow);
	assert_int_equal(p->n_rules, 2);
	assert_int_equal(p->rules[0]->args[0]->compare, PORTO__TSECCOMP_ARG__ECOMPARE__MaskedEq);
	assert_int_equal(p->rules[1]->action->action, PORTO__TSECCOMP_ACTION__EACTION__Kill);
	assert_int_equal(parse_into(p, "default_action { action: Maybe }"), -22);
	assert_string_equal(err, "line 1: default_action.action: \"Maybe\" is not a value of "
				 "EAction");
	assert_int_equal(parse_into(p, "default_action { action: 99 }"), -22);
	assert_string_equal(err, "line 1: default_action.action: 99 is not a value of EAction");
	porto__tseccomp_profile__free_unpacked(p, NULL);
}

static void test_errors_tell_line_and_field(void **state)
{
	(void)state;
	check_error("log {\n}\ndaemon {\n  max_clients: abc\n}",
		    "line 4: daemon.max_clients: expected an integer, found \"abc\"");
	check_error("daemon {\n max_clients: \"5\"",
		    "line 2: daemon.max_clients: expected an integer, found the string \"5\"");
	check_error("daemon { max_clients: 4294967296 }",
		    "line 1: daemon.max_clients: 4294967296 is out of range (0..4294967295)");
	check_error("daemon { max_clients: -1 }",
		    "line 1: daemon.max_clients: -1 is out of range (0..4294967295)");
	check_error("keyvalue_limit: 18446744073709551616",
		    "line 1: keyvalue_limit: 18446744073709551616 is out of range");
	check_error("daemon { max_clients: 08 }",
		    "line 1: daemon.max_clients: expected an integer, found \"08\"");
	check_error("daemon { max_clients: 1.5 }",
		    "line 1: daemon.max_clients: expected an integer, found \"1.5\"");
	check_error("\n\ndaemon { nonsense: 1 }", "line 3: daemon.nonsense: unknown field");
	check_error("log { verbose: yes }",
		    "line 1: log.verbose: expected true or false, found \"yes\"");
	check_error("log { verbose true }", "line 1: log.verbose: expected :, found \"true\"");
	check_error("log: 5", "line 1: log: expected {, found \"5\"");
	check_error("log {\n verbose: true\n",
		    "line 3: log: expected a field name or the closing bracket, found the end of "
		    "the text");
	check_error("log { verbose: true > }",
		    "line 1: log: expected a field name or the closing bracket, found \">\"");
	check_error("}", "line 1: expected a field name, found \"}\"");
	check_error("version: 5", "line 1: version: expected a string in quotes, found \"5\"");
	check_error("version:\n'abc\ndef'", "line 2: version: string is not closed");
	check_error("version: 'a\\q'", "line 1: version: unknown escape in a string");
	check_error("version: 'a\\000b'", "line 1: version: the string contains a zero byte");
	check_error("version: '\\ud800'", "line 1: version: malformed unicode escape");
	check_error("version: [ 'a' ]", "line 1: version: takes one value, not a list");
	check_error("daemon { docker_allowed_registry: ['a' 5] }",
		    "line 1: daemon.docker_allowed_registry: expected , or ], found \"5\"");
	check_error("container { cpu_limit_scale: 0x10 }",
		    "line 1: container.cpu_limit_scale: expected a number, found \"0x10\"");
	check_error("\x01", "line 1: character that is not text outside of a string");
}

static void test_nesting_is_limited(void **state)
{
	char text[4096] = "";

	(void)state;
	for (int i = 0; i < 200; i++)
		strcat(text, "x { ");
	check_error(text, "line 1: x: unknown field");
}

struct seen {
	char text[256];
	int n;
};

static void on_unknown(void *arg, const char *text)
{
	struct seen *seen = arg;

	seen->n++;
	snprintf(seen->text, sizeof(seen->text), "%s", text);
}

static int parse_tolerant(PortoConfig__TPortodConfig *c, const char *text, struct seen *seen)
{
	struct textpb_options options = { .on_unknown = on_unknown, .arg = seen };

	*seen = (struct seen){ .n = 0 };
	return textpb_parse(&c->base, text, strlen(text), &options, err, sizeof(err));
}

static void test_unknown_fields_can_be_skipped(void **state)
{
	PortoConfig__TPortodConfig *c = new_config();
	char deep[4096] = "";
	struct seen seen;

	(void)state;
	assert_int_equal(parse_tolerant(c,
					"a: 1 b: -2.5 c: 'x' \"y\" d { e: [1, 2] f < > g: {} } "
					"h: [] i: [{ j: K }, { }];\nlog { k: 1, debug: true }",
					&seen),
			 0);
	assert_int_equal(seen.n, 7);
	assert_string_equal(seen.text, "line 2: log.k: unknown field");
	assert_true(c->log->debug);
	assert_true(parse_tolerant(c, "a: }", &seen) < 0);
	assert_string_equal(err, "line 1: a: expected a value, found \"}\"");
	for (int i = 0; i < 200; i++)
		strcat(deep, "x { ");
	assert_true(parse_tolerant(c, deep, &seen) < 0);
	assert_string_equal(err, "line 1: x: messages are nested too deeply");
	free_config(c);
}

/* What is printed reads back as the same message. */
static void test_print_round_trip(void **state)
{
	static const char text[] = "log {\n"
				   "  verbose: true\n"
				   "}\n"
				   "daemon {\n"
				   "  place: \"a\\\"\\\\\\n\\001b\"\n"
				   "  max_clients_in_container: -5\n"
				   "  docker_allowed_registry: \"x\"\n"
				   "  docker_allowed_registry: \"y\"\n"
				   "}\n"
				   "container {\n"
				   "  cpu_limit_scale: 0.10000000000000001\n"
				   "  seccomp_profiles {\n"
				   "    name: \"n\"\n"
				   "    profile {\n"
				   "      default_action {\n"
				   "        action: KillProcess\n"
				   "      }\n"
				   "    }\n"
				   "  }\n"
				   "}\n";
	PortoConfig__TPortodConfig *c = parse(text);
	char *printed = textpb_print(&c->base);

	(void)state;
	assert_string_equal(printed, text);
	free(printed);
	free_config(c);
	c = new_config();
	printed = textpb_print(&c->base);
	assert_string_equal(printed, "");
	free(printed);
	free_config(c);
}

/* The arrays of an unpacked message may be grown. */
static void test_append_to_an_unpacked_message(void **state)
{
	static const uint8_t bytes[] = { 0x0a, 1, 'a', 0x0a, 1, 'b', 0x0a, 1, 'c' };
	Porto__TGetRequest *m = porto__tget_request__unpack(NULL, sizeof(bytes), bytes);

	(void)state;
	assert_int_equal(parse_into(m, "name: ['d', 'e'] changed_since: 5"), 0);
	assert_int_equal(m->n_name, 5);
	assert_string_equal(m->name[4], "e");
	assert_true(m->has_changed_since);
	porto__tget_request__free_unpacked(m, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_empty_text),
		cmocka_unit_test(test_a_configuration),
		cmocka_unit_test(test_files_merge),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_seccomp_profile),
		cmocka_unit_test(test_errors_tell_line_and_field),
		cmocka_unit_test(test_nesting_is_limited),
		cmocka_unit_test(test_unknown_fields_can_be_skipped),
		cmocka_unit_test(test_print_round_trip),
		cmocka_unit_test(test_append_to_an_unpacked_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
