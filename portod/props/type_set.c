/* SPDX-License-Identifier: Apache-2.0 */
/* Value types of sets of bits (capabilities, controllers) and of credentials. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "kernel/caps.h"
#include "props/caps_bound.h"
#include "props/control.h"
#include "props/rows.h"

static int parse_switch(const char *value, bool *ret, struct error *err)
{
	if (num_parse_bool(value, ret) < 0)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is not true or false", value);
	return 0;
}

/* ---- capabilities ---- */

static int parse_caps_text(const char *text, uint64_t *ret, struct error *err)
{
	if (caps_parse(text, ret, err)) {
		err->code = ERR_INVALID_VALUE;
		return -1;
	}
	if (*ret & ~caps_all())
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' names a capability that this kernel does not have",
				 text);
	return 0;
}

static int parse_caps(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		      void *field, struct error *err)
{
	(void)p, (void)ctx;
	return parse_caps_text(text, field, err);
}

static void format_caps(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			struct buf *out)
{
	auto_free char *text = caps_format(*(const uint64_t *)field);

	(void)p, (void)ctx;
	buf_adds(out, text);
}

static char *save_caps(const struct prop *p, const void *field)
{
	(void)p;
	return xasprintf("%" PRIu64, *(const uint64_t *)field);
}

static int load_caps(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p;
	if (num_parse_u64(text, field) < 0)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no mask", text);
	return 0;
}

static int get_caps_index(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			  const char *index, struct buf *out, struct error *err)
{
	uint64_t mask;

	(void)p, (void)ctx;
	if (parse_caps_text(index, &mask, err))
		return -1;
	type_put_bool(out, (*(const uint64_t *)field & mask) == mask);
	return 0;
}

/* Index access to an unset value starts from what holds without it. */
static int set_caps_index(const struct prop *p, const struct prop_ctx *ctx, void *field,
			  const char *index, const char *value, struct error *err)
{
	uint64_t mask, *caps = field;
	bool on;

	if (parse_caps_text(index, &mask, err) || parse_switch(value, &on, err))
		return -1;
	if (!row_is_set(ctx->ct, p))
		*caps = caps_shown(p, ctx->ct);
	*caps = on ? *caps | mask : *caps & ~mask;
	return 0;
}

const struct prop_type type_caps = {
	.name = "capabilities",
	.parse = parse_caps,
	.format = format_caps,
	.save = save_caps,
	.load = load_caps,
	.get_index = get_caps_index,
	.set_index = set_caps_index,
};

/* ---- controllers ---- */

static int parse_controller(const char *name, uint32_t *ret, struct error *err)
{
	enum cgroup_controller c;

	if (cgroup_controller_parse(name, &c) < 0)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no controller", name);
	*ret = CGROUP_BIT(c);
	return 0;
}

static int parse_controller_list(const char *text, uint32_t *ret, struct error *err)
{
	auto_strv names = STRV_INIT;
	uint32_t mask = 0, bit = 0;

	strv_split(&names, text, ';');
	for (size_t i = 0; i < names.n; i++) {
		if (parse_controller(names.v[i], &bit, err))
			return -1;
		mask |= bit;
	}
	*ret = mask;
	return 0;
}

static int parse_controllers(const struct prop *p, const struct prop_ctx *ctx, const char *text,
			     void *field, struct error *err)
{
	uint32_t mask;

	(void)p;
	if (parse_controller_list(text, &mask, err))
		return -1;
	return control_set_owned(ctx, mask, field, err);
}

static void format_mask(uint64_t mask, struct buf *out)
{
	bool first = true;

	for (int c = 0; c < _CGROUP_CONTROLLER_COUNT; c++) {
		if (!(mask & CGROUP_BIT(c)))
			continue;
		if (!first)
			buf_addc(out, ';');
		first = false;
		buf_adds(out, cgroup_controller_name((enum cgroup_controller)c));
	}
}

static void format_controllers(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			       struct buf *out)
{
	(void)p, (void)ctx;
	format_mask(*(const uint64_t *)field, out);
}

static char *save_controllers(const struct prop *p, const void *field)
{
	struct buf out = BUF_INIT;

	(void)p;
	format_mask(*(const uint64_t *)field, &out);
	return buf_take(&out);
}

