/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The property engine. One row is the whole truth about a property; everything that can be
 * derived from it is: get, set, list, errors of state and permission, persistence, help, manual.
 *
 * The engine changes memory only. It records what was changed in a transaction; the caller (ops/)
 * applies the dirty groups to the kernel of a started container, and either keeps the transaction
 * (persist its rows) or rolls it back. Getters of statistics read kernel files that do not block.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "kernel/cgroup.h"
#include "model/client.h"
#include "model/container.h"
#include "model/tree.h"

enum prop_flag {
	PROP_READONLY = 1 << 0, /* set: InvalidValue */
	PROP_DYNAMIC = 1 << 1,  /* settable in every state but dead */
	PROP_ANY = 1 << 2,      /* with DYNAMIC: in dead, too */
	PROP_RUNTIME = 1 << 3,  /* readable only after start */
	PROP_DEAD = 1 << 4,     /* readable only in state dead */
	PROP_HIDDEN = 1 << 5,   /* not listed */
	PROP_INDEX_GET = 1 << 6,
	PROP_INDEX_SET = 1 << 7,
	PROP_SLOW = 1 << 8,        /* applying it may block: done by a forked job */
	PROP_NOSTORE = 1 << 9,     /* another row persists the same field */
	PROP_ALWAYS_SET = 1 << 10, /* has a value of its own from creation on */
	PROP_SECRET = 1 << 11,     /* what a client writes is never shown or logged */
};

/* What must be applied to the kernel after a change, in this order; see ops/apply.c. */
enum apply_group {
	APPLY_NONE,
	APPLY_CPU_SET,    /* processors, of those below, too */
	APPLY_CPU_WEIGHT, /* share, class and nice value of all threads */
	APPLY_CPU,        /* limit, of those below, too */
	APPLY_GUARANTEE,  /* of memory; of those above, too */
	APPLY_MEMORY,
	APPLY_OOM,
	APPLY_PRESS, /* memory of the dead */
	APPLY_IO_LIMIT,
	APPLY_IO_OPS_LIMIT,
	APPLY_IO_WEIGHT, /* and io priority of all threads */
	APPLY_HUGETLB,
	APPLY_ULIMIT,
	APPLY_PIDS,
	APPLY_HELD,
	APPLY_DEVICES,     /* see ops/devices.c */
	APPLY_RESOLV_CONF, /* in a job only */
	APPLY_SYMLINK,     /* likewise */
	_APPLY_COUNT
};

struct device_config;

struct prop_parts;

/* Services and limits getters and checks may use; built once by the daemon, const after. */
struct prop_env {
	struct cgroup_host *cgroups;
	struct tree *tree;
	unsigned ncpu;
	uint64_t memory_total; /* bytes */
	const struct topology *topology;
	const char *place;        /* the daemon's; NULL = /place */
	const char *workdir_base; /* "<place>/porto" */
	uint64_t stdout_limit_default, stdout_limit_max, stdout_read_max, min_memory_limit;
	uint64_t respawn_delay_default;           /* ns */
	uint64_t aging_time_default;              /* s */
	uint64_t thread_limit_default;            /* level 1 */
	uint64_t cpu_period_default;              /* ns */
	uint64_t memory_guarantee_reserve;        /* bytes nobody may be promised */
	uint64_t memlock_minimal, memlock_margin; /* bytes, see props/ulimit.c */
	uint64_t memory_limit_margin;             /* bytes; 0 = no limit by default */
	bool pressurize_on_death_default;
	const char *default_ulimit;
	bool core_enabled;            /* core dumps come to us: `core_command` has a meaning */
	bool enable_fuse;             /* may containers have it? */
	const struct smap *extra_env; /* of the configuration, for every container; NULL = none
					    */
	const struct smap *seccomp;   /* profiles by name, normalised text; NULL = none */
	const struct device_config *devices; /* props/device.h; NULL = the default list */
	uint64_t (*porto_stat)(void *daemon, const char *name, bool *ret_known);
	void *daemon; /* for porto_stat */
};

struct prop_ctx {
	const struct prop_env *env;
	const struct client *client; /* who asks */
	struct container *ct;
	bool sync, real; /* flags of the request */
	bool in_job;     /* in a forked job: getters may block, and change who they are */
	const struct prop_parts *parts; /* values that were read by a job; NULL = none */
};

