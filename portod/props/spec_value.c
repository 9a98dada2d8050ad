/* SPDX-License-Identifier: Apache-2.0 */
/* Values of specs with a syntax of their own: cpus, credentials, system call filter, errors. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "props/rows.h"
#include "props/spec_codec.h"
#include "props/task_groups.h"
#include "proto/textpb.h"

/* ---- cpus ---- */

/* `policy` absent: what the other fields say. */
static const char *cpu_policy_of(const Porto__TContainerCpuSet *m)
{
	if (!str_is_empty(m->policy))
		return m->policy;
	if (m->list || m->n_cpu)
		return "set";
	if (m->has_jail)
		return "jail";
	return m->has_arg ? "node" : "inherit";
}

static int read_cpu_list(const Porto__TContainerCpuSet *m, struct buf *out, struct error *err)
{
	if (m->list)
		buf_adds(out, m->list);
	for (size_t i = 0; i < m->n_cpu && !m->list; i++)
		buf_addf(out, "%s%" PRIu32, i ? "," : "", m->cpu[i]);
	if (out->len == 0)
		return error_set(err, ERR_INVALID_VALUE, "policy 'set' needs a list of cpus");
	return 0;
}

static int read_cpu_jail(const Porto__TContainerCpuSet *m, struct buf *out, struct error *err)
{
	if (!m->has_jail)
		return error_set(err, ERR_INVALID_VALUE, "policy 'jail' needs the number of cpus");
	buf_addf(out, "jail %" PRId32, m->jail);
	if (m->has_arg)
		buf_addf(out, "; node %" PRIu32, m->arg);
	return 0;
}

static int read_cpu_set(const Porto__TContainerCpuSet *m, struct buf *out, struct error *err)
{
	const char *policy = cpu_policy_of(m);

	if (!strcmp(policy, "inherit"))
		return 0;
	if (!strcmp(policy, "set"))
		return read_cpu_list(m, out, err);
	if (!strcmp(policy, "jail"))
		return read_cpu_jail(m, out, err);
	if (strcmp(policy, "node") != 0)
		return error_set(err, ERR_INVALID_VALUE,
				 "policy '%.100s' is none of inherit, set, node, jail", policy);
	if (!m->has_arg)
		return error_set(err, ERR_INVALID_VALUE, "policy 'node' needs a number in 'arg'");
	buf_addf(out, "node %" PRIu32, m->arg);
	return 0;
}

static int load_cpu_set(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
			struct error *err)
{
	auto_buf text = BUF_INIT;

	if (read_cpu_set(arg, &text, err))
		return -1;
	return prop_parse(p, ctx, NULL, buf_str(&text), err);
}

#define CPUS_MAX 65536

static void add_cpus(Porto__TContainerCpuSet *m, uint64_t from, uint64_t to)
{
	for (uint64_t cpu = from; cpu <= to && cpu < CPUS_MAX; cpu++) {
		m->cpu = xreallocarray(m->cpu, m->n_cpu + 1, sizeof(*m->cpu));
		m->cpu[m->n_cpu++] = (uint32_t)cpu;
	}
}

/* "0-3,7" as it is, and as numbers. */
static void tell_cpu_list(Porto__TContainerCpuSet *m, const char *list)
{
	auto_strv ranges = STRV_INIT;

	m->policy = xstrdup("set");
	m->list = xstrdup(list);
	strv_split(&ranges, list, ',');
	for (size_t i = 0; i < ranges.n; i++) {
		char *dash = strchr(ranges.v[i], '-');
		uint64_t from, to;

		if (dash)
			*dash = '\0';
		if (num_parse_u64(ranges.v[i], &from) < 0)
			continue;
		if (!dash)
			to = from;
		else if (num_parse_u64(dash + 1, &to) < 0)
			continue;
		add_cpus(m, from, to);
	}
	m->has_count = true;
	m->count = (uint32_t)m->n_cpu;
}

static void tell_word(const char *text, const char *word, int64_t *ret, protobuf_c_boolean *has)
{
	const char *found = strstr(text, word);

	if (!found)
		return;
	*has = true;
	*ret = strtoll(found + strlen(word), NULL, 10);
}

/* "node N", "jail N", "jail N; node M" */
static void tell_cpu_words(Porto__TContainerCpuSet *m, const char *text)
{
	int64_t jail = 0, node = 0;

	m->policy = xstrdup(str_has_prefix(text, "jail") ? "jail" : "node");
	tell_word(text, "jail ", &jail, &m->has_jail);
	tell_word(text, "node ", &node, &m->has_arg);
	m->jail = (int32_t)jail;
	m->arg = (uint32_t)node;
}

static ProtobufCMessage *dump_cpu_set(const struct prop *p, const struct prop_ctx *ctx)
{
	auto_free char *text = spec_text(p, ctx, NULL);
	Porto__TContainerCpuSet *m;

	if (!text)
		return NULL;
	m = spec_message_new(&porto__tcontainer_cpu_set__descriptor);
	if (*text >= '0' && *text <= '9')
		tell_cpu_list(m, text);
	else if (str_has_prefix(text, "node ") || str_has_prefix(text, "jail "))
		tell_cpu_words(m, text);
	else
		m->policy = xstrdup("inherit");
	return &m->base;
}

const struct spec_codec spec_codec_cpu_set = {
	.type = &porto__tcontainer_cpu_set__descriptor,
	.load = load_cpu_set,
	.dump = dump_cpu_set,
};

/* ---- credentials ---- */

