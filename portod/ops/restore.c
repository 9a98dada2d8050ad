/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a restart of the server: rebuild the tree from the store, compare it with the kernel, and
 * put right what differs (reference/daemon.md §11). Nothing that may block is done here: what has
 * to be killed, thawed or removed becomes an operation that runs while the daemon serves already.
 *
 * Exits that happened meanwhile come in as the master's reports right after; for tasks that ended
 * and left a complete task record nobody has to wait for them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/htab.h"
#include "base/log.h"
#include "base/path.h"
#include "base/xalloc.h"
#include "kernel/hold.h"
#include "kernel/procfs.h"
#include "ops/cpuset.h"
#include "ops/internal.h"
#include "ops/memory.h"
#include "ops/resolver.h"
#include "props/nswish.h"

/* ---- loading ---- */

struct stored_row {
	char *key, *value;
};

struct stored {
	uint32_t id;
	char *name;
	struct stored_row *rows;
	size_t n;
};

struct loader {
	struct ops *ops;
	struct stored *v;
	size_t n, cap;
};

static int load_row(void *arg, int64_t id, const char *key, const char *value)
{
	struct loader *l = arg;
	struct stored *s;

	if (l->n == 0 || l->v[l->n - 1].id != (uint32_t)id) {
		if (l->n == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 64;
			l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
		}
		l->v[l->n++] = (struct stored){ .id = (uint32_t)id };
	}
	s = &l->v[l->n - 1];
	if (strcmp(key, "_name") == 0) {
		s->name = xstrdup(value);
		return 0;
	}
	s->rows = xreallocarray(s->rows, s->n + 1, sizeof(*s->rows));
	s->rows[s->n++] = (struct stored_row){ .key = xstrdup(key), .value = xstrdup(value) };
	return 0;
}

static void stored_free(struct stored *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->rows[i].key);
		free(s->rows[i].value);
	}
	free(s->rows);
	free(s->name);
}

static int by_name(const void *a, const void *b)
{
	const struct stored *x = a, *y = b;

	return strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

static int load_value(struct ops *ops, struct container *ct, const struct stored_row *row,
		      struct error *err)
{
	if (strcmp(row->key, "_run") == 0)
		return persist_load_run(ct, row->value, err);
	if (strcmp(row->key, "_start_error") == 0) {
		struct error start_error;

		error_parse(&start_error, row->value);
		container_set_start_error(ct, &start_error);
		return 0;
	}
	if (strcmp(row->key, "_extra") == 0)
		extra_load(ct, row->value);
	if (row->key[0] == '_')
		return 0;
	return prop_load(ops->env, ct, row->key, row->value, err);
}

static const char *loggable(const struct stored_row *row)
{
	const struct prop *p = prop_find(row->key);

	return p && p->flags & PROP_SECRET ? "<secret>" : row->value;
}

/* 0, or -1 when the container cannot be had back. A property that cannot be read does not cost the
 * container. */
static int load_container(struct ops *ops, const struct stored *s)
{
	const char *slash = s->name ? strrchr(s->name, '/') : NULL;
	auto_free char *parent = slash ? xstrndup(s->name, (size_t)(slash - s->name)) : xstrdup("");
	struct error err = ERROR_INIT;
	struct container *ct;

	/* Under another id its rows would be found no more. */
	if (s->id == 0 || s->id > CONTAINER_ID_MAX || !s->name ||
	    tree_check_name(s->name, true, &err) || !tree_find(ops->tree, parent) ||
	    tree_find(ops->tree, s->name) || tree_find_id(ops->tree, s->id)) {
		log_error("stored container %u '%s' is damaged or has no parent, dropping it: %s",
			  s->id, s->name ? s->name : "", err.text);
		return -1;
	}
	if (tree_add(ops->tree, s->name, s->id, &ct, &err)) {
		log_error("stored container '%s': %s", s->name, err.text);
		return -1;
	}
	prop_init_spec(ops->env, ct);
	for (size_t i = 0; i < s->n; i++)
		if (load_value(ops, ct, &s->rows[i], &err))
			log_warning("container %s: stored %s='%s' is not taken: %s", ct->name,
				    s->rows[i].key, loggable(&s->rows[i]), err.text);
	return 0;
}

static int load_all(struct ops *ops, struct error *err)
{
	struct loader l = { .ops = ops };
	int rc = store_each(ops->store, "container", load_row, &l, err);

	/* A parent's name is a prefix of its children's, so it sorts before them. */
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), by_name);
	for (size_t i = 0; i < l.n; i++) {
		struct error ignored = ERROR_INIT;

		if (rc == 0 && load_container(ops, &l.v[i])) {
			ops->stats.lost++;
			store_delete(ops->store, "container", l.v[i].id, &ignored);
		}
		stored_free(&l.v[i]);
	}
	free(l.v);
	return rc;
}

