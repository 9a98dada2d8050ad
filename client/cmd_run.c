/* SPDX-License-Identifier: Apache-2.0 */
/* run: start and leave; exec: start, attend, clean up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/attend.h"

#define DEFAULT_COMMAND "/bin/bash"

static bool is_blank(const char *s)
{
	return s[strspn(s, " \t\n")] == '\0';
}

static bool parse_words(const struct args *args, struct settings *s)
{
	*s = (struct settings){ 0 };
	if (args_has(args, 'L')) {
		fprintf(stderr, "%s: NotSupported:(-L: volumes and layers are not supported yet)\n",
			LAUNCH_PREFIX);
		return false;
	}
	return settings_parse(s, args->words + 1);
}

/* Until it is dead; its exit status. */
static int wait_for_end(struct ctl *ctl, const char *name)
{
	const char *const names[] = { name, NULL };
	struct porto_event *event;
	struct verdict v;
	int status = 0;

	if (porto_wait(ctl->conn, names, NULL, PORTO_FOREVER, &event) != 0)
		return ctl_error(ctl, "Can't wait for container");
	if (strcmp(event->state, "dead") == 0) {
		v = verdict_get(ctl, name, NULL);
		status = verdict_report(&v);
	} else if (strcmp(event->state, "meta") != 0) {
		fprintf(stderr, "Container is %s\n", event->state);
		status = 1;
	}
	porto_free_event(event);
	return status;
}

int cmd_run(struct ctl *ctl, const struct args *args)
{
	struct settings s;
	int status = 1;

	if (parse_words(args, &s)) {
		status = launch(ctl, args->words[0], &s, false);
		if (status == 0 && args_has(args, 'W'))
			status = wait_for_end(ctl, args->words[0]);
	}
	settings_free(&s);
	return status;
}

/* ---- exec ---- */

static bool prepare_command(struct settings *s)
{
	const char *command = settings_get(s, "command");
	const char *argv = settings_get(s, "command_argv");

	if ((command && is_blank(command) && !argv) || (argv && is_blank(argv))) {
		fputs("Exec with empty command is not supported\n", stderr);
		return false;
	}
	if (!command && !argv)
		settings_default(s, "command", DEFAULT_COMMAND);
	return true;
}

int cmd_exec(struct ctl *ctl, const struct args *args)
{
	struct attend_options options;
	struct settings s;
	int status = 1;

	if (!attend_parse(args, &options))
		return 1;
	if (parse_words(args, &s) && prepare_command(&s))
		status = attend(ctl, args->words[0], &s, &options);
	settings_free(&s);
	return status;
}
