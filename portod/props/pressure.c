/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: time lost by waiting for cpu, memory and disks (accounting/psi.rst). */
#include <stdio.h>
#include <string.h>

#include "kernel/cgroup_stat.h"
#include "props/stat.h"

#define PRESSURE_MAX 512
#define WHAT(w)      ((const void *)(uintptr_t)CGROUP_PRESSURE_##w)

static const char *const lines[] = { "full", "some" };

/* "some", "some.avg10" */
static int put_one(const char *text, const char *index, struct buf *out, struct error *err)
{
	const char *dot = strchr(index, '.');
	char line[16], value[32];

	snprintf(line, sizeof(line), "%.*s", (int)(dot ? dot - index : 15), index);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (strcmp(line, lines[i]) != 0)
			continue;
		if (cgroup_stat_pressure(text, line, dot ? dot + 1 : "total", value,
					 sizeof(value)) == 0) {
			buf_adds(out, value);
			return 0;
		}
	}
	return error_set(err, ERR_INVALID_VALUE, "there is no '%.100s' in it", index);
}

GETTER(get_pressure)
{
	char text[PRESSURE_MAX], value[32];
	struct cgroup cg;
	const char *sep = "";

	if (stat_require_groups(ctx->env, err))
		return -1;
	prop_cgroup(ctx->ct, &cg);
	if (cgroup_get_pressure(ctx->env->cgroups, &cg, (enum cgroup_pressure)(uintptr_t)p->arg,
				text, sizeof(text), err))
		return -1;
	if (index)
		return put_one(text, index, out, err);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (cgroup_stat_pressure(text, lines[i], "total", value, sizeof(value)) < 0)
			continue;
		buf_addf(out, "%s%s: %s", sep, lines[i], value);
		sep = "; ";
	}
	return 0;
}

static bool has(const struct prop_env *env, enum cgroup_pressure what)
{
	return !env->cgroups || cgroup_pressure_is_supported(env->cgroups, what);
}

static bool has_cpu(const struct prop_env *env)
{
	return has(env, CGROUP_PRESSURE_CPU);
}

static bool has_memory(const struct prop_env *env)
{
	return has(env, CGROUP_PRESSURE_MEMORY);
}

static bool has_io(const struct prop_env *env)
{
	return has(env, CGROUP_PRESSURE_IO);
}

#define PRESSURE_DOC(what, file)                                                                 \
	"Map of **some** and **full**: microseconds since the start in which some, or all, of\n" \
	"the processes (of the containers below, too) waited for " what ". Index: **some**,\n"   \
	"**full**, or an average of the last seconds in percent, such as **some.avg10**,\n"      \
	"**full.avg60**. NotSupported without a unified tree and stall counting in the\n"        \
	"kernel. " file ". Root container: of the host."

const struct prop row_cpu_pressure = {
	.name = "cpu_pressure",
	.row = ROW_cpu_pressure,
	.desc = "time lost by waiting for a cpu, us",
	.doc = PRESSURE_DOC("a cpu", "cpu.pressure"),
	.flags = USAGE_FLAGS | PROP_INDEX_GET,
	.needs = CGROUP_BIT(CGROUP_CGROUP2),
	.arg = WHAT(CPU),
	.supported = has_cpu,
	.get = get_pressure,
};

const struct prop row_memory_pressure = {
	.name = "memory_pressure",
	.row = ROW_memory_pressure,
	.desc = "time lost for lack of memory, us",
	.doc = PRESSURE_DOC("memory", "memory.pressure"),
	.flags = USAGE_FLAGS | PROP_INDEX_GET,
	.needs = CGROUP_BIT(CGROUP_CGROUP2),
	.arg = WHAT(MEMORY),
	.supported = has_memory,
	.get = get_pressure,
};

const struct prop row_io_pressure = {
	.name = "io_pressure",
	.row = ROW_io_pressure,
	.desc = "time lost by waiting for disks, us",
	.doc = PRESSURE_DOC("disks", "io.pressure"),
	.flags = USAGE_FLAGS | PROP_INDEX_GET,
	.needs = CGROUP_BIT(CGROUP_CGROUP2),
	.arg = WHAT(IO),
	.supported = has_io,
	.get = get_pressure,
};
