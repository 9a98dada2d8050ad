/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start and respawn. A start works on a chain: the topmost container that is not started, down to
 * the one asked for. Each link: check, state starting, start job, state running or meta; a failure
 * runs the teardown job, sets `start_error`, and ends the chain.
 *
 * A respawn is a chain of one that keeps groups, directory and streams, and keeps the old state
 * until the new task runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "kernel/procfs.h"
#include "ops/cpuset.h"
#include "ops/internal.h"
#include "ops/memory.h"
#include "ops/resolver.h"

#define PURGE_RETRY_MS 10

enum start_phase { START_BEGIN, START_JOB, START_TEARDOWN };

struct start_op {
	struct op op;
	enum start_phase phase;
	bool respawn;
	struct container *target; /* the one asked for; referenced */
	struct container *ct;     /* the link in work; an ancestor of target or target */
	struct client *client;    /* who asks, a copy: the rights count even if it leaves; NULL =
				     the daemon itself */
	struct start_client from; /* the streams are those of target; owned here */
	struct error from_err;    /* why something of it could not be had */
	struct compiled *compiled;
	struct teardown *teardown;
	unsigned teardowns; /* tries so far */
};

/* ---- streams given by the client ---- */

/*
 * Who has connected may have executed something with more rights meanwhile, and who else has the
 * connection could ask for what that has opened. Asked before and after, the pid is the client's.
 */
static bool may_fetch(const struct client *client)
{
	uid_t uid = client->task_cred.uid;

	return !uid || procfs_is_open_to(client->pid, uid);
}

static int refuse_fd(const struct client *client, int fd, struct error *err)
{
	return error_set(err, ERR_PERMISSION,
			 "take descriptor %d from the client, process %d: it is not (only) of user "
			 "%u any more, or not dumpable since it has changed its rights without "
			 "executing a program",
			 fd, (int)client->pid, (unsigned)client->task_cred.uid);
}

static int fetch_fd(const struct client *client, int fd, int *ret, struct error *err)
{
	if (client->pidfd < 0)
		return error_set(err, ERR_INVALID_VALUE,
				 "stream /dev/fd/%d: the client has no process to take it from",
				 fd);
	if (!may_fetch(client))
		return refuse_fd(client, fd, err);
	*ret = (int)syscall(SYS_pidfd_getfd, client->pidfd, fd, 0);
	if (*ret >= 0 && !may_fetch(client)) {
		close_fd(ret);
		return refuse_fd(client, fd, err);
	}
	if (*ret < 0)
		return error_sys(err, ERR_INVALID_VALUE, errno,
				 "take descriptor %d from the client, process %d", fd, client->pid);
	return 0;
}

/* At submission, as long as the client surely is the process that asked. */
static void fetch_fds(struct start_op *s, const struct client *client)
{
	for (int i = 0; i < 3; i++) {
		int fd = stream_client_fd(s->target->spec.stdio_path[i]);

		s->from.fds[i] = -1;
		if (fd >= 0 && client && !s->from_err.code)
			fetch_fd(client, fd, &s->from.fds[i], &s->from_err);
	}
}

/* Its root directory, when a container that this starts looks for something there. */
static void fetch_view(struct start_op *s, const struct client *client)
{
	char path[64];
	bool needed = false;

	s->from.view = -1;
	for (struct container *ct = s->target; ct && !state_is_started(ct->state); ct = ct->parent)
		needed |= compile_needs_view(ct);
	if (!needed || !client || client->pidfd < 0 || s->from_err.code)
		return;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)client->pid);
	s->from.view = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* As long as it lives its pid is nobody else's. */
	if (s->from.view < 0 || syscall(SYS_pidfd_send_signal, client->pidfd, 0, NULL, 0) < 0)
		error_sys(&s->from_err, ERR_INVALID_VALUE, errno,
			  "open the root directory of the client, process %d", (int)client->pid);
}

/* ---- the body of the job ---- */

static int processless(const struct start_spec *spec, struct error *err)
{
	int rc = fd_mkdir_p(AT_FDCWD, spec->workdir, 0775);

	if (rc < 0)
		return error_errno(err, -rc, "create directory %s", spec->workdir);
	if (cgroup_create(spec->cgroup_host, &spec->cgroup, err))
		return -1;
	for (size_t i = 0; i < spec->nsettings; i++)
		if (cgroup_set(spec->cgroup_host, &spec->cgroup, &spec->settings[i], err))
			return -1;
	return 0;
}

