/* SPDX-License-Identifier: Apache-2.0 */
/* Row: storage places. */
#include "props/place.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/xalloc.h"
#include "props/rows.h"

#define DEFAULT_PLACE "/place"

static const char any[] = "***";

/* Behind `name=`. */
static const char *path_of(const char *entry)
{
	const char *eq = strchr(entry, '=');

	return eq && *entry != '/' ? eq + 1 : entry;
}

/* ---- what holds ---- */

void place_policy(const struct prop_env *env, const struct container *ct, struct strv *ret)
{
	for (; ct && !container_is_root(ct); ct = ct->parent) {
		if (!row_is_set(ct, &row_place))
			continue;
		for (size_t i = 0; i < ct->spec.place.n; i++)
			strv_add(ret, ct->spec.place.v[i]);
		return;
	}
	strv_add(ret, env->place ? env->place : DEFAULT_PLACE);
	strv_add(ret, any);
}

/* ---- what may be given away ---- */

/* Everything that `path`, a mask perhaps, can mean must be among what `mask` can mean. */
static bool covers(const char *mask, const char *path)
{
	size_t literal = strcspn(path, "*?[\\"), prefix = strlen(mask);

	if (!strcmp(mask, path) || !strcmp(mask, any))
		return true;
	if (!mask_is_pattern(path))
		return mask_match(mask, path);
	/* Masks against masks: only a whole tree is known to have all of them. */
	if (!str_has_suffix(mask, any))
		return false;
	prefix -= strlen(any);
	return strcspn(mask, "*?[\\") == prefix && literal >= prefix &&
	       !strncmp(mask, path, prefix);
}

static bool is_covered(const struct strv *parent, const char *entry)
{
	for (size_t i = 0; i < parent->n; i++) {
		if (covers(path_of(parent->v[i]), path_of(entry)))
			return true;
	}
	return false;
}

int place_check(const struct strv *parent, const struct strv *own, struct error *err)
{
	for (size_t i = 0; i < own->n; i++) {
		if (!is_covered(parent, own->v[i]))
			return error_set(err, ERR_PERMISSION,
					 "place '%.200s' is not among those of the parent",
					 own->v[i]);
	}
	return 0;
}

int place_check_container(const struct prop_env *env, const struct container *ct, struct error *err)
{
	auto_strv parent = STRV_INIT;

	if (!row_is_set(ct, &row_place))
		return 0;
	place_policy(env, ct->parent, &parent);
	return place_check(&parent, &ct->spec.place, err);
}

/* ---- the row ---- */

static int check_name(const char *entry, struct error *err)
{
	size_t n = (size_t)(path_of(entry) - entry);

	/* With the `=`. */
	if (n == 1 || memchr(entry, '/', n) || memchr(entry, '*', n))
		return error_set(err, ERR_INVALID_VALUE, "'%.200s': its name is empty or a path",
				 entry);
	return 0;
}

static int check_entry(const char *entry, struct error *err)
{
	const char *path = path_of(entry), *wild = strstr(path, any);
	auto_free char *dir = NULL;
	size_t n;

	if (strlen(path) >= PATH_MAX)
		return error_set(err, ERR_INVALID_VALUE, "place '%.40s…' is too long", path);
	if (check_name(entry, err))
		return -1;
	if (wild && wild[strlen(any)])
		return error_set(err, ERR_PERMISSION, "'%.200s': '***' is possible at the end only",
				 entry);
	if (!strcmp(path, any))
		return 0;
	n = wild ? (size_t)(wild - path) : strlen(path);
	n -= wild && n > 1 && path[n - 1] == '/';
	dir = xstrndup(path, n);
	if (!path_is_normal(dir) || path_is_system(dir))
		return error_set(
			err, ERR_INVALID_PATH,
			"'%.200s' is not an absolute path without '.' and '..', or it is a "
			"directory of the system",
			entry);
	return 0;
}

CHECKER(check_place)
{
	const struct strv *own = &ctx->ct->spec.place;
	auto_strv parent = STRV_INIT;

	(void)p;
	for (size_t i = 0; i < own->n; i++) {
		if (check_entry(own->v[i], err))
			return -1;
	}
	place_policy(ctx->env, ctx->ct->parent, &parent);
	return place_check(&parent, own, err);
}

GETTER(get_place)
{
	auto_strv policy = STRV_INIT;
	auto_free char *text = NULL;

	(void)p, (void)index, (void)err;
	place_policy(ctx->env, ctx->ct, &policy);
	text = strv_join(&policy, ';');
	buf_adds(out, text);
	return 0;
}

const struct prop row_place = {
	.name = "place",
	.row = ROW_place,
	.desc = "storage places allowed",
	.doc = "*place*\\ **;** ... Where volumes, layers and storages of the container, and of those\n"
	       "below, may be; the first is the default. Each is an absolute path, which may be a\n"
	       "mask (**/ssd/\\*\\*\\***: the whole tree), or *name*\\ **=**\\ */path*, which\n"
	       "clients inside call by its name, or **\\*\\*\\***, any. Empty: none. Unless it is set\n"
	       "the parent's holds; of the root container it is the daemon's place and any. What is\n"
	       "not among the parent's, masks included, is Permission, when it is set and at start;\n"
	       "directories of the system are InvalidPath.",
	.type = &type_list,
	.offset = FIELD(place),
	.check = check_place,
	.get = get_place,
};
