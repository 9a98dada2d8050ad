/* SPDX-License-Identifier: Apache-2.0 */
/* Row: what of the memory goes into a core dump. */
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