static int start_job(void *arg, void *result, size_t *len, struct error *err)
{
	struct start_op *s = arg;
	struct start_result r = { 0 };
	int rc = compiled_is_processless(s->compiled)
			 ? processless(compiled_spec(s->compiled), err)
			 : starter_run(compiled_spec(s->compiled), &r, err);

	memcpy(result, &r, sizeof(r));
	*len = sizeof(r);
	return rc;
}

/* ---- steps ---- */

/* The topmost container on the way to `target` that is not started. */
static struct container *first_link(struct container *target)
{
	struct container *top = target;

	for (struct container *up = target->parent; up && !container_is_root(up); up = up->parent)
		if (!state_is_started(up->state))
			top = up;
	return top;
}

static struct container *next_link(const struct start_op *s)
{
	struct container *ct = s->target;

	while (ct != s->ct && ct->parent != s->ct)
		ct = ct->parent;
	return ct;
}

static void fail(struct start_op *s, const struct error *why)
{
	struct container *ct = s->ct;

	s->op.ops->stats.start_failed++;
	container_set_start_error(ct, why);
	if (ct->state == STATE_STOPPED)
		cpuset_release(s->op.ops, ct);
	if (s->respawn) {
		ct->death = ops_now();
		if (ct->state == STATE_RESPAWNING)
			ops_set_state(s->op.ops, ct, STATE_DEAD);
		if (!death_schedule_respawn(s->op.ops, ct))
			death_settle(s->op.ops, ct);
	}
	persist_run(s->op.ops, ct);
	op_finish(&s->op, why);
}

/* The time has come, and the rules do not allow it any more. Below a parent that is about to come
 * back, or paused, it waits for that. */
static void give_up(struct start_op *s)
{
	struct container *ct = s->target;
	enum container_state parent = ct->parent->state;

	if (!s->respawn || s->client || ct->destroyed || ct->state != STATE_RESPAWNING ||
	    parent == STATE_RESPAWNING || parent == STATE_PAUSED)
		return;
	ops_set_state(s->op.ops, ct, STATE_DEAD);
	death_settle(s->op.ops, ct);
}

/* What may be refused before anything was touched. 1 = nothing to do. */
static int admit(struct start_op *s, struct error *err)
{
	struct container *target = s->target;

	if (target->destroyed)
		return error_set(err, ERR_CONTAINER_DOES_NOT_EXIST, "container %s was destroyed",
				 target->name);
	if (s->respawn) {
		if (target->state != STATE_DEAD && target->state != STATE_RESPAWNING)
			return error_set(err, ERR_INVALID_STATE,
					 "cannot respawn container '%s': it is %s, not dead",
					 target->name, state_name(target->state));
		if (!state_is_started(target->parent->state))
			return error_set(err, ERR_INVALID_STATE,
					 "cannot respawn container '%s': its parent is %s",
					 target->name, state_name(target->parent->state));
		if (target->spec.max_respawns >= 0 &&
		    target->spec.respawn_count >= (uint64_t)target->spec.max_respawns)
			return error_set(
				err, ERR_RESOURCE_NOT_AVAILABLE,
				"cannot respawn container '%s': max_respawns %lld is reached",
				target->name, (long long)target->spec.max_respawns);
		return 0;
	}
	/* Somebody else's start may have been faster. */
	if (state_is_started(target->state) && s->op.start_nsec < target->start.boot_nsec)
		return 1;
	if (target->state != STATE_STOPPED)
		return error_set(err, ERR_INVALID_STATE,
				 "cannot start container '%s': it is %s, not stopped", target->name,
				 state_name(target->state));
	if (ops_check_parent_thawed(target, err))
		return -1;
	if (first_link(target) != target && !s->op.ops->config->start_parents)
		return error_set(err, ERR_INVALID_STATE,
				 "cannot start container '%s': its parent '%s' is %s", target->name,
				 target->parent->name, state_name(target->parent->state));
	return 0;
}

