/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties as typed messages: TContainerSpec (what can be set) and TContainerStatus (the rest).
 *
 * Everything is derived from the property table and the messages' descriptors: a field belongs to
 * the property of the same name, its type says how the value is converted, and the property's own
 * rules decide what is good. A new row with a field of a known type needs nothing here.
 *
 * Memory only, but for what the getters of the properties read. Messages made here are malloc'ed:
 * protobuf_c_message_free_unpacked(m, NULL).
 */
#pragma once

#include "proto/porto.pb-c.h"
#include "props/prop.h"

/* Items in one list, at most: lists are searched in ways that get slow. */
#define SPEC_ITEMS_MAX 10000

/*
 * Refuse what would be ignored: ERR_INVALID_PROPERTY for a field that is not in the schema, at any
 * depth; ERR_INVALID_VALUE for a list of more than SPEC_ITEMS_MAX items.
 */
int spec_check(const Porto__TContainerSpec *spec, struct error *err);

/*
 * Set all properties that have a field in `spec`; `name` is the caller's. Values are written in the
 * order of their dependencies, and the rules that look at the whole container are asked when all
 * are in place, so the order of fields means nothing. All or nothing: on failure, which names the
 * property, nothing has changed and *txn is empty. *txn must be new. A value that the property has
 * already is never refused because of the container's state.
 */
int spec_load(const struct prop_ctx *ctx, const Porto__TContainerSpec *spec, struct prop_txn *txn,
	      struct error *err);

/* Where a property is told. */
struct spec_field {
	const struct prop *prop;
	const ProtobufCFieldDescriptor *field; /* of TContainerStatus if in_status */
	bool in_status;
	bool only_if_set; /* otherwise the default is told, too */
};

/* false = it is in neither message. */
bool spec_field_of(const struct prop *p, struct spec_field *ret);

/* A part of stored output, see TStreamDumpOptions. */
struct spec_window {
	bool have_offset, have_limit; /* without offset: the end */
	uint64_t offset, limit;       /* bytes */
};

/*
 * Tell one property into `m`, a new container message with spec and status; what cannot be read in
 * this state is left out. `stdout` and `stderr` are told by spec_dump_stream() only.
 */
void spec_dump(const struct prop_ctx *ctx, const struct spec_field *f, Porto__TContainer *m);
/* The window as a property with index, as prop_get() knows it. New string. */
char *spec_stream_name(int fd, const struct spec_window *w);
/* Stored output; fd is 1 or 2. ERR_INVALID_DATA, ERR_INVALID_STATE. */
int spec_dump_stream(const struct prop_ctx *ctx, int fd, const struct spec_window *w,
		     Porto__TContainer *m, struct error *err);
/* With empty spec and status. Never NULL. */
Porto__TContainer *spec_container_new(void);
/* Add to a repeated field of errors. */
void spec_add_error(size_t *n, Porto__TError ***errors, enum error_code code, const char *text);
