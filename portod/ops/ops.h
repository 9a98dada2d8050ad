/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations: everything that changes containers, as the handlers ask for it, and the daemon's
 * side of their lives (exits, out-of-memory, respawn, aging, restore). Nothing here blocks: what
 * may block runs in jobs. The commit of the store is the daemon's turn hook.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_event.h"
#include "loop/job.h"
#include "loop/loop.h"
#include "loop/proc.h"
#include "model/client.h"
#include "model/tree.h"
#include "model/watch.h"
#include "ops/op.h"
#include "props/extra.h"
#include "props/prop.h"
#include "store/store.h"

/* The slice of the configuration the operations need; borrowed strings live as long as ops. */
struct ops_config {
	const char *state_dir;    /* task records are below "tasks" */
	const char *workdir_base; /* "<place>/porto" */
	const char *portoinit;    /* helper binary */
	const char *socket_path;  /* bound into chroots that may use the API */
	unsigned max_containers;  /* + 100 for superusers */
	unsigned start_timeout_ms, stop_timeout_ms, queue_timeout_ms, remove_timeout_ms;
	unsigned tick_ms;  /* housekeeping: aging, rotation */
	unsigned max_jobs; /* forked at the same time */
	unsigned respawn_delay_min_ms;
	uint64_t dev_size, memory_total;
	unsigned devpts_max;
	const struct extra_property *extra; /* given to containers at their start */
	size_t nextra;
	bool start_parents, enable_tracefs;
	unsigned fuse_timeout_ms, fuse_pause_ms; /* for file systems in user space to end */
	bool detect_systemd;
	bool rw_cgroupfs, rw_net_cgroups;    /* may containers rule groups of their own? */
	bool os_cgroupfs;                    /* those of virt_mode os do without being told */
	int rt_priority, rt_nice, high_nice; /* of cpu_policy */
	bool sched_idle;                     /* cpu.idle for cpu_policy idle */
	double cpu_limit_scale;              /* quota / limit */
	uint64_t dead_memory_soft_limit;     /* bytes; of pressurize_on_death */
	int64_t coredump_filter;             /* default; -1 = the kernel's */
	const struct topology *topology;
	const char *default_resolv_conf;  /* lines separated by `;`; NULL = the host's file */
	unsigned resolv_conf_watchdog_ms; /* look at it so often; 0 = at each start */
	const struct smap *ipc_sysctl, *net_sysctl; /* what new namespaces begin with */
};

struct ops_stats {
	uint64_t created, started, start_failed, oom, buried, lost, restored;
	uint64_t taints; /* told by starts so far */
	uint64_t guarantee_refused;
	uint64_t start_timeouts, stream_rotate_bytes, stream_rotate_errors;
};

/* A report that came before the start job told whose process it is. */
struct early_exit {
	pid_t pid;
	uint64_t starttime;
	int status;
};

#define EARLY_EXITS 256

struct ops {
	const struct ops_config *config;
	struct loop *loop;
	struct procs *procs;
	struct store *store;
	struct tree *tree;
	struct watches *watches;
	struct cgroup_host *cgroups;
	struct cgroup_events *events;
	const struct prop_env *env;
	struct client *internal; /* the daemon as a client */
	pid_t master_pid;
	char hostname[65];
	struct ops_stats stats;
	/* private to ops/ */
	ev_io events_io;
	ev_timer tick;
	unsigned jobs_running;
	struct list job_queue;
	size_t active; /* operations not finished yet, and what else ops_hold() says */
	struct rotation *rotation;
	struct resolver *resolver;
	struct counters *counters;            /* NULL = not (any more) at work */
	struct list fetches;                  /* see ops/fetch.h */
	struct purge *purge;                  /* NULL = nothing left to remove */
	struct htab *by_pid;                  /* wait pid -> container */
	struct early_exit early[EARLY_EXITS]; /* the last ones, a ring */
	unsigned next_early;
	bool jails_changed;               /* look at them at the next tick */
	uint64_t jails_next_nsec;         /* and at this time, CLOCK_BOOTTIME */
	bool stopping;                    /* the daemon is going down: no new operations */
	void (*on_idle)(struct ops *ops); /* when stopping and `active` becomes 0 */
	/* enable_porto of `ct` was changed: clients in it and below may have other rights now. */
	void (*on_access)(struct ops *ops, struct container *ct);
};

/* Takes nothing over but the memory of `ops` itself. */
int ops_init(struct ops *ops, struct error *err);
/* Cancels what runs; the store keeps what was committed. */
void ops_deinit(struct ops *ops);

