/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/ops.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/htab.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "kernel/procfs.h"
#include "ops/cpuset.h"
#include "ops/fetch.h"
#include "ops/internal.h"
#include "ops/memory.h"
#include "ops/resolver.h"

struct moment ops_now(void)
{
	return (struct moment){ .wall_sec = clock_wall_sec(), .boot_nsec = clock_boot_nsec() };
}

char *ops_record_path(const struct ops *ops, const struct container *ct)
{
	return xasprintf("%s/tasks/%u", ops->config->state_dir, ct->id);
}

char *ops_hold_path(const struct ops *ops, const struct container *ct)
{
	return xasprintf("%s/tasks/%u.hold", ops->config->state_dir, ct->id);
}

char *ops_workdir(const struct ops *ops, const struct container *ct)
{
	return xasprintf("%s/%s", ops->config->workdir_base, ct->name);
}

struct family ops_family(const struct container *ct)
{
	const struct task_ids *t = &ct->task;

	return (struct family){ .name = ct->name,
				.wait_pid = t->wait_pid,
				.wait_starttime = t->wait_starttime,
				.main_pid = t->main_pid,
				.main_starttime = t->main_starttime,
				.init = t->wait_pid != t->main_pid };
}

int ops_signal(pid_t pid, uint64_t starttime, int sig, struct error *err)
{
	struct proc_stat st;
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	/* With the pidfd in hand the pid cannot change its meaning any more. */
	if (pidfd < 0 || procfs_stat(pid, &st) || st.starttime != starttime)
		return error_set(err, ERR_INVALID_STATE, "process %d is gone", pid);
	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0))
		return error_errno(err, errno, "send signal %d to process %d", sig, pid);
	return 0;
}

void ops_set_state(struct ops *ops, struct container *ct, enum container_state state)
{
	bool was_running = ct->state == STATE_RUNNING;

	if (ct->state == state)
		return;
	container_set_state(ct, state);
	if (state == STATE_STOPPED)
		cpuset_release(ops, ct);
	guarantee_update(ops, ct);
	press_update(ops, ct);
	persist_run(ops, ct);
	watches_notify_state(ops->watches, ct, state_name(state));
	if (!was_running)
		return;
	for (struct container *up = ct->parent; up; up = up->parent)
		if (!container_is_root(up) && container_is_hollow_meta(up))
			watches_notify_state(ops->watches, up, state_name(up->state));
}

void ops_reset_run(struct container *ct)
{
	ct->task = (struct task_ids){ 0 };
	ct->has_task = ct->own_mount_ns = ct->own_pid_ns = false;
	ct->start = ct->death = (struct moment){ 0 };
	ct->exit_status = 0;
	ct->oom_killed = ct->ended = false;
	ct->oom_events = ct->oom_kills = ct->oom_base = 0;
	ct->self_frozen = false;
	if (ct->runtime) {
		ct->runtime->exited = ct->runtime->alone = false;
		ct->runtime->oom_pending = false;
	}
}

int ops_check_parent_thawed(const struct container *ct, struct error *err)
{
	for (const struct container *up = ct->parent; up; up = up->parent)
		if (up->self_frozen)
			return error_set(err, ERR_INVALID_STATE,
					 "container '%s' is below the paused container '%s'",
					 ct->name, up->name);
	return 0;
}

int ops_set_label(struct ops *ops, struct container *ct, const char *label, const char *value,
		  struct error *err)
{
	if (label_set(ct, label, value, err))
		return -1;
	ct->change_time = clock_wall_sec();
	persist_prop(ops, ct, prop_find("labels"));
	watches_notify_label(ops->watches, ct, label, value);
	return 0;
}

void ops_bind_weak(struct client *client, struct container *ct)
{
	list_push_back(&client->weak, &ct->weak_node);
}

void ops_keep(struct ops *ops, struct container *ct, bool set)
{
	const struct prop *weak = prop_find("weak");

	list_del(&ct->weak_node);
	ct->spec.weak = false;
	container_mark_set(ct, prop_row(weak), set);
	persist_prop(ops, ct, weak);
}

void ops_process_exited(struct ops *ops, pid_t pid, uint64_t starttime, int status)
{
	struct container *ct = htab_get_int(ops->by_pid, (uint64_t)pid);
	struct container_runtime *rt;
	struct task_record record;
	auto_free char *path = NULL;

	if (!ct || ct->task.wait_starttime != starttime) {
		log_debug("process %d ended with status 0x%x, nobody's", pid, (unsigned)status);
		runtime_keep_exit(ops, pid, starttime, status);
		return;
	}
	rt = runtime_get(ops, ct);
	path = ops_record_path(ops, ct);
	/* portoinit's record of the command is exact; its own exit status cannot be. */
	if (task_record_read(path, &record) == 0 && record.wait_pid == pid &&
	    record.wait_starttime == starttime && record.have_status) {
		status = record.status;
		rt->alone = record.have_status == TASK_STATUS_ALONE;
	}
	runtime_forget_task(ops, ct);
	rt->exited = true;
	rt->exit_status = status;
	log_debug("container %s: task %d ended with status 0x%x", ct->name, pid, (unsigned)status);
	death_submit(ops, ct);
}

/* ---- housekeeping ---- */

static void on_tick(struct ev_loop *ev, ev_timer *t, int revents)
{
	struct ops *ops = container_of(t, struct ops, tick);

	(void)ev;
	(void)revents;
	doom_tick(ops);
	death_check_frozen(ops);
	rotation_tick(ops->rotation);
	cpuset_tick(ops);
}

int ops_init(struct ops *ops, struct error *err)
{
	struct ev_loop *ev = loop_ev(ops->loop);
	double tick = ops->config->tick_ms / 1e3;

	list_init(&ops->job_queue);
	list_init(&ops->fetches);
	ops->by_pid = htab_new();
	if (cgroup_events_new(ops->cgroups, &ops->events, err))
		return -1;
	ev_io_init(&ops->events_io, oom_on_events, cgroup_events_fd(ops->events), EV_READ);
	ev_io_start(ev, &ops->events_io);
	ops->rotation = rotation_new(ops);
	ops->resolver = resolver_new(ops);
	ev_timer_init(&ops->tick, on_tick, tick, tick);
	ev_timer_start(ev, &ops->tick);
	return 0;
}

void ops_deinit(struct ops *ops)
{
	struct container *root, *ct;

	if (!ops->by_pid)
		return;
	root = tree_root(ops->tree);
	for (ct = tree_next(root, root); ct; ct = tree_next(root, ct))
		runtime_drop(ct);
	ev_timer_stop(loop_ev(ops->loop), &ops->tick);
	fetch_deinit(ops);
	ops->rotation = rotation_free(ops->rotation);
	ops->resolver = resolver_free(ops->resolver);
	ops->purge = purge_free(ops->purge);
	ops->counters = counters_free(ops->counters);
	if (ops->events)
		ev_io_stop(loop_ev(ops->loop), &ops->events_io);
	ops->events = cgroup_events_free(ops->events);
	ops->by_pid = htab_free(ops->by_pid);
}
