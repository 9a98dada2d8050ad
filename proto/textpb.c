/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recursive descent, one token ahead. Every value goes into the message as soon as it is complete,
 * so the message owns all memory at any time and a failure needs no unwinding.
 */
#include "textpb.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "textpb_lex.h"
#include "textpb_type.h"

struct parser {
	struct lexer lex;
	const struct textpb_options *options;
	char *err;
	size_t err_size;
	unsigned depth;
};

/* Names of the fields around, for messages to people. */
struct path {
	const struct path *up;
	const char *name;
};

static int parse_fields(struct parser *p, ProtobufCMessage *msg, const struct path *path,
			char close);

/* ---- errors ---- */

static size_t add_path(char *buf, size_t size, const struct path *path)
{
	size_t n = 0;

	if (!path)
		return 0;
	if (path->up) {
		n = add_path(buf, size, path->up);
		n += (size_t)snprintf(buf + n, size - n, ".");
	}
	if (n < size)
		n += (size_t)snprintf(buf + n, size - n, "%s", path->name);
	return n < size ? n : size - 1;
}

static void __attribute__((format(printf, 5, 0)))
describe(const struct parser *p, char *buf, size_t size, const struct path *path, const char *fmt,
	 va_list ap)
{
	char where[256] = "", what[512];

	add_path(where, sizeof(where), path);
	vsnprintf(what, sizeof(what), fmt, ap);
	snprintf(buf, size, "line %u: %s%s%s", p->lex.line, where, *where ? ": " : "", what);
}

