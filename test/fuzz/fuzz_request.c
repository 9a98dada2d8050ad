/* SPDX-License-Identifier: Apache-2.0 */
/* A request as it comes from a frame: decode, print, encode, decode again. */
#include <string.h>

#include "fuzz.h"
#include "proto/porto.pb-c.h"
#include "proto/textpb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Porto__TPortoRequest *req = porto__tporto_request__unpack(NULL, size, data), *again;
	char *text, *text2;
	uint8_t *packed;
	size_t len;

	if (!req)
		return 0;
	text = textpb_print(&req->base);
	FUZZ_CHECK(text);
	len = porto__tporto_request__get_packed_size(req);
	packed = malloc(len ? len : 1);
	FUZZ_CHECK(packed);
	FUZZ_CHECK(porto__tporto_request__pack(req, packed) == len);
	again = porto__tporto_request__unpack(NULL, len, packed);
	FUZZ_CHECK(again);
	text2 = textpb_print(&again->base);
	FUZZ_CHECK(text2 && !strcmp(text, text2));
	free(text);
	free(text2);
	free(packed);
	porto__tporto_request__free_unpacked(req, NULL);
	porto__tporto_request__free_unpacked(again, NULL);
	return 0;
}
