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
