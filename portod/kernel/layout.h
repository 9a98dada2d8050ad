/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From facts about a container to its mount plan. Pure: reference/containers.md §21 as code.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "kernel/cgroup.h"
#include "kernel/device.h"
#include "kernel/plan.h"

enum bind_flag {
	BIND_RO = 1 << 0,  /* the bound mount */
	BIND_RRO = 1 << 1, /* with what is below it */
	BIND_RW = 1 << 2,
	BIND_REC = 1 << 3,
	BIND_DEV = 1 << 4,
	BIND_NODEV = 1 << 5,
	BIND_SUID = 1 << 6,
	BIND_NOSUID = 1 << 7,
	BIND_EXEC = 1 << 8,
	BIND_NOEXEC = 1 << 9,
	BIND_NOATIME = 1 << 10,
	BIND_NODIRATIME = 1 << 11,
	BIND_RELATIME = 1 << 12,
	/* Propagation (mount_namespaces(7)); the last but one pair goes both ways. */
	BIND_PRIVATE = 1 << 13,
	BIND_RPRIVATE = 1 << 14,
	BIND_SLAVE = 1 << 15,
	BIND_RSLAVE = 1 << 16,
	BIND_SHARED = 1 << 17,
	BIND_RSHARED = 1 << 18,
	BIND_UNBINDABLE = 1 << 19,
	BIND_RUNBINDABLE = 1 << 20,
};

#define BIND_PROPAGATION                                                                        \
	(BIND_PRIVATE | BIND_RPRIVATE | BIND_SLAVE | BIND_RSLAVE | BIND_SHARED | BIND_RSHARED | \
	 BIND_UNBINDABLE | BIND_RUNBINDABLE)

struct bind_mount {
	char *source; /* absolute on the host */
	char *target; /* absolute in the container */
	unsigned flags;
};

/* A file system that is mounted for the container alone. */
struct extra_mount {
	char *type, *target; /* target: absolute in the container */
	char *source;        /* shown in mountinfo; NULL = the type */
	unsigned long flags; /* MS_* */
	char *data;          /* options of the file system; NULL = none */
};

/* Name <-> flag; unknown gives 0. */
unsigned bind_flag_parse(const char *word);
const char *bind_flag_name(unsigned flag);

#define LAYOUT_TTY_GID 5 /* of Debian and most others */

struct layout_params {
	const char *root; /* absolute host path; "/" = the host's root */
	bool root_readonly;
	bool isolate;      /* own pid namespace: a fresh /proc is needed */
	uint64_t run_size; /* bytes for /run of a chroot */
	uint64_t dev_size; /* bytes for /dev */
	unsigned devpts_max;
	uid_t root_uid; /* whom what is made for root belongs to, see struct plan */
	gid_t root_gid;
	gid_t tty_gid;                /* of terminals; 0 = LAYOUT_TTY_GID */
	const struct device *devices; /* nodes for a chroot's /dev */
	size_t ndevices;
	const struct strv *sysfs; /* what is writable below /sys all the same; NULL = nothing */
	const struct bind_mount *binds;
	size_t nbinds;
	const struct extra_mount *mounts;
	size_t nmounts;
	uint64_t shm_size;         /* bytes of a /dev/shm of its own; 0 = as big as /run */
	unsigned root_propagation; /* one of BIND_PROPAGATION; 0 = from the host, shared below */
	const struct strv *masked, *readonly; /* exact lists; NULL = the defaults */
	const char *etc_hosts;                /* content for /etc/hosts; NULL = untouched */
	const char *hostname;                 /* NULL or "" = no /etc/hostname overlay */
	const char *resolv_conf; /* content for a chroot's /etc/resolv.conf, NULL = untouched */
	bool private_run;        /* with root "/": a /run of its own, as a chroot has */
	const char *socket_path; /* bound at /run/portod.socket of a chroot; NULL = not */
	bool writes_root;        /* the container may change its root with the rights of uid 0 */
	uid_t owner_uid;         /* of targets that binds create */
	gid_t owner_gid;
	bool enable_tracefs, enable_hugetlbfs;
	const struct cgroup_view *cgroups; /* for /sys/fs/cgroup; needs a new cgroup namespace */
	size_t ncgroups;
	const char *cgroups_for; /* mount them only if this program is systemd; NULL = anyway */
};

/* Does it need a mount namespace of its own? (reference/containers.md §11.2; `level1` = first-level
 * container) */
bool layout_needs_mount_ns(const struct layout_params *p, bool level1);
/* Paths that are hidden and read-only unless told otherwise. Appended. */
void layout_default_masked(struct strv *ret);
void layout_default_readonly(struct strv *ret);
void layout_build(const struct layout_params *p, struct plan *ret_plan);
