/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl.h"

static int show_labels(struct ctl *ctl, const char *name)
{
	struct porto_map *map;
	char *text;
	size_t i;

	if (porto_get_property(ctl->conn, name, "labels", 0, &text) != 0)
		return ctl_error(ctl, "Can't get labels");
	if (porto_parse_map(text, &map) != 0) {
		puts(text);
		porto_free_string(text);
		return 0;
	}
	porto_free_string(text);
	for (i = 0; i < map->count; i++)
		printf("%s = %s\n", map->pairs[i].key, map->pairs[i].value);
	porto_free_map(map);
	return 0;
}

static int show_label(struct ctl *ctl, const char *name, const char *label)
{
	char *value;

	if (porto_get_label(ctl->conn, name, label, &value) != 0)
		return ctl_error(ctl, "Can't get label");
	puts(value);
	porto_free_string(value);
	return 0;
}

static int inc_label(struct ctl *ctl, const struct args *args)
{
	int64_t add, result;

	if (!parse_int(args_value(args, 'i'), &add)) {
		fprintf(stderr, "portoctl: bad number '%s'\n", args_value(args, 'i'));
		return 1;
	}
	if (porto_inc_label(ctl->conn, args->words[0], args->words[1], add, &result) != 0)
		return ctl_error(ctl, "Can't increment label");
	printf("%" PRId64 "\n", result);
	return 0;
}

static int set_label(struct ctl *ctl, const struct args *args, const char *word, const char *value)
{
	char *label = xasprintf("%.*s", (int)(value - word), word), *prev = NULL;
	int status = 0;

	if (porto_set_label(ctl->conn, args->words[0], label, value + 1, args_value(args, OPT_PREV),
			    args_value(args, 's'), &prev) != 0) {
		status = ctl_error(ctl, "Can't set label");
		if (prev)
			fprintf(stderr, "%s is %s\n", label, prev);
	}
	porto_free_string(prev);
	free(label);
	return status;
}

int cmd_label(struct ctl *ctl, const struct args *args)
{
	const char *value;
	int status = 0, i;

	if (args->count == 1)
		return show_labels(ctl, args->words[0]);
	if (args_has(args, 'i'))
		return inc_label(ctl, args);
	for (i = 1; i < args->count && status == 0; i++) {
		value = strchr(args->words[i], '=');
		if (value)
			status = set_label(ctl, args, args->words[i], value);
		else
			status = show_label(ctl, args->words[0], args->words[i]);
	}
	return status;
}

int cmd_find_label(struct ctl *ctl, const struct args *args)
{
	const char *value = strchr(args->words[0], '=');
	const struct porto_label *l;
	struct porto_labels *labels;
	char *label;
	size_t i;
	int r;

	label = value ? xasprintf("%.*s", (int)(value - args->words[0]), args->words[0])
		      : xstrdup(args->words[0]);
	r = porto_find_label(ctl->conn, label, args->count > 1 ? args->words[1] : NULL,
			     args_value(args, 's'), value ? value + 1 : NULL, &labels);
	free(label);
	if (r != 0)
		return ctl_error(ctl, "Can't find label");
	for (i = 0; i < labels->count; i++) {
		l = labels->items[i];
		printf("%s\t%s\t%s = %s\n", l->name, l->state, l->label, l->value);
	}
	porto_free_labels(labels);
	return 0;
}
