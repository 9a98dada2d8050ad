/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups: the host's layout, and one container's place in it.
 *
 * Only cgroup_v1.c and cgroup_v2.c know which layout runs. The host is probed once: for each
 * logical controller either a v1 hierarchy (alone or co-mounted), the unified tree, or absent.
 * Several hierarchies may be in use at once (hybrid). A knob or statistic whose controller or file
 * the host lacks gives ERR_NOT_SUPPORTED with its name.
 *
 * Paths (reference/resources.md §1.3), P = the configured prefix, for example "porto":
 *   v1 freezer, unified tree           /P/a/b/c
 *   any other v1 hierarchy             /P%a%b/c: names joined by `/` where the left one owns a
 *                                      group in this hierarchy, by `%` where not; trailing names
 *                                      that own nothing are cut; nobody owns: the root "/".
 * On v2 processes live in a child called `%leaf`, since a group that distributes controllers may
 * hold none; no container name contains `%`. A unified tree without controllers needs no leaf.
 *
 * Functions that change or remove groups may block for long (RCU grace periods, reclaim, dying
 * tasks) and are meant for children of the server unless their comment says otherwise.
 * Kernel documents: admin-guide/cgroup-v1/, admin-guide/cgroup-v2.rst.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/cpumask.h"
#include "base/error.h"
#include "base/str.h"

/* In the printing order of the `controllers` property. */
enum cgroup_controller {
	CGROUP_FREEZER,
	CGROUP_MEMORY,
	CGROUP_CPU,
	CGROUP_CPUACCT,
	CGROUP_NET_CLS,
	CGROUP_BLKIO,
	CGROUP_DEVICES,
	CGROUP_HUGETLB,
	CGROUP_CPUSET,
	CGROUP_PIDS,
	CGROUP_PERF_EVENT,
	CGROUP_SYSTEMD,
	CGROUP_CGROUP2,
	_CGROUP_CONTROLLER_COUNT
};

#define CGROUP_BIT(c)    (1u << (c))
#define CGROUP_MAX_LEVEL 16

/* "freezer", …; `cgroups` shows CGROUP_CGROUP2 as "unified". */
const char *cgroup_controller_name(enum cgroup_controller c);
int cgroup_controller_parse(const char *name, enum cgroup_controller *ret); /* 0 or -ENOENT */

struct cgroup_host;

struct cgroup_options {
	const char *cgroup_root;    /* NULL = "/sys/fs/cgroup" */
	const char *proc_root;      /* NULL = "/proc"; mountinfo and cgroup are read below self/ */
	const char *prefix;         /* P, one or more components without leading slash, "porto" */
	unsigned freeze_timeout_ms; /* 0 = 300 s */
	unsigned remove_timeout_ms; /* 0 = 300 s */
	/* CGROUP_BITs that are left alone as if the host had none of them. CGROUP2 counts where
	 * there is a v1 freezer. */
	uint32_t disabled;
};

/* Find hierarchies and features, create the base group P where one is needed (freezer and
 * unified). Called once at start; logs nothing, see cgroup_host_describe(). */
int cgroup_host_new(const struct cgroup_options *opt, struct cgroup_host **ret, struct error *err);
struct cgroup_host *cgroup_host_free(struct cgroup_host *h);
/* Remove the base groups (the last act of `portod stop`); groups still in use are an error. */
int cgroup_host_remove_base(struct cgroup_host *h, struct error *err);
/* Lines for the log: layout, location of each controller, features found. */
void cgroup_host_describe(const struct cgroup_host *h, struct buf *out);
/* Controllers present on the host, as CGROUP_BITs. */
uint32_t cgroup_host_controllers(const struct cgroup_host *h);
/* Controllers a container of this level owns by default (§1.5 of the reference). */
uint32_t cgroup_host_default_controllers(const struct cgroup_host *h, unsigned level);
/* `mask` plus everything co-mounted with a member of it. */
uint32_t cgroup_host_close_mask(const struct cgroup_host *h, uint32_t mask);

