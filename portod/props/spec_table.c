/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of specs that are rows of words: binds, devices, mounts, places, networks, addresses.
 *
 * The message has one repeated field, the rows. A row has string fields, its words in the order of
 * their numbers, and perhaps a repeated string at the end: flags, joined by commas into the last
 * word, or more words.
 */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "props/rows.h"
#include "props/spec_codec.h"

enum rest_style { REST_FLAGS, REST_WORDS };

static const ProtobufCFieldDescriptor *rows_field(const ProtobufCMessageDescriptor *type)
{
	return &type->fields[0];
}

static bool is_rest(const ProtobufCFieldDescriptor *f)
{
	return f->label == PROTOBUF_C_LABEL_REPEATED;
}

/* ---- from the message ---- */

static void add_rest(const ProtobufCMessage *row, const ProtobufCFieldDescriptor *f,
		     enum rest_style style, struct strv *words)
{
	char *const *items = *(char *const *const *)spec_member(row, f);
	auto_strv flags = STRV_INIT;

	for (size_t i = 0; i < spec_count(row, f); i++)
		strv_add(style == REST_FLAGS ? &flags : words, items[i]);
	if (flags.n)
		strv_add_take(words, strv_join(&flags, ','));
}

/* A word that is left out ends the row: nothing may follow. */
static int read_row(const ProtobufCMessage *row, enum rest_style style, struct strv *words,
		    struct error *err)
{
	const ProtobufCMessageDescriptor *d = row->descriptor;
	const ProtobufCFieldDescriptor *missing = NULL;

	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];

		if (!spec_has(row, f)) {
			missing = missing ? missing : f;
			continue;
		}
		if (missing)
			return error_set(err, ERR_INVALID_VALUE, "'%s' is given without '%s'",
					 f->name, missing->name);
		if (is_rest(f))
			add_rest(row, f, style, words);
		else
			strv_add(words, *(char *const *)spec_member(row, f));
	}
	return 0;
}

/* One item of the text, which must say the same. */
static int row_text(const struct strv *words, char **ret, struct error *err)
{
	auto_free char *text = strv_join(words, ' ');
	auto_strv back = STRV_INIT;

	strv_split(&back, text, ' ');
	if (words->n == 0 || !strv_eq(words, &back))
		return error_set(err, ERR_INVALID_VALUE,
				 "a word of row '%.200s' is empty, or begins or ends with a blank",
				 text);
	*ret = take_ptr(text);
	return 0;
}

static int read_rows(const ProtobufCMessage *m, enum rest_style style, struct strv *items,
		     struct error *err)
{
	const ProtobufCFieldDescriptor *f = rows_field(m->descriptor);
	ProtobufCMessage *const *rows = *(ProtobufCMessage *const *const *)spec_member(m, f);

	for (size_t i = 0; i < spec_count(m, f); i++) {
		auto_strv words = STRV_INIT;
		char *text;

		if (read_row(rows[i], style, &words, err) || row_text(&words, &text, err))
			return -1;
		strv_add_take(items, text);
	}
	return 0;
}

static int write_items(const struct prop *p, const struct prop_ctx *ctx, const struct strv *items,
		       struct error *err)
{
	auto_free char *text = strv_join(items, ';');

	return prop_parse(p, ctx, NULL, text, err);
}

static int load_flags_table(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
			    struct error *err)
{
	auto_strv items = STRV_INIT;

	if (read_rows(arg, REST_FLAGS, &items, err))
		return -1;
	return write_items(p, ctx, &items, err);
}

static int load_words_table(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
			    struct error *err)
{
	auto_strv items = STRV_INIT;

	if (read_rows(arg, REST_WORDS, &items, err))
		return -1;
	return write_items(p, ctx, &items, err);
}

/* ---- to the message ---- */

static void tell_rest(ProtobufCMessage *row, const ProtobufCFieldDescriptor *f,
		      enum rest_style style, const struct strv *words, size_t from)
{
	size_t *n = (size_t *)((char *)row + f->quantifier_offset);

	for (size_t i = from; i < words->n; i++) {
		auto_strv parts = STRV_INIT;

		if (style == REST_FLAGS)
			strv_split(&parts, words->v[i], ',');
		else
			strv_add(&parts, words->v[i]);
		for (size_t k = 0; k < parts.n; k++)
			spec_append(spec_member(row, f), n, xstrdup(parts.v[k]));
	}
}

