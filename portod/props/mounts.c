/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: what is mounted in a container, and what of it is hidden or read-only. */
#include "props/mounts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/xalloc.h"
#include "kernel/layout.h"
#include "props/bind.h"
#include "props/mount.h"
#include "props/rows.h"

/* Each item of `text` in its stored form. */
static int parse_items(const struct prop_ctx *ctx, const char *text,
		       int (*normalize)(const char *item, uid_t owner, char **ret,
					struct error *err),
		       struct strv *field, struct error *err)
{
	auto_strv items = STRV_INIT;

	strv_split(&items, text, ';');
	strv_deinit(field);
	for (size_t i = 0; i < items.n; i++) {
		char *row;

		if (normalize(items.v[i], ctx->ct->spec.owner_cred.uid, &row, err))
			return -1;
		strv_add_take(field, row);
	}
	return 0;
}

SETTER(set_bind)
{
	(void)p, (void)index;
	return parse_items(ctx, value, bind_normalize, &ctx->ct->spec.bind, err);
}

const struct prop row_bind = {
	.name = "bind",
	.row = ROW_bind,
	.desc = "directories and files of the parent: source target [flags]; …",
	.doc = "*source* *target* [*flag*\\ **,**...]\\ **;** ... The source is a path of the\n"
	       "parent, the target one inside; relative ones start at the *cwd* of each. A missing\n"
	       "target is made like the source. Flags, which are put on what is mounted below the\n"
	       "source, too, if **rec** brings it along: **ro**, **rw**, **rec**, **dev**,\n"
	       "**nodev**, **suid**, **nosuid**, **exec**, **noexec**, **noatime**,\n"
	       "**nodiratime**, **relatime**. But **ro** is about the source's own mount, and\n"
	       "**rro** about all (for an owner other than root both are). Without **dev** devices\n"
	       "do not work. Propagation, see **mount_namespaces**\\(7): **private**, **slave**,\n"
	       "**shared**, **unbindable**, each with **r** in front for all that is below. By\n"
	       "default later mounts of the host come in, and none goes out. With **shared** they\n"
	       "go out, too; the source must be on a shared mount.\n"
	       "\n"
	       "The source is opened with the owner's rights: it must be readable, and writable\n"
	       "without **ro**; the target must be writable, on the host's root and in system\n"
	       "directories such as /etc. **dev** and **shared** are for containers of root; what\n"
	       "is in /proc and /sys is for **ro**; a source may not lead through links such as\n"
	       "/proc/PID/root, unless the owner is root: Permission. A missing source, a path\n"
	       "that leads nowhere or to a mount of another mount namespace: InvalidPath, at\n"
	       "start.",
	.type = &type_list,
	.offset = FIELD(bind),
	.set = set_bind,
};

SETTER(set_mounts)
{
	(void)p, (void)index;
	return parse_items(ctx, value, mount_normalize, &ctx->ct->spec.mounts, err);
}

const struct prop row_mounts = {
	.name = "mounts",
	.row = ROW_mounts,
	.desc = "more file systems to mount inside: type target [source] [options]; …",
	.doc = "*type* *target* [*source*] [*option*\\ **,**...]\\ **;** ... A third word alone is\n"
	       "options. The target is made if missing, with the owner's rights, as of *bind*. Where\n"
	       "it lies on the target of a *bind* it is mounted after that, else before. Types:\n"
	       "**tmpfs** (**size**, **nr_inodes**, **mode**, **uid**, **gid**), **mqueue**,\n"
	       "**devpts**, a new instance (**uid**, **gid**, **mode**, **ptmxmode**, **max**), and\n"
	       "for containers of root **proc** and **sysfs**, read-only. All take **ro**, **rw**,\n"
	       "**nosuid**, **nodev**, **noexec**, **exec**, **noatime**, **nodiratime**,\n"
	       "**relatime**, **strictatime**, **defaults**. tmpfs has **nosuid** and **nodev**\n"
	       "unless a container of root says **suid** or **dev**. Anything else is\n"
	       "InvalidValue, what needs root Permission.",
	.type = &type_list,
	.offset = FIELD(mounts),
	.set = set_mounts,
};

const struct prop row_shm_size = {
	.name = "shm_size",
	.row = ROW_shm_size,
	.desc = "size of /dev/shm, bytes",
	.doc = "Bytes, with an optional unit. Gives the container a /dev/shm of its own of this\n"
	       "size. 0, the default: with a *root* of its own it shares the size of /run, which is\n"
	       "half of the memory limit, else it is the parent's.",
	.type = &type_size,
	.offset = FIELD(shm_size),
};

static const struct enum_word propagations[] = {
	{ "default", 0 },
	{ "private", BIND_PRIVATE },
	{ "rprivate", BIND_RPRIVATE },
	{ "slave", BIND_SLAVE },
	{ "rslave", BIND_RSLAVE },
	{ "shared", BIND_SHARED },
	{ "rshared", BIND_RSHARED },
	{ "unbindable", BIND_UNBINDABLE },
	{ "runbindable", BIND_RUNBINDABLE },
	{ NULL, 0 },
};

const struct prop row_root_propagation = {
	.name = "root_propagation",
	.row = ROW_root_propagation,
	.desc = "where mounts inside its root go",
	.doc = "**private**, **slave**, **shared**, **unbindable**, for the root's mount; with **r**\n"
	       "in front for all mounts inside. **default** is the same as **rshared**: mounts of\n"
	       "the host come in and go on to nested containers; nothing goes out to the host\n"
	       "(see *bind* for that). **slave**: they come in and go no further. **private**:\n"
	       "none comes in. See **mount_namespaces**\\(7).",
	.type = &type_enum,
	.offset = FIELD(root_propagation),
	.arg = propagations,
};

