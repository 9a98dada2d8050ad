/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shell, enter: a command in a container that runs, in a weak container below it: `shell` in groups
 * of its own, `enter` as a job in those of the container.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/attend.h"

/* Of a whole name, for everybody; and of one component. */
#define NAME_MAX_ALL  200
#define NAME_MAX_PART 128
#define CHROOT_MAX    50
#define CHROOT_PART   24

/* Bash, where there is one. */
#define DEFAULT_SHELL "if [ -x /bin/bash ]; then exec /bin/bash; fi; exec /bin/sh"

static const char *login_name(void)
{
	static const char *const variables[] = { "SUDO_USER", "USER" };
	const char *name;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(variables); i++) {
		name = getenv(variables[i]);
		if (name && *name)
			return name;
	}
	return "unknown";
}

/* What cannot be in a container's name becomes `_`. */
static char *name_part(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-@:.";
	char *part = xstrdup(text), *p;

	for (p = part; *(p += strspn(p, allowed));)
		*p = '_';
	return part;
}

/* Absolute, so that it means the same wherever `self` and `.` lead. */
static char *child_name(const char *parent, const char *login)
{
	char *part = name_part(login);
	char *leaf = xasprintf("shell-%s-%d", part, (int)getpid()), *name;

	if (strcmp(parent, "/") == 0)
		parent = "/porto";
	if (strlen(leaf) > NAME_MAX_PART ||
	    strlen(parent) + strlen(leaf) + 1 > NAME_MAX_ALL + strlen("/porto/")) {
		free(leaf);
		leaf = xasprintf("shell-%d", (int)getpid());
	}
	name = xasprintf("%s/%s", parent, leaf);
	free(leaf);
	free(part);
	return name;
}

/* For prompts. */
static char *chroot_text(const char *name)
{
	size_t len = strlen(name);

	if (len <= CHROOT_MAX)
		return xstrdup(name);
	return xasprintf("%.*s..%s", CHROOT_PART, name, name + len - CHROOT_PART);
}

static void add_variable(char **list, const char *name, const char *value)
{
	char *escaped = porto_escape(value, ";"), *more;

	if (!escaped)
		abort();
	more = xasprintf("%s%s%s=%s", *list ? *list : "", *list ? ";" : "", name, escaped);
	porto_free_string(escaped);
	free(*list);
	*list = more;
}

static char *environment(const char *name, const char *login)
{
	char *chroot = chroot_text(name), *list = NULL;

	add_variable(&list, "debian_chroot", chroot);
	add_variable(&list, "PORTO_SHELL_NAME", name);
	add_variable(&list, "PORTO_SHELL_USER", login);
	free(chroot);
	return list;
}

/* Each argument arrives as it was given. */
static void set_command(struct settings *s, const struct args *args)
{
	static const char *const shell[] = { "/bin/sh", "-c", DEFAULT_SHELL, NULL };
	const char *const *words = args->words + 1;

	if (*words && strcmp(*words, "--") == 0)
		words++;
	if (!*words)
		words = shell;
	settings_spec(s, "command_argv { argv:", *words, words[1] ? "" : " }");
	while (*++words)
		settings_spec(s, "argv:", *words, words[1] ? "" : " }");
}

/* By the daemon's user database, also for the group that the user has there. */
static void set_credentials(struct settings *s, const struct args *args)
{
	const char *user = args_value(args, 'u'), *group = args_value(args, 'g');

	if (user && !group) {
		settings_spec(s, "task_cred { user:", user, " }");
		return;
	}
	if (group)
		settings_default(s, "group", group);
	if (user)
		settings_default(s, "user", user);
}

static void fill(struct settings *s, const struct args *args, const char *login, bool job)
{
	char *env = environment(args->words[0], login);
	char *note = xasprintf("portoctl %s of %s", job ? "enter" : "shell", login);

	*s = (struct settings){ 0 };
	settings_default(s, "virt_mode", job ? "job" : "app");
	set_command(s, args);
	set_credentials(s, args);
	settings_default(s, "env", env);
	settings_default(s, "private", note);
	settings_default(s, "isolate", "false");
	free(note);
	free(env);
}

/* A start would start it, too, which nobody means who wants to look inside. */
static int check_target(struct ctl *ctl, const char *name, char **ret_absolute)
{
	char *state = NULL, *absolute = NULL;
	int status = 0;

	if (porto_get_property(ctl->conn, name, "absolute_name", 0, &absolute) != 0 ||
	    porto_get_property(ctl->conn, name, "state", 0, &state) != 0) {
		ctl_error(ctl, LAUNCH_PREFIX);
		status = 1;
	} else if (strcmp(state, "running") != 0 && strcmp(state, "meta") != 0) {
		fprintf(stderr, "%s: InvalidState:(container '%s' is %s, not running or meta)\n",
			LAUNCH_PREFIX, name, state);
		status = 1;
	} else {
		*ret_absolute = xstrdup(absolute);
	}
	porto_free_string(state);
	porto_free_string(absolute);
	return status;
}

static int enter(struct ctl *ctl, const struct args *args, bool job)
{
	const char *login = login_name();
	struct attend_options options;
	char *parent, *name;
	struct settings s;
	int status;

	if (!attend_parse(args, &options))
		return 1;
	status = check_target(ctl, args->words[0], &parent);
	if (status != 0)
		return status;
	name = child_name(parent, login);
	fill(&s, args, login, job);
	status = attend(ctl, name, &s, &options);
	settings_free(&s);
	free(name);
	free(parent);
	return status;
}

int cmd_shell(struct ctl *ctl, const struct args *args)
{
	return enter(ctl, args, false);
}

int cmd_enter(struct ctl *ctl, const struct args *args)
{
	return enter(ctl, args, true);
}
