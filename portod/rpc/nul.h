/* SPDX-License-Identifier: Apache-2.0 */
/* What strings of C cannot tell of a message: that a string of it goes on behind a NUL byte. */
#pragma once

#include <protobuf-c/protobuf-c.h>

/* The field of `body`, an encoded message of `type` that was unpacked without error, whose text has
 * a NUL byte in it, at any depth; NULL if there is none. Memory only. */
const ProtobufCFieldDescriptor *nul_find(const ProtobufCMessageDescriptor *type, const void *body,
					 size_t len);
