/* SPDX-License-Identifier: Apache-2.0 */
/* Start description: the groups, their knobs, the limits of processes. */
#include "kernel/device.h"
#include "ops/compile.h"
#include "props/ulimit.h"

void compile_resources(struct ops *ops, const struct container *ct, struct compiled *c)
{
	struct start_spec *spec = &c->spec;
	struct settings *s = &c->settings;

	device_list_defaults(&c->devices);
	prop_cgroup(ct, &spec->cgroup);
	spec->cgroup_host = ops->cgroups;
	spec->shared_groups = container_is_job(ct);
	for (int group = APPLY_NONE + 1; group < _APPLY_COUNT; group++)
		settings_add_group(ops, ct, (enum apply_group)group, true, s);
	if (ct->spec.virt_mode != VIRT_HOST && !spec->shared_groups &&
	    ct->spec.controllers & CGROUP_BIT(CGROUP_DEVICES) &&
	    cgroup_knob_is_supported(ops->cgroups, CGROUP_KNOB_DEVICES)) {
		device_rules_format(&c->devices, &c->device_rules);
		settings_add(s, CGROUP_KNOB_DEVICES, 0, 0);
		s->v[s->n - 1].text = buf_str(&c->device_rules);
	}
	spec->settings = s->v;
	spec->nsettings = s->n;
	ulimit_effective(ct, ops->env, &c->rlimits, &spec->nrlimits);
	spec->rlimits = c->rlimits;
	spec->oom_score_adj = (int)ct->spec.oom_score_adj;
	spec->set_oom_score_adj = true; /* never the daemon's own */
	settings_sched(ops, ct, true, &c->sched);
	spec->sched = &c->sched;
	spec->coredump_filter = ct->spec.coredump_filter >= 0 ? ct->spec.coredump_filter
							      : ops->config->coredump_filter;
}