/* One container's groups; plain data, borrows `name`. */
struct cgroup {
	const char *name;                     /* "a/b/c"; "" = the root container */
	unsigned level;                       /* number of components */
	uint32_t owned[CGROUP_MAX_LEVEL + 1]; /* owned[i]: controllers of its ancestor at level i */
	/* Controllers that it rules itself: in the hierarchies that have no others its processes
	 * live in the leaf, on v1, too. Counts for cgroup_delegate() and cgroup_attach_self(). */
	uint32_t delegated;
	/* It never has containers below, nor rules groups: its processes need no leaf on v2. Counts
	 * for cgroup_create() and for joining; the others see what is there. */
	bool childless;
};

/* Path inside the hierarchy of `c`, starting with "/"; -1 when the controller is absent. */
int cgroup_path(const struct cgroup_host *h, const struct cgroup *cg, enum cgroup_controller c,
		char *buf, size_t size);

/* ---- life ---- */

/* Make every group that owned[level] calls for; existing ones are fine. Undoes on failure. */
int cgroup_create(struct cgroup_host *h, const struct cgroup *cg, struct error *err);
/* Kill what is inside and remove own groups, freezer last; missing ones are fine. Groups below
 * that belong to no container (made by the container itself) are removed too. Blocks until the
 * tasks are gone or the time-out passed. */
int cgroup_remove(struct cgroup_host *h, const struct cgroup *cg, struct error *err);
/* Does the freezer (or unified) group exist? Does not block. */
bool cgroup_exists(const struct cgroup_host *h, const struct cgroup *cg);
/*
 * Move a process (host pid) into all groups, in the leaf on v2; with `thread` only this thread, on
 * v1 and in hybrid layouts (the unified hierarchy is left out), else ERR_NOT_SUPPORTED. On failure
 * it is where it was before; ERR_INVALID_VALUE when it is gone. Blocks for an RCU grace period
 * (several ms on an idle host): to start a process use the two calls below.
 */
int cgroup_attach(struct cgroup_host *h, const struct cgroup *cg, pid_t pid, bool thread,
		  struct error *err);
/* A descriptor for CLONE_INTO_CGROUP of clone3(2) (Linux 5.7), or -1 without a unified tree. It
 * places the child in the unified tree only: cgroup_attach_self() does the rest. Where clone3
 * refuses, or the child is killed at birth (SIGKILL before its first word: a kernel bug when one of
 * the two groups ever saw cgroup.kill), fork plainly and attach with `placed` = false. */
int cgroup_clone_fd(struct cgroup_host *h, const struct cgroup *cg);
/*
 * The calling process, which must have one thread only, moves itself into all groups; `placed` =
 * it was cloned into the unified one already. Linux 5.5 takes no global lock for a thread that
 * moves itself on v1, so that this is ten times faster than cgroup_attach(). Does not block.
 */
int cgroup_attach_self(struct cgroup_host *h, const struct cgroup *cg, bool placed,
		       struct error *err);
/* Send `sig` to every process of the group and, if `recursive`, of groups below; SIGKILL loops
 * until a pass finds nobody new, and thaws v1 groups, so that they can die. Does not wait. */
int cgroup_kill(struct cgroup_host *h, const struct cgroup *cg, int sig, bool recursive,
		struct error *err);
/* Who does not get the signal; all borrowed. */
struct cgroup_targets {
	const struct cgroup *except; /* groups below, each with everything below it */
	size_t nexcept;
	const pid_t *spare; /* single processes */
	size_t nspare;
};
/* Send `sig` to every process of the group and of groups below, each once: those that are there at
 * one moment, for which the group is frozen meanwhile (SIGKILL: passes until nobody is new). Blocks
 * while it freezes, at most a second. */
int cgroup_signal(struct cgroup_host *h, const struct cgroup *cg, const struct cgroup_targets *t,
		  int sig, struct error *err);
/* Wait until no process is left in the group (and below, if `recursive`). Blocks. */
int cgroup_wait_empty(struct cgroup_host *h, const struct cgroup *cg, bool recursive,
		      unsigned timeout_ms, struct error *err);
/* Any process inside (or below)? Does not block. */
bool cgroup_is_populated(const struct cgroup_host *h, const struct cgroup *cg, bool recursive);
/* Host pids of the group (freezer or unified), recursive or not; *ret is malloc'ed. */
int cgroup_pids(const struct cgroup_host *h, const struct cgroup *cg, bool recursive, pid_t **ret,
		size_t *ret_n, struct error *err);

