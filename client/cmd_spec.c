/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers as files. A file has one or more specs in protobuf's text format, with a line `---`
 * between them; what `spec` prints, `apply` takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl.h"

#define SEPARATOR "---"

/* ---- apply ---- */

/* The whole content; NULL after a message. */
static char *read_fd(int fd, const char *path)
{
	size_t size = 0;
	char *text = NULL;
	ssize_t n;

	do {
		text = xrealloc(text, size + 65537, 1);
		n = read(fd, text + size, 65536);
		if (n > 0)
			size += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	text[size] = '\0';
	if (n == 0)
		return text;
	fprintf(stderr, "portoctl: read %s: %s\n", path, strerror(errno));
	free(text);
	return NULL;
}

static char *read_file(const char *path)
{
	char *text;
	int fd;

	if (strcmp(path, "-") == 0)
		return read_fd(STDIN_FILENO, "standard input");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "portoctl: open %s: %s\n", path, strerror(errno));
		return NULL;
	}
	text = read_fd(fd, path);
	close(fd);
	return text;
}

/* The line that ends the spec beginning at `text`, or the end of all. */
static char *find_separator(char *text)
{
	size_t n = strlen(SEPARATOR);

	while (*text) {
		char *end = text + strcspn(text, "\n");

		if ((size_t)(end - text) == n && memcmp(text, SEPARATOR, n) == 0)
			return text;
		text = *end ? end + 1 : end;
	}
	return text;
}

/* Nothing but blanks and comments: before the first separator, or behind the last. */
static bool is_blank(const char *text, size_t size)
{
	bool comment = false;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == '#')
			comment = true;
		else if (text[i] == '\n')
			comment = false;
		else if (!comment && text[i] != ' ' && text[i] != '\t')
			return false;
	}
	return true;
}

static int apply_one(struct ctl *ctl, const char *where, const char *text, size_t size,
		     unsigned flags)
{
	int r = porto_update_from_spec(ctl->conn, text, size, flags);

	if (r == PORTO_E_CONTAINER_DOES_NOT_EXIST && !porto_last_error(ctl->conn)->local)
		r = porto_create_from_spec(ctl->conn, text, size, flags);
	return r ? ctl_error(ctl, where) : 0;
}

static int apply_file(struct ctl *ctl, const char *path, unsigned flags)
{
	char *text = read_file(path), *pos = text, *end, *where;
	int status = text ? 0 : 1, line = 1;

	while (status == 0 && *pos) {
		end = find_separator(pos);
		if (!is_blank(pos, (size_t)(end - pos))) {
			where = xasprintf("Can't apply %s, the spec from line %d on", path, line);
			status = apply_one(ctl, where, pos, (size_t)(end - pos), flags);
			free(where);
		}
		for (; pos < end; pos++)
			line += *pos == '\n';
		pos += strcspn(pos, "\n");
		if (*pos) {
			pos++;
			line++;
		}
	}
	free(text);
	return status;
}

int cmd_apply(struct ctl *ctl, const struct args *args)
{
	unsigned flags = args_has(args, 's') ? PORTO_SPEC_START : 0;
	int status = 0;

	for (int i = 0; i < args->count && status == 0; i++)
		status = apply_file(ctl, args->words[i], flags);
	return status;
}

/* ---- spec ---- */

/* As comments, so that the whole stays a file for apply. */
static void print_status(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		printf("# %.*s\n", (int)n, text);
		text += n + (text[n] != '\0');
	}
}

static int print_specs(const struct porto_specs *specs, bool status)
{
	int exit_status = 0;
	bool first = true;

	for (size_t i = 0; i < specs->count; i++) {
		const struct porto_spec *s = specs->items[i];

		if (s->error) {
			exit_status = ctl_error_code("Can't get spec", s->error, s->message);
			continue;
		}
		if (!first)
			puts(SEPARATOR);
		first = false;
		fputs(s->spec, stdout);
		if (status)
			print_status(s->status);
	}
	return exit_status;
}

/* The values of -p; NULL = all. To be freed. */
static const char **named_properties(const struct args *args)
{
	const char **names = xrealloc(NULL, (size_t)args->n_given + 1, sizeof(*names));
	size_t n = 0;

	for (int i = 0; i < args->n_given; i++) {
		if (args->given[i].id == 'p')
			names[n++] = args->given[i].value;
	}
	names[n] = NULL;
	if (n)
		return names;
	free(names);
	return NULL;
}

int cmd_spec(struct ctl *ctl, const struct args *args)
{
	const char **properties = named_properties(args);
	struct porto_specs *specs;
	int status;

	if (porto_list_specs(ctl->conn, args->words, NULL, 0, properties, 0, &specs) == 0) {
		status = print_specs(specs, args_has(args, 'S'));
		porto_free_specs(specs);
	} else {
		status = ctl_error(ctl, "Can't get specs");
	}
	free(properties);
	return status;
}
