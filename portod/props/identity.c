/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: who a container is, how it is, how it ended, and when. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/xalloc.h"
#include "kernel/procfs.h"
#include "props/control.h"
#include "props/rows.h"

/* ---- names ---- */

GETTER(get_id)
{
	UNUSED();
	type_put_u64(out, ctx->ct->id);
	return 0;
}

GETTER(get_level)
{
	UNUSED();
	type_put_u64(out, ctx->ct->level);
	return 0;
}

GETTER(get_state)
{
	UNUSED();
	buf_adds(out, state_name(ctx->ct->state));
	return 0;
}

static void put_absolute(struct buf *out, const struct container *ct)
{
	if (container_is_root(ct)) {
		buf_addc(out, '/');
		return;
	}
	buf_adds(out, "/porto/");
	buf_adds(out, ct->name);
}

GETTER(get_absolute_name)
{
	UNUSED();
	put_absolute(out, ctx->ct);
	return 0;
}

GETTER(get_absolute_namespace)
{
	auto_free char *ns = client_namespace_of(ctx->ct);

	UNUSED();
	buf_adds(out, "/porto/");
	buf_adds(out, ns);
	return 0;
}

GETTER(get_parent)
{
	UNUSED();
	if (ctx->ct->parent)
		put_absolute(out, ctx->ct->parent);
	return 0;
}

const struct prop row_id = {
	.name = "id",
	.row = ROW_id,
	.desc = "numeric id",
	.doc = "From 1 (the root container) to 4095; unique among the containers that exist.",
	.flags = PROP_READONLY,
	.get = get_id,
};

const struct prop row_level = {
	.name = "level",
	.row = ROW_level,
	.desc = "depth in the tree, 0 is the root container",
	.doc = "The root container has 0, a container in it 1; at most 16.",
	.flags = PROP_READONLY,
	.get = get_level,
};

const struct prop row_state = {
	.name = "state",
	.row = ROW_state,
	.desc = "current state",
	.doc = "One of **stopped**, **starting**, **running**, **meta** (started without a\n"
	       "command), **paused**, **stopping**, **dead**, **respawning**. A container\n"
	       "holds groups and directories in every state but stopped.",
	.flags = PROP_READONLY,
	.get = get_state,
};

const struct prop row_absolute_name = {
	.name = "absolute_name",
	.row = ROW_absolute_name,
	.desc = "name independent of namespaces",
	.doc = "**/porto/**\\ *name*, and **/** for the root container.",
	.flags = PROP_READONLY,
	.get = get_absolute_name,
};

const struct prop row_absolute_namespace = {
	.name = "absolute_namespace",
	.row = ROW_absolute_namespace,
	.desc = "prefix of the names seen from inside",
	.doc = "**/porto/** and the prefix that the clients inside this container need not\n"
	       "write: that of the nearest container with *enable_porto* isolate,\n"
	       "read-isolate or self-isolate, with the values of *porto_namespace* below it.",
	.flags = PROP_READONLY,
	.get = get_absolute_namespace,
};

const struct prop row_parent = {
	.name = "parent",
	.row = ROW_parent,
	.desc = "absolute name of the parent",
	.doc = "The parent's absolute name; empty for the root container.",
	.flags = PROP_READONLY,
	.get = get_parent,
};

/* ---- processes ---- */

static pid_t main_pid(const struct container *ct)
{
	if (!ct->has_task)
		return 0;
	return ct->task.main_pid ? ct->task.main_pid : ct->task.wait_pid;
}

GETTER(get_root_pid)
{
	const struct client *client = ctx->client;
	pid_t pid = main_pid(ctx->ct), seen;

	(void)p, (void)index;
	if (container_is_root(ctx->ct)) {
		buf_addc(out, '1');
		return 0;
	}
	if (pid <= 0)
		return error_set(err, ERR_INVALID_STATE, "the container has no process");
	/* Clients on the host, and there are most, need no translation. */
	if (client->pid && !container_is_root(client->container)) {
		if (procfs_pid_as_seen_by(pid, client->pid, &seen) < 0)
			return error_set(
				err, ERR_PERMISSION,
				"the process is not visible in the client's pid namespace");
		pid = seen;
	}
	type_put_u64(out, (uint64_t)pid);
	return 0;
}

const struct prop row_root_pid = {
	.name = "root_pid",
	.row = ROW_root_pid,
	.desc = "id of the main process, as the client sees it",
	.doc = "The process id of the command, as the client's own pid namespace has it;\n"
	       "Permission if it has none there. A container without a process, dead or\n"
	       "meta, answers InvalidState.",
	.flags = PROP_READONLY | PROP_RUNTIME,
	.get = get_root_pid,
};

/* ---- the end ---- */

