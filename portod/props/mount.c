/* SPDX-License-Identifier: Apache-2.0 */
#include "props/mount.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"

/* Options with a value, by how it is checked. */
enum value_kind { VALUE_SIZE, VALUE_COUNT, VALUE_ID, VALUE_MODE };

struct value_option {
	const char *name;
	enum value_kind kind;
};

static const struct value_option tmpfs_options[] = {
	{ "size", VALUE_SIZE }, { "nr_inodes", VALUE_COUNT }, { "mode", VALUE_MODE },
	{ "uid", VALUE_ID },    { "gid", VALUE_ID },          { NULL, 0 },
};
static const struct value_option devpts_options[] = {
	{ "uid", VALUE_ID },        { "gid", VALUE_ID },    { "mode", VALUE_MODE },
	{ "ptmxmode", VALUE_MODE }, { "max", VALUE_COUNT }, { NULL, 0 },
};
static const struct value_option no_options[] = { { NULL, 0 } };

static const struct mount_type {
	const char *name;
	const struct value_option *options;
	const char *data;     /* always */
	unsigned long flags;  /* by default */
	unsigned long forced; /* for everybody */
	bool privileged;      /* for containers of root only */
} types[] = {
	{ "tmpfs", tmpfs_options, NULL, MS_NOSUID | MS_NODEV, 0, false },
	{ "mqueue", no_options, NULL, 0, MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
	{ "devpts", devpts_options, "newinstance", 0, MS_NOSUID | MS_NOEXEC, false },
	/* A second one shows what the first one hides. */
	{ "proc", no_options, NULL, 0, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
	{ "sysfs", no_options, NULL, 0, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
};

static const struct {
	const char *name;
	unsigned long set, clear;
	bool privileged;
} flag_options[] = {
	{ "defaults", 0, 0, false },
	{ "ro", MS_RDONLY, 0, false },
	{ "rw", 0, MS_RDONLY, false },
	{ "nosuid", MS_NOSUID, 0, false },
	{ "suid", 0, MS_NOSUID, true },
	{ "nodev", MS_NODEV, 0, false },
	{ "dev", 0, MS_NODEV, true },
	{ "noexec", MS_NOEXEC, 0, false },
	{ "exec", 0, MS_NOEXEC, false },
	{ "noatime", MS_NOATIME, 0, false },
	{ "nodiratime", MS_NODIRATIME, 0, false },
	{ "relatime", MS_RELATIME, 0, false },
	{ "strictatime", MS_STRICTATIME, 0, false },
};

/* ---- options ---- */

static int check_value(const struct value_option *o, const char *value, struct buf *data)
{
	uint64_t number = 0;
	uint32_t mode = 0;

	buf_addf(data, "%s%s=", data->len ? "," : "", o->name);
	switch (o->kind) {
	case VALUE_SIZE:
		if (num_parse_size(value, &number) < 0 || !number)
			return -1;
		break;
	case VALUE_COUNT:
		if (num_parse_u64(value, &number) < 0 || !number || number > INT_MAX)
			return -1;
		break;
	case VALUE_ID:
		if (num_parse_u64(value, &number) < 0 || number >= UINT32_MAX)
			return -1;
		break;
	case VALUE_MODE:
		if (num_parse_oct(value, &mode) < 0 || mode > 07777)
			return -1;
		buf_addf(data, "%o", mode);
		return 0;
	}
	buf_addf(data, "%llu", (unsigned long long)number);
	return 0;
}

static int add_value(const struct mount_type *type, const char *word, const char *eq,
		     struct buf *data, struct error *err)
{
	for (const struct value_option *o = type->options; o->name; o++) {
		if (strlen(o->name) != (size_t)(eq - word) ||
		    strncmp(o->name, word, (size_t)(eq - word)) != 0)
			continue;
		if (check_value(o, eq + 1, data))
			return error_set(err, ERR_INVALID_VALUE, "'%.100s' has a wrong value",
					 word);
		return 0;
	}
	return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no option of %s", word, type->name);
}

static int add_flag(const struct mount_type *type, const char *word, uid_t owner,
		    unsigned long *flags, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_options); i++) {
		if (strcmp(flag_options[i].name, word) != 0)
			continue;
		if (flag_options[i].clear & type->forced)
			return error_set(err, ERR_INVALID_VALUE, "'%s' is not possible with %s",
					 word, type->name);
		if (flag_options[i].privileged && owner != 0)
			return error_set(err, ERR_PERMISSION,
					 "option '%s' needs a container whose owner is root, this "
					 "one's is %u",
					 word, owner);
		*flags = (*flags | flag_options[i].set) & ~flag_options[i].clear;
		return 0;
	}
	return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no option of %s", word, type->name);
}

static int parse_options(const struct mount_type *type, const char *text, uid_t owner,
			 struct extra_mount *ret, struct error *err)
{
	auto_strv words = STRV_INIT;
	auto_buf data = BUF_INIT;

	if (type->data)
		buf_adds(&data, type->data);
	ret->flags = type->flags | type->forced;
	strv_split(&words, text, ',');
	for (size_t i = 0; i < words.n; i++) {
		const char *eq = strchr(words.v[i], '=');

		if (eq ? add_value(type, words.v[i], eq, &data, err)
		       : add_flag(type, words.v[i], owner, &ret->flags, err))
			return -1;
	}
	ret->data = data.len ? buf_take(&data) : NULL;
	return 0;
}

/* ---- items ---- */

static const struct mount_type *find_type(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!strcmp(types[i].name, name))
			return &types[i];
	}
	return NULL;
}

