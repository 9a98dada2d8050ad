/* SPDX-License-Identifier: Apache-2.0 */
/* Row: the supplementary groups of the command. */
#include "props/task_groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "props/rows.h"

#define GROUPS_MAX 1024 /* the kernel takes 65536; nobody has so many */

/* The database may change; what was meant is kept as numbers. */
static int parse_groups(const struct prop *p, const struct prop_ctx *ctx, const char *text,
			void *field, struct error *err)
{
	auto_strv names = STRV_INIT, gids = STRV_INIT;

	(void)p, (void)ctx;
	strv_split(&names, text, ';');
	if (names.n > GROUPS_MAX)
		return error_set(err, ERR_INVALID_VALUE, "%zu groups, the limit is %d", names.n,
				 GROUPS_MAX);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *number = NULL;
		gid_t gid;

		if (cred_parse_group(names.v[i], &gid) < 0)
			return error_set(err, ERR_INVALID_VALUE, "there is no group '%.100s'",
					 names.v[i]);
		number = xasprintf("%u", gid);
		if (!strv_has(&gids, number))
			strv_add(&gids, number);
	}
	strv_copy(field, &gids);
	return 0;
}

/* Which were checked when they were set. */
static gid_t gid_of(const char *number)
{
	uint64_t v = 0;

	(void)num_parse_u64(number, &v);
	return (gid_t)v;
}

void task_groups_load(const struct container *ct, struct cred *cred)
{
	const struct strv *groups = &ct->spec.task_groups;

	if (!row_is_set(ct, &row_task_groups)) {
		cred_load_groups(cred);
		return;
	}
	free(cred->groups);
	cred->groups = xnew_array(gid_t, groups->n + 1);
	cred->ngroups = groups->n;
	for (size_t i = 0; i < groups->n; i++)
		cred->groups[i] = gid_of(groups->v[i]);
}

GETTER(get_groups)
{
	struct cred cred = { .uid = container_task_uid(ctx->ct),
			     .gid = container_task_gid(ctx->ct) };
	auto_strv names = STRV_INIT;
	auto_free char *text = NULL;

	UNUSED();
	task_groups_load(ctx->ct, &cred);
	for (size_t i = 0; i < cred.ngroups; i++)
		strv_add_take(&names, cred_group_name(cred.groups[i]));
	cred_deinit(&cred);
	text = strv_join(&names, ';');
	buf_adds(out, text);
	return 0;
}

static void format_groups(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			  struct buf *out)
{
	struct error ignored = ERROR_INIT;

	(void)field;
	get_groups(p, ctx, NULL, out, &ignored);
}

static char *save_groups(const struct prop *p, const void *field)
{
	(void)p;
	return strv_join(field, ';');
}

static int load_groups(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p, (void)err;
	strv_deinit(field);
	strv_split(field, text, ';');
	return 0;
}

static const struct prop_type type_groups = {
	.name = "list of groups",
	.parse = parse_groups,
	.format = format_groups,
	.save = save_groups,
	.load = load_groups,
};

const struct prop row_task_groups = {
	.name = "task_groups",
	.row = ROW_task_groups,
	.desc = "supplementary groups of the command",
	.doc = "Names or numbers, **;** between them; exactly these, empty for none. Names are\n"
	       "looked up on the host, at once. Default: those of *user* in the host's\n"
	       "database, and *group*. Others than root need to be in each of them, or the\n"
	       "user has to, or the container has a *root* of its own; else starting it is\n"
	       "Permission. setgroups(2).",
	.type = &type_groups,
	.offset = FIELD(task_groups),
	.get = get_groups,
};
