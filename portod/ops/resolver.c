/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "kernel/overlay.h"
#include "kernel/procfs.h"
#include "ops/internal.h"
#include "props/etc.h"

#define HOST_FILE "/etc/resolv.conf"
#define INSIDE    "/etc/resolv.conf"
#define TEXT_MAX  (64u << 10)
#define PUSH_TIME 60000 /* ms */

struct target {
	pid_t pid;
	uint64_t starttime;
	char *name;
};

struct resolver {
	struct ops *ops;
	ev_timer timer;
	char *text;       /* the default */
	char *candidate;  /* another one, seen once */
	uint64_t serial;  /* of `text`; from 1 */
	struct stat seen; /* of the host's file, when it was read last */
	bool have_seen;
	/* pushing */
	struct job job;
	struct target *targets;
	size_t ntargets;
	char *pushed; /* what the job writes */
	bool again;   /* the default changed, or a container started, meanwhile */
};

/* ---- what it should be ---- */

static char *with_line_ends(const char *text)
{
	char *s = xstrdup(text);

	for (char *c = s; *c; c++)
		if (*c == ';')
			*c = '\n';
	return s;
}

static char *read_host_file(void)
{
	char *text = NULL;

	/* A small file of the host's own. */
	if (fd_read_file(AT_FDCWD, HOST_FILE, TEXT_MAX, &text, NULL) < 0)
		return NULL;
	return text;
}

static bool has_changed(struct resolver *r)
{
	struct stat st, *old = &r->seen;
	bool same;

	if (stat(HOST_FILE, &st) < 0)
		return false; /* being replaced, or gone: what is known stays */
	same = r->have_seen && st.st_ino == old->st_ino && st.st_dev == old->st_dev &&
	       st.st_size == old->st_size && st.st_mtim.tv_sec == old->st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == old->st_mtim.tv_nsec;
	r->seen = st;
	r->have_seen = true;
	return !same;
}

static bool is_watching(const struct resolver *r)
{
	return !r->ops->config->default_resolv_conf && r->ops->config->resolv_conf_watchdog_ms;
}

static void set_text(struct resolver *r, char *text)
{
	free(r->text);
	r->text = text;
	r->serial++;
}

/* Nobody watches: each start looks for itself. */
static void read_now(struct resolver *r)
{
	auto_free char *text = has_changed(r) ? read_host_file() : NULL;

	if (text && !str_eq(text, r->text))
		set_text(r, take_ptr(text));
}

/* With line ends; "" when the host has none. */
static const char *default_text(struct resolver *r, uint64_t *ret_serial)
{
	if (!r->ops->config->default_resolv_conf && !is_watching(r))
		read_now(r);
	*ret_serial = r->serial;
	return r->text ? r->text : "";
}

char *resolv_conf_of(struct ops *ops, const struct container *ct, uint64_t *ret_serial)
{
	const char *text = ct->spec.resolv_conf;

	*ret_serial = 0;
	if (!resolv_conf_overrides(ct, text))
		return NULL;
	return text ? with_line_ends(text) : xstrdup(default_text(ops->resolver, ret_serial));
}

/* ---- into running containers ---- */

static int push_job(void *arg, void *result, size_t *len, struct error *err)
{
	struct resolver *r = arg;

	(void)result;
	(void)err;
	*len = 0;
	for (size_t i = 0; i < r->ntargets; i++) {
		const struct target *t = &r->targets[i];
		auto_close int root = procfs_open_root(t->pid, t->starttime);
		struct error why = ERROR_INIT;

		/* It may be gone, or have put something else there: its own business. */
		if (root >= 0 && overlay_rewrite(root, INSIDE, r->pushed, &why))
			log_debug("container %s: new %s: %s", t->name, INSIDE, why.text);
	}
	return 0;
}

static bool has_default(const struct container *ct)
{
	bool alive = state_is_started(ct->state) || ct->state == STATE_PAUSED;

	return alive && ct->has_task && ct->own_mount_ns && !ct->spec.resolv_conf &&
	       resolv_conf_overrides(ct, NULL);
}

static void forget_targets(struct resolver *r)
{
	for (size_t i = 0; i < r->ntargets; i++)
		free(r->targets[i].name);
	free(take_ptr(r->targets));
	r->ntargets = 0;
	free(take_ptr(r->pushed));
}

