/* SPDX-License-Identifier: Apache-2.0 */
#include "props/knob.h"

#include <string.h>

/* Names of files that do not begin with the name of their controller. */
static const struct {
	const char *prefix;
	enum cgroup_controller controller;
} aliases[] = {
	{ "io", CGROUP_BLKIO },
	{ "cgroup", CGROUP_CGROUP2 },
	{ "misc", CGROUP_CGROUP2 },
	{ "unified", CGROUP_CGROUP2 },
};

static int find_controller(const char *name, enum cgroup_controller *ret)
{
	size_t len = strcspn(name, ".");
	char prefix[32];

	if (len >= sizeof(prefix))
		return -1;
	memcpy(prefix, name, len);
	prefix[len] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (!strcmp(prefix, aliases[i].prefix)) {
			*ret = aliases[i].controller;
			return 0;
		}
	}
	return cgroup_controller_parse(prefix, ret);
}

int knob_get(const struct prop_ctx *ctx, const char *name, struct buf *out, struct error *err)
{
	enum cgroup_controller controller;
	struct cgroup cg;

	if (!ctx->env->cgroups || find_controller(name, &controller) < 0)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' begins with no known controller",
				 name);
	/* The name becomes a file name. */
	if (strchr(name, '/'))
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no name of a control file",
				 name);
	if (ctx->ct->state == STATE_STOPPED)
		return error_set(err, ERR_INVALID_STATE, "'%s' is not available in state stopped",
				 name);
	prop_cgroup(ctx->ct, &cg);
	if (cgroup_read_raw(ctx->env->cgroups, &cg, controller, name, out, err)) {
		err->code = ERR_INVALID_VALUE;
		return -1;
	}
	return 0;
}
