/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of a dump: whose it is, counting, and the container's own consumer. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "client/libporto.h"
#include "core/core.h"

/* ---- whose ---- */

#define STRINGS 6

static char **string_of(struct core_owner *o, size_t i)
{
	char **all[STRINGS] = { &o->command, &o->user,       &o->group,
				&o->cwd,     &o->owner_user, &o->owner_group };

	return all[i];
}

static void take_strings(struct core_owner *o, const struct porto_values *v)
{
	/* A property that is not there (core_command, where dumps are off) reads as empty. */
	for (size_t i = 0; i < STRINGS; i++)
		*string_of(o, i) = xstrdup(v->items[i]->value);
}

static void take_rest(struct core_owner *o, const struct porto_values *v)
{
	unsigned uid, gid;

	o->started = str_eq(v->items[6]->value, "running") || str_eq(v->items[6]->value, "meta");
	o->chrooted = !str_eq(v->items[7]->value, "/");
	if (!v->items[8]->error && sscanf(v->items[8]->value, "%u %u", &uid, &gid) == 2) {
		o->uid = uid;
		o->gid = gid;
		o->known = true;
	}
}

static void ask_more(struct porto_conn *conn, struct core_owner *o)
{
	static const char *const vars[] = { "core_command", "user",        "group", "cwd",
					    "owner_user",   "owner_group", "state", "root_path",
					    "owner_cred",   NULL };
	const char *const names[] = { o->container, NULL };
	struct porto_get_result *r;

	if (porto_get(conn, names, vars, 0, 0, &r) != 0) {
		log_warning("core dumps: %s", porto_last_error(conn)->message);
		return;
	}
	if (r->count == 1 && r->containers[0]->count == 9) {
		take_strings(o, r->containers[0]);
		take_rest(o, r->containers[0]);
	}
	porto_free_get_result(r);
}

void core_owner_ask(struct porto_conn *conn, const struct core_info *c, struct core_owner *ret)
{
	char *name;

	*ret = (struct core_owner){ 0 };
	if (porto_locate_process(conn, (uint32_t)c->tid, NULL, &name) != 0) {
		log_warning("core dumps: whose is process %d: %s", (int)c->pid,
			    porto_last_error(conn)->message);
		ret->container = xstrdup("/");
		return;
	}
	ret->container = xstrdup(name);
	porto_free_string(name);
	if (!str_eq(ret->container, "/"))
		ask_more(conn, ret);
}

void core_owner_deinit(struct core_owner *o)
{
	for (size_t i = 0; i < STRINGS; i++)
		free(*string_of(o, i));
	free(o->container);
}

void core_count(struct porto_conn *conn, const char *container, const char *label)
{
	auto_free char *name = xstrdup(container);
	char *slash;

	if (str_eq(name, "/"))
		return; /* it has no labels */
	do {
		if (porto_inc_label(conn, name, label, 1, NULL) != 0)
			log_warning("core dumps: count %s of container %s: %s", label, name,
				    porto_last_error(conn)->message);
		slash = strrchr(name, '/');
		if (slash)
			*slash = '\0';
	} while (slash);
}

/* ---- the consumer ---- */

static void add(char **env, const char *name, const char *value)
{
	char *escaped = porto_escape(value, ";"), *more;

	if (!escaped)
		abort();
	more = xasprintf("%s%s%s=%s", *env ? *env : "", *env ? ";" : "", name, escaped);
	porto_free_string(escaped);
	free(*env);
	*env = more;
}

static void add_number(char **env, const char *name, uint64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	add(env, name, text);
}

