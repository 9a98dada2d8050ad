/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a user namespace with its id maps, and the namespaces that shall belong to it, before any
 * process of the container lives in them.
 *
 * A process of ours makes them and stays until their descriptors are open; then only these keep
 * them. So nobody but the starter's own children ever was inside when the container's first process
 * is set up, which joins the others with the host's rights, and its user namespace as late as can
 * be. user_namespaces(7).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/idmap.h"
#include "kernel/cgroup.h"
#include "kernel/ns.h"

struct userns_request {
	bool fresh;   /* a new user namespace; else only `others`, in the one of `outer_fd` */
	int outer_fd; /* user namespace that it is made in, -1 = ours; borrowed */
	uid_t uid;    /* host ids of the maker; with outer_fd they must have ids in there */
	gid_t gid;
	uid_t inside_uid; /* ids in the namespace that `others` are made with: what they keep of */
	gid_t inside_gid; /* their maker must have a meaning in there */
	const struct idmap *uids, *gids; /* outside = ids of the user namespace of outer_fd */
	int others; /* CLONE_NEWNET, CLONE_NEWUTS, CLONE_NEWIPC that shall belong to it */
	/* Charged for them; cgroup_host NULL = nobody. */
	struct cgroup_host *cgroup_host;
	const struct cgroup *cgroup;
};

/*
 * Fill fds[kind] of what was made, the others stay. Call as root, single-threaded, in a child of
 * the server. Blocks shortly. ERR_RESOURCE_NOT_AVAILABLE for too many or too deep,
 * ERR_INVALID_VALUE for maps that the kernel does not take, ERR_NOT_SUPPORTED without user
 * namespaces.
 */
int userns_make(const struct userns_request *rq, int fds[_NS_COUNT], struct error *err);

/*
 * Enter a user namespace for good, with all capabilities in there and the ids one has. Before it
 * the effective capabilities must be those of the host. The memory stays closed to everybody
 * inside (PR_SET_DUMPABLE).
 */
int userns_enter(int fd, struct error *err);
