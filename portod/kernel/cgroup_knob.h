/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions of knob values that both cgroup versions share. Private to kernel/cgroup*.c. Pure. */
#pragma once

#include "kernel/cgroup.h"

/* Quota and period in µs inside the kernel's limits: 1 ms ≤ period ≤ 1 s, quota ≥ 1 ms. */
void cgroup_cpu_quota(const struct cgroup_setting *s, uint64_t *ret_quota, uint64_t *ret_period);
/* value / 1000 * base, clamped. */
uint64_t cgroup_cpu_weight(const struct cgroup_setting *s, uint64_t base, uint64_t min,
			   uint64_t max);
/* pids.max is the same file in both versions. */
void cgroup_format_pids(const struct cgroup_setting *s, char *buf, size_t size);
/* A plain number. */
void cgroup_format_u64(const struct cgroup_setting *s, char *buf, size_t size);
/* "1" or "0". */
void cgroup_format_flag(const struct cgroup_setting *s, char *buf, size_t size);
/* The number, or `none` for 0 and what is too large for the kernel. */
void cgroup_format_bytes(const struct cgroup_setting *s, const char *none, char *buf, size_t size);

struct cgroup_hierarchy;

/* Huge pages: `file` is the limit of 2 MiB pages, `usage` what is in use, `file_1g` the limit of
 * 1 GiB pages, which is 0 together with any limit. */
int cgroup_apply_hugetlb(const struct cgroup_hierarchy *hr, const char *path, const char *file,
			 const char *usage, const char *file_1g, const char *none,
			 const struct cgroup_setting *s, struct error *err);
/* cpuset.cpus; what the group above does not have is ERR_INVALID_VALUE. */
int cgroup_apply_cpus(const struct cgroup_hierarchy *hr, const char *path,
		      const struct cgroup_setting *s, struct error *err);
