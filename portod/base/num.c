/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes, times and cpu powers are parsed as decimal fractions in integer arithmetic: doubles would
 * lose bytes of large limits, and what was set would not be what is read back.
 */
#include "num.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

/* A decimal number: whole + frac / 10^18. */
struct decimal {
	uint64_t whole, frac;
	bool overflow, negative;
};

#define FRAC_ONE 1000000000000000000ULL

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static bool at_end(const char *s)
{
	return !*skip_blanks(s);
}

/* Digits in `base`; returns the end, or NULL if there is none. Saturates and reports overflow. */
static const char *read_digits(const char *s, unsigned base, uint64_t *ret, bool *overflow)
{
	const char *start = s;
	uint64_t v = 0;

	for (;; s++) {
		unsigned d;

		if (is_digit(*s))
			d = (unsigned)(*s - '0');
		else if (*s >= 'a' && *s <= 'f')
			d = (unsigned)(*s - 'a') + 10;
		else if (*s >= 'A' && *s <= 'F')
			d = (unsigned)(*s - 'A') + 10;
		else
			break;
		if (d >= base)
			break;
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v)) {
			*overflow = true;
			v = UINT64_MAX / 2; /* any further digit overflows again */
		}
	}
	*ret = v;
	return s == start ? NULL : s;
}

int num_parse_u64(const char *s, uint64_t *ret)
{
	bool overflow = false, negative;
	uint64_t v;

	s = skip_blanks(s);
	negative = *s == '-';
	if (*s == '-' || *s == '+')
		s++;
	s = read_digits(s, 10, &v, &overflow);
	if (!s || !at_end(s))
		return -EINVAL;
	if (overflow || (negative && v))
		return -ERANGE;
	*ret = v;
	return 0;
}

