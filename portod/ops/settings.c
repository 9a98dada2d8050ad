/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/settings.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"

void settings_deinit(struct settings *s)
{
	free(s->cpus);
	free(s->io_root);
	*s = (struct settings){ 0 };
}

void settings_add(struct settings *s, enum cgroup_knob knob, uint64_t value, uint64_t arg2)
{
	s->v[s->n++] = (struct cgroup_setting){ .knob = knob, .value = value, .arg2 = arg2 };
}

static bool has_knob(const struct ops *ops, const struct container *ct, enum cgroup_knob knob)
{
	return !container_is_job(ct) &&
	       ct->spec.controllers & CGROUP_BIT(cgroup_knob_controller(knob)) &&
	       cgroup_knob_is_supported(ops->cgroups, knob);
}

/* `wanted`: it is not what a new group has by itself. */
static void add_if(const struct ops *ops, const struct container *ct, enum cgroup_knob knob,
		   uint64_t value, uint64_t arg2, bool wanted, struct settings *s)
{
	if (wanted && has_knob(ops, ct, knob))
		settings_add(s, knob, value, arg2);
}

/* ---- cpu ---- */

/*
 * A container without guarantee has the share of a group that nobody touched. One with a guarantee
 * has a multiple of it for each core: as large as the kernel's range allows if one container is
 * guaranteed the whole host, but not more than 16.
 */
#define GUARANTEE_FACTOR_MAX 16.0
#define POLICY_FACTOR        16 /* of rt and high */

/* Thousandths. */
static uint64_t cpu_weight(const struct ops *ops, const struct container_spec *s)
{
	double most = (double)cgroup_cpu_weight_max(ops->cgroups) / 1000;
	double factor =
		fmax(1, fmin(most / (ops->env->ncpu ? ops->env->ncpu : 1), GUARANTEE_FACTOR_MAX));
	double share = fmax(1, factor * (double)s->cpu_guarantee / 1e9) * s->cpu_weight;

	if (s->cpu_policy == CPU_IDLE)
		return 0;
	if (s->cpu_policy == CPU_HIGH || s->cpu_policy == CPU_RT)
		share *= POLICY_FACTOR;
	return (uint64_t)(fmin(share, most) * 1000);
}

static bool uses_idle_group(const struct ops *ops, const struct container *ct)
{
	return ops->config->sched_idle && has_knob(ops, ct, CGROUP_KNOB_CPU_IDLE);
}

/* An idle group takes no weight, and one that ceases to be idle has the default: state first. */
static void add_cpu_weight(const struct ops *ops, const struct container *ct, bool fresh,
			   struct settings *s)
{
	bool can_idle = uses_idle_group(ops, ct);
	bool idle = can_idle && ct->spec.cpu_policy == CPU_IDLE;
	uint64_t weight = cpu_weight(ops, &ct->spec);

	add_if(ops, ct, CGROUP_KNOB_CPU_IDLE, idle, 0, can_idle && (idle || !fresh), s);
	add_if(ops, ct, CGROUP_KNOB_CPU_WEIGHT, weight, 0, !idle && (weight != 1000 || !fresh), s);
	add_if(ops, ct, CGROUP_KNOB_CPU_RT, ct->spec.cpu_period / 2, ct->spec.cpu_period,
	       ct->spec.cpu_policy == CPU_RT && ops->config->rt_priority > 0, s);
}

/* Never more than those above have, which v1 refuses. */
static void add_cpu_limit(const struct ops *ops, const struct container *ct, bool fresh,
			  struct settings *s)
{
	uint64_t limit = ct->spec.cpu_limit ? container_cpu_limit_total(ct) : 0;
	uint64_t period = ct->spec.cpu_period;
	double quota = (double)limit * (double)period / 1e9 * ops->config->cpu_limit_scale;

	add_if(ops, ct, CGROUP_KNOB_CPU_LIMIT, limit ? (uint64_t)fmax(1, quota) : 0, period,
	       limit || !fresh, s);
}

#define IOPRIO(class, level) ((class) << 13 | (level))

void settings_sched(const struct ops *ops, const struct container *ct, bool fresh,
		    struct sched_attrs *ret)
{
	static const int ioprio[] = {
		[IO_UNSET] = 0,
		[IO_NONE] = 0,
		[IO_RT] = IOPRIO(1, 4),
		[IO_HIGH] = IOPRIO(2, 0),
		[IO_NORMAL] = IOPRIO(2, 4),
		[IO_BATCH] = IOPRIO(2, 7),
		[IO_IDLE] = IOPRIO(3, 0),
	};
	const struct ops_config *config = ops->config;
	int nice = 0;

	*ret = (struct sched_attrs){
		.policy = SCHED_OTHER,
		.ioprio = ioprio[ct->spec.io_policy],
		.affinity = fresh ? SCHED_AFFINITY_KEEP : SCHED_AFFINITY_ALL,
		.topology = config->topology,
	};
	switch ((enum cpu_policy)ct->spec.cpu_policy) {
	case CPU_HIGH:
		nice = config->high_nice;
		break;
	case CPU_RT:
		nice = config->rt_nice;
		ret->policy = config->rt_priority > 0 ? SCHED_RR : SCHED_OTHER;
		ret->priority = config->rt_priority;
		break;
	case CPU_BATCH:
		ret->policy = SCHED_BATCH;
		break;
	case CPU_IDLE:
		ret->policy = uses_idle_group(ops, ct) ? SCHED_OTHER : SCHED_IDLE;
		break;
	case CPU_NOSMT:
		ret->affinity = SCHED_AFFINITY_ONE_PER_CORE;
		break;
	case CPU_NORMAL:
	case CPU_ISO:
		break;
	}
	ret->nice = sched_nice_of_weight(nice, ct->spec.cpu_weight);
}

