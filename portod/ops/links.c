/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/xalloc.h"
#include "kernel/identity.h"
#include "kernel/procfs.h"
#include "model/userns.h"

static char *absolute(const char *cwd, const char *path)
{
	auto_free char *joined = path_join(cwd, path);

	return path_normalize(joined);
}

/* On the host's files the command's rights count; in a root of its own the container has its way,
 * as its own root would. */
static void choose_actor(struct link_set *s, const struct container *ct)
{
	if (!container_is_chrooted(ct)) {
		s->cred.uid = container_task_uid(ct);
		s->cred.gid = container_task_gid(ct);
		cred_load_groups(&s->cred);
	} else if (userns_of(ct)) {
		s->cred.uid = userns_root_uid(ct);
		s->cred.gid = userns_root_gid(ct);
	} else {
		return;
	}
	s->actor = &s->cred;
}

void link_set_init(struct link_set *s, const struct container *ct, const struct strv *gone,
		   const char *cwd)
{
	const struct smap *map = &ct->spec.symlink;

	*s = (struct link_set){ 0 };
	s->v = xnew_array(struct symlink_entry, map->n + (gone ? gone->n : 0) + 1);
	for (size_t i = 0; gone && i < gone->n; i++)
		if (!smap_find(map, gone->v[i]))
			s->v[s->n++].link = absolute(cwd, gone->v[i]);
	for (size_t i = 0; i < map->n; i++)
		s->v[s->n++] = (struct symlink_entry){ .link = absolute(cwd, map->e[i].key),
						       .target = absolute(cwd, map->e[i].val) };
	choose_actor(s, ct);
}

void link_set_deinit(struct link_set *s)
{
	symlink_entries_free(s->v, s->n);
	cred_deinit(&s->cred);
}

/* ---- of a running container ---- */

void links_remember(struct ops *ops, struct container *ct)
{
	const struct smap *map = &ct->spec.symlink;
	struct container_runtime *rt = map->n ? runtime_get(ops, ct) : NULL;

	for (size_t i = 0; i < map->n; i++)
		if (!strv_has(&rt->links, map->e[i].key))
			strv_add(&rt->links, map->e[i].key);
}

void links_forget(struct container *ct)
{
	if (ct->runtime)
		strv_deinit(&ct->runtime->links);
}

/* As at start: who may not write the root directory has no business in it. */
static int check_owner(const struct container *ct, int root, struct error *err)
{
	struct cred owner = { .uid = ct->spec.owner_cred.uid, .gid = ct->spec.owner_cred.gid };
	int r;

	if (owner.uid == 0 || !container_is_chrooted(ct) || container_is_chrooted(ct->parent))
		return 0;
	cred_load_groups(&owner);
	r = identity_access(&owner, root, W_OK);
	cred_deinit(&owner);
	return r < 0 ? error_errno(err, -r, "write the root directory as its owner") : 0;
}

int apply_links(struct ops *ops, struct container *ct, struct error *err)
{
	auto_free char *cwd = container_cwd(ct, ops->config->workdir_base);
	auto_close int root = -1;
	struct link_set s;
	int rc;

	if (!ct->has_task)
		return 0;
	root = procfs_open_root(ct->task.wait_pid, ct->task.wait_starttime);
	if (root < 0)
		return error_errno(err, -root, "open the root of process %d",
				   (int)ct->task.wait_pid);
	link_set_init(&s, ct, ct->runtime ? &ct->runtime->links : NULL, cwd);
	rc = check_owner(ct, root, err) ? -1 : symlinks_apply(root, s.v, s.n, s.actor, err);
	link_set_deinit(&s);
	return rc;
}
