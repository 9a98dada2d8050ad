/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: user namespaces, their ids, and what goes with them. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "kernel/caps.h"
#include "model/userns.h"
#include "props/caps_bound.h"
#include "props/rows.h"

/* ---- id maps ---- */

#define KERNEL_MAP_MAX 4095 /* the kernel takes one page, less a byte */

static int load_map(const struct prop *p, const char *text, void *field, struct error *err)
{
	struct idmap map = IDMAP_INIT;
	int r = idmap_parse(text ? text : "", &map);

	(void)p;
	switch (r) {
	case 0:
		idmap_deinit(field);
		*(struct idmap *)field = map;
		return 0;
	case -EEXIST:
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' has ranges that overlap", text);
	case -ERANGE:
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' has ids of more than 32 bit",
				 text);
	case -E2BIG:
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' has more than %d ranges", text,
				 IDMAP_MAX);
	default:
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' is not a list of 'inside outside count'", text);
	}
}

static int parse_map(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		     void *field, struct error *err)
{
	(void)ctx;
	return load_map(p, text, field, err);
}

static void format_map(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		       struct buf *out)
{
	auto_free char *text = idmap_format(field, "; ");

	(void)p, (void)ctx;
	buf_adds(out, text);
}

static char *save_map(const struct prop *p, const void *field)
{
	(void)p;
	return idmap_format(field, "; ");
}

static const struct prop_type type_idmap = {
	.name = "id map",
	.parse = parse_map,
	.format = format_map,
	.save = save_map,
	.load = load_map,
};

static bool is_owners(const struct cred *owner, bool gids, uint32_t id)
{
	return gids ? cred_in_group(owner, id) : id == owner->uid;
}

/* An ordinary user gives away what is its own. */
static int check_map_ids(const struct prop_ctx *ctx, bool gids, const struct idmap *map,
			 struct error *err)
{
	struct cred owner = { .uid = ctx->ct->spec.owner_cred.uid,
			      .gid = ctx->ct->spec.owner_cred.gid };
	uint32_t bad = 0;
	bool ok = true;

	if (client_is_superuser(ctx->client))
		return 0;
	cred_load_groups(&owner);
	for (size_t i = 0; ok && i < map->n; i++)
		/* More than a few cannot be its own; then one of the first is not. */
		for (uint32_t k = 0; ok && k < map->v[i].count; k++) {
			bad = map->v[i].outside + k;
			ok = is_owners(&owner, gids, bad);
		}
	cred_deinit(&owner);
	if (ok)
		return 0;
	return error_set(err, ERR_PERMISSION,
			 "only a superuser can map %s %u, which is not the owner's",
			 gids ? "group" : "user", bad);
}

CHECKER(check_map)
{
	bool gids = p == &row_gid_map;
	const struct idmap *map = gids ? &ctx->ct->spec.gid_map : &ctx->ct->spec.uid_map;
	auto_free char *text = idmap_format(map, "\n");

	if (strlen(text) > KERNEL_MAP_MAX)
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' and so on is longer than the kernel takes", text);
	return check_map_ids(ctx, gids, map, err);
}

const struct prop row_uid_map = {
	.name = "uid_map",
	.row = ROW_uid_map,
	.desc = "user ids inside and outside of its user namespace",
	.doc = "With *userns*: ranges **inside outside count**, separated by **;**, for example\n"
	       "**0 100000 65536**. Outside ids are the host's, of 32 bit; ranges may not\n"
	       "overlap on either side, at most 340 of them and 4095 bytes. *user* is an\n"
	       "outside id, too, and must be in it; root means the one that is 0 inside.\n"
	       "Below a container with *userns* only ids of that one, InvalidValue at start\n"
	       "otherwise. Ordinary users can map the owner's id only, Permission. Empty, the\n"
	       "default: see *userns*. The files of *root* keep their owners.",
	.type = &type_idmap,
	.offset = FIELD(uid_map),
	.check = check_map,
};

