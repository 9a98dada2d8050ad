/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon itself changes of a container right before it starts. */
#include "ops/internal.h"

/* The rule of props/isolation.c, which a superuser may break and a parent may have come to break
 * since: what is shown is what holds. */
static void lower_access(struct ops *ops, struct container *ct)
{
	int above = ct->parent->spec.enable_porto, own = ct->spec.enable_porto;
	bool fits = above == ACCESS_NONE        ? own == ACCESS_NONE
		    : above <= ACCESS_READ_ONLY ? own <= ACCESS_READ_ONLY
						: true;
	const struct prop *p = prop_find("enable_porto");

	if (fits)
		return;
	ct->spec.enable_porto = above;
	container_mark_set(ct, prop_row(p), true);
	persist_prop(ops, ct, p);
}

int policy_apply(struct ops *ops, struct container *ct, struct error *err)
{
	(void)err;
	lower_access(ops, ct);
	return 0;
}
