/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroups below our prefix that belong to no container: left by a server that died between two
 * steps, or by hand. One job after restore removes them; a container of the same name must not
 * start before it is through.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "ops/internal.h"

struct purge {
	struct ops *ops;
	struct job job;
	char **names;
	size_t n;
};

static int purge_job(void *arg, void *result, size_t *len, struct error *err)
{
	struct purge *p = arg;
	int rc = 0;

	(void)result;
	*len = 0;
	for (size_t i = 0; i < p->n; i++)
		if (cgroup_purge(p->ops->cgroups, p->names[i], err))
			rc = error_prefix(err, "remove leftover cgroup %s", p->names[i]);
	return rc;
}

static void on_purged(struct job *j, const struct error *err, const void *result, size_t len)
{
	struct purge *p = container_of(j, struct purge, job);

	(void)result;
	(void)len;
	if (err->code)
		log_warning("%s", err->text);
	p->ops->purge = purge_free(p);
}

struct purge *purge_free(struct purge *p)
{
	if (!p)
		return NULL;
	if (job_is_running(&p->job))
		job_cancel(&p->job);
	for (size_t i = 0; i < p->n; i++)
		free(p->names[i]);
	free(p->names);
	free(p);
	return NULL;
}

/* A group below a container is that container's own business. */
static bool belongs_to_nobody(const struct ops *ops, const char *name)
{
	return container_is_root(tree_find_nearest(ops->tree, name));
}

void purge_leftovers(struct ops *ops)
{
	struct purge *p = xnew(struct purge);
	struct error err = ERROR_INIT;
	char **names = NULL;
	size_t n = 0;

	p->ops = ops;
	job_init(&p->job);
	if (cgroup_list(ops->cgroups, &names, &n, &err))
		log_warning("look for leftover cgroups: %s", err.text);
	p->names = xnew_array(char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		if (belongs_to_nobody(ops, names[i])) {
			log_info("leftover cgroup %s will be removed", names[i]);
			p->names[p->n++] = names[i];
		} else {
			free(names[i]);
		}
	}
	free(names);
	if (p->n && job_fork(&p->job, ops->loop, ops->procs, "purge", purge_job, p, 0, on_purged,
			     &err) == 0) {
		ops->purge = p;
		return;
	}
	if (err.code)
		log_warning("remove leftover cgroups: %s", err.text);
	purge_free(p);
}

bool purge_covers(const struct ops *ops, const char *name)
{
	for (size_t i = 0; ops->purge && i < ops->purge->n; i++) {
		const char *left = ops->purge->names[i];

		if (str_has_prefix(left, name) || str_has_prefix(name, left))
			return true;
	}
	return false;
}