int num_parse_i64(const char *s, int64_t *ret)
{
	bool overflow = false, negative;
	uint64_t v;

	s = skip_blanks(s);
	negative = *s == '-';
	if (*s == '-' || *s == '+')
		s++;
	s = read_digits(s, 10, &v, &overflow);
	if (!s || !at_end(s))
		return -EINVAL;
	if (overflow || v > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

static int parse_u32_base(const char *s, unsigned base, uint32_t *ret)
{
	bool overflow = false;
	uint64_t v;

	s = skip_blanks(s);
	if (base == 16 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	s = read_digits(s, base, &v, &overflow);
	if (!s || !at_end(s))
		return -EINVAL;
	if (overflow || v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

int num_parse_oct(const char *s, uint32_t *ret)
{
	return parse_u32_base(s, 8, ret);
}

int num_parse_hex(const char *s, uint32_t *ret)
{
	return parse_u32_base(s, 16, ret);
}

int num_parse_bool(const char *s, bool *ret)
{
	if (!strcmp(s, "true"))
		*ret = true;
	else if (!strcmp(s, "false"))
		*ret = false;
	else
		return -EINVAL;
	return 0;
}

int num_parse_double(const char *s, double *ret)
{
	char *end;
	double v;

	s = skip_blanks(s);
	/* strtod() would take "nan", "inf" and hexadecimal floats. */
	if (strspn(s, "+-.0123456789eE") == 0 || s[strspn(s, "+-.0123456789eE \t\r\n")])
		return -EINVAL;
	errno = 0;
	v = strtod(s, &end);
	if (end == s || !at_end(end))
		return -EINVAL;
	if (errno == ERANGE && fabs(v) > 1)
		return -ERANGE;
	*ret = v;
	return 0;
}

/* "[+-]digits[.digits]" or ".digits"; digits beyond 18 decimals are cut. NULL when malformed. */
static const char *read_decimal(const char *s, struct decimal *d)
{
	uint64_t scale = FRAC_ONE / 10;
	const char *end;

	*d = (struct decimal){ .negative = *s == '-' };
	if (*s == '-' || *s == '+')
		s++;
	end = read_digits(s, 10, &d->whole, &d->overflow);
	if (end)
		s = end;
	if (*s != '.')
		return end ? s : NULL;
	if (!end && !is_digit(s[1]))
		return NULL;
	for (s++; is_digit(*s); s++) {
		d->frac += (uint64_t)(*s - '0') * scale;
		scale /= 10;
	}
	if (d->negative && !d->whole && !d->frac)
		d->negative = false;
	return s;
}

/* d * mul / div, rounded down. */
static int scale_decimal(const struct decimal *d, uint64_t mul, uint64_t div, uint64_t *ret)
{
	wide v;

	if (d->overflow || (d->negative && (d->whole || d->frac)))
		return -ERANGE;
	v = ((wide)d->whole * mul + (wide)d->frac * mul / FRAC_ONE) / div;
	if (v > UINT64_MAX)
		return -ERANGE;
	*ret = (uint64_t)v;
	return 0;
}

int num_parse_size(const char *s, uint64_t *ret)
{
	static const char units[] = "BKMGTPE";
	struct decimal d;
	const char *unit;
	uint64_t mul = 1;

	s = read_decimal(skip_blanks(s), &d);
	if (!s)
		return -EINVAL;
	s = skip_blanks(s);
	if (*s) {
		unit = strchr(units, *s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
		if (!unit)
			return -EINVAL;
		s++;
		mul = 1ULL << (10 * (unit - units));
		if (mul > 1 && (*s == 'i' || *s == 'I') && (s[1] == 'B' || s[1] == 'b'))
			s += 2;
		else if (mul > 1 && (*s == 'B' || *s == 'b'))
			s++;
	}
	if (!at_end(s))
		return -EINVAL;
	return scale_decimal(&d, mul, 1, ret);
}

/* The rest of the text is `unit` and trailing blanks. */
static bool is_unit(const char *s, const char *unit)
{
	size_t n = strlen(unit);

	return !strncmp(s, unit, n) && at_end(s + n);
}

int num_parse_nsec(const char *s, uint64_t *ret)
{
	static const struct {
		const char *name;
		uint64_t mul, div;
	} units[] = {
		{ "", 1, 1 },
		{ "s", NSEC_PER_SEC, 1 },
		{ "sec", NSEC_PER_SEC, 1 },
		{ "ms", NSEC_PER_MSEC, 1 },
		{ "msec", NSEC_PER_MSEC, 1 },
		{ "us", NSEC_PER_USEC, 1 },
		{ "usec", NSEC_PER_USEC, 1 },
		{ "ns", 1, 1 },
		{ "nsec", 1, 1 },
		{ "ps", 1, 1000 },
		{ "psec", 1, 1000 },
		{ "fs", 1, 1000000 },
		{ "fsec", 1, 1000000 },
	};
	struct decimal d;

	s = read_decimal(skip_blanks(s), &d);
	if (!s)
		return -EINVAL;
	s = skip_blanks(s);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (is_unit(s, units[i].name))
			return scale_decimal(&d, units[i].mul, units[i].div, ret);
	}
	return -EINVAL;
}

int num_parse_cpu(const char *s, unsigned ncpu, uint64_t *ret)
{
	struct decimal d;

	s = read_decimal(skip_blanks(s), &d);
	if (!s)
		return -EINVAL;
	s = skip_blanks(s);
	if (is_unit(s, "c"))
		return scale_decimal(&d, NSEC_PER_SEC, 1, ret);
	if (is_unit(s, "ns"))
		return scale_decimal(&d, 1, 1, ret);
	if (is_unit(s, "") || is_unit(s, "%"))
		return scale_decimal(&d, NSEC_PER_SEC / 100 * ncpu, 1, ret);
	return -EINVAL;
}

static void strip_zeros(char *s)
{
	size_t n = strlen(s);

	while (n && s[n - 1] == '0')
		s[--n] = '\0';
	if (n && s[n - 1] == '.')
		s[n - 1] = '\0';
}

const char *num_format_cpu(uint64_t nsec, char *buf, size_t size)
{
	char text[NUM_MAX];

	snprintf(text, sizeof(text), "%llu.%09llu", (unsigned long long)(nsec / NSEC_PER_SEC),
		 (unsigned long long)(nsec % NSEC_PER_SEC));
	strip_zeros(text);
	snprintf(buf, size, "%sc", text);
	return buf;
}

const char *num_format_size(uint64_t bytes, char *buf, size_t size)
{
	static const char units[] = "BKMGTPE";
	unsigned unit = 0;
	uint64_t tenths;

	while (unit < 6 && bytes >> (10 * (unit + 1)))
		unit++;
	tenths = (uint64_t)(((wide)bytes * 10 + ((wide)1 << (10 * unit)) / 2) >> (10 * unit));
	if (tenths >= 10240 && unit < 6) { /* 1023.96K rounds to 1M */
		tenths = 10;
		unit++;
	}
	if (tenths % 10)
		snprintf(buf, size, "%llu.%llu%c", (unsigned long long)(tenths / 10),
			 (unsigned long long)(tenths % 10), units[unit]);
	else
		snprintf(buf, size, "%llu%c", (unsigned long long)(tenths / 10), units[unit]);
	return buf;
}

const char *num_format_double(double v, char *buf, size_t size)
{
	snprintf(buf, size, "%lg", v);
	return buf;
}
