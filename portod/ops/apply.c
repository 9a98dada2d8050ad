/* SPDX-License-Identifier: Apache-2.0 */
/* One idempotent function per group of properties: from the spec to the kernel. */
#include <errno.h>
#include <stdlib.h>

#include "kernel/rlimit.h"
#include "ops/internal.h"
#include "props/ulimit.h"

static int apply_settings(struct ops *ops, struct container *ct, enum apply_group group,
			  struct error *err)
{
	struct cgroup_setting settings[CGROUP_SETTINGS_MAX];
	struct cgroup cg;
	size_t n = 0;

	prop_cgroup(ct, &cg);
	compile_settings(ops, ct, group, false, settings, &n);
	for (size_t i = 0; i < n; i++)
		if (cgroup_set(ops->cgroups, &cg, &settings[i], err))
			return -1;
	return 0;
}

/* Every process of the container and of those below that inherit from it. */
static int apply_ulimit(struct ops *ops, struct container *ct, struct error *err)
{
	struct family family = ops_family(ct);
	struct rlimit_entry *limits = NULL;
	size_t nlimits = 0, npids = 0;
	pid_t *pids = NULL;
	struct cgroup cg;
	int rc = 0;

	family.name = NULL; /* this must not block */
	prop_cgroup(ct, &cg);
	ulimit_effective(ct, ops->env, &limits, &nlimits);
	if (container_is_job(ct) ? family_members(&family, ops->cgroups, &cg, &pids, &npids, err)
				 : cgroup_pids(ops->cgroups, &cg, true, &pids, &npids, err)) {
		free(limits);
		return -1;
	}
	for (size_t p = 0; p < npids && rc == 0; p++)
		for (size_t i = 0; i < nlimits && rc == 0; i++)
			if (rlimit_apply(pids[p], &limits[i], err) < 0 && err->sys != ESRCH)
				rc = -1;
	free(limits);
	free(pids);
	return rc;
}

int apply_groups(struct ops *ops, struct container *ct, uint32_t dirty, struct error *err)
{
	for (int group = APPLY_NONE + 1; group < _APPLY_COUNT; group++) {
		if (!(dirty & 1u << group))
			continue;
		if (group == APPLY_ULIMIT) {
			if (apply_ulimit(ops, ct, err))
				return -1;
		} else if (apply_settings(ops, ct, (enum apply_group)group, err)) {
			return -1;
		}
	}
	return 0;
}
