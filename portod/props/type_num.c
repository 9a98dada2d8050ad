/* SPDX-License-Identifier: Apache-2.0 */
/* Value types of one number or word. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "props/type.h"

static int bad_value(const char *text, int r, const char *what, struct error *err)
{
	if (r == -ERANGE)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is out of range for %s", text,
				 what);
	return error_set(err, ERR_INVALID_VALUE, "'%.100s' is not %s", text, what);
}

void type_put_u64(struct buf *out, uint64_t v)
{
	char digits[24], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	buf_add(out, p, (size_t)(digits + sizeof(digits) - p));
}

void type_put_bool(struct buf *out, bool v)
{
	buf_adds(out, v ? "true" : "false");
}

static int check_uint_range(const struct prop *p, const char *text, uint64_t v, struct error *err)
{
	const struct uint_range *range = p->arg;

	if (!range || (v >= range->min && v <= range->max))
		return 0;
	return error_set(err, ERR_INVALID_VALUE, "'%.100s' is not between %" PRIu64 " and %" PRIu64,
			 text, range->min, range->max);
}

/* ---- bool ---- */

static int parse_bool(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		      void *field, struct error *err)
{
	(void)p, (void)ctx;
	if (num_parse_bool(text, field) < 0)
		return bad_value(text, -EINVAL, "true or false", err);
	return 0;
}

static int load_bool(const struct prop *p, const char *text, void *field, struct error *err)
{
	return parse_bool(p, NULL, text, field, err);
}

static char *save_bool(const struct prop *p, const void *field)
{
	(void)p;
	return xstrdup(*(const bool *)field ? "true" : "false");
}

static void format_bool(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			struct buf *out)
{
	(void)p, (void)ctx;
	type_put_bool(out, *(const bool *)field);
}

const struct prop_type type_bool = {
	.name = "bool",
	.parse = parse_bool,
	.format = format_bool,
	.save = save_bool,
	.load = load_bool,
};

/* ---- whole numbers without sign: stored as decimal ---- */

static int load_u64(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p;
	if (num_parse_u64(text, field) < 0)
		return bad_value(text, -EINVAL, "a number", err);
	return 0;
}

static char *save_u64(const struct prop *p, const void *field)
{
	(void)p;
	return xasprintf("%" PRIu64, *(const uint64_t *)field);
}

static void format_u64(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		       struct buf *out)
{
	(void)p, (void)ctx;
	type_put_u64(out, *(const uint64_t *)field);
}

static int store_u64(const struct prop *p, const char *text, uint64_t v, void *field,
		     struct error *err)
{
	if (check_uint_range(p, text, v, err))
		return -1;
	*(uint64_t *)field = v;
	return 0;
}

static int parse_uint(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		      void *field, struct error *err)
{
	uint64_t v;
	int r = num_parse_u64(text, &v);

	(void)ctx;
	if (r < 0)
		return bad_value(text, r, "a whole number without sign", err);
	return store_u64(p, text, v, field, err);
}

const struct prop_type type_uint = {
	.name = "uint",
	.parse = parse_uint,
	.format = format_u64,
	.save = save_u64,
	.load = load_u64,
};

static int parse_oct(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		     void *field, struct error *err)
{
	uint32_t v;
	int r = num_parse_oct(text, &v);

	(void)ctx;
	if (r < 0)
		return bad_value(text, r, "an octal number", err);
	return store_u64(p, text, v, field, err);
}

static void format_oct(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		       struct buf *out)
{
	(void)p, (void)ctx;
	buf_addf(out, "%#" PRIo64, *(const uint64_t *)field);
}

const struct prop_type type_oct = {
	.name = "octal",
	.parse = parse_oct,
	.format = format_oct,
	.save = save_u64,
	.load = load_u64,
};

static int parse_size(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		      void *field, struct error *err)
{
	uint64_t v;
	int r = num_parse_size(text, &v);

	(void)ctx;
	if (r < 0)
		return bad_value(text, r, "a size", err);
	return store_u64(p, text, v, field, err);
}

const struct prop_type type_size = {
	.name = "size",
	.parse = parse_size,
	.format = format_u64,
	.save = save_u64,
	.load = load_u64,
};

static int parse_nsec(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		      void *field, struct error *err)
{
	uint64_t v;
	int r = num_parse_nsec(text, &v);

	(void)ctx;
	if (r < 0)
		return bad_value(text, r, "a time", err);
	return store_u64(p, text, v, field, err);
}

const struct prop_type type_nsec = {
	.name = "nsec",
	.parse = parse_nsec,
	.format = format_u64,
	.save = save_u64,
	.load = load_u64,
};

static void format_nsec_unit(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			     struct buf *out)
{
	(void)p, (void)ctx;
	type_put_u64(out, *(const uint64_t *)field);
	buf_adds(out, "ns");
}

