/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Value types of text: strings and lists. What the store keeps of a list is not the client's syntax
 * but one item per line, because that can hold every list (empty items, blanks at the ends).
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "props/type.h"

#define STRING_MAX ((size_t)PATH_MAX - 1)

/* ---- string ---- */

static int parse_string(const struct prop *p, const struct prop_ctx *ctx, const char *text,
			void *field, struct error *err)
{
	size_t max = p->arg ? *(const size_t *)p->arg : STRING_MAX;

	(void)ctx;
	if (strlen(text) > max)
		return error_set(err, ERR_INVALID_VALUE,
				 "the value '%.40s…' has %zu bytes, the limit is %zu", text,
				 strlen(text), max);
	str_set(field, text);
	return 0;
}

static void format_string(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			  struct buf *out)
{
	const char *s = *(char *const *)field;

	(void)p, (void)ctx;
	if (s)
		buf_adds(out, s);
}

static char *save_string(const struct prop *p, const void *field)
{
	(void)p;
	return xstrdup(*(char *const *)field);
}

static int load_string(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p, (void)err;
	str_set(field, text);
	return 0;
}

const struct prop_type type_string = {
	.name = "text",
	.parse = parse_string,
	.format = format_string,
	.save = save_string,
	.load = load_string,
};

/* ---- lists as lines ---- */

char *type_save_strv(const struct strv *list)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < list->n; i++) {
		for (const char *s = list->v[i]; *s; s++) {
			if (*s == '\n' || *s == '\\')
				buf_addc(&out, '\\');
			buf_addc(&out, *s == '\n' ? 'n' : *s);
		}
		buf_addc(&out, '\n');
	}
	return buf_take(&out);
}

void type_load_strv(struct strv *ret, const char *text)
{
	struct strv list = STRV_INIT;
	auto_buf item = BUF_INIT;

	for (; text && *text; text++) {
		if (*text == '\n') {
			strv_add(&list, buf_str(&item));
			buf_reset(&item);
		} else if (*text == '\\' && text[1]) {
			text++;
			buf_addc(&item, *text == 'n' ? '\n' : *text);
		} else {
			buf_addc(&item, *text);
		}
	}
	strv_deinit(ret);
	*ret = list;
}

static char *save_list(const struct prop *p, const void *field)
{
	(void)p;
	return type_save_strv(field);
}

static int load_list(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p, (void)err;
	type_load_strv(field, text);
	return 0;
}

/* ---- a;b ---- */

static int parse_list(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		      void *field, struct error *err)
{
	(void)p, (void)ctx, (void)err;
	strv_split(field, text, ';');
	return 0;
}

static void format_list(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			struct buf *out)
{
	auto_free char *text = strv_join(field, ';');

	(void)p, (void)ctx;
	buf_adds(out, text);
}

const struct prop_type type_list = {
	.name = "list",
	.parse = parse_list,
	.format = format_list,
	.save = save_list,
	.load = load_list,
};

/* ---- argument vector ---- */

#define ARGV_MAX 131072 /* bytes, as of `command` */

/* Unlike a list, exact: neither trimmed nor are empty arguments dropped. */
static void split_argv(struct strv *ret, const char *text)
{
	auto_buf item = BUF_INIT;

	if (!*text)
		return;
	for (;; text++) {
		if (*text == '\\' && (text[1] == '\t' || text[1] == '\\')) {
			buf_addc(&item, *++text);
		} else if (*text == '\t' || !*text) {
			strv_add(ret, buf_str(&item));
			buf_reset(&item);
			if (!*text)
				return;
		} else {
			buf_addc(&item, *text);
		}
	}
}

static int check_argv(const struct strv *argv, struct error *err)
{
	size_t len = 0;

	for (size_t i = 0; i < argv->n; i++)
		len += strlen(argv->v[i]) + 1;
	if (len > ARGV_MAX)
		return error_set(err, ERR_INVALID_VALUE,
				 "the arguments have %zu bytes, the limit is %d", len, ARGV_MAX);
	return 0;
}

static int parse_argv(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		      void *field, struct error *err)
{
	struct strv *argv = field;

	(void)p, (void)ctx;
	strv_deinit(argv);
	split_argv(argv, text);
	return check_argv(argv, err);
}

static void format_argv(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			struct buf *out)
{
	auto_free char *text = strv_join(field, '\t');

	(void)p, (void)ctx;
	buf_adds(out, text);
}

static int parse_position(const char *index, size_t max, uint64_t *ret, struct error *err)
{
	if (num_parse_u64(index, ret) < 0 || *ret >= max)
		return error_set(err, ERR_INVALID_PROPERTY, "there is no argument [%.100s]", index);
	return 0;
}

static int get_argv_index(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			  const char *index, struct buf *out, struct error *err)
{
	const struct strv *argv = field;
	uint64_t i;

	(void)p, (void)ctx;
	if (parse_position(index, argv->n, &i, err))
		return -1;
	buf_adds(out, argv->v[i]);
	return 0;
}

static int set_argv_index(const struct prop *p, const struct prop_ctx *ctx, void *field,
			  const char *index, const char *value, struct error *err)
{
	struct strv *argv = field;
	uint64_t i;

	(void)p, (void)ctx;
	if (parse_position(index, ARGV_MAX, &i, err))
		return -1;
	while (argv->n <= i)
		strv_add(argv, "");
	str_set(&argv->v[i], value);
	return check_argv(argv, err);
}

const struct prop_type type_argv = {
	.name = "list of arguments",
	.parse = parse_argv,
	.format = format_argv,
	.save = save_list,
	.load = load_list,
	.get_index = get_argv_index,
	.set_index = set_argv_index,
};
