/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of portoctl that need no daemon: options, settings, signals, formats. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl.h"
#include "client/fmt.h"
#include "client/launch.h"
#include "client/session.h"
#include "client/sig.h"

static const struct option_row options[] = {
	{ 'a', "all", NULL, "" },       { 'b', NULL, NULL, "" }, { 'T', "timeout", "SEC", "" },
	{ OPT_JSON, "json", NULL, "" }, { 0, NULL, NULL, NULL },
};

static bool parse(struct args *args, bool stop, const char *line)
{
	static char text[256];
	static char *argv[32];
	int argc = 0;
	char *word, *save = NULL;

	snprintf(text, sizeof(text), "%s", line);
	for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	return args_parse(args, argc, argv, options, stop);
}

static void test_options_anywhere(void **state)
{
	struct args args;

	(void)state;
	assert_true(parse(&args, false, "one -ab two -T5 --json three"));
	assert_int_equal(args.count, 3);
	assert_string_equal(args.words[2], "three");
	assert_null(args.words[3]);
	assert_true(args_has(&args, 'a') && args_has(&args, 'b') && args_has(&args, OPT_JSON));
	assert_string_equal(args_value(&args, 'T'), "5");
	assert_int_equal(args.separator, -1);
	args_free(&args);

	assert_true(parse(&args, false, "--timeout=7 --timeout 8 -"));
	assert_string_equal(args_value(&args, 'T'), "8");
	assert_int_equal(args.count, 1);
	args_free(&args);
}

static void test_separator(void **state)
{
	struct args args;

	(void)state;
	assert_true(parse(&args, false, "-a -- x -b --"));
	assert_int_equal(args.separator, 0);
	assert_int_equal(args.count, 3);
	assert_string_equal(args.words[1], "-b");
	assert_false(args_has(&args, 'b'));
	args_free(&args);
	assert_true(parse(&args, false, "a b -- x"));
	assert_int_equal(args.separator, 2);
	args_free(&args);
}

static void test_literal_words(void **state)
{
	struct args args;

	(void)state;
	assert_true(parse(&args, true, "-a word -b -- --timeout"));
	assert_int_equal(args.used, 1);
	assert_int_equal(args.count, 4);
	assert_false(args_has(&args, 'b'));
	args_free(&args);
}

static void test_bad_options(void **state)
{
	static const char *const lines[] = { "-x", "--nothing", "-T", "--timeout", "--all=1" };
	struct args args;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_false(parse(&args, false, lines[i]));
		args_free(&args);
	}
}

static void test_times(void **state)
{
	struct args args;
	int64_t ms;

	(void)state;
	assert_true(parse(&args, false, "-T 1.5"));
	assert_true(args_time(&args, 'T', 1000, 0, &ms));
	assert_int_equal(ms, 1500);
	assert_true(args_time(&args, 'T', 1, 0, &ms));
	assert_int_equal(ms, 2);
	args_free(&args);
	assert_true(parse(&args, false, "-T 5m"));
	assert_true(args_time(&args, 'T', 1000, 0, &ms));
	assert_int_equal(ms, 300000);
	args_free(&args);
	assert_true(parse(&args, false, "-T -1"));
	assert_true(args_time(&args, 'T', 1000, 0, &ms));
	assert_int_equal(ms, PORTO_FOREVER);
	args_free(&args);
	assert_true(parse(&args, false, "-T soon"));
	assert_false(args_time(&args, 'T', 1000, 0, &ms));
	args_free(&args);
	assert_true(parse(&args, false, ""));
	assert_true(args_time(&args, 'T', 1000, 77, &ms));
	assert_int_equal(ms, 77);
	args_free(&args);
}

static void test_settings(void **state)
{
	const char *words[] = { "virt_mode=os", "env=A=1",   "command=a=b", "private=x",
				"env=B=2",      "private=y", NULL };
	struct settings s;

	(void)state;
	assert_true(settings_parse(&s, words));
	assert_int_equal(s.count, 4);
	assert_string_equal(s.items[0].key, "env");
	assert_string_equal(s.items[0].value, "A=1;B=2");
	assert_string_equal(s.items[1].value, "a=b");
	assert_string_equal(s.items[2].value, "y");
	assert_string_equal(s.items[3].key, "virt_mode");
	settings_default(&s, "command", "not this");
	settings_default(&s, "stdin_path", "/dev/fd/0");
	settings_env(&s, "TERM=vt100");
	assert_string_equal(s.items[0].key, "stdin_path");
	assert_string_equal(settings_get(&s, "command"), "a=b");
	assert_string_equal(settings_get(&s, "env"), "TERM=vt100;A=1;B=2");
	assert_null(settings_get(&s, "cwd"));
	settings_free(&s);
}

static void test_bad_settings(void **state)
{
	static const char *const bad[] = { "word", "=x", "layers=a", "space_limit=1G" };
	struct settings s;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *words[] = { "a=b", bad[i], NULL };

		assert_false(settings_parse(&s, words));
		settings_free(&s);
	}
}