/* ---- protected paths ---- */

static const char default_word[] = "default";

static int parse_paths(const char *text, struct strv *field, struct error *err)
{
	auto_strv items = STRV_INIT;

	strv_split(&items, text, ';');
	strv_deinit(field);
	for (size_t i = 0; i < items.n; i++) {
		const char *path = items.v[i];

		if (strlen(path) >= PATH_MAX)
			return error_set(err, ERR_INVALID_VALUE, "path '%.40s…' is too long", path);
		if (strcmp(path, default_word) != 0 &&
		    (!path_is_normal(path) || !strcmp(path, "/")))
			return error_set(err, ERR_INVALID_VALUE,
					 "'%.200s' is not 'default' or an absolute path below / "
					 "without '.' and '..'",
					 path);
		if (!strv_has(field, path))
			strv_add(field, path);
	}
	return 0;
}

static void expand(const struct strv *field, void (*defaults)(struct strv *ret), struct strv *ret)
{
	if (strv_has(field, default_word))
		defaults(ret);
	for (size_t i = 0; i < field->n; i++) {
		if (strcmp(field->v[i], default_word) != 0 && !strv_has(ret, field->v[i]))
			strv_add(ret, field->v[i]);
	}
}

static int check_complete(const struct prop_ctx *ctx, const struct strv *field,
			  void (*defaults)(struct strv *ret), struct error *err)
{
	auto_strv all = STRV_INIT, now = STRV_INIT;

	if (client_is_superuser(ctx->client))
		return 0;
	defaults(&all);
	expand(field, defaults, &now);
	for (size_t i = 0; i < all.n; i++) {
		if (!strv_has(&now, all.v[i]))
			return error_set(err, ERR_PERMISSION,
					 "only a superuser can leave out '%s'; an item 'default' "
					 "stands for all of them",
					 all.v[i]);
	}
	return 0;
}

static void put_paths(const struct prop_ctx *ctx, const struct prop *p, const struct strv *field,
		      void (*defaults)(struct strv *ret), struct buf *out)
{
	auto_strv all = STRV_INIT;
	auto_free char *text = NULL;

	if (!row_is_set(ctx->ct, p))
		defaults(&all);
	text = strv_join(row_is_set(ctx->ct, p) ? field : &all, ';');
	buf_adds(out, text);
}

SETTER(set_masked_paths)
{
	struct strv *field = &ctx->ct->spec.masked_paths;

	(void)p, (void)index;
	return parse_paths(value, field, err);
}

CHECKER(check_masked_paths)
{
	(void)p;
	/* The start itself needs it until the very end. */
	if (strv_has(&ctx->ct->spec.masked_paths, "/proc"))
		return error_set(err, ERR_INVALID_VALUE,
				 "'/proc' cannot be hidden as a whole, only what is below it");
	return check_complete(ctx, &ctx->ct->spec.masked_paths, layout_default_masked, err);
}

GETTER(get_masked_paths)
{
	(void)index, (void)err;
	put_paths(ctx, p, &ctx->ct->spec.masked_paths, layout_default_masked, out);
	return 0;
}

const struct prop row_masked_paths = {
	.name = "masked_paths",
	.row = ROW_masked_paths,
	.desc = "what is hidden in /proc and /sys",
	.doc = "*path*\\ **;** ... Exactly these are hidden: a file looks empty, so does a\n"
	       "directory. An item **default** stands for the built-in ones, which are shown, and\n"
	       "hold, unless something is set; empty text: none. What does not exist is no error.\n"
	       "All of /proc is InvalidValue. Leaving out a built-in one is for superusers, covering\n"
	       "what is not below /proc and /sys for those who could write it: Permission.",
	.type = &type_list,
	.offset = FIELD(masked_paths),
	.set = set_masked_paths,
	.check = check_masked_paths,
	.get = get_masked_paths,
};

SETTER(set_readonly_paths)
{
	struct strv *field = &ctx->ct->spec.readonly_paths;

	(void)p, (void)index;
	return parse_paths(value, field, err);
}

CHECKER(check_readonly_paths)
{
	(void)p;
	return check_complete(ctx, &ctx->ct->spec.readonly_paths, layout_default_readonly, err);
}

GETTER(get_readonly_paths)
{
	(void)index, (void)err;
	put_paths(ctx, p, &ctx->ct->spec.readonly_paths, layout_default_readonly, out);
	return 0;
}

const struct prop row_readonly_paths = {
	.name = "readonly_paths",
	.row = ROW_readonly_paths,
	.desc = "what is read-only in /proc and /sys",
	.doc = "Like *masked_paths*: exactly these, with what is mounted below them, cannot be\n"
	       "written to.",
	.type = &type_list,
	.offset = FIELD(readonly_paths),
	.set = set_readonly_paths,
	.check = check_readonly_paths,
	.get = get_readonly_paths,
};

bool masked_paths_of(const struct container *ct, struct strv *ret)
{
	if (!row_is_set(ct, &row_masked_paths))
		return false;
	expand(&ct->spec.masked_paths, layout_default_masked, ret);
	return true;
}

bool readonly_paths_of(const struct container *ct, struct strv *ret)
{
	if (!row_is_set(ct, &row_readonly_paths))
		return false;
	expand(&ct->spec.readonly_paths, layout_default_readonly, ret);
	return true;
}
