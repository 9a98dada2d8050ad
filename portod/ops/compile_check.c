/* SPDX-License-Identifier: Apache-2.0 */
/* What can be refused before a start: the checks of reference/containers.md §6.3. */
#include <linux/capability.h>
#include <unistd.h>

#include "kernel/caps.h"
#include "kernel/procfs.h"
#include "model/userns.h"
#include "ops/compile.h"
#include "props/caps_bound.h"
#include "props/device.h"
#include "props/nswish.h"
#include "props/place.h"
#include "props/task_groups.h"

static bool is_in_groups(const struct cred *groups, const struct cred *owner,
			 const struct cred *task)
{
	for (size_t i = 0; i < groups->ngroups; i++) {
		if (!cred_in_group(owner, groups->groups[i]) &&
		    !cred_in_group(task, groups->groups[i]))
			return false;
	}
	return cred_in_group(owner, groups->gid) || cred_in_group(task, groups->gid);
}

/* The group and the supplementary ones must be the owner's or the user's own. */
static bool cred_may_use_groups(const struct client *client, const struct container *ct)
{
	struct cred owner = { .uid = ct->spec.owner_cred.uid, .gid = ct->spec.owner_cred.gid };
	struct cred task = { .uid = container_task_uid(ct), .gid = (gid_t)-1 };
	struct cred wanted = { .uid = task.uid, .gid = container_task_gid(ct) };
	bool ok;

	if (client_is_superuser(client))
		return true;
	(void)cred_primary_group(task.uid, &task.gid);
	cred_load_groups(&owner);
	cred_load_groups(&task);
	task_groups_load(ct, &wanted);
	ok = is_in_groups(&wanted, &owner, &task);
	cred_deinit(&owner);
	cred_deinit(&task);
	cred_deinit(&wanted);
	return ok;
}

/*
 * A process that may change its ids can run what it likes as whom it likes; below its own container
 * it may as well ask us. On the host that is the superuser, whom nobody asks here.
 */
static bool client_may_change_ids(const struct client *client, const struct container *ct)
{
	const uint64_t need = CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID);
	uint64_t caps;

	if (container_is_root(client->container) || !container_is_below(ct, client->container))
		return false;
	if (!client->pid || procfs_caps(client->pid, &caps) < 0 || (caps & need) != need)
		return false;
	/* In a namespace of its own making every process has all capabilities. Nobody comes back
	 * from there, so this is looked at last. */
	return (userns_of(client->container) || procfs_same_ns(client->pid, getpid(), "user")) &&
	       !procfs_is_gone(client->pid, client->starttime);
}

/* Below its own container a client may use its own user, whoever owns the container that it is in:
 * create gives that user to what it makes. */
static bool client_is_user(const struct client *client, const struct container *ct)
{
	return !container_is_root(client->container) && container_is_below(ct, client->container) &&
	       client->pid && container_task_uid(ct) == client->task_cred.uid;
}

static int check_credentials(const struct client *client, const struct container *ct,
			     struct error *err)
{
	const struct container_spec *s = &ct->spec;
	struct cred task = { .uid = container_task_uid(ct), .gid = container_task_gid(ct) };
	bool chrooted = container_is_chrooted(ct);

	if (!client_controls_cred(client, &s->owner_cred))
		return error_set(err, ERR_PERMISSION,
				 "its owner is uid %u, the client acts as uid %u",
				 s->owner_cred.uid, client->cred.uid);
	if (!chrooted &&
	    (!(client_controls_cred(client, &task) || client_is_user(client, ct)) ||
	     !cred_may_use_groups(client, ct)) &&
	    !client_may_change_ids(client, ct))
		return error_set(err, ERR_PERMISSION,
				 "the client may not run tasks as user %u group %u with these "
				 "task_groups",
				 task.uid, task.gid);
	if (!chrooted && task.uid == 0 && s->owner_cred.uid != 0)
		return error_set(
			err, ERR_PERMISSION,
			"user root without a root directory of its own needs owner_user root");
	return 0;
}

static int check_host_mode(const struct client *client, const struct container *ct,
			   struct error *err)
{
	if (ct->parent->spec.virt_mode != VIRT_HOST)
		return error_set(err, ERR_PERMISSION,
				 "virt_mode host needs it of the parent, too, container '%s'",
				 ct->parent->name);
	if (client->container->spec.virt_mode != VIRT_HOST)
		return error_set(err, ERR_PERMISSION,
				 "virt_mode host is not for clients in container '%s', which has "
				 "another mode",
				 client->container->name);
	return 0;
}

