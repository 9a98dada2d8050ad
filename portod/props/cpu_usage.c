/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: what a container uses of the cpus. */
#include "props/stat.h"

const struct prop row_cpu_usage = {
	.name = "cpu_usage",
	.row = ROW_cpu_usage,
	.desc = "cpu time, ns",
	.doc = "Since the start, of the containers below, too. cpuacct.usage, cpu.stat.",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_CPUACCT),
	.arg = STAT(CPU_USAGE),
	.get = stat_get,
};

const struct prop row_cpu_usage_system = {
	.name = "cpu_usage_system",
	.row = ROW_cpu_usage_system,
	.desc = "cpu time inside the kernel, ns",
	.doc = "Since the start, of the containers below, too. cpuacct.stat, in steps of 10 ms;\n"
	       "cpu.stat.",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_CPUACCT),
	.arg = STAT(CPU_USAGE_SYSTEM),
	.get = stat_get,
};

const struct prop row_cpu_throttled = {
	.name = "cpu_throttled",
	.row = ROW_cpu_throttled,
	.desc = "time spent at the cpu limit, ns",
	.doc = "In which the container was not let run because of its own *cpu_limit*, added up\n"
	       "over the cpus. cpu.stat, throttled_time or throttled_usec.",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_CPU),
	.arg = STAT(CPU_THROTTLED),
	.get = stat_get,
};
