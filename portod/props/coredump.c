/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: what of the memory goes into a core dump, and who gets it. */
#include <inttypes.h>
#include <unistd.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "props/rows.h"

#define FILTER_MAX 0x1ff /* core(5) */

static int parse_filter(const struct prop *p, const struct prop_ctx *ctx, const char *text,
			void *field, struct error *err)
{
	uint32_t v;

	(void)p, (void)ctx;
	if (!*text) {
		*(int64_t *)field = -1;
		return 0;
	}
	if (num_parse_hex(text, &v) < 0)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is not a hexadecimal number",
				 text);
	if (v > FILTER_MAX)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is greater than %#x", text,
				 FILTER_MAX);
	*(int64_t *)field = v;
	return 0;
}

static void format_filter(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			  struct buf *out)
{
	int64_t v = *(const int64_t *)field;

	(void)p, (void)ctx;
	if (v >= 0)
		buf_addf(out, "0x%" PRIx64, (uint64_t)v);
}

static char *save_filter(const struct prop *p, const void *field)
{
	(void)p;
	return xasprintf("%" PRId64, *(const int64_t *)field);
}

static int load_filter(const struct prop *p, const char *text, void *field, struct error *err)
{
	return type_int.load(p, text, field, err);
}

static const struct prop_type type_filter = {
	.name = "hex or empty",
	.parse = parse_filter,
	.format = format_filter,
	.save = save_filter,
	.load = load_filter,
};

static bool has_filter(const struct prop_env *env)
{
	(void)env;
	return access("/proc/self/coredump_filter", F_OK) == 0;
}

const struct prop row_coredump_filter = {
	.name = "coredump_filter",
	.row = ROW_coredump_filter,
	.desc = "what of the memory goes into a core dump, bits of core(5)",
	.doc = "At most 0x1ff. Default **container.default_coredump_filter** of the\n"
	       "configuration, or the kernel's; reads as empty then, and empty sets it back.\n"
	       "/proc/PID/coredump_filter.",
	.type = &type_filter,
	.offset = FIELD(coredump_filter),
	.supported = has_filter,
};

/* ---- the consumer ---- */

static const size_t command_max = 131072;

/* The nearest one that is set, up to the container whose files its words mean. */
GETTER(get_core_command)
{
	UNUSED();
	for (const struct container *ct = ctx->ct; ct; ct = ct->parent) {
		if (ct->spec.core_command) {
			buf_adds(out, ct->spec.core_command);
			return 0;
		}
		if (!str_is_empty(ct->spec.root) && !str_eq(ct->spec.root, "/"))
			return 0;
	}
	return 0;
}

static bool has_core(const struct prop_env *env)
{
	return env->core_enabled;
}

const struct prop row_core_command = {
	.name = "core_command",
	.row = ROW_core_command,
	.desc = "program that gets the core dumps of its processes on standard input",
	.doc = "As *command*, at most 131072 bytes. Inherited by containers below, up to one\n"
	       "with a *root* of its own; reads as the command in force, empty is none. For each\n"
	       "crash it runs in the weak container **core-PID** below this one, as its user, in\n"
	       "its directory, with CORE_PID, CORE_TID (as seen inside), CORE_SIG,\n"
	       "CORE_TASK_NAME, CORE_THREAD_NAME, CORE_EXE_NAME, CORE_CONTAINER,\n"
	       "CORE_OWNER_UID, CORE_OWNER_GID, CORE_DUMPABLE, CORE_ULIMIT and CORE_DATETIME in\n"
	       "its environment, at most **core.timeout_s**. Without it, or when it cannot be\n"
	       "started, the dump becomes a file, see **portod.conf**\\(5). Nothing is dumped\n"
	       "where *ulimit*\\[core] is 0. Labels CORE.total and CORE.dumped of the container and\n"
	       "of those above count. NotSupported unless **core.enable** is set. core(5).",
	.type = &type_string,
	.offset = FIELD(core_command),
	.arg = &command_max,
	.flags = PROP_DYNAMIC,
	.get = get_core_command,
	.supported = has_core,
};