static int __attribute__((format(printf, 3, 4)))
fail(struct parser *p, const struct path *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	describe(p, p->err, p->err_size, path, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int fail_memory(struct parser *p, const struct path *path)
{
	fail(p, path, "out of memory");
	return -ENOMEM;
}

/* "expected <what>, found <token>" */
static int fail_expected(struct parser *p, const struct path *path, const char *what)
{
	switch (p->lex.token) {
	case TOKEN_ERROR:
		return fail(p, path, "%s", p->lex.error);
	case TOKEN_END:
		return fail(p, path, "expected %s, found the end of the text", what);
	case TOKEN_STRING:
		return fail(p, path, "expected %s, found the string \"%.60s\"", what, p->lex.text);
	case TOKEN_WORD:
	case TOKEN_NUMBER:
	case TOKEN_CHAR:
	default:
		return fail(p, path, "expected %s, found \"%.60s\"", what, p->lex.text);
	}
}

static bool is_char(const struct parser *p, char c)
{
	return p->lex.token == TOKEN_CHAR && p->lex.text[0] == c;
}

static bool take_char(struct parser *p, char c)
{
	if (!is_char(p, c))
		return false;
	lexer_next(&p->lex);
	return true;
}

/* ---- where values live ---- */

static void *member(ProtobufCMessage *msg, unsigned offset)
{
	return (char *)msg + offset;
}

/* A new zeroed element behind the last one of a repeated field; NULL when out of memory. */
static void *append(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field)
{
	size_t *n = member(msg, field->quantifier_offset), size = textpb_element_size(field->type);
	void **array = member(msg, field->offset);
	char *grown;

	/* The array may come from elsewhere: nothing is known about its capacity. */
	if (*n >= SIZE_MAX / size - 1)
		return NULL;
	grown = realloc(*array, (*n + 1) * size);
	if (!grown)
		return NULL;
	*array = grown;
	memset(grown + *n * size, 0, size);
	return grown + (*n)++ * size;
}

/* Where to store a scalar; marks an optional field as present. */
static void *slot(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field)
{
	bool is_pointer = field->type == PROTOBUF_C_TYPE_STRING ||
			  field->type == PROTOBUF_C_TYPE_MESSAGE;

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return append(msg, field);
	if (field->label == PROTOBUF_C_LABEL_OPTIONAL && !is_pointer)
		*(protobuf_c_boolean *)member(msg, field->quantifier_offset) = 1;
	return member(msg, field->offset);
}

/* ---- scalars ---- */

static int parse_magnitude(struct parser *p, const struct path *path, uint64_t *ret)
{
	char *end;

	if (p->lex.token != TOKEN_NUMBER)
		return fail_expected(p, path, "an integer");
	errno = 0;
	*ret = strtoull(p->lex.text, &end, 0);
	if (*end || p->lex.text[0] == '.')
		return fail_expected(p, path, "an integer");
	if (errno == ERANGE)
		return fail(p, path, "%s is out of range", p->lex.text);
	return 0;
}

static int parse_signed(struct parser *p, const struct path *path, int64_t min, int64_t max,
			int64_t *ret)
{
	bool negative = take_char(p, '-');
	uint64_t v;
	int r = parse_magnitude(p, path, &v);

	if (r < 0)
		return r;
	if (negative ? v > 0 - (uint64_t)min : v > (uint64_t)max)
		return fail(p, path, "%s%s is out of range (%lld..%lld)", negative ? "-" : "",
			    p->lex.text, (long long)min, (long long)max);
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	lexer_next(&p->lex);
	return 0;
}

static int parse_unsigned(struct parser *p, const struct path *path, uint64_t max, uint64_t *ret)
{
	bool negative = take_char(p, '-');
	int r = parse_magnitude(p, path, ret);

	if (r < 0)
		return r;
	if (*ret > max || (negative && *ret))
		return fail(p, path, "%s%s is out of range (0..%llu)", negative ? "-" : "",
			    p->lex.text, (unsigned long long)max);
	lexer_next(&p->lex);
	return 0;
}

static int parse_float(struct parser *p, const struct path *path, double *ret)
{
	bool negative = take_char(p, '-');
	const char *text = p->lex.text;
	char *end;

	/* strtod() takes hexadecimal floats too, the format does not. */
	if (p->lex.token == TOKEN_WORD) {
		if (strcmp(text, "inf") && strcmp(text, "infinity") && strcmp(text, "nan"))
			return fail_expected(p, path, "a number");
	} else if (p->lex.token != TOKEN_NUMBER || (text[0] == '0' && (text[1] | 0x20) == 'x')) {
		return fail_expected(p, path, "a number");
	}
	*ret = strtod(text, &end);
	if (*end && !((*end | 0x20) == 'f' && !end[1]))
		return fail_expected(p, path, "a number");
	if (negative)
		*ret = -*ret;
	lexer_next(&p->lex);
	return 0;
}

static int parse_bool(struct parser *p, const struct path *path, bool *ret)
{
	static const char *const words[] = { "true", "True", "t", "1", "false", "False", "f", "0" };

	if (p->lex.token == TOKEN_WORD || p->lex.token == TOKEN_NUMBER) {
		for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (!strcmp(p->lex.text, words[i])) {
				*ret = i < 4;
				lexer_next(&p->lex);
				return 0;
			}
		}
	}
	return fail_expected(p, path, "true or false");
}

static int parse_enum(struct parser *p, const struct path *path,
		      const ProtobufCEnumDescriptor *type, int *ret)
{
	const ProtobufCEnumValue *value;
	int64_t number;
	int r;

	if (p->lex.token == TOKEN_WORD) {
		value = protobuf_c_enum_descriptor_get_value_by_name(type, p->lex.text);
		if (!value)
			return fail(p, path, "\"%.60s\" is not a value of %s", p->lex.text,
				    type->short_name);
		*ret = value->value;
		lexer_next(&p->lex);
		return 0;
	}
	if (p->lex.token != TOKEN_NUMBER && !is_char(p, '-'))
		return fail_expected(p, path, "the name of a value");
	r = parse_signed(p, path, INT32_MIN, INT32_MAX, &number);
	if (r < 0)
		return r;
	if (!protobuf_c_enum_descriptor_get_value(type, (int)number))
		return fail(p, path, "%d is not a value of %s", (int)number, type->short_name);
	*ret = (int)number;
	return 0;
}

/* Adjacent strings are one. New terminated memory. */
static int parse_string(struct parser *p, const struct path *path, char **ret, size_t *ret_len)
{
	char *text = NULL;
	size_t len = 0;

	if (p->lex.token != TOKEN_STRING)
		return fail_expected(p, path, "a string in quotes");
	while (p->lex.token == TOKEN_STRING) {
		char *grown = realloc(text, len + p->lex.len + 1);

		if (!grown) {
			free(text);
			return fail_memory(p, path);
		}
		text = grown;
		memcpy(text + len, p->lex.text, p->lex.len);
		len += p->lex.len;
		text[len] = '\0';
		lexer_next(&p->lex);
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

static int parse_string_field(struct parser *p, ProtobufCMessage *msg, const struct path *path,
			      const ProtobufCFieldDescriptor *field)
{
	char *text, **at;
	size_t len;
	int r = parse_string(p, path, &text, &len);

	if (r < 0)
		return r;
	if (strlen(text) != len) {
		free(text);
		return fail(p, path, "the string contains a zero byte");
	}
	at = slot(msg, field);
	if (!at) {
		free(text);
		return fail_memory(p, path);
	}
	if (*at != field->default_value)
		free(*at);
	*at = text;
	return 0;
}

static int parse_bytes_field(struct parser *p, ProtobufCMessage *msg, const struct path *path,
			     const ProtobufCFieldDescriptor *field)
{
	const ProtobufCBinaryData *initial = field->default_value;
	ProtobufCBinaryData *at;
	size_t len;
	char *text;
	int r = parse_string(p, path, &text, &len);

	if (r < 0)
		return r;
	at = slot(msg, field);
	if (!at) {
		free(text);
		return fail_memory(p, path);
	}
	if (!initial || at->data != initial->data)
		free(at->data);
	*at = (ProtobufCBinaryData){ .data = (uint8_t *)text, .len = len };
	return 0;
}

union scalar {
	int64_t i;
	uint64_t u;
	double d;
	bool b;
	int e;
};

static int parse_scalar(struct parser *p, const struct path *path,
			const ProtobufCFieldDescriptor *field, union scalar *v)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return parse_signed(p, path, INT32_MIN, INT32_MAX, &v->i);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return parse_signed(p, path, INT64_MIN, INT64_MAX, &v->i);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return parse_unsigned(p, path, UINT32_MAX, &v->u);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return parse_unsigned(p, path, UINT64_MAX, &v->u);
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return parse_float(p, path, &v->d);
	case PROTOBUF_C_TYPE_BOOL:
		return parse_bool(p, path, &v->b);
	case PROTOBUF_C_TYPE_ENUM:
		return parse_enum(p, path, field->descriptor, &v->e);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
	default:
		return fail(p, path, "this type of field is not supported");
	}
}

static void store_scalar(void *at, ProtobufCType type, const union scalar *v)
{
	if (type == PROTOBUF_C_TYPE_FLOAT)
		*(float *)at = (float)v->d;
	else if (type == PROTOBUF_C_TYPE_DOUBLE)
		*(double *)at = v->d;
	else if (type == PROTOBUF_C_TYPE_BOOL)
		*(protobuf_c_boolean *)at = v->b;
	else if (type == PROTOBUF_C_TYPE_ENUM)
		*(int *)at = v->e;
	else if (textpb_element_size(type) == sizeof(uint32_t))
		*(uint32_t *)at = (uint32_t)v->u; /* i and u share the low bits */
	else
		*(uint64_t *)at = v->u;
}

static int parse_value(struct parser *p, ProtobufCMessage *msg, const struct path *path,
		       const ProtobufCFieldDescriptor *field)
{
	union scalar v = { 0 };
	void *at;
	int r;

	if (field->type == PROTOBUF_C_TYPE_STRING)
		return parse_string_field(p, msg, path, field);
	if (field->type == PROTOBUF_C_TYPE_BYTES)
		return parse_bytes_field(p, msg, path, field);
	r = parse_scalar(p, path, field, &v);
	if (r < 0)
		return r;
	at = slot(msg, field);
	if (!at)
		return fail_memory(p, path);
	store_scalar(at, field->type, &v);
	return 0;
}

/* ---- messages ---- */

/* The message to parse into: the present one, or a new one that msg owns. */
static ProtobufCMessage *sub_message(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field)
{
	ProtobufCMessage **at, *sub;

	if (field->label != PROTOBUF_C_LABEL_REPEATED) {
		at = member(msg, field->offset);
		if (!*at || *at == field->default_value)
			*at = textpb_new(field->descriptor);
		return *at;
	}
	sub = textpb_new(field->descriptor);
	at = sub ? append(msg, field) : NULL;
	if (!at) {
		free(sub); /* holds only defaults yet */
		return NULL;
	}
	return *at = sub;
}

static int parse_message(struct parser *p, ProtobufCMessage *msg, const struct path *path,
			 const ProtobufCFieldDescriptor *field)
{
	char close = is_char(p, '{') ? '}' : '>';
	ProtobufCMessage *sub;
	int r;

	if (!is_char(p, '{') && !is_char(p, '<'))
		return fail_expected(p, path, "{");
	if (p->depth == TEXTPB_DEPTH_MAX)
		return fail(p, path, "messages are nested too deeply");
	sub = sub_message(msg, field);
	if (!sub)
		return fail_memory(p, path);
	lexer_next(&p->lex);
	p->depth++;
	r = parse_fields(p, sub, path, close);
	p->depth--;
	return r;
}

static int parse_element(struct parser *p, ProtobufCMessage *msg, const struct path *path,
			 const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_MESSAGE ? parse_message(p, msg, path, field)
						      : parse_value(p, msg, path, field);
}

static int parse_list(struct parser *p, ProtobufCMessage *msg, const struct path *path,
		      const ProtobufCFieldDescriptor *field)
{
	int r;

	if (take_char(p, ']'))
		return 0;
	for (;;) {
		r = parse_element(p, msg, path, field);
		if (r < 0)
			return r;
		if (take_char(p, ']'))
			return 0;
		if (!take_char(p, ','))
			return fail_expected(p, path, ", or ]");
	}
}

/* ---- unknown fields ---- */

static int skip_fields(struct parser *p, const struct path *path, char close);

static int skip_value(struct parser *p, const struct path *path)
{
	char close;
	int r;

	if (is_char(p, '{') || is_char(p, '<')) {
		close = p->lex.text[0] == '{' ? '}' : '>';
		if (p->depth == TEXTPB_DEPTH_MAX)
			return fail(p, path, "messages are nested too deeply");
		lexer_next(&p->lex);
		p->depth++;
		r = skip_fields(p, path, close);
		p->depth--;
		return r;
	}
	if (p->lex.token == TOKEN_STRING) {
		while (lexer_next(&p->lex) == TOKEN_STRING)
			;
		return 0;
	}
	take_char(p, '-');
	if (p->lex.token != TOKEN_WORD && p->lex.token != TOKEN_NUMBER)
		return fail_expected(p, path, "a value");
	lexer_next(&p->lex);
	return 0;
}

/* Behind the name of a field. */
static int skip_field(struct parser *p, const struct path *path)
{
	int r;

	if (!take_char(p, ':') && !is_char(p, '{') && !is_char(p, '<'))
		return fail_expected(p, path, ":");
	if (!take_char(p, '['))
		return skip_value(p, path);
	if (take_char(p, ']'))
		return 0;
	for (;;) {
		r = skip_value(p, path);
		if (r < 0)
			return r;
		if (take_char(p, ']'))
			return 0;
		if (!take_char(p, ','))
			return fail_expected(p, path, ", or ]");
	}
}

static int skip_fields(struct parser *p, const struct path *path, char close)
{
	int r;

	while (!take_char(p, close)) {
		if (p->lex.token != TOKEN_WORD)
			return fail_expected(p, path, "a field name");
		lexer_next(&p->lex);
		r = skip_field(p, path);
		if (r < 0)
			return r;
		while (take_char(p, ',') || take_char(p, ';'))
			;
	}
	return 0;
}

static void __attribute__((format(printf, 3, 4)))
warn(struct parser *p, const struct path *path, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	describe(p, text, sizeof(text), path, fmt, ap);
	va_end(ap);
	p->options->on_unknown(p->options->arg, text);
}

static int parse_unknown(struct parser *p, const struct path *path)
{
	if (!p->options || !p->options->on_unknown)
		return fail(p, path, "unknown field");
	warn(p, path, "unknown field");
	lexer_next(&p->lex);
	return skip_field(p, path);
}

/* ---- fields ---- */

static const ProtobufCFieldDescriptor *find_field(const struct parser *p,
						  const ProtobufCMessageDescriptor *type,
						  const char *name)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(type, name);

	if (!field && p->options && p->options->other_name) {
		name = p->options->other_name(type, name);
		if (name)
			field = protobuf_c_message_descriptor_get_field_by_name(type, name);
	}
	return field;
}