/* Host ids of the threads of the group itself. */
int cgroup_threads(const struct cgroup_host *h, const struct cgroup *cg, pid_t **ret, size_t *ret_n,
		   struct error *err);

/* Freeze or thaw and wait until it is done (blocks up to freeze_timeout_ms; undone on time-out). */
int cgroup_freeze(struct cgroup_host *h, const struct cgroup *cg, struct error *err);
/* ERR_INVALID_STATE when an ancestor is frozen. Thaws separately frozen groups below, too. */
int cgroup_thaw(struct cgroup_host *h, const struct cgroup *cg, struct error *err);
/* The same, but what was frozen separately below stays frozen. */
int cgroup_thaw_self(struct cgroup_host *h, const struct cgroup *cg, struct error *err);
/* Does not block. */
bool cgroup_is_frozen(const struct cgroup_host *h, const struct cgroup *cg);
bool cgroup_is_self_frozen(const struct cgroup_host *h, const struct cgroup *cg);

/* ---- the container's own view ---- */

/*
 * What a container can be given without giving it power over its own limits: it rules a group
 * below its own, the leaf, which is the root of its cgroup namespace. That holds only where a limit
 * counts for the groups below: not for v1 blkio (limits are flat) and net_cls; and a v1 cpuset that
 * has groups below cannot be made smaller, which the container could use.
 */
#define CGROUP_DELEGABLE                                                                        \
	(CGROUP_BIT(CGROUP_FREEZER) | CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_CPU) |      \
	 CGROUP_BIT(CGROUP_CPUACCT) | CGROUP_BIT(CGROUP_DEVICES) | CGROUP_BIT(CGROUP_HUGETLB) | \
	 CGROUP_BIT(CGROUP_PIDS) | CGROUP_BIT(CGROUP_PERF_EVENT) | CGROUP_BIT(CGROUP_SYSTEMD) | \
	 CGROUP_BIT(CGROUP_CGROUP2))

/*
 * Make fresh leaves in the hierarchies of cg->delegated and give the directories and the files that
 * the kernel names for delegation (/sys/kernel/cgroup/delegate; v1: cgroup.procs, tasks,
 * cgroup.clone_children) to uid:gid. After the knobs: a v1 devices group with groups below takes no
 * new default. What an earlier run left below is removed. Blocks as cgroup_remove() may.
 */
int cgroup_delegate(struct cgroup_host *h, const struct cgroup *cg, uid_t uid, gid_t gid,
		    struct error *err);

/* A mount for the container's /sys/fs/cgroup, to be made in its own cgroup namespace. */
struct cgroup_view {
	char *name;        /* directory there: "cpu,cpuacct"; "" = /sys/fs/cgroup itself (v2) */
	char *options;     /* "cpu,cpuacct", "name=systemd"; NULL = the unified tree */
	bool writable;     /* it is delegated */
	struct strv links; /* names that lead to it: "cpu", "cpuacct" */
};

/* Of the hierarchies with a controller of `mask` in which the container has a group of its own.
 * The names are the host's. Does not block. */
void cgroup_views(const struct cgroup_host *h, const struct cgroup *cg, uint32_t mask,
		  struct cgroup_view **ret, size_t *ret_n);
void cgroup_views_free(struct cgroup_view *v, size_t n);

/* ---- knobs: one row per knob in each backend's table ---- */

enum cgroup_knob {
	/* bytes, 0 = none; swap is bounded with it. arg2: so many bytes below it allocating is
	 * slowed down (v2 memory.high), 0 = not at all. May block: reclaim */
	CGROUP_KNOB_MEMORY_LIMIT,
	CGROUP_KNOB_MEMORY_GUARANTEE, /* bytes that are not reclaimed from the group */
	/* bytes: what is above is given back soon (v1 soft limit) or now (v2, blocks); 0 = ends */
	CGROUP_KNOB_MEMORY_PRESS,
	CGROUP_KNOB_OOM_GROUP,     /* 1 = the kernel kills all of the group or nobody; v2 only */
	CGROUP_KNOB_HUGETLB_LIMIT, /* bytes of 2 MiB pages, 0 = none; with one, no 1 GiB pages */
	CGROUP_KNOB_CPU_LIMIT,     /* ns of cpu per `arg2` ns of time (the period); 0 = none */
	CGROUP_KNOB_CPU_WEIGHT,    /* 1000 = weight 1.0, a group that nobody touched; 0 = least */
	CGROUP_KNOB_CPU_IDLE,  /* 1 = only when nobody else wants to run. Set 0 before a weight */
	CGROUP_KNOB_CPU_RT,    /* v1: ns of real-time class per `arg2` ns */
	CGROUP_KNOB_CPU_SET,   /* text: list of processors; "" (v2 only) = as the parent */
	CGROUP_KNOB_IO_WEIGHT, /* 1000 = weight 1.0; arg2: enum cgroup_io_class */
	CGROUP_KNOB_IO_LIMIT,  /* io: bytes per second. Blocks: keys may be paths */
	CGROUP_KNOB_IO_OPS_LIMIT, /* io: operations per second. Blocks, too */
	CGROUP_KNOB_THREAD_LIMIT, /* threads, 0 = none */
	CGROUP_KNOB_DEVICES,      /* text: rules, see kernel/device.h; v2: a BPF program */
	_CGROUP_KNOB_COUNT
};

