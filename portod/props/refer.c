/* SPDX-License-Identifier: Apache-2.0 */
#include "props/refer.h"

#include <string.h>

#include "base/xalloc.h"
#include "model/tree.h"

int refer_parse(const struct client *client, const char *name, char **ret, struct error *err)
{
	auto_free char *full = NULL;

	if (client_resolve_name(client, name, &full, err))
		return -1;
	if (*full && tree_check_name(full, true, err))
		return error_prefix(err, "'%.100s'", name);
	*ret = take_ptr(full);
	return 0;
}

char *refer_format(const struct client *client, const char *absolute)
{
	size_t len = strlen(client->read_ns);

	if (!*absolute)
		return xstrdup("/");
	if (!strncmp(absolute, client->read_ns, len) && absolute[len])
		return xstrdup(absolute + len);
	return xasprintf("/porto/%s", absolute);
}
