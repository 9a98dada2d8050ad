/* SPDX-License-Identifier: Apache-2.0 */
/* The default device list, and rule text. */
#include "kernel/device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/str.h"
#include "base/xalloc.h"

/*
 * /dev/console is a node of null: a container has no console of its own, and the host's is not for
 * it. /dev/ptmx is a link to pts/ptmx, so the terminals need rules but no nodes; mknod of them is
 * useless, since the devpts instance makes its own.
 */
static const struct device_node default_nodes[] = {
	{ "/dev/null", 1, 3, S_IFCHR | 0666, DEVICE_RWM },
	{ "/dev/zero", 1, 5, S_IFCHR | 0666, DEVICE_RWM },
	{ "/dev/full", 1, 7, S_IFCHR | 0666, DEVICE_RWM },
	{ "/dev/random", 1, 8, S_IFCHR | 0666, DEVICE_RWM },
	{ "/dev/urandom", 1, 9, S_IFCHR | 0666, DEVICE_RWM },
	{ "/dev/tty", 5, 0, S_IFCHR | 0666, DEVICE_RWM },
	{ "/dev/console", 1, 3, S_IFCHR | 0666, DEVICE_RWM },
	{ NULL, 5, 2, S_IFCHR, DEVICE_RW },
	{ NULL, 136, DEVICE_ANY, S_IFCHR, DEVICE_RW },
};

const struct device_node *device_defaults(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(default_nodes);
	return default_nodes;
}

static bool same_device(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static void rules_add(struct device_rules *r, const struct device_rule *rule)
{
	for (size_t i = 0; i < r->n; i++) {
		if (same_device(&r->v[i], rule)) {
			r->v[i].access |= rule->access;
			return;
		}
	}
	r->v = xreallocarray(r->v, r->n + 1, sizeof(*r->v));
	r->v[r->n++] = *rule;
}

void device_rules_format(const struct device_node *nodes, size_t n, struct buf *out)
{
	_cleanup_(device_rules_deinit) struct device_rules rules = DEVICE_RULES_INIT;
	char text[DEVICE_RULE_MAX];

	for (size_t i = 0; i < n; i++) {
		struct device_rule rule = {
			.type = S_ISBLK(nodes[i].mode) ? 'b' : 'c',
			.major = nodes[i].major,
			.minor = nodes[i].minor,
			.access = nodes[i].access,
		};

		if (rule.access)
			rules_add(&rules, &rule);
	}
	for (size_t i = 0; i < rules.n; i++)
		buf_addf(out, "%s\n", device_rule_format(&rules.v[i], text, sizeof(text)));
}

void device_rules_deinit(struct device_rules *r)
{
	free(r->v);
	*r = (struct device_rules)DEVICE_RULES_INIT;
}

static int parse_number(const char *s, int *ret)
{
	uint64_t v;

	if (str_eq(s, "*")) {
		*ret = DEVICE_ANY;
		return 0;
	}
	if (*s < '0' || *s > '9' || num_parse_u64(s, &v) < 0 || v > 0xfffff)
		return -EINVAL;
	*ret = (int)v;
	return 0;
}

static int parse_access(const char *s, unsigned *ret)
{
	unsigned access = 0;

	for (; *s; s++) {
		if (*s == 'r')
			access |= DEVICE_READ;
		else if (*s == 'w')
			access |= DEVICE_WRITE;
		else if (*s == 'm')
			access |= DEVICE_MKNOD;
		else
			return -EINVAL;
	}
	if (!access)
		return -EINVAL;
	*ret = access;
	return 0;
}

/* "c 1:3 rwm"; the line is cut up. */
static int parse_rule(char *line, struct device_rule *ret)
{
	char *type = strsep(&line, " ");
	char *major = strsep(&line, ":");
	char *minor = strsep(&line, " ");

	if (!line || strlen(type) != 1 || !strchr("abc", *type))
		return -EINVAL;
	ret->type = *type;
	if (parse_number(major, &ret->major) < 0 || parse_number(minor, &ret->minor) < 0)
		return -EINVAL;
	return parse_access(line, &ret->access);
}

int device_rules_parse(const char *text, struct device_rules *ret)
{
	_cleanup_(device_rules_deinit) struct device_rules rules = DEVICE_RULES_INIT;
	auto_free char *copy = xstrdup(text);
	char *pos = copy, *line;

	while ((line = strsep(&pos, "\n"))) {
		struct device_rule rule;

		if (!*line)
			continue;
		if (parse_rule(line, &rule) < 0)
			return -EINVAL;
		if (rule.type == 'a')
			rules.all = true;
		else
			rules_add(&rules, &rule);
	}
	*ret = rules;
	rules.v = NULL;
	return 0;
}

unsigned device_rules_access(const struct device_rules *r, const struct device_rule *key)
{
	for (size_t i = 0; i < r->n; i++) {
		if (same_device(&r->v[i], key))
			return r->v[i].access;
	}
	return 0;
}

static const char *format_number(int n, char *buf, size_t size)
{
	if (n == DEVICE_ANY)
		return "*";
	snprintf(buf, size, "%d", n);
	return buf;
}

const char *device_rule_format(const struct device_rule *r, char *buf, size_t size)
{
	char major[16], minor[16];

	snprintf(buf, size, "%c %s:%s %s%s%s", r->type,
		 format_number(r->major, major, sizeof(major)),
		 format_number(r->minor, minor, sizeof(minor)), r->access & DEVICE_READ ? "r" : "",
		 r->access & DEVICE_WRITE ? "w" : "", r->access & DEVICE_MKNOD ? "m" : "");
	return buf;
}
