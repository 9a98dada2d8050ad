/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of a table row. Not getopt: it hides where `--` stood, which `get` and `sort` need, and
 * cannot give each command's usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl.h"

static const struct option_row *find_short(const struct option_row *options, char c)
{
	for (; options && options->id; options++)
		if (options->id == c)
			return options;
	return NULL;
}

static const struct option_row *find_long(const struct option_row *options, const char *name,
					  size_t len)
{
	for (; options && options->id; options++)
		if (options->name && strlen(options->name) == len &&
		    memcmp(options->name, name, len) == 0)
			return options;
	return NULL;
}

static void add_given(struct args *args, int id, const char *value)
{
	args->given = xrealloc(args->given, (size_t)args->n_given + 1, sizeof(*args->given));
	args->given[args->n_given++] = (struct given){ id, value };
}

static bool missing(const char *dashes, int len, const char *name)
{
	fprintf(stderr, "portoctl: option requires an argument -- '%s%.*s'\n", dashes, len, name);
	return false;
}

/* --name, --name=value, --name value */
static bool parse_long(struct args *args, int argc, char **argv, int *i,
		       const struct option_row *options)
{
	const char *name = argv[*i] + 2, *value = strchr(name, '=');
	size_t len = value ? (size_t)(value - name) : strlen(name);
	const struct option_row *row = find_long(options, name, len);

	if (!row && len == 4 && memcmp(name, "help", 4) == 0) {
		add_given(args, OPT_HELP, NULL);
		return true;
	}
	if (!row) {
		fprintf(stderr, "portoctl: unrecognized option '--%.*s'\n", (int)len, name);
		return false;
	}
	if (value && !row->arg) {
		fprintf(stderr, "portoctl: option '--%s' takes no argument\n", row->name);
		return false;
	}
	if (value)
		value++;
	else if (row->arg && *i + 1 == argc)
		return missing("--", (int)len, name);
	else if (row->arg)
		value = argv[++*i];
	add_given(args, row->id, value);
	return true;
}

/* -abc, -Tvalue, -T value */
static bool parse_short(struct args *args, int argc, char **argv, int *i,
			const struct option_row *options)
{
	const char *p = argv[*i] + 1;
	const struct option_row *row;

	for (; *p; p++) {
		row = find_short(options, *p);
		if (!row && *p == OPT_HELP) {
			add_given(args, OPT_HELP, NULL);
			continue;
		}
		if (!row) {
			fprintf(stderr, "portoctl: invalid option -- '%c'\n", *p);
			return false;
		}
		if (!row->arg) {
			add_given(args, row->id, NULL);
			continue;
		}
		if (p[1]) {
			add_given(args, row->id, p + 1);
			return true;
		}
		if (*i + 1 == argc)
			return missing("-", 1, p);
		add_given(args, row->id, argv[++*i]);
		return true;
	}
	return true;
}

bool args_parse(struct args *args, int argc, char **argv, const struct option_row *options,
		bool stop_at_word)
{
	bool ok = true;
	int i;

	*args = (struct args){ .separator = -1 };
	args->words = xrealloc(NULL, (size_t)argc + 1, sizeof(*args->words));
	for (i = 0; i < argc && ok; i++) {
		if (args->separator < 0 && strcmp(argv[i], "--") == 0) {
			args->separator = args->count;
		} else if (args->separator >= 0 || argv[i][0] != '-' || !argv[i][1]) {
			if (stop_at_word)
				break;
			args->words[args->count++] = argv[i];
		} else if (argv[i][1] == '-') {
			ok = parse_long(args, argc, argv, &i, options);
		} else {
			ok = parse_short(args, argc, argv, &i, options);
		}
	}
	args->used = i;
	if (stop_at_word)
		for (; i < argc; i++)
			args->words[args->count++] = argv[i];
	args->words[args->count] = NULL;
	return ok;
}

void args_free(struct args *args)
{
	free(args->words);
	free(args->given);
}

bool args_has(const struct args *args, int id)
{
	int i;

	for (i = 0; i < args->n_given; i++)
		if (args->given[i].id == id)
			return true;
	return false;
}

const char *args_value(const struct args *args, int id)
{
	const char *value = NULL;
	int i;

	for (i = 0; i < args->n_given; i++)
		if (args->given[i].id == id)
			value = args->given[i].value;
	return value;
}

bool args_time(const struct args *args, int id, int64_t unit_ms, int64_t def, int64_t *ret_ms)
{
	const char *text = args_value(args, id);
	char *with_unit;
	uint64_t nsec;
	int64_t plain;
	int r;

	*ret_ms = def;
	if (!text)
		return true;
	/* -1 is how scripts say "no limit". */
	if (parse_int(text, &plain) && plain == -1) {
		*ret_ms = PORTO_FOREVER;
		return true;
	}
	if (text[strspn(text, "0123456789.")]) {
		r = porto_parse_duration(text, &nsec); /* has a unit of its own */
	} else {
		with_unit = xasprintf("%s%s", text, unit_ms == 1 ? "ms" : "s");
		r = porto_parse_duration(with_unit, &nsec);
		free(with_unit);
	}
	if (r != 0) {
		fprintf(stderr, "portoctl: bad time '%s'\n", text);
		return false;
	}
	*ret_ms = (int64_t)((nsec + 999999) / 1000000);
	return true;
}
