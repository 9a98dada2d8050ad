/* SPDX-License-Identifier: Apache-2.0 */
#include "props/bind.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"

/* Pairs that say opposite things. */
static const unsigned conflicts[] = {
	BIND_RO | BIND_RW,       BIND_RRO | BIND_RW,      BIND_DEV | BIND_NODEV,
	BIND_SUID | BIND_NOSUID, BIND_EXEC | BIND_NOEXEC,
};

static int parse_flags(const char *text, unsigned *ret, struct error *err)
{
	auto_strv words = STRV_INIT;
	unsigned flags = 0;
	bool clash = false;

	strv_split(&words, text, ',');
	for (size_t i = 0; i < words.n; i++) {
		unsigned flag = bind_flag_parse(words.v[i]);

		if (!flag)
			return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no flag of a bind",
					 words.v[i]);
		flags |= flag;
	}
	for (size_t i = 0; i < ARRAY_SIZE(conflicts); i++)
		clash |= (flags & conflicts[i]) == conflicts[i];
	/* One kind of propagation is enough. */
	clash |= (flags & BIND_PROPAGATION) & ((flags & BIND_PROPAGATION) - 1);
	if (clash)
		return error_set(err, ERR_INVALID_VALUE, "the flags '%.100s' contradict each other",
				 text);
	*ret = flags;
	return 0;
}

/* Words of a row, checked. */
static int split_row(const char *row, struct strv *words, unsigned *flags, struct error *err)
{
	*flags = 0;
	strv_split(words, row, ' ');
	if (words->n < 2 || words->n > 3)
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.200s' is not like 'source target [flags]'", row);
	for (size_t i = 0; i < 2; i++) {
		if (strlen(words->v[i]) >= PATH_MAX)
			return error_set(err, ERR_INVALID_VALUE, "path '%.40s…' is too long",
					 words->v[i]);
	}
	return words->n == 3 ? parse_flags(words->v[2], flags, err) : 0;
}

int bind_check_owner(unsigned flags, uid_t owner, struct error *err)
{
	static const unsigned rights = BIND_DEV | BIND_SHARED | BIND_RSHARED;
	unsigned flag = flags & rights;

	if (!flag || owner == 0)
		return 0;
	return error_set(err, ERR_PERMISSION,
			 "the flag '%s' needs a container whose owner is root, this one's is %u",
			 bind_flag_name(flag & -flag), owner);
}

int bind_normalize(const char *item, uid_t owner, char **ret, struct error *err)
{
	auto_strv words = STRV_INIT;
	unsigned flags;

	if (split_row(item, &words, &flags, err) || bind_check_owner(flags, owner, err))
		return -1;
	*ret = strv_join(&words, ' ');
	return 0;
}

static char *absolute(const char *base, const char *path)
{
	auto_free char *joined = path_join(base, path);

	return path_normalize(joined);
}

int bind_parse(const char *row, const char *parent_cwd, const char *cwd, struct bind_mount *ret,
	       struct error *err)
{
	auto_strv words = STRV_INIT;
	unsigned flags;

	if (split_row(row, &words, &flags, err))
		return -1;
	ret->source = absolute(parent_cwd, words.v[0]);
	ret->target = absolute(cwd, words.v[1]);
	ret->flags = flags;
	if (!strcmp(ret->target, "/")) {
		bind_mount_deinit(ret);
		return error_set(err, ERR_INVALID_PATH, "bind '%.200s' would cover the root", row);
	}
	return 0;
}

void bind_mount_deinit(struct bind_mount *b)
{
	free(b->source);
	free(b->target);
	*b = (struct bind_mount){ 0 };
}