const struct prop_type type_nsec_unit = {
	.name = "nsec",
	.parse = parse_nsec,
	.format = format_nsec_unit,
	.save = save_u64,
	.load = load_u64,
};

static int parse_cpu(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		     void *field, struct error *err)
{
	int r = num_parse_cpu(text, ctx->env->ncpu, field);

	(void)p;
	return r < 0 ? bad_value(text, r, "a cpu power like 1.5c or 50%", err) : 0;
}

static void format_cpu(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		       struct buf *out)
{
	char text[NUM_MAX];

	(void)p, (void)ctx;
	buf_adds(out, num_format_cpu(*(const uint64_t *)field, text, sizeof(text)));
}

const struct prop_type type_cpu = {
	.name = "cpu",
	.parse = parse_cpu,
	.format = format_cpu,
	.save = save_u64,
	.load = load_u64,
};

/* ---- int ---- */

static int parse_int(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		     void *field, struct error *err)
{
	const struct int_range *range = p->arg;
	int64_t v;
	int r = num_parse_i64(text, &v);

	(void)ctx;
	if (r < 0)
		return bad_value(text, r, "a whole number", err);
	if (range && (v < range->min || v > range->max))
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' is not between %" PRId64 " and %" PRId64, text,
				 range->min, range->max);
	*(int64_t *)field = v;
	return 0;
}

static void format_int(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		       struct buf *out)
{
	(void)p, (void)ctx;
	buf_addf(out, "%" PRId64, *(const int64_t *)field);
}

static char *save_int(const struct prop *p, const void *field)
{
	(void)p;
	return xasprintf("%" PRId64, *(const int64_t *)field);
}

static int load_int(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p;
	if (num_parse_i64(text, field) < 0)
		return bad_value(text, -EINVAL, "a number", err);
	return 0;
}

const struct prop_type type_int = {
	.name = "int",
	.parse = parse_int,
	.format = format_int,
	.save = save_int,
	.load = load_int,
};

/* ---- number with two decimals ---- */

static int parse_hundredths(const struct prop *p, const struct prop_ctx *ctx, const char *text,
			    void *field, struct error *err)
{
	const struct double_range *range = p->arg;
	double v;
	int r = num_parse_double(text, &v);

	(void)ctx;
	if (r < 0)
		return bad_value(text, r, "a number without unit", err);
	if (!(v >= range->min && v <= range->max))
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is not between %lg and %lg",
				 text, range->min, range->max);
	/* Cut, but let 0.29, which a double holds as 0.28999…, be 0.29. */
	*(double *)field = (double)(uint64_t)(v * 100 + 1e-6) / 100;
	return 0;
}

static void format_double(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			  struct buf *out)
{
	char text[NUM_MAX];

	(void)p, (void)ctx;
	buf_adds(out, num_format_double(*(const double *)field, text, sizeof(text)));
}

static char *save_double(const struct prop *p, const void *field)
{
	char text[NUM_MAX];

	(void)p;
	return xstrdup(num_format_double(*(const double *)field, text, sizeof(text)));
}

static int load_double(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p;
	if (num_parse_double(text, field) < 0)
		return bad_value(text, -EINVAL, "a number", err);
	return 0;
}

const struct prop_type type_hundredths = {
	.name = "double",
	.parse = parse_hundredths,
	.format = format_double,
	.save = save_double,
	.load = load_double,
};

/* ---- enum ---- */

const char *enum_word_of(const struct enum_word *words, int value)
{
	for (; words->word; words++) {
		if (words->value == value)
			return words->word;
	}
	return NULL;
}

static int unknown_word(const struct enum_word *words, const char *text, struct error *err)
{
	auto_buf all = BUF_INIT;

	for (; words->word; words++)
		buf_addf(&all, "%s%s", all.len ? ", " : "", words->word);
	return error_set(err, ERR_INVALID_VALUE, "'%.100s' is none of %s", text, buf_str(&all));
}

static int load_enum(const struct prop *p, const char *text, void *field, struct error *err)
{
	const struct enum_word *words = p->arg;

	for (const struct enum_word *w = words; w->word; w++) {
		if (!strcmp(w->word, text)) {
			*(int *)field = w->value;
			return 0;
		}
	}
	return unknown_word(words, text, err);
}

static int parse_enum(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		      void *field, struct error *err)
{
	(void)ctx;
	return load_enum(p, text, field, err);
}

static void format_enum(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			struct buf *out)
{
	const char *word = enum_word_of(p->arg, *(const int *)field);

	(void)ctx;
	buf_adds(out, word ? word : "unknown");
}

static char *save_enum(const struct prop *p, const void *field)
{
	return xstrdup(enum_word_of(p->arg, *(const int *)field));
}

const struct prop_type type_enum = {
	.name = "enum",
	.parse = parse_enum,
	.format = format_enum,
	.save = save_enum,
	.load = load_enum,
};
