/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front: names, paths, making and joining groups, knobs and statistics. What a hierarchy is,
 * and why there are no modes, is told in cgroup_backend.h and cgroup_host.c.
 */
#include "kernel/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/cgroup_backend.h"

static const char *const controller_names[_CGROUP_CONTROLLER_COUNT] = {
	[CGROUP_FREEZER] = "freezer",
	[CGROUP_MEMORY] = "memory",
	[CGROUP_CPU] = "cpu",
	[CGROUP_CPUACCT] = "cpuacct",
	[CGROUP_NET_CLS] = "net_cls",
	[CGROUP_BLKIO] = "blkio",
	[CGROUP_DEVICES] = "devices",
	[CGROUP_HUGETLB] = "hugetlb",
	[CGROUP_CPUSET] = "cpuset",
	[CGROUP_PIDS] = "pids",
	[CGROUP_PERF_EVENT] = "perf_event",
	[CGROUP_SYSTEMD] = "systemd",
	[CGROUP_CGROUP2] = "cgroup2",
};

/* What a message calls them: the container properties. */
static const struct {
	const char *name;
	enum cgroup_controller controller;
} knob_info[_CGROUP_KNOB_COUNT] = {
	[CGROUP_KNOB_MEMORY_LIMIT] = { "memory_limit", CGROUP_MEMORY },
	[CGROUP_KNOB_MEMORY_GUARANTEE] = { "memory_guarantee", CGROUP_MEMORY },
	[CGROUP_KNOB_MEMORY_PRESS] = { "pressurize_on_death", CGROUP_MEMORY },
	[CGROUP_KNOB_OOM_GROUP] = { "oom_is_fatal", CGROUP_MEMORY },
	[CGROUP_KNOB_HUGETLB_LIMIT] = { "hugetlb_limit", CGROUP_HUGETLB },
	[CGROUP_KNOB_CPU_LIMIT] = { "cpu_limit", CGROUP_CPU },
	[CGROUP_KNOB_CPU_WEIGHT] = { "cpu_weight", CGROUP_CPU },
	[CGROUP_KNOB_CPU_IDLE] = { "cpu_policy idle", CGROUP_CPU },
	[CGROUP_KNOB_CPU_RT] = { "cpu_policy rt", CGROUP_CPU },
	[CGROUP_KNOB_CPU_SET] = { "cpu_set", CGROUP_CPUSET },
	[CGROUP_KNOB_IO_WEIGHT] = { "io_weight", CGROUP_BLKIO },
	[CGROUP_KNOB_IO_LIMIT] = { "io_limit", CGROUP_BLKIO },
	[CGROUP_KNOB_IO_OPS_LIMIT] = { "io_ops_limit", CGROUP_BLKIO },
	[CGROUP_KNOB_THREAD_LIMIT] = { "thread_limit", CGROUP_PIDS },
	[CGROUP_KNOB_DEVICES] = { "devices", CGROUP_DEVICES },
};

const char *cgroup_controller_name(enum cgroup_controller c)
{
	return controller_names[c];
}

int cgroup_controller_parse(const char *name, enum cgroup_controller *ret)
{
	for (unsigned c = 0; c < _CGROUP_CONTROLLER_COUNT; c++) {
		if (str_eq(name, controller_names[c])) {
			*ret = c;
			return 0;
		}
	}
	return -ENOENT;
}

enum cgroup_controller cgroup_knob_controller(enum cgroup_knob knob)
{
	return knob_info[knob].controller;
}

/* ---- paths ---- */

/* A path under construction. */
struct path_buf {
	char *data;
	size_t len, size;
	bool overflow;
};

static void path_add(struct path_buf *b, const char *s, size_t n)
{
	if (b->len + n + 1 > b->size) {
		b->overflow = true;
		return;
	}
	memcpy(b->data + b->len, s, n);
	b->len += n;
	b->data[b->len] = '\0';
}

unsigned cgroup_owner_level(const struct cgroup_hierarchy *hr, const struct cgroup *cg)
{
	unsigned level = cg->level;

	while (level > 0 && !cgroup_owns(hr, cg, level))
		level--;
	return level;
}

/* What stands in front of component `i` (counted from 1). */
static char separator(const struct cgroup_hierarchy *hr, const struct cgroup *cg, unsigned i)
{
	if (hr->naming == CGROUP_NAMING_TREE)
		return '/';
	if (hr->naming == CGROUP_NAMING_FLAT || i == 1)
		return '%';
	return cgroup_owns(hr, cg, i - 1) ? '/' : '%';
}

