/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <string.h>

#include "base/buf.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "core/core.h"

#define CONTAINER_PART 150 /* of a file name; what is behind has its place then, too */

const char *core_suffix(const char *pattern)
{
	static const char *const known[] = { ".gz", ".xz", ".zst" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_has_suffix(pattern, known[i]))
			return known[i];
	return "";
}

char *core_slot_prefix(const char *container)
{
	size_t len = strcspn(container, "/");

	return len ? xasprintf("%.*s%%", (int)len, container) : xstrdup("%");
}

char *core_file_name(const struct core_info *c, const char *container, const char *suffix)
{
	char when[32], *name, *p;

	core_info_time(c, when);
	name = xasprintf("%.*s%%%s.%d.S%d.%s.core%s", CONTAINER_PART, container,
			 c->exe[0] ? c->exe : "unknown", (int)c->pid, c->sig, when, suffix);
	for (p = name; *p; p++)
		if (*p == '/')
			*p = '%';
	return name;
}

/* As the kernel does it. */
static void add_flat(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_addc(out, *text == '/' ? '!' : *text);
}

static void expand_one(struct buf *out, char what, const struct core_info *c, const char *hostname)
{
	switch (what) {
	case '%':
		buf_addc(out, '%');
		return;
	case 'c':
		buf_addf(out, "%llu", (unsigned long long)c->ulimit);
		return;
	case 'd':
		buf_addf(out, "%d", c->dumpable);
		return;
	case 'e':
		add_flat(out, c->comm);
		return;
	case 'E':
		add_flat(out, c->exe_path);
		return;
	case 'f':
		add_flat(out, path_basename(c->exe_path));
		return;
	case 'g':
		buf_addf(out, "%u", c->gid);
		return;
	case 'h':
		add_flat(out, hostname);
		return;
	case 'i':
		buf_addf(out, "%d", (int)c->vtid);
		return;
	case 'I':
		buf_addf(out, "%d", (int)c->tid);
		return;
	case 'p':
		buf_addf(out, "%d", (int)c->vpid);
		return;
	case 'P':
		buf_addf(out, "%d", (int)c->pid);
		return;
	case 's':
		buf_addf(out, "%d", c->sig);
		return;
	case 't':
		buf_addf(out, "%lld", (long long)c->when);
		return;
	case 'u':
		buf_addf(out, "%u", c->uid);
		return;
	default: /* core(5): dropped */
		return;
	}
}

char *core_expand(const char *pattern, const struct core_info *c, const char *hostname)
{
	const char *p = path_basename(pattern);
	struct buf out = BUF_INIT;
	char *name;

	for (; *p; p++) {
		if (*p != '%') {
			buf_addc(&out, *p);
			continue;
		}
		if (!p[1])
			break;
		expand_one(&out, *++p, c, hostname);
	}
	name = buf_take(&out);
	if (strlen(name) > NAME_MAX || str_eq(name, ".") || str_eq(name, ".."))
		*name = '\0';
	return name;
}