static int split_item(const char *item, struct strv *words, struct error *err)
{
	strv_split(words, item, ' ');
	if (words->n < 2 || words->n > 4)
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.200s' is not like 'type target [source] [options]'", item);
	if (strlen(words->v[1]) >= PATH_MAX)
		return error_set(err, ERR_INVALID_VALUE, "path '%.40s…' is too long", words->v[1]);
	if (words->n == 4 && strlen(words->v[2]) > NAME_MAX)
		return error_set(err, ERR_INVALID_VALUE, "source '%.40s…' is too long",
				 words->v[2]);
	return 0;
}

int mount_parse(const char *item, const char *cwd, uid_t owner, struct extra_mount *ret,
		struct error *err)
{
	auto_strv words = STRV_INIT;
	auto_free char *target = NULL;
	const struct mount_type *type;

	if (split_item(item, &words, err))
		return -1;
	type = find_type(words.v[0]);
	if (!type)
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' is no file system that can be mounted this way",
				 words.v[0]);
	if (type->privileged && owner != 0)
		return error_set(err, ERR_PERMISSION,
				 "%s needs a container whose owner is root, this one's is %u",
				 type->name, owner);
	target = path_join(cwd, words.v[1]);
	*ret = (struct extra_mount){ .target = path_normalize(target) };
	if (!strcmp(ret->target, "/")) {
		extra_mount_deinit(ret);
		return error_set(err, ERR_INVALID_PATH, "'%.200s' would cover the root", item);
	}
	if (parse_options(type, words.n > 2 ? words.v[words.n - 1] : "", owner, ret, err)) {
		extra_mount_deinit(ret);
		return -1;
	}
	ret->type = xstrdup(type->name);
	ret->source = words.n == 4 ? xstrdup(words.v[2]) : NULL;
	return 0;
}

void extra_mount_deinit(struct extra_mount *m)
{
	free(m->type);
	free(m->target);
	free(m->source);
	free(m->data);
	*m = (struct extra_mount){ 0 };
}

int mount_normalize(const char *item, uid_t owner, char **ret, struct error *err)
{
	auto_strv words = STRV_INIT;
	struct extra_mount m;

	/* The directory that relative targets start from is known at start. */
	if (mount_parse(item, "/x", owner, &m, err))
		return -1;
	extra_mount_deinit(&m);
	strv_split(&words, item, ' ');
	*ret = strv_join(&words, ' ');
	return 0;
}
