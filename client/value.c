/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text and numbers. Decimal numbers are read digit by digit into integers: no rounding of bytes or
 * nanoseconds through doubles, and no locale.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/result.h"

#define NSEC            UINT64_C(1000000000)
#define ARRAY_SIZE(a)   (sizeof(a) / sizeof((a)[0]))
/* Digits after the point that count; more are dropped. */
#define FRACTION_DIGITS 18

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t' || *s == '\n')
		s++;
	return s;
}

static bool is_end(const char *s)
{
	return *skip_blanks(s) == '\0';
}

/* A decimal number: whole part, and fraction in units of 10^-FRACTION_DIGITS. */
struct decimal {
	uint64_t whole;
	uint64_t fraction;
};

static bool parse_decimal(const char **p, struct decimal *ret)
{
	struct decimal d = { 0, 0 };
	const char *s = skip_blanks(*p), *start;
	int digits = 0;

	for (start = s; isdigit((unsigned char)*s); s++)
		if (__builtin_mul_overflow(d.whole, 10, &d.whole) ||
		    __builtin_add_overflow(d.whole, (uint64_t)(*s - '0'), &d.whole))
			return false;
	if (s == start)
		return false;
	if (*s == '.') {
		for (s++; isdigit((unsigned char)*s); s++)
			if (digits++ < FRACTION_DIGITS)
				d.fraction = d.fraction * 10 + (uint64_t)(*s - '0');
		for (; digits < FRACTION_DIGITS; digits++)
			d.fraction *= 10;
	}
	*ret = d;
	*p = s;
	return true;
}

/* number * factor, fractions of the result dropped. */
static bool scale(struct decimal d, uint64_t factor, uint64_t *ret)
{
	unsigned __int128 whole = (unsigned __int128)d.whole * factor;
	unsigned __int128 part = (unsigned __int128)d.fraction * factor / 1000000000000000000ULL;

	if (whole + part > UINT64_MAX)
		return false;
	*ret = (uint64_t)(whole + part);
	return true;
}

static size_t word_length(const char *s)
{
	size_t n = 0;

	while (isalpha((unsigned char)s[n]) || s[n] == '%')
		n++;
	return n;
}

int porto_parse_size(const char *text, uint64_t *ret_bytes)
{
	static const char letters[] = "BKMGTPE";
	const char *s = text, *at;
	struct decimal d;
	uint64_t bytes;
	size_t len;

	if (!parse_decimal(&s, &d))
		return PORTO_E_INVALID_VALUE;
	s = skip_blanks(s);
	len = word_length(s);
	at = letters;
	if (len > 0)
		at = strchr(letters, toupper((unsigned char)*s));
	/* K, Kb, KiB; but a plain B stands alone. */
	if (!at || len > 3 || (len > 1 && *at == 'B') ||
	    (len == 2 && toupper((unsigned char)s[1]) != 'B') ||
	    (len == 3 && strncasecmp(s + 1, "ib", 2) != 0) || !is_end(s + len))
		return PORTO_E_INVALID_VALUE;
	if (!scale(d, 1ULL << (10 * (at - letters)), &bytes))
		return PORTO_E_INVALID_VALUE;
	*ret_bytes = bytes;
	return 0;
}

const char *porto_format_size(uint64_t bytes, char *buf, size_t size)
{
	static const char letters[] = "BKMGTPE";
	unsigned unit = 0;
	uint64_t base;

	while (unit < 6 && bytes >> (10 * (unit + 1)))
		unit++;
	base = 1ULL << (10 * unit);
	if (bytes % base == 0)
		snprintf(buf, size, "%" PRIu64 "%c", bytes / base, letters[unit]);
	else
		snprintf(buf, size, "%.1f%c", (double)bytes / (double)base, letters[unit]);
	return buf;
}

int porto_parse_duration(const char *text, uint64_t *ret_nsec)
{
	static const struct {
		const char *unit;
		uint64_t nsec;
	} units[] = {
		{ "ns", 1 },          { "nsec", 1 },        { "us", 1000 },
		{ "usec", 1000 },     { "ms", 1000000 },    { "msec", 1000000 },
		{ "s", NSEC },        { "sec", NSEC },      { "m", 60 * NSEC },
		{ "min", 60 * NSEC }, { "h", 3600 * NSEC }, { "d", 86400 * NSEC },
	};
	uint64_t factor = 0, nsec;
	const char *s = text;
	struct decimal d;
	size_t len, i;

	if (!parse_decimal(&s, &d))
		return PORTO_E_INVALID_VALUE;
	s = skip_blanks(s);
	len = word_length(s);
	if (len == 0)
		factor = 1;
	for (i = 0; i < ARRAY_SIZE(units) && !factor; i++)
		if (strlen(units[i].unit) == len && memcmp(units[i].unit, s, len) == 0)
			factor = units[i].nsec;
	if (!factor || !is_end(s + len) || !scale(d, factor, &nsec))
		return PORTO_E_INVALID_VALUE;
	*ret_nsec = nsec;
	return 0;
}

/* Number with a fraction in units of 1/NSEC, trailing zeros dropped. */
static void format_fraction(uint64_t value, const char *unit, char *buf, size_t size)
{
	char digits[16];
	int len = 9;

	snprintf(digits, sizeof(digits), "%09" PRIu64, value % NSEC);
	while (len > 0 && digits[len - 1] == '0')
		len--;
	snprintf(buf, size, "%" PRIu64 "%s%.*s%s", value / NSEC, len ? "." : "", len, digits, unit);
}

