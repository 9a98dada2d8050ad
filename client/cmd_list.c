/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of containers: list and sort; and the search by process. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl.h"
#include "client/fmt.h"

#define NAME_MIN    8
#define STATE_WIDTH 10
#define TIME_WIDTH  12

/* ---- list ---- */

/* In the order of the request below. */
enum { VAR_STATE, VAR_TIME, VAR_DEAD };
static const char *const list_vars[] = { "state", "time", "time[dead]", NULL };

struct row {
	const char *name; /* into the result */
	const char *state;
	const char *seconds; /* since the start, or since death; NULL = does not apply */
};

static bool state_has_time(const char *state)
{
	return strcmp(state, "running") == 0 || strcmp(state, "meta") == 0 ||
	       strcmp(state, "dead") == 0;
}

/* False: vanished meanwhile. */
static bool row_fill(struct row *row, const struct porto_values *c)
{
	const struct porto_value *state, *time;

	if (c->count <= VAR_DEAD)
		return false;
	state = c->items[VAR_STATE];
	*row = (struct row){ .name = c->name, .state = state->value };
	if (state->error == PORTO_E_CONTAINER_DOES_NOT_EXIST)
		return false;
	if (state->error == PORTO_E_BUSY)
		row->state = "busy";
	else if (state->error)
		row->state = state->message;
	if (state->error || !state_has_time(state->value))
		return true;
	time = c->items[strcmp(state->value, "dead") == 0 ? VAR_DEAD : VAR_TIME];
	if (!time->error)
		row->seconds = time->value;
	return true;
}

static int depth_of(const char *name)
{
	int depth = 1;

	for (; *name; name++)
		depth += *name == '/';
	return depth;
}

/* The name as it is shown; to be freed. */
static char *display_name(const char *name, bool forest)
{
	const char *last = strrchr(name, '/');
	int depth = depth_of(name);

	if (!forest || !last)
		return xstrdup(name);
	return xasprintf("%*s\\_ %s", 1 + 3 * (depth - 2), "", last + 1);
}

static bool row_wanted(const struct row *row, const struct args *args)
{
	if (args_has(args, 'r') && strcmp(row->state, "running") != 0)
		return false;
	return !args_has(args, 't') || !strchr(row->name, '/');
}

static void print_table(const struct row *rows, size_t n, bool forest)
{
	char *name, *time;
	size_t width = NAME_MIN, len, i;

	for (i = 0; i < n; i++) {
		name = display_name(rows[i].name, forest);
		len = strlen(name);
		width = len > width ? len : width;
		free(name);
	}
	for (i = 0; i < n; i++) {
		name = display_name(rows[i].name, forest);
		time = rows[i].seconds ? fmt_seconds(rows[i].seconds) : NULL;
		printf("%-*s%*s", (int)width + 2, name, STATE_WIDTH, rows[i].state);
		if (time)
			printf("%*s", TIME_WIDTH, time);
		putchar('\n');
		free(time);
		free(name);
	}
}

static void print_rows_json(const struct row *rows, size_t n)
{
	size_t i;

	putchar('[');
	for (i = 0; i < n; i++) {
		fputs(i ? ",\n  {\"name\": " : "\n  {\"name\": ", stdout);
		json_string(stdout, rows[i].name);
		fputs(", \"state\": ", stdout);
		json_string(stdout, rows[i].state);
		fputs(", \"time\": ", stdout);
		if (rows[i].seconds)
			json_string(stdout, rows[i].seconds);
		else
			fputs("null", stdout);
		putchar('}');
	}
	puts(n ? "\n]" : "]");
}