static ProtobufCMessage *new_row(const ProtobufCMessageDescriptor *d, enum rest_style style,
				 const char *item)
{
	ProtobufCMessage *row = spec_message_new(d);
	auto_strv words = STRV_INIT;

	strv_split(&words, item, ' ');
	for (unsigned i = 0; i < d->n_fields && i < words.n; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];

		if (is_rest(f))
			tell_rest(row, f, style, &words, i);
		else
			*(char **)spec_member(row, f) = xstrdup(words.v[i]);
	}
	return row;
}

static ProtobufCMessage *dump_table(const struct prop *p, const struct prop_ctx *ctx,
				    const ProtobufCMessageDescriptor *type, enum rest_style style)
{
	const ProtobufCFieldDescriptor *f = rows_field(type);
	auto_free char *text = spec_text(p, ctx, NULL);
	auto_strv items = STRV_INIT;
	ProtobufCMessage *m;

	if (!text)
		return NULL;
	m = spec_message_new(type);
	strv_split(&items, text, ';');
	for (size_t i = 0; i < items.n; i++)
		spec_append(spec_member(m, f), (size_t *)((char *)m + f->quantifier_offset),
			    new_row(f->descriptor, style, items.v[i]));
	return m;
}

/* ---- bind: source target flags ---- */

static ProtobufCMessage *dump_bind(const struct prop *p, const struct prop_ctx *ctx)
{
	return dump_table(p, ctx, &porto__tcontainer_bind_mounts__descriptor, REST_FLAGS);
}

const struct spec_codec spec_codec_bind = {
	.type = &porto__tcontainer_bind_mounts__descriptor,
	.load = load_flags_table,
	.dump = dump_bind,
};

/* ---- mounts: type target [source] [options] ---- */

/* In the text a third word alone is options. */
static int mount_text(const Porto__TContainerMount *m, char **ret, struct error *err)
{
	auto_strv words = STRV_INIT, options = STRV_INIT;

	if (!m->type || !m->target)
		return error_set(err, ERR_INVALID_VALUE, "a mount has no %s",
				 m->type ? "target" : "type");
	strv_add(&words, m->type);
	strv_add(&words, m->target);
	if (m->source)
		strv_add(&words, m->source);
	for (size_t i = 0; i < m->n_option; i++)
		strv_add(&options, m->option[i]);
	if (m->source && !options.n)
		strv_add(&options, "defaults");
	if (options.n)
		strv_add_take(&words, strv_join(&options, ','));
	return row_text(&words, ret, err);
}

static int load_mounts(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
		       struct error *err)
{
	const Porto__TContainerMounts *m = arg;
	auto_strv items = STRV_INIT;
	char *text;

	for (size_t i = 0; i < m->n_mount; i++) {
		if (mount_text(m->mount[i], &text, err))
			return -1;
		strv_add_take(&items, text);
	}
	return write_items(p, ctx, &items, err);
}

static ProtobufCMessage *mount_row(const char *item)
{
	Porto__TContainerMount *m = spec_message_new(&porto__tcontainer_mount__descriptor);
	auto_strv words = STRV_INIT, options = STRV_INIT;

	strv_split(&words, item, ' ');
	m->type = xstrdup(words.n > 0 ? words.v[0] : NULL);
	m->target = xstrdup(words.n > 1 ? words.v[1] : NULL);
	m->source = xstrdup(words.n > 3 ? words.v[2] : NULL);
	if (words.n > 2)
		strv_split(&options, words.v[words.n - 1], ',');
	for (size_t i = 0; i < options.n; i++)
		spec_append(&m->option, &m->n_option, xstrdup(options.v[i]));
	return &m->base;
}

static ProtobufCMessage *dump_mounts(const struct prop *p, const struct prop_ctx *ctx)
{
	auto_free char *text = spec_text(p, ctx, NULL);
	Porto__TContainerMounts *m;
	auto_strv items = STRV_INIT;

	if (!text)
		return NULL;
	m = spec_message_new(&porto__tcontainer_mounts__descriptor);
	strv_split(&items, text, ';');
	for (size_t i = 0; i < items.n; i++)
		spec_append(&m->mount, &m->n_mount, mount_row(items.v[i]));
	return &m->base;
}

const struct spec_codec spec_codec_mounts = {
	.type = &porto__tcontainer_mounts__descriptor,
	.load = load_mounts,
	.dump = dump_mounts,
};

