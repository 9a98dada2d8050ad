/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the property table: inside of the page porto-properties(7), or as JSON for tests that walk it.
 * A tool of the build; it is not installed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kernel/cgroup.h"
#include "props/type.h"

/* ---- what a row says without words ---- */

static const char *when_settable(const struct prop *p)
{
	if (p->flags & PROP_READONLY)
		return "read-only";
	if (!(p->flags & PROP_DYNAMIC))
		return "set while stopped";
	return p->flags & PROP_ANY ? "set at any time" : "set at any time but when dead";
}

static const char *when_readable(const struct prop *p)
{
	if (p->flags & PROP_DEAD)
		return "read when dead";
	return p->flags & PROP_RUNTIME ? "read after start" : NULL;
}

static const char *index_use(const struct prop *p)
{
	switch (p->flags & (PROP_INDEX_GET | PROP_INDEX_SET)) {
	case PROP_INDEX_GET:
		return "index to read";
	case PROP_INDEX_SET:
		return "index to set";
	case 0:
		return NULL;
	default:
		return "index";
	}
}

static const struct uint_range *range_of(const struct prop *p)
{
	return p->type == &type_uint || p->type == &type_oct || p->type == &type_size ||
			       p->type == &type_nsec || p->type == &type_nsec_unit
		       ? p->arg
		       : NULL;
}

/* ---- the manual ---- */

static void print_words(const struct enum_word *words)
{
	const char *before = "";

	for (; words->word; words++) {
		if (*words->word)
			printf("%s*%s*", before, words->word);
		else
			printf("%sempty", before);
		before = ", ";
	}
}

static void print_syntax(const struct prop *p)
{
	if (!p->type)
		printf("%s", "computed");
	else if (p->type == &type_enum)
		print_words(p->arg);
	else
		printf("%s", p->type->name);
	if (p->type == &type_int && p->arg) {
		const struct int_range *r = p->arg;

		printf(" %" PRId64 "..%" PRId64, r->min, r->max);
	} else if (p->type == &type_hundredths && p->arg) {
		const struct double_range *r = p->arg;

		printf(" %g..%g", r->min, r->max);
	} else if (range_of(p)) {
		printf(" %" PRIu64 "..%" PRIu64, range_of(p)->min, range_of(p)->max);
	}
}

static void print_controllers(const struct prop *p)
{
	const char *before = "; needs ";

	for (unsigned c = 0; c < _CGROUP_CONTROLLER_COUNT; c++) {
		if (!(p->needs & CGROUP_BIT(c)))
			continue;
		printf("%s%s", before, cgroup_controller_name((enum cgroup_controller)c));
		before = ", ";
	}
}

/* One line per line of text, indented as the body of a definition. */
static void print_body(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n)
			printf("    %.*s\n", (int)n, text);
		else
			putchar('\n');
		text += n + (text[n] == '\n');
	}
}

static void print_entry(const struct prop *p)
{
	const char *more[] = { when_readable(p), index_use(p),
			       p->flags & PROP_HIDDEN ? "not listed" : NULL };

	printf("**%s** (", p->name);
	print_syntax(p);
	printf("; %s", when_settable(p));
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		if (more[i])
			printf("; %s", more[i]);
	}
	print_controllers(p);
	printf(")\n    %c%s.",
	       p->desc[0] >= 'a' && p->desc[0] <= 'z' ? p->desc[0] - 32 : p->desc[0], p->desc + 1);
	putchar('\n');
	if (p->doc) {
		putchar('\n');
		print_body(p->doc);
	}
	putchar('\n');
}

static void print_all(void)
{
	printf("PROPERTIES\n==========\n\n");
	for (size_t row = 0; row < prop_count(); row++) {
		if (!prop_at(row)->absent)
			print_entry(prop_at(row));
	}
	printf("KNOWN BY NAME ONLY\n==================\n\n"
	       "These names of Porto are answered with NotSupported and the reason.\n\n");
	for (size_t row = 0; row < prop_count(); row++) {
		const struct prop *p = prop_at(row);

		if (p->absent)
			printf("**%s** (%s)\n    Absent: %s.\n\n", p->name, p->desc, p->absent);
	}
}

/* The page around it, with a line of its own where the table belongs. */
static int print_manual(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[1024];

	if (!f) {
		perror(path);
		return -1;
	}
	while (fgets(line, sizeof(line), f)) {
		if (strcmp(line, ".. PROPERTY TABLE\n") == 0)
			print_all();
		else
			fputs(line, stdout);
	}
	fclose(f);
	return 0;
}

/* ---- for tests ---- */

/* No text of the table that goes here needs more escaping. */
static void print_json_words(const struct prop *p)
{
	const char *before = "";

	printf("[");
	if (p->type == &type_enum) {
		for (const struct enum_word *w = p->arg; w->word; w++) {
			printf("%s\"%s\"", before, w->word);
			before = ", ";
		}
	}
	printf("]");
}

static void print_json_bool(const char *name, bool value)
{
	printf(", \"%s\": %s", name, value ? "true" : "false");
}

static void print_json_row(const struct prop *p)
{
	printf("{\"name\": \"%s\", \"type\": \"%s\", \"words\": ", p->name,
	       p->type ? p->type->name : "");
	print_json_words(p);
	print_json_bool("read_only", p->flags & PROP_READONLY);
	print_json_bool("dynamic", p->flags & PROP_DYNAMIC);
	print_json_bool("any_state", p->flags & PROP_ANY);
	print_json_bool("runtime", p->flags & PROP_RUNTIME);
	print_json_bool("dead", p->flags & PROP_DEAD);
	print_json_bool("hidden", p->flags & PROP_HIDDEN);
	print_json_bool("index_get", p->flags & PROP_INDEX_GET);
	print_json_bool("index_set", p->flags & PROP_INDEX_SET);
	print_json_bool("absent", p->absent);
	print_json_bool("documented", p->doc);
	if (range_of(p))
		printf(", \"min\": %" PRIu64 ", \"max\": %" PRIu64, range_of(p)->min,
		       range_of(p)->max);
	printf("}");
}

static void print_json(void)
{
	printf("[\n");
	for (size_t row = 0; row < prop_count(); row++) {
		print_json_row(prop_at(row));
		printf("%s\n", row + 1 < prop_count() ? "," : "");
	}
	printf("]\n");
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--json") == 0) {
		print_json();
	} else if (argc == 3 && strcmp(argv[1], "--manual") == 0) {
		if (print_manual(argv[2]) < 0)
			return 1;
	} else {
		fprintf(stderr, "usage: prop-table --json | --manual PAGE\n");
		return 2;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
