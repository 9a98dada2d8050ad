/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to ops/compile*.c: what a container is compiled into, and the parts of the work by
 * concern. Nothing here changes the container or the kernel.
 */
#pragma once

#include "base/buf.h"
#include "base/cred.h"
#include "kernel/layout.h"
#include "kernel/sysctl.h"
#include "ops/internal.h"
#include "ops/links.h"
#include "ops/settings.h"
#include "props/seccomp.h"

struct compiled {
	struct start_spec spec;
	struct layout_params layout;
	struct plan plan;
	struct settings settings;
	struct sched_attrs sched;
	struct cred cred, owner;
	struct strv env;
	struct bind_mount *binds;
	size_t nbinds;
	struct extra_mount *mounts;
	size_t nmounts;
	struct strv masked, readonly;
	struct link_set links;
	struct sysctl_setting *sysctls;
	struct rlimit_entry *rlimits;
	struct device_list devices; /* what it may have */
	struct buf device_rules;
	struct seccomp_profiles seccomp;
	struct strv sysfs; /* what is writable there */
	struct cgroup_view *views;
	size_t nviews;
	char *program;
	struct idmap uid_map, gid_map;
	uint64_t resolv_serial;
	char *cwd, *workdir, *record, *hold, *root, *resolv_conf;
	char *stored[3];
	char *netns;
	bool processless, joins; /* joins: enters namespaces that are not those above it */
};

/* ---- compile_res.c: groups, knobs, limits ---- */
void compile_resources(struct ops *ops, const struct container *ct, struct compiled *c);

/* ---- compile_cgroupfs.c ---- */
/* What of the groups it sees and rules. After compile_resources(). */
void compile_cgroupfs(struct ops *ops, const struct container *ct, struct compiled *c);
/* May it? */
int compile_check_cgroupfs(const struct ops *ops, const struct container *ct, struct error *err);

/* ---- compile_userns.c ---- */
/* After compile_namespaces(). */
int compile_userns(const struct ops *ops, const struct container *ct, struct compiled *c,
		   struct error *err);

/* ---- compile_ns.c ---- */
/* After compile_layout(), which decides about the mount namespace. */
int compile_namespaces(const struct ops *ops, const struct container *ct, struct compiled *c,
		       struct error *err);

/* ---- compile_sysctl.c: after the namespaces are known ---- */
int compile_sysctls(const struct ops *ops, const struct container *ct, struct compiled *c,
		    struct error *err);

/* ---- compile_fs.c ---- */
/* Root, binds, overlays: what the mount plan is made of. Needs c->cwd. */
int compile_layout(struct ops *ops, const struct container *ct, struct compiled *c,
		   struct error *err);
/* The plan itself, when there is a new mount namespace to execute it in. */
void compile_plan(const struct container *ct, struct compiled *c);

/* ---- compile_task.c: the command and what it is given ---- */
void compile_task(struct ops *ops, const struct container *ct, struct compiled *c);
/* Which filters hold for it. */
int compile_seccomp(struct ops *ops, const struct container *ct, struct compiled *c,
		    struct error *err);
int compile_streams(struct ops *ops, const struct container *ct, const struct start_client *from,
		    struct compiled *c, struct error *err);
