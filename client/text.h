/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of libporto: messages as protobuf's text, whatever the language of the program is. */
#pragma once

#include "client/conn.h"
#include "proto/textpb.h"

/*
 * A new message of `type` from `size` bytes of text; free with protobuf_c_message_free_unpacked().
 * A failure is the connection's error: `code` with "WHAT: line …", or that there is no memory.
 * Memory only. `options` may be NULL.
 */
int text_parse(struct porto_conn *conn, const ProtobufCMessageDescriptor *type, const char *text,
	       size_t size, const struct textpb_options *options, int code, const char *what,
	       ProtobufCMessage **ret);
/* New string, or NULL without memory. */
char *text_print(const ProtobufCMessage *m);
