/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/schedattr.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IOPRIO_WHO_PROCESS 1
#define NICE_STEP          1.1 /* kernel/sched: two neighbouring nice values differ by 10 % */

/* Lacking rights are not the end. */
static int refused(const char *what, pid_t tid, struct error *err)
{
	if (errno == ESRCH)
		return 0;
	if (errno == EPERM || errno == EACCES)
		return 1;
	return error_errno(err, errno, "set %s of thread %d", what, (int)tid);
}

static int set_policy(pid_t tid, const struct sched_attrs *a, struct error *err)
{
	struct sched_param param = { .sched_priority = a->policy == SCHED_RR ? a->priority : 0 };

	return sched_setscheduler(tid, a->policy, &param) < 0
		       ? refused("scheduling policy", tid, err)
		       : 0;
}

static int set_nice(pid_t tid, const struct sched_attrs *a, struct error *err)
{
	if (a->policy == SCHED_RR)
		return 0;
	return setpriority(PRIO_PROCESS, (id_t)tid, a->nice) < 0 ? refused("nice value", tid, err)
								 : 0;
}

static int set_ioprio(pid_t tid, const struct sched_attrs *a, struct error *err)
{
	long r = syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, a->ioprio);

	/* A kernel without block devices has none of it. */
	return r < 0 && errno != ENOSYS ? refused("io priority", tid, err) : 0;
}

/* Leave out each processor that shares its core with an earlier one. */
static void thin_out(struct cpumask *m, const struct topology *t)
{
	struct cpumask cores = { 0 };
	unsigned cpu;

	cpumask_for_each(cpu, m)
	{
		if (cpumask_has(&cores, t->core[cpu]))
			cpumask_del(m, cpu);
		cpumask_add(&cores, t->core[cpu]);
	}
}

/* All processors means: what the cpuset has of them. */
static int set_affinity(pid_t tid, const struct sched_attrs *a, struct error *err)
{
	struct cpumask m;
	long r = 0;

	if (a->affinity == SCHED_AFFINITY_KEEP)
		return 0;
	for (size_t i = 0; i < sizeof(m.bits) / sizeof(m.bits[0]); i++)
		m.bits[i] = ~UINT64_C(0);
	r = syscall(SYS_sched_setaffinity, tid, sizeof(m.bits), m.bits);
	if (r == 0 && a->affinity == SCHED_AFFINITY_ONE_PER_CORE) {
		m = (struct cpumask){ 0 };
		r = syscall(SYS_sched_getaffinity, tid, sizeof(m.bits), m.bits);
		if (r >= 0) {
			thin_out(&m, a->topology);
			r = syscall(SYS_sched_setaffinity, tid, sizeof(m.bits), m.bits);
		}
	}
	/* EINVAL: workers of io_uring are bound where they are. */
	return r < 0 && errno != EINVAL ? refused("processors", tid, err) : 0;
}

int sched_apply(pid_t tid, const struct sched_attrs *a, struct error *err)
{
	static int (*const setters[])(pid_t, const struct sched_attrs *,
				      struct error *) = { set_policy, set_nice, set_ioprio,
							  set_affinity };
	int rc = 0;

	for (size_t i = 0; i < sizeof(setters) / sizeof(setters[0]); i++) {
		int r = setters[i](tid, a, err);

		if (r < 0)
			return -1;
		rc |= r;
	}
	return rc;
}

int sched_nice_of_weight(int nice, double weight)
{
	double v = trunc(nice - log(weight) / log(NICE_STEP));

	return v < -20 ? -20 : v > 19 ? 19 : (int)v;
}
