/* SPDX-License-Identifier: Apache-2.0 */
#include "props/caps_bound.h"

#include "kernel/caps.h"
#include "model/userns.h"
#include "props/nswish.h"
#include "props/rows.h"

/* Mode host limits nothing by itself: neither the container, nor those below. */
static bool is_unlimited(const struct container *ct)
{
	return ct->spec.virt_mode == VIRT_HOST && !row_is_set(ct, &row_capabilities);
}

/* They count in the user namespace only, which is a fence for all of them. */
static uint64_t limit_in_userns(const struct container *ct, const struct container *fence)
{
	for (;; ct = ct->parent) {
		if (row_is_set(ct, &row_capabilities))
			return ct->spec.capabilities;
		if (ct == fence)
			return caps_root;
	}
}

uint64_t caps_limit(const struct container *ct)
{
	const struct container *fence = userns_of(ct);

	if (container_is_root(ct) || is_unlimited(ct))
		return caps_all();
	if (fence)
		return limit_in_userns(ct, fence);
	for (; ct->level > 1; ct = ct->parent) {
		if (row_is_set(ct, &row_capabilities))
			return ct->spec.capabilities;
	}
	return row_is_set(ct, &row_capabilities) ? ct->spec.capabilities : caps_default;
}

/* What explicit limits further up leave. */
static uint64_t ancestors_limit(const struct container *ct)
{
	uint64_t mask = ~UINT64_C(0);

	for (ct = ct->parent; ct && !container_is_root(ct); ct = ct->parent) {
		if (row_is_set(ct, &row_capabilities))
			mask &= ct->spec.capabilities;
	}
	return mask;
}

/* Default capabilities that would reach beyond the container: each group needs a fence. */
static uint64_t without_fence(const struct container *ct)
{
	uint64_t mask = caps_need_pid_ns | caps_need_memory | caps_need_net_ns;

	for (; ct && !container_is_root(ct); ct = ct->parent) {
		if (ns_is_own(ct, NS_PID))
			mask &= ~caps_need_pid_ns;
		if (ns_is_own(ct, NS_NET))
			mask &= ~caps_need_net_ns;
		if (ct->spec.memory_limit)
			mask &= ~caps_need_memory;
	}
	return mask;
}

static const struct container *first_level(const struct container *ct)
{
	while (ct->level > 1)
		ct = ct->parent;
	return ct;
}

uint64_t caps_bound(const struct container *ct)
{
	bool is_set = row_is_set(ct, &row_capabilities);
	uint64_t wanted = ct->spec.capabilities_ambient | (is_set ? ct->spec.capabilities : 0);

	if (container_is_root(ct))
		return caps_all();
	if (is_unlimited(ct))
		return caps_all() & ancestors_limit(ct);
	if (userns_of(ct))
		return caps_limit(ct) & ancestors_limit(ct) & caps_all();
	/* An explicit limit further up binds a root owner, too: Porto forgets it here. */
	if (!is_set && ct->spec.owner_cred.uid == 0)
		return caps_root & ancestors_limit(ct) & caps_all();
	return caps_limit(ct) & ancestors_limit(ct) & caps_limit(first_level(ct)) &
	       ~(without_fence(ct) & ~wanted) & caps_all();
}

uint64_t caps_grantable(const struct container *parent)
{
	/* Everybody may start one in mode host: that it has no bound grants nothing. */
	while (!container_is_root(parent) && is_unlimited(parent))
		parent = parent->parent;
	return caps_default | (container_is_root(parent) ? 0 : caps_bound(parent));
}
