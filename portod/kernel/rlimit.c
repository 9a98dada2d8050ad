/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits by name. */
#include "kernel/rlimit.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/str.h"
#include "base/xalloc.h"

static const struct {
	const char *name;
	int resource;
} names[] = {
	{ "as", RLIMIT_AS },
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

int rlimit_parse_name(const char *name, int *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i].name, name)) {
			*ret = names[i].resource;
			return 0;
		}
	}
	return -ENOENT;
}

const char *rlimit_name(int resource)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].resource == resource)
			return names[i].name;
	}
	return "unknown";
}

static int parse_one(const char *text, rlim_t *ret)
{
	uint64_t v;

	if (!strcasecmp(text, "unlimited") || !strcasecmp(text, "unlim") ||
	    !strcasecmp(text, "inf") || !strcmp(text, "-1")) {
		*ret = RLIM_INFINITY;
		return 0;
	}
	if (num_parse_size(text, &v) < 0)
		return -EINVAL;
	*ret = v;
	return 0;
}

int rlimit_parse_value(const char *text, struct rlimit *ret)
{
	auto_strv words = STRV_INIT;
	struct rlimit lim;

	strv_split(&words, text, ' ');
	if (words.n < 1 || words.n > 2 || parse_one(words.v[0], &lim.rlim_cur) < 0)
		return -EINVAL;
	lim.rlim_max = lim.rlim_cur;
	if (words.n == 2 && parse_one(words.v[1], &lim.rlim_max) < 0)
		return -EINVAL;
	if (lim.rlim_cur > lim.rlim_max)
		return -EINVAL;
	*ret = lim;
	return 0;
}

static char *format_one(rlim_t v)
{
	if (v == RLIM_INFINITY)
		return xstrdup("unlimited");
	return xasprintf("%llu", (unsigned long long)v);
}

char *rlimit_format_value(const struct rlimit *lim)
{
	auto_free char *soft = format_one(lim->rlim_cur);
	auto_free char *hard = format_one(lim->rlim_max);

	return xasprintf("%s %s", soft, hard);
}

/* RLIM_INFINITY is the largest rlim_t, so plain comparison orders limits. */
static rlim_t smaller(rlim_t a, rlim_t b)
{
	return a < b ? a : b;
}

int rlimit_make_room(const struct rlimit_entry *e, struct rlimit_entry *ret, struct error *err)
{
	__rlimit_resource_t resource = (__rlimit_resource_t)e->resource;
	struct rlimit cur, room;

	*ret = *e;
	if (prlimit(0, resource, NULL, &cur) < 0)
		return error_errno(err, errno, "read limit %s", rlimit_name(e->resource));
	if (e->lim.rlim_max <= cur.rlim_max)
		return 0;
	room = (struct rlimit){ .rlim_cur = cur.rlim_cur, .rlim_max = e->lim.rlim_max };
	if (prlimit(0, resource, &room, NULL) == 0)
		return 0;
	if (errno != EPERM)
		return error_errno(err, errno, "raise limit %s", rlimit_name(e->resource));
	ret->lim.rlim_max = cur.rlim_max;
	ret->lim.rlim_cur = smaller(e->lim.rlim_cur, cur.rlim_max);
	return 1;
}

int rlimit_apply(pid_t pid, const struct rlimit_entry *e, struct error *err)
{
	__rlimit_resource_t resource = (__rlimit_resource_t)e->resource;
	auto_free char *text = NULL;
	struct rlimit cur, low;

	if (prlimit(pid, resource, &e->lim, NULL) == 0)
		return 0;
	/* EPERM: above the hard limit without CAP_SYS_RESOURCE, or nofile above fs.nr_open. */
	if (errno == EPERM && prlimit(pid, resource, NULL, &cur) == 0) {
		low.rlim_max = smaller(e->lim.rlim_max, cur.rlim_max);
		low.rlim_cur = smaller(e->lim.rlim_cur, low.rlim_max);
		if (prlimit(pid, resource, &low, NULL) == 0)
			return 1;
	}
	text = rlimit_format_value(&e->lim);
	return error_errno(err, errno, "set limit %s %s", rlimit_name(e->resource), text);
}
