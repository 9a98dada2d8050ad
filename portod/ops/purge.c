/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroups below our prefix and work directories that belong to no container: left by a server that
 * died between two steps, or by hand. One job after restore removes them; a container of the same
 * name must not start before it is through.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/xalloc.h"
#include "ops/internal.h"

struct purge {
	struct ops *ops;
	struct job job;
	struct strv names; /* of cgroups */
	struct strv dirs;  /* of first-level work directories */
};

static int purge_job(void *arg, void *result, size_t *len, struct error *err)
{
	struct purge *p = arg;
	int rc = 0;

	(void)result;
	*len = 0;
	for (size_t i = 0; i < p->names.n; i++)
		if (cgroup_purge(p->ops->cgroups, p->names.v[i], err))
			rc = error_prefix(err, "remove leftover cgroup %s", p->names.v[i]);
	for (size_t i = 0; i < p->dirs.n; i++) {
		auto_free char *path = path_join(p->ops->config->workdir_base, p->dirs.v[i]);
		int r = fd_remove_tree(AT_FDCWD, path);

		if (r < 0)
			rc = error_errno(err, -r, "remove leftover directory %s", path);
	}
	return rc;
}

static void on_purged(struct job *j, const struct error *err, const void *result, size_t len)
{
	struct purge *p = container_of(j, struct purge, job);
	struct ops *ops = p->ops;

	(void)result;
	(void)len;
	if (err->code)
		log_warning("%s", err->text);
	ops->purge = purge_free(p);
	ops_release(ops);
}

struct purge *purge_free(struct purge *p)
{
	if (!p)
		return NULL;
	if (job_is_running(&p->job))
		job_cancel(&p->job);
	strv_deinit(&p->names);
	strv_deinit(&p->dirs);
	free(p);
	return NULL;
}

/* A group below a container is that container's own business. */
static bool belongs_to_nobody(const struct ops *ops, const char *name)
{
	return container_is_root(tree_find_nearest(ops->tree, name));
}

static void find_cgroups(struct purge *p)
{
	struct error err = ERROR_INIT;
	char **names = NULL;
	size_t n = 0;

	if (cgroup_list(p->ops->cgroups, &names, &n, &err))
		log_warning("look for leftover cgroups: %s", err.text);
	for (size_t i = 0; i < n; i++) {
		if (belongs_to_nobody(p->ops, names[i])) {
			log_info("leftover cgroup %s will be removed", names[i]);
			strv_add(&p->names, names[i]);
		}
		free(names[i]);
	}
	free(names);
}

static void find_directories(struct purge *p)
{
	auto_closedir DIR *dir = opendir(p->ops->config->workdir_base);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    tree_find(p->ops->tree, e->d_name))
			continue;
		log_info("leftover directory %s will be removed", e->d_name);
		strv_add(&p->dirs, e->d_name);
	}
}

void purge_leftovers(struct ops *ops)
{
	struct purge *p = xnew(struct purge);
	struct error err = ERROR_INIT;

	p->ops = ops;
	job_init(&p->job);
	find_cgroups(p);
	find_directories(p);
	if (p->names.n + p->dirs.n && job_fork(&p->job, ops->loop, ops->procs, "purge", purge_job,
					       p, 0, on_purged, &err) == 0) {
		ops->purge = p;
		ops_hold(ops);
		return;
	}
	if (err.code)
		log_warning("remove leftovers: %s", err.text);
	purge_free(p);
}

static bool covers(const struct strv *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (str_has_prefix(names->v[i], name) || str_has_prefix(name, names->v[i]))
			return true;
	return false;
}

bool purge_covers(const struct ops *ops, const char *name)
{
	return ops->purge && (covers(&ops->purge->names, name) || covers(&ops->purge->dirs, name));
}
