/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving a process or a thread that already runs somewhere. It is in a group of each hierarchy; a
 * move that fails half-way is undone in reverse, to the groups it came from.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/cgroup_backend.h"
#include "kernel/cgroup_proc.h"

#define HIERARCHIES_MAX (_CGROUP_CONTROLLER_COUNT + 1)
#define CGROUP_FILE_MAX (256u << 10)

struct move {
	struct cgroup_host *host;
	const struct cgroup *to;
	pid_t pid;
	const char *file;            /* "cgroup.procs", or "tasks" for a thread */
	char *from[HIERARCHIES_MAX]; /* where it was, by hierarchy; NULL = not known or not moved */
};

static void move_deinit(struct move *m)
{
	for (size_t i = 0; i < HIERARCHIES_MAX; i++)
		free(m->from[i]);
}

/* The word that finds the hierarchy in /proc/PID/cgroup. */
static const char *member_key(const struct cgroup_hierarchy *hr)
{
	if (hr->ops == &cgroup_v2_backend)
		return "";
	if (hr->naming == CGROUP_NAMING_FLAT)
		return "name=systemd";
	for (unsigned c = 0; c < _CGROUP_CONTROLLER_COUNT; c++)
		if (hr->controllers & CGROUP_BIT(c))
			return cgroup_controller_name((enum cgroup_controller)c);
	return "";
}

static void remember(struct move *m, size_t i, const char *text)
{
	const struct cgroup_hierarchy *hr = m->host->hier[i];
	auto_free char *copy = xstrdup(text);
	const char *path;
	int r;

	path = cgroup_member_path(copy, member_key(hr), &r);
	if (path)
		path = path_below(path, hr->root);
	m->from[i] = path ? xstrdup(path) : NULL;
}

/*
 * The named hierarchy belongs to the host's manager: a process stays where it is there, unless the
 * container owns a group. A thread cannot leave its process in the unified tree; where that one has
 * no controllers nothing is lost.
 */
static bool takes_part(const struct move *m, const struct cgroup_hierarchy *hr, bool thread)
{
	if (hr->naming == CGROUP_NAMING_FLAT && !cgroup_owns(hr, m->to, m->to->level))
		return false;
	return !thread || hr != m->host->unified;
}

static int write_id(const struct cgroup_hierarchy *hr, const char *dir, const char *file, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return cgroup_write(hr, dir, file, text);
}

static int move_in(struct move *m, const struct cgroup_hierarchy *hr, struct error *err)
{
	char path[CGROUP_PATH_MAX], dir[CGROUP_PATH_MAX];
	int r;

	if (cgroup_own_path(m->host, hr, m->to, path, err) < 0)
		return -1;
	if (!cgroup_procs_dir(hr, path, dir, sizeof(dir)))
		return error_errno(err, ENAMETOOLONG, "cgroup path of container '%s'", m->to->name);
	r = write_id(hr, dir, m->file, m->pid);
	if (r == -ESRCH)
		return error_sys(err, ERR_INVALID_VALUE, ESRCH, "process %d is gone", (int)m->pid);
	if (r < 0)
		return error_errno(err, -r, "move process %d into cgroup %s/%s", (int)m->pid,
				   hr->point, dir);
	return 0;
}

static void undo(const struct move *m, size_t n)
{
	while (n-- > 0)
		if (m->from[n])
			(void)write_id(m->host->hier[n], m->from[n], m->file, m->pid);
}

static int run(struct move *m, bool thread, struct error *err)
{
	auto_free char *path = xasprintf("%s/%d/cgroup", m->host->proc_root, (int)m->pid);
	auto_free char *text = NULL;
	int r = fd_read_file(AT_FDCWD, path, CGROUP_FILE_MAX, &text, NULL);

	if (r == -ENOENT || r == -ESRCH)
		return error_sys(err, ERR_INVALID_VALUE, ESRCH, "process %d is gone", (int)m->pid);
	if (r < 0)
		return error_errno(err, -r, "read %s", path);
	for (size_t i = 0; i < m->host->nhier; i++) {
		if (!takes_part(m, m->host->hier[i], thread))
			continue;
		remember(m, i, text);
		if (move_in(m, m->host->hier[i], err) < 0) {
			undo(m, i);
			return -1;
		}
	}
	return 0;
}

int cgroup_attach(struct cgroup_host *h, const struct cgroup *cg, pid_t pid, bool thread,
		  struct error *err)
{
	struct move m = { .host = h, .to = cg, .pid = pid, .file = "cgroup.procs" };
	int r;

	if (thread && h->tree == h->unified)
		return error_set(err, ERR_NOT_SUPPORTED,
				 "a single thread cannot be moved: in the unified cgroup tree all "
				 "threads of a process are in one group");
	if (thread)
		m.file = h->tree->ops->threads_file;
	r = run(&m, thread, err);
	move_deinit(&m);
	return r;
}