static int parse_field(struct parser *p, ProtobufCMessage *msg, const struct path *up)
{
	const ProtobufCFieldDescriptor *field = find_field(p, msg->descriptor, p->lex.text);
	struct path path = { .up = up };
	bool colon;

	if (!field) {
		char name[128]; /* the lexer reuses its text */

		snprintf(name, sizeof(name), "%s", p->lex.text);
		path.name = name;
		return parse_unknown(p, &path);
	}
	path.name = field->name;
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return fail(p, &path, "oneof is not supported");
	lexer_next(&p->lex);
	colon = take_char(p, ':');
	if (!colon && field->type != PROTOBUF_C_TYPE_MESSAGE)
		return fail_expected(p, &path, ":");
	if (is_char(p, '[') && field->label != PROTOBUF_C_LABEL_REPEATED)
		return fail(p, &path, "takes one value, not a list");
	if (take_char(p, '['))
		return parse_list(p, msg, &path, field);
	return parse_element(p, msg, &path, field);
}

/* Until the closing character, or the end when `close` is 0. */
static int parse_fields(struct parser *p, ProtobufCMessage *msg, const struct path *path,
			char close)
{
	int r;

	for (;;) {
		if (close ? take_char(p, close) : p->lex.token == TOKEN_END)
			return 0;
		if (p->lex.token != TOKEN_WORD)
			return fail_expected(p, path,
					     close ? "a field name or the closing bracket"
						   : "a field name");
		r = parse_field(p, msg, path);
		if (r < 0)
			return r;
		while (take_char(p, ',') || take_char(p, ';'))
			;
	}
}

ProtobufCMessage *textpb_new(const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *msg = malloc(type->sizeof_message);

	if (msg)
		type->message_init(msg);
	return msg;
}

int textpb_parse(ProtobufCMessage *msg, const char *text, size_t len,
		 const struct textpb_options *options, char *err, size_t err_size)
{
	struct parser p = { .options = options, .err = err, .err_size = err_size };
	int r;

	lexer_init(&p.lex, text, len);
	r = parse_fields(&p, msg, NULL, 0);
	lexer_deinit(&p.lex);
	return r;
}