/* ---- devices: device access path mode user group ---- */

static bool same_device(const char *a, const char *b)
{
	size_t n = strcspn(a, " ");

	return n == strcspn(b, " ") && !memcmp(a, b, n);
}

/* Rows of the same device are replaced. */
static void keep_other_devices(const struct prop *p, const struct prop_ctx *ctx,
			       const struct strv *new, struct strv *ret)
{
	auto_free char *text = spec_own_text(p, ctx);
	auto_strv old = STRV_INIT;

	strv_split(&old, text, ';');
	for (size_t i = 0; i < old.n; i++) {
		bool found = false;

		for (size_t k = 0; k < new->n && !found; k++)
			found = same_device(old.v[i], new->v[k]);
		if (!found)
			strv_add(ret, old.v[i]);
	}
}

/* The path inside may be left out although a mode follows. */
static int read_device(const Porto__TContainerDevice *d, char **ret, struct error *err)
{
	Porto__TContainerDevice full = *d;
	auto_strv words = STRV_INIT;

	if (!full.path && (full.mode || full.user || full.group))
		full.path = full.device;
	if (read_row(&full.base, REST_WORDS, &words, err))
		return -1;
	return row_text(&words, ret, err);
}

static int load_devices(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
			struct error *err)
{
	const Porto__TContainerDevices *m = arg;
	auto_strv new = STRV_INIT, items = STRV_INIT;

	for (size_t i = 0; i < m->n_device; i++) {
		char *text;

		if (read_device(m->device[i], &text, err))
			return -1;
		strv_add_take(&new, text);
	}
	if (m->has_merge && m->merge)
		keep_other_devices(p, ctx, &new, &items);
	for (size_t i = 0; i < new.n; i++)
		strv_add(&items, new.v[i]);
	return write_items(p, ctx, &items, err);
}

static ProtobufCMessage *dump_devices(const struct prop *p, const struct prop_ctx *ctx)
{
	return dump_table(p, ctx, &porto__tcontainer_devices__descriptor, REST_WORDS);
}

const struct spec_codec spec_codec_devices = {
	.type = &porto__tcontainer_devices__descriptor,
	.load = load_devices,
	.dump = dump_devices,
};

/* ---- place: `/path` or `alias=/path` ---- */

static int load_place(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
		      struct error *err)
{
	const Porto__TContainerPlaceConfig *m = arg;
	auto_strv items = STRV_INIT;

	for (size_t i = 0; i < m->n_cfg; i++) {
		const Porto__TContainerPlace *c = m->cfg[i];

		if (str_is_empty(c->place))
			return error_set(err, ERR_INVALID_VALUE, "an entry has no place");
		if (c->alias && (!*c->alias || strchr(c->alias, '=')))
			return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no alias", c->alias);
		strv_add_take(&items, c->alias ? xasprintf("%s=%s", c->alias, c->place)
					       : xstrdup(c->place));
	}
	return write_items(p, ctx, &items, err);
}

static ProtobufCMessage *dump_place(const struct prop *p, const struct prop_ctx *ctx)
{
	auto_free char *text = spec_text(p, ctx, NULL);
	Porto__TContainerPlaceConfig *m;
	auto_strv items = STRV_INIT;

	if (!text)
		return NULL;
	m = spec_message_new(&porto__tcontainer_place_config__descriptor);
	strv_split(&items, text, ';');
	for (size_t i = 0; i < items.n; i++) {
		Porto__TContainerPlace *c = spec_message_new(&porto__tcontainer_place__descriptor);
		const char *item = items.v[i], *eq = *item == '/' ? NULL : strchr(item, '=');

		c->alias = eq ? xstrndup(item, (size_t)(eq - item)) : NULL;
		c->place = xstrdup(eq ? eq + 1 : item);
		spec_append(&m->cfg, &m->n_cfg, c);
	}
	return &m->base;
}

const struct spec_codec spec_codec_place = {
	.type = &porto__tcontainer_place_config__descriptor,
	.load = load_place,
	.dump = dump_place,
};

/* ---- network ---- */