static int read_user(const Porto__TCred *m, uid_t *uid, struct error *err)
{
	uid_t named;

	if (m->has_uid)
		*uid = m->uid;
	if (!m->user)
		return 0;
	if (cred_parse_user(m->user, &named) < 0)
		return error_set(err, ERR_INVALID_VALUE, "there is no user '%.100s'", m->user);
	if (m->has_uid && named != m->uid)
		return error_set(err, ERR_INVALID_VALUE, "user '%.100s' has uid %u, not %u",
				 m->user, named, m->uid);
	*uid = named;
	return 0;
}

static int read_group(const Porto__TCred *m, gid_t *gid, struct error *err)
{
	gid_t named;

	if (m->has_gid)
		*gid = m->gid;
	if (!m->group)
		return 0;
	if (cred_parse_group(m->group, &named) < 0)
		return error_set(err, ERR_INVALID_VALUE, "there is no group '%.100s'", m->group);
	if (m->has_gid && named != m->gid)
		return error_set(err, ERR_INVALID_VALUE, "group '%.100s' has gid %u, not %u",
				 m->group, named, m->gid);
	*gid = named;
	return 0;
}

/* A superuser combines what he likes; root is in every group. */
static int check_membership(const struct client *client, uid_t uid, gid_t gid, struct error *err)
{
	struct cred user = CRED_INIT;
	bool ok;

	if (client_is_superuser(client) || uid == 0 || cred_in_group(&client->cred, gid))
		return 0;
	user.uid = uid;
	if (cred_primary_group(uid, &user.gid) < 0)
		user.gid = (gid_t)-1;
	cred_load_groups(&user);
	ok = cred_in_group(&user, gid);
	cred_deinit(&user);
	if (ok)
		return 0;
	return error_set(err, ERR_INVALID_VALUE, "user %u is not in group %u", uid, gid);
}

/* Both as numbers. Without a group it is the user's primary one; groups come from the database. */
static int load_cred(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
		     struct error *err)
{
	const struct cred *old = spec_field_ptr(p, ctx);
	const Porto__TCred *m = arg;
	bool have_user = m->user || m->has_uid, have_group = m->group || m->has_gid;
	uid_t uid = old->uid;
	gid_t gid = old->gid;
	char text[32];

	if (!have_user && !have_group)
		return error_set(err, ERR_INVALID_VALUE, "neither a user nor a group is given");
	if (read_user(m, &uid, err) || read_group(m, &gid, err))
		return -1;
	if (!have_group && cred_primary_group(uid, &gid) < 0)
		return error_set(err, ERR_INVALID_VALUE,
				 "user %u is not known here, a group must be given", uid);
	if ((uid != old->uid || gid != old->gid) && check_membership(ctx->client, uid, gid, err))
		return -1;
	snprintf(text, sizeof(text), "%u %u", uid, gid);
	return prop_parse(p, ctx, NULL, text, err);
}

static ProtobufCMessage *dump_cred(const struct prop *p, const struct prop_ctx *ctx)
{
	Porto__TCred *m = spec_message_new(&porto__tcred__descriptor);
	struct cred cred = CRED_INIT;

	cred_copy(&cred, spec_field_ptr(p, ctx));
	if (p == &row_task_cred)
		task_groups_load(ctx->ct, &cred);
	else if (cred.ngroups == 0)
		cred_load_groups(&cred);
	m->user = cred_user_name(cred.uid);
	m->group = cred_group_name(cred.gid);
	m->has_uid = m->has_gid = true;
	m->uid = cred.uid;
	m->gid = cred.gid;
	m->n_grp = cred.ngroups;
	m->grp = xmemdup(cred.groups, cred.ngroups * sizeof(*m->grp));
	cred_deinit(&cred);
	return &m->base;
}

const struct spec_codec spec_codec_cred = {
	.type = &porto__tcred__descriptor,
	.load = load_cred,
	.dump = dump_cred,
};

/* ---- system call filter: the property's text is the message's text ---- */

static int load_seccomp(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
			struct error *err)
{
	auto_free char *text = textpb_print(arg);

	if (!text)
		return error_set(err, ERR_RESOURCE_NOT_AVAILABLE, "no memory to print the profile");
	return prop_parse(p, ctx, NULL, text, err);
}

static ProtobufCMessage *dump_seccomp(const struct prop *p, const struct prop_ctx *ctx)
{
	auto_free char *text = spec_text(p, ctx, NULL);
	ProtobufCMessage *m;
	char why[256];

	if (str_is_empty(text))
		return NULL;
	m = spec_message_new(&porto__tseccomp_profile__descriptor);
	if (textpb_parse(m, text, strlen(text), NULL, why, sizeof(why)) == 0)
		return m;
	protobuf_c_message_free_unpacked(m, NULL);
	return NULL;
}

const struct spec_codec spec_codec_seccomp = {
	.type = &porto__tseccomp_profile__descriptor,
	.load = load_seccomp,
	.dump = dump_seccomp,
};

/* ---- errors: why the last start failed ---- */

static ProtobufCMessage *dump_error(const struct prop *p, const struct prop_ctx *ctx)
{
	const struct error *why = ctx->ct->start_error;
	char text[ERROR_MESSAGE_MAX];
	Porto__TError *m;

	if (p != &row_start_error || !why)
		return NULL;
	m = spec_message_new(&porto__terror__descriptor);
	m->has_error = true;
	m->error = (Porto__EError)why->code;
	m->msg = xstrdup(error_message(why, text, sizeof(text)));
	return &m->base;
}

const struct spec_codec spec_codec_error = {
	.type = &porto__terror__descriptor,
	.dump = dump_error,
};