int cgroup_rel_path(const struct cgroup_host *h, const struct cgroup_hierarchy *hr,
		    const struct cgroup *cg, char *buf, size_t size)
{
	struct path_buf b = { .data = buf, .size = size };
	unsigned last = cgroup_owner_level(hr, cg);
	const char *name = cg->name;

	if (hr->naming == CGROUP_NAMING_FLAT && !cgroup_owns(hr, cg, cg->level)) {
		path_add(&b, hr->self, strlen(hr->self));
		return b.overflow ? -ENAMETOOLONG : 0;
	}
	path_add(&b, "", 0);
	/* The root container is the whole host, but in the unified tree it is P: the top group
	 * there cannot tell more than procfs does. */
	if (last || hr->ops == &cgroup_v2_backend)
		path_add(&b, h->prefix, strlen(h->prefix));
	for (unsigned i = 1; i <= last; i++) {
		size_t n = strcspn(name, "/");
		char sep = separator(hr, cg, i);

		path_add(&b, &sep, 1);
		path_add(&b, name, n);
		name += n + (name[n] == '/');
	}
	return b.overflow ? -ENAMETOOLONG : 0;
}

int cgroup_own_path(const struct cgroup_host *h, const struct cgroup_hierarchy *hr,
		    const struct cgroup *cg, char *buf, struct error *err)
{
	int r = cgroup_rel_path(h, hr, cg, buf, CGROUP_PATH_MAX);

	return r < 0 ? error_errno(err, -r, "cgroup path of container '%s'", cg->name) : 0;
}

int cgroup_path(const struct cgroup_host *h, const struct cgroup *cg, enum cgroup_controller c,
		char *buf, size_t size)
{
	if (!h->at[c] || size < 2)
		return -1;
	buf[0] = '/';
	return cgroup_rel_path(h, h->at[c], cg, buf + 1, size - 1) < 0 ? -1 : 0;
}

/* ---- making and joining ---- */

static void remove_made(const struct cgroup_hierarchy *hr, const char *path)
{
	char leaf[CGROUP_PATH_MAX];

	if ((hr->features & CGROUP_HAS_LEAF) && cgroup_procs_dir(hr, path, leaf, sizeof(leaf)))
		unlinkat(hr->fd, leaf, AT_REMOVEDIR);
	unlinkat(hr->fd, path, AT_REMOVEDIR);
}

static int create_in(struct cgroup_host *h, const struct cgroup_hierarchy *hr,
		     const struct cgroup *cg, bool *ret_new, struct error *err)
{
	char path[CGROUP_PATH_MAX];

	*ret_new = false;
	if (cgroup_own_path(h, hr, cg, path, err) < 0)
		return -1;
	if (hr->naming == CGROUP_NAMING_FLAT && *hr->base)
		fd_mkdir_p(hr->fd, hr->base, CGROUP_DIR_MODE);
	if (hr->features & CGROUP_HAS_LEAF && !cgroup_has_leaf(hr, cg))
		return cgroup_mkdir(hr, path, ret_new, err);
	return hr->ops->make(hr, path, ret_new, err);
}

int cgroup_create(struct cgroup_host *h, const struct cgroup *cg, struct error *err)
{
	uint64_t made = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < h->nhier; i++) {
		bool is_new = false;

		if (cgroup_owns(h->hier[i], cg, cg->level))
			r = create_in(h, h->hier[i], cg, &is_new, err);
		if (is_new)
			made |= 1ULL << i;
	}
	for (size_t i = h->nhier; r < 0 && i-- > 0;) {
		char path[CGROUP_PATH_MAX];

		if ((made & 1ULL << i) &&
		    cgroup_rel_path(h, h->hier[i], cg, path, sizeof(path)) == 0)
			remove_made(h->hier[i], path);
	}
	return r;
}

/* The named hierarchy belongs to the host's manager: a process stays where it is there, unless the
 * container owns a group. */
static bool joins(const struct cgroup_hierarchy *hr, const struct cgroup *cg)
{
	return hr->naming != CGROUP_NAMING_FLAT || cgroup_owns(hr, cg, cg->level);
}

static int join_one(struct cgroup_host *h, const struct cgroup_hierarchy *hr,
		    const struct cgroup *cg, const char *file, const char *pid, struct error *err)
{
	char path[CGROUP_PATH_MAX], dir[CGROUP_PATH_MAX];
	int r;

	if (cgroup_own_path(h, hr, cg, path, err) < 0)
		return -1;
	if (!cgroup_join(path, cgroup_has_leaf(hr, cg) ? CGROUP_LEAF : "", dir, sizeof(dir)))
		return error_errno(err, ENAMETOOLONG, "cgroup path of container '%s'", cg->name);
	r = cgroup_write(hr, dir, file, pid);
	if (r < 0)
		return error_errno(err, -r, "move process %s into cgroup %s/%s", pid, hr->point,
				   dir);
	return 0;
}

int cgroup_attach_self(struct cgroup_host *h, const struct cgroup *cg, bool placed,
		       struct error *err)
{
	for (size_t i = 0; i < h->nhier; i++) {
		const struct cgroup_hierarchy *hr = h->hier[i];
		/* "0" in a v1 `tasks` file is the one form that takes no global lock; a v2
		 * domain cannot be changed by thread. */
		const char *file = hr == h->unified ? "cgroup.procs" : hr->ops->threads_file;

		if (!joins(hr, cg) || (placed && hr == h->unified))
			continue;
		if (join_one(h, hr, cg, file, "0", err) < 0)
			return -1;
	}
	return 0;
}

