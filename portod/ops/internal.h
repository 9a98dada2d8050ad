/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of ops/ share among themselves. */
#pragma once

#include "kernel/family.h"
#include "kernel/starter.h"
#include "kernel/taskfile.h"
#include "ops/ops.h"

/* What a container has beside the model: timers and descriptors. */
struct container_runtime {
	struct ops *ops;
	struct container *ct; /* owner, borrowed */
	ev_timer respawn_timer;
	int pidfd; /* of a wait task that is not the master's child; -1 = none */
	ev_io pidfd_io;
	bool exited;      /* the wait task's end is known but not acted upon yet */
	int exit_status;  /* valid when exited */
	bool alone;       /* valid when exited: portoinit saw everybody else of a job end */
	bool dying;       /* a death operation is queued or at work */
	bool oom_pending; /* a fatal out-of-memory event waits to be acted upon */
	bool doomed;      /* the daemon is about to destroy the container */
	bool in_pid_map, watched;
	uint64_t oom_told;   /* kills that watchers know of */
	ev_timer oom_timer;  /* to look at the counter of kills again */
	unsigned oom_looks;  /* how often it was looked at since the event */
	struct strv links;   /* during a change: links that may be there, by key of `symlink` */
	ev_timer lost_timer; /* restored, its task is gone, the report is still due */
};

struct container_runtime *runtime_get(struct ops *ops, struct container *ct);
void runtime_drop(struct container *ct);
/* Know the wait task: by pid for the master's reports, by pidfd when it is a stranger's child. */
void runtime_watch_task(struct ops *ops, struct container *ct);
/* A report about a process that is nobody's, so far. */
void runtime_keep_exit(struct ops *ops, pid_t pid, uint64_t starttime, int status);
void runtime_forget_task(struct ops *ops, struct container *ct);
/* Out-of-memory events of its group. */
void runtime_watch_oom(struct ops *ops, struct container *ct);
void runtime_forget_oom(struct ops *ops, struct container *ct);

/* Change the state, keep the store and the watchers informed. */
void ops_set_state(struct ops *ops, struct container *ct, enum container_state state);
/* Set the facts of a run back: pids, times, exit status, out-of-memory flags. */
void ops_reset_run(struct container *ct);
struct moment ops_now(void);
char *ops_record_path(const struct ops *ops, const struct container *ct);
char *ops_hold_path(const struct ops *ops, const struct container *ct);
char *ops_workdir(const struct ops *ops, const struct container *ct);
/* Thaw a container that a pause or a signal left frozen; what is paused below by a request of its
 * own stays so. */
void ops_undo_pause(struct ops *ops, struct container *ct);
/* Error about a container whose parent is frozen; 0 if it is not. */
int ops_check_parent_thawed(const struct container *ct, struct error *err);
/* Of a job: whom to signal and kill in the group of its parent. */
struct family ops_family(const struct container *ct);
/* Signal the process (pid, starttime), never a successor of its pid. */
int ops_signal(pid_t pid, uint64_t starttime, int sig, struct error *err);

/* ---- persist.c ---- */
void persist_container(struct ops *ops, struct container *ct); /* everything */
void persist_run(struct ops *ops, struct container *ct);       /* state and facts of the run */
void persist_prop(struct ops *ops, struct container *ct, const struct prop *p);
void persist_extra(struct ops *ops, struct container *ct); /* which rows are presets */
void persist_remove(struct ops *ops, struct container *ct);
/* Parse the row persist_run wrote. */
int persist_load_run(struct container *ct, const char *text, struct error *err);

/* ---- compile*.c: container -> start_spec, pure but for reading files of configuration ---- */
struct compiled;
/* What the client who starts brings along; borrowed descriptors, -1 = none. */
struct start_client {
	int fds[3]; /* for its streams /dev/fd/N */
	int view;   /* its root directory, in which it means paths of namespaces */
	uid_t uid;  /* whose terminals it may give away; (uid_t)-1 = everybody's */
};
int compile_start(struct ops *ops, struct container *ct, const struct start_client *from,
		  bool respawn, struct compiled **ret, struct error *err);