const struct prop row_gid_map = {
	.name = "gid_map",
	.row = ROW_gid_map,
	.desc = "group ids inside and outside of its user namespace",
	.doc = "As *uid_map*, for groups; ordinary users can map those of the owner.",
	.type = &type_idmap,
	.offset = FIELD(gid_map),
	.check = check_map,
};

/* ---- the namespace ---- */

static bool userns_supported(const struct prop_env *env)
{
	(void)env;
	return access("/proc/self/ns/user", F_OK) == 0;
}

/* What counted in a user namespace only must not begin to count on the host. */
CHECKER(check_userns)
{
	const struct container_spec *s = &ctx->ct->spec;
	uint64_t named = s->capabilities_ambient |
			 (row_is_set(ctx->ct, &row_capabilities) ? s->capabilities : 0);
	uint64_t extra = named & ~caps_grantable(ctx->ct->parent);
	auto_free char *names = NULL;

	(void)p;
	if (userns_of(ctx->ct) || !extra || client_is_superuser(ctx->client))
		return 0;
	names = caps_format(extra);
	return error_set(err, ERR_PERMISSION,
			 "capabilities or capabilities_ambient have %s, which without a user "
			 "namespace only a superuser can grant",
			 names);
}

const struct prop row_userns = {
	.name = "userns",
	.row = ROW_userns,
	.desc = "own user namespace",
	.doc = "The command runs as *user* and *group*, and is root inside; all other ids are\n"
	       "the same inside and outside, but for root of the host, which has none. On the\n"
	       "host's root directory, with an owner that is not root, no other id has a\n"
	       "meaning inside. *uid_map* and *gid_map* replace that. It has a cgroup namespace, too.\n"
	       "New network, uts and ipc namespaces belong to it, so do mount namespaces with\n"
	       "*unshare_on_exec* and *virt_mode* os. Without *capabilities* the command has those of a root owner;\n"
	       "they count inside. Containers below are in it, too: root as their *user* is\n"
	       "root inside. Clients inside are never superuser; those of a root owner rule\n"
	       "what is below this container. Not with *virt_mode* host and job, InvalidValue\n"
	       "at start. Default false; *enable_fuse* sets it. See\n"
	       "**user_namespaces**\\ (7).",
	.type = &type_bool,
	.offset = FIELD(userns),
	.check = check_userns,
	.supported = userns_supported,
};

CHECKER(check_fuse)
{
	(void)p;
	if (ctx->ct->spec.enable_fuse && !ctx->env->enable_fuse)
		return error_set(err, ERR_INVALID_VALUE,
				 "the configuration has daemon.enable_fuse: false");
	if (!ctx->ct->spec.enable_fuse || row_is_set(ctx->ct, &row_userns))
		return 0;
	ctx->ct->spec.userns = ctx->ct->spec.unshare_on_exec = true;
	container_mark_set(ctx->ct, ROW_userns, true);
	container_mark_set(ctx->ct, ROW_unshare_on_exec, true);
	return 0;
}

const struct prop row_enable_fuse = {
	.name = "enable_fuse",
	.row = ROW_enable_fuse,
	.desc = "file systems in user space",
	.doc = "The device /dev/fuse, to be read and written. **true** sets *userns* and\n"
	       "*unshare_on_exec*, unless *userns* was set before: then root inside can mount.\n"
	       "If processes do not die because they wait for such a file system, its\n"
	       "connection is aborted when the container is killed. InvalidValue with\n"
	       "**daemon.enable_fuse: false**. Default false. See **fuse**\\ (4).",
	.type = &type_bool,
	.offset = FIELD(enable_fuse),
	.also = { &row_userns, &row_unshare_on_exec },
	.check = check_fuse,
};

const struct prop row_unshare_on_exec = {
	.name = "unshare_on_exec",
	.row = ROW_unshare_on_exec,
	.desc = "one more mount namespace, made right before the command",
	.doc = "Mounts from outside come in, those made inside stay. With *userns* it belongs\n"
	       "to the user namespace: root inside can mount, but not take off what was\n"
	       "mounted for it. Default false.",
	.type = &type_bool,
	.offset = FIELD(unshare_on_exec),
};
