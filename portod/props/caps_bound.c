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
	/* Who names a capability wants it without a fence. */
	uint64_t named = ct->spec.capabilities_ambient | (is_set ? ct->spec.capabilities : 0);

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
	       ~(without_fence(ct) & ~named) & caps_all();
}

uint64_t caps_grantable(const struct container *parent)
{
	/* Everybody may start one in mode host: that it has no bound grants nothing. */
	while (!container_is_root(parent) && is_unlimited(parent))
		parent = parent->parent;
	return caps_default | (container_is_root(parent) ? 0 : caps_bound(parent));
}

void caps_sets(const struct container *ct, struct cap_sets *ret)
{
	const struct container_spec *s = &ct->spec;
	bool inheritable = row_is_set(ct, &row_capabilities_inheritable);

	*ret = (struct cap_sets){
		.effective = s->capabilities_effective,
		.permitted = s->capabilities_permitted,
		.inheritable = inheritable ? s->capabilities_inheritable : s->capabilities_ambient,
		.ambient = s->capabilities_ambient,
		.bounding = caps_bound(ct),
		.set_effective = row_is_set(ct, &row_capabilities_effective),
		.set_permitted = row_is_set(ct, &row_capabilities_permitted),
	};
}

/* As far as it is known before the start. */
static void expected_sets(const struct container *ct, struct cap_sets *ret)
{
	caps_sets(ct, ret);
	caps_complete(ret, container_task_uid(ct) == userns_root_uid(ct), ~UINT64_C(0));
}

uint64_t caps_shown(const struct prop *p, const struct container *ct)
{
	struct cap_sets sets;

	if (p == &row_capabilities)
		return caps_limit(ct);
	if (p == &row_capabilities_ambient)
		return ct->spec.capabilities_ambient;
	expected_sets(ct, &sets);
	return p == &row_capabilities_effective   ? sets.effective
	       : p == &row_capabilities_permitted ? sets.permitted
						  : sets.inheritable;
}

static int check_subset(uint64_t caps, const char *name, uint64_t bound, const char *of,
			struct error *err)
{
	auto_free char *names = NULL;

	if (!(caps & ~bound))
		return 0;
	names = caps_format(caps & ~bound);
	return error_set(err, ERR_PERMISSION, "%s %s are not in %s", name, names, of);
}

int caps_check(const struct container *ct, struct error *err)
{
	struct cap_sets s;

	expected_sets(ct, &s);
	if (check_subset(s.ambient, "capabilities_ambient", s.bounding, "capabilities_allowed",
			 err) ||
	    check_subset(s.permitted, "capabilities_permitted", s.bounding, "capabilities_allowed",
			 err) ||
	    check_subset(s.inheritable, "capabilities_inheritable", s.bounding,
			 "capabilities_allowed", err))
		return -1;
	/* So the kernel wants it. */
	if (check_subset(s.effective, "capabilities_effective", s.permitted,
			 "capabilities_permitted", err) ||
	    check_subset(s.ambient, "capabilities_ambient", s.permitted, "capabilities_permitted",
			 err))
		return -1;
	return check_subset(s.ambient, "capabilities_ambient", s.inheritable,
			    "capabilities_inheritable", err);
}
