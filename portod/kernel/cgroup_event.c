/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out-of-memory notifications.
 *
 * v1: the kernel signals an eventfd when the group, or one above it, hits its limit, and once more
 * when the group is removed: that last one is dropped by looking whether the group is still there.
 * One descriptor per group, gathered in an epoll, which is what the caller polls.
 *
 * v2: the kernel reports each change of memory.events.local through inotify. The file counts other
 * things, too (`high`, `max`), so an event is a growth of its `oom` counter, or of `oom_kill` in
 * the leaf, where the processes are. No descriptor per group.
 */
#include "kernel/cgroup_event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/htab.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/cgroup_backend.h"

struct watch {
	uint64_t id;
	char *path;     /* of the group */
	int eventfd;    /* v1, else -1 */
	int wd;         /* v2, else -1 */
	int leaf_wd;    /* v2: of the leaf, if there is one, else -1 */
	char *leaf;     /* v2: path of the group with the processes */
	uint64_t count; /* v2: the last `oom` */
	uint64_t kills; /* v2: the last `oom_kill` */
};

struct cgroup_events {
	const struct cgroup_host *host;    /* borrowed */
	const struct cgroup_hierarchy *hr; /* of memory; NULL = the host has none */
	int fd;                            /* epoll or inotify */
	struct htab *by_id;                /* owns the watches */
	struct htab *by_wd;                /* v2 */
	const char *file;                  /* v2 */
	/* v2: events read and not handed out */
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	size_t pos, len;
};

static bool is_v2(const struct cgroup_events *ev)
{
	return ev->hr && ev->hr->ops == &cgroup_v2_backend;
}

static void forget_wd(struct cgroup_events *ev, int *wd)
{
	if (*wd < 0)
		return;
	htab_del_int(ev->by_wd, (uint64_t)*wd);
	inotify_rm_watch(ev->fd, *wd);
	*wd = -1;
}

static void watch_free(struct cgroup_events *ev, struct watch *w)
{
	/* By hand: a forked job may hold a copy, and then closing ours is not enough. */
	if (w->eventfd >= 0)
		epoll_ctl(ev->fd, EPOLL_CTL_DEL, w->eventfd, NULL);
	close_fd(&w->eventfd);
	forget_wd(ev, &w->wd);
	forget_wd(ev, &w->leaf_wd);
	free(w->leaf);
	free(w->path);
	free(w);
}

struct cgroup_events *cgroup_events_free(struct cgroup_events *ev)
{
	struct watch *w;
	size_t iter = 0;

	if (!ev)
		return NULL;
	while (ev->by_id && (w = htab_next(ev->by_id, &iter)))
		watch_free(ev, w);
	htab_free(ev->by_id);
	htab_free(ev->by_wd);
	close_fd(&ev->fd);
	free(ev);
	return NULL;
}

int cgroup_events_new(struct cgroup_host *h, struct cgroup_events **ret, struct error *err)
{
	struct cgroup_events *ev = xnew(struct cgroup_events);

	ev->host = h;
	ev->hr = h->at[CGROUP_MEMORY];
	ev->fd = is_v2(ev) ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : epoll_create1(EPOLL_CLOEXEC);
	if (ev->fd < 0) {
		error_errno(err, errno, "open a queue for out-of-memory events");
		free(ev);
		return -1;
	}
	ev->by_id = htab_new();
	ev->by_wd = htab_new();
	/* memory.events.local is of Linux 5.2; the other one counts what happens below, too. */
	ev->file = is_v2(ev) && cgroup_file_exists(ev->hr, h->prefix, "memory.events.local")
			   ? "memory.events.local"
			   : "memory.events";
	*ret = ev;
	return 0;
}

int cgroup_events_fd(const struct cgroup_events *ev)
{
	return ev->fd;
}

static int add_v1(struct cgroup_events *ev, struct watch *w, struct error *err)
{
	auto_close int control = cgroup_open(ev->hr, w->path, "memory.oom_control", O_RDONLY);
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = w->id };
	char text[32];
	int r;

	if (control < 0)
		return error_errno(err, -control, "open %s/%s/memory.oom_control", ev->hr->point,
				   w->path);
	w->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->eventfd < 0)
		return error_errno(err, errno, "make an eventfd");
	snprintf(text, sizeof(text), "%d %d", w->eventfd, control);
	r = cgroup_write(ev->hr, w->path, "cgroup.event_control", text);
	if (r < 0)
		return error_errno(err, -r, "watch %s/%s/memory.oom_control", ev->hr->point,
				   w->path);
	if (epoll_ctl(ev->fd, EPOLL_CTL_ADD, w->eventfd, &e) < 0)
		return error_errno(err, errno, "watch an eventfd");
	return 0;
}

static int watch_file(struct cgroup_events *ev, struct watch *w, const char *path, int *ret_wd,
		      struct error *err)
{
	char name[CGROUP_PATH_MAX];
	int wd;

