/* SPDX-License-Identifier: Apache-2.0 */
/* Which field is which property's, and reflection on messages. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "props/rows.h"
#include "props/spec_codec.h"

/* Names of fields that would be macros in C. */
static const struct {
	const char *prop, *field;
} renamed[] = {
	{ "stdout", "std_out" },
	{ "stderr", "std_err" },
};

/* Their defaults mean something else than the same value set, or nothing at all. */
static const struct prop *const only_if_set[] = {
	&row_anon_limit,          &row_anon_only,
	&row_command_argv,        &row_coredump_filter,
	&row_dirty_limit,         &row_io_guarantee,
	&row_io_ops_guarantee,    &row_link_memory_writeback_blkio,
	&row_memory_lock_policy,  &row_place_limit,
	&row_recharge_on_pgfault, &row_seccomp,
	&row_seccomp_name,        &row_session_info,
	&row_thread_limit,
};

#define BEYOND_PORTO 2000 /* from this field number on: told only if set, old clients copy specs */

static bool is_only_if_set(const struct prop *p, const ProtobufCFieldDescriptor *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(only_if_set); i++) {
		if (only_if_set[i] == p)
			return true;
	}
	return f->id >= BEYOND_PORTO;
}

static const char *field_name(const struct prop *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(renamed); i++) {
		if (!strcmp(renamed[i].prop, p->name))
			return renamed[i].field;
	}
	return p->name;
}

bool spec_field_of(const struct prop *p, struct spec_field *ret)
{
	bool in_status = p->flags & PROP_READONLY;
	const ProtobufCMessageDescriptor *d = in_status ? &porto__tcontainer_status__descriptor
							: &porto__tcontainer_spec__descriptor;
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(d, field_name(p));

	if (!f)
		return false;
	*ret = (struct spec_field){
		.prop = p,
		.field = f,
		.in_status = in_status,
		.only_if_set = !in_status && is_only_if_set(p, f),
	};
	return true;
}

/* ---- types ---- */

const struct spec_codec *spec_codec_find(const ProtobufCMessageDescriptor *type)
{
	static const struct spec_codec *const all[] = {
		&spec_codec_string_map, &spec_codec_uint_map,     &spec_codec_env,
		&spec_codec_ulimits,    &spec_codec_vmstat,       &spec_codec_argv,
		&spec_codec_strings,    &spec_codec_controllers,  &spec_codec_volumes,
		&spec_codec_caps,       &spec_codec_cgroups,      &spec_codec_cpu_set,
		&spec_codec_cred,       &spec_codec_seccomp,      &spec_codec_error,
		&spec_codec_bind,       &spec_codec_devices,      &spec_codec_mounts,
		&spec_codec_place,      &spec_codec_net,          &spec_codec_ip,
		&spec_codec_ip_limit,   &spec_codec_volume_links,
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i]->type == type)
			return all[i];
	}
	return NULL;
}

/* ---- reflection ---- */

void *spec_message_new(const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *m = xcalloc(1, type->sizeof_message);

	protobuf_c_message_init(type, m);
	return m;
}

void *spec_member(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	return (char *)(uintptr_t)m + f->offset;
}

size_t spec_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	return *(const size_t *)((const char *)m + f->quantifier_offset);
}

bool spec_has(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return spec_count(m, f) > 0;
	if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE)
		return *(void *const *)spec_member(m, f) != NULL;
	return *(const protobuf_c_boolean *)((const char *)m + f->quantifier_offset);
}

void spec_append(void *array, size_t *n, void *item)
{
	void **items;

	memcpy(&items, array, sizeof(items));
	if ((*n & (*n - 1)) == 0) /* 0, 1, 2, 4, …: full */
		items = xreallocarray(items, *n ? *n * 2 : 1, sizeof(*items));
	items[(*n)++] = item;
	memcpy(array, &items, sizeof(items));
}

void spec_add_error(size_t *n, Porto__TError ***errors, enum error_code code, const char *text)
{
	Porto__TError *e = spec_message_new(&porto__terror__descriptor);

	e->has_error = true;
	e->error = (Porto__EError)code;
	e->msg = xstrdup(text);
	spec_append(errors, n, e);
}

/* ---- values ---- */

void *spec_field_ptr(const struct prop *p, const struct prop_ctx *ctx)
{
	return (char *)&ctx->ct->spec + p->offset;
}

char *spec_text(const struct prop *p, const struct prop_ctx *ctx, const char *index)
{
	auto_free char *name = index ? xasprintf("%s[%s]", p->name, index) : NULL;
	struct error ignored = ERROR_INIT;
	struct buf out = BUF_INIT;

	if (prop_get(ctx, name ? name : p->name, &out, &ignored)) {
		buf_deinit(&out);
		return NULL;
	}
	return buf_take(&out);
}

char *spec_own_text(const struct prop *p, const struct prop_ctx *ctx)
{
	struct buf out = BUF_INIT;

	p->type->format(p, ctx, spec_field_ptr(p, ctx), &out);
	return buf_take(&out);
}
