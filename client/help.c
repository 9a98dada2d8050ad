/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Help, made from the tables. Completion scripts read the full one: section headers stand at the
 * first column, entries two blanks in, and an empty line ends each section.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl.h"

#include "portod-config.h"

#define NAME_MIN      10
#define DEFAULT_WIDTH 80
#define INDENT        2
/* Text narrower than this is not worth wrapping. */
#define TEXT_MIN      20

/* Characters, not bytes: the tables have some of more than one byte. */
static int width_of(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

/* Length in bytes of the part of s that fits into `width` characters, cut at a blank. */
static size_t wrap_at(const char *s, int width)
{
	size_t i, blank = 0;
	int n = 0;

	for (i = 0; s[i]; i++) {
		if (s[i] == ' ')
			blank = i;
		if ((s[i] & 0xc0) != 0x80 && ++n > width)
			return blank ? blank : i;
	}
	return i;
}

/* One entry: name, padded, and its text wrapped behind. */
static void print_entry(FILE *out, const char *name, int name_width, const char *text)
{
	int columns = terminal_width(STDOUT_FILENO, DEFAULT_WIDTH) - INDENT - name_width - 1;
	size_t len;

	fprintf(out, "%*s%s%*s", INDENT, "", name, name_width - width_of(name), "");
	if (columns < TEXT_MIN)
		columns = TEXT_MIN;
	while (*text) {
		len = wrap_at(text, columns);
		fprintf(out, "%.*s\n", (int)len, text);
		text += len;
		text += strspn(text, " ");
		if (*text)
			fprintf(out, "%*s", INDENT + name_width, "");
	}
}

/* "-t, --timeout SEC"; to be freed. */
static char *option_title(const struct option_row *row)
{
	bool letter = row->id < OPT_JSON;
	char shortened[3] = { '-', (char)row->id, '\0' };

	return xasprintf("%s%s%s%s%s%s", letter ? shortened : "", letter && row->name ? ", " : "",
			 row->name ? "--" : "", row->name ? row->name : "", row->arg ? " " : "",
			 row->arg ? row->arg : "");
}

static void print_options(FILE *out, const struct option_row *options)
{
	const struct option_row *row;
	int width = NAME_MIN, w;
	char *title;

	for (row = options; row->id; row++) {
		title = option_title(row);
		w = width_of(title) + INDENT;
		width = w > width ? w : width;
		free(title);
	}
	for (row = options; row->id; row++) {
		title = option_title(row);
		print_entry(out, title, width, row->help);
		free(title);
	}
}

int command_usage(const struct command *cmd, int status)
{
	FILE *out = status ? stderr : stdout;

	fprintf(out, "Usage: portoctl %s%s%s\n\n%s\n", cmd->name, *cmd->synopsis ? " " : "",
		cmd->synopsis, cmd->description);
	if (cmd->options) {
		fputc('\n', out);
		print_options(out, cmd->options);
	}
	return status;
}

static void print_commands(void)
{
	const struct command *cmd;
	int width = NAME_MIN, w;

	for (cmd = commands; cmd->name; cmd++) {
		w = (int)strlen(cmd->name) + INDENT;
		width = w > width ? w : width;
	}
	puts("Commands:");
	for (cmd = commands; cmd->name; cmd++)
		if (!(cmd->flags & CMD_HIDDEN))
			print_entry(stdout, cmd->name, width, cmd->description);
	putchar('\n');
}

/* Daemons write the flags into the description themselves, or do not. */
static char *property_text(const struct porto_property *p)
{
	bool ro = p->read_only && !strstr(p->description, "(ro)");
	bool dynamic = p->dynamic && !strstr(p->description, "(dynamic)");

	return xasprintf("%s%s%s", p->description, ro ? " (ro)" : "", dynamic ? " (dynamic)" : "");
}

static void print_properties(struct ctl *ctl)
{
	struct porto_properties *list;
	int width = NAME_MIN, w;
	char *text;
	size_t i;

	/* Volumes come with a later release; the section is there for who looks for it. */
	puts("Volume properties:\n");
	if (porto_list_properties(ctl->conn, &list) != 0) {
		ctl_error(ctl, "Properties unavailable");
		return;
	}
	for (i = 0; i < list->count; i++) {
		w = (int)strlen(list->items[i]->name) + INDENT;
		width = w > width ? w : width;
	}
	puts("Container properties:");
	for (i = 0; i < list->count; i++) {
		text = property_text(list->items[i]);
		print_entry(stdout, list->items[i]->name, width, text);
		free(text);
	}
	putchar('\n');
	porto_free_properties(list);
}

int help_full(struct ctl *ctl, int status)
{
	puts("Usage: portoctl [OPTION…] COMMAND [ARGUMENT…]\n");
	puts("Options:");
	print_options(stdout, global_options);
	putchar('\n');
	print_commands();
	print_properties(ctl);
	return status;
}

int cmd_help(struct ctl *ctl, const struct args *args)
{
	char *plugin[] = { NULL, NULL, NULL };
	char help[] = "--help";
	const struct command *cmd;

	if (args->count == 0)
		return help_full(ctl, 0);
	cmd = command_find(args->words[0]);
	if (cmd)
		return command_usage(cmd, 0);
	plugin[0] = xstrdup(args->words[0]);
	plugin[1] = help;
	plugin_exec(ctl, plugin[0], plugin);
	fprintf(stderr, "Invalid command: %s\n", plugin[0]);
	free(plugin[0]);
	return 1;
}

int cmd_version(struct ctl *ctl, const struct args *args)
{
	char *version, *revision;

	(void)args;
	printf("client: %s %s\n", porto_library_version(), PORTOD_REVISION);
	if (porto_version(ctl->conn, &version, &revision) != 0)
		return ctl_error(ctl, "Can't get server's version");
	printf("server: %s %s\n", version, revision);
	porto_free_string(version);
	porto_free_string(revision);
	return 0;
}