enum cgroup_io_class {
	CGROUP_IO_NORMAL,
	CGROUP_IO_HIGH,
	CGROUP_IO_BATCH,
	CGROUP_IO_IDLE,
	_CGROUP_IO_CLASS_COUNT
};

struct cgroup_setting {
	enum cgroup_knob knob;
	uint64_t value, arg2;
	const char *text; /* borrowed */
	/* Limits of disks, borrowed: key (kernel/disk.h) with an optional " r" or " w" behind it
	 * -> number, 0 = none. Disks that are not named lose the limit they have. */
	const struct smap *io;
	const char *io_root; /* host directory where keys like ./path and `fs` are looked up */
};

enum cgroup_controller cgroup_knob_controller(enum cgroup_knob knob);
/* The greatest CPU_WEIGHT the kernel takes, in thousandths of a group that nobody touched. */
uint64_t cgroup_cpu_weight_max(const struct cgroup_host *h);
bool cgroup_knob_is_supported(const struct cgroup_host *h, enum cgroup_knob knob);
/*
 * What blocks says so above; cpu_set and freezing knobs may take milliseconds. ERR_BUSY: a memory
 * limit below what is in use. ERR_INVALID_VALUE: the kernel refuses the number, or a disk is
 * unknown.
 */
int cgroup_set(struct cgroup_host *h, const struct cgroup *cg, const struct cgroup_setting *s,
	       struct error *err);

/* The same for the base group P, above all containers. Only knobs of the unified tree: elsewhere
 * there is no such group, and nothing is done. */
int cgroup_set_base(struct cgroup_host *h, const struct cgroup_setting *s, struct error *err);

/* ---- statistics ---- */

enum cgroup_stat {
	CGROUP_STAT_MEMORY_USAGE,     /* bytes */
	CGROUP_STAT_ANON_USAGE,       /* bytes */
	CGROUP_STAT_CACHE_USAGE,      /* bytes */
	CGROUP_STAT_SHMEM_USAGE,      /* bytes */
	CGROUP_STAT_MLOCK_USAGE,      /* bytes */
	CGROUP_STAT_MEMORY_RECLAIMED, /* bytes, since the group was made */
	CGROUP_STAT_WRITEBACK,        /* bytes on their way to disk now */
	CGROUP_STAT_MINOR_FAULTS,
	CGROUP_STAT_MAJOR_FAULTS,
	CGROUP_STAT_HUGETLB_USAGE,    /* bytes of 2 MiB pages */
	CGROUP_STAT_CPU_USAGE,        /* ns */
	CGROUP_STAT_CPU_USAGE_SYSTEM, /* ns */
	CGROUP_STAT_CPU_THROTTLED,    /* ns */
	CGROUP_STAT_PROCESS_COUNT,    /* subtree */
	CGROUP_STAT_THREAD_COUNT,     /* subtree */
	CGROUP_STAT_OOM_KILLS,        /* kills in the own group */
	_CGROUP_STAT_COUNT
};

enum cgroup_controller cgroup_stat_controller(enum cgroup_stat stat);
bool cgroup_stat_is_supported(const struct cgroup_host *h, enum cgroup_stat stat);
/* Of the group that owns the controller: the own one or the nearest ancestor's. Does not block.
 * cg of the root container gives the host's numbers. */