int cgroup_clone_fd(struct cgroup_host *h, const struct cgroup *cg)
{
	char path[CGROUP_PATH_MAX], dir[CGROUP_PATH_MAX];
	int fd;

	if (!h->unified || cgroup_rel_path(h, h->unified, cg, path, sizeof(path)) < 0 ||
	    !cgroup_join(path, cgroup_has_leaf(h->unified, cg) ? CGROUP_LEAF : "", dir,
			 sizeof(dir)))
		return -1;
	fd = cgroup_open(h->unified, dir, "", O_PATH | O_DIRECTORY);
	return fd < 0 ? -1 : fd;
}

bool cgroup_exists(const struct cgroup_host *h, const struct cgroup *cg)
{
	char path[CGROUP_PATH_MAX];

	return cgroup_rel_path(h, h->tree, cg, path, sizeof(path)) == 0 &&
	       cgroup_file_exists(h->tree, path, "");
}

/* ---- knobs ---- */

uint64_t cgroup_cpu_weight_max(const struct cgroup_host *h)
{
	const struct cgroup_hierarchy *hr = h->at[CGROUP_CPU];

	return hr ? hr->ops->cpu_weight_max * 1000 / hr->ops->cpu_weight_base : 1000;
}

bool cgroup_knob_is_supported(const struct cgroup_host *h, enum cgroup_knob knob)
{
	const struct cgroup_hierarchy *hr = h->at[knob_info[knob].controller];

	return hr && (hr->knobs & 1u << knob);
}

int cgroup_not_supported(const struct cgroup_host *h, const char *name, enum cgroup_controller c,
			 const char *file, struct error *err)
{
	if (!h->at[c])
		return error_set(err, ERR_NOT_SUPPORTED,
				 "%s is not supported: the host has no cgroup controller %s", name,
				 controller_names[c]);
	return error_set(err, ERR_NOT_SUPPORTED, "%s is not supported: cgroup %s has no %s", name,
			 h->at[c]->ops->name, file ? file : name);
}

/* v1 takes from the groups below what is denied above, but does not give what is allowed. */
static int apply_to_leaf(const struct cgroup_hierarchy *hr, const char *path,
			 const struct cgroup_knob_row *row, const struct cgroup_setting *s,
			 struct error *err)
{
	char leaf[CGROUP_PATH_MAX];

	if (hr->ops != &cgroup_v1_backend || !cgroup_join(path, CGROUP_LEAF, leaf, sizeof(leaf)) ||
	    !cgroup_file_exists(hr, leaf, row->file))
		return 0;
	return row->apply(hr, leaf, s, err);
}

static int write_knob(const struct cgroup_hierarchy *hr, const char *path,
		      const struct cgroup_setting *s, struct error *err)
{
	const struct cgroup_knob_row *row = &hr->ops->knobs[s->knob];
	char text[64];

	if (row->apply)
		return row->apply(hr, path, s, err);
	row->format(s, text, sizeof(text));
	return cgroup_write_err(hr, path, row->file, text, err);
}

int cgroup_set(struct cgroup_host *h, const struct cgroup *cg, const struct cgroup_setting *s,
	       struct error *err)
{
	const char *name = knob_info[s->knob].name;
	enum cgroup_controller c = knob_info[s->knob].controller;
	const struct cgroup_hierarchy *hr = h->at[c];
	const struct cgroup_knob_row *row = hr ? &hr->ops->knobs[s->knob] : NULL;
	char path[CGROUP_PATH_MAX];

	if (!cgroup_knob_is_supported(h, s->knob))
		return cgroup_not_supported(h, name, c, row ? row->file : NULL, err);
	/* The path would be an ancestor's, whose limit is not ours to change. */
	if (!cgroup_owns(hr, cg, cg->level))
		return error_set(err, cg->level ? ERR_NOT_SUPPORTED : ERR_PERMISSION,
				 "cannot set %s: container '%s' has no own cgroup controller %s",
				 name, cg->name, controller_names[c]);
	if (cgroup_own_path(h, hr, cg, path, err) < 0)
		return -1;
	if (write_knob(hr, path, s, err) < 0)
		return -1;
	return s->knob == CGROUP_KNOB_DEVICES ? apply_to_leaf(hr, path, row, s, err) : 0;
}

int cgroup_set_base(struct cgroup_host *h, const struct cgroup_setting *s, struct error *err)
{
	if (!cgroup_knob_is_supported(h, s->knob) ||
	    h->at[knob_info[s->knob].controller] != h->unified)
		return 0;
	return write_knob(h->unified, h->prefix, s, err);
}
