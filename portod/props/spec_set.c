/* SPDX-License-Identifier: Apache-2.0 */
/* Values of specs that are lists of words: arguments, paths, controllers, capabilities, groups. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "kernel/caps.h"
#include "props/control.h"
#include "props/rows.h"
#include "props/spec_codec.h"

/* ---- lists: messages whose first field is the repeated string ---- */

static const ProtobufCFieldDescriptor *list_field(const ProtobufCMessage *m)
{
	return &m->descriptor->fields[0];
}

static void read_list(const ProtobufCMessage *m, struct strv *ret)
{
	const ProtobufCFieldDescriptor *f = list_field(m);
	char *const *items = *(char *const *const *)spec_member(m, f);

	for (size_t i = 0; i < spec_count(m, f); i++)
		strv_add(ret, items[i]);
}

/* Empty when the property has no value that can be read. */
static ProtobufCMessage *new_list(const ProtobufCMessageDescriptor *type, const struct strv *items)
{
	ProtobufCMessage *m = spec_message_new(type);
	const ProtobufCFieldDescriptor *f = list_field(m);
	size_t *n = (size_t *)((char *)m + f->quantifier_offset);

	for (size_t i = 0; i < items->n; i++)
		spec_append(spec_member(m, f), n, xstrdup(items->v[i]));
	return m;
}

static int load_list(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
		     struct error *err)
{
	auto_strv items = STRV_INIT, back = STRV_INIT;
	auto_free char *text = NULL;

	read_list(arg, &items);
	text = strv_join(&items, ';');
	strv_split(&back, text, ';');
	if (!strv_eq(&items, &back))
		return error_set(err, ERR_INVALID_VALUE,
				 "an item is empty, or begins or ends with a blank");
	return prop_parse(p, ctx, NULL, text, err);
}

static ProtobufCMessage *dump_list(const struct prop *p, const struct prop_ctx *ctx,
				   const ProtobufCMessageDescriptor *type)
{
	auto_free char *text = spec_text(p, ctx, NULL);
	auto_strv items = STRV_INIT;

	if (!text)
		return NULL;
	strv_split(&items, text, ';');
	return new_list(type, &items);
}

static ProtobufCMessage *dump_strings(const struct prop *p, const struct prop_ctx *ctx)
{
	return dump_list(p, ctx, &porto__tstring_list__descriptor);
}

static ProtobufCMessage *dump_controllers(const struct prop *p, const struct prop_ctx *ctx)
{
	return dump_list(p, ctx, &porto__tcontainer_controllers__descriptor);
}

static ProtobufCMessage *dump_volumes(const struct prop *p, const struct prop_ctx *ctx)
{
	return dump_list(p, ctx, &porto__tcontainer_volumes__descriptor);
}

const struct spec_codec spec_codec_strings = {
	.type = &porto__tstring_list__descriptor,
	.load = load_list,
	.dump = dump_strings,
};

const struct spec_codec spec_codec_controllers = {
	.type = &porto__tcontainer_controllers__descriptor,
	.load = load_list,
	.dump = dump_controllers,
};

const struct spec_codec spec_codec_volumes = {
	.type = &porto__tcontainer_volumes__descriptor,
	.load = load_list,
	.dump = dump_volumes,
};

/* ---- arguments: exact ---- */

static int load_argv(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
		     struct error *err)
{
	auto_strv items = STRV_INIT;
	auto_free char *text = NULL;

	read_list(arg, &items);
	if (items.n && !*items.v[0])
		return error_set(err, ERR_INVALID_VALUE, "the first argument is empty");
	text = strv_join(&items, '\t');
	return prop_parse(p, ctx, NULL, text, err);
}

static ProtobufCMessage *dump_argv(const struct prop *p, const struct prop_ctx *ctx)
{
	return new_list(&porto__tcontainer_command_argv__descriptor, spec_field_ptr(p, ctx));
}

const struct spec_codec spec_codec_argv = {
	.type = &porto__tcontainer_command_argv__descriptor,
	.load = load_argv,
	.dump = dump_argv,
};