static int check_job_mode(const struct ops *ops, const struct container *ct, struct error *err)
{
	uint32_t everyones = cgroup_host_default_controllers(ops->cgroups, 2);
	uint32_t extra = (uint32_t)(ct->spec.controllers | ct->spec.required_controllers) &
			 ~cgroup_host_close_mask(ops->cgroups, everyones);

	if (ct->level == 1)
		return error_set(err, ERR_INVALID_VALUE, "virt_mode job needs a parent container");
	if (container_is_meta(ct))
		return error_set(err, ERR_INVALID_VALUE, "virt_mode job needs a command");
	for (int i = 0; i < _CGROUP_CONTROLLER_COUNT; i++)
		if (extra & CGROUP_BIT(i))
			return error_set(err, ERR_INVALID_VALUE,
					 "virt_mode job has no groups of its own for controller "
					 "'%s'",
					 cgroup_controller_name((enum cgroup_controller)i));
	return 0;
}

static bool has_root(const struct container *ct)
{
	return !str_is_empty(ct->spec.root) && !str_eq(ct->spec.root, "/");
}

static int check_joined(const struct ops *ops, const struct client *client,
			const struct container *ct, const char *name, const char *what,
			struct error *err)
{
	const struct container *other = tree_find(ops->tree, name);

	if (!other)
		return error_set(err, ERR_INVALID_VALUE, "%s: there is no container '%s'", what,
				 name);
	if (other == ct || !(state_is_started(other->state) || other->state == STATE_PAUSED))
		return error_set(err, ERR_INVALID_VALUE, "%s: container '%s' is not started", what,
				 name);
	if (client_can_control(client, other, false, err))
		return error_prefix(err, "%s: container '%s'", what, name);
	return 0;
}

static int check_namespaces(const struct ops *ops, const struct client *client,
			    const struct container *ct, struct error *err)
{
	struct net_wish net = net_wish_of(ct);

	for (int kind = 0; kind < _NS_COUNT; kind++) {
		struct ns_wish wish = ns_wish_of(ct, (enum ns_kind)kind);
		const char *name = ns_name((enum ns_kind)kind);

		if (wish.kind == NS_WISH_CONTAINER &&
		    check_joined(ops, client, ct, wish.arg, name, err))
			return error_prefix(err, "namespaces");
		if (wish.kind == NS_WISH_PATH && !client_may_name_namespaces(client))
			return error_set(
				err, ERR_PERMISSION,
				"namespaces %s: only a superuser on the host can give a path",
				name);
		if (kind == NS_NET && wish.kind != NS_WISH_NONE && ct->spec.net)
			return error_set(err, ERR_INVALID_VALUE,
					 "both net and namespaces net are set");
	}
	if (net.kind == NET_CONTAINER && check_joined(ops, client, ct, net.arg, "net", err))
		return -1;
	if (net.kind == NET_NETNS && !client_may_name_netns(client))
		return error_set(
			err, ERR_PERMISSION,
			"net: in a container only a superuser can name a network namespace");
	return 0;
}

static int check_held(const struct container *ct, struct error *err)
{
	if (!ct->spec.held || !container_is_meta(ct))
		return 0;
	return error_set(err, ERR_INVALID_VALUE, "held is set, but there is no command to hold");
}

static int check_mode(const struct ops *ops, const struct client *client,
		      const struct container *ct, struct error *err)
{
	if (container_is_job(ct->parent))
		return error_set(err, ERR_INVALID_VALUE,
				 "its parent '%s' has virt_mode job, and so no groups to be in",
				 ct->parent->name);
	if ((container_is_job(ct) || ct->spec.virt_mode == VIRT_HOST) && has_root(ct))
		return error_set(err, ERR_INVALID_VALUE,
				 "root %s is set: not with virt_mode job and host", ct->spec.root);
	switch ((enum virt_mode)ct->spec.virt_mode) {
	case VIRT_HOST:
		return check_host_mode(client, ct, err);
	case VIRT_JOB:
		return check_job_mode(ops, ct, err);
	case VIRT_APP:
	case VIRT_OS:
		break;
	}
	return 0;
}

static int check_controllers(const struct ops *ops, const struct container *ct, struct error *err)
{
	uint32_t missing = (uint32_t)ct->spec.controllers & ~cgroup_host_controllers(ops->cgroups);

	if (compile_check_cgroupfs(ops, ct, err))
		return -1;
	for (int i = 0; i < _CGROUP_CONTROLLER_COUNT; i++)
		if (missing & CGROUP_BIT(i))
			return error_set(err, ERR_NOT_SUPPORTED,
					 "the host has no cgroup controller '%s'",
					 cgroup_controller_name((enum cgroup_controller)i));
	return 0;
}

int compile_check(struct ops *ops, const struct client *client, const struct container *ct,
		  struct error *err)
{
	if (check_credentials(client, ct, err) || check_mode(ops, client, ct, err) ||
	    check_held(ct, err) || check_namespaces(ops, client, ct, err) || caps_check(ct, err) ||
	    devices_check_parent(ops->env, ct, err) || place_check_container(ops->env, ct, err))
		return -1;
	return check_controllers(ops, ct, err);
}
