/* SPDX-License-Identifier: Apache-2.0 */
#include "model/container.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/path.h"
#include "base/xalloc.h"
#include "model/userns.h"

struct container *container_ref(struct container *ct)
{
	assert(ct->refs > 0);
	ct->refs++;
	return ct;
}

struct container *container_unref(struct container *ct)
{
	if (!ct || --ct->refs > 0)
		return NULL;
	assert(!ct->op && !ct->runtime && list_is_empty(&ct->children));
	list_del(&ct->weak_node);
	container_unref(ct->parent);
	container_spec_deinit(&ct->spec);
	free(ct->start_error);
	free(ct->jail);
	free(ct->name);
	free(ct);
	return NULL;
}

const char *container_leaf_name(const struct container *ct)
{
	return container_is_root(ct) ? "/" : path_basename(ct->name);
}

bool container_is_below(const struct container *ct, const struct container *top)
{
	while (ct->level > top->level)
		if ((ct = ct->parent) == top)
			return true;
	return false;
}

char *container_absolute_name(const struct container *ct)
{
	return container_is_root(ct) ? xstrdup("/") : xasprintf("/porto/%s", ct->name);
}

const char *container_command(const struct container *ct)
{
	if (!str_is_empty(ct->spec.command))
		return ct->spec.command;
	return ct->spec.virt_mode == VIRT_OS ? "/sbin/init" : "";
}

const char *container_stdio_path(const struct container *ct, int fd)
{
	static const char *const stored[] = { NULL, "stdout", "stderr" };
	const char *path = ct->spec.stdio_path[fd];

	if (fd == 0)
		return path;
	if (!path)
		return ct->spec.virt_mode == VIRT_OS ? "/dev/null" : NULL;
	return strcmp(path, stored[fd]) ? path : NULL;
}

/* With a user namespace of its own, the user is root inside. */
static bool forces_root(const struct container *ct)
{
	return ct->spec.virt_mode == VIRT_OS && !userns_of(ct);
}

/* The host's root has no id in most user namespaces: 0 means the root that it runs under. */
static bool has_own_root_id(const struct container *ct, const struct idmap *map, uint32_t *ret)
{
	return userns_is_own(ct) && idmap_to_outside(map, 0, ret);
}

uid_t container_task_uid(const struct container *ct)
{
	uid_t uid = forces_root(ct) && !ct->spec.user_given ? 0 : ct->spec.task_cred.uid;

	if (uid != 0 || container_is_root(ct) || has_own_root_id(ct, &ct->spec.uid_map, &uid))
		return uid;
	return userns_root_uid(ct->parent);
}

gid_t container_task_gid(const struct container *ct)
{
	gid_t gid = forces_root(ct) && !ct->spec.group_given ? 0 : ct->spec.task_cred.gid;

	if (gid != 0 || container_is_root(ct) || has_own_root_id(ct, &ct->spec.gid_map, &gid))
		return gid;
	return userns_root_gid(ct->parent);
}

/* As set, or the default of the mode; NULL = taken from the parent. */
static const char *own_cwd(const struct container *ct)
{
	if (!str_is_empty(ct->spec.cwd))
		return ct->spec.cwd;
	return ct->spec.virt_mode == VIRT_OS ? "/" : NULL;
}

bool container_is_meta(const struct container *ct)
{
	return !*container_command(ct) && ct->spec.command_argv.n == 0;
}

static bool has_own_root(const struct container *ct)
{
	return ct->spec.root && strcmp(ct->spec.root, "/") != 0;
}

bool container_is_chrooted(const struct container *ct)
{
	for (; ct; ct = ct->parent)
		if (has_own_root(ct))
			return true;
	return false;
}

bool container_is_system(const struct container *ct)
{
	return ct->spec.virt_mode == VIRT_OS && ct->spec.isolate && container_is_chrooted(ct);
}

bool container_has_own_root(const struct container *ct)
{
	const struct container *near = container_nearest_task(ct);

	for (; ct && ct != near; ct = ct->parent)
		if (has_own_root(ct))
			return true;
	return false;
}

char *container_root_path(const struct container *ct)
{
	char *path = xstrdup("/");

	/* Each root is a path inside the parent's root. */
	for (; ct; ct = ct->parent) {
		if (!has_own_root(ct))
			continue;
		char *outer = xasprintf("%s%s", ct->spec.root, strcmp(path, "/") == 0 ? "" : path);

		free(path);
		path = outer;
	}
	return path;
}

char *container_cwd(const struct container *ct, const char *workdir_base)
{
	const struct container *self = ct;
	char *cwd = NULL; /* the relative remainder so far */

	for (; ct && !container_is_root(ct); ct = ct->parent) {
		const char *own = own_cwd(ct);

		if (own) {
			char *joined = cwd ? path_join(own, cwd) : xstrdup(own);

			free(cwd);
			cwd = joined;
			if (path_is_absolute(cwd))
				return cwd;
		}
		if (has_own_root(ct)) {
			char *abs = path_join("/", cwd ? cwd : "");

			free(cwd);
			return abs;
		}
	}

	char *base = xasprintf("%s/%s", workdir_base, self->name);
	char *abs = cwd ? path_join(base, cwd) : xstrdup(base);

	free(base);
	free(cwd);
	return abs;
}

int container_exit_code(const struct container *ct)
{
	if (ct->oom_killed)
		return -99;
	if (WIFSIGNALED(ct->exit_status))
		return -WTERMSIG(ct->exit_status);
	return WEXITSTATUS(ct->exit_status);
}

uint64_t container_memory_limit_total(const struct container *ct)
{
	uint64_t limit = 0;

	for (; ct; ct = ct->parent)
		if (ct->spec.memory_limit && (!limit || ct->spec.memory_limit < limit))
			limit = ct->spec.memory_limit;
	return limit;
}

uint64_t container_cpu_limit_total(const struct container *ct)
{
	uint64_t limit = 0;

	for (; ct; ct = ct->parent)
		if (ct->spec.cpu_limit && (!limit || ct->spec.cpu_limit < limit))
			limit = ct->spec.cpu_limit;
	return limit;
}

uint64_t container_cpu_guarantee_bound(const struct container *ct, uint64_t cpu_bit, uint64_t host)
{
	uint64_t bound = host;

	for (; ct && !container_is_root(ct); ct = ct->parent)
		if (ct->spec.controllers & cpu_bit && ct->spec.cpu_guarantee < bound)
			bound = ct->spec.cpu_guarantee;
	return bound;
}

uint64_t container_memory_guarantee_total(const struct container *ct, const struct container *also)
{
	const struct container *child;
	uint64_t sum = 0;

	if (!state_has_resources(ct->state) && ct != also)
		return 0;
	list_for_each(child, &ct->children, child_node)
		sum += container_memory_guarantee_total(child, also);
	return ct->spec.memory_guarantee > sum ? ct->spec.memory_guarantee : sum;
}

struct container *container_nearest_task(const struct container *ct)
{
	struct container *up = ct->parent;

	while (up && !(up->has_task && up->task.main_pid))
		up = up->parent;
	return up;
}

void container_set_start_error(struct container *ct, const struct error *err)
{
	free(ct->start_error);
	ct->start_error = err && err->code ? xmemdup(err, sizeof(*err)) : NULL;
}
