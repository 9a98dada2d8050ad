/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From facts about a container to its mount plan. Pure: reference/containers.md §21 as code.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/device.h"
#include "kernel/plan.h"

enum bind_flag {
	BIND_RO = 1 << 0,
	BIND_RW = 1 << 1,
	BIND_REC = 1 << 2,
	BIND_DEV = 1 << 3,
	BIND_NODEV = 1 << 4,
	BIND_SUID = 1 << 5,
	BIND_NOSUID = 1 << 6,
	BIND_EXEC = 1 << 7,
	BIND_NOEXEC = 1 << 8,
	BIND_PRIVATE = 1 << 9,
	BIND_UNBINDABLE = 1 << 10,
	BIND_NOATIME = 1 << 11,
	BIND_NODIRATIME = 1 << 12,
	BIND_RELATIME = 1 << 13,
};

struct bind_mount {
	char *source; /* absolute on the host */
	char *target; /* absolute in the container */
	unsigned flags;
};

/* Name <-> flag; unknown gives 0. */
unsigned bind_flag_parse(const char *word);
const char *bind_flag_name(unsigned flag);

struct layout_params {
	const char *root; /* absolute host path; "/" = the host's root */
	bool root_readonly;
	bool isolate;      /* own pid namespace: a fresh /proc is needed */
	uint64_t run_size; /* bytes for /run of a chroot */
	uint64_t dev_size; /* bytes for /dev */
	unsigned devpts_max;
	const struct device_node *devices; /* nodes for a chroot's /dev */
	size_t ndevices;
	const struct bind_mount *binds;
	size_t nbinds;
	const char *hostname;    /* NULL or "" = no /etc/hostname overlay */
	const char *resolv_conf; /* content for a chroot's /etc/resolv.conf, NULL = untouched */
	const char *socket_path; /* bound at /run/portod.socket of a chroot; NULL = not */
	bool writes_root;        /* the container may change its root with the rights of uid 0 */
	uid_t owner_uid;         /* of targets that binds create */
	gid_t owner_gid;
	bool enable_tracefs, enable_hugetlbfs;
};

/* Does it need a mount namespace of its own? (reference/containers.md §11.2; `level1` = first-level
 * container) */
bool layout_needs_mount_ns(const struct layout_params *p, bool level1);
void layout_build(const struct layout_params *p, struct plan *ret_plan);
