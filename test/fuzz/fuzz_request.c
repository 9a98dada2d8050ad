/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request as it comes from a frame: decode, print, encode, decode again. libprotobuf-c keeps
 * unknown fields, also such with a number that it does not encode again properly (0): a request
 * with unknown fields anywhere is only decoded and printed.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "proto/porto.pb-c.h"
#include "proto/textpb.h"

static bool has_unknown(const ProtobufCMessage *msg)
{
	if (msg->n_unknown_fields)
		return true;
	for (unsigned i = 0; i < msg->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &msg->descriptor->fields[i];
		const char *base = (const char *)msg;
		ProtobufCMessage *const *sub = (ProtobufCMessage *const *)(base + field->offset);
		size_t n;

		if (field->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		n = *sub ? 1 : 0;
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			n = *(const size_t *)(base + field->quantifier_offset);
			sub = *(ProtobufCMessage *const *const *)(base + field->offset);
		}
		while (n > 0) {
			if (has_unknown(sub[--n]))
				return true;
		}
	}
	return false;
}

static void check_round_trip(const Porto__TPortoRequest *req, const char *text)
{
	size_t len = porto__tporto_request__get_packed_size(req);
	uint8_t *packed = malloc(len ? len : 1);
	Porto__TPortoRequest *again;
	char *text2;

	FUZZ_CHECK(packed);
	FUZZ_CHECK(porto__tporto_request__pack(req, packed) == len);
	again = porto__tporto_request__unpack(NULL, len, packed);
	FUZZ_CHECK(again);
	text2 = textpb_print(&again->base);
	FUZZ_CHECK(text2 && !strcmp(text, text2));
	free(text2);
	free(packed);
	porto__tporto_request__free_unpacked(again, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Porto__TPortoRequest *req = porto__tporto_request__unpack(NULL, size, data);
	char *text;

	if (!req)
		return 0;
	text = textpb_print(&req->base);
	FUZZ_CHECK(text);
	if (!has_unknown(&req->base))
		check_round_trip(req, text);
	free(text);
	porto__tporto_request__free_unpacked(req, NULL);
	return 0;
}
