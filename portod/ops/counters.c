/* SPDX-License-Identifier: Apache-2.0 */
/* Wakes the counters of disks, in the background: a disk that hangs must not hold up the daemon. */
#include <stdlib.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "ops/internal.h"

struct counters {
	struct ops *ops;
	struct job job;
	struct strv disks;
};

static int counters_job(void *arg, void *result, size_t *len, struct error *err)
{
	struct counters *c = arg;

	(void)result;
	*len = 0;
	return cgroup_wake_disks(c->ops->cgroups, &c->disks, err);
}

static void on_counters(struct job *j, const struct error *err, const void *result, size_t len)
{
	struct counters *c = container_of(j, struct counters, job);
	struct ops *ops = c->ops;

	(void)result;
	(void)len;
	if (err->code)
		log_warning("counters of disks: %s", err->text);
	ops->counters = counters_free(c);
	ops_release(ops);
}

struct counters *counters_free(struct counters *c)
{
	if (!c)
		return NULL;
	if (job_is_running(&c->job))
		job_cancel(&c->job);
	strv_deinit(&c->disks);
	free(c);
	return NULL;
}

void ops_start_counters(struct ops *ops)
{
	struct counters *c = xnew(struct counters);
	struct error err = ERROR_INIT;

	c->ops = ops;
	job_init(&c->job);
	cgroup_find_silent_disks(ops->cgroups, &c->disks);
	if (c->disks.n && job_fork(&c->job, ops->loop, ops->procs, "counters", counters_job, c, 0,
				   on_counters, &err) == 0) {
		ops->counters = c;
		ops_hold(ops);
		return;
	}
	if (err.code)
		log_warning("counters of disks: %s", err.text);
	counters_free(c);
}
