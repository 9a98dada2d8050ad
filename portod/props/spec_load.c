/* SPDX-License-Identifier: Apache-2.0 */
/* From a spec to properties: in the order of dependencies, checked together, all or nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "props/rows.h"
#include "props/spec_codec.h"

/*
 * Whoever is in this list is written and checked first, in this order; all others follow by name.
 * Needed where writing one looks at another or changes it: `command` clears `command_argv`, a whole
 * credential comes before its parts, `controllers` before what enables controllers. And `isolate`
 * is checked before `virt_mode`, which would quietly change it.
 */
static const struct prop *const first[] = {
	&row_owner_cred,   &row_owner_user,   &row_owner_group,      &row_task_cred,
	&row_user,         &row_group,        &row_isolate,          &row_virt_mode,
	&row_userns,       &row_root,         &row_controllers,      &row_capabilities,
	&row_enable_porto, &row_command,      &row_command_argv,     &row_env,
	&row_cpu_policy,   &row_memory_limit, &row_devices_explicit,
};

/* A field that is set, and its property. */
struct item {
	const struct prop *prop;
	const ProtobufCFieldDescriptor *field;
	const ProtobufCMessage *spec;
	unsigned rank;
	bool written;
};

/* ---- what would be ignored ---- */

static int check_message(const ProtobufCMessage *m, const char *where, struct error *err);

static int check_field(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
		       const char *where, struct error *err)
{
	ProtobufCMessage *const *items = spec_member(m, f);
	size_t n = 1;

	if (!spec_has(m, f))
		return 0;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		items = *(ProtobufCMessage *const *const *)spec_member(m, f);
		n = spec_count(m, f);
	}
	if (n > SPEC_ITEMS_MAX)
		return error_set(err, ERR_INVALID_VALUE,
				 "property '%s': %s has %zu items, the limit is %d", where, f->name,
				 n, SPEC_ITEMS_MAX);
	for (size_t i = 0; i < n && f->type == PROTOBUF_C_TYPE_MESSAGE; i++) {
		if (check_message(items[i], where, err))
			return -1;
	}
	return 0;
}

/* `where` is the property, NULL for the spec itself. No message contains itself. */
static int check_message(const ProtobufCMessage *m, const char *where, struct error *err)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;

	if (m->n_unknown_fields && where)
		return error_set(err, ERR_INVALID_PROPERTY, "property '%s' has unknown field %u",
				 where, m->unknown_fields[0].tag);
	if (m->n_unknown_fields)
		return error_set(err, ERR_INVALID_PROPERTY,
				 "the spec has field %u, which no property of this version has",
				 m->unknown_fields[0].tag);
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];

		if (check_field(m, f, where ? where : f->name, err))
			return -1;
	}
	return 0;
}

int spec_check(const Porto__TContainerSpec *spec, struct error *err)
{
	return check_message(&spec->base, NULL, err);
}

/* ---- one value ---- */

/* Numbers as the property reads them: cpu power in cores, masks in base 16, the rest decimal. */
static void scalar_text(const struct prop *p, const ProtobufCFieldDescriptor *f, const void *v,
			char *text, size_t size)
{
	if (f->type == PROTOBUF_C_TYPE_BOOL)
		snprintf(text, size, "%s", *(const protobuf_c_boolean *)v ? "true" : "false");
	else if (f->type == PROTOBUF_C_TYPE_UINT32)
		snprintf(text, size,
			 str_has_prefix(p->type->name, "hex") ? "0x%" PRIx32 : "%" PRIu32,
			 *(const uint32_t *)v);
	else if (f->type == PROTOBUF_C_TYPE_UINT64)
		snprintf(text, size, "%" PRIu64, *(const uint64_t *)v);
	else if (f->type == PROTOBUF_C_TYPE_INT32)
		snprintf(text, size, "%" PRId32, *(const int32_t *)v);
	else if (f->type == PROTOBUF_C_TYPE_INT64)
		snprintf(text, size, "%" PRId64, *(const int64_t *)v);
	else if (f->type == PROTOBUF_C_TYPE_DOUBLE)
		snprintf(text, size, p->type == &type_cpu ? "%.9fc" : "%.9g", *(const double *)v);
	else
		text[0] = '\0'; /* test_spec asserts that no row has another type */
}

static int write_field(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
		       struct error *err)
{
	const struct item *item = arg;
	const ProtobufCFieldDescriptor *f = item->field;
	const void *member = spec_member(item->spec, f);
	const struct spec_codec *codec;
	char text[512]; /* the largest double has 309 digits */