/* ---- reconciling one container with the kernel ---- */

static bool is_ours(struct ops *ops, const struct container *ct, pid_t pid)
{
	auto_free char *name = NULL;
	struct error ignored = ERROR_INIT;
	struct cgroup cg;

	prop_cgroup(ct, &cg);
	if (cgroup_locate(ops->cgroups, pid, &name, &ignored))
		return false;
	return strcmp(name, cg.name) == 0 || path_below(name, cg.name);
}

/* Those that live are. The record is open in portoinit, into which somebody in the container may be
 * able to look: it must not make us take another process for it. */
static bool task_is_ours(struct ops *ops, const struct container *ct)
{
	const struct task_ids *t = &ct->task;

	return (procfs_is_gone(t->wait_pid, t->wait_starttime) || is_ours(ops, ct, t->wait_pid)) &&
	       (!t->main_pid || procfs_is_gone(t->main_pid, t->main_starttime) ||
		is_ours(ops, ct, t->main_pid));
}

/* A start was under way. If its starter got as far as letting the command go, the record says who
 * it is, and the container runs. */
static bool adopt_started(struct ops *ops, struct container *ct)
{
	auto_free char *path = ops_record_path(ops, ct);
	struct task_record r;

	if (task_record_read(path, &r) || !r.wait_pid ||
	    (procfs_is_gone(r.wait_pid, r.wait_starttime) && !r.have_status))
		return false;
	ct->task = (struct task_ids){ .wait_pid = r.wait_pid,
				      .main_pid = r.main_pid,
				      .main_vpid = r.main_vpid,
				      .wait_starttime = r.wait_starttime,
				      .main_starttime = r.main_starttime };
	ct->has_task = true;
	ct->own_pid_ns = ns_is_own(ct, NS_PID);
	if (!task_is_ours(ops, ct)) {
		ct->task = (struct task_ids){ 0 };
		ct->has_task = false;
		return false;
	}
	log_info("container %s: its start finished while the server was down", ct->name);
	return true;
}

/* What has to be stopped is collected first and stopped when every container's facts are right: the
 * stop of a container takes what is below with it. */
struct restore {
	struct ops *ops;
	struct container **stop; /* borrowed; parents before children */
	size_t nstop;
};

static void stop_later(struct restore *r, struct container *ct)
{
	container_restore_state(ct, STATE_DEAD);
	ct->death = ops_now();
	r->stop = xreallocarray(r->stop, r->nstop + 1, sizeof(*r->stop));
	r->stop[r->nstop++] = ct;
}

static void stop_all(struct restore *r)
{
	for (size_t i = 0; i < r->nstop; i++) {
		bool covered = false;

		for (size_t k = 0; k < i && !covered; k++)
			covered = container_is_below(r->stop[i], r->stop[k]);
		if (!covered)
			ops_stop(r->ops, r->stop[i], 0, NULL, NULL);
	}
	free(r->stop);
}

/* The end of the task is known from its record, before and without any report. */
static void take_recorded_end(struct ops *ops, struct container *ct)
{
	auto_free char *path = ops_record_path(ops, ct);
	struct task_record r;

	if (procfs_is_gone(ct->task.wait_pid, ct->task.wait_starttime) &&
	    task_record_read(path, &r) == 0 && r.wait_pid == ct->task.wait_pid &&
	    r.wait_starttime == ct->task.wait_starttime && r.have_status)
		ops_process_exited(ops, ct->task.wait_pid, ct->task.wait_starttime, r.status);
}

/* The word may have been given, and nobody got to write that down. */
static void check_held(struct ops *ops, struct container *ct)
{
	auto_free char *path = ops_hold_path(ops, ct);

	if (hold_is_waiting(path))
		return;
	ct->spec.held = false;
	persist_prop(ops, ct, prop_find("held"));
}

