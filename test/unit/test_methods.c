/* SPDX-License-Identifier: Apache-2.0 */
/* The method table against the schema: a row for every request, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "methods.h"
#include "proto/porto.pb-c.h"

#define SCHEMA (&porto__tporto_request__descriptor)

static void test_every_request_has_a_row(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SCHEMA->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &SCHEMA->fields[i];
		const struct method *m = method_find(field->id);

		assert_int_equal(field->type, PROTOBUF_C_TYPE_MESSAGE);
		if (!m)
			fail_msg("request %u %s has no row", field->id, field->name);
		assert_int_equal(m->field, field->id);
	}
	assert_int_equal(methods_count, SCHEMA->n_fields);
}

static void test_rows_are_sorted_and_unique(void **state)
{
	(void)state;
	for (size_t i = 1; i < methods_count; i++)
		assert_true(methods[i - 1].field < methods[i].field);
	for (size_t i = 0; i < methods_count; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(methods[i].name, methods[k].name);
}

static void test_names_are_the_schemas(void **state)
{
	(void)state;
	for (size_t i = 0; i < methods_count; i++) {
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field(SCHEMA, methods[i].field);

		assert_non_null(field);
		if (strcasecmp(field->name, methods[i].name) != 0)
			fail_msg("row %u is '%s', the schema says '%s'", methods[i].field,
				 methods[i].name, field->name);
	}
}

static void test_find_misses(void **state)
{
	static const uint32_t none[] = { 0, 23, 102, 129, 299, 308, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (!protobuf_c_message_descriptor_get_field(SCHEMA, none[i]))
			assert_null(method_find(none[i]));
}

static const struct method *by_name(const char *name)
{
	for (size_t i = 0; i < methods_count; i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	fail_msg("no method %s", name);
	return NULL;
}

/* A right that is lost by accident is the worst kind of bug of a table. */
static void test_rights(void **state)
{
	static const char *const writes[] = {
		"Create",       "CreateWeak",  "Destroy",         "SetProperty",
		"Start",        "Stop",        "Pause",           "Resume",
		"Kill",         "Respawn",     "SetLabel",        "IncLabel",
		"CreateVolume", "ImportLayer", "RemoveLayer",     "AttachProcess",
		"AttachThread", "SetSystem",   "ClearStatistics", "CleanupPlace",
	};
	static const char *const superuser[] = { "SetSystem", "ClearStatistics" };
	static const char *const reads[] = { "List",          "GetProperty",   "GetDataProperty",
					     "Get",           "Version",       "Wait",
					     "AsyncWait",     "StopAsyncWait", "FindLabel",
					     "LocateProcess", "GetSystem" };

	(void)state;
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		assert_true(by_name(writes[i])->flags & METHOD_WRITE);
	for (size_t i = 0; i < sizeof(superuser) / sizeof(superuser[0]); i++)
		assert_true(by_name(superuser[i])->flags & METHOD_SUPERUSER);
	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
		assert_false(by_name(reads[i])->flags & ~(unsigned)METHOD_WAITS);
}

/* ---- the checks before a handler, with a connection that nobody has ---- */

struct outcome {
	int code;
};

static struct outcome outcome;

static void on_reply(struct request *rq, const struct error *err)
{
	(void)rq;
	outcome.code = err->code;
}

static int dispatch(const char *name, enum access_level access, bool frozen)
{
	static const uint8_t list[] = { 0x1a, 0x00 }; /* any request will do */
	struct system_counters counters = { .frozen = frozen };
	struct handler_env env = { .system = &counters };
	struct tree *tree = tree_new();
	struct client *client = client_new(tree_root(tree));
	const ProtobufCFieldDescriptor *field;
	struct error err = ERROR_INIT;
	struct request *rq = request_decode(NULL, client, list, sizeof(list), &field, &err);

	assert_non_null(rq);
	client->access = access;
	rq->method = by_name(name);
	rq->on_reply = on_reply;
	outcome.code = -1;
	method_dispatch(&env, rq);
	client_free(client);
	tree_free(tree);
	return outcome.code;
}

static void test_checks(void **state)
{
	(void)state;
	/* Version needs nothing of the environment. */
	assert_int_equal(dispatch("Version", ACCESS_READ_ISOLATE, true), ERR_SUCCESS);
	assert_int_equal(dispatch("Start", ACCESS_READ_ONLY, false), ERR_PERMISSION);
	assert_int_equal(dispatch("Start", ACCESS_READ_ISOLATE, false), ERR_PERMISSION);
	assert_int_equal(dispatch("SetSystem", ACCESS_NORMAL, false), ERR_PERMISSION);
	assert_int_equal(dispatch("Start", ACCESS_NORMAL, true), ERR_PORTO_FROZEN);
	/* Rights come first: an unknown method tells nothing to who may not call it. */
	assert_int_equal(dispatch("CreateVolume", ACCESS_READ_ONLY, false), ERR_PERMISSION);
	assert_int_equal(dispatch("CreateVolume", ACCESS_NORMAL, true), ERR_PORTO_FROZEN);
	assert_int_equal(dispatch("CreateVolume", ACCESS_SUPERUSER, true), ERR_NOT_SUPPORTED);
	assert_int_equal(dispatch("ListVolumes", ACCESS_READ_ONLY, false), ERR_NOT_SUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_request_has_a_row),
		cmocka_unit_test(test_rows_are_sorted_and_unique),
		cmocka_unit_test(test_names_are_the_schemas),
		cmocka_unit_test(test_find_misses),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
