/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing groups.
 *
 * The usual case is an empty group without groups below: one rmdir(2) per hierarchy. Anything else
 * makes it EBUSY, and then everybody inside is killed and what is below goes first, again and again
 * until it works or the time is over: processes in uninterruptible sleep take their time, and a
 * container that may write to its own groups can make new ones meanwhile. Each hierarchy is judged
 * by its own lists, so a process that was moved in one of them only is found, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "kernel/cgroup_backend.h"

static int remove_dir(const struct cgroup_hierarchy *hr, const char *path)
{
	/* ENODEV: somebody else removed it while we looked. */
	if (unlinkat(hr->fd, path, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENODEV)
		return 0;
	return -errno;
}

/* The group and its leaf, which only some have where the hierarchy does not need it. */
static int remove_plain(const struct cgroup_hierarchy *hr, const char *path)
{
	bool sure = hr->features & CGROUP_HAS_LEAF;
	int r = sure ? -EBUSY : remove_dir(hr, path);
	char leaf[CGROUP_PATH_MAX];

	if (r != -EBUSY || !cgroup_join(path, CGROUP_LEAF, leaf, sizeof(leaf)))
		return r;
	r = remove_dir(hr, leaf);
	return r < 0 ? r : remove_dir(hr, path);
}

static int remove_visit(const struct cgroup_hierarchy *hr, const char *path, void *arg)
{
	(void)arg;
	return remove_dir(hr, path);
}

/* One removal of a container: several hierarchies, one deadline. */
struct removal {
	struct cgroup_host *h;
	const struct cgroup *cg;
	uint64_t deadline; /* monotonic ns */
	bool emptied;      /* the trees were */
};

static void removal_init(struct removal *rm, struct cgroup_host *h, const struct cgroup *cg)
{
	*rm = (struct removal){
		.h = h,
		.cg = cg,
		.deadline = clock_mono_nsec() + h->remove_timeout_ms * NSEC_PER_MSEC,
	};
}

static unsigned time_left_ms(const struct removal *rm)
{
	uint64_t now = clock_mono_nsec();

	return now < rm->deadline ? (unsigned)((rm->deadline - now) / NSEC_PER_MSEC) : 0;
}

/* Kill in the trees, where all processes are, and give them a moment to go: then the rest is plain
 * removal as a rule. What is left over is seen by the removal itself. */
static void empty_trees(struct removal *rm)
{
	struct error ignored = ERROR_INIT;
	struct cgroup_host *h = rm->h;
	char path[CGROUP_PATH_MAX];

	rm->emptied = true;
	if (!cgroup_owns(h->tree, rm->cg, rm->cg->level) ||
	    cgroup_rel_path(h, h->tree, rm->cg, path, sizeof(path)) < 0)
		return;
	/* The same path in both trees of a hybrid host, and cgroup.kill in one of them. */
	if (h->unified && h->unified != h->tree)
		cgroup_kill_path(h->unified, path);
	cgroup_kill_path(h->tree, path);
	cgroup_wait_empty(h, rm->cg, true, time_left_ms(rm), &ignored);
}

static int remove_group(struct removal *rm, const struct cgroup_hierarchy *hr, const char *path,
			struct error *err)
{
	_cleanup_(cgroup_wait_deinit) struct cgroup_wait w = { .events_fd = -1 };
	int r = remove_plain(hr, path);

	if (r == 0)
		return 0;
	if (!rm->emptied)
		empty_trees(rm);
	cgroup_wait_init(&w, hr, path, time_left_ms(rm));
	do {
		if (r != -EBUSY && r != -ENOTEMPTY)
			break;
		cgroup_kill_path(hr, path);
		r = cgroup_walk(hr, path, true, remove_visit, NULL);
	} while (r < 0 && cgroup_wait_next(&w));
	return r < 0 ? error_errno(err, -r, "remove cgroup %s/%s", hr->point, path) : 0;
}

int cgroup_remove(struct cgroup_host *h, const struct cgroup *cg, struct error *err)
{
	char path[CGROUP_PATH_MAX];
	struct removal rm;

	if (cg->level == 0)
		return error_set(err, ERR_PERMISSION, "cannot remove the root container");
	removal_init(&rm, h, cg);
	for (size_t i = h->nhier; i-- > 0;) {
		const struct cgroup_hierarchy *hr = h->hier[i];

		if (!cgroup_owns(hr, cg, cg->level))
			continue;
		if (cgroup_own_path(h, hr, cg, path, err) < 0 ||
		    remove_group(&rm, hr, path, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- removal without knowing the controllers ---- */

/*
 * In a mixed hierarchy the group of a/b/c is one of P%a%b%c, P%a/b%c, P%a%b/c, P%a/b/c: try for the
 * next directory every number of components, and go on only in those that exist. `path` has `len`
 * bytes in use, `name` is what is left of it.
 */
static int purge_mixed(struct removal *rm, const struct cgroup_hierarchy *hr, char *path,
		       size_t len, const char *name, struct error *err)
{
	size_t end = len;

	for (const char *p = name;; p++) {
		if (*p && *p != '/') {
			if (end + 2 > CGROUP_PATH_MAX)
				return 0;
			path[end++] = *p;
			continue;
		}
		path[end] = '\0';
		if (!*p)
			return remove_group(rm, hr, path, err);
		if (end + 2 > CGROUP_PATH_MAX)
			return 0;
		if (cgroup_file_exists(hr, path, "")) {
			path[end] = '/';
			if (purge_mixed(rm, hr, path, end + 1, p + 1, err) < 0)
				return -1;
		}
		path[end++] = '%';
	}
}

static int purge_in(struct removal *rm, const struct cgroup_hierarchy *hr, const char *name,
		    struct error *err)
{
	char path[CGROUP_PATH_MAX];
	bool tree = hr->naming == CGROUP_NAMING_TREE;
	size_t len = strlen(rm->h->prefix);

	if (len + 1 + strlen(name) + 1 > sizeof(path))
		return error_errno(err, ENAMETOOLONG, "cgroup path of container '%s'", name);
	memcpy(path, rm->h->prefix, len);
	path[len++] = tree ? '/' : '%';
	if (tree) {
		memcpy(path + len, name, strlen(name) + 1);
		return remove_group(rm, hr, path, err);
	}
	return purge_mixed(rm, hr, path, len, name, err);
}

int cgroup_purge(struct cgroup_host *h, const char *name, struct error *err)
{
	/* Owns the trees, whatever else: so the processes in there die first. */
	struct cgroup cg = { .name = name, .level = 1 };
	struct removal rm;

	if (str_is_empty(name) || strpbrk(name, "%\n"))
		return error_set(err, ERR_INVALID_VALUE, "bad container name '%s'",
				 name ? name : "");
	for (const char *p = name; *p; p++)
		cg.level += *p == '/';
	if (cg.level > CGROUP_MAX_LEVEL)
		cg.level = 0; /* deeper than any container: a group that one made inside */
	cg.owned[cg.level] = h->tree->controllers;
	removal_init(&rm, h, &cg);
	for (size_t i = h->nhier; i-- > 0;) {
		if (purge_in(&rm, h->hier[i], name, err) < 0)
			return -1;
	}
	return 0;
}