GETTER(get_exit_status)
{
	UNUSED();
	type_put_u64(out, (uint64_t)ctx->ct->exit_status);
	return 0;
}

GETTER(get_exit_code)
{
	UNUSED();
	buf_addf(out, "%d", container_exit_code(ctx->ct));
	return 0;
}

GETTER(get_core_dumped)
{
	int status = ctx->ct->exit_status;

	UNUSED();
	type_put_bool(out, WIFSIGNALED(status) && WCOREDUMP(status));
	return 0;
}

GETTER(get_oom_killed)
{
	UNUSED();
	type_put_bool(out, ctx->ct->oom_killed);
	return 0;
}

GETTER(get_start_error)
{
	char text[ERROR_MESSAGE_MAX + 64];

	UNUSED();
	if (ctx->ct->start_error)
		buf_adds(out, error_string(ctx->ct->start_error, text, sizeof(text)));
	return 0;
}

const struct prop row_exit_status = {
	.name = "exit_status",
	.row = ROW_exit_status,
	.desc = "status of the main process, as wait(2) gives it",
	.doc = "As **wait**\\ (2) gives it: the exit code times 256, or the signal, with 128\n"
	       "added for a core. It is exact, also for exit codes above 128. Containers\n"
	       "that died with one above them have that of their own process.",
	.flags = PROP_READONLY | PROP_DEAD,
	.get = get_exit_status,
};

const struct prop row_exit_code = {
	.name = "exit_code",
	.row = ROW_exit_code,
	.desc = "0..255, or minus the signal, or -99 after an OOM kill",
	.doc = "0 to 255, or the negative number of the signal, or -99 if it died for lack\n"
	       "of memory.",
	.flags = PROP_READONLY | PROP_DEAD,
	.get = get_exit_code,
};

const struct prop row_core_dumped = {
	.name = "core_dumped",
	.row = ROW_core_dumped,
	.desc = "the main process left a core",
	.doc = "From *exit_status*.",
	.flags = PROP_READONLY | PROP_DEAD,
	.get = get_core_dumped,
};

const struct prop row_oom_killed = {
	.name = "oom_killed",
	.row = ROW_oom_killed,
	.desc = "ended for lack of memory",
	.doc = "It or a container above ran out of memory and that was fatal, see\n"
	       "*oom_is_fatal*. Forgotten at the next start, also by *respawn*.",
	.flags = PROP_READONLY | PROP_DEAD,
	.get = get_oom_killed,
};

const struct prop row_start_error = {
	.name = "start_error",
	.row = ROW_start_error,
	.desc = "why the last start failed",
	.doc = "**Name:(text)** with the name of the error; empty when the last start\n"
	       "succeeded.",
	.flags = PROP_READONLY,
	.get = get_start_error,
};

/* ---- OOM kills ---- */

static void refresh_one(const struct prop_env *env, struct container *ct)
{
	struct error ignored = ERROR_INIT; /* the group may be gone, the old count stays */
	struct cgroup cg;
	uint64_t now, new;

	if (!state_has_resources(ct->state) || container_is_job(ct) ||
	    !control_owns(ct, CGROUP_BIT(CGROUP_MEMORY)))
		return;
	prop_cgroup(ct, &cg);
	if (cgroup_get(env->cgroups, &cg, CGROUP_STAT_OOM_KILLS, &now, &ignored) ||
	    now <= ct->oom_base + ct->oom_kills)
		return;
	new = now - ct->oom_base - ct->oom_kills;
	ct->oom_kills += new;
	for (; ct; ct = ct->parent)
		ct->oom_kills_total += new;
}

void prop_refresh_oom_kills(const struct prop_env *env, struct container *top)
{
	for (struct container *ct = top; ct && env->cgroups; ct = tree_next(top, ct)) {
		if (!container_is_root(ct))
			refresh_one(env, ct);
	}
}

/* Until the first there is no value of its own. */
static int put_kills(const struct prop_ctx *ctx, uint64_t kills, struct buf *out, struct error *err)
{
	if (ctx->real && kills == 0)
		return error_set(err, ERR_NO_VALUE, "no process was killed");
	type_put_u64(out, kills);
	return 0;
}

GETTER(get_oom_kills)
{
	UNUSED();
	if (ctx->sync && ctx->env->cgroups && !container_is_root(ctx->ct))
		refresh_one(ctx->env, ctx->ct);
	return put_kills(ctx, ctx->ct->oom_kills, out, err);
}

GETTER(get_oom_kills_total)
{
	UNUSED();
	if (ctx->sync)
		prop_refresh_oom_kills(ctx->env, ctx->ct);
	return put_kills(ctx, ctx->ct->oom_kills_total, out, err);
}

