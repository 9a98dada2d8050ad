/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to kernel/cgroup*.c: hierarchies, the table rows of a backend, and file helpers.
 *
 * A hierarchy is one mounted tree. Its backend (cgroup_v1.c, cgroup_v2.c) is a const table: a row
 * per knob and statistic, and a few functions where the two versions differ in more than names.
 * Group paths in here are relative to the mount, without leading slash; "" is its top group.
 * Descriptors of mount points stay open, so that an operation on a container costs no lookup of
 * /sys/fs/cgroup and no probing.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "kernel/cgroup.h"

#define CGROUP_LEAF               "%leaf"
#define CGROUP_PATH_MAX           PATH_MAX
#define CGROUP_TEXT_MAX           16384 /* longest statistics file: memory.stat, 4 KiB */
#define CGROUP_DIR_MODE           0755
#define CGROUP_DEFAULT_TIMEOUT_MS 300000
#define CGROUP_DEFAULT_PERIOD     100000000ULL /* ns; the kernel's default */

struct cgroup_hierarchy;

struct cgroup_knob_row {
	const char *file; /* its presence makes the knob supported; NULL = the version has none */
	bool off_root;    /* the top group lacks the file, so its presence cannot be probed there */
	/* Instead of the file's presence; `file` is for messages only then. */
	bool (*probe)(const struct cgroup_hierarchy *hr, const char *path);
	/* One of both: the text to write to `file`, or a function for what takes several steps. */
	void (*format)(const struct cgroup_setting *s, char *buf, size_t size);
	int (*apply)(const struct cgroup_hierarchy *hr, const char *path,
		     const struct cgroup_setting *s, struct error *err);
};

#define CGROUP_SCALE_TICKS UINT64_MAX       /* USER_HZ ticks to ns */
#define CGROUP_SCALE_PAGES (UINT64_MAX - 1) /* pages to bytes */

struct cgroup_stat_row {
	const char *file;
	bool off_root;
	bool in_leaf;        /* read the leaf's file where there is a leaf */
	bool and_leaf;       /* v1: add the leaf's, if there is one */
	bool optional;       /* none of the keys in the file = 0 */
	const char *keys[5]; /* sum of these; none = the file is one number */
	const char *minus;   /* key whose value is taken away from the sum */
	uint64_t scale;      /* factor, 0 = 1 */
	/* The host's number when the top group has no such file or counts only our subtree: a
	 * procfs file, with root_keys (minus root_minus) in place of the above. */
	const char *root_file;
	const char *root_keys[5], *root_minus;
	uint64_t root_scale;
};

/* Counters of disks: a line "MAJ:MIN KEY N" for each key, or "MAJ:MIN KEY=N KEY=N ...". */
struct cgroup_io_row {
	const char *files[4]; /* the first that is there counts */
	const char *read_key, *write_key;
	uint64_t scale; /* 0 = 1 */
	bool sparse;    /* disks without traffic are left out */
};

struct cgroup_backend {
	const char *name;
	const char *threads_file, *cpus_file;
	uint64_t cpu_weight_base, cpu_weight_min, cpu_weight_max; /* of the kernel's file */
	struct cgroup_io_row io[_CGROUP_IO_COUNT];
	struct cgroup_knob_row knobs[_CGROUP_KNOB_COUNT];
	struct cgroup_stat_row stats[_CGROUP_STAT_COUNT];
	/* After the base group exists: features, delegation. May remove bits of hr->controllers. */
	int (*setup)(struct cgroup_hierarchy *hr, const char *prefix, struct error *err);
	/* Make one group usable for processes. *ret_new: it was not there. */
	int (*make)(const struct cgroup_hierarchy *hr, const char *path, bool *ret_new,
		    struct error *err);
	/* Is somebody inside (or below)? */
	bool (*is_populated)(const struct cgroup_hierarchy *hr, const char *path, bool recursive);
	/* Ask for the new state; waiting for it is the caller's. */
	int (*set_frozen)(const struct cgroup_hierarchy *hr, const char *path, bool frozen);
	bool (*is_frozen)(const struct cgroup_hierarchy *hr, const char *path);
	bool (*is_self_frozen)(const struct cgroup_hierarchy *hr, const char *path);
	bool (*is_parent_frozen)(const struct cgroup_hierarchy *hr, const char *path);
};

extern const struct cgroup_backend cgroup_v1_backend, cgroup_v2_backend;

enum cgroup_naming {
	CGROUP_NAMING_TREE,  /* P/a/b/c: freezer, unified */
	CGROUP_NAMING_MIXED, /* P%a%b/c: other v1 hierarchies */
	CGROUP_NAMING_FLAT,  /* P%a%b%c or the daemon's own group: name=systemd */
};

#define CGROUP_HAS_KILL       (1u << 0) /* cgroup.kill, Linux 5.14 */
#define CGROUP_HAS_LEAF       (1u << 1) /* the unified tree distributes controllers */
#define CGROUP_HAS_MEMSW      (1u << 2) /* v1 swap accounting, or v2 memory.swap.max */
#define CGROUP_NEEDS_USE_HIER (1u << 3) /* v1 before 5.11: memory.use_hierarchy is 0 by default */
#define CGROUP_HAS_RECPROT    (1u << 4) /* v2 memory_recursiveprot: the leaf is protected, too */