static void collect(struct resolver *r)
{
	struct container *top = tree_root(r->ops->tree);

	for (struct container *ct = top; ct; ct = tree_next(top, ct)) {
		if (!has_default(ct))
			continue;
		r->targets = xreallocarray(r->targets, r->ntargets + 1, sizeof(*r->targets));
		r->targets[r->ntargets++] = (struct target){ .pid = ct->task.wait_pid,
							     .starttime = ct->task.wait_starttime,
							     .name = xstrdup(ct->name) };
	}
	r->pushed = xstrdup(r->text ? r->text : "");
}

/* All containers have it. */
static void remember(struct resolver *r, const char *text)
{
	struct error err = ERROR_INIT;

	if (store_put(r->ops->store, "daemon", 0, "resolv_conf", text, &err))
		log_warning("store the default resolv.conf: %s", err.text);
}

static void push(struct resolver *r);

static void on_pushed(struct job *j, const struct error *err, const void *result, size_t len)
{
	struct resolver *r = container_of(j, struct resolver, job);

	(void)result;
	(void)len;
	if (err->code)
		log_warning("new resolv.conf of containers: %s", err->text);
	remember(r, r->pushed);
	forget_targets(r);
	if (r->again)
		push(r);
}

static void push(struct resolver *r)
{
	struct error err = ERROR_INIT;

	r->again = job_is_running(&r->job);
	if (r->again)
		return;
	collect(r);
	if (r->ntargets && job_fork(&r->job, r->ops->loop, r->ops->procs, "resolv.conf", push_job,
				    r, PUSH_TIME, on_pushed, &err) == 0)
		return;
	if (err.code)
		log_warning("new resolv.conf of containers: %s", err.text);
	else
		remember(r, r->pushed);
	forget_targets(r);
}

void resolver_started(struct resolver *r, uint64_t serial)
{
	if (serial && serial != r->serial)
		push(r);
}

int apply_resolv_conf(struct ops *ops, struct container *ct, struct error *err)
{
	uint64_t serial;
	auto_free char *text = resolv_conf_of(ops, ct, &serial);
	auto_close int root = -1;

	if (!text || !ct->has_task)
		return 0;
	root = procfs_open_root(ct->task.wait_pid, ct->task.wait_starttime);
	if (root < 0)
		return error_errno(err, -root, "open the root of process %d",
				   (int)ct->task.wait_pid);
	return overlay_rewrite(root, INSIDE, text, err);
}

/* ---- watching ---- */

static void look(struct resolver *r)
{
	auto_free char *text = NULL;

	if (!has_changed(r) && !r->candidate)
		return;
	text = read_host_file();
	if (!text || str_eq(text, r->text)) {
		free(take_ptr(r->candidate));
		return;
	}
	if (!str_eq(text, r->candidate)) { /* seen for the first time */
		free(r->candidate);
		r->candidate = take_ptr(text);
		return;
	}
	free(take_ptr(r->candidate));
	log_info("%s changed, containers get it", HOST_FILE);
	set_text(r, take_ptr(text));
	push(r);
}

static void on_timer(struct ev_loop *ev, ev_timer *t, int revents)
{
	(void)ev;
	(void)revents;
	look(container_of(t, struct resolver, timer));
}

/* What the containers have that an earlier server started. */
static int load_stored(void *arg, int64_t id, const char *key, const char *value)
{
	(void)id;
	if (strcmp(key, "resolv_conf") == 0)
		str_set(arg, value);
	return 0;
}

void resolver_start(struct resolver *r)
{
	double period = r->ops->config->resolv_conf_watchdog_ms / 1000.;
	auto_free char *stored = NULL;
	struct error err = ERROR_INIT;

	if (store_each(r->ops->store, "daemon", load_stored, &stored, &err))
		log_warning("load the default resolv.conf: %s", err.text);
	if (!stored || !str_eq(stored, r->text))
		push(r);
	if (!is_watching(r))
		return;
	ev_timer_init(&r->timer, on_timer, period, period);
	ev_timer_start(loop_ev(r->ops->loop), &r->timer);
}

struct resolver *resolver_new(struct ops *ops)
{
	struct resolver *r = xnew(struct resolver);
	const char *configured = ops->config->default_resolv_conf;

	r->ops = ops;
	job_init(&r->job);
	ev_timer_init(&r->timer, on_timer, 0., 0.);
	(void)has_changed(r);
	set_text(r, configured ? with_line_ends(configured) : read_host_file());
	return r;
}

struct resolver *resolver_free(struct resolver *r)
{
	if (!r)
		return NULL;
	ev_timer_stop(loop_ev(r->ops->loop), &r->timer);
	if (job_is_running(&r->job))
		job_cancel(&r->job);
	forget_targets(r);
	free(r->text);
	free(r->candidate);
	free(r);
	return NULL;
}