const struct prop row_oom_kills = {
	.name = "oom_kills",
	.row = ROW_oom_kills,
	.desc = "processes killed for lack of memory since the start",
	.doc = "Processes that the kernel killed for lack of memory in the container's own\n"
	       "group. When *oom_is_fatal* ends the whole group on cgroup v2, each process of it\n"
	       "counts.",
	.flags = PROP_READONLY,
	.needs = CGROUP_BIT(CGROUP_MEMORY),
	.get = get_oom_kills,
};

const struct prop row_oom_kills_total = {
	.name = "oom_kills_total",
	.row = ROW_oom_kills_total,
	.desc = "processes killed for lack of memory here and below since the creation",
	.doc = "The same, with containers below, since creation; kept over restarts of the\n"
	       "daemon. The flag *sync* of a request reads the kernel's counters first.",
	.flags = PROP_READONLY,
	.get = get_oom_kills_total,
};

/* ---- times ---- */

static uint64_t seconds_between(uint64_t from_nsec, uint64_t to_nsec)
{
	return to_nsec > from_nsec ? (to_nsec - from_nsec) / NSEC_PER_SEC : 0;
}

GETTER(get_time)
{
	const struct container *ct = ctx->ct;
	uint64_t now = clock_boot_nsec(), seconds;

	(void)p;
	if (index && strcmp(index, "dead"))
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no index, 'dead' is", index);
	if (index && ct->state != STATE_DEAD)
		return error_set(err, ERR_INVALID_STATE, "the container is not dead but %s",
				 state_name(ct->state));
	if (index)
		seconds = seconds_between(ct->death.boot_nsec, now);
	else if (container_is_root(ct))
		seconds = now / NSEC_PER_SEC;
	else if (ct->state == STATE_STOPPED || !ct->start.boot_nsec)
		seconds = 0;
	else
		seconds = seconds_between(ct->start.boot_nsec,
					  ct->state == STATE_DEAD ? ct->death.boot_nsec : now);
	type_put_u64(out, seconds);
	return 0;
}

/* Local time, or seconds since the epoch for index `raw`. Never = empty, or 0. */
static int put_time(uint64_t wall_sec, const char *index, struct buf *out, struct error *err)
{
	time_t t = (time_t)wall_sec;
	char text[64];
	struct tm tm;

	if (index && strcmp(index, "raw"))
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no index, 'raw' is", index);
	if (index) {
		type_put_u64(out, wall_sec);
	} else if (wall_sec && localtime_r(&t, &tm)) {
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
		buf_adds(out, text);
	}
	return 0;
}

GETTER(get_creation_time)
{
	(void)p;
	return put_time(ctx->ct->creation.wall_sec, index, out, err);
}

GETTER(get_start_time)
{
	(void)p;
	return put_time(ctx->ct->start.wall_sec, index, out, err);
}

GETTER(get_death_time)
{
	(void)p;
	return put_time(ctx->ct->death.wall_sec, index, out, err);
}

GETTER(get_change_time)
{
	(void)p;
	return put_time(ctx->ct->change_time, index, out, err);
}

const struct prop row_time = {
	.name = "time",
	.row = ROW_time,
	.desc = "seconds since the start, or until death; [dead]: since death",
	.doc = "Seconds: since start while it runs, the length of its life when dead, 0 when\n"
	       "stopped; for the root container since the host booted. **time[dead]**: since\n"
	       "death, InvalidState if it is not.",
	.flags = PROP_READONLY | PROP_INDEX_GET,
	.get = get_time,
};

const struct prop row_creation_time = {
	.name = "creation_time",
	.row = ROW_creation_time,
	.desc = "when it was created; [raw]: unix seconds",
	.doc = "Local time as **YYYY-MM-DD HH:MM:SS**; index **raw**: seconds since 1970.",
	.flags = PROP_READONLY | PROP_INDEX_GET,
	.get = get_creation_time,
};

const struct prop row_start_time = {
	.name = "start_time",
	.row = ROW_start_time,
	.desc = "when it was started; [raw]: unix seconds",
	.doc = "As *creation_time*; empty, or 0 with **raw**, if it was never started. A\n"
	       "respawn counts.",
	.flags = PROP_READONLY | PROP_INDEX_GET,
	.get = get_start_time,
};

const struct prop row_death_time = {
	.name = "death_time",
	.row = ROW_death_time,
	.desc = "when it died; [raw]: unix seconds",
	.doc = "As *creation_time*.",
	.flags = PROP_READONLY | PROP_DEAD | PROP_INDEX_GET,
	.get = get_death_time,
};

const struct prop row_change_time = {
	.name = "change_time",
	.row = ROW_change_time,
	.desc = "when it was last changed; [raw]: unix seconds",
	.doc = "As *creation_time*; when a property, a label or the state changed last. List\n"
	       "and Get requests can ask for what changed since a moment.",
	.flags = PROP_READONLY | PROP_INDEX_GET,
	.get = get_change_time,
};
