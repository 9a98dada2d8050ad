/* SPDX-License-Identifier: Apache-2.0 */
/* Row: where each kind of namespace comes from. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "props/nswish.h"
#include "props/refer.h"
#include "props/rows.h"

/* The prefix of "container NAME" and "path PATH", with the blank. */
static const char word_container[] = "container ", word_path[] = "path ";

static bool is_kind(const char *name)
{
	for (int kind = 0; kind < _NS_COUNT; kind++) {
		if (!strcmp(ns_name((enum ns_kind)kind), name))
			return true;
	}
	return false;
}

static int check_path(const struct prop_ctx *ctx, const char *path, struct error *err)
{
	if (*path != '/' || strlen(path) >= PATH_MAX)
		return error_set(err, ERR_INVALID_VALUE, "'%.200s' is no absolute path", path);
	return client_may_name_namespaces(ctx->client)
		       ? 0
		       : error_set(err, ERR_PERMISSION,
				   "only a superuser on the host can give a path, '%.200s'", path);
}

/* The client's text for one kind to its stored form. New string. */
static int parse_wish(const struct prop_ctx *ctx, const char *text, char **ret, struct error *err)
{
	char *name;

	if (!strcmp(text, "new") || !strcmp(text, "inherit")) {
		*ret = xstrdup(text);
		return 0;
	}
	if (str_has_prefix(text, word_container)) {
		auto_free char *given = str_trim(text + strlen(word_container));

		if (refer_parse(ctx->client, given, &name, err))
			return -1;
		*ret = xasprintf("%s%s", word_container, name);
		free(name);
		return 0;
	}
	if (str_has_prefix(text, word_path)) {
		auto_free char *path = str_trim(text + strlen(word_path));

		if (check_path(ctx, path, err))
			return -1;
		*ret = xasprintf("%s%s", word_path, path);
		return 0;
	}
	return error_set(err, ERR_INVALID_VALUE,
			 "'%.100s' is none of new, inherit, container NAME, path PATH", text);
}

static int put_wish(const struct prop_ctx *ctx, const char *kind, const char *text,
		    struct smap *map, struct error *err)
{
	auto_free char *value = NULL;

	if (!is_kind(kind))
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' is none of pid, ipc, uts, mnt, net, user, cgroup", kind);
	if (parse_wish(ctx, text, &value, err))
		return -1;
	smap_set(map, kind, value);
	return 0;
}

static int parse_map(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		     void *field, struct error *err)
{
	auto_smap given = SMAP_INIT;

	(void)p;
	if (smap_parse(&given, text) < 0)
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' is not a list like 'pid: new; ipc: inherit'", text);
	smap_deinit(field);
	for (size_t i = 0; i < given.n; i++) {
		if (put_wish(ctx, given.e[i].key, given.e[i].val, field, err))
			return -1;
	}
	return 0;
}

/* As the client could write it. New string. */
static char *show_wish(const struct prop_ctx *ctx, const char *value)
{
	auto_free char *name = NULL;

	if (!str_has_prefix(value, word_container))
		return xstrdup(value);
	name = refer_format(ctx->client, value + strlen(word_container));
	return xasprintf("%s%s", word_container, name);
}

static void format_map(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		       struct buf *out)
{
	const struct smap *map = field;
	auto_smap shown = SMAP_INIT;
	auto_free char *text = NULL;

	(void)p;
	for (size_t i = 0; i < map->n; i++) {
		auto_free char *value = show_wish(ctx, map->e[i].val);

		smap_set(&shown, map->e[i].key, value);
	}
	text = smap_format(&shown);
	buf_adds(out, text);
}

static int get_kind(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		    const char *index, struct buf *out, struct error *err)
{
	const char *value = smap_get(field, index);
	auto_free char *shown = NULL;

	(void)p;
	if (!is_kind(index))
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no kind of namespace", index);
	if (value)
		shown = show_wish(ctx, value);
	buf_adds(out, shown ? shown : "");
	return 0;
}

/* An empty value takes it back. */
static int set_kind(const struct prop *p, const struct prop_ctx *ctx, void *field,
		    const char *index, const char *value, struct error *err)
{
	(void)p;
	if (*value || !is_kind(index))
		return put_wish(ctx, index, value, field, err);
	smap_del(field, index);
	return 0;
}

static const struct prop_type type_namespaces = {
	.name = "map of namespaces",
	.parse = parse_map,
	.format = format_map,
	.save = type_save_map,
	.load = type_load_map,
	.get_index = get_kind,
	.set_index = set_kind,
};

const struct prop row_namespaces = {
	.name = "namespaces",
	.row = ROW_namespaces,
	.desc = "where each kind of namespace comes from",
	.doc = "A map: *kind*\\ **:** *from*\\ **;** ... with the kinds **pid ipc uts mnt net user\n"
	       "cgroup**, see **namespaces**\\ (7), each set by **namespaces[**\\ *kind*\\ **]**, too; an\n"
	       "empty value there takes it back. It wins over what *isolate*, *hostname*, *net* and\n"
	       "others would choose for that kind. **new**: a new one. **inherit**: that of the\n"
	       "nearest container above that has a process. **container** *name*: that of another\n"
	       "container, which must have a process, and which the client who starts must control\n"
	       "(else InvalidValue, Permission). **path** */proc/1/ns/ipc*: one that is bound there,\n"
	       "for superusers on the host only (else Permission); the path is looked up at start\n"
	       "as the client who starts sees it, and at a respawn as the container above does.\n"
	       "Without *mnt*\\ **: new** nothing here makes a mount namespace; with **mnt:\n"
	       "inherit** also *isolate* and the first level do not, and properties that need one\n"
	       "answer InvalidValue at start. A pid namespace can be joined if it is the daemon's\n"
	       "or one below it. With a namespace of its own, or one of somebody else, a container\n"
	       "without a command has a process that holds it. Default empty. Beyond Porto.",
	.type = &type_namespaces,
	.offset = FIELD(namespaces),
	.flags = PROP_INDEXED,
};
