/* SPDX-License-Identifier: Apache-2.0 */
/* Row: kernel knobs of a container's own namespaces. */
#include <string.h>

#include "kernel/sysctl.h"
#include "props/rows.h"

#define VALUE_MAX 4095

/* Whether the namespaces are its own is known at start: other properties decide about it. */
CHECKER(check_sysctl)
{
	const struct smap *map = &ctx->ct->spec.sysctl;

	(void)p;
	for (size_t i = 0; i < map->n; i++) {
		const char *key = map->e[i].key, *value = map->e[i].val;

		if (sysctl_kind_of(key) == SYSCTL_FORBIDDEN)
			return error_set(
				err, ERR_PERMISSION,
				"'%.100s: %.100s': the knob is not one that a container may "
				"change",
				key, value);
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
	       "each, net.ipv4.\\ *, net.ipv6.\\ * and a few more. Any other key is Permission, at\n"
	       "once; a namespace that is not its own is Permission at start, a value that the\n"
	       "kernel refuses InvalidValue, a knob it lacks NotSupported. New namespaces begin\n"
	       "with the host's values, see *ipc_sysctl* and *net_sysctl* in **portod.conf**\\(5).",
	.type = &type_map,
	.flags = PROP_INDEX_GET | PROP_INDEX_SET,
	.offset = FIELD(sysctl),
	.check = check_sysctl,
};
