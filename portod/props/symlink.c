/* SPDX-License-Identifier: Apache-2.0 */
/* Row: symbolic links that are kept inside of the container's root. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/xalloc.h"
#include "props/rows.h"

/* Different names of the same link are one. Relative ones stay so: the working directory they
 * start from may change until the start. */
static void set_link(struct smap *map, const char *link, const char *target)
{
	auto_free char *key = path_normalize(link);

	if (*target)
		smap_set(map, key, target);
	else
		smap_del(map, key);
}

SETTER(set_symlink)
{
	struct smap *map = &ctx->ct->spec.symlink;
	auto_smap pairs = SMAP_INIT;

	if (index) {
		set_link(map, index, value);
		return 0;
	}
	if (type_map.parse(p, ctx, value, &pairs, err))
		return -1;
	smap_deinit(map);
	for (size_t i = 0; i < pairs.n; i++)
		set_link(map, pairs.e[i].key, pairs.e[i].val);
	return 0;
}

static int check_path(const char *what, const char *path, struct error *err)
{
	if (strlen(path) >= PATH_MAX)
		return error_set(err, ERR_INVALID_VALUE, "%s '%.40s…' is too long", what, path);
	return 0;
}

CHECKER(check_symlink)
{
	const struct smap *map = &ctx->ct->spec.symlink;

	(void)p;
	for (size_t i = 0; i < map->n; i++) {
		const char *link = map->e[i].key, *name = path_basename(link);

		if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
			return error_set(err, ERR_INVALID_VALUE,
					 "'%.200s: %.200s': the first cannot be a link", link,
					 map->e[i].val);
		if (check_path("link", link, err) || check_path("target", map->e[i].val, err))
			return -1;
	}
	return 0;
}

GETTER(get_symlink)
{
	const struct smap *map = &ctx->ct->spec.symlink;
	auto_free char *key = index ? path_normalize(index) : NULL, *text = NULL;

	(void)p;
	if (index && !smap_get(map, key))
		return error_set(err, ERR_NO_VALUE, "there is no link '%.200s'", index);
	if (index) {
		buf_adds(out, smap_get(map, key));
		return 0;
	}
	text = smap_format(map);
	buf_adds(out, text);
	/* Porto ends each item, the last one, too. */
	if (*text)
		buf_adds(out, "; ");
	return 0;
}

const struct prop row_symlink = {
	.name = "symlink",
	.row = ROW_symlink,
	.desc = "symbolic links inside: link: target; …",
	.doc = "*link*\\ **:** *target*\\ **;** ... Made at start, and in a running container at\n"
	       "once; **symlink[**\\ *link*\\ **]** is one of them, an empty target removes it. What\n"
	       "the text does not name any more is removed. Both are paths inside, relative ones\n"
	       "from *cwd*. Missing directories are made (0775). A link that exists is replaced in\n"
	       "one step; any other file in the way is InvalidValue. The text of the link itself is\n"
	       "relative. On the host's root directory they are made with the rights of *user*, in\n"
	       "a *root* of its own with those of its root, which the owner must be able to write:\n"
	       "Permission. A change that fails changes nothing.",
	.type = &type_map,
	.flags = PROP_DYNAMIC | PROP_INDEX_GET | PROP_INDEX_SET | PROP_SLOW,
	.offset = FIELD(symlink),
	.group = APPLY_SYMLINK,
	.set = set_symlink,
	.check = check_symlink,
	.get = get_symlink,
};
