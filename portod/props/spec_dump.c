/* SPDX-License-Identifier: Apache-2.0 */
/* From properties to spec and status. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "props/rows.h"
#include "props/spec_codec.h"
#include "props/stream.h"

/* What differs from the text: seconds instead of a date, a number instead of nothing. */
static const struct {
	const struct prop *prop;
	const char *index, *if_empty;
} special[] = {
	{ &row_creation_time, "raw", NULL }, { &row_start_time, "raw", NULL },
	{ &row_death_time, "raw", NULL },    { &row_change_time, "raw", NULL },
	{ &row_max_respawns, NULL, "-1" },
};

Porto__TContainer *spec_container_new(void)
{
	Porto__TContainer *m = spec_message_new(&porto__tcontainer__descriptor);

	m->spec = spec_message_new(&porto__tcontainer_spec__descriptor);
	m->status = spec_message_new(&porto__tcontainer_status__descriptor);
	return m;
}

static char *read_text(const struct prop *p, const struct prop_ctx *ctx)
{
	char *text;

	for (size_t i = 0; i < ARRAY_SIZE(special); i++) {
		if (special[i].prop != p)
			continue;
		text = spec_text(p, ctx, special[i].index);
		if (text && !*text && special[i].if_empty)
			str_set(&text, special[i].if_empty);
		return text;
	}
	return spec_text(p, ctx, NULL);
}

/* A number with or without unit, which is that of the field; 0x… is the only base told apart, so
 * that umask 022 is 22. */
static bool read_number(const char *text, uint64_t *ret)
{
	char *end;

	*ret = *text == '-' ? (uint64_t)strtoll(text, &end, 10)
			    : strtoull(text, &end, str_has_prefix(text, "0x") ? 16 : 10);
	return end != text;
}

static bool tell_number(ProtobufCType type, const char *text, void *member)
{
	uint64_t v;
	char *end;

	if (type == PROTOBUF_C_TYPE_DOUBLE) {
		*(double *)member = strtod(text, &end);
		return end != text;
	}
	if (!read_number(text, &v))
		return false;
	if (type == PROTOBUF_C_TYPE_UINT64 || type == PROTOBUF_C_TYPE_INT64)
		*(uint64_t *)member = v;
	else
		*(uint32_t *)member = (uint32_t)v;
	return true;
}

static void tell_scalar(const struct prop *p, const struct prop_ctx *ctx,
			const ProtobufCFieldDescriptor *f, ProtobufCMessage *m)
{
	protobuf_c_boolean *has = (void *)((char *)m + f->quantifier_offset);
	auto_free char *text = read_text(p, ctx);
	void *member = spec_member(m, f);
	bool yes;

	if (!text)
		return;
	if (f->type == PROTOBUF_C_TYPE_STRING) {
		/* Of what can only be read nothing is nothing; of what can be set it is a value. */
		if (*text || !(p->flags & PROP_READONLY))
			*(char **)member = take_ptr(text);
	} else if (f->type != PROTOBUF_C_TYPE_BOOL) {
		*has = tell_number(f->type, text, member);
	} else if (num_parse_bool(text, &yes) == 0) {
		*(protobuf_c_boolean *)member = yes;
		*has = true;
	}
}

/* The one list of messages: `taint`, a line each. */
static void tell_lines(const struct prop *p, const struct prop_ctx *ctx,
		       Porto__TContainerStatus *status)
{
	auto_free char *text = spec_text(p, ctx, NULL);
	char *save = NULL;

	if (!text || p != &row_taint)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		spec_add_error(&status->n_taint, &status->taint, ERR_TAINT, line);
}

/* How long it is dead has no property of its own. */
static void tell_dead_time(const struct prop_ctx *ctx, Porto__TContainerStatus *status)
{
	auto_free char *text = spec_text(&row_time, ctx, "dead");

	status->has_dead_time = text && num_parse_u64(text, &status->dead_time) == 0;
}

static bool is_told(const struct prop_ctx *ctx, const struct spec_field *f)
{
	if (f->prop == &row_stdout || f->prop == &row_stderr)
		return false;
	if (f->only_if_set && !row_is_set(ctx->ct, f->prop))
		return false;
	return prop_is_supported(f->prop, ctx->env);
}

void spec_dump(const struct prop_ctx *ctx, const struct spec_field *f, Porto__TContainer *m)
{
	ProtobufCMessage *to = f->in_status ? &m->status->base : &m->spec->base;
	const struct spec_codec *codec;

	if (!is_told(ctx, f))
		return;
	if (f->prop == &row_time)
		tell_dead_time(ctx, m->status);
	if (f->field->label == PROTOBUF_C_LABEL_REPEATED) {
		tell_lines(f->prop, ctx, m->status);
	} else if (f->field->type != PROTOBUF_C_TYPE_MESSAGE) {
		tell_scalar(f->prop, ctx, f->field, to);
	} else {
		codec = spec_codec_find(f->field->descriptor);
		*(ProtobufCMessage **)spec_member(to, f->field) = codec ? codec->dump(f->prop, ctx)
									: NULL;
	}
}

char *spec_stream_name(int fd, const struct spec_window *w)
{
	const char *name = fd == 1 ? "stdout" : "stderr";
	struct buf what = BUF_INIT;

	if (!w->have_offset && !w->have_limit)
		return xstrdup(name);
	buf_addf(&what, "%s[", name);
	if (w->have_offset)
		buf_addf(&what, "%" PRIu64, w->offset);
	if (w->have_limit)
		buf_addf(&what, ":%" PRIu64, w->limit);
	buf_addc(&what, ']');
	return buf_take(&what);
}

int spec_dump_stream(const struct prop_ctx *ctx, int fd, const struct spec_window *w,
		     Porto__TContainer *m, struct error *err)
{
	auto_free char *name = spec_stream_name(fd, w);
	auto_buf out = BUF_INIT;

	if (prop_get(ctx, name, &out, err))
		return -1;
	*(fd == 1 ? &m->status->std_out : &m->status->std_err) = buf_take(&out);
	return 0;
}
