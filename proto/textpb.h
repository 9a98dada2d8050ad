/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf's text format for protobuf-c messages, by their descriptors: portod.conf, seccomp
 * profiles, debug output. libc and libprotobuf-c only; pure memory, never blocks.
 *
 * Syntax: `key: value`, `key { … }`, `key: { … }` (also < … >), lists `key: [a, b]`, strings in
 * either quotes with C escapes and adjacent concatenation, integers in decimal, hex and octal,
 * floats, true/false, enum values by name or number, comments from `#`, optional `,` or `;` behind
 * a field. A scalar that is given again wins, repeated fields append, messages merge: parsing
 * several files into one message is how configuration directories work. Required fields are not
 * insisted on; oneof, groups, extensions and Any are not supported.
 *
 * LC_NUMERIC must be the "C" locale (it is, unless setlocale() was called).
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* Messages inside messages, at most. */
#define TEXTPB_DEPTH_MAX 32

struct textpb_options {
	/* Unknown fields: skipped and reported here when set, else an error. `text` is like an
	 * error text ("line 3: daemon.foo: unknown field") and valid during the call only. */
	void (*on_unknown)(void *arg, const char *text);
	/* What to look for instead of a field that is not known; NULL for nothing. */
	const char *(*other_name)(const ProtobufCMessageDescriptor *type, const char *name);
	void *arg;
};

/* A new message with its defaults; free with protobuf_c_message_free_unpacked(m, NULL). NULL when
 * out of memory. */
ProtobufCMessage *textpb_new(const ProtobufCMessageDescriptor *type);

/*
 * Parse `len` bytes of text into *msg, which is initialised and owned by malloc (textpb_new(), or
 * unpacked with the default allocator) and stays valid and owned by the caller also on failure
 * (with a part of the fields set). `options` may be NULL.
 * 0, or -EINVAL / -ENOMEM with a sentence in err[err_size], for example
 * `line 12: daemon.max_clients: expected an integer, found "abc"`.
 */
int textpb_parse(ProtobufCMessage *msg, const char *text, size_t len,
		 const struct textpb_options *options, char *err, size_t err_size);

/* What is set, one field per line, indented; what textpb_parse() reads. New string or NULL. */
char *textpb_print(const ProtobufCMessage *msg);
