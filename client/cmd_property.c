/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl.h"
#include "client/fmt.h"

static unsigned get_flags(const struct args *args)
{
	return (args_has(args, 'n') ? PORTO_GET_NONBLOCK : 0) |
	       (args_has(args, 's') ? PORTO_GET_SYNC : 0) |
	       (args_has(args, 'r') ? PORTO_GET_REAL : 0);
}

/* ---- get ---- */

static int compare_containers(const void *a, const void *b)
{
	const struct porto_values *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int compare_values(const void *a, const void *b)
{
	const struct porto_value *const *x = a, *const *y = b;

	return strcmp((*x)->variable, (*y)->variable);
}

/* A copy of the pointers, sorted; to be freed. */
static const void **sorted(const void *pointers, size_t count,
			   int (*compare)(const void *, const void *))
{
	const void **copy = xrealloc(NULL, count, sizeof(*copy));

	memcpy(copy, pointers, count * sizeof(*copy));
	qsort(copy, count, sizeof(*copy), compare);
	return copy;
}

/* Everything about a container, for people. */
static int print_all(const struct porto_values *c)
{
	const void **values = sorted(c->items, c->count, compare_values);
	bool split = isatty(STDOUT_FILENO);
	const struct porto_value *v;
	int status = 0;
	char *text;
	size_t i;

	for (i = 0; i < c->count; i++) {
		v = values[i];
		/* Without a state there is no container; other errors are normal. */
		if (v->error && strcmp(v->variable, "state") == 0)
			status = ctl_error_code("Cannot get state", v->error, v->message);
		if (v->error || !*v->value)
			continue;
		text = fmt_property(v->variable, v->value, split);
		printf("%s = %s\n", v->variable, text);
		free(text);
	}
	free(values);
	return status;
}

/* What was asked for, raw. */
static int print_named(const struct porto_values *c)
{
	const struct porto_value *v;
	char *prefix;
	int status = 0;
	size_t i;

	for (i = 0; i < c->count; i++) {
		v = c->items[i];
		if (v->error) {
			fflush(stdout);
			prefix = xasprintf("Cannot get %s", v->variable);
			ctl_error_code(prefix, v->error, v->message);
			free(prefix);
			status = 1;
		} else if (c->count == 1) {
			puts(v->value);
		} else {
			printf("%s = %s\n", v->variable, v->value);
		}
	}
	return status;
}

static void json_values(const struct porto_values *c, bool errors)
{
	const struct porto_value *v;
	bool first = true;
	size_t i;

	fputs(errors ? "\"errors\": {" : "\"properties\": {", stdout);
	for (i = 0; i < c->count; i++) {
		v = c->items[i];
		if ((v->error != 0) != errors)
			continue;
		fputs(first ? "\n      " : ",\n      ", stdout);
		first = false;
		json_string(stdout, v->variable);
		fputs(": ", stdout);
		if (errors) {
			const char *kind = porto_error_name(v->error);

			printf("{\"code\": %d, \"kind\": ", v->error);
			json_string(stdout, kind ? kind : "Unknown");
			fputs(", \"message\": ", stdout);
			json_string(stdout, v->message);
			putchar('}');
		} else {
			json_string(stdout, v->value);
		}
	}
	fputs(first ? "}" : "\n    }", stdout);
}

/* Errors of single properties are part of the output; only a missing container is a failure. */
static int print_json(const void **containers, size_t count)
{
	const struct porto_values *c;
	int status = 0;
	size_t i, k;

	putchar('[');
	for (i = 0; i < count; i++) {
		c = containers[i];
		fputs(i ? ",\n  {\"name\": " : "\n  {\"name\": ", stdout);
		json_string(stdout, c->name);
		fputs(",\n    ", stdout);
		json_values(c, false);
		fputs(",\n    ", stdout);
		json_values(c, true);
		putchar('}');
		for (k = 0; k < c->count; k++)
			if (c->items[k]->error == PORTO_E_CONTAINER_DOES_NOT_EXIST)
				status = exit_status_of(c->items[k]->error);
	}
	puts(count ? "\n]" : "]");
	return status;
}

static int print_get(const struct args *args, const struct porto_get_result *result, bool named)
{
	const void **containers = sorted(result->containers, result->count, compare_containers);
	const struct porto_values *c;
	int status = 0, r;
	size_t i;

	if (args_has(args, OPT_JSON)) {
		status = print_json(containers, result->count);
		free(containers);
		return status;
	}
	for (i = 0; i < result->count; i++) {
		c = containers[i];
		if (result->count > 1)
			printf("%s:\n", c->name);
		r = named ? print_named(c) : print_all(c);
		if (r)
			status = r;
		if (result->count > 1)
			putchar('\n');
	}
	free(containers);
	return status;
}

/* Names of all properties; the pointers are into *ret_list. To be freed both. */
static const char **all_properties(struct ctl *ctl, struct porto_properties **ret_list)
{
	struct porto_properties *list;
	const char **names;
	size_t i;

	if (porto_list_properties(ctl->conn, &list) != 0)
		return NULL;
	names = xrealloc(NULL, list->count + 1, sizeof(*names));
	for (i = 0; i < list->count; i++)
		names[i] = list->items[i]->name;
	names[list->count] = NULL;
	*ret_list = list;
	return names;
}

/*
 * `CT [PROP…]`: one container. `[CT|MASK…] -- [PROP…]`: those before the dashes, or all.
 */
int cmd_get(struct ctl *ctl, const struct args *args)
{
	int split = args->separator >= 0 ? args->separator : args->count > 0, status, i;
	const char **names = xrealloc(NULL, (size_t)split + 2, sizeof(*names));
	const char *const *variables = args->words + split;
	struct porto_properties *list = NULL;
	struct porto_get_result *result;
	const char **all = NULL;

	if (args->separator < 0 && args->count == 0) {
		free(names);
		return command_usage(command_find("get"), 1);
	}
	for (i = 0; i < split; i++)
		names[i] = args->words[i];
	if (split == 0)
		names[i++] = "***";
	names[i] = NULL;
	if (!*variables)
		variables = all = all_properties(ctl, &list);
	if (!variables ||
	    porto_get(ctl->conn, names, variables, get_flags(args), 0, &result) != 0) {
		status = ctl_error(ctl, "Can't get containers' properties");
	} else {
		status = print_get(args, result, !all);
		porto_free_get_result(result);
	}
	free(all);
	free(names);
	porto_free_properties(list);
	return status;
}

/* ---- pget, dget, set ---- */

static int get_each(struct ctl *ctl, const struct args *args, const char *prefix,
		    int (*get)(struct porto_conn *, const char *, const char *, unsigned, char **))
{
	char *value;
	int i;

	for (i = 1; i < args->count; i++) {
		if (get(ctl->conn, args->words[0], args->words[i], get_flags(args), &value) != 0)
			return ctl_error(ctl, prefix);
		if (args_has(args, 'k'))
			printf("%s = ", args->words[i]);
		puts(value);
		porto_free_string(value);
	}
	return 0;
}

int cmd_pget(struct ctl *ctl, const struct args *args)
{
	return get_each(ctl, args, "Can't get property", porto_get_property);
}

int cmd_dget(struct ctl *ctl, const struct args *args)
{
	return get_each(ctl, args, "Can't get data", porto_get_data);
}

/*
 * `CT PROP=VALUE`, or `CT PROP WORD…` with the words joined by one blank. Names have no `=`, so one
 * in the first word always ends the name, also when more words follow.
 */
int cmd_set(struct ctl *ctl, const struct args *args)
{
	const char *word = args->words[1], *equals = strchr(word, '=');
	char *property, *value, *more;
	int status = 0, i = 3;

	if (args->count == 2 && !equals)
		return command_usage(command_find("set"), 1);
	if (equals) {
		property = xasprintf("%.*s", (int)(equals - word), word);
		value = xstrdup(equals + 1);
		i = 2;
	} else {
		property = xstrdup(word);
		value = xstrdup(args->words[2]);
	}
	for (; i < args->count; i++) {
		more = xasprintf("%s %s", value, args->words[i]);
		free(value);
		value = more;
	}
	if (porto_set_property(ctl->conn, args->words[0], property, value) != 0)
		status = ctl_error(ctl, "Can't set property");
	free(property);
	free(value);
	return status;
}
