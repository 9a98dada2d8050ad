/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/nul.h"

#include <stdbool.h>
#include <string.h>

#define DEPTH_MAX 32 /* the schema is less deep */

enum wire_type { WIRE_VARINT, WIRE_64BIT, WIRE_BYTES, WIRE_32BIT = 5 };

struct cursor {
	const uint8_t *at, *end;
};

static bool take_varint(struct cursor *c, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; shift < 70 && c->at < c->end; shift += 7) {
		uint8_t byte = *c->at++;

		if (shift < 64)
			*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* The next field: its number, and the bytes of it if it has a length. */
static bool take_field(struct cursor *c, uint64_t *ret_number, struct cursor *ret_bytes)
{
	uint64_t tag, size = 0;

	if (!take_varint(c, &tag))
		return false;
	*ret_number = tag >> 3;
	*ret_bytes = (struct cursor){ NULL, NULL };
	if ((tag & 7) == WIRE_VARINT)
		return take_varint(c, &size);
	if ((tag & 7) == WIRE_64BIT)
		size = 8;
	else if ((tag & 7) == WIRE_32BIT)
		size = 4;
	else if ((tag & 7) != WIRE_BYTES || !take_varint(c, &size))
		return false;
	if (size > (uint64_t)(c->end - c->at))
		return false;
	if ((tag & 7) == WIRE_BYTES)
		*ret_bytes = (struct cursor){ c->at, c->at + size };
	c->at += size;
	return true;
}

static const ProtobufCFieldDescriptor *find(const ProtobufCMessageDescriptor *type, struct cursor c,
					    unsigned depth)
{
	struct cursor bytes;
	uint64_t number;

	while (c.at < c.end && take_field(&c, &number, &bytes)) {
		const ProtobufCFieldDescriptor *f =
			protobuf_c_message_descriptor_get_field(type, (unsigned)number);
		size_t size = (size_t)(bytes.end - bytes.at);

		if (!f || !size || !memchr(bytes.at, '\0', size))
			continue;
		if (f->type == PROTOBUF_C_TYPE_STRING)
			return f;
		if (f->type == PROTOBUF_C_TYPE_MESSAGE && depth < DEPTH_MAX)
			f = find(f->descriptor, bytes, depth + 1);
		else
			continue;
		if (f)
			return f;
	}
	return NULL;
}

const ProtobufCFieldDescriptor *nul_find(const ProtobufCMessageDescriptor *type, const void *body,
					 size_t len)
{
	const uint8_t *at = body;

	/* Most have none anywhere. */
	if (len == 0 || !memchr(body, '\0', len))
		return NULL;
	return find(type, (struct cursor){ at, at + len }, 0);
}
