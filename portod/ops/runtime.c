/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container has beside the model: how the server learns that its task ended or ran out of
 * memory, and timers.
 *
 * The end of a task is learned from the master's report, matched by pid and start time. A task
 * whose parent is not our master (it was started by an earlier one) is watched by pidfd.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/htab.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "kernel/procfs.h"
#include "ops/internal.h"

static void on_respawn(struct ev_loop *ev, ev_timer *t, int revents)
{
	struct container_runtime *rt = container_of(t, struct container_runtime, respawn_timer);

	(void)ev;
	(void)revents;
	if (rt->ct->state == STATE_RESPAWNING)
		ops_respawn_internal(rt->ops, rt->ct);
}

static void on_pidfd(struct ev_loop *ev, ev_io *io, int revents)
{
	struct container_runtime *rt = container_of(io, struct container_runtime, pidfd_io);
	struct task_ids task = rt->ct->task;

	(void)revents;
	ev_io_stop(ev, io);
	/* Not our child: nobody tells us its status. The task record has it unless the wait task
	 * itself was killed, and then by SIGKILL. */
	ops_process_exited(rt->ops, task.wait_pid, task.wait_starttime, SIGKILL);
}

static void on_lost(struct ev_loop *ev, ev_timer *t, int revents)
{
	struct container_runtime *rt = container_of(t, struct container_runtime, lost_timer);
	struct task_ids task = rt->ct->task;

	(void)ev;
	(void)revents;
	log_warning("container %s: task %d is gone and its exit was never reported, taking it for "
		    "killed",
		    rt->ct->name, task.wait_pid);
	ops_process_exited(rt->ops, task.wait_pid, task.wait_starttime, SIGKILL);
}

struct container_runtime *runtime_get(struct ops *ops, struct container *ct)
{
	struct container_runtime *rt = ct->runtime;

	if (rt)
		return rt;
	rt = xnew(struct container_runtime);
	rt->ops = ops;
	rt->ct = ct;
	rt->pidfd = -1;
	ev_timer_init(&rt->respawn_timer, on_respawn, 0., 0.);
	ev_timer_init(&rt->lost_timer, on_lost, 0., 0.);
	ev_timer_init(&rt->oom_timer, oom_on_timer, 0., 0.);
	ev_io_init(&rt->pidfd_io, on_pidfd, -1, EV_READ);
	ct->runtime = rt;
	return rt;
}

void runtime_drop(struct container *ct)
{
	struct container_runtime *rt = ct->runtime;

	if (!rt)
		return;
	runtime_forget_task(rt->ops, ct);
	runtime_forget_oom(rt->ops, ct);
	ev_timer_stop(loop_ev(rt->ops->loop), &rt->respawn_timer);
	strv_deinit(&rt->links);
	ct->runtime = NULL;
	free(rt);
}

/*
 * A short task is over before its start job has told us the pid: the report seems to be about
 * nobody then. The last ones are kept, and asked when the pid is known.
 */
void runtime_keep_exit(struct ops *ops, pid_t pid, uint64_t starttime, int status)
{
	ops->early[ops->next_early++ % EARLY_EXITS] = (struct early_exit){ pid, starttime, status };
}

static bool exited_early(struct ops *ops, const struct task_ids *task, int *ret_status)
{
	for (size_t i = 0; i < EARLY_EXITS; i++) {
		struct early_exit *e = &ops->early[i];

		if (e->pid != task->wait_pid || e->starttime != task->wait_starttime)
			continue;
		e->pid = 0;
		*ret_status = e->status;
		return true;
	}
	return false;
}

void runtime_watch_task(struct ops *ops, struct container *ct)
{
	struct container_runtime *rt = runtime_get(ops, ct);
	struct container *stale;
	struct proc_stat st;
	int status;

	if (!ct->task.wait_pid || rt->in_pid_map)
		return;
	/* The pid of a task that ended unnoticed may have come back: the old entry is worthless. */
	stale = htab_del_int(ops->by_pid, (uint64_t)ct->task.wait_pid);
	if (stale && stale->runtime)
		stale->runtime->in_pid_map = false;
	htab_put_int(ops->by_pid, (uint64_t)ct->task.wait_pid, ct);
	rt->in_pid_map = true;

	if (exited_early(ops, &ct->task, &status)) {
		ops_process_exited(ops, ct->task.wait_pid, ct->task.wait_starttime, status);
		return;
	}
	if (procfs_stat(ct->task.wait_pid, &st) || st.starttime != ct->task.wait_starttime) {
		/* Gone already; the report is on its way, unless nobody is there to send one. */
		loop_start_timer(ops->loop, &rt->lost_timer, 3.);
		return;
	}
	if (st.ppid == ops->master_pid || st.state == 'Z')
		return;
	rt->pidfd = (int)syscall(SYS_pidfd_open, ct->task.wait_pid, 0);
	if (rt->pidfd < 0)
		return;
	ev_io_set(&rt->pidfd_io, rt->pidfd, EV_READ);
	ev_io_start(loop_ev(ops->loop), &rt->pidfd_io);
}

void runtime_forget_task(struct ops *ops, struct container *ct)
{
	struct container_runtime *rt = ct->runtime;

	if (!rt)
		return;
	ev_timer_stop(loop_ev(ops->loop), &rt->lost_timer);
	ev_io_stop(loop_ev(ops->loop), &rt->pidfd_io);
	close_fd(&rt->pidfd);
	if (rt->in_pid_map)
		htab_del_int(ops->by_pid, (uint64_t)ct->task.wait_pid);
	rt->in_pid_map = false;
}

void runtime_watch_oom(struct ops *ops, struct container *ct)
{
	struct container_runtime *rt = runtime_get(ops, ct);
	struct error err = ERROR_INIT;
	struct cgroup cg;

	if (container_is_job(ct)) /* the group is its parent's, and so are the events */
		return;
	if (rt->watched || !(ct->spec.controllers & CGROUP_BIT(CGROUP_MEMORY)))
		return;
	prop_cgroup(ct, &cg);
	if (cgroup_events_add(ops->events, &cg, ct->id, &err))
		log_warning("container %s: no out-of-memory events: %s", ct->name, err.text);
	else
		rt->watched = true;
	rt->oom_told = ct->oom_kills;
}

void runtime_forget_oom(struct ops *ops, struct container *ct)
{
	struct container_runtime *rt = ct->runtime;

	if (rt)
		ev_timer_stop(loop_ev(rt->ops->loop), &rt->oom_timer);
	if (rt && rt->watched) {
		cgroup_events_del(ops->events, ct->id);
		rt->watched = false;
	}
}