struct cgroup_hierarchy {
	const struct cgroup_backend *ops;
	uint32_t controllers; /* CGROUP_BITs of what lives here */
	enum cgroup_naming naming;
	int fd;                /* O_PATH of the mount point */
	char *point;           /* mount point */
	char *root;            /* directory of the hierarchy that is mounted */
	char *self;            /* FLAT: the daemon's group at start */
	char *options;         /* v1: what names it in mount(2), "cpu,cpuacct" */
	char *base;            /* P without its last component plus '/', or "" */
	char *enable;          /* v2: "+cpu +memory", for cgroup.subtree_control */
	uint32_t features;     /* CGROUP_HAS_… */
	uint32_t knobs, stats; /* supported rows */
	uint32_t pressures;    /* v2: bit per enum cgroup_pressure whose file is there */
};

struct cgroup_host {
	struct cgroup_hierarchy **hier; /* the tree first */
	size_t nhier;
	struct cgroup_hierarchy *at[_CGROUP_CONTROLLER_COUNT]; /* NULL = absent */
	struct cgroup_hierarchy *tree;    /* authority: the v1 freezer, or the unified tree */
	struct cgroup_hierarchy *unified; /* or NULL */
	char *prefix, *cgroup_root, *proc_root;
	unsigned freeze_timeout_ms, remove_timeout_ms;
	uint32_t disabled; /* of the options */
};

/* ---- cgroup.c ---- */

/* Deepest level on the way to `cg` that owns a group in this hierarchy; 0 = nobody does. */
unsigned cgroup_owner_level(const struct cgroup_hierarchy *hr, const struct cgroup *cg);
/* ERR_NOT_SUPPORTED: no controller, or (`file`) the controller lacks the file. Returns -1. */
int cgroup_not_supported(const struct cgroup_host *h, const char *name, enum cgroup_controller c,
			 const char *file, struct error *err);
/* Does the ancestor at `level` own a group in this hierarchy? */
static inline bool cgroup_owns(const struct cgroup_hierarchy *hr, const struct cgroup *cg,
			       unsigned level)
{
	return level > 0 && (cg->owned[level] & hr->controllers);
}
/* Relative path of the group that is responsible for `cg`. 0 or -ENAMETOOLONG. */
int cgroup_rel_path(const struct cgroup_host *h, const struct cgroup_hierarchy *hr,
		    const struct cgroup *cg, char *buf, size_t size);
/* The same as an error; buf must have CGROUP_PATH_MAX bytes. */
int cgroup_own_path(const struct cgroup_host *h, const struct cgroup_hierarchy *hr,
		    const struct cgroup *cg, char *buf, struct error *err);

/* ---- cgroup_get.c ---- */

const char *cgroup_pressure_file(enum cgroup_pressure what);

/* ---- cgroup_file.c: 0 or -errno ---- */

/* path/file; "" for file gives the group itself ("." for the top). Returns buf or NULL. */
const char *cgroup_join(const char *path, const char *file, char *buf, size_t size);
int cgroup_open(const struct cgroup_hierarchy *hr, const char *path, const char *file, int flags);
bool cgroup_file_exists(const struct cgroup_hierarchy *hr, const char *path, const char *file);
/* One write(2). */
int cgroup_write(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		 const char *text);
/* The same with a message that names the file and the text. */
int cgroup_write_err(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		     const char *text, struct error *err);
int cgroup_read(const struct cgroup_hierarchy *hr, const char *path, const char *file, char *buf,
		size_t size);
int cgroup_read_number(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		       uint64_t *ret);
int cgroup_read_key(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		    const char *key, uint64_t *ret);
/* Directory of the processes of a group: the leaf, where there is one. */
const char *cgroup_procs_dir(const struct cgroup_hierarchy *hr, const char *path, char *buf,
			     size_t size);
/* mkdir; 0 also when it exists (*ret_new tells), else -1 with a message. */
int cgroup_mkdir(const struct cgroup_hierarchy *hr, const char *path, bool *ret_new,
		 struct error *err);

/* Called for a group; not 0 ends the walk and is returned. */
typedef int (*cgroup_visit_fn)(const struct cgroup_hierarchy *hr, const char *path, void *arg);
/* `path` and every group below, parents first or last. Groups that vanish meanwhile are skipped. */
int cgroup_walk(const struct cgroup_hierarchy *hr, const char *path, bool parents_last,
		cgroup_visit_fn visit, void *arg);

/* Processes (or threads) of one group or of the whole subtree, appended. */
struct cgroup_pids {
	pid_t *v; /* owned */
	size_t n, cap;
};

void cgroup_pids_deinit(struct cgroup_pids *p);
/* Of this one group, which may be gone. 0 or -errno. */
int cgroup_pids_add(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		    struct cgroup_pids *out);
int cgroup_pids_read(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		     bool recursive, struct cgroup_pids *out);

/* ---- cgroup_delegate.c ---- */

/* Do its processes live in the leaf of this hierarchy? */
bool cgroup_has_leaf(const struct cgroup_hierarchy *hr, const struct cgroup *cg);

/* ---- cgroup_wait.c ---- */

/*
 * Polling with growing pauses that a change of cgroup.events (unified tree) cuts short. The v1
 * files give no notification.
 */
struct cgroup_wait {
	uint64_t deadline; /* monotonic ns */
	unsigned pause_us;
	int events_fd; /* or -1 */
};

/* `hr` NULL: no notification. */
void cgroup_wait_init(struct cgroup_wait *w, const struct cgroup_hierarchy *hr, const char *path,
		      unsigned timeout_ms);
void cgroup_wait_deinit(struct cgroup_wait *w);
/* Pause; false when the time is over. */
bool cgroup_wait_next(struct cgroup_wait *w);

/* ---- cgroup_kill.c ---- */

/* SIGKILL for everybody in this group and below, in this hierarchy; thaws where it has to. The
 * group cannot be used again: cgroup.kill is one-way (see cgroup_kill.c). */
void cgroup_kill_path(const struct cgroup_hierarchy *hr, const char *path);