	if (f->type == PROTOBUF_C_TYPE_STRING)
		return prop_parse(p, ctx, NULL, *(char *const *)member, err);
	if (f->type != PROTOBUF_C_TYPE_MESSAGE) {
		scalar_text(p, f, member, text, sizeof(text));
		return prop_parse(p, ctx, NULL, text, err);
	}
	codec = spec_codec_find(f->descriptor);
	if (!codec || !codec->load)
		return error_set(err, ERR_NOT_SUPPORTED, "it cannot be set by a spec");
	return codec->load(p, ctx, *(const ProtobufCMessage *const *)member, err);
}

/* ---- a value that may not be changed now, but is what is told already ---- */

static bool same_message(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	size_t n = protobuf_c_message_get_packed_size(a);
	auto_free uint8_t *x = xmalloc(n + 1), *y = xmalloc(n + 1);

	if (n != protobuf_c_message_get_packed_size(b))
		return false;
	protobuf_c_message_pack(a, x);
	protobuf_c_message_pack(b, y);
	return !memcmp(x, y, n);
}

/* A client may send back what it was told, with one thing changed: that includes values which the
 * container inherits, so what is stored does not say enough. */
static bool is_as_told(const struct prop_ctx *ctx, const struct item *item)
{
	Porto__TContainer *told = spec_container_new();
	const ProtobufCMessage *spec = &told->spec->base;
	const void *a = spec_member(item->spec, item->field), *b = spec_member(spec, item->field);
	struct spec_field f;
	bool same = false;

	if (spec_field_of(item->prop, &f) && !f.in_status) {
		f.only_if_set = false;
		spec_dump(ctx, &f, told);
	}
	if (!spec_has(spec, item->field))
		same = false;
	else if (item->field->type == PROTOBUF_C_TYPE_MESSAGE)
		same = same_message(*(ProtobufCMessage *const *)a, *(ProtobufCMessage *const *)b);
	else if (item->field->type == PROTOBUF_C_TYPE_STRING)
		same = !strcmp(*(char *const *)a, *(char *const *)b);
	protobuf_c_message_free_unpacked(&told->base, NULL);
	return same;
}

static int write_item(const struct prop_ctx *ctx, struct item *item, struct prop_txn *txn,
		      struct error *err)
{
	int r = prop_write(ctx, item->prop, write_field, item, txn, err);

	item->written = r == 0;
	if (r >= 0)
		return 0;
	if (err->code != ERR_INVALID_STATE || ctx->ct->state == STATE_STOPPED ||
	    !is_as_told(ctx, item))
		return -1;
	error_clear(err);
	return 0;
}

/* ---- all ---- */

static unsigned rank_of(const struct prop *p)
{
	for (unsigned i = 0; i < ARRAY_SIZE(first); i++) {
		if (first[i] == p)
			return i;
	}
	return ARRAY_SIZE(first);
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->prop->row < y->prop->row ? -1 : x->prop->row > y->prop->row;
}

static int collect(const Porto__TContainerSpec *spec, struct item *items, size_t *ret_n,
		   struct error *err)
{
	const ProtobufCMessageDescriptor *d = spec->base.descriptor;

	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		const struct prop *p = prop_find(f->name);

		if (!spec_has(&spec->base, f) || !strcmp(f->name, "name"))
			continue;
		if (!p)
			return error_set(err, ERR_INVALID_PROPERTY, "there is no property '%s'",
					 f->name);
		items[(*ret_n)++] = (struct item){
			.prop = p, .field = f, .spec = &spec->base, .rank = rank_of(p)
		};
	}
	qsort(items, *ret_n, sizeof(*items), compare_items);
	return 0;
}

static int load_all(const struct prop_ctx *ctx, struct item *items, size_t n, struct prop_txn *txn,
		    struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (write_item(ctx, &items[i], txn, err))
			return -1;
	}
	for (size_t i = 0; i < n; i++) {
		if (items[i].written && prop_check(ctx, items[i].prop, err))
			return -1;
	}
	return 0;
}

int spec_load(const struct prop_ctx *ctx, const Porto__TContainerSpec *spec, struct prop_txn *txn,
	      struct error *err)
{
	auto_free struct item *items = xnew_array(struct item, spec->base.descriptor->n_fields);
	size_t n = 0;

	if (spec_check(spec, err) || collect(spec, items, &n, err) ||
	    load_all(ctx, items, n, txn, err)) {
		prop_rollback(ctx, txn);
		prop_txn_deinit(txn);
		return -1;
	}
	return 0;
}
