/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every settable value of a container, grouped by domain. Plain data; the property table
 * (props/) names each field once by offset. All pointers are owned.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cred.h"
#include "base/idmap.h"
#include "base/str.h"

enum virt_mode { VIRT_APP, VIRT_OS, VIRT_JOB, VIRT_HOST };
enum cgroupfs_mode { CGROUPFS_NONE, CGROUPFS_RO, CGROUPFS_RW };

enum cpu_policy { CPU_NORMAL, CPU_HIGH, CPU_RT, CPU_BATCH, CPU_IDLE, CPU_NOSMT, CPU_ISO };

enum io_policy { IO_UNSET, IO_NONE, IO_RT, IO_HIGH, IO_NORMAL, IO_BATCH, IO_IDLE };

enum memory_lock_policy { LOCK_DISABLED };

enum cpu_set_policy { CPU_SET_INHERIT, CPU_SET_LIST, CPU_SET_NODE, CPU_SET_JAIL };

/* Which processors. */
struct cpu_set_spec {
	int policy;    /* enum cpu_set_policy */
	char *list;    /* LIST: "0-3,8" */
	int node;      /* NODE; JAIL: -1 = any */
	unsigned jail; /* JAIL: how many */
};

struct container_spec {
	/* task */
	char *command; /* "" = none */
	struct strv command_argv;
	char *core_command;           /* NULL = inherited up to a root directory, "" = none */
	struct smap env;              /* value NULL = the name is unset explicitly */
	struct smap env_secret;       /* likewise; never shown */
	struct cred task_cred;        /* uid, gid; groups are looked up at start */
	bool user_given, group_given; /* by a client, not only at creation; see
					 container_task_uid() */
	struct strv task_groups;      /* gids in decimal, if set */
	struct cred owner_cred;
	struct strv owner_containers; /* absolute names */
	uint64_t umask;
	char *cwd;          /* NULL = inherited */
	struct smap ulimit; /* type -> "soft hard" */
	int64_t oom_score_adj;
	int64_t coredump_filter; /* -1 = not set */

	bool init; /* portoinit in front of the command */
	bool held; /* wait before the command until it is false */
	bool tty;  /* stdin is its controlling terminal */
	bool children_allowed;

	/* isolation */
	bool isolate;
	int virt_mode;    /* enum virt_mode */
	int enable_porto; /* enum access_level */
	int cgroupfs;     /* enum cgroupfs_mode */
	bool userns;      /* see model/userns.h */
	bool enable_fuse, unshare_on_exec;
	struct idmap uid_map, gid_map;               /* to host ids; empty = the usual one */
	uint64_t capabilities, capabilities_ambient; /* CAP_BIT()s of kernel/caps.h */
	uint64_t capabilities_effective, capabilities_permitted, capabilities_inheritable;
	bool no_new_privs;
	char *seccomp, *seccomp_name; /* text of a profile; NULL or "" = none */
	struct strv devices;          /* rows, see props/device_row.h */
	bool devices_explicit;
	char *hostname;
	struct smap namespaces; /* kind -> "new", "inherit", "container a/b", "path /x" */
	char *net; /* "inherited", "none", "container a/b", "netns x"; NULL = the mode's default */
	char *porto_namespace;

	/* file system and streams */
	char *root; /* as set, in the parent's root; NULL = "/" */
	bool root_readonly;
	struct strv bind;                         /* "source target flags" */
	struct strv mounts;                       /* "type target source options" */
	struct strv masked_paths, readonly_paths; /* only when set; "default" = the built-in ones */
	int root_propagation;                     /* enum bind_flag; 0 = default */
	uint64_t shm_size;                        /* bytes; 0 = none of its own */
	struct smap symlink;                      /* link -> target, as set */
	struct smap sysctl;
	struct strv place; /* only when set */
	char *resolv_conf; /* see props/etc.h */
	char *etc_hosts;
	char *stdio_path[3]; /* NULL = default */
	uint64_t stdout_limit;

	/* life */
	bool weak;
	bool respawn;
	uint64_t respawn_count;
	int64_t max_respawns;   /* < 0 = unlimited */
	uint64_t respawn_delay; /* ns */
	uint64_t aging_time;    /* s */
	bool oom_is_fatal;

	/* resources */
	uint64_t controllers;          /* CGROUP_BITs owned */
	uint64_t required_controllers; /* by properties that were set */
	uint64_t memory_limit;         /* bytes, 0 = none */
	uint64_t memory_guarantee;     /* bytes */
	uint64_t hugetlb_limit;        /* bytes, 0 = none */
	bool pressurize_on_death;
	uint64_t cpu_limit;     /* ns of cpu per second, 0 = none */
	uint64_t cpu_guarantee; /* likewise */
	double cpu_weight;
	uint64_t cpu_period; /* ns */
	int cpu_policy;      /* enum cpu_policy */
	struct cpu_set_spec cpu_set;
	int io_policy; /* enum io_policy */
	double io_weight;
	/* Of disks: key, with an optional " r" or " w" -> number per second. */
	struct smap io_limit, io_ops_limit, io_guarantee, io_ops_guarantee;
	uint64_t thread_limit; /* 0 = none */

	/* kept for others, without effect: see props/notes.c */
	uint64_t anon_limit, dirty_limit; /* bytes, 0 = none */
	bool anon_only, recharge_on_pgfault, link_memory_writeback_blkio, bind_dns;
	int memory_lock_policy; /* enum memory_lock_policy */
	struct smap place_limit;

	/* user's notes */
	char *private_value;
	struct smap labels;
};

void container_spec_deinit(struct container_spec *s);
