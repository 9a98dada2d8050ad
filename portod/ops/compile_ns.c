/* SPDX-License-Identifier: Apache-2.0 */
/* Start description: where each namespace comes from. */
#include "base/xalloc.h"
#include "model/userns.h"
#include "ops/compile.h"
#include "props/nswish.h"

static struct ns_choice inherit(pid_t base)
{
	return base ? (struct ns_choice){ .mode = NS_OF_PID, .pid = base }
		    : (struct ns_choice){ .mode = NS_KEEP };
}

static struct ns_choice choose(bool fresh, pid_t base)
{
	return fresh ? (struct ns_choice){ .mode = NS_NEW, .pid = base } : inherit(base);
}

/* Of another container, which compile_check() found to be there. */
static int of_container(const struct ops *ops, const char *name, const char *what, bool strict,
			struct ns_choice *ret, struct error *err)
{
	const struct container *ct = tree_find(ops->tree, name);
	const struct container *has = ct && !ct->has_task && !strict ? container_nearest_task(ct)
								     : ct;

	if (!ct || (strict && !ct->has_task))
		return error_set(err, ERR_INVALID_VALUE, "%s of container '%s': it has no process",
				 what, name);
	*ret = inherit(has ? has->task.main_pid : 0);
	return 0;
}

/* What nobody asked for by `namespaces`. */
static int choose_default(const struct ops *ops, const struct container *ct, struct compiled *c,
			  enum ns_kind kind, pid_t base, struct ns_choice *ret, struct error *err)
{
	bool level1 = ct->level == 1 && ct->spec.virt_mode != VIRT_HOST;
	struct net_wish net = net_wish_of(ct);

	switch (kind) {
	case NS_USER:
		*ret = (struct ns_choice){ .mode = NS_KEEP }; /* nobody has one of its own yet */
		return 0;
	case NS_CGROUP:
		*ret = choose(c->nviews > 0 || userns_is_own(ct), base);
		return 0;
	case NS_MNT:
		*ret = choose(layout_needs_mount_ns(&c->layout, level1), base);
		return 0;
	case NS_NET:
		if (net.kind == NET_CONTAINER)
			return of_container(ops, net.arg, "the network", false, ret, err);
		if (net.kind == NET_NETNS) {
			c->netns = xasprintf("/run/netns/%s", net.arg);
			*ret = (struct ns_choice){ .mode = NS_AT_PATH, .path = c->netns };
			return 0;
		}
		break;
	case NS_PID:
	case NS_IPC:
	case NS_UTS:
	case _NS_COUNT:
		break;
	}
	*ret = choose(ns_is_own(ct, kind), base);
	return 0;
}

static int choose_one(const struct ops *ops, const struct container *ct, struct compiled *c,
		      enum ns_kind kind, pid_t base, struct error *err)
{
	struct ns_choice *ret = &c->spec.ns[kind];
	struct ns_wish wish = ns_wish_of(ct, kind);

	switch (wish.kind) {
	case NS_WISH_NONE:
		return choose_default(ops, ct, c, kind, base, ret, err);
	case NS_WISH_NEW:
		*ret = choose(true, base);
		return 0;
	case NS_WISH_INHERIT:
		*ret = inherit(base);
		return 0;
	case NS_WISH_CONTAINER:
		return of_container(ops, wish.arg, ns_name(kind), true, ret, err);
	case NS_WISH_PATH:
		*ret = (struct ns_choice){ .mode = NS_AT_PATH, .path = wish.arg };
		return 0;
	}
	return 0;
}

/* A host name is set in a namespace of its own only: not in that of others. */
static int check_uts(const struct container *ct, const struct compiled *c, struct error *err)
{
	if (str_is_empty(ct->spec.hostname) || c->spec.ns[NS_UTS].mode == NS_NEW)
		return 0;
	return error_set(err, ERR_INVALID_VALUE,
			 "hostname is set, but by namespaces it has no uts namespace of its own");
}

/* A root directory means nothing outside of its mount namespace: it comes from the same process, or
 * is the one of the namespace. */
static void choose_root(const struct container *ct, struct compiled *c, pid_t base)
{
	struct ns_wish wish = ns_wish_of(ct, NS_MNT);

	c->spec.view_pid = c->spec.root_pid_of = base;
	if (wish.kind == NS_WISH_CONTAINER)
		c->spec.root_pid_of = c->spec.ns[NS_MNT].pid;
	else if (wish.kind == NS_WISH_PATH)
		c->spec.root_pid_of = 0;
}

int compile_namespaces(const struct ops *ops, const struct container *ct, struct compiled *c,
		       struct error *err)
{
	const struct container *near = container_nearest_task(ct);
	pid_t base = near ? near->task.main_pid : 0;

	for (int kind = 0; kind < _NS_COUNT; kind++) {
		enum ns_wish_kind wish = ns_wish_of(ct, (enum ns_kind)kind).kind;

		if (choose_one(ops, ct, c, (enum ns_kind)kind, base, err))
			return -1;
		c->joins |= wish == NS_WISH_CONTAINER || wish == NS_WISH_PATH;
	}
	c->joins |= net_wish_of(ct).kind == NET_CONTAINER || net_wish_of(ct).kind == NET_NETNS;
	choose_root(ct, c, base);
	return check_uts(ct, c, err);
}

bool compile_needs_view(const struct container *ct)
{
	for (int kind = 0; kind < _NS_COUNT; kind++) {
		if (ns_wish_of(ct, (enum ns_kind)kind).kind == NS_WISH_PATH)
			return true;
	}
	return net_wish_of(ct).kind == NET_NETNS;
}
