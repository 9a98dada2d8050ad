/* SPDX-License-Identifier: Apache-2.0 */
/* The table itself: all rows by number, and lookup by name. */
#include <assert.h>
#include <string.h>

#include "props/rows.h"

static const struct prop *const table[_ROW_COUNT] = {
#define X(n) [ROW_##n] = &row_##n,
	PROP_LIST(X)
#undef X
};

static_assert(_ROW_COUNT <= CONTAINER_PROPS_MAX, "more rows than bits in container.set");

size_t prop_count(void)
{
	return _ROW_COUNT;
}

const struct prop *prop_at(size_t row)
{
	return table[row];
}

unsigned prop_row(const struct prop *p)
{
	return p->row;
}

const struct prop *prop_find(const char *name)
{
	size_t lo = 0, hi = _ROW_COUNT;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(name, table[mid]->name);

		if (c == 0)
			return table[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

int prop_require(const struct prop *p, const struct prop_env *env, struct error *err)
{
	if (prop_is_supported(p, env))
		return 0;
	return error_set(err, ERR_NOT_SUPPORTED, "property '%s' is not supported: %s", p->name,
			 p->absent ? p->absent : "this host lacks what it needs");
}

bool prop_is_supported(const struct prop *p, const struct prop_env *env)
{
	if (p->absent)
		return false;
	if (p->supported)
		return p->supported(env);
	/* Without a probed host (unit tests) nothing is known to be missing. */
	return !p->needs || !env->cgroups ||
	       (cgroup_host_controllers(env->cgroups) & p->needs) == p->needs;
}
