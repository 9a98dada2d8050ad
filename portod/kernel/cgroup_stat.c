/* SPDX-License-Identifier: Apache-2.0 */
/* Parsers of statistics files. */
#include "kernel/cgroup_stat.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

/* Digits at `s`; they must end at a blank or the end of the text. */
static int parse_digits(const char *s, const char **ret_end, uint64_t *ret)
{
	uint64_t v = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9'; p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return -EINVAL;
		v = v * 10 + digit;
	}
	if (p == s || (*p && !isspace((unsigned char)*p)))
		return -EINVAL;
	*ret_end = p;
	*ret = v;
	return 0;
}

int cgroup_stat_number(const char *text, uint64_t *ret)
{
	const char *end;
	uint64_t v;

	if (!strcmp(text, "max") || !strcmp(text, "max\n")) {
		*ret = CGROUP_STAT_MAX;
		return 0;
	}
	if (parse_digits(text, &end, &v) < 0 || end[strspn(end, "\n")])
		return -EINVAL;
	*ret = v;
	return 0;
}

int cgroup_stat_key(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);
	const char *line = text, *end;

	while (line && *line) {
		if (!strncmp(line, key, len) && (line[len] == ' ' || line[len] == '\t'))
			return parse_digits(line + len + strspn(line + len, " \t"), &end, ret);
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return -ENOENT;
}

int cgroup_stat_sum(const char *text, const char *const *keys, uint64_t *ret)
{
	uint64_t sum = 0, v;
	bool found = false;
	int r;

	for (; *keys; keys++) {
		r = cgroup_stat_key(text, *keys, &v);
		if (r == -ENOENT)
			continue;
		if (r < 0)
			return r;
		sum = v > UINT64_MAX - sum ? UINT64_MAX : sum + v;
		found = true;
	}
	if (!found)
		return -ENOENT;
	*ret = sum;
	return 0;
}

int cgroup_stat_pressure(const char *text, const char *line, const char *key, char *buf,
			 size_t size)
{
	size_t len = strlen(line), klen = strlen(key);
	const char *p = text;

	while (p && (strncmp(p, line, len) != 0 || p[len] != ' ')) {
		p = strchr(p, '\n');
		p += p != NULL;
	}
	for (p = p ? p + len : NULL; p && *p && *p != '\n'; p += strcspn(p, " \n")) {
		size_t n;

		p += strspn(p, " ");
		if (strncmp(p, key, klen) != 0 || p[klen] != '=')
			continue;
		p += klen + 1;
		n = strcspn(p, " \n");
		if (n == 0 || n >= size)
			return -EINVAL;
		memcpy(buf, p, n);
		buf[n] = '\0';
		return 0;
	}
	return -ENOENT;
}

pid_t cgroup_stat_next_pid(const char **pos)
{
	const char *p = *pos;
	uint64_t v;

	for (;;) {
		while (*p && !(*p >= '0' && *p <= '9'))
			p++;
		if (!*p)
			break;
		if (parse_digits(p, &p, &v) == 0 && v > 0 && v <= INT_MAX) {
			*pos = p;
			return (pid_t)v;
		}
		while (*p && *p != '\n')
			p++;
	}
	*pos = p;
	return 0;
}