struct prop;

/*
 * A value type: how a stored field is read, printed and persisted. `field` points into the spec.
 * Errors of parse need not name the property: the engine does. A failed parse or set_index may
 * leave the field half changed: the engine puts the old value back.
 */
struct prop_type {
	const char *name; /* of the value syntax, for the manual */
	int (*parse)(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		     void *field, struct error *err);
	void (*format)(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		       struct buf *out);
	/* For the store and for rollback. New string; NULL = the field has no value. */
	char *(*save)(const struct prop *p, const void *field);
	/* Takes what save returned. */
	int (*load)(const struct prop *p, const char *text, void *field, struct error *err);
	/* name[index]; NULL where the type has none. */
	int (*get_index)(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			 const char *index, struct buf *out, struct error *err);
	int (*set_index)(const struct prop *p, const struct prop_ctx *ctx, void *field,
			 const char *index, const char *value, struct error *err);
};

struct prop {
	const char *name, *desc;
	unsigned row;                 /* position in the table */
	const struct prop_type *type; /* NULL = computed: nothing is stored, `get` is there */
	unsigned flags;               /* enum prop_flag */
	size_t offset;                /* of the field in struct container_spec */
	enum apply_group group;
	uint32_t needs;             /* CGROUP_BITs of the controllers it needs */
	const void *arg;            /* of the type or getter: enum words, bounds, … */
	const struct prop *also[2]; /* rows that a set of this one changes, too */
	/* The manual's text, in reStructuredText: syntax, default, effect, limits, errors. */
	const char *doc;
	const char *absent; /* why it is known only by name; NULL = it is there */
	/* Optional: is it there on this host? NULL = when the controllers are. */
	bool (*supported)(const struct prop_env *env);
	/* Optional: rule after parse, before the change counts; may look at the whole container. */
	int (*check)(const struct prop *p, const struct prop_ctx *ctx, struct error *err);
	/* Computed or special read; index is NULL or the text between [ and ]. */
	int (*get)(const struct prop *p, const struct prop_ctx *ctx, const char *index,
		   struct buf *out, struct error *err);
	/* Special write; NULL = parse or set_index of the type. */
	int (*set)(const struct prop *p, const struct prop_ctx *ctx, const char *index,
		   const char *value, struct error *err);
};

/* All rows, sorted by name. Row numbers are positions and not stable between versions. */
size_t prop_count(void);
const struct prop *prop_at(size_t row);
const struct prop *prop_find(const char *name);
unsigned prop_row(const struct prop *p);
bool prop_is_supported(const struct prop *p, const struct prop_env *env);
/* ERR_NOT_SUPPORTED with the reason when it is not. */
int prop_require(const struct prop *p, const struct prop_env *env, struct error *err);

/*
 * Defaults of a new container (also of the root container): values derived from environment and
 * parent (cpu_period, enable_porto, controllers by level, …). Owner and task credentials are the
 * caller's business. Call it once, before prop_load().
 */
void prop_init_spec(const struct prop_env *env, struct container *ct);

/*
 * Values that are read by a job, since they are in files of a container's owner, on file systems
 * that may hang: `stdout` and `stderr` where these have a path. Without `in_job` and without a part
 * of that container and name prop_get() fails.
 */
struct prop_part {
	struct container *ct; /* referenced */
	char *name;           /* owned; as asked for */
	struct error err;
	struct buf value; /* unless there is an error */
};

struct prop_parts {
	struct prop_part *v;
	size_t n;
};

/* Might a property of this name, of some container, need one? Costs nothing. */
static inline bool prop_may_need_job(const char *name)
{
	return str_has_prefix(name, "std");
}
bool prop_needs_job(const struct container *ct, const char *name);
/* Once. */
void prop_parts_add(struct prop_parts *parts, struct container *ct, const char *name);
void prop_parts_deinit(struct prop_parts *parts);

/*
 * name, name[index], LABEL.x, .LABEL.x, controller.knob. Appends the value to `out` (text; stdout
 * and stderr may hold any bytes). ERR_INVALID_PROPERTY, ERR_LABEL_NOT_FOUND, ERR_NOT_SUPPORTED,
 * ERR_INVALID_STATE, ERR_NO_VALUE (flag `real`), or what the value's getter says. Reads files of
 * cgroupfs, procfs and stored streams; does not wait for anybody.
 */
