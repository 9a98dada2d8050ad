/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups that a container rules itself: the leaf below its own group (see cgroup.h).
 *
 * The leaf is the root of the container's cgroup namespace and of what is mounted in it. Its
 * files may be written by a root inside: whatever they say, the limits of the group above hold. An
 * owner that is not root gets the files that the kernel lists for delegation and no more; below it
 * makes groups of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/cgroup_backend.h"
#include "kernel/cgroup_proc.h"

#define DELEGATE_FILE "/sys/kernel/cgroup/delegate" /* Linux 4.15 */

static bool is_delegated(const struct cgroup_hierarchy *hr, const struct cgroup *cg)
{
	uint32_t key = hr->ops == &cgroup_v2_backend ? CGROUP_BIT(CGROUP_CGROUP2) : hr->controllers;

	return !(key & ~cg->delegated) && cgroup_owns(hr, cg, cg->level);
}

bool cgroup_has_leaf(const struct cgroup_hierarchy *hr, const struct cgroup *cg)
{
	return (hr->features & CGROUP_HAS_LEAF && !cg->childless) || is_delegated(hr, cg);
}

/* ---- giving ---- */

static const char v1_files[] = "cgroup.procs\ntasks\ncgroup.clone_children\n";
static const char v2_files[] = "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n";

/* Files of `list`, one a line; one that the group does not have is left out. */
static int give_files(int dir, char *list, uid_t uid, gid_t gid)
{
	char *name;

	while ((name = cgroup_next_line(&list))) {
		if (*name && fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 &&
		    errno != ENOENT)
			return -errno;
	}
	return 0;
}

static int give(const struct cgroup_hierarchy *hr, const char *leaf, uid_t uid, gid_t gid)
{
	bool is_v2 = hr->ops == &cgroup_v2_backend;
	auto_free char *list = NULL;
	auto_close int dir = cgroup_open(hr, leaf, "", O_RDONLY | O_DIRECTORY);

	if (dir < 0)
		return dir;
	if (!is_v2 || fd_read_file(AT_FDCWD, DELEGATE_FILE, 4096, &list, NULL) < 0)
		list = xstrdup(is_v2 ? v2_files : v1_files);
	if (fchown(dir, uid, gid) < 0)
		return -errno;
	return give_files(dir, list, uid, gid);
}

static int remove_visit(const struct cgroup_hierarchy *hr, const char *path, void *arg)
{
	(void)arg;
	unlinkat(hr->fd, path, AT_REMOVEDIR);
	return 0;
}

static int delegate_in(struct cgroup_host *h, const struct cgroup_hierarchy *hr,
		       const struct cgroup *cg, uid_t uid, gid_t gid, struct error *err)
{
	char path[CGROUP_PATH_MAX], leaf[CGROUP_PATH_MAX];
	bool is_new;
	int r = 0;

	if (cgroup_own_path(h, hr, cg, path, err) < 0)
		return -1;
	if (!cgroup_join(path, CGROUP_LEAF, leaf, sizeof(leaf)))
		return error_errno(err, ENAMETOOLONG, "cgroup path of container '%s'", cg->name);
	cgroup_walk(hr, leaf, true, remove_visit, NULL);
	if (cgroup_mkdir(hr, leaf, &is_new, err) < 0)
		return -1;
	if (uid || gid)
		r = give(hr, leaf, uid, gid);
	return r < 0 ? error_errno(err, -r, "give cgroup %s/%s to user %u", hr->point, leaf,
				   (unsigned)uid)
		     : 0;
}

int cgroup_delegate(struct cgroup_host *h, const struct cgroup *cg, uid_t uid, gid_t gid,
		    struct error *err)
{
	for (size_t i = 0; i < h->nhier; i++) {
		if (is_delegated(h->hier[i], cg) &&
		    delegate_in(h, h->hier[i], cg, uid, gid, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- showing ---- */

static void add_links(struct cgroup_view *v)
{
	auto_free char *copy = xstrdup(v->options);
	char *pos = copy, *word;

	while (pos && (word = cgroup_next_word(&pos))) {
		if (!str_has_prefix(word, "name=") && !str_eq(word, v->name))
			strv_add(&v->links, word);
	}
}

/* The unified tree at the top leaves no room for others. */
static bool only_unified(const struct cgroup_host *h, uint32_t mask)
{
	return h->unified &&
	       (str_eq(h->unified->point, h->cgroup_root) || mask == CGROUP_BIT(CGROUP_CGROUP2));
}

void cgroup_views(const struct cgroup_host *h, const struct cgroup *cg, uint32_t mask,
		  struct cgroup_view **ret, size_t *ret_n)
{
	struct cgroup_view *views = xnew_array(struct cgroup_view, h->nhier + 1);
	bool alone = only_unified(h, mask);
	size_t n = 0;

	for (size_t i = 0; i < h->nhier; i++) {
		const struct cgroup_hierarchy *hr = h->hier[i];
		struct cgroup_view *v = &views[n];

		if (!(hr->controllers & mask) || !cgroup_owns(hr, cg, cg->level) ||
		    (alone && hr != h->unified))
			continue;
		v->name = xstrdup(alone ? "" : path_basename(hr->point));
		v->options = xstrdup(hr->options);
		v->writable = is_delegated(hr, cg);
		add_links(v);
		n++;
	}
	*ret = views;
	*ret_n = n;
}

void cgroup_views_free(struct cgroup_view *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].name);
		free(v[i].options);
		strv_deinit(&v[i].links);
	}
	free(v);
}
