/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of disks in the form both cgroup versions can use. Private to kernel/cgroup*.c. */
#pragma once

#include "kernel/cgroup_backend.h"

struct cgroup_io_limit {
	unsigned major, minor;
	uint64_t read, write; /* per second, 0 = none */
};

struct cgroup_io_limits {
	struct cgroup_io_limit *v; /* owned, one for each disk */
	size_t n;
};

void cgroup_io_limits_deinit(struct cgroup_io_limits *l);
/* From the keys of the setting; of several values for one disk and direction the least counts. A
 * key `fs` without a disk below it is left out. Blocks. */
int cgroup_io_limits_resolve(const struct cgroup_setting *s, struct cgroup_io_limits *ret,
			     struct error *err);
const struct cgroup_io_limit *cgroup_io_limits_find(const struct cgroup_io_limits *l,
						    unsigned major, unsigned minor);
/* Next "MAJ:MIN rest" line of a knob: moves *pos on; the rest is *ret_rest. */
bool cgroup_io_next_line(const char **pos, unsigned *ret_major, unsigned *ret_minor,
			 const char **ret_rest);
/* Write one line; EINVAL and ENODEV of the kernel are ERR_INVALID_VALUE. */
int cgroup_io_write(const struct cgroup_hierarchy *hr, const char *path, const char *file,
		    const char *text, struct error *err);

/* Weights by io_policy (arg2 of CGROUP_KNOB_IO_WEIGHT); normal, high, batch, idle. */
struct cgroup_io_scale {
	const char *file;
	uint64_t base[_CGROUP_IO_CLASS_COUNT], min, max;
};

/* To each of the files that is there; none is no error. */
int cgroup_io_write_weights(const struct cgroup_hierarchy *hr, const char *path,
			    const struct cgroup_io_scale *scales, size_t n,
			    const struct cgroup_setting *s, struct error *err);

/* ---- cgroup_v1_io.c, cgroup_v2_io.c: rows of the knob tables ---- */

int cgroup_v1_io_limit(const struct cgroup_hierarchy *hr, const char *path,
		       const struct cgroup_setting *s, struct error *err);
int cgroup_v1_io_ops_limit(const struct cgroup_hierarchy *hr, const char *path,
			   const struct cgroup_setting *s, struct error *err);
int cgroup_v1_io_weight(const struct cgroup_hierarchy *hr, const char *path,
			const struct cgroup_setting *s, struct error *err);
int cgroup_v2_io_limit(const struct cgroup_hierarchy *hr, const char *path,
		       const struct cgroup_setting *s, struct error *err);
int cgroup_v2_io_ops_limit(const struct cgroup_hierarchy *hr, const char *path,
			   const struct cgroup_setting *s, struct error *err);
int cgroup_v2_io_weight(const struct cgroup_hierarchy *hr, const char *path,
			const struct cgroup_setting *s, struct error *err);

/* The group that cgroup_wake_disks() makes, if it is there. */
int cgroup_v1_remove_counters(const struct cgroup_host *h, struct error *err);
