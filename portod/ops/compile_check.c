/* SPDX-License-Identifier: Apache-2.0 */
/* What can be refused before a start: the checks of reference/containers.md §6.3. */
#include "kernel/caps.h"
#include "ops/internal.h"
#include "props/caps_bound.h"

static bool cred_may_use_group(const struct client *client, const struct container *ct)
{
	gid_t gid = ct->spec.task_cred.gid;
	struct cred owner = { .uid = ct->spec.owner_cred.uid, .gid = ct->spec.owner_cred.gid };
	struct cred task = { .uid = ct->spec.task_cred.uid, .gid = (gid_t)-1 };
	bool ok;

	if (client_is_superuser(client))
		return true;
	cred_load_groups(&owner);
	cred_load_groups(&task);
	ok = cred_in_group(&owner, gid) || cred_in_group(&task, gid);
	cred_deinit(&owner);
	cred_deinit(&task);
	return ok;
}

int compile_check(struct ops *ops, const struct client *client, const struct container *ct,
		  struct error *err)
{
	const struct container_spec *s = &ct->spec;
	uint64_t bound = caps_bound(ct);
	bool chrooted = container_is_chrooted(ct);
	uint32_t missing = (uint32_t)s->controllers & ~cgroup_host_controllers(ops->cgroups);

	if (!client_controls_cred(client, &s->owner_cred))
		return error_set(err, ERR_PERMISSION,
				 "its owner is uid %u, the client acts as uid %u",
				 s->owner_cred.uid, client->cred.uid);
	if (!chrooted && !container_is_below(ct, client->container) &&
	    (!client_controls_cred(client, &s->task_cred) || !cred_may_use_group(client, ct)))
		return error_set(err, ERR_PERMISSION,
				 "the client may not run tasks as user %u group %u",
				 s->task_cred.uid, s->task_cred.gid);
	if (!chrooted && s->task_cred.uid == 0 && s->owner_cred.uid != 0)
		return error_set(
			err, ERR_PERMISSION,
			"user root without a root directory of its own needs owner_user root");
	if (s->capabilities_ambient & ~bound) {
		auto_free char *extra = caps_format(s->capabilities_ambient & ~bound);

		return error_set(err, ERR_PERMISSION,
				 "capabilities_ambient %s are not in capabilities_allowed", extra);
	}
	for (int i = 0; i < _CGROUP_CONTROLLER_COUNT; i++)
		if (missing & CGROUP_BIT(i))
			return error_set(err, ERR_NOT_SUPPORTED,
					 "the host has no cgroup controller '%s'",
					 cgroup_controller_name((enum cgroup_controller)i));
	return 0;
}