/* ---- memory ---- */

#define HIGH_PAGES     64            /* a core */
#define HIGH_LIMIT_MIN (64ULL << 20) /* below, being slowed down would last too long */

/* How much below the limit the kernel begins to slow down those that allocate. */
static uint64_t high_margin(const struct ops *ops, const struct container *ct)
{
	uint64_t limit = ct->spec.memory_limit,
		 cores = container_cpu_limit_total(ct) / NSEC_PER_SEC;
	uint64_t margin;

	if (limit < HIGH_LIMIT_MIN)
		return 0;
	if (!container_cpu_limit_total(ct) || cores > ops->env->ncpu)
		cores = ops->env->ncpu;
	margin = HIGH_PAGES * (uint64_t)sysconf(_SC_PAGESIZE) * (cores ? cores : 1);
	return margin < limit / 4 ? margin : limit / 4;
}

/* All or nobody is killed where it is the container's own limit that was hit. With the flag on a
 * container without limit, a host short of memory would kill it as a whole, too. */
static void add_oom_group(const struct ops *ops, const struct container *ct, bool fresh,
			  struct settings *s)
{
	bool whole = ct->spec.oom_is_fatal && ct->spec.memory_limit;

	add_if(ops, ct, CGROUP_KNOB_OOM_GROUP, whole, 0, whole || !fresh, s);
}

static void add_memory(const struct ops *ops, const struct container *ct, bool fresh,
		       struct settings *s)
{
	uint64_t limit = ct->spec.memory_limit;

	add_if(ops, ct, CGROUP_KNOB_MEMORY_LIMIT, limit, high_margin(ops, ct), limit || !fresh, s);
	add_oom_group(ops, ct, fresh, s);
}

static void add_guarantee(const struct ops *ops, const struct container *ct, bool fresh,
			  struct settings *s)
{
	uint64_t total = container_memory_guarantee_total(ct, ct);

	add_if(ops, ct, CGROUP_KNOB_MEMORY_GUARANTEE, total, 0, total || !fresh, s);
}

/* ---- disks ---- */

static void add_io_limit(const struct ops *ops, const struct container *ct, enum cgroup_knob knob,
			 const struct smap *limits, bool fresh, struct settings *s)
{
	if (!has_knob(ops, ct, knob) || (fresh && limits->n == 0))
		return;
	if (!s->io_root)
		s->io_root = container_root_path(ct);
	settings_add(s, knob, 0, 0);
	s->v[s->n - 1].io = limits;
	s->v[s->n - 1].io_root = s->io_root;
}

static void add_io_weight(const struct ops *ops, const struct container *ct, bool fresh,
			  struct settings *s)
{
	static const enum cgroup_io_class classes[] = {
		[IO_UNSET] = CGROUP_IO_NORMAL,  [IO_NONE] = CGROUP_IO_NORMAL,
		[IO_RT] = CGROUP_IO_HIGH,       [IO_HIGH] = CGROUP_IO_HIGH,
		[IO_NORMAL] = CGROUP_IO_NORMAL, [IO_BATCH] = CGROUP_IO_BATCH,
		[IO_IDLE] = CGROUP_IO_IDLE,
	};
	enum cgroup_io_class class = classes[ct->spec.io_policy];
	uint64_t weight = (uint64_t)(ct->spec.io_weight * 1000 + 0.5);

	add_if(ops, ct, CGROUP_KNOB_IO_WEIGHT, weight, class,
	       weight != 1000 || class != CGROUP_IO_NORMAL || !fresh, s);
}

/* ---- all of it ---- */

void settings_add_group(const struct ops *ops, const struct container *ct, enum apply_group group,
			bool fresh, struct settings *s)
{
	const struct container_spec *spec = &ct->spec;

	switch (group) {
	case APPLY_CPU_WEIGHT:
		add_cpu_weight(ops, ct, fresh, s);
		break;
	case APPLY_CPU:
		add_cpu_limit(ops, ct, fresh, s);
		break;
	case APPLY_GUARANTEE:
		add_guarantee(ops, ct, fresh, s);
		break;
	case APPLY_MEMORY:
		add_memory(ops, ct, fresh, s);
		break;
	case APPLY_OOM:
		if (!fresh) /* else it came with the limit */
			add_oom_group(ops, ct, fresh, s);
		break;
	case APPLY_IO_LIMIT:
		add_io_limit(ops, ct, CGROUP_KNOB_IO_LIMIT, &spec->io_limit, fresh, s);
		break;
	case APPLY_IO_OPS_LIMIT:
		add_io_limit(ops, ct, CGROUP_KNOB_IO_OPS_LIMIT, &spec->io_ops_limit, fresh, s);
		break;
	case APPLY_IO_WEIGHT:
		add_io_weight(ops, ct, fresh, s);
		break;
	case APPLY_HUGETLB:
		add_if(ops, ct, CGROUP_KNOB_HUGETLB_LIMIT, spec->hugetlb_limit, 0,
		       spec->hugetlb_limit || !fresh, s);
		break;
	case APPLY_PIDS:
		add_if(ops, ct, CGROUP_KNOB_THREAD_LIMIT, spec->thread_limit, 0,
		       spec->thread_limit || !fresh, s);
		break;
	case APPLY_NONE:
	case APPLY_CPU_SET:
	case APPLY_PRESS:
	case APPLY_RESOLV_CONF:
	case APPLY_SYMLINK:
	case APPLY_ULIMIT:
	case APPLY_HELD:
	case APPLY_DEVICES:
	case _APPLY_COUNT:
		break;
	}
}