static ProtobufCMessage *dump_net(const struct prop *p, const struct prop_ctx *ctx)
{
	ProtobufCMessage *base = dump_table(p, ctx, &porto__tcontainer_net_config__descriptor,
					    REST_WORDS);
	Porto__TContainerNetConfig *m = (void *)base;

	if (!m)
		return NULL;
	m->has_inherited = true;
	for (size_t i = 0; i < m->n_cfg; i++) {
		if (!strcmp(m->cfg[i]->opt, "inherited") || !strcmp(m->cfg[i]->opt, "host"))
			m->inherited = true;
	}
	return base;
}

const struct spec_codec spec_codec_net = {
	.type = &porto__tcontainer_net_config__descriptor,
	.load = load_words_table,
	.dump = dump_net,
};

static ProtobufCMessage *dump_ip(const struct prop *p, const struct prop_ctx *ctx)
{
	return dump_table(p, ctx, &porto__tcontainer_ip_config__descriptor, REST_WORDS);
}

const struct spec_codec spec_codec_ip = {
	.type = &porto__tcontainer_ip_config__descriptor,
	.load = load_words_table,
	.dump = dump_ip,
};

/* `any`, `none`, or addresses. */
static int load_ip_limit(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
			 struct error *err)
{
	const Porto__TContainerIpLimit *m = arg;
	const char *policy = !str_is_empty(m->policy) ? m->policy : m->n_ip ? "some" : "any";
	auto_strv items = STRV_INIT;
	bool some = !strcmp(policy, "some");

	if (!some && strcmp(policy, "any") != 0 && strcmp(policy, "none") != 0)
		return error_set(err, ERR_INVALID_VALUE,
				 "policy '%.100s' is none of any, none, some", policy);
	if (some != (m->n_ip > 0))
		return error_set(err, ERR_INVALID_VALUE, "policy '%s' with %zu addresses", policy,
				 m->n_ip);
	for (size_t i = 0; i < m->n_ip; i++)
		strv_add(&items, m->ip[i]);
	return some ? write_items(p, ctx, &items, err) : prop_parse(p, ctx, NULL, policy, err);
}

static ProtobufCMessage *dump_ip_limit(const struct prop *p, const struct prop_ctx *ctx)
{
	auto_free char *text = spec_text(p, ctx, NULL);
	Porto__TContainerIpLimit *m;
	auto_strv items = STRV_INIT;

	if (!text)
		return NULL;
	m = spec_message_new(&porto__tcontainer_ip_limit__descriptor);
	if (!*text || !strcmp(text, "any") || !strcmp(text, "none")) {
		m->policy = xstrdup(*text ? text : "any");
		return &m->base;
	}
	m->policy = xstrdup("some");
	strv_split(&items, text, ';');
	for (size_t i = 0; i < items.n; i++)
		spec_append(&m->ip, &m->n_ip, xstrdup(items.v[i]));
	return &m->base;
}

const struct spec_codec spec_codec_ip_limit = {
	.type = &porto__tcontainer_ip_limit__descriptor,
	.load = load_ip_limit,
	.dump = dump_ip_limit,
};

/* ---- volumes it uses: `path [target] [ro] [!]` ---- */

static void tell_link(Porto__TContainerVolumeLink *l, const char *item)
{
	auto_strv words = STRV_INIT;

	strv_split(&words, item, ' ');
	l->has_required = l->has_read_only = true;
	for (size_t i = 0; i < words.n; i++) {
		if (i == 0)
			l->volume = xstrdup(words.v[i]);
		else if (!strcmp(words.v[i], "!"))
			l->required = true;
		else if (!strcmp(words.v[i], "ro"))
			l->read_only = true;
		else if (!l->target)
			l->target = xstrdup(words.v[i]);
	}
}

static ProtobufCMessage *dump_links(const struct prop *p, const struct prop_ctx *ctx)
{
	auto_free char *text = spec_text(p, ctx, NULL);
	Porto__TContainerVolumeLinks *m;
	auto_strv items = STRV_INIT;

	if (!text)
		return NULL;
	m = spec_message_new(&porto__tcontainer_volume_links__descriptor);
	strv_split(&items, text, ';');
	for (size_t i = 0; i < items.n; i++) {
		Porto__TContainerVolumeLink *l =
			spec_message_new(&porto__tcontainer_volume_link__descriptor);

		tell_link(l, items.v[i]);
		spec_append(&m->link, &m->n_link, l);
	}
	return &m->base;
}

const struct spec_codec spec_codec_volume_links = {
	.type = &porto__tcontainer_volume_links__descriptor,
	.dump = dump_links,
};
