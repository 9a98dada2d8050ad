/* SPDX-License-Identifier: Apache-2.0 */
/* Start description: the groups, their knobs, the limits of processes. */
#include "kernel/device.h"
#include "ops/compile.h"
#include "ops/cpuset.h"
#include "props/device.h"
#include "props/ulimit.h"

bool compile_owns_devices(const struct ops *ops, const struct container *ct)
{
	return ct->spec.virt_mode != VIRT_HOST && !container_is_job(ct) &&
	       (ct->spec.controllers & CGROUP_BIT(CGROUP_DEVICES)) &&
	       cgroup_knob_is_supported(ops->cgroups, CGROUP_KNOB_DEVICES);
}

static void compile_devices(struct ops *ops, const struct container *ct, struct compiled *c)
{
	const struct device_config *config = ops->env->devices;

	devices_effective(ops->env, ct, &c->devices);
	if (compile_owns_devices(ops, ct)) {
		device_rules_format(&c->devices, &c->device_rules);
		settings_add(&c->settings, CGROUP_KNOB_DEVICES, 0, 0);
		c->settings.v[c->settings.n - 1].text = buf_str(&c->device_rules);
	}
	for (size_t i = 0; config && i < config->nsysfs; i++) {
		const struct device wanted = { .rule = config->sysfs[i].rule };

		for (size_t k = 0;
		     device_list_allows(&c->devices, &wanted) && k < config->sysfs[i].paths.n; k++)
			strv_add(&c->sysfs, config->sysfs[i].paths.v[k]);
	}
}

void compile_resources(struct ops *ops, const struct container *ct, struct compiled *c)
{
	struct start_spec *spec = &c->spec;
	struct settings *s = &c->settings;

	prop_cgroup(ct, &spec->cgroup);
	spec->cgroup_host = ops->cgroups;
	spec->shared_groups = container_is_job(ct);
	cpuset_add_setting(ops, ct, s);
	for (int group = APPLY_NONE + 1; group < _APPLY_COUNT; group++)
		settings_add_group(ops, ct, (enum apply_group)group, true, s);
	compile_devices(ops, ct, c);
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
