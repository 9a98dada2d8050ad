/* SPDX-License-Identifier: Apache-2.0 */
/* Start description: the user namespace, and who is who in it. */
#include <string.h>

#include "model/userns.h"
#include "ops/compile.h"
#include "props/nswish.h"

/* The container whose user namespace it runs in: its own, one of those above, or, named by
 * `namespaces`, of somebody else. NULL = the host's, or one at a path, of which we know nothing. */
static const struct container *owner_of(const struct ops *ops, const struct container *ct)
{
	for (int hops = 0; ct && hops < CONTAINER_MAX_LEVEL * CONTAINER_MAX_LEVEL; hops++) {
		struct ns_wish wish = ns_wish_of(ct, NS_USER);

		if (userns_is_own(ct))
			return ct;
		if (wish.kind == NS_WISH_PATH)
			return NULL;
		ct = wish.kind == NS_WISH_CONTAINER ? tree_find(ops->tree, wish.arg) : ct->parent;
	}
	return NULL;
}

/* Of a new one, as the kernel wants it told: outside = ids of the namespace around it. */
static void compile_map(const struct container *ct, bool gids, struct idmap *ret)
{
	const struct container *outer = userns_of(ct->parent);
	auto_idmap map = IDMAP_INIT, around = IDMAP_INIT;

	userns_map(ct, gids, &map);
	if (outer) {
		userns_map(outer, gids, &around);
		idmap_within(&map, &around, ret);
		return;
	}
	idmap_copy(ret, &map);
}

static uint32_t inside_id(const struct container *owner, bool gids, uint32_t host)
{
	auto_idmap map = IDMAP_INIT;
	uint32_t id = 0;

	userns_map(owner, gids, &map);
	idmap_to_inside(&map, host, &id);
	return id;
}

/* Group of terminals inside. */
static gid_t tty_gid(const struct container *owner, gid_t otherwise)
{
	auto_idmap map = IDMAP_INIT;
	uint32_t id;

	userns_map(owner, true, &map);
	return idmap_to_outside(&map, LAYOUT_TTY_GID, &id) ? id : otherwise;
}

static void compile_ids(const struct container *owner, struct compiled *c)
{
	struct start_spec *spec = &c->spec;

	spec->root_uid = userns_root_uid(owner);
	spec->root_gid = userns_root_gid(owner);
	spec->inside_uid = inside_id(owner, false, spec->root_uid);
	spec->inside_gid = inside_id(owner, true, spec->root_gid);
	c->layout.root_uid = spec->root_uid;
	c->layout.root_gid = spec->root_gid;
	c->layout.tty_gid = tty_gid(owner, spec->root_gid);
}

/* Who is in the user namespace of a container stays in it, or in one below. */
static int check_fence(const struct container *ct, const struct container *owner, struct error *err)
{
	const struct container *fence = userns_of(ct->parent);

	if (!fence || owner == fence || (owner && container_is_below(owner, fence)))
		return 0;
	return error_set(err, ERR_PERMISSION,
			 "namespaces user: the container is below '%s' and has to stay in its user "
			 "namespace",
			 fence->name);
}

/* What mounts must be able to do inside, as far as it is not the image's own init that does it. */
static bool needs_late_mount_ns(const struct container *ct)
{
	const struct container_spec *s = &ct->spec;

	return s->unshare_on_exec || (s->virt_mode == VIRT_OS && userns_is_own(ct));
}

int compile_userns(const struct ops *ops, const struct container *ct, struct compiled *c,
		   struct error *err)
{
	struct start_spec *spec = &c->spec;
	const struct container *owner = owner_of(ops, ct), *near = container_nearest_task(ct);
	enum ns_wish_kind wish = ns_wish_of(ct, NS_USER).kind;
	pid_t base = near && userns_fence(ct->parent) ? near->task.main_pid : 0;

	spec->late_mount_ns = needs_late_mount_ns(ct);
	if (userns_check(ct, owner, err) || check_fence(ct, owner, err))
		return -1;
	if (owner)
		compile_ids(owner, c);
	if (wish == NS_WISH_CONTAINER || wish == NS_WISH_PATH)
		return 0;
	spec->ns[NS_USER] = (struct ns_choice){ .mode = base ? NS_OF_PID : NS_KEEP, .pid = base };
	if (owner != ct)
		return 0;
	spec->ns[NS_USER] = (struct ns_choice){ .mode = NS_NEW, .pid = base };
	compile_map(ct, false, &c->uid_map);
	compile_map(ct, true, &c->gid_map);
	spec->uid_map = &c->uid_map;
	spec->gid_map = &c->gid_map;
	return 0;
}
