/* SPDX-License-Identifier: Apache-2.0 */
#include "props/name.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "props/label.h"
#include "props/rows.h"

#define NAME_SIZE 64 /* longer than any name of a row */

static int unknown(const char *text, struct error *err)
{
	return error_set(err, ERR_INVALID_PROPERTY, "there is no property '%.200s'", text);
}

/* The index is everything between the first `[` and the final `]`. */
static int parse_indexed(const char *text, const char *open, struct prop_name *ret,
			 struct error *err)
{
	size_t len = (size_t)(open - text), rest = strlen(open);
	char name[NAME_SIZE];

	if (len >= sizeof(name) || open[rest - 1] != ']')
		return unknown(text, err);
	memcpy(name, text, len);
	name[len] = '\0';
	ret->prop = prop_find(name);
	if (!ret->prop)
		return unknown(text, err);
	if (rest == 2)
		return error_set(err, ERR_INVALID_PROPERTY, "the index of property '%s' is empty",
				 text);
	ret->index = xstrndup(open + 1, rest - 2);
	return 0;
}

int prop_name_parse(const char *text, struct prop_name *ret, struct error *err)
{
	const char *open;

	*ret = (struct prop_name){ .prop = prop_find(text) };
	if (ret->prop)
		return 0;
	open = strchr(text, '[');
	if (open)
		return parse_indexed(text, open, ret, err);
	if (label_is_name(text)) {
		ret->prop = &row_labels;
		ret->index = xstrdup(text);
		return 0;
	}
	return strchr(text, '.') ? 0 : unknown(text, err);
}

void prop_name_deinit(struct prop_name *n)
{
	free(n->index);
	*n = (struct prop_name){ 0 };
}
