/* SPDX-License-Identifier: Apache-2.0 */
/* Processors of groups, beside the knob that sets them. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "kernel/cgroup_backend.h"
#include "kernel/cgroup_knob.h"

static int read_cpus(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		     struct cpumask *ret)
{
	char text[CGROUP_TEXT_MAX];

	return cgroup_read(hr, path, file, text, sizeof(text)) < 0 || cpumask_parse(ret, text) < 0
		       ? -1
		       : 0;
}

int cgroup_get_cpus(const struct cgroup_host *h, const struct cgroup *cg, struct cpumask *ret)
{
	const struct cgroup_hierarchy *hr = h->at[CGROUP_CPUSET];
	char path[CGROUP_PATH_MAX];

	if (!hr || cgroup_rel_path(h, hr, cg, path, sizeof(path)) < 0)
		return -1;
	return read_cpus(hr, path, hr->ops->cpus_file, ret);
}

bool cgroup_cpus_inherit(const struct cgroup_host *h)
{
	return h->at[CGROUP_CPUSET] && h->at[CGROUP_CPUSET]->ops == &cgroup_v2_backend;
}

struct narrowing {
	const char *top; /* path of the container's own group, which is left alone */
	const struct cpumask *mask;
};

static int narrow(const struct cgroup_hierarchy *hr, const char *path, void *arg)
{
	const struct narrowing *n = arg;
	auto_free char *text = NULL;
	struct cpumask m;

	if (str_eq(path, n->top) || read_cpus(hr, path, "cpuset.cpus", &m) < 0 ||
	    cpumask_subset(&m, n->mask))
		return 0;
	cpumask_and(&m, n->mask);
	text = cpumask_format(cpumask_count(&m) ? &m : n->mask);
	(void)cgroup_write(hr, path, "cpuset.cpus", text);
	return 0;
}

void cgroup_narrow_cpus_below(struct cgroup_host *h, const struct cgroup *cg,
			      const struct cpumask *m)
{
	const struct cgroup_hierarchy *hr = h->at[CGROUP_CPUSET];
	char path[CGROUP_PATH_MAX];
	struct narrowing n = { .top = path, .mask = m };

	if (!hr || cgroup_cpus_inherit(h) || !cgroup_owns(hr, cg, cg->level) ||
	    cgroup_rel_path(h, hr, cg, path, sizeof(path)) < 0)
		return;
	(void)cgroup_walk(hr, path, true, narrow, &n);
}