int cgroup_get(const struct cgroup_host *h, const struct cgroup *cg, enum cgroup_stat stat,
	       uint64_t *ret, struct error *err);

/* Processors the group may use: v1 its list, v2 the effective one. -1 without group. */
int cgroup_get_cpus(const struct cgroup_host *h, const struct cgroup *cg, struct cpumask *ret);

/* Does an empty list mean that of the group above, which v1 does not know? There, a group has to
 * have a part of what the group above has at any moment. */
bool cgroup_cpus_inherit(const struct cgroup_host *h);
/* Take away from what the container itself made below its group what is not in `m`, so that the
 * group can be narrowed. Failures show when that is done. */
void cgroup_narrow_cpus_below(struct cgroup_host *h, const struct cgroup *cg,
			      const struct cpumask *m);

/* Stalls (accounting/psi.rst), from the unified tree or, of the root container, /proc/pressure. */
enum cgroup_pressure {
	CGROUP_PRESSURE_CPU,
	CGROUP_PRESSURE_MEMORY,
	CGROUP_PRESSURE_IO,
	_CGROUP_PRESSURE_COUNT
};

bool cgroup_pressure_is_supported(const struct cgroup_host *h, enum cgroup_pressure what);
/* The file's text: lines "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" (µs). */
int cgroup_get_pressure(const struct cgroup_host *h, const struct cgroup *cg,
			enum cgroup_pressure what, char *buf, size_t size, struct error *err);

/* Traffic of disks. */
enum cgroup_io {
	CGROUP_IO_BYTES,
	CGROUP_IO_OPS,
	CGROUP_IO_TIME, /* ns; read holds all */
	_CGROUP_IO_COUNT
};

struct cgroup_disk {
	unsigned major, minor;
	uint64_t read, write;
};

struct cgroup_disks {
	struct cgroup_disk *v; /* owned */
	size_t n;
};

void cgroup_disks_deinit(struct cgroup_disks *d);
/* Of the responsible group; of the root container, what /proc/diskstats says of whole disks. What
 * the kernel does not count is an empty list. Does not block. */
int cgroup_get_io(const struct cgroup_host *h, const struct cgroup *cg, enum cgroup_io what,
		  struct cgroup_disks *ret, struct error *err);

/*
 * Since Linux 6.10 v1 counts the traffic of a disk only from the first time on that somebody set a
 * limit for it, be it none. The disks ("8:0") of which the kernel counts nothing yet are appended;
 * mostly there are none. Does not block.
 */
void cgroup_find_silent_disks(const struct cgroup_host *h, struct strv *ret);
/* Make it count: sets no limit, in a group of its own that is gone afterwards. Blocks until each
 * disk has done what it is at. A group that is left, because its maker was killed, goes with the
 * base groups. */
int cgroup_wake_disks(struct cgroup_host *h, const struct strv *numbers, struct error *err);

/* ---- raw access, for reading only ---- */

/* Directory of the group that is responsible for the container (cgroup_path() behind the mount
 * point), never the leaf. ERR_NOT_SUPPORTED when the controller is absent. */
int cgroup_dir(const struct cgroup_host *h, const struct cgroup *cg, enum cgroup_controller c,
	       char *buf, size_t size, struct error *err);
/* Append the content of one of its files. `file` is a name, not a path: a slash is refused. Does
 * not block. At most CGROUP_RAW_MAX bytes. */
#define CGROUP_RAW_MAX (1024 * 1024)
int cgroup_read_raw(const struct cgroup_host *h, const struct cgroup *cg, enum cgroup_controller c,
		    const char *file, struct buf *out, struct error *err);

/* ---- which container is this process in ---- */

/*
 * Container name by /proc/PID/cgroup: "" = host (outside of P), else "a/b/c", possibly a name
 * below any existing container. Does not block. ERR_PERMISSION for forged lines.
 */
int cgroup_locate(const struct cgroup_host *h, pid_t pid, char **ret_name, struct error *err);

/* Every group below P in the freezer/unified tree, deepest first, as container names: leftovers
 * are found with it at start. */
int cgroup_list(const struct cgroup_host *h, char ***ret_names, size_t *ret_n, struct error *err);
/* Kill and remove the groups of `name` in every hierarchy whatever its controllers were. Blocks. */
int cgroup_purge(struct cgroup_host *h, const char *name, struct error *err);
