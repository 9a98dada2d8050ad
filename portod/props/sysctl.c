/* SPDX-License-Identifier: Apache-2.0 */
/* Row: kernel knobs of a container's own namespaces. */
#include <string.h>

#include "props/rows.h"

#define VALUE_MAX 4095

/* Blanks and control characters are in no knob's name. */
static bool is_name(const char *key)
{
	for (const unsigned char *c = (const unsigned char *)key; *c; c++) {
		if (*c <= ' ' || *c == 0x7f)
			return false;
	}
	return *key;
}

/* Which knobs are allowed, and whether the namespaces are its own, is asked at start, as in Porto:
 * other properties decide about it. */
CHECKER(check_sysctl)
{
	const struct smap *map = &ctx->ct->spec.sysctl;

	(void)p;
	for (size_t i = 0; i < map->n; i++) {
		const char *key = map->e[i].key, *value = map->e[i].val;

		if (!is_name(key))
			return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no name of a knob",
					 key);
		if (strlen(value) > VALUE_MAX || strchr(value, '\n'))
			return error_set(err, ERR_INVALID_VALUE,
					 "'%.100s': the value '%.40s…' has %zu bytes or several "
					 "lines",
					 key, value, strlen(value));
	}
	return 0;
}

const struct prop row_sysctl = {
	.name = "sysctl",
	.row = ROW_sysctl,
	.desc = "kernel knobs: key: value; …",
	.doc = "*key*\\ **:** *value*\\ **;** ... Written at start, into the container's own\n"
	       "namespaces, before /proc/sys becomes read-only. **sysctl[**\\ *key*\\ **]** is one of\n"
	       "them, empty text removes it. In the name dots separate, a slash stands for a dot.\n"
	       "Of the ipc namespace (needs *isolate*): fs.mqueue.\\ * and kernel.shm\\ *, msg\\ *,\n"
	       "sem. Of the network namespace (needs one of its own): what the kernel keeps for\n"
	       "each, net.ipv4.\\ *, net.ipv6.\\ * and a few more. All is\n"
	       "checked at start: any other key, and one of a namespace that is not its own, is\n"
	       "Permission, a value that the kernel refuses InvalidValue, a knob it lacks\n"
	       "NotSupported. New namespaces begin with the host's values, see *ipc_sysctl* and\n"
	       "*net_sysctl* in **portod.conf**\\(5).",
	.type = &type_map,
	.flags = PROP_INDEX_GET | PROP_INDEX_SET,
	.offset = FIELD(sysctl),
	.check = check_sysctl,
};