static void begin(struct start_op *s)
{
	struct start_client none = { .fds = { -1, -1, -1 },
				     .view = s->from.view,
				     .uid = s->from.uid };
	struct ops *ops = s->op.ops;
	struct container *ct = s->ct;
	struct error err = ERROR_INIT;
	const struct client *client = s->client ? s->client : ops->internal;

	if (purge_covers(ops, ct->name)) {
		s->phase = START_BEGIN; /* come back through admit() */
		op_start_timer(&s->op, PURGE_RETRY_MS);
		return;
	}
	container_set_start_error(ct, NULL);
	if (!s->respawn && ct->state != STATE_STOPPED) {
		error_set(&err, ERR_INVALID_STATE,
			  "cannot start container '%s': it is %s, not stopped", ct->name,
			  state_name(ct->state));
		op_finish(&s->op, &err);
		return;
	}
	if (s->respawn) { /* an attempt counts, whatever becomes of it */
		ct->spec.respawn_count++;
		persist_prop(ops, ct, prop_find("respawn_count"));
	}
	if (ct == s->target)
		err = s->from_err;
	if (err.code || policy_apply(ops, ct, &err) || compile_check(ops, client, ct, &err) ||
	    guarantee_admit(ops, client, ct, &err) || cpuset_prepare(ops, ct, &err) ||
	    compile_start(ops, ct, ct == s->target ? &s->from : &none, s->respawn, &s->compiled,
			  &err)) {
		error_prefix(&err, "cannot prepare start of container '%s'", ct->name);
		fail(s, &err);
		return;
	}
	if (!s->respawn) {
		ops_reset_run(ct);
		ct->start = ops_now();
		ops_set_state(ops, ct, STATE_STARTING);
		policy_log_taints(ops, ct);
	}
	s->phase = START_JOB;
	op_start_job(&s->op, "start", start_job, s, ops->config->start_timeout_ms);
}

static void started(struct start_op *s)
{
	struct ops *ops = s->op.ops;
	struct container *ct = s->ct;
	struct start_result r = { 0 };
	uint32_t fresh = compiled_ns_flags(s->compiled);
	uint64_t resolv_serial;
	uint64_t killed = 0; /* in former runs, in the same group */

	if (s->op.job_result_len >= sizeof(r))
		memcpy(&r, s->op.job_result, sizeof(r));
	if (s->respawn) {
		oom_update(ops, ct);
		killed = ct->oom_base + ct->oom_kills;
	}
	ops_reset_run(ct);
	ct->oom_base = killed;
	ct->start = ops_now();
	ct->task = (struct task_ids){ .wait_pid = r.wait_pid,
				      .main_pid = r.main_pid,
				      .main_vpid = r.main_vpid,
				      .wait_starttime = r.wait_starttime,
				      .main_starttime = r.main_starttime };
	ct->has_task = r.wait_pid != 0;
	ct->own_mount_ns = fresh & 1u << NS_MNT;
	ct->own_pid_ns = fresh & 1u << NS_PID;
	if (r.warnings & START_WARN_RLIMIT)
		log_debug("container %s: ulimits were lowered to what the daemon may give",
			  ct->name);
	if (r.warnings & START_WARN_SCHED)
		log_warning(
			"container %s: cpu_policy, cpu_weight or io_policy is not in force: the "
			"daemon lacks CAP_SYS_NICE",
			ct->name);
	ops->stats.started++;
	resolv_serial = compiled_resolv_serial(s->compiled);
	s->compiled = compiled_free(s->compiled);
	ops_set_state(ops, ct, container_is_meta(ct) ? STATE_META : STATE_RUNNING);
	persist_run(ops, ct);
	runtime_watch_task(ops, ct);
	runtime_watch_oom(ops, ct);
	resolver_started(ops->resolver, resolv_serial);
	if (s->respawn)
		death_children_may_respawn(ops, ct);
	if (ct == s->target) {
		op_finish(&s->op, NULL);
		return;
	}
	s->ct = next_link(s);
	begin(s);
}

static bool has_died(const struct task_ids *t)
{
	return procfs_is_gone(t->main_pid, t->main_starttime) ||
	       procfs_is_gone(t->wait_pid, t->wait_starttime);
}

/* One above whose end, of which we shall hear, ends all below: their pid namespaces are in its. */
static const struct container *dead_ancestor(const struct container *ct)
{
	const struct container *up = container_nearest_task(ct);

	while (up && !has_died(&up->task))
		up = container_nearest_task(up);
	return up;
}

/* Say what was the matter instead of what broke because of it. */
static void explain_failure(struct start_op *s)
{
	uint64_t before = s->ct->oom_kills;
	const struct container *dead = dead_ancestor(s->ct);

	if (dead) {
		struct error why = s->op.err;

		error_set(
			&s->op.err, ERR_INVALID_STATE,
			"cannot start container '%s': container '%s' above it died meanwhile (%s)",
			s->ct->name, dead->name, why.text);
		return;
	}
	oom_update(s->op.ops, s->ct);
	if (s->ct->oom_kills > before)
		error_set(&s->op.err, ERR_RESOURCE_NOT_AVAILABLE,
			  "container '%s' ran out of memory while starting, memory_limit is %llu",
			  s->ct->name, (unsigned long long)s->ct->spec.memory_limit);
	else
		error_prefix(&s->op.err, "cannot start container '%s'", s->ct->name);
}

