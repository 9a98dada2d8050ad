/* SPDX-License-Identifier: Apache-2.0 */
/* Life cycle: commands that take a list of containers and print nothing when all is well. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/ctl.h"
#include "client/sig.h"

/* One call per container, the first failure ends it. */
static int for_each(struct ctl *ctl, const struct args *args, const char *prefix,
		    int (*call)(struct porto_conn *conn, const char *name))
{
	int i;

	for (i = 0; i < args->count; i++)
		if (call(ctl->conn, args->words[i]) != 0)
			return ctl_error(ctl, prefix);
	return 0;
}

int cmd_create(struct ctl *ctl, const struct args *args)
{
	return for_each(ctl, args, "Can't create container", porto_create);
}

int cmd_start(struct ctl *ctl, const struct args *args)
{
	return for_each(ctl, args, "Can't start container", porto_start);
}

int cmd_pause(struct ctl *ctl, const struct args *args)
{
	return for_each(ctl, args, "Can't pause container", porto_pause);
}

int cmd_resume(struct ctl *ctl, const struct args *args)
{
	return for_each(ctl, args, "Can't resume container", porto_resume);
}

int cmd_respawn(struct ctl *ctl, const struct args *args)
{
	return for_each(ctl, args, "Cannot respawn container", porto_respawn);
}

int cmd_destroy(struct ctl *ctl, const struct args *args)
{
	int status = 0, i;

	for (i = 0; i < args->count; i++)
		if (porto_destroy(ctl->conn, args->words[i]) != 0)
			status = ctl_error(ctl, "Can't destroy container");
	return status;
}

int cmd_stop(struct ctl *ctl, const struct args *args)
{
	int (*stop)(struct porto_conn * conn, const char *name,
		    int64_t timeout_msec) = args_has(args, 'k') ? porto_stop_keep : porto_stop;
	int64_t timeout;
	int i;

	if (!args_time(args, 'T', 1000, -1, &timeout))
		return 1;
	for (i = 0; i < args->count; i++)
		if (stop(ctl->conn, args->words[i], timeout) != 0)
			return ctl_error(ctl, "Can't stop container");
	return 0;
}

int cmd_restart(struct ctl *ctl, const struct args *args)
{
	int i;

	for (i = 0; i < args->count; i++) {
		if (porto_stop(ctl->conn, args->words[i], -1) != 0)
			return ctl_error(ctl, "Can't stop container");
		if (porto_start(ctl->conn, args->words[i]) != 0)
			return ctl_error(ctl, "Can't start container");
	}
	return 0;
}

int cmd_kill(struct ctl *ctl, const struct args *args)
{
	int (*send)(struct porto_conn * conn, const char *name,
		    int sig) = args_has(args, 'a') ? porto_kill_all : porto_kill;
	int sig = SIGTERM;

	if (args->count > 1 && !signal_parse(args->words[1], &sig)) {
		fprintf(stderr, "Invalid signal: InvalidValue:(Bad signal: %s)\n", args->words[1]);
		return 1;
	}
	if (send(ctl->conn, args->words[0], sig) != 0)
		return ctl_error(ctl, "Can't send signal to container");
	return 0;
}

int cmd_gc(struct ctl *ctl, const struct args *args)
{
	static const char *const names[] = { "***", NULL }, *const vars[] = { "state", NULL };
	struct porto_get_result *result;
	const struct porto_values *c;
	int status = 0;
	size_t i;

	(void)args;
	if (porto_get(ctl->conn, names, vars, 0, 0, &result) != 0)
		return ctl_error(ctl, "Can't list containers");
	for (i = 0; i < result->count && status == 0; i++) {
		c = result->containers[i];
		if (c->count == 0 || c->items[0]->error || strcmp(c->items[0]->value, "dead") != 0)
			continue;
		/* A dead parent was destroyed just before, and this one with it. */
		if (porto_destroy(ctl->conn, c->name) != 0 &&
		    porto_last_error(ctl->conn)->code != PORTO_E_CONTAINER_DOES_NOT_EXIST)
			status = ctl_error(ctl, "Can't destroy container");
	}
	porto_free_get_result(result);
	return status;
}
