/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire may only grow. wire_record.h holds every field of every message as existing clients know
 * it; a changed number, type or label fails here. After adding a field, run
 * `test_wire --print > test/unit/wire_record.h` and check that the difference has only new fields.
 */
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
#include "base/error.h"
#include "proto/porto.pb-c.h"

/* In the order of their names. */
static const struct {
	const char *name, *fields;
} recorded[] = {
#include "wire_record.h"
};

#define MESSAGES_MAX 512

struct messages {
	const ProtobufCMessageDescriptor *type[MESSAGES_MAX];
	size_t n;
};

static void collect(struct messages *m, const ProtobufCMessageDescriptor *type)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->type[i] == type)
			return;
	}
	assert_true(m->n < MESSAGES_MAX);
	m->type[m->n++] = type;
	for (unsigned i = 0; i < type->n_fields; i++) {
		if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			collect(m, type->fields[i].descriptor);
	}
}

static int by_name(const void *a, const void *b)
{
	const ProtobufCMessageDescriptor *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void collect_all(struct messages *m)
{
	m->n = 0;
	collect(m, &porto__tporto_request__descriptor);
	collect(m, &porto__tporto_response__descriptor);
	qsort(m->type, m->n, sizeof(m->type[0]), by_name);
}

static void add_type(struct buf *b, const ProtobufCFieldDescriptor *f)
{
	static const char *const names[] = {
		[PROTOBUF_C_TYPE_INT32] = "int32",       [PROTOBUF_C_TYPE_SINT32] = "sint32",
		[PROTOBUF_C_TYPE_SFIXED32] = "sfixed32", [PROTOBUF_C_TYPE_INT64] = "int64",
		[PROTOBUF_C_TYPE_SINT64] = "sint64",     [PROTOBUF_C_TYPE_SFIXED64] = "sfixed64",
		[PROTOBUF_C_TYPE_UINT32] = "uint32",     [PROTOBUF_C_TYPE_FIXED32] = "fixed32",
		[PROTOBUF_C_TYPE_UINT64] = "uint64",     [PROTOBUF_C_TYPE_FIXED64] = "fixed64",
		[PROTOBUF_C_TYPE_FLOAT] = "float",       [PROTOBUF_C_TYPE_DOUBLE] = "double",
		[PROTOBUF_C_TYPE_BOOL] = "bool",         [PROTOBUF_C_TYPE_STRING] = "string",
		[PROTOBUF_C_TYPE_BYTES] = "bytes",
	};

	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		buf_adds(b, ((const ProtobufCMessageDescriptor *)f->descriptor)->name);
	else if (f->type == PROTOBUF_C_TYPE_ENUM)
		buf_adds(b, ((const ProtobufCEnumDescriptor *)f->descriptor)->name);
	else
		buf_adds(b, names[f->type]);
}

/* "1 name type, 2 name type*, …"; * repeated, ! required. */
static void describe(struct buf *b, const ProtobufCMessageDescriptor *type)
{
	buf_reset(b);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];

		buf_addf(b, "%s%u %s ", i ? ", " : "", f->id, f->name);
		add_type(b, f);
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			buf_addc(b, '*');
		if (f->label == PROTOBUF_C_LABEL_REQUIRED)
			buf_addc(b, '!');
		/* Old decoders know only one value per key. */
		assert_false(f->flags & PROTOBUF_C_FIELD_FLAG_PACKED);
	}
}

static void test_messages_are_as_recorded(void **state)
{
	auto_buf now = BUF_INIT;
	struct messages m;

	(void)state;
	collect_all(&m);
	assert_int_equal(m.n, ARRAY_SIZE(recorded));
	for (size_t i = 0; i < m.n; i++) {
		assert_string_equal(m.type[i]->name, recorded[i].name);
		describe(&now, m.type[i]);
		if (strcmp(buf_str(&now), recorded[i].fields))
			print_error("%s differs\n", m.type[i]->name);
		assert_string_equal(buf_str(&now), recorded[i].fields);
	}
}

static void test_nothing_is_required(void **state)
{
	struct messages m;

	(void)state;
	collect_all(&m);
	for (size_t i = 0; i < m.n; i++) {
		for (unsigned k = 0; k < m.type[i]->n_fields; k++)
			assert_int_not_equal(m.type[i]->fields[k].label, PROTOBUF_C_LABEL_REQUIRED);
	}
}

