/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to the spec files: how the value of one message type is read from the client and told.
 * Each codec works with the property's text and fields, never with a particular property, unless
 * it says so.
 */
#pragma once

#include "props/spec.h"
#include "props/type.h"

struct spec_codec {
	const ProtobufCMessageDescriptor *type;
	/* `arg` is the message. NULL = such a value is only told. */
	prop_writer *load;
	/* New message; NULL when there is nothing to tell. */
	ProtobufCMessage *(*dump)(const struct prop *p, const struct prop_ctx *ctx);
};

/* NULL = there is none. */
const struct spec_codec *spec_codec_find(const ProtobufCMessageDescriptor *type);

extern const struct spec_codec spec_codec_string_map, spec_codec_uint_map, spec_codec_env,
	spec_codec_ulimits, spec_codec_vmstat; /* spec_map.c */
extern const struct spec_codec spec_codec_argv, spec_codec_strings, spec_codec_controllers,
	spec_codec_volumes, spec_codec_caps, spec_codec_cgroups; /* spec_set.c */
extern const struct spec_codec spec_codec_cpu_set, spec_codec_cred, spec_codec_seccomp,
	spec_codec_error; /* spec_value.c */
extern const struct spec_codec spec_codec_bind, spec_codec_devices, spec_codec_mounts,
	spec_codec_place, spec_codec_net, spec_codec_ip, spec_codec_ip_limit,
	spec_codec_volume_links; /* spec_table.c */

/* ---- what they share; spec_field.c ---- */

/* Zeroed, with its defaults. */
void *spec_message_new(const ProtobufCMessageDescriptor *type);
/* `array` is the address of the pointer of a repeated field of pointers; takes `item`. */
void spec_append(void *array, size_t *n, void *item);
/* What reading the property gives; NULL when it cannot be read. New string. */
char *spec_text(const struct prop *p, const struct prop_ctx *ctx, const char *index);
/* The container's own value as text, never an inherited or masked one. New string. */
char *spec_own_text(const struct prop *p, const struct prop_ctx *ctx);
/* The field of the property in the container's configuration. */
void *spec_field_ptr(const struct prop *p, const struct prop_ctx *ctx);
/* Where a member of a message is, and how many there are or whether it is set. */
void *spec_member(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
bool spec_has(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
size_t spec_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
