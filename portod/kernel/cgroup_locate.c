/* SPDX-License-Identifier: Apache-2.0 */
/* From groups back to container names. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/cgroup_backend.h"
#include "kernel/cgroup_proc.h"

#define CGROUP_FILE_MAX (256u << 10) /* some ten lines with paths of at most 4 KiB */

/* Name part of a path below P; what follows a component with `%` (the leaf) is inside it. */
static char *name_of_path(const char *path)
{
	size_t len = strcspn(path, "%");

	if (path[len])
		while (len && path[len - 1] != '/')
			len--;
	while (len && path[len - 1] == '/')
		len--;
	return xstrndup(path, len);
}

int cgroup_locate(const struct cgroup_host *h, pid_t pid, char **ret_name, struct error *err)
{
	const struct cgroup_hierarchy *hr = h->unified ? h->unified : h->tree;
	auto_free char *file = xasprintf("%s/%d/cgroup", h->proc_root, (int)pid);
	auto_free char *text = NULL;
	const char *path, *below = NULL;
	int r = fd_read_file(AT_FDCWD, file, CGROUP_FILE_MAX, &text, NULL);

	if (r == -ENOENT || r == -ESRCH)
		return error_sys(err, ERR_INVALID_VALUE, ESRCH, "no process %d", (int)pid);
	if (r < 0)
		return error_errno(err, -r, "read %s", file);
	path = cgroup_member_path(text, h->unified ? "" : "freezer", &r);
	if (r == -EPERM)
		return error_set(err, ERR_PERMISSION, "fake cgroup found for process %d", (int)pid);
	if (!path)
		return error_errno(err, -r, "find cgroup of process %d in %s", (int)pid, file);
	path = path_below(path, hr->root);
	if (path)
		below = path_below(path, h->prefix);
	*ret_name = below ? name_of_path(below) : xstrdup("");
	return 0;
}

struct list_walk {
	struct strv names;
	size_t skip; /* bytes of "P/" */
};

static int list_visit(const struct cgroup_hierarchy *hr, const char *path, void *arg)
{
	struct list_walk *w = arg;

	(void)hr;
	if (strlen(path) > w->skip && !strchr(path + w->skip, '%'))
		strv_add(&w->names, path + w->skip);
	return 0;
}

int cgroup_list(const struct cgroup_host *h, char ***ret_names, size_t *ret_n, struct error *err)
{
	struct list_walk w = { .skip = strlen(h->prefix) + 1 };
	int r = cgroup_walk(h->tree, h->prefix, true, list_visit, &w);

	if (r < 0) {
		strv_deinit(&w.names);
		return error_errno(err, -r, "list cgroups below %s/%s", h->tree->point, h->prefix);
	}
	*ret_names = w.names.v;
	*ret_n = w.names.n;
	return 0;
}
