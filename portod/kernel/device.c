/* SPDX-License-Identifier: Apache-2.0 */
/* Device lists, the default one, and rule text. */
#include "kernel/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/xalloc.h"

/*
 * /dev/console is a node of null: a container has no console of its own, and the host's is not for
 * it. /dev/ptmx is a link to pts/ptmx, so the terminals need rules but no nodes; mknod of them is
 * useless, since the devpts instance makes its own.
 */
static const struct {
	const char *path;
	int major, minor;
	unsigned access;
} defaults[] = {
	{ "/dev/null", 1, 3, DEVICE_RWM },    { "/dev/zero", 1, 5, DEVICE_RWM },
	{ "/dev/full", 1, 7, DEVICE_RWM },    { "/dev/random", 1, 8, DEVICE_RWM },
	{ "/dev/urandom", 1, 9, DEVICE_RWM }, { "/dev/tty", 5, 0, DEVICE_RWM },
	{ "/dev/console", 1, 3, DEVICE_RWM }, { NULL, 5, 2, DEVICE_RW },
	{ NULL, 136, DEVICE_ANY, DEVICE_RW },
};

/* ---- lists ---- */

void device_deinit(struct device *d)
{
	free(d->source);
	free(d->path);
	*d = (struct device){ 0 };
}

void device_list_deinit(struct device_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		device_deinit(&l->v[i]);
	free(l->v);
	*l = (struct device_list)DEVICE_LIST_INIT;
}

void device_list_add_take(struct device_list *l, struct device *src)
{
	l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = *src;
	*src = (struct device){ 0 };
}

static void add_copy(struct device_list *l, const struct device *d)
{
	struct device copy = *d;

	copy.source = xstrdup(d->source);
	copy.path = xstrdup(d->path);
	device_list_add_take(l, &copy);
}

void device_list_copy(struct device_list *dst, const struct device_list *src)
{
	struct device_list copy = DEVICE_LIST_INIT;

	for (size_t i = 0; i < src->n; i++)
		add_copy(&copy, &src->v[i]);
	device_list_deinit(dst);
	*dst = copy;
}

void device_list_defaults(struct device_list *ret)
{
	*ret = (struct device_list)DEVICE_LIST_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
		struct device d = {
			.path = xstrdup(defaults[i].path),
			.rule = { 'c', defaults[i].major, defaults[i].minor, defaults[i].access },
			.mode = 0666,
		};

		device_list_add_take(ret, &d);
	}
}

static bool same_device(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

bool device_rule_covers(const struct device_rule *wide, const struct device_rule *narrow)
{
	return (wide->type == 'a' || wide->type == narrow->type) &&
	       (wide->major == DEVICE_ANY || wide->major == narrow->major) &&
	       (wide->minor == DEVICE_ANY || wide->minor == narrow->minor);
}

/* What the new list leaves of an old entry: its access, 0 = it goes. Nodes are made by a process
 * that is under the rules already. */
static unsigned access_after(const struct device *old, const struct device_list *own)
{
	unsigned access = 0;
	bool mentioned = false, taken = false;

	for (size_t i = 0; i < own->n; i++) {
		const struct device *d = &own->v[i];

		if (d->missing)
			continue;
		if (d->path && str_eq(d->path, old->path))
			return 0; /* replaced */
		if (same_device(&d->rule, &old->rule))
			mentioned = true, access |= d->rule.access;
		else if (!d->rule.access && device_rule_covers(&d->rule, &old->rule))
			taken = true;
	}
	if (mentioned)
		return access && old->path ? access | DEVICE_MKNOD : access;
	return taken ? 0 : old->rule.access;
}

/* A later row of the same list replaces an earlier one at the same place. */
static bool is_repeated(const struct device_list *own, size_t i)
{
	for (size_t k = i + 1; k < own->n; k++) {
		if (own->v[i].path
			    ? str_eq(own->v[i].path, own->v[k].path)
			    : !own->v[k].path && same_device(&own->v[i].rule, &own->v[k].rule))
			return true;
	}
	return false;
}

void device_list_merge(struct device_list *l, const struct device_list *own)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct device d = l->v[i];

		d.rule.access = access_after(&d, own);
		if (d.rule.access)
			l->v[n++] = d;
		else
			device_deinit(&d);
	}
	l->n = n;
	for (size_t i = 0; i < own->n; i++) {
		const struct device *d = &own->v[i];

		if (!d->missing && d->rule.access && !is_repeated(own, i))
			add_copy(l, d);
	}
}

bool device_has_node(const struct device *d)
{
	return d->path && !d->missing && d->rule.access && d->rule.type != 'a' &&
	       d->rule.major >= 0 && d->rule.minor >= 0;
}

const struct device *device_list_at(const struct device_list *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++) {
		if (device_has_node(&l->v[i]) && str_eq(l->v[i].path, path))
			return &l->v[i];
	}
	return NULL;
}

/* ---- rules ---- */

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

/* The kernel's `a` takes no access, so ours is the two types. */
static void rules_add_any(struct device_rules *r, const struct device_rule *rule)
{
	struct device_rule both = *rule;

	if (rule->type != 'a') {
		rules_add(r, rule);
		return;
	}
	both.type = 'b';
	rules_add(r, &both);
	both.type = 'c';
	rules_add(r, &both);
}

static void rules_of_list(const struct device_list *l, struct device_rules *ret)
{
	for (size_t i = 0; i < l->n; i++) {
		if (!l->v[i].missing && l->v[i].rule.access)
			rules_add_any(ret, &l->v[i].rule);
	}
}

static bool rules_allow(const struct device_rules *r, const struct device_rule *wanted)
{
	for (size_t i = 0; i < r->n; i++) {
		if (device_rule_covers(&r->v[i], wanted) && !(wanted->access & ~r->v[i].access))
			return true;
	}
	return false;
}

bool device_list_allows(const struct device_list *l, const struct device *d)
{
	_cleanup_(device_rules_deinit) struct device_rules have = DEVICE_RULES_INIT;
	_cleanup_(device_rules_deinit) struct device_rules want = DEVICE_RULES_INIT;
	bool ok = true;

	if (d->missing || !d->rule.access)
		return true;
	rules_of_list(l, &have);
	rules_add_any(&want, &d->rule);
	for (size_t i = 0; ok && i < want.n; i++)
		ok = rules_allow(&have, &want.v[i]);
	return ok;
}

void device_rules_format(const struct device_list *l, struct buf *out)
{
	_cleanup_(device_rules_deinit) struct device_rules rules = DEVICE_RULES_INIT;
	char text[DEVICE_RULE_MAX];

	rules_of_list(l, &rules);
	for (size_t i = 0; i < rules.n; i++)
		buf_addf(out, "%s\n", device_rule_format(&rules.v[i], text, sizeof(text)));
}

void device_rules_deinit(struct device_rules *r)
{
	free(r->v);
	*r = (struct device_rules)DEVICE_RULES_INIT;
}

void device_rules_expand(struct device_rules *r)
{
	const struct device_rule all = { 'a', DEVICE_ANY, DEVICE_ANY, DEVICE_RWM };

	if (r->all)
		rules_add_any(r, &all);
	r->all = false;
}

static int parse_number(const char *s, int *ret)
{
	uint64_t v;

	if (str_eq(s, "*")) {
		*ret = DEVICE_ANY;
		return 0;
	}
	if (*s < '0' || *s > '9' || num_parse_u64(s, &v) < 0 || v > DEVICE_MAX)
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