/* Numbers of EError, in order of value. */
static void test_errors_are_as_recorded(void **state)
{
	static const struct {
		int value;
		const char *name;
	} errors[] = {
		{ 0, "Success" },
		{ 1, "Unknown" },
		{ 2, "InvalidMethod" },
		{ 3, "ContainerAlreadyExists" },
		{ 4, "ContainerDoesNotExist" },
		{ 5, "InvalidProperty" },
		{ 6, "InvalidData" },
		{ 7, "InvalidValue" },
		{ 8, "InvalidState" },
		{ 9, "NotSupported" },
		{ 10, "ResourceNotAvailable" },
		{ 11, "Permission" },
		{ 12, "VolumeAlreadyExists" },
		{ 13, "VolumeNotFound" },
		{ 14, "NoSpace" },
		{ 15, "Busy" },
		{ 16, "VolumeAlreadyLinked" },
		{ 17, "VolumeNotLinked" },
		{ 18, "LayerAlreadyExists" },
		{ 19, "LayerNotFound" },
		{ 20, "NoValue" },
		{ 21, "VolumeNotReady" },
		{ 22, "InvalidCommand" },
		{ 23, "LostError" },
		{ 24, "DeviceNotFound" },
		{ 25, "InvalidPath" },
		{ 26, "InvalidNetworkAddress" },
		{ 27, "PortoFrozen" },
		{ 28, "LabelNotFound" },
		{ 29, "InvalidLabel" },
		{ 30, "HelperError" },
		{ 31, "HelperFatalError" },
		{ 32, "InvalidFilesystem" },
		{ 33, "NbdSocketTimeout" },
		{ 34, "NbdSocketUnavaliable" },
		{ 35, "NbdSocketError" },
		{ 36, "NbdUnkownExport" },
		{ 37, "NbdProtoError" },
		{ 404, "NotFound" },
		{ 502, "SocketError" },
		{ 503, "SocketUnavailable" },
		{ 504, "SocketTimeout" },
		{ 505, "PortodReloaded" },
		{ 666, "Taint" },
		{ 700, "Docker" },
		{ 701, "DockerImageNotFound" },
		{ 1000, "Queued" },
	};
	const ProtobufCEnumDescriptor *type = &porto__eerror__descriptor;

	(void)state;
	assert_int_equal(type->n_values, ARRAY_SIZE(errors));
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		assert_int_equal(type->values[i].value, errors[i].value);
		assert_string_equal(type->values[i].name, errors[i].name);
	}
}

/* The daemon's own names are those of the wire. */
static void test_error_names_agree_with_base(void **state)
{
	const ProtobufCEnumDescriptor *type = &porto__eerror__descriptor;

	(void)state;
	for (unsigned i = 0; i < type->n_values; i++) {
		if (type->values[i].value != PORTO__EERROR__Queued)
			assert_string_equal(error_name(type->values[i].value),
					    type->values[i].name);
	}
}

/* Bytes of a request as another implementation makes them. */
static void test_known_bytes(void **state)
{
	/* TPortoRequest { SetProperty { name: "a" property: "b" value: "c" } } */
	static const uint8_t bytes[] = { 0x2a, 0x09, 0x0a, 0x01, 'a', 0x12,
					 0x01, 'b',  0x1a, 0x01, 'c' };
	Porto__TPortoRequest *req;

	(void)state;
	req = porto__tporto_request__unpack(NULL, sizeof(bytes), bytes);
	assert_non_null(req);
	assert_non_null(req->setproperty);
	assert_string_equal(req->setproperty->name, "a");
	assert_string_equal(req->setproperty->property, "b");
	assert_string_equal(req->setproperty->value, "c");
	porto__tporto_request__free_unpacked(req, NULL);
}

/* A volume property is what a map<string, string> entry is: key 1, value 2. */
static void test_volume_properties_are_a_map(void **state)
{
	static const uint8_t bytes[] = { 0x12, 0x06, 0x0a, 0x01, 'k', 0x12, 0x01, 'v' };
	Porto__TCreateVolumeRequest *req;

	(void)state;
	req = porto__tcreate_volume_request__unpack(NULL, sizeof(bytes), bytes);
	assert_non_null(req);
	assert_int_equal(req->n_properties, 1);
	assert_string_equal(req->properties[0]->name, "k");
	assert_string_equal(req->properties[0]->value, "v");
	porto__tcreate_volume_request__free_unpacked(req, NULL);
}

static void test_lost_error_is_the_default(void **state)
{
	static const uint8_t future[] = { 0x12, 0x01, 'x' };
	Porto__TPortoResponse *rsp;

	(void)state;
	rsp = porto__tporto_response__unpack(NULL, sizeof(future), future);
	assert_non_null(rsp);
	assert_false(rsp->has_error);
	assert_int_equal(rsp->error, PORTO__EERROR__LostError);
	porto__tporto_response__free_unpacked(rsp, NULL);
}

static int print_record(void)
{
	auto_buf fields = BUF_INIT;
	struct messages m;

	collect_all(&m);
	printf("/* SPDX-License-Identifier: Apache-2.0 */\n"
	       "/* Made by `test_wire --print`; see test_wire.c. */\n");
	for (size_t i = 0; i < m.n; i++) {
		char *p, *next;

		describe(&fields, m.type[i]);
		printf("{ \"%s\",\n", m.type[i]->name);
		if (!fields.len)
			printf("  \"\"");
		for (p = fields.data; fields.len && p; p = next) {
			next = strstr(p, ", ");
			if (next) {
				next += 2;
				printf("  \"%.*s\"\n", (int)(next - p), p);
			} else {
				printf("  \"%s\"", p);
			}
		}
		printf(" },\n");
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_are_as_recorded),
		cmocka_unit_test(test_nothing_is_required),
		cmocka_unit_test(test_errors_are_as_recorded),
		cmocka_unit_test(test_error_names_agree_with_base),
		cmocka_unit_test(test_known_bytes),
		cmocka_unit_test(test_volume_properties_are_a_map),
		cmocka_unit_test(test_lost_error_is_the_default),
	};

	if (argc > 1 && !strcmp(argv[1], "--print"))
		return print_record();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
