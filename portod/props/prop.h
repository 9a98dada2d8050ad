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
	PROP_SLOW = 1 << 8,     /* applying it may block: done by a forked job */
	PROP_NOSTORE = 1 << 9,  /* set but not persisted by the engine */
};

/* What must be applied to the kernel after a change; one function each in ops/apply.c. */
enum apply_group {
	APPLY_NONE,
	APPLY_MEMORY,
	APPLY_CPU,
	APPLY_PIDS,
	APPLY_ULIMIT,
	APPLY_OOM,
	_APPLY_COUNT
};

/* Services and limits getters and checks may use; built once by the daemon, const after. */
struct prop_env {
	struct cgroup_host *cgroups;
	struct tree *tree;
	unsigned ncpu;
	uint64_t memory_total;           /* bytes */
	const char *workdir_base;        /* "<place>/porto" */
	uint64_t stdout_limit_default, stdout_limit_max, stdout_read_max, min_memory_limit;
	uint64_t respawn_delay_default;  /* ns */
	uint64_t aging_time_default;     /* s */
	uint64_t thread_limit_default;   /* level 1 */
	uint64_t cpu_period_default;     /* ns */
	const char *default_ulimit;
	uint64_t (*porto_stat)(void *daemon, const char *name, bool *ret_known);
	void *daemon;                    /* for porto_stat */
};

struct prop_ctx {
	const struct prop_env *env;
	const struct client *client; /* who asks */
	struct container *ct;
	bool sync, real;             /* flags of the request */
};

struct prop;

/* A value type: how a stored field is read, printed and released. `field` points into the spec. */
struct prop_type {
	const char *name;
	int (*parse)(const struct prop *p, const struct prop_ctx *ctx, const char *text, void *field,
		     struct error *err);
	void (*format)(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		       struct buf *out);
	/* Text that parse() of load takes back; NULL = format. */
	void (*save)(const struct prop *p, const void *field, struct buf *out);
	int (*load)(const struct prop *p, const char *text, void *field, struct error *err);
};

struct prop {
	const char *name, *desc;
	const struct prop_type *type; /* NULL for computed ones */
	unsigned flags;               /* enum prop_flag */
	size_t offset;                /* of the field in struct container_spec; PROP_COMPUTED = none */
	enum apply_group group;
	int controller;               /* enum cgroup_controller it needs, -1 = none */
	const void *arg;              /* of the type: enum names, bounds, … */
	/* Optional: rule after parse, before the change counts; may look at the whole container. */
	int (*check)(const struct prop *p, const struct prop_ctx *ctx, struct error *err);
	/* Computed or special read; index is NULL or the text between [ and ]. */
	int (*get)(const struct prop *p, const struct prop_ctx *ctx, const char *index,
		   struct buf *out, struct error *err);
	/* Special write (index, or more than one field); NULL = type->parse into the field. */
	int (*set)(const struct prop *p, const struct prop_ctx *ctx, const char *index,
		   const char *value, struct error *err);
};

#define PROP_COMPUTED ((size_t)-1)

/* All rows, sorted by name. Row numbers are positions and not stable between versions. */
size_t prop_count(void);
const struct prop *prop_at(size_t row);
const struct prop *prop_find(const char *name);
unsigned prop_row(const struct prop *p);
bool prop_is_supported(const struct prop *p, const struct prop_env *env);

/*
 * Defaults of a new container: values derived from environment and parent (cpu_period,
 * capabilities, controllers by level, …). Owner and task credentials are the caller's business.
 */
void prop_init_spec(const struct prop_env *env, struct container *ct);

/* name, name[index], LABEL.x, .LABEL.x, controller.knob. Checks of reference/properties.md §2.3. */
int prop_get(const struct prop_ctx *ctx, const char *name, struct buf *out, struct error *err);

/* ---- changes ---- */

struct prop_change {
	const struct prop *prop;
	char *old_text; /* saved form; NULL = was not set */
	bool old_set;
};

/* What one or several sets changed; for rollback, apply and persistence. */
struct prop_txn {
	struct prop_change *changes;
	size_t n;
	uint32_t dirty;             /* 1 << enum apply_group */
	bool slow;
	uint64_t old_controllers, old_required;
	char *label, *label_value;  /* a label changed: for the watchers; value "" = removed */
};

#define PROP_TXN_INIT { 0 }

/* Checks of reference/properties.md §2.2 in order, then the change in memory. The caller has
 * checked the client's right on the container. On failure nothing is changed by this call. */
int prop_set(const struct prop_ctx *ctx, const char *name, const char *value, struct prop_txn *txn,
	     struct error *err);
/* Put all old values back. */
void prop_rollback(const struct prop_ctx *ctx, struct prop_txn *txn);
void prop_txn_deinit(struct prop_txn *txn);

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

/* The container's groups as kernel/cgroup.h wants them; borrows ct->name. */
void prop_cgroup(const struct container *ct, struct cgroup *ret);