static void restore_started(struct ops *ops, struct container *ct, const struct cgroup *cg)
{
	bool frozen = cgroup_is_frozen(ops->cgroups, cg);

	if (!frozen && ct->state == STATE_PAUSED) {
		ct->self_frozen = false;
		container_restore_state(ct, container_is_meta(ct) ? STATE_META : STATE_RUNNING);
	}
	if (ct->spec.held)
		check_held(ops, ct);
	if (ct->has_task)
		runtime_watch_task(ops, ct);
	runtime_watch_oom(ops, ct);
	if (frozen && ct->state != STATE_PAUSED) {
		/* A pause was under way and nobody got its answer: take it back. */
		container_restore_state(ct, STATE_PAUSED);
		ct->self_frozen = !container_is_job(ct) && cgroup_is_self_frozen(ops->cgroups, cg);
		if (ct->self_frozen)
			ops_undo_pause(ops, ct);
	}
	if (ct->has_task)
		take_recorded_end(ops, ct);
}

static void restore_stopped(struct container *ct)
{
	container_restore_state(ct, STATE_STOPPED);
	ops_reset_run(ct);
}

static void reconcile(struct restore *r, struct container *ct)
{
	struct ops *ops = r->ops;
	struct error err = ERROR_INIT;
	struct cgroup cg;
	bool exists;

	prop_cgroup(ct, &cg);
	exists = cgroup_exists(ops->cgroups, &cg);
	if (!exists && ct->state != STATE_STOPPED && ct->state != STATE_DEAD) {
		log_warning("container %s was %s, but its cgroup is gone", ct->name,
			    state_name(ct->state));
		restore_stopped(ct);
	}
	if (exists)
		cpuset_adopt(ops, ct);
	switch (ct->state) {
	case STATE_STARTING:
		if (adopt_started(ops, ct)) {
			container_restore_state(ct, STATE_RUNNING);
			if (container_is_meta(ct))
				container_restore_state(ct, STATE_META);
			restore_started(ops, ct, &cg);
		} else {
			error_set(&err, ERR_UNKNOWN,
				  "cannot start container '%s': the server was restarted meanwhile",
				  ct->name);
			container_set_start_error(ct, &err);
			stop_later(r, ct);
		}
		break;
	case STATE_STOPPING:
		stop_later(r, ct);
		break;
	case STATE_STOPPED:
		if (exists && !container_is_job(ct))
			stop_later(r, ct);
		break;
	case STATE_RUNNING:
	case STATE_META:
	case STATE_PAUSED:
		restore_started(ops, ct, &cg);
		break;
	case STATE_RESPAWNING:
	case STATE_DEAD:
		container_restore_state(ct, STATE_DEAD);
		death_schedule_respawn(ops, ct);
		break;
	case STATE_DESTROYED:
	case _STATE_COUNT:
		break;
	}
	persist_run(ops, ct);
}

/* ---- all of it ---- */

static int make_directories(struct ops *ops, struct error *err)
{
	auto_free char *tasks = xasprintf("%s/tasks", ops->config->state_dir);
	int rc = fd_mkdir_p(AT_FDCWD, tasks, 0700);

	if (rc < 0)
		return error_errno(err, -rc, "create directory %s", tasks);
	rc = fd_mkdir_p(AT_FDCWD, ops->config->workdir_base, 0755);
	if (rc < 0)
		return error_errno(err, -rc, "create directory %s", ops->config->workdir_base);
	return 0;
}

int ops_restore(struct ops *ops, struct error *err)
{
	struct restore r = { .ops = ops };
	struct container **all;
	uint64_t begin = clock_mono_nsec(), loaded;
	size_t n;

	if (make_directories(ops, err) || load_all(ops, err))
		return -1;
	loaded = clock_mono_nsec();
	n = tree_sorted(ops->tree, &all); /* parents before children */
	for (size_t i = 0; i < n; i++)
		container_ref(all[i]);
	for (size_t i = 0; i < n; i++)
		if (!all[i]->destroyed)
			reconcile(&r, all[i]);
	prop_refresh_oom_kills(ops->env, tree_root(ops->tree)); /* nobody counted meanwhile */
	guarantee_adopt(ops, all, n);
	for (size_t i = 0; i < n; i++)
		if (!all[i]->destroyed)
			press_update(ops, all[i]);
	stop_all(&r);
	for (size_t i = 0; i < n; i++)
		if (!all[i]->destroyed && all[i]->spec.weak)
			doom_weak(ops, all[i]);
	for (size_t i = 0; i < n; i++)
		container_unref(all[i]);
	free(all);
	purge_leftovers(ops);
	if (ops->resolver) /* not in tests of this alone */
		resolver_start(ops->resolver);
	ops->stats.restored = n;
	log_info("restored %zu containers: store %llu us, kernel %llu us", n,
		 (unsigned long long)(loaded - begin) / 1000,
		 (unsigned long long)(clock_mono_nsec() - loaded) / 1000);
	return 0;
}