static char *environment(const struct core_info *c, const struct core_owner *o)
{
	char when[32], *env = NULL;

	core_info_time(c, when);
	add_number(&env, "CORE_PID", (uint64_t)c->vpid);
	add_number(&env, "CORE_TID", (uint64_t)c->vtid);
	add_number(&env, "CORE_SIG", (uint64_t)c->sig);
	add(&env, "CORE_TASK_NAME", c->comm);
	add(&env, "CORE_THREAD_NAME", c->thread_comm);
	add(&env, "CORE_EXE_NAME", c->exe);
	add(&env, "CORE_CONTAINER", o->container);
	add_number(&env, "CORE_OWNER_UID", o->uid);
	add_number(&env, "CORE_OWNER_GID", o->gid);
	add_number(&env, "CORE_DUMPABLE", (uint64_t)c->dumpable);
	add_number(&env, "CORE_ULIMIT", c->ulimit);
	add(&env, "CORE_DATETIME", when);
	return env;
}

struct setting {
	const char *name, *value;
};

static int configure(struct porto_conn *conn, const char *name, const struct core_owner *o,
		     const char *env)
{
	const struct setting all[] = {
		{ "isolate", "false" },
		{ "command", o->command },
		{ "env", env },
		{ "cwd", o->cwd },
		{ "user", o->user },
		{ "group", o->group },
		{ "owner_user", o->owner_user },
		{ "owner_group", o->owner_group },
		{ "owner_containers", "self" },
		/* Its own crash is not to be dumped again. */
		{ "ulimit", "core: 0 0" },
		{ "stdin_path", "/dev/fd/0" },
		{ "stdout_path", "/dev/null" },
		{ "stderr_path", "/dev/null" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		int r = porto_set_property(conn, name, all[i].name, all[i].value);

		if (r != 0)
			return r;
	}
	/* To look at the process that dies; not every container may. */
	(void)porto_set_property(conn, name, "capabilities_ambient", "SYS_PTRACE");
	return 0;
}

static int failed(struct porto_conn *conn, const char *name, const char *what, struct error *err)
{
	const struct porto_error *e = porto_last_error(conn);

	return error_set(err, (enum error_code)e->code, "%s container %s: %s", what, name,
			 e->message);
}

/* 0 when it ended well in time. */
static int await(struct porto_conn *conn, const char *name, unsigned timeout_s, struct error *err)
{
	const char *const names[] = { name, NULL };
	struct porto_event *event;
	auto_free char *state = NULL;
	char *code;
	int r = 0;

	if (porto_wait(conn, names, NULL, (int64_t)timeout_s * 1000, &event) != 0)
		return failed(conn, name, "wait for", err);
	state = xstrdup(event->state);
	porto_free_event(event);
	if (!str_eq(state, "dead"))
		return error_set(err, ERR_UNKNOWN, "container %s did not end in %u s: it is %s",
				 name, timeout_s, state);
	if (porto_get_property(conn, name, "exit_code", 0, &code) != 0)
		return failed(conn, name, "ask for the exit code of", err);
	if (!str_eq(code, "0"))
		r = error_set(err, ERR_UNKNOWN, "core_command in container %s ended with %s", name,
			      code);
	porto_free_string(code);
	return r;
}

static int start_and_wait(struct porto_conn *conn, const char *name, const struct core_owner *o,
			  const char *env, unsigned timeout_s, bool *ret_used, struct error *err)
{
	/* Without the capability, if the container must not have it. */
	if (configure(conn, name, o, env) != 0)
		return failed(conn, name, "configure", err);
	if (porto_start(conn, name) != 0 &&
	    (porto_last_error(conn)->code != PORTO_E_PERMISSION ||
	     porto_set_property(conn, name, "capabilities_ambient", "") != 0 ||
	     porto_start(conn, name) != 0))
		return failed(conn, name, "start", err);
	*ret_used = true;
	return await(conn, name, timeout_s, err);
}

int core_feed(struct porto_conn *conn, const struct core_info *c, const struct core_owner *o,
	      unsigned timeout_s, bool *ret_used, struct error *err)
{
	auto_free char *name = xasprintf("%s/core-%d", o->container, (int)c->pid);
	auto_free char *env = environment(c, o);
	int r;

	*ret_used = false;
	if (porto_create_weak(conn, name) != 0)
		return failed(conn, name, "create", err);
	r = start_and_wait(conn, name, o, env, timeout_s, ret_used, err);
	(void)porto_destroy(conn, name);
	return r;
}
