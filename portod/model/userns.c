/* SPDX-License-Identifier: Apache-2.0 */
#include "model/userns.h"

#include "model/container.h"

/* `namespaces` wins; NULL = it does not say. */
static const char *wish(const struct container *ct)
{
	return smap_get(&ct->spec.namespaces, "user");
}

bool userns_is_own(const struct container *ct)
{
	if (wish(ct))
		return str_eq(wish(ct), "new");
	return ct->spec.userns;
}

const struct container *userns_of(const struct container *ct)
{
	for (; ct; ct = ct->parent)
		if (userns_is_own(ct))
			return ct;
	return NULL;
}

const struct container *userns_fence(const struct container *ct)
{
	for (; ct; ct = ct->parent)
		if (userns_is_own(ct) || (wish(ct) && !str_eq(wish(ct), "inherit")))
			return ct;
	return NULL;
}

static uint32_t task_id(const struct container *ct, bool gids)
{
	return gids ? container_task_gid(ct) : container_task_uid(ct);
}

/* As configured, not looking at what is around it. */
static void wanted_map(const struct container *owner, bool gids, struct idmap *ret)
{
	const struct idmap *set = gids ? &owner->spec.gid_map : &owner->spec.uid_map;

	*ret = (struct idmap)IDMAP_INIT;
	if (set->n)
		idmap_copy(ret, set);
	else if (owner->spec.owner_cred.uid != 0 && !container_is_chrooted(owner))
		idmap_single(task_id(owner, gids), ret);
	else
		idmap_swap_root(task_id(owner, gids), ret);
}

void userns_map(const struct container *owner, bool gids, struct idmap *ret)
{
	const struct container *outer = userns_of(owner->parent);
	auto_idmap wanted = IDMAP_INIT, around = IDMAP_INIT;

	wanted_map(owner, gids, &wanted);
	if (outer) {
		userns_map(outer, gids, &around);
		idmap_clip(&wanted, &around, ret);
		return;
	}
	*ret = wanted;
	wanted = (struct idmap)IDMAP_INIT;
}

static uint32_t root_id(const struct container *ct, bool gids)
{
	const struct container *owner = userns_of(ct);
	auto_idmap map = IDMAP_INIT;
	uint32_t id = 0;

	if (!owner)
		return 0;
	userns_map(owner, gids, &map);
	return idmap_to_outside(&map, 0, &id) ? id : task_id(owner, gids);
}

uid_t userns_root_uid(const struct container *ct)
{
	return root_id(ct, false);
}

gid_t userns_root_gid(const struct container *ct)
{
	return root_id(ct, true);
}

static int check_map(const struct container *ct, const struct container *owner, bool gids,
		     struct error *err)
{
	const struct idmap *set = gids ? &owner->spec.gid_map : &owner->spec.uid_map;
	auto_idmap map = IDMAP_INIT;
	uint32_t id = task_id(ct, gids), inside;
	uint64_t want = 0, have = 0;

	userns_map(owner, gids, &map);
	for (size_t i = 0; i < set->n; i++)
		want += set->v[i].count;
	for (size_t i = 0; i < map.n; i++)
		have += map.v[i].count;
	if (want && want != have)
		return error_set(err, ERR_INVALID_VALUE,
				 "%s of container '%s' names ids that the user namespace around it "
				 "does not have",
				 gids ? "gid_map" : "uid_map", owner->name);
	if (!idmap_to_inside(&map, id, &inside))
		return error_set(err, ERR_INVALID_VALUE,
				 "%s %u has no id in the user namespace of container '%s', see its "
				 "%s",
				 gids ? "group" : "user", id, owner->name,
				 gids ? "gid_map" : "uid_map");
	return 0;
}

int userns_check(const struct container *ct, const struct container *owner, struct error *err)
{
	bool mode = ct->spec.virt_mode == VIRT_HOST || ct->spec.virt_mode == VIRT_JOB;

	if (userns_is_own(ct) && mode)
		return error_set(err, ERR_INVALID_VALUE, "userns is not possible with virt_mode %s",
				 ct->spec.virt_mode == VIRT_HOST ? "host" : "job");
	if (!owner)
		return 0;
	return check_map(ct, owner, false, err) < 0 || check_map(ct, owner, true, err) < 0 ? -1 : 0;
}
