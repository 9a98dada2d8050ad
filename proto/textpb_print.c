/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "textpb.h"
#include "textpb_type.h"

/* After a failed allocation `failed` stays set and nothing is added any more. */
struct out {
	char *text;
	size_t len, cap;
	bool failed;
};

static bool reserve(struct out *o, size_t n)
{
	size_t cap = o->cap ? o->cap : 256;
	char *text;

	while (!o->failed && cap < o->len + n + 1)
		cap *= 2;
	if (o->failed || cap == o->cap)
		return !o->failed;
	text = realloc(o->text, cap);
	if (!text) {
		o->failed = true;
		return false;
	}
	o->text = text;
	o->cap = cap;
	return true;
}

static void add(struct out *o, const char *s, size_t n)
{
	if (!reserve(o, n))
		return;
	memcpy(o->text + o->len, s, n);
	o->len += n;
	o->text[o->len] = '\0';
}

static void __attribute__((format(printf, 2, 3))) addf(struct out *o, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		add(o, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

static void add_quoted(struct out *o, const char *s, size_t len)
{
	add(o, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '\n')
			add(o, "\\n", 2);
		else if (c == '"' || c == '\\')
			addf(o, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			addf(o, "\\%03o", c); /* three digits: no next one can be taken for more */
		else
			add(o, s + i, 1);
	}
	add(o, "\"", 1);
}

static void add_enum(struct out *o, const ProtobufCEnumDescriptor *type, int number)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);

	if (value)
		addf(o, "%s", value->name);
	else
		addf(o, "%d", number);
}

static void add_scalar(struct out *o, const ProtobufCFieldDescriptor *field, const void *at)
{
	const ProtobufCBinaryData *bytes = at;

	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		addf(o, "%" PRId32, *(const int32_t *)at);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		addf(o, "%" PRId64, *(const int64_t *)at);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		addf(o, "%" PRIu32, *(const uint32_t *)at);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		addf(o, "%" PRIu64, *(const uint64_t *)at);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		addf(o, "%.9g", (double)*(const float *)at);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		addf(o, "%.17g", *(const double *)at);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		addf(o, "%s", *(const protobuf_c_boolean *)at ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_ENUM:
		add_enum(o, field->descriptor, *(const int *)at);
		break;
	case PROTOBUF_C_TYPE_STRING:
		add_quoted(o, *(char *const *)at, strlen(*(char *const *)at));
		break;
	case PROTOBUF_C_TYPE_BYTES:
		add_quoted(o, (const char *)bytes->data, bytes->len);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
	default:
		break;
	}
}

static bool is_present(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field)
{
	const void *at = (const char *)msg + field->offset;

	if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
		const void *pointer = *(void *const *)at;

		return pointer && pointer != field->default_value;
	}
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(const uint32_t *)((const char *)msg + field->quantifier_offset) ==
		       field->id;
	if (field->label == PROTOBUF_C_LABEL_OPTIONAL)
		return *(const protobuf_c_boolean *)((const char *)msg + field->quantifier_offset);
	return true;
}

static void print_fields(struct out *o, const ProtobufCMessage *msg, int depth);

static void print_value(struct out *o, const ProtobufCFieldDescriptor *field, const void *at,
			int depth)
{
	addf(o, "%*s%s", depth * 2, "", field->name);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
		add(o, " {\n", 3);
		print_fields(o, *(ProtobufCMessage *const *)at, depth + 1);
		addf(o, "%*s}\n", depth * 2, "");
		return;
	}
	add(o, ": ", 2);
	add_scalar(o, field, at);
	add(o, "\n", 1);
}

static void print_fields(struct out *o, const ProtobufCMessage *msg, int depth)
{
	for (unsigned i = 0; i < msg->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &msg->descriptor->fields[i];
		const char *at = (const char *)msg + field->offset;

		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			size_t n = *(const size_t *)((const char *)msg + field->quantifier_offset);
			size_t size = textpb_element_size(field->type);

			for (size_t k = 0; k < n; k++)
				print_value(o, field, *(char *const *)at + k * size, depth);
		} else if (is_present(msg, field)) {
			print_value(o, field, at, depth);
		}
	}
}

char *textpb_print(const ProtobufCMessage *msg)
{
	struct out o = { 0 };

	add(&o, "", 0);
	print_fields(&o, msg, 0);
	if (o.failed) {
		free(o.text);
		return NULL;
	}
	return o.text;
}
