/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers in the store: kind "container", id = container id. Each property that was set is one
 * row under its name; rows that begin with `_` are ours: `_name`, `_run` (state and facts of the
 * run in one line, because they change together) and `_start_error`.
 *
 * A failing store is logged and does not stop the operation: memory stays right, and the next
 * change of the row tries again.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "ops/internal.h"

#define KIND "container"

static void put(struct ops *ops, const struct container *ct, const char *key, const char *value)
{
	struct error err = ERROR_INIT;

	if (store_put(ops->store, KIND, ct->id, key, value, &err))
		log_error("container %s: %s is not stored: %s", ct->name, key, err.text);
}

#define RUN_FORMAT                                                                                \
	"%s %d %d %d %" PRIu64 " %" PRIu64 " %d %d %d %" PRIu64 " %" PRIu64 " %" PRIu64           \
	" %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 \
	" %" PRIu64 " %d %" PRIu64 " %d %" PRIu64

void persist_run(struct ops *ops, struct container *ct)
{
	char text[512], error[ERROR_MESSAGE_MAX + 64];

	if (container_is_root(ct) || ct->destroyed)
		return;
	snprintf(text, sizeof(text), RUN_FORMAT, state_name(ct->state), ct->task.wait_pid,
		 ct->task.main_pid, ct->task.main_vpid, ct->task.wait_starttime,
		 ct->task.main_starttime, ct->has_task, ct->own_mount_ns, ct->own_pid_ns,
		 ct->creation.wall_sec, ct->creation.boot_nsec, ct->start.wall_sec,
		 ct->start.boot_nsec, ct->death.wall_sec, ct->death.boot_nsec, ct->exit_status,
		 ct->oom_killed, ct->oom_events, ct->oom_kills, ct->oom_kills_total,
		 ct->stream_offset[1], ct->stream_offset[2], ct->self_frozen,
		 ct->spec.respawn_count, ct->ended, ct->oom_base);
	put(ops, ct, "_run", text);
	put(ops, ct, "_start_error",
	    ct->start_error ? error_string(ct->start_error, error, sizeof(error)) : NULL);
}

int persist_load_run(struct container *ct, const char *text, struct error *err)
{
	struct container before = *ct;
	char state[32];
	enum container_state s;
	int has_task, mount_ns, pid_ns, oom_killed, frozen, ended = 0;
	struct task_ids *t = &ct->task;
	int n = sscanf(text,
		       "%31s %d %d %d %" SCNu64 " %" SCNu64 " %d %d %d %" SCNu64 " %" SCNu64
		       " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %d %d %" SCNu64 " %" SCNu64
		       " %" SCNu64 " %" SCNu64 " %" SCNu64 " %d %" SCNu64 " %d %" SCNu64,
		       state, &t->wait_pid, &t->main_pid, &t->main_vpid, &t->wait_starttime,
		       &t->main_starttime, &has_task, &mount_ns, &pid_ns, &ct->creation.wall_sec,
		       &ct->creation.boot_nsec, &ct->start.wall_sec, &ct->start.boot_nsec,
		       &ct->death.wall_sec, &ct->death.boot_nsec, &ct->exit_status, &oom_killed,
		       &ct->oom_events, &ct->oom_kills, &ct->oom_kills_total, &ct->stream_offset[1],
		       &ct->stream_offset[2], &frozen, &ct->spec.respawn_count, &ended,
		       &ct->oom_base);

	/* The last two are missing in what the first version stored. */
	if (n < 24 || !state_parse(state, &s)) {
		*ct = before; /* half of it would be worse than nothing: pids of strangers */
		return error_set(err, ERR_UNKNOWN, "stored run state '%s' is damaged", text);
	}
	ct->has_task = has_task;
	ct->own_mount_ns = mount_ns;
	ct->own_pid_ns = pid_ns;
	ct->oom_killed = oom_killed;
	ct->self_frozen = frozen;
	ct->ended = ended;
	container_restore_state(ct, s);
	return 0;
}

void persist_prop(struct ops *ops, struct container *ct, const struct prop *p)
{
	auto_free char *text = NULL;

	if (container_is_root(ct) || ct->destroyed || p->flags & PROP_NOSTORE)
		return;
	text = prop_save(ct, p);
	put(ops, ct, p->name, text);
}

void persist_extra(struct ops *ops, struct container *ct)
{
	auto_free char *names = extra_save(ct);

	put(ops, ct, "_extra", names);
}

struct each_prop {
	struct ops *ops;
	struct container *ct;
};

static void put_prop(void *arg, const char *name, const char *text)
{
	const struct each_prop *e = arg;

	put(e->ops, e->ct, name, text);
}

void persist_container(struct ops *ops, struct container *ct)
{
	struct each_prop e = { .ops = ops, .ct = ct };

	put(ops, ct, "_name", ct->name);
	prop_save_each(ct, put_prop, &e);
	persist_run(ops, ct);
}

void persist_remove(struct ops *ops, struct container *ct)
{
	struct error err = ERROR_INIT;

	if (store_delete(ops->store, KIND, ct->id, &err))
		log_error("container %s: cannot be removed from the store: %s", ct->name, err.text);
}
