/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: files in /etc that are the container's own. */
#include "props/etc.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "props/rows.h"

static const char keep[] = "keep";

bool resolv_conf_overrides(const struct container *ct, const char *value)
{
	return value ? strcmp(value, keep) != 0 : container_has_own_root(ct);
}

/* The field: NULL = default, "keep", or lines separated by `;`. */
static int read_resolv_conf(const struct prop *p, const struct prop_ctx *ctx, const char *value,
			    char **ret, struct error *err)
{
	if (!strcmp(value, "default") || !strcmp(value, "inherit")) {
		str_set(ret, NULL);
		return 0;
	}
	if (type_string.parse(p, ctx, *value ? value : keep, ret, err))
		return -1;
	for (char *c = *ret; *c; c++) {
		if (*c == '\n')
			*c = ';';
	}
	return 0;
}

/* A mount that is there can get another text, but comes and goes only with its namespace. */
SETTER(set_resolv_conf)
{
	const struct container *ct = ctx->ct;
	char **field = &ctx->ct->spec.resolv_conf;
	bool before = resolv_conf_overrides(ct, *field);

	(void)index;
	if (read_resolv_conf(p, ctx, value, field, err))
		return -1;
	if (ct->state == STATE_STOPPED || resolv_conf_overrides(ct, *field) == before)
		return 0;
	return error_set(err, ERR_INVALID_STATE,
			 "'%.200s' in state %s: the container %s a file of its own over "
			 "/etc/resolv.conf, which can only change while it is stopped",
			 value, state_name(ct->state), before ? "has" : "has not");
}

GETTER(get_resolv_conf)
{
	const char *text = ctx->ct->spec.resolv_conf, *root = ctx->ct->spec.root;

	UNUSED();
	if (!text)
		text = str_is_empty(root) || !strcmp(root, "/") ? "inherit" : "default";
	buf_adds(out, text);
	return 0;
}

static const size_t resolv_conf_max = 65536;

const struct prop row_resolv_conf = {
	.name = "resolv_conf",
	.row = ROW_resolv_conf,
	.desc = "lines of /etc/resolv.conf, or default, keep",
	.doc = "Contents of /etc/resolv.conf, with **;** for line ends, at most 64 KiB. **keep**,\n"
	       "and empty text: the file of the root. **default** and **inherit**: the daemon's\n"
	       "default (see *default_resolv_conf* in **portod.conf**\\(5)) in a *root* of its own,\n"
	       "else the file of the root. Default **default**, which is printed as **inherit**\n"
	       "without a *root*. The text is in a private file that covers the other. In a running\n"
	       "container it is rewritten at once, also when the daemon's default changes;\n"
	       "InvalidState where that file would have to come or go.",
	.type = &type_string,
	.flags = PROP_DYNAMIC | PROP_SLOW,
	.offset = FIELD(resolv_conf),
	.group = APPLY_RESOLV_CONF,
	.arg = &resolv_conf_max,
	.get = get_resolv_conf,
	.set = set_resolv_conf,
};

static const size_t etc_hosts_max = 1 << 20;

const struct prop row_etc_hosts = {
	.name = "etc_hosts",
	.row = ROW_etc_hosts,
	.desc = "hosts file content",
	.doc = "Contents of /etc/hosts as they are, with line ends, at most 1 MiB. They are in a\n"
	       "private file that covers the one of the root; in a *root* of its own a missing one\n"
	       "is made. Default empty: it is left alone.",
	.type = &type_string,
	.offset = FIELD(etc_hosts),
	.arg = &etc_hosts_max,
};