static int load_controllers(const struct prop *p, const char *text, void *field, struct error *err)
{
	uint32_t mask;

	(void)p;
	if (parse_controller_list(text, &mask, err))
		return -1;
	*(uint64_t *)field = mask;
	return 0;
}

static int get_controllers_index(const struct prop *p, const struct prop_ctx *ctx,
				 const void *field, const char *index, struct buf *out,
				 struct error *err)
{
	uint32_t mask;

	(void)p, (void)ctx;
	if (parse_controller_list(index, &mask, err))
		return -1;
	type_put_bool(out, (*(const uint64_t *)field & mask) == mask);
	return 0;
}

static int set_controllers_index(const struct prop *p, const struct prop_ctx *ctx, void *field,
				 const char *index, const char *value, struct error *err)
{
	uint32_t mask, old = (uint32_t) * (const uint64_t *)field;
	bool on;

	(void)p;
	if (parse_controller_list(index, &mask, err) || parse_switch(value, &on, err))
		return -1;
	return control_set_owned(ctx, on ? old | mask : old & ~control_close(ctx->env, mask), field,
				 err);
}

const struct prop_type type_controllers = {
	.name = "controllers",
	.parse = parse_controllers,
	.format = format_controllers,
	.save = save_controllers,
	.load = load_controllers,
	.get_index = get_controllers_index,
	.set_index = set_controllers_index,
};

/* ---- credentials ---- */

static int parse_ids(const char *uid, const char *gid, struct cred *cred, struct error *err)
{
	uid_t u;
	gid_t g;

	if (cred_parse_user(uid, &u) < 0)
		return error_set(err, ERR_INVALID_VALUE, "there is no user '%.100s'", uid);
	if (gid && cred_parse_group(gid, &g) < 0)
		return error_set(err, ERR_INVALID_VALUE, "there is no group '%.100s'", gid);
	cred->uid = u;
	if (gid)
		cred->gid = g;
	/* Supplementary groups belong to the old user. They are looked up when they are needed. */
	free(cred->groups);
	cred->groups = NULL;
	cred->ngroups = 0;
	return 0;
}

/* `user` or what format prints: `uid gid groups…`, whose groups are ignored: they always come from
 * the user database. */
static int parse_cred(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		      void *field, struct error *err)
{
	auto_strv words = STRV_INIT;

	(void)p, (void)ctx;
	strv_split(&words, text, ' ');
	if (words.n == 0)
		return error_set(err, ERR_INVALID_VALUE, "the value is empty, a user is needed");
	for (size_t i = 2; i < words.n; i++) {
		gid_t ignored;

		if (cred_parse_group(words.v[i], &ignored) < 0)
			return error_set(err, ERR_INVALID_VALUE, "there is no group '%.100s'",
					 words.v[i]);
	}
	return parse_ids(words.v[0], words.n > 1 ? words.v[1] : NULL, field, err);
}

static void format_cred(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			struct buf *out)
{
	struct cred cred = CRED_INIT;

	(void)p, (void)ctx;
	cred_copy(&cred, field);
	if (cred.ngroups == 0)
		cred_load_groups(&cred);
	buf_addf(out, "%u %u", cred.uid, cred.gid);
	for (size_t i = 0; i < cred.ngroups; i++)
		buf_addf(out, " %u", cred.groups[i]);
	cred_deinit(&cred);
}

static char *save_cred(const struct prop *p, const void *field)
{
	const struct cred *cred = field;

	(void)p;
	return xasprintf("%u %u", cred->uid, cred->gid);
}

/* Not by parse: (id)-1, nobody yet, must come back, too. */
static int load_cred(const struct prop *p, const char *text, void *field, struct error *err)
{
	struct cred *cred = field;
	uint64_t uid, gid;
	auto_strv words = STRV_INIT;

	(void)p;
	strv_split(&words, text, ' ');
	if (words.n != 2 || num_parse_u64(words.v[0], &uid) < 0 ||
	    num_parse_u64(words.v[1], &gid) < 0 || uid > UINT32_MAX || gid > UINT32_MAX)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no credential", text);
	cred_deinit(cred);
	cred->uid = (uid_t)uid;
	cred->gid = (gid_t)gid;
	return 0;
}

const struct prop_type type_cred = {
	.name = "credentials",
	.parse = parse_cred,
	.format = format_cred,
	.save = save_cred,
	.load = load_cred,
};
