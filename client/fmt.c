/* SPDX-License-Identifier: Apache-2.0 */
#include "client/fmt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "client/ctl.h"

enum fmt_kind {
	FMT_NONE,
	FMT_SIZE,
	FMT_SIZE_MAP,
	FMT_NSEC,
	FMT_NSEC_MAP,
	FMT_SEC,
	FMT_EXIT_STATUS,
	FMT_LIST,
	FMT_STREAM,
};

static const struct {
	const char *name;
	enum fmt_kind kind;
} kinds[] = {
	{ "memory_usage", FMT_SIZE },
	{ "memory_limit", FMT_SIZE },
	{ "memory_limit_total", FMT_SIZE },
	{ "memory_guarantee", FMT_SIZE },
	{ "memory_guarantee_total", FMT_SIZE },
	{ "memory_reclaimed", FMT_SIZE },
	{ "anon_usage", FMT_SIZE },
	{ "anon_max_usage", FMT_SIZE },
	{ "anon_limit", FMT_SIZE },
	{ "anon_limit_total", FMT_SIZE },
	{ "cache_usage", FMT_SIZE },
	{ "shmem_usage", FMT_SIZE },
	{ "mlock_usage", FMT_SIZE },
	{ "max_rss", FMT_SIZE },
	{ "stdout_limit", FMT_SIZE },
	{ "hugetlb_limit", FMT_SIZE },
	{ "hugetlb_usage", FMT_SIZE },
	{ "shm_size", FMT_SIZE },

	{ "net_limit", FMT_SIZE_MAP },
	{ "net_rx_limit", FMT_SIZE_MAP },
	{ "net_guarantee", FMT_SIZE_MAP },
	{ "net_bytes", FMT_SIZE_MAP },
	{ "net_rx_bytes", FMT_SIZE_MAP },
	{ "net_tx_bytes", FMT_SIZE_MAP },
	{ "place_usage", FMT_SIZE_MAP },
	{ "place_limit", FMT_SIZE_MAP },
	{ "io_limit", FMT_SIZE_MAP },
	{ "io_read", FMT_SIZE_MAP },
	{ "io_write", FMT_SIZE_MAP },
	{ "virtual_memory", FMT_SIZE_MAP },
	{ "io_time", FMT_NSEC_MAP },

	{ "time", FMT_SEC },
	{ "aging_time", FMT_SEC },
	{ "cpu_usage", FMT_NSEC },
	{ "cpu_usage_system", FMT_NSEC },
	{ "cpu_wait", FMT_NSEC },
	{ "cpu_throttled", FMT_NSEC },
	{ "cpu_burst_usage", FMT_NSEC },
	{ "cpu_unconstrained_wait", FMT_NSEC },
	{ "cpu_period", FMT_NSEC },
	{ "respawn_delay", FMT_NSEC },
	{ "exit_status", FMT_EXIT_STATUS },

	{ "stdout", FMT_STREAM },
	{ "stderr", FMT_STREAM },

	{ "env", FMT_LIST },
	{ "labels", FMT_LIST },
	{ "net", FMT_LIST },
	{ "ip", FMT_LIST },
	{ "default_gw", FMT_LIST },
	{ "bind", FMT_LIST },
	{ "devices", FMT_LIST },
	{ "symlink", FMT_LIST },
	{ "ulimit", FMT_LIST },
	{ "cgroups", FMT_LIST },
	{ "controllers", FMT_LIST },
	{ "resolv_conf", FMT_LIST },
	{ "volumes_owned", FMT_LIST },
	{ "volumes_linked", FMT_LIST },
	{ "volumes_required", FMT_LIST },
	{ "net_drops", FMT_LIST },
	{ "net_overlimits", FMT_LIST },
	{ "net_packets", FMT_LIST },
	{ "net_rx_drops", FMT_LIST },
	{ "net_rx_packets", FMT_LIST },
	{ "net_tx_drops", FMT_LIST },
	{ "net_tx_packets", FMT_LIST },
	{ "net_class_id", FMT_LIST },
	{ "io_ops", FMT_LIST },
	{ "io_ops_limit", FMT_LIST },
	{ "capabilities", FMT_LIST },
	{ "capabilities_ambient", FMT_LIST },
	{ "capabilities_allowed", FMT_LIST },
	{ "capabilities_ambient_allowed", FMT_LIST },
};

/* Kind of `name` or of `name[index]`; an index picks one value out of a map. */
static enum fmt_kind kind_of(const char *name)
{
	size_t len = strcspn(name, "["), i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strncmp(kinds[i].name, name, len) != 0 || kinds[i].name[len])
			continue;
		if (!name[len])
			return kinds[i].kind;
		if (kinds[i].kind == FMT_SIZE_MAP)
			return FMT_SIZE;
		if (kinds[i].kind == FMT_NSEC_MAP)
			return FMT_NSEC;
		return kinds[i].kind == FMT_SEC ? FMT_SEC : FMT_NONE;
	}
	return FMT_NONE;
}

static bool parse_number(const char *text, uint64_t *ret)
{
	/* Properties have plain numbers here; units would be somebody's own text. */
	return *text && text[strspn(text, "0123456789")] == '\0' &&
	       porto_parse_size(text, ret) == 0;
}

static char *format_size(const char *value)
{
	char buf[PORTO_VALUE_MAX];
	uint64_t v;

	if (!parse_number(value, &v))
		return xstrdup(value);
	return xstrdup(porto_format_size(v, buf, sizeof(buf)));
}