	/* By name: inotify cannot start at a descriptor of a mount point. */
	if ((size_t)snprintf(name, sizeof(name), "%s/%s/%s", ev->hr->point, path, ev->file) >=
	    sizeof(name))
		return error_errno(err, ENAMETOOLONG, "watch cgroup %s", path);
	wd = inotify_add_watch(ev->fd, name, IN_MODIFY);
	if (wd < 0)
		return error_errno(err, errno, "watch %s", name);
	/* The kernel has one watch for a file. */
	if (htab_get_int(ev->by_wd, (uint64_t)wd))
		return error_errno(err, EEXIST, "watch %s for a second container", name);
	*ret_wd = wd;
	htab_put_int(ev->by_wd, (uint64_t)wd, w);
	return 0;
}

static int add_v2(struct cgroup_events *ev, struct watch *w, struct error *err)
{
	struct error ignored = ERROR_INIT;
	char leaf[CGROUP_PATH_MAX];

	if (watch_file(ev, w, w->path, &w->wd, err) < 0)
		return -1;
	w->leaf = xstrdup(cgroup_procs_dir(ev->hr, w->path, leaf, sizeof(leaf)) ? leaf : w->path);
	/* Without it kills for a limit above are only counted. */
	if (!str_eq(w->leaf, w->path))
		(void)watch_file(ev, w, w->leaf, &w->leaf_wd, &ignored);
	cgroup_read_key(ev->hr, w->path, ev->file, "oom", &w->count);
	cgroup_read_key(ev->hr, w->leaf, ev->file, "oom_kill", &w->kills);
	return 0;
}

int cgroup_events_add(struct cgroup_events *ev, const struct cgroup *cg, uint64_t id,
		      struct error *err)
{
	char path[CGROUP_PATH_MAX];
	struct watch *w;
	int r;

	if (!ev->hr || !cgroup_owns(ev->hr, cg, cg->level))
		return error_set(err, ERR_NOT_SUPPORTED,
				 "container '%s' has no own cgroup controller memory", cg->name);
	if (cgroup_own_path(ev->host, ev->hr, cg, path, err) < 0)
		return -1;
	cgroup_events_del(ev, id);
	w = xnew(struct watch);
	*w = (struct watch){
		.id = id, .path = xstrdup(path), .eventfd = -1, .wd = -1, .leaf_wd = -1
	};
	r = is_v2(ev) ? add_v2(ev, w, err) : add_v1(ev, w, err);
	if (r < 0)
		watch_free(ev, w);
	else
		htab_put_int(ev->by_id, id, w);
	return r;
}

void cgroup_events_del(struct cgroup_events *ev, uint64_t id)
{
	struct watch *w = htab_del_int(ev->by_id, id);

	if (w)
		watch_free(ev, w);
}

/* The group's removal is signalled like an event. */
static bool next_v1(struct cgroup_events *ev, uint64_t *ret_id)
{
	struct epoll_event e;

	while (epoll_wait(ev->fd, &e, 1, 0) == 1) {
		struct watch *w = htab_get_int(ev->by_id, e.data.u64);
		uint64_t n;

		if (!w || read(w->eventfd, &n, sizeof(n)) != sizeof(n))
			continue;
		if (!cgroup_file_exists(ev->hr, w->path, "")) {
			epoll_ctl(ev->fd, EPOLL_CTL_DEL, w->eventfd, NULL);
			continue;
		}
		*ret_id = w->id;
		return true;
	}
	return false;
}

static const struct inotify_event *next_inotify(struct cgroup_events *ev)
{
	const struct inotify_event *e;

	if (ev->pos >= ev->len) {
		ssize_t n = read(ev->fd, ev->buf, sizeof(ev->buf));

		ev->pos = 0;
		ev->len = n > 0 ? (size_t)n : 0;
		if (!ev->len)
			return NULL;
	}
	e = (const struct inotify_event *)(const void *)(ev->buf + ev->pos);
	ev->pos += sizeof(*e) + e->len;
	return e;
}

static bool has_grown(const struct cgroup_events *ev, const char *path, const char *key,
		      uint64_t *count)
{
	uint64_t now;

	if (cgroup_read_key(ev->hr, path, ev->file, key, &now) < 0 || now <= *count)
		return false;
	*count = now;
	return true;
}

/* A removed file's descriptor may be used again. */
static void file_is_gone(struct cgroup_events *ev, struct watch *w, int wd)
{
	htab_del_int(ev->by_wd, (uint64_t)wd);
	if (w->wd == wd)
		w->wd = -1;
	if (w->leaf_wd == wd)
		w->leaf_wd = -1;
}

static bool next_v2(struct cgroup_events *ev, uint64_t *ret_id, bool *ret_limit)
{
	const struct inotify_event *e;

	while ((e = next_inotify(ev))) {
		struct watch *w = htab_get_int(ev->by_wd, (uint64_t)e->wd);
		bool limit, killed;

		if (!w)
			continue;
		if (e->mask & IN_IGNORED) {
			file_is_gone(ev, w, e->wd);
			continue;
		}
		limit = has_grown(ev, w->path, "oom", &w->count);
		killed = has_grown(ev, w->leaf, "oom_kill", &w->kills);
		if (!limit && !killed)
			continue;
		*ret_id = w->id;
		*ret_limit = limit;
		return true;
	}
	return false;
}

bool cgroup_events_next(struct cgroup_events *ev, uint64_t *ret_id, bool *ret_limit)
{
	*ret_limit = true;
	return is_v2(ev) ? next_v2(ev, ret_id, ret_limit) : next_v1(ev, ret_id);
}