typedef void (*ops_done)(struct op *op, const struct error *err, void *user);

/* ---- asked for by clients; rights are checked by the caller unless said otherwise ---- */

/*
 * Each of these starts an operation and returns it, or calls `done` at once and returns NULL.
 * After `done` the op pointer is invalid.
 */

/* `name` is absolute. Checks syntax, parent, right on the parent, limits. */
struct op *ops_create(struct ops *ops, const struct client *client, const char *name, bool weak,
		      ops_done done, void *user);
struct op *ops_start(struct ops *ops, struct client *client, struct container *ct, ops_done done,
		     void *user);
/* timeout_ms 0 = kill at once. */
struct op *ops_stop(struct ops *ops, struct container *ct, uint64_t timeout_ms, ops_done done,
		    void *user);
/* The same, but what it was stays: state dead with exit status, groups and streams. It does not
 * respawn. Containers that are not started are left as they are. */
struct op *ops_stop_keep(struct ops *ops, struct container *ct, uint64_t timeout_ms, ops_done done,
			 void *user);
struct op *ops_destroy(struct ops *ops, struct container *ct, ops_done done, void *user);
struct op *ops_pause(struct ops *ops, struct container *ct, ops_done done, void *user);
struct op *ops_resume(struct ops *ops, struct container *ct, ops_done done, void *user);
struct op *ops_respawn(struct ops *ops, struct client *client, struct container *ct, ops_done done,
		       void *user);

/*
 * Several properties in one transaction, all or nothing. `change` sets them with prop_set() and the
 * like, and on failure leaves nothing behind; it runs at once or when the container is free, as
 * long as somebody waits for `done`. `client` and `arg` must live until then.
 */
typedef int (*ops_change_fn)(const struct prop_ctx *ctx, void *arg, struct prop_txn *txn,
			     struct error *err);
struct op *ops_change(struct ops *ops, const struct client *client, struct container *ct,
		      ops_change_fn change, void *arg, ops_done done, void *user);
/* Inside `done` of a successful ops_change(): what it did, sealed, for prop_revert() later. */
void ops_change_take(struct op *op, struct prop_txn *ret);
/* ops_create() with properties that are set before anybody can see the container; `change` as
 * above. On failure there is no container. Weak is what `change` makes it. */
struct op *ops_create_with(struct ops *ops, const struct client *client, const char *name,
			   ops_change_fn change, void *arg, ops_done done, void *user);
struct op *ops_set_property(struct ops *ops, const struct client *client, struct container *ct,
			    const char *name, const char *value, ops_done done, void *user);

/* A signal for every process of the container and of those nested in it that are not isolated. In
 * state running or meta, else ERR_INVALID_STATE. */
struct op *ops_kill_all(struct ops *ops, struct container *ct, int sig, ops_done done, void *user);

/*
 * Move a running process (host pid; the one that started at `starttime`) or one thread into the
 * groups of `ct`. Checks all rights and states of reference/containers.md §28 itself.
 */
struct op *ops_attach(struct ops *ops, const struct client *client, struct container *ct, pid_t pid,
		      uint64_t starttime, bool thread, ops_done done, void *user);

/* At once, in memory, with the store and the watchers told. */
int ops_kill(struct ops *ops, struct container *ct, int sig, struct error *err);
int ops_set_label(struct ops *ops, struct container *ct, const char *label, const char *value,
		  struct error *err);
/* Tie a weak container to a connection. */
void ops_bind_weak(struct client *client, struct container *ct);
/* A container that was weak only until now: it stays. `set`: somebody has said so. At once. */
void ops_keep(struct ops *ops, struct container *ct, bool set);
/* The connection closed: destroy what is still weak. */
void ops_client_gone(struct ops *ops, struct client *client);

/* ---- facts from outside ---- */

/* A process the master reaped; anybody's. Unknown ones are ignored. */
void ops_process_exited(struct ops *ops, pid_t pid, uint64_t starttime, int status);

/* Started containers with anything in `taint`. Looks at all containers. */
uint64_t ops_count_tainted(const struct ops *ops);

/* ---- life of the daemon ---- */

/* Rebuild the tree from the store and reconcile it with the kernel. Call before serving; slow
 * clean-ups go on as operations. */
int ops_restore(struct ops *ops, struct error *err);
/* Stop and destroy everything; `on_idle` is called when it is done. */
void ops_destroy_all(struct ops *ops);
/* Make the kernel count what each disk does, in the background, where it does not yet. */
void ops_start_counters(struct ops *ops);