int prop_get(const struct prop_ctx *ctx, const char *name, struct buf *out, struct error *err);

/* ---- changes ---- */

struct prop_change {
	const struct prop *prop;
	char *old_text; /* saved form; NULL = the field had no value */
	bool old_set, old_preset;
	char *new_text; /* likewise, after prop_txn_seal() */
};

/* What one or several sets changed; for rollback, apply and persistence. */
struct prop_txn {
	struct prop_change *changes;
	size_t n;
	uint32_t dirty; /* 1 << enum apply_group */
	bool slow;
	uint64_t old_controllers, old_required, old_change_time;
	uint64_t new_controllers; /* after prop_txn_seal() */
	struct smap labels;       /* labels that changed, for the watchers; value "" = removed */
};

#define PROP_TXN_INIT \
	{             \
		0     \
	}

/* The checks in this order: root container ERR_PERMISSION, unknown name ERR_INVALID_PROPERTY,
 * not on this host ERR_NOT_SUPPORTED, read-only ERR_INVALID_VALUE, wrong state
 * ERR_INVALID_STATE, missing controller ERR_NOT_SUPPORTED, then the value's own; then the
 * change in memory. The caller has checked the client's right on the container. On failure
 * nothing is changed by this call. */
int prop_set(const struct prop_ctx *ctx, const char *name, const char *value, struct prop_txn *txn,
	     struct error *err);
/* Put all old values back. */
void prop_rollback(const struct prop_ctx *ctx, struct prop_txn *txn);
void prop_txn_deinit(struct prop_txn *txn);

/*
 * To take back a transaction that was kept: seal it when it is complete; later revert it, which
 * puts back what nobody has changed meanwhile, as a new transaction.
 */
void prop_txn_seal(struct prop_txn *txn, struct container *ct);
void prop_revert(const struct prop_ctx *ctx, const struct prop_txn *old, struct prop_txn *txn);

/*
 * Writing without text: changes the field of `p` (which may be by prop_parse()), nothing else. What
 * it leaves behind on failure does not matter.
 */
typedef int prop_writer(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
			struct error *err);
/*
 * Like prop_set(), with `write` in the place of the client's text, and with two differences: the
 * rule that looks at the whole container is left to prop_check(), so that several values can be
 * written in any order and checked together; and a value that the property has already is no
 * error in a state, or without a controller, that would not let it be changed: 1 is returned.
 */
int prop_write(const struct prop_ctx *ctx, const struct prop *p, prop_writer *write,
	       const void *arg, struct prop_txn *txn, struct error *err);
int prop_check(const struct prop_ctx *ctx, const struct prop *p, struct error *err);
/* The property's own reading of a value; for writers. Not trimmed; index may be NULL. */
int prop_parse(const struct prop *p, const struct prop_ctx *ctx, const char *index,
	       const char *value, struct error *err);

/* ---- labels (shared by SetLabel and friends) ---- */
int label_check_name(const char *name, struct error *err);
int label_check_value(const char *value, struct error *err);
/* "" removes. Count limit: ERR_RESOURCE_NOT_AVAILABLE. */
int label_set(struct container *ct, const char *name, const char *value, struct error *err);
/* `.NAME` searches the ancestors. NULL = not there. */
const char *label_get(const struct container *ct, const char *name);

/* ---- persistence ---- */

/* Each row that is set, as (name, text). */
void prop_save_each(const struct container *ct,
		    void (*fn)(void *arg, const char *name, const char *text), void *arg);
/* Text of one row; NULL when it is not set. New string. */
char *prop_save(const struct container *ct, const struct prop *p);
/* Unknown names are ERR_INVALID_PROPERTY. Marks the row set. */
int prop_load(const struct prop_env *env, struct container *ct, const char *name, const char *text,
	      struct error *err);

/* Read the kernel's counters of OOM kills of `top` and all below it, and add what is new to the
 * containers and their ancestors. One small file per container that owns the memory controller. */
void prop_refresh_oom_kills(const struct prop_env *env, struct container *top);

/* The container's groups as kernel/cgroup.h wants them, a job's are its parent's; borrows the name
 * of the one whose groups they are. */
void prop_cgroup(const struct container *ct, struct cgroup *ret);