static char *format_nsec(const char *value)
{
	size_t digits = strspn(value, "0123456789");
	char buf[PORTO_VALUE_MAX];
	uint64_t v;

	/* Some say their unit, some do not. */
	if (digits == 0 || (value[digits] && strcmp(value + digits, "ns") != 0) ||
	    porto_parse_duration(value, &v) != 0)
		return xstrdup(value);
	return xstrdup(porto_format_duration(v, buf, sizeof(buf)));
}

char *fmt_seconds(const char *value)
{
	char buf[PORTO_VALUE_MAX];
	uint64_t v;

	if (!parse_number(value, &v) || v > UINT64_MAX / 1000000000)
		return xstrdup(value);
	return xstrdup(porto_format_duration(v * 1000000000, buf, sizeof(buf)));
}

static char *format_map(const char *value, char *(*one)(const char *))
{
	struct porto_map *map;
	char *text = NULL, *item, *more;
	size_t i;

	if (porto_parse_map(value, &map) != 0)
		return xstrdup(value);
	for (i = 0; i < map->count; i++) {
		item = one(map->pairs[i].value);
		more = xasprintf("%s%s%s: %s", text ? text : "", text ? "; " : "",
				 map->pairs[i].key, item);
		free(item);
		free(text);
		text = more;
	}
	porto_free_map(map);
	return text ? text : xstrdup("");
}

/* A new line after each `;`. */
static char *split_lines(const char *value)
{
	static const char indent[] = ";\n      ";
	size_t n = 1, i;
	char *text, *out;

	for (i = 0; value[i]; i++)
		n += value[i] == ';' ? sizeof(indent) : 1;
	out = text = xrealloc(NULL, n, 1);
	for (; *value; value++) {
		if (*value != ';') {
			*out++ = *value;
			continue;
		}
		while (value[1] == ' ')
			value++;
		out = value[1] ? stpcpy(out, indent) : stpcpy(out, ";");
	}
	*out = '\0';
	return text;
}

char *fmt_stream(const char *value)
{
	size_t len = strlen(value), half = FMT_STREAM_MAX / 2;

	if (len <= FMT_STREAM_MAX)
		return xstrdup(value);
	return xasprintf("%.*s\n... skip %zu bytes ...\n%s", (int)half, value, len - 2 * half,
			 value + len - half);
}

char *fmt_exit_status(int status)
{
	if (WIFSIGNALED(status))
		return xasprintf("exit signal: %d (%s)%s", WTERMSIG(status),
				 strsignal(WTERMSIG(status)),
				 WCOREDUMP(status) ? " (Core dumped)" : "");
	return xasprintf("exit code: %d", WEXITSTATUS(status));
}

static char *format_status(const char *value)
{
	int64_t status;

	if (!parse_int(value, &status))
		return xstrdup(value);
	return fmt_exit_status((int)status);
}

static char *format_list(char *value, bool split)
{
	char *text;

	if (!split)
		return value;
	text = split_lines(value);
	free(value);
	return text;
}

char *fmt_property(const char *name, const char *value, bool split)
{
	switch (kind_of(name)) {
	case FMT_SIZE:
		return format_size(value);
	case FMT_SIZE_MAP:
		return format_list(format_map(value, format_size), split);
	case FMT_NSEC:
		return format_nsec(value);
	case FMT_NSEC_MAP:
		return format_list(format_map(value, format_nsec), split);
	case FMT_SEC:
		return fmt_seconds(value);
	case FMT_EXIT_STATUS:
		return format_status(value);
	case FMT_LIST:
		return format_list(xstrdup(value), split);
	case FMT_STREAM:
		return fmt_stream(value);
	case FMT_NONE:
	default:
		return xstrdup(value);
	}
}

const char *fmt_timestamp(uint64_t when, char *buf, size_t size)
{
	time_t t = (time_t)when;
	struct tm tm;

	if (!localtime_r(&t, &tm) || strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(buf, size, "%" PRIu64, when);
	return buf;
}

/* Length of the UTF-8 character at s; 0 if it is none. */
static size_t utf8_length(const unsigned char *s)
{
	uint32_t c, min;
	size_t n, i;

	if (s[0] < 0x80)
		return 1;
	if ((s[0] & 0xe0) == 0xc0) {
		n = 2, c = s[0] & 0x1f, min = 0x80;
	} else if ((s[0] & 0xf0) == 0xe0) {
		n = 3, c = s[0] & 0x0f, min = 0x800;
	} else if ((s[0] & 0xf8) == 0xf0) {
		n = 4, c = s[0] & 0x07, min = 0x10000;
	} else {
		return 0;
	}
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	/* Overlong forms, surrogates and numbers beyond Unicode are no characters. */
	if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

void json_string(FILE *out, const char *text)
{
	static const char plain[] = "\"\\\b\f\n\r\t", escaped[] = "\"\\bfnrt";
	const unsigned char *s = (const unsigned char *)text;
	const char *at;
	size_t n;

	fputc('"', out);
	for (; *s; s += n ? n : 1) {
		n = utf8_length(s);
		at = strchr(plain, *s);
		if (n == 0)
			fputs("\\ufffd", out);
		else if (at)
			fprintf(out, "\\%c", escaped[at - plain]);
		else if (*s < 0x20)
			fprintf(out, "\\u%04x", *s);
		else
			fwrite(s, 1, n, out);
	}
	fputc('"', out);
}