const char *porto_format_duration(uint64_t nsec, char *buf, size_t size)
{
	uint64_t sec = nsec / NSEC;

	if (sec < 60)
		snprintf(buf, size, "%.6gs", (double)nsec / (double)NSEC);
	else if (sec < 86400)
		snprintf(buf, size, "%" PRIu64 ":%02u:%02u", sec / 3600, (unsigned)(sec / 60 % 60),
			 (unsigned)(sec % 60));
	else
		snprintf(buf, size, "%" PRIu64 "d %2u:%02u", sec / 86400,
			 (unsigned)(sec / 3600 % 24), (unsigned)(sec / 60 % 60));
	return buf;
}

int porto_parse_cpu(const char *text, unsigned ncpu, uint64_t *ret_nsec)
{
	const char *s = text;
	struct decimal d;
	uint64_t factor, nsec;
	size_t len;

	if (!parse_decimal(&s, &d))
		return PORTO_E_INVALID_VALUE;
	s = skip_blanks(s);
	len = word_length(s);
	if (len == 0 || (len == 1 && *s == '%'))
		factor = (uint64_t)ncpu * NSEC / 100;
	else if (len == 1 && *s == 'c')
		factor = NSEC;
	else if (len == 2 && memcmp(s, "ns", 2) == 0)
		factor = 1;
	else
		return PORTO_E_INVALID_VALUE;
	if (!is_end(s + len) || !scale(d, factor, &nsec))
		return PORTO_E_INVALID_VALUE;
	*ret_nsec = nsec;
	return 0;
}

const char *porto_format_cpu(uint64_t nsec, char *buf, size_t size)
{
	format_fraction(nsec, "c", buf, size);
	return buf;
}

int porto_parse_bool(const char *text, bool *ret_value)
{
	const char *s = skip_blanks(text);
	size_t len = word_length(s);
	bool value = len == 4 && memcmp(s, "true", 4) == 0;

	if (!value && !(len == 5 && memcmp(s, "false", 5) == 0))
		return PORTO_E_INVALID_VALUE;
	if (!is_end(s + len))
		return PORTO_E_INVALID_VALUE;
	*ret_value = value;
	return 0;
}

const char *porto_format_bool(bool value)
{
	return value ? "true" : "false";
}

/*
 * Copy the text up to an unescaped character of `ends` or the end of all to `out`, without
 * backslashes, trimmed and terminated. Returns where it stopped; *ret_out is behind the terminator.
 */
static const char *take_word(const char *s, const char *ends, char *out, char **ret_out)
{
	char *trim = out;

	s = skip_blanks(s);
	while (*s && !strchr(ends, *s)) {
		if (*s == '\\' && s[1])
			s++;
		else if (*s == ' ' || *s == '\t' || *s == '\n') {
			*out++ = *s++;
			continue;
		}
		*out++ = *s++;
		trim = out;
	}
	*trim = '\0';
	*ret_out = trim + 1;
	return s;
}

int porto_parse_map(const char *text, struct porto_map **ret_map)
{
	struct porto_pair *pairs;
	struct porto_map *map;
	const char *s, *key;
	size_t max = 1;
	char *out;

	for (s = text; *s; s++)
		max += *s == ';';
	/* Every item gives at most its own length and two terminators for its separators. */
	map = map_new(max, strlen(text) + 2 * max, &pairs, &out);
	if (!map)
		return PORTO_E_RESOURCE_NOT_AVAILABLE;
	for (s = text;; s++) {
		key = out;
		s = take_word(s, ":;", out, &out);
		if (*s == ':') {
			pairs[map->count].key = key;
			pairs[map->count].value = out;
			s = take_word(s + 1, ":;", out, &out);
			if (*key == '\0' || *s == ':')
				break;
			map->count++;
		} else if (*key) {
			break;
		}
		if (*s == '\0') {
			*ret_map = map;
			return 0;
		}
	}
	porto_free_map(map);
	return PORTO_E_INVALID_VALUE;
}

/* Append `text` with escapes at out; the room was counted before. */
static char *put_escaped(char *out, const char *text, const char *separators)
{
	for (; *text; text++) {
		if (*text == '\\' || strchr(separators, *text))
			*out++ = '\\';
		*out++ = *text;
	}
	return out;
}

char *porto_format_map(const struct porto_map *map)
{
	size_t bytes = 1, i;
	char *text, *out;

	for (i = 0; i < map->count; i++)
		bytes += 2 * strlen(map->pairs[i].key) + 2 * strlen(map->pairs[i].value) + 4;
	out = text = malloc(bytes);
	if (!text)
		return NULL;
	for (i = 0; i < map->count; i++) {
		if (i > 0)
			out = stpcpy(out, "; ");
		out = put_escaped(out, map->pairs[i].key, ":;");
		out = stpcpy(out, ": ");
		out = put_escaped(out, map->pairs[i].value, ":;");
	}
	*out = '\0';
	return text;
}

int porto_parse_list(const char *text, char separator, struct porto_list **ret_list)
{
	char ends[2] = { separator, '\0' };
	size_t max = 1;
	const char **names, *s;
	struct porto_list *list;
	char *out, *item;

	for (s = text; *s; s++)
		max += *s == separator;
	list = list_new(max, strlen(text) + max, &names, &out);
	if (!list)
		return PORTO_E_RESOURCE_NOT_AVAILABLE;
	for (s = text;; s++) {
		item = out;
		s = take_word(s, ends, out, &out);
		if (*item)
			names[list->count++] = item;
		else
			out = item;
		if (*s == '\0')
			break;
	}
	*ret_list = list;
	return 0;
}

char *porto_escape(const char *text, const char *separators)
{
	char *escaped = malloc(2 * strlen(text) + 1);

	if (escaped)
		*put_escaped(escaped, text, separators) = '\0';
	return escaped;
}