static void test_signals(void **state)
{
	static const struct {
		const char *text;
		int sig;
	} good[] = {
		{ "TERM", SIGTERM }, { "SIGTERM", SIGTERM }, { "sigkill", SIGKILL }, { "15", 15 },
		{ "-9", 9 },         { "CLD", SIGCHLD },     { "IO", SIGIO },        { "0", 0 },
	};
	static const char *const bad[] = { "", "NOPE", "SIG", "99", "RTMIN-1", "RTMIN+99", "1x" };
	size_t i;
	int sig;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(signal_parse(good[i].text, &sig));
		assert_int_equal(sig, good[i].sig);
	}
	assert_true(signal_parse("SIGRTMIN+3", &sig));
	assert_int_equal(sig, SIGRTMIN + 3);
	assert_true(signal_parse("RTMAX-1", &sig));
	assert_int_equal(sig, SIGRTMAX - 1);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(signal_parse(bad[i], &sig));
}

static void assert_format(const char *name, const char *value, bool split, const char *expected)
{
	char *text = fmt_property(name, value, split);

	assert_string_equal(text, expected);
	free(text);
}

static void test_property_formats(void **state)
{
	(void)state;
	assert_format("memory_limit", "1073741824", false, "1G");
	assert_format("memory_limit", "many", false, "many");
	assert_format("cpu_usage", "1500000000", false, "1.5s");
	assert_format("respawn_delay", "1000000000ns", false, "1s");
	assert_format("time", "3661", false, "1:01:01");
	assert_format("exit_status", "256", false, "exit code: 1");
	assert_format("exit_status", "9", false, "exit signal: 9 (Killed)");
	assert_format("net_bytes", "eth0: 1024; lo: 0", false, "eth0: 1K; lo: 0B");
	assert_format("net_bytes[eth0]", "2048", false, "2K");
	assert_format("env", "A=1; B=2;", true, "A=1;\n      B=2;");
	assert_format("env", "A=1; B=2;", false, "A=1; B=2;");
	assert_format("private", "5", false, "5");
}

static void test_long_stream(void **state)
{
	char *value = malloc(10001), *text;

	(void)state;
	memset(value, 'x', 10000);
	value[10000] = '\0';
	text = fmt_stream(value);
	assert_int_equal(strlen(text), 4096 + strlen("\n... skip 5904 bytes ...\n"));
	assert_non_null(strstr(text, "skip 5904 bytes"));
	free(text);
	free(value);
}

static void assert_json(const char *text, const char *expected)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	json_string(f, text);
	fclose(f);
	assert_string_equal(out, expected);
	free(out);
}

static void test_json_strings(void **state)
{
	(void)state;
	assert_json("a\"b\\c\n\x01", "\"a\\\"b\\\\c\\n\\u0001\"");
	assert_json("\xc3\xa9", "\"\xc3\xa9\"");
	assert_json("\xc3(", "\"\\ufffd(\"");                     /* cut short */
	assert_json("\xc0\xaf", "\"\\ufffd\\ufffd\"");            /* overlong */
	assert_json("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""); /* surrogate */
	assert_json("\xff", "\"\\ufffd\"");
}

static void test_detach_keys(void **state)
{
	struct detach_keys keys;

	(void)state;
	assert_true(detach_keys_parse("ctrl-x,ctrl-x", &keys));
	assert_int_equal(keys.count, 2);
	assert_int_equal(keys.keys[0], 0x18);
	assert_true(detach_keys_parse("a", &keys));
	assert_int_equal(keys.keys[0], 'a');
	assert_true(detach_keys_parse("", &keys));
	assert_int_equal(keys.count, 0);
	assert_false(detach_keys_parse("a,", &keys));
	assert_false(detach_keys_parse("escape", &keys));
}

static void test_verdicts(void **state)
{
	struct verdict v;

	(void)state;
	v = verdict_of_exit_code(3);
	assert_int_equal(verdict_report(&v), 3);
	v = verdict_of_exit_code(-15);
	assert_int_equal(verdict_report(&v), 143);
	v = verdict_of_exit_code(-99);
	assert_int_equal(verdict_report(&v), 137);
	v = verdict_of_exit_code(0);
	assert_int_equal(verdict_report(&v), 0);
	v = (struct verdict){ 0 };
	assert_int_equal(verdict_report(&v), 1);
}

static void test_exit_statuses(void **state)
{
	(void)state;
	assert_int_equal(exit_status_of(PORTO_E_CONTAINER_DOES_NOT_EXIST), 4);
	assert_int_equal(exit_status_of(PORTO_E_SOCKET_UNAVAILABLE), 247);
	assert_int_equal(exit_status_of(256), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_anywhere),
		cmocka_unit_test(test_separator),
		cmocka_unit_test(test_literal_words),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_bad_settings),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_property_formats),
		cmocka_unit_test(test_long_stream),
		cmocka_unit_test(test_json_strings),
		cmocka_unit_test(test_detach_keys),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_exit_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