static int compare_rows(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

/* Children directly below their parents: `/` sorts before everything else. */
static int compare_forest(const void *a, const void *b)
{
	const char *x = ((const struct row *)a)->name, *y = ((const struct row *)b)->name;
	int cx, cy;

	while (*x && *x == *y)
		x++, y++;
	cx = *x == '/' ? 1 : (unsigned char)*x;
	cy = *y == '/' ? 1 : (unsigned char)*y;
	return cx - cy;
}

static void print_list(const struct args *args, const struct porto_get_result *result)
{
	struct row *rows = xrealloc(NULL, result->count, sizeof(*rows));
	size_t n = 0, i;

	for (i = 0; i < result->count; i++)
		if (row_fill(&rows[n], result->containers[i]) && row_wanted(&rows[n], args))
			n++;
	qsort(rows, n, sizeof(*rows), args_has(args, 'f') ? compare_forest : compare_rows);
	if (args_has(args, OPT_JSON))
		print_rows_json(rows, n);
	else if (args_has(args, '1'))
		for (i = 0; i < n; i++)
			puts(rows[i].name);
	else
		print_table(rows, n, args_has(args, 'f'));
	free(rows);
}

/* Names of containers with the label, each once. To be freed; they point into *ret_labels. */
static const char **names_by_label(struct ctl *ctl, const struct args *args,
				   struct porto_labels **ret_labels)
{
	const char *label = args_value(args, 'L'), *value = strchr(label, '=');
	char *name = value ? xasprintf("%.*s", (int)(value - label), label) : xstrdup(label);
	struct porto_labels *labels;
	const char **names;
	size_t n = 0, i;
	int r;

	r = porto_find_label(ctl->conn, name, args->words[0], NULL, value ? value + 1 : NULL,
			     &labels);
	free(name);
	if (r != 0)
		return NULL;
	names = xrealloc(NULL, labels->count + 1, sizeof(*names));
	for (i = 0; i < labels->count; i++)
		names[i] = labels->items[i]->name;
	qsort(names, labels->count, sizeof(*names), compare_strings);
	for (i = 0; i < labels->count; i++)
		if (n == 0 || strcmp(names[n - 1], names[i]) != 0)
			names[n++] = names[i];
	names[n] = NULL;
	*ret_labels = labels;
	return names;
}

/* Names alone need no second request. */
static void print_names(const struct args *args, const char *const *names)
{
	for (; *names; names++)
		if (!args_has(args, 't') || !strchr(*names, '/'))
			puts(*names);
}

int cmd_list(struct ctl *ctl, const struct args *args)
{
	const char *mask[] = { args->count ? args->words[0] : "***", NULL };
	const char **by_label = NULL;
	struct porto_labels *labels = NULL;
	struct porto_list *listed = NULL;
	struct porto_get_result *result;
	const char *const *names = mask;
	int status = 0;

	if (args_has(args, 'L')) {
		names = by_label = names_by_label(ctl, args, &labels);
	} else if (porto_list(ctl->conn, mask[0], 0, &listed) == 0) {
		/* A mask as it is would make an exact name an error if it is missing. */
		names = listed->names;
	} else {
		names = NULL;
	}
	if (!names) {
		status = ctl_error(ctl, "Can't list containers");
	} else if (!*names) {
		if (args_has(args, OPT_JSON))
			puts("[]");
	} else if (args_has(args, '1') && !args_has(args, 'r') && !args_has(args, OPT_JSON)) {
		print_names(args, names);
	} else if (porto_get(ctl->conn, names, list_vars, PORTO_GET_NONBLOCK, 0, &result) != 0) {
		status = ctl_error(ctl, "Can't list containers");
	} else {
		print_list(args, result);
		porto_free_get_result(result);
	}
	free(by_label);
	porto_free_labels(labels);
	porto_free_list(listed);
	return status;
}

/* ---- sort ---- */

struct order {
	size_t columns;
};

static const char *cell(const struct porto_values *c, size_t column)
{
	return column < c->count ? c->items[column]->value : "";
}

/* Descending: numbers if both are, else bytes. */
static int compare_cells(const char *a, const char *b)
{
	int64_t x, y;

	if (parse_int(a, &x) && parse_int(b, &y))
		return x == y ? 0 : x < y ? 1 : -1;
	return strcmp(b, a);
}

static int compare_sorted(const void *a, const void *b, void *userdata)
{
	const struct porto_values *const *x = a, *const *y = b;
	const struct order *order = userdata;
	size_t i;
	int r;

	for (i = 0; i < order->columns; i++) {
		r = compare_cells(cell(*x, i), cell(*y, i));
		if (r)
			return r;
	}
	return strcmp((*y)->name, (*x)->name);
}

static char *sort_cell(const struct porto_values *c, size_t column)
{
	const struct porto_value *v = c->items[column];

	if (v->error)
		return xstrdup("-");
	return fmt_property(v->variable, v->value, false);
}

static void print_sorted(const struct porto_values **rows, size_t n, const char *const *props,
			 size_t columns)
{
	int *widths = xrealloc(NULL, columns, sizeof(*widths)), name_width = 16, len;
	char *text;
	size_t i, k;

	for (k = 0; k < columns; k++)
		widths[k] = strlen(props[k]) > 8 ? (int)strlen(props[k]) : 8;
	for (i = 0; i < n; i++) {
		len = (int)strlen(rows[i]->name);
		name_width = len > name_width ? len : name_width;
		for (k = 0; k < rows[i]->count; k++) {
			text = sort_cell(rows[i], k);
			len = (int)strlen(text);
			widths[k] = len > widths[k] ? len : widths[k];
			free(text);
		}
	}
	printf("%-*s ", name_width, "container");
	for (k = 0; k < columns; k++)
		printf("%*s ", widths[k], props[k]);
	putchar('\n');
	for (i = 0; i < n; i++) {
		printf("%-*s ", name_width, rows[i]->name);
		for (k = 0; k < rows[i]->count; k++) {
			text = sort_cell(rows[i], k);
			printf("%*s ", widths[k], text);
			free(text);
		}
		putchar('\n');
	}
	free(widths);
}

int cmd_sort(struct ctl *ctl, const struct args *args)
{
	static const char *const default_props[] = { "state", "time", NULL };
	int split = args->separator > 0 ? args->separator : 0, i;
	const char **names = xrealloc(NULL, (size_t)split + 2, sizeof(*names));
	const char *const *props = args->words + split;
	struct porto_get_result *result;
	const struct porto_values **rows;
	struct order order = { 0 };
	int status = 0;

	for (i = 0; i < split; i++)
		names[i] = args->words[i];
	if (split == 0)
		names[i++] = "***";
	names[i] = NULL;
	if (!*props)
		props = default_props;
	while (props[order.columns])
		order.columns++;
	if (porto_get(ctl->conn, names, props, PORTO_GET_SYNC, 0, &result) != 0) {
		status = ctl_error(ctl, "Can't get containers' properties");
	} else {
		rows = xrealloc(NULL, result->count, sizeof(*rows));
		memcpy(rows, result->containers, result->count * sizeof(*rows));
		qsort_r(rows, result->count, sizeof(*rows), compare_sorted, &order);
		print_sorted(rows, result->count, props, order.columns);
		free(rows);
		porto_free_get_result(result);
	}
	free(names);
	return status;
}
