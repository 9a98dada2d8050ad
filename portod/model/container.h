/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container: identity, place in the tree, state, configuration, facts of the present run.
 * Pure memory; shared by reference count. Changed only by ops/ and props/.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cpumask.h"
#include "base/error.h"
#include "base/list.h"
#include "model/spec.h"
#include "model/state.h"

#define CONTAINER_MAX_LEVEL 16
#define CONTAINER_PROPS_MAX 256 /* bits of `set` */

struct container_runtime; /* ops/: timers and the like; NULL outside of the daemon */
struct op;

/* Who the container's processes are; zero when there are none. */
struct task_ids {
	pid_t wait_pid, main_pid; /* host pids; wait_pid's end is the container's end */
	pid_t main_vpid;          /* as the command sees itself */
	uint64_t wait_starttime, main_starttime;
};

/* A moment on both clocks: wall for people, boot for arithmetic. 0 = never. */
struct moment {
	uint64_t wall_sec, boot_nsec;
};

struct container {
	unsigned refs;

	/* identity */
	uint32_t id;
	char *name;               /* full, "a/b"; "" = the root container */
	unsigned level;           /* 0 = root */
	struct container *parent; /* referenced, so the way up stays valid; NULL for root */
	struct list children, child_node;
	size_t nchildren;

	/* configuration */
	struct container_spec spec;
	uint64_t set[CONTAINER_PROPS_MAX / 64]; /* which properties were set explicitly, by row */
	uint64_t preset[CONTAINER_PROPS_MAX / 64]; /* of these, by the configuration */

	/* state */
	enum container_state state;
	bool destroyed;         /* unlinked from the tree; only references keep it */
	bool orphaned;          /* was created weak, and that connection is gone */
	unsigned running_below; /* descendants in STATE_RUNNING */
	unsigned starting_below;
	unsigned nclients;  /* connections whose own container this is */
	uint64_t nrequests; /* of these, so far */

	/* facts of the present (or last) run */
	struct task_ids task;
	bool has_task;                 /* false for a meta container without a process */
	bool own_mount_ns, own_pid_ns; /* made at start */
	struct moment creation, start, death;
	uint64_t change_time; /* wall seconds of the last change */
	int exit_status;      /* wait(2) encoding */
	bool oom_killed;
	bool ended;          /* by a stop that keeps the record: it does not respawn by itself */
	uint64_t oom_events; /* since start */
	uint64_t oom_kills;  /* since start; last value read from the kernel */
	uint64_t oom_base;   /* the kernel's count at the start: a respawn keeps the group */
	uint64_t oom_kills_total;  /* with descendants, since creation */
	uint64_t stream_offset[3]; /* bytes rotated away; [0] unused */
	uint64_t memory_low;       /* what the kernel was told to guarantee, bytes */
	bool pressed;              /* what it has in memory is to be given back */
	struct cpumask *jail;      /* processors chosen for cpu_set `jail N`; owned, NULL = none */
	struct error *start_error; /* owned; NULL = none */
	bool self_frozen;          /* paused by its own request, not an ancestor's */

	/* operations, see ops/op.h */
	struct op *op;                     /* active one, or NULL */
	unsigned ops_below;                /* active operations on descendants */
	struct list op_waiting;            /* operations that wait for this container */
	struct container_runtime *runtime; /* owned by ops */
	struct list weak_node;             /* on a client's list of weak containers */
};

struct container *container_ref(struct container *ct);
/* Accepts NULL; frees with the last reference. Returns NULL. */
struct container *container_unref(struct container *ct);

static inline bool container_is_root(const struct container *ct)
{
	return ct->level == 0;
}
/* Last component of the name; "/" for root. */
const char *container_leaf_name(const struct container *ct);
/* Is `ct` below `top` (strictly)? */
bool container_is_below(const struct container *ct, const struct container *top);
/* "/porto/a/b" or "/". New string. */
char *container_absolute_name(const struct container *ct);

static inline bool container_is_set(const struct container *ct, unsigned row)
{
	return ct->set[row / 64] >> (row % 64) & 1;
}
static inline void container_mark_set(struct container *ct, unsigned row, bool on)
{
	uint64_t bit = UINT64_C(1) << (row % 64);

	ct->set[row / 64] = on ? ct->set[row / 64] | bit : ct->set[row / 64] & ~bit;
}
/* The same for what the configuration has set. */
static inline bool container_is_preset(const struct container *ct, unsigned row)
{
	return ct->preset[row / 64] >> (row % 64) & 1;
}
static inline void container_mark_preset(struct container *ct, unsigned row, bool on)
{
	uint64_t bit = UINT64_C(1) << (row % 64);

	ct->preset[row / 64] = on ? ct->preset[row / 64] | bit : ct->preset[row / 64] & ~bit;
}

/*
 * What is used at start: the value that was set, or the default of its virt_mode. Such a default is
 * never written into the spec, so that it goes when the mode changes and is there after a restart.
 */
const char *container_command(const struct container *ct); /* "" = none */
/* Path of stream 0..2; NULL = nothing for stdin, else a stored file: the default, but in mode os,
 * and in every mode what "stdout" and "stderr" mean when they are set. */
const char *container_stdio_path(const struct container *ct, int fd);
/* The system's init in mode os runs as root unless somebody named a user or a group. */
uid_t container_task_uid(const struct container *ct);
gid_t container_task_gid(const struct container *ct);

/* No command to run. */
bool container_is_meta(const struct container *ct);
/* Does a whole system run in it, from an image of its own? Then it has a group in the named
 * hierarchy of systemd. */
bool container_is_system(const struct container *ct);
/* Without groups of its own: it shares those of its parent. */
static inline bool container_is_job(const struct container *ct)
{
	return ct->spec.virt_mode == VIRT_JOB;
}
/* Root `/` when started, i.e. no chroot on the way up? */
bool container_is_chrooted(const struct container *ct);
/* Does it get a root directory of its own: by its own `root`, or that of ancestors that have no
 * process? */
bool container_has_own_root(const struct container *ct);
/* Root directory as a host path, composed over the ancestors. New string. */
char *container_root_path(const struct container *ct);
/* Working directory inside its root, reference/containers.md §20; `workdir_base` is
 * "<place>/porto". New string. */
char *container_cwd(const struct container *ct, const char *workdir_base);
/* exit code of Porto: 0..255, -signal, -99 for OOM. */
int container_exit_code(const struct container *ct);
/* Smallest memory limit on the way up; 0 = none. */
uint64_t container_memory_limit_total(const struct container *ct);
uint64_t container_cpu_limit_total(const struct container *ct);
/* Smallest cpu guarantee on the way up, of the containers that own the cpu controller
 * (`cpu_bit` in spec.controllers); `host` when none does. */
uint64_t container_cpu_guarantee_bound(const struct container *ct, uint64_t cpu_bit, uint64_t host);
/* max(own guarantee, sum of the children's), 0 when it is stopped. `also` counts as if it had been
 * started already; NULL = nobody. */
uint64_t container_memory_guarantee_total(const struct container *ct, const struct container *also);
/* A meta container without running descendants. */
static inline bool container_is_hollow_meta(const struct container *ct)
{
	return ct->state == STATE_META && ct->running_below == 0;
}
/* Nearest ancestor that has a process, or NULL. */
struct container *container_nearest_task(const struct container *ct);
void container_set_start_error(struct container *ct, const struct error *err); /* NULL = clear */