static void job_ended(struct start_op *s)
{
	struct ops *ops = s->op.ops;

	if (s->op.job_err.code == 0) {
		started(s);
		return;
	}
	s->op.err = s->op.job_err;
	if (s->op.err.sys == ETIMEDOUT)
		ops->stats.start_timeouts++;
	s->compiled = compiled_free(s->compiled);
	explain_failure(s);
	if (!s->respawn)
		ops_set_state(ops, s->ct, STATE_STOPPING);
	s->phase = START_TEARDOWN;
	/* A respawn keeps what the container has: only processes have to go. */
	s->teardown = teardown_new(ops, s->ct, s->respawn);
	op_start_job(&s->op, "teardown", teardown_job, s->teardown, 0);
}

static void torn_down(struct start_op *s)
{
	struct ops *ops = s->op.ops;
	struct container *ct = s->ct;

	/* Somebody, the OOM killer perhaps, ended it half-way; it can be run again. */
	if (s->op.job_err.code && ++s->teardowns < TEARDOWN_TRIES) {
		op_start_job(&s->op, "teardown", teardown_job, s->teardown, 0);
		return;
	}
	s->teardown = teardown_free(s->teardown);
	if (!s->respawn) {
		struct error why = s->op.err;

		ops_reset_run(ct);
		container_set_start_error(ct, &why);
		if (s->op.job_err.code) {
			log_error("container %s: clean-up after a failed start: %s", ct->name,
				  s->op.job_err.text);
			ct->death = ops_now();
			ops_set_state(ops, ct, STATE_DEAD);
		} else {
			ops_set_state(ops, ct, STATE_STOPPED);
		}
	}
	fail(s, &s->op.err);
}

static void start_step(struct op *op)
{
	struct start_op *s = container_of(op, struct start_op, op);
	struct error err = ERROR_INIT;
	int rc;

	switch (s->phase) {
	case START_BEGIN:
		rc = admit(s, &err);
		if (rc) {
			give_up(s);
			op_finish(op, &err);
			return;
		}
		s->ct = s->respawn ? s->target : first_link(s->target);
		if (s->ct != op->ct && !op->ct->destroyed && !state_is_started(op->ct->state)) {
			op_move(op, s->ct); /* the chain begins elsewhere by now: lock from there */
			return;
		}
		begin(s);
		return;
	case START_JOB:
		job_ended(s);
		return;
	case START_TEARDOWN:
		torn_down(s);
		return;
	}
}

static void start_free(struct op *op)
{
	struct start_op *s = container_of(op, struct start_op, op);

	for (int i = 0; i < 3; i++)
		close_fd(&s->from.fds[i]);
	close_fd(&s->from.view);
	compiled_free(s->compiled);
	teardown_free(s->teardown);
	client_free(s->client);
	container_unref(s->target);
	free(s);
}

static const struct op_class start_class = { .name = "start",
					     .step = start_step,
					     .free = start_free };
static const struct op_class respawn_class = { .name = "respawn",
					       .step = start_step,
					       .free = start_free };

static struct op *submit(struct ops *ops, struct client *client, struct container *ct, bool respawn,
			 ops_done done, void *user)
{
	struct start_op *s = xnew(struct start_op);

	s->respawn = respawn;
	s->target = container_ref(ct);
	s->client = client ? client_dup(client) : NULL;
	fetch_fds(s, client);
	fetch_view(s, client);
	s->from.uid = client && !client_may_name_namespaces(client) ? client->task_cred.uid
								    : (uid_t)-1;
	op_init(&s->op, respawn ? &respawn_class : &start_class, ops, respawn ? ct : first_link(ct),
		done, user);
	op_submit(&s->op);
	return s->op.finished ? NULL : &s->op;
}

struct op *ops_start(struct ops *ops, struct client *client, struct container *ct, ops_done done,
		     void *user)
{
	return submit(ops, client, ct, false, done, user);
}

struct op *ops_respawn(struct ops *ops, struct client *client, struct container *ct, ops_done done,
		       void *user)
{
	return submit(ops, client, ct, true, done, user);
}

void ops_respawn_internal(struct ops *ops, struct container *ct)
{
	submit(ops, NULL, ct, true, NULL, NULL);
}
