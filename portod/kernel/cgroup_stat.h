/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of cgroup statistics files to numbers. Pure; any input is safe, and fuzzed.
 *
 * Two shapes cover all files in use: one number (`pids.current`, `memory.max`), and the flat-keyed
 * form, a "key value" pair per line (memory.stat, cpu.stat, cpuacct.stat, memory.oom_control,
 * memory.events, cgroup.events, also /proc/meminfo and /proc/vmstat).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_STAT_MAX UINT64_MAX /* what the word `max` reads as */

/* One number, or `max`. 0 or -EINVAL. */
int cgroup_stat_number(const char *text, uint64_t *ret);
/* Value behind `key` (a whole word at the start of a line). 0, -ENOENT without it, -EINVAL when no
 * number follows. */
int cgroup_stat_key(const char *text, const char *key, uint64_t *ret);
/* Sum of the values of the keys that are there, saturating; `keys` ends with NULL. -ENOENT when
 * none is there. */
int cgroup_stat_sum(const char *text, const char *const *keys, uint64_t *ret);
/* Text behind "KEY=" in the line of a pressure file that begins with `line` ("some", "full"), for
 * example "0.12" of avg10. 0, -ENOENT, or -EINVAL when it does not fit. */
int cgroup_stat_pressure(const char *text, const char *line, const char *key, char *buf,
			 size_t size);
/* Next number of a cgroup.procs-like list: moves *pos on. 0 at the end; ids that are not positive
 * (a process of a foreign pid namespace reads as 0) are skipped. */
pid_t cgroup_stat_next_pid(const char **pos);