/* ---- capabilities ---- */

/* By `hex` only, which is otherwise what the names say. */
static int read_caps_hex(const char *hex, uint64_t *ret, struct error *err)
{
	char *end;

	*ret = strtoull(hex, &end, 16);
	if (!*hex || *end || strlen(hex) > 16)
		return error_set(err, ERR_INVALID_VALUE, "hex '%.100s' is no mask of capabilities",
				 hex);
	return 0;
}

static int read_caps(const Porto__TCapabilities *m, char **ret_text, struct error *err)
{
	auto_strv names = STRV_INIT;
	auto_free char *text = NULL;
	struct error ignored = ERROR_INIT; /* the property will say it */
	uint64_t hex, mask;

	for (size_t i = 0; i < m->n_cap; i++)
		strv_add(&names, m->cap[i]);
	text = strv_join(&names, ';');
	if (m->hex && read_caps_hex(m->hex, &hex, err))
		return -1;
	if (m->hex && !m->n_cap) {
		*ret_text = caps_format(hex);
		return 0;
	}
	if (m->hex && caps_parse(text, &mask, &ignored) == 0 && mask != hex)
		return error_set(err, ERR_INVALID_VALUE, "hex '%s' is not what '%.200s' says",
				 m->hex, text);
	*ret_text = take_ptr(text);
	return 0;
}

static int load_caps(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
		     struct error *err)
{
	const Porto__TCapabilities *m = arg;
	auto_free char *text = NULL;

	if (read_caps(m, &text, err))
		return -1;
	return m->has_action ? prop_parse(p, ctx, text, m->action ? "true" : "false", err)
			     : prop_parse(p, ctx, NULL, text, err);
}

static ProtobufCMessage *dump_caps(const struct prop *p, const struct prop_ctx *ctx)
{
	auto_free char *text = spec_text(p, ctx, NULL);
	struct error ignored = ERROR_INIT;
	auto_strv names = STRV_INIT;
	Porto__TCapabilities *m;
	uint64_t mask;

	if (!text || caps_parse(text, &mask, &ignored))
		return NULL;
	m = spec_message_new(&porto__tcapabilities__descriptor);
	strv_split(&names, text, ';');
	for (size_t i = 0; i < names.n; i++)
		spec_append(&m->cap, &m->n_cap, xstrdup(names.v[i]));
	m->hex = xasprintf("%016" PRIx64, mask);
	return &m->base;
}

const struct spec_codec spec_codec_caps = {
	.type = &porto__tcapabilities__descriptor,
	.load = load_caps,
	.dump = dump_caps,
};

/* ---- control groups ---- */

static bool is_inherited(const struct container *ct, const char *type)
{
	enum cgroup_controller c = CGROUP_CGROUP2;

	if (strcmp(type, "unified") != 0 && cgroup_controller_parse(type, &c) < 0)
		return false;
	return !container_is_root(ct) && !control_owns(ct, CGROUP_BIT(c));
}

static ProtobufCMessage *dump_cgroups(const struct prop *p, const struct prop_ctx *ctx)
{
	auto_free char *text = spec_text(p, ctx, NULL);
	auto_smap groups = SMAP_INIT;
	Porto__TContainerCgroups *m;

	if (!text || smap_parse(&groups, text) < 0)
		return NULL;
	m = spec_message_new(&porto__tcontainer_cgroups__descriptor);
	for (size_t i = 0; i < groups.n; i++) {
		Porto__TContainerCgroup *g =
			spec_message_new(&porto__tcontainer_cgroup__descriptor);

		g->controller = xstrdup(groups.e[i].key);
		g->path = xstrdup(groups.e[i].val);
		g->has_inherited = true;
		g->inherited = is_inherited(ctx->ct, g->controller);
		spec_append(&m->cgroup, &m->n_cgroup, g);
	}
	return &m->base;
}

const struct spec_codec spec_codec_cgroups = {
	.type = &porto__tcontainer_cgroups__descriptor,
	.dump = dump_cgroups,
};
