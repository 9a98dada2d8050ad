/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container's properties say about its namespaces: `namespaces`, which wins, `isolate`,
 * `hostname`, `net`. Pure memory.
 */
#pragma once

#include "kernel/ns.h"
#include "model/container.h"

enum ns_wish_kind {
	NS_WISH_NONE, /* `namespaces` does not mention it */
	NS_WISH_NEW,
	NS_WISH_INHERIT,
	NS_WISH_CONTAINER, /* that of container `arg`, an absolute name */
	NS_WISH_PATH,      /* that at path `arg` */
};

struct ns_wish {
	enum ns_wish_kind kind;
	const char *arg; /* borrowed */
};

struct ns_wish ns_wish_of(const struct container *ct, enum ns_kind kind);

enum net_kind { NET_INHERITED, NET_NONE, NET_CONTAINER, NET_NETNS };

struct net_wish {
	enum net_kind kind;
	const char *arg; /* borrowed: absolute name of a container, or name of a namespace */
};

/* The property `net`, or the default of the virt_mode. */
struct net_wish net_wish_of(const struct container *ct);

/* Is a new namespace made for it? Not for NS_MNT and NS_CGROUP, which depend on more. */
bool ns_is_own(const struct container *ct, enum ns_kind kind);
