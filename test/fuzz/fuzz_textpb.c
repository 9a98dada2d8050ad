/* SPDX-License-Identifier: Apache-2.0 */
/* What parses must print, and the printed text must read back as the same text. */
#include <string.h>

#include "fuzz.h"
#include "proto/config.pb-c.h"
#include "proto/textpb.h"

static void on_unknown(void *arg, const char *text)
{
	FUZZ_CHECK(!strncmp(text, "line ", 5));
	++*(unsigned *)arg;
}

static ProtobufCMessage *parse(const char *text, size_t len, const struct textpb_options *options,
			       int *ret)
{
	ProtobufCMessage *msg = textpb_new(&porto_config__tportod_config__descriptor);
	char err[128] = "";

	FUZZ_CHECK(msg);
	*ret = textpb_parse(msg, text, len, options, err, sizeof(err));
	FUZZ_CHECK(*ret == 0 || !strncmp(err, "line ", 5));
	return msg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned unknown = 0;
	struct textpb_options options = { .on_unknown = on_unknown, .arg = &unknown };
	ProtobufCMessage *strict, *tolerant, *again;
	char *text, *text2;
	int r, r2;

	strict = parse((const char *)data, size, NULL, &r);
	tolerant = parse((const char *)data, size, &options, &r2);
	FUZZ_CHECK(r < 0 || (r2 == 0 && unknown == 0));
	text = textpb_print(tolerant);
	FUZZ_CHECK(text);
	again = parse(text, strlen(text), NULL, &r);
	FUZZ_CHECK(r == 0);
	text2 = textpb_print(again);
	FUZZ_CHECK(text2 && !strcmp(text, text2));
	free(text);
	free(text2);
	protobuf_c_message_free_unpacked(strict, NULL);
	protobuf_c_message_free_unpacked(tolerant, NULL);
	protobuf_c_message_free_unpacked(again, NULL);
	return 0;
}