/* Does the start look up paths of namespaces? */
bool compile_needs_view(const struct container *ct);
struct compiled *compiled_free(struct compiled *c);
const struct start_spec *compiled_spec(const struct compiled *c);
/* Which default it has got over /etc/resolv.conf, see ops/resolver.h. */
uint64_t compiled_resolv_serial(const struct compiled *c);
/* A meta container that needs no process. */
bool compiled_is_processless(const struct compiled *c);
uint32_t compiled_ns_flags(const struct compiled *c); /* bit per NS_ kind that is new */
/* Has it rules of its own about devices? */
bool compile_owns_devices(const struct ops *ops, const struct container *ct);
/* Everything before that can be refused: the checks of reference/containers.md §6.3. */
int compile_check(struct ops *ops, const struct client *client, const struct container *ct,
		  struct error *err);
/* ---- policy.c: what the daemon itself has to say at a start ---- */
int policy_apply(struct ops *ops, struct container *ct, struct error *err);
void policy_log_taints(struct ops *ops, const struct container *ct);

/* ---- teardown.c: the one clean-up of stop, destroy, failed start and restore ---- */
struct teardown;
/* Of `top` and everything below that has resources. */
struct teardown *teardown_new(struct ops *ops, struct container *top, bool kill_only);
struct teardown *teardown_free(struct teardown *t);
#define TEARDOWN_TRIES 3
int teardown_job(void *arg, void *result, size_t *len, struct error *err);

/* ---- doom.c ---- */
/* Nobody holds this weak container any more. */
void doom_weak(struct ops *ops, struct container *ct);
void doom_tick(struct ops *ops);

/* ---- death.c ---- */
/* The wait task of a started container is gone, or it ran out of memory: act when possible. */
void death_submit(struct ops *ops, struct container *ct);
/* `top` and all below it have no processes any more: dead, or waiting for their respawn. */
void death_bury(struct ops *ops, struct container *top);
/* After a death, or a restart: schedule the respawn if the rules allow one; returns whether. */
bool death_schedule_respawn(struct ops *ops, struct container *ct);
void death_children_may_respawn(struct ops *ops, struct container *ct);
/* Deaths that only the record tells of; called every tick. */
void death_check_frozen(struct ops *ops);
bool respawn_is_allowed(const struct container *ct);
/* `ct` does not come back, if the rules say so: nor does what waits for it below. */
void death_settle(struct ops *ops, struct container *ct);

/* ---- oom.c ---- */
/* Read the kernel's count of kills and keep the totals. */
void oom_update(struct ops *ops, struct container *ct);
/* Callbacks of ops->events_io and of container_runtime.oom_timer. */
void oom_on_events(struct ev_loop *ev, ev_io *io, int revents);
void oom_on_timer(struct ev_loop *ev, ev_timer *t, int revents);

/* ---- start.c ---- */
void ops_respawn_internal(struct ops *ops, struct container *ct);

/* ---- streams.c ---- */
struct rotation *rotation_new(struct ops *ops);
struct rotation *rotation_free(struct rotation *r);
void rotation_tick(struct rotation *r);
/* Host path of a stored stream, or NULL when it is not a stored one. New string. */
char *stream_stored_path(const struct ops *ops, const struct container *ct, int fd);
/* N of "/dev/fd/N", or -1. */
int stream_client_fd(const char *path);

/* ---- purge.c ---- */
/* Remove groups that belong to no container, in the background. */
void purge_leftovers(struct ops *ops);
struct purge *purge_free(struct purge *p);
/* Is a group of this name, above or below it just being removed? */
bool purge_covers(const struct ops *ops, const char *name);

/* ---- devices.c ---- */
/* Bring a change of APPLY_DEVICES to the kernel, or nothing of it. In a job only: it rolls `txn`
 * back in the job's memory. Blocks as the container's /dev does. */
int devices_apply(struct ops *ops, const struct prop_ctx *ctx, struct prop_txn *txn,
		  struct error *err);

/* ---- links.c ---- */
/* Before a change of a started container, and before it is taken back: what there may be, so that
 * applying can remove what is no longer wanted. */
void links_remember(struct ops *ops, struct container *ct);
void links_forget(struct container *ct); /* after */
int apply_links(struct ops *ops, struct container *ct, struct error *err);

/* ---- limits.c ---- */
/* `ulimit` of the container and of what inherits it below. Does not block. */
int limits_apply(struct ops *ops, struct container *top, struct error *err);

/* ---- counters.c ---- */
struct counters *counters_free(struct counters *c);

/* ---- apply.c ---- */
/* Bring the dirty groups of a started container to the kernel. May block if `slow`: in a job.
 * Devices are left to devices_apply(). */
int apply_groups(struct ops *ops, struct container *ct, uint32_t dirty, struct error *err);
