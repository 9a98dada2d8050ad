/* SPDX-License-Identifier: Apache-2.0 */
/* Start description: the groups, their knobs, the limits of processes. */
#include "kernel/device.h"
#include "ops/compile.h"
#include "props/ulimit.h"

static void add(struct cgroup_setting *settings, size_t *n, enum cgroup_knob knob, uint64_t value,
		uint64_t arg2)
{
	settings[(*n)++] = (struct cgroup_setting){ .knob = knob, .value = value, .arg2 = arg2 };
}

static void cpu_settings(const struct container *ct, bool only_set, struct cgroup_setting *settings,
			 size_t *n)
{
	uint64_t limit = ct->spec.cpu_limit ? container_cpu_limit_total(ct) : 0;
	uint64_t period = ct->spec.cpu_period;

	if (limit || !only_set)
		add(settings, n, CGROUP_KNOB_CPU_LIMIT,
		    (uint64_t)((double)limit * (double)period / 1e9), period);
	if (ct->spec.cpu_weight != 1.0 || !only_set)
		add(settings, n, CGROUP_KNOB_CPU_WEIGHT, (uint64_t)(ct->spec.cpu_weight * 1000), 0);
}

void compile_settings(const struct ops *ops, const struct container *ct, enum apply_group group,
		      bool only_set, struct cgroup_setting *settings, size_t *n)
{
	uint64_t owned = container_is_job(ct) ? 0 : ct->spec.controllers;

	(void)ops;
	switch (group) {
	case APPLY_MEMORY:
		if (owned & CGROUP_BIT(CGROUP_MEMORY) && (ct->spec.memory_limit || !only_set))
			add(settings, n, CGROUP_KNOB_MEMORY_LIMIT, ct->spec.memory_limit, 0);
		break;
	case APPLY_CPU:
		if (owned & CGROUP_BIT(CGROUP_CPU))
			cpu_settings(ct, only_set, settings, n);
		break;
	case APPLY_PIDS:
		if (owned & CGROUP_BIT(CGROUP_PIDS) && (ct->spec.thread_limit || !only_set))
			add(settings, n, CGROUP_KNOB_THREAD_LIMIT, ct->spec.thread_limit, 0);
		break;
	case APPLY_NONE:
	case APPLY_ULIMIT:
	case APPLY_OOM:
	case _APPLY_COUNT:
		break;
	}
}

void compile_resources(struct ops *ops, const struct container *ct, struct compiled *c)
{
	struct start_spec *spec = &c->spec;
	size_t n = 0;

	device_list_defaults(&c->devices);
	prop_cgroup(ct, &spec->cgroup);
	spec->cgroup_host = ops->cgroups;
	spec->shared_groups = container_is_job(ct);
	for (int group = APPLY_NONE + 1; group < _APPLY_COUNT; group++)
		compile_settings(ops, ct, (enum apply_group)group, true, c->settings, &n);
	if (ct->spec.virt_mode != VIRT_HOST && !spec->shared_groups &&
	    ct->spec.controllers & CGROUP_BIT(CGROUP_DEVICES) &&
	    cgroup_knob_is_supported(ops->cgroups, CGROUP_KNOB_DEVICES)) {
		device_rules_format(&c->devices, &c->device_rules);
		add(c->settings, &n, CGROUP_KNOB_DEVICES, 0, 0);
		c->settings[n - 1].text = buf_str(&c->device_rules);
	}
	spec->settings = c->settings;
	spec->nsettings = n;
	ulimit_effective(ct, ops->env, &c->rlimits, &spec->nrlimits);
	spec->rlimits = c->rlimits;
	spec->oom_score_adj = (int)ct->spec.oom_score_adj;
	spec->set_oom_score_adj = true; /* never the daemon's own */
}
