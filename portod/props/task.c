/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: what is run, as whom, with which environment and limits. */
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/xalloc.h"
#include "kernel/rlimit.h"
#include "props/refer.h"
#include "props/rows.h"
#include "props/task_groups.h"
#include "props/ulimit.h"

/* ---- command ---- */

static const size_t command_max = 131072;

/* A command as one text takes the place of an exact argument vector. */
SETTER(set_command)
{
	struct container_spec *spec = &ctx->ct->spec;

	(void)index;
	if (type_string.parse(p, ctx, value, &spec->command, err))
		return -1;
	strv_deinit(&spec->command_argv);
	container_mark_set(ctx->ct, ROW_command_argv, false);
	return 0;
}

/* And the other way round: `command` shows the vector quoted. */
CHECKER(check_argv)
{
	struct container_spec *spec = &ctx->ct->spec;
	struct buf text = BUF_INIT;

	(void)p, (void)err;
	for (size_t i = 0; i < spec->command_argv.n; i++) {
		if (i)
			buf_addc(&text, ' ');
		str_quote(&text, spec->command_argv.v[i]);
	}
	free(spec->command);
	spec->command = buf_take(&text);
	container_mark_set(ctx->ct, ROW_command, true);
	return 0;
}

GETTER(get_command)
{
	UNUSED();
	buf_adds(out, container_command(ctx->ct));
	return 0;
}

const struct prop row_command = {
	.name = "command",
	.row = ROW_command,
	.desc = "program to run, expanded like by a shell, but without one",
	.doc = "At most 131072 bytes. The text is split and expanded as by a shell's word\n"
	       "expansion, **wordexp**\\ (3): quotes, backslash, variables of *env*, tilde,\n"
	       "file name patterns in *cwd*; no command substitution, no pipes;\n"
	       "InvalidCommand at start otherwise. Found by the container's PATH. Empty, the\n"
	       "default: no command, the container becomes **meta**. Clears *command_argv*.",
	.type = &type_string,
	.offset = FIELD(command),
	.arg = &command_max,
	.also = { &row_command_argv },
	.get = get_command,
	.set = set_command,
};

const struct prop row_command_argv = {
	.name = "command_argv",
	.row = ROW_command_argv,
	.desc = "exact argument vector, separated by tabs",
	.doc = "Used as it is, nothing is expanded. A tab or backslash inside of an argument\n"
	       "is written **\\\\t** and **\\\\\\\\**. The index is a position, counted from 0; a\n"
	       "set beyond the end fills up with empty ones. Sets *command* to the same,\n"
	       "quoted.",
	.type = &type_argv,
	.offset = FIELD(command_argv),
	.flags = PROP_INDEXED,
	.also = { &row_command },
	.check = check_argv,
};

/* ---- surroundings ---- */

const struct prop row_env = {
	.name = "env",
	.row = ROW_env,
	.desc = "environment variables; [NAME]: effective value",
	.doc = "**NAME=value;NAME2=value2**; a name without **=** is unset, also if a\n"
	       "container above sets it. The index is a name and reads the value that the\n"
	       "command would get. A container with *isolate* begins with PATH, HOME (its\n"
	       "*cwd*), USER, container=lxc and the fixed PORTO_NAME, PORTO_HOST and\n"
	       "PORTO_USER; without *isolate* what the containers above set is added.",
	.type = &type_env,
	.offset = FIELD(env),
	.flags = PROP_INDEXED,
};

const struct prop row_env_secret = {
	.name = "env_secret",
	.row = ROW_env_secret,
	.desc = "environment variables whose values are not shown",
	.doc = "Written like *env*, and stronger: a secret variable takes the place of one of\n"
	       "*env*. It is inherited likewise. Reading gives **NAME=<secret>**; clients that\n"
	       "may change the container read **NAME=<secret salt=S sha256=H>**, where *H* is the\n"
	       "SHA-256 of *S*, which is new each time, and the value. Values are not logged, and\n"
	       "errors of a start do not show them; they are kept in the state directory,\n"
	       "readable by root only. In the container they are in the environment, which the\n"
	       "user of the command and root can read in **/proc**, and in its core dumps.",
	.type = &type_env_secret,
	.offset = FIELD(env_secret),
	.flags = PROP_INDEXED | PROP_SECRET,
};

GETTER(get_cwd)
{
	auto_free char *cwd = NULL;

	UNUSED();
	if (container_is_root(ctx->ct)) {
		buf_addc(out, '/');
		return 0;
	}
	cwd = container_cwd(ctx->ct, ctx->env->workdir_base);
	buf_adds(out, cwd);
	return 0;
}

const struct prop row_cwd = {
	.name = "cwd",
	.row = ROW_cwd,
	.desc = "working directory",
	.doc = "A path inside of the container. A relative one is below the parent's.\n"
	       "Default: the parent's, up to the nearest container with a *root* of its own,\n"
	       "where it is **/**; and otherwise *place*\\ **/porto/**\\ *name*. It must exist\n"
	       "at start: InvalidPath.",
	.type = &type_string,
	.offset = FIELD(cwd),
	.get = get_cwd,
};

static const struct uint_range umask_range = { 0, 0777 };

const struct prop row_umask = {
	.name = "umask",
	.row = ROW_umask,
	.desc = "file mode creation mask, octal",
	.doc = "Default 02.",
	.type = &type_oct,
	.offset = FIELD(umask),
	.arg = &umask_range,
};

/* Those of the root container are what everybody begins with. */
static void root_limits(const struct prop_env *env, const struct container *root, struct smap *ret)
{
	struct rlimit_entry *limits;
	size_t n;

	ulimit_effective(root, env, &limits, &n);
	for (size_t i = 0; i < n; i++) {
		auto_free char *text = rlimit_format_value(&limits[i].lim);

		smap_set(ret, rlimit_name(limits[i].resource), text);
	}
	free(limits);
}

GETTER(get_ulimit)
{
	auto_smap defaults = SMAP_INIT;
	const struct smap *limits = &ctx->ct->spec.ulimit;

	if (container_is_root(ctx->ct)) {
		root_limits(ctx->env, ctx->ct, &defaults);
		limits = &defaults;
	}
	if (index)
		return type_ulimit.get_index(p, ctx, limits, index, out, err);
	type_ulimit.format(p, ctx, limits, out);
	return 0;
}

const struct prop row_ulimit = {
	.name = "ulimit",
	.row = ROW_ulimit,
	.desc = "resource limits of each process, as of getrlimit(2)",
	.doc = "A map: *type*\\ **:** *soft* [*hard*]; types are **as core cpu data fsize\n"
	       "locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending\n"
	       "stack**, numbers may have a unit, **unlimited** is no limit. The index is a\n"
	       "type. What is not set here comes from the containers above, then from\n"
	       "**container.default_ulimit**; memlock by default from *memory_limit*. Root\n"
	       "container: these defaults. A change is applied to all processes by\n"
	       "**prlimit**\\ (2).",
	.type = &type_ulimit,
	.offset = FIELD(ulimit),
	.flags = PROP_DYNAMIC | PROP_INDEXED,
	.group = APPLY_ULIMIT,
	.get = get_ulimit,
};

static const struct int_range oom_score_range = { -1000, 1000 };

const struct prop row_oom_score_adj = {
	.name = "oom_score_adj",
	.row = ROW_oom_score_adj,
	.desc = "which processes the kernel prefers to kill, -1000..1000",
	.doc = "Preference of the kernel when it must kill, see **proc**\\ (5). Default 0.",
	.type = &type_int,
	.offset = FIELD(oom_score_adj),
	.arg = &oom_score_range,
};

/* ---- credentials ---- */

/*
 * `user` and `group` are two views of the credential that `task_cred` stores, likewise for the
 * owner. Setting the user leaves the group alone. Supplementary groups are those of the user
 * database.
 */
static struct cred *cred_of(const struct prop *p, struct container *ct)
{
	return (struct cred *)((char *)&ct->spec + p->offset);
}

GETTER(get_user)
{
	auto_free char *name = cred_user_name(cred_of(p, ctx->ct)->uid);

	UNUSED();
	buf_adds(out, name);
	return 0;
}

GETTER(get_group)
{
	auto_free char *name = cred_group_name(cred_of(p, ctx->ct)->gid);

	UNUSED();
	buf_adds(out, name);
	return 0;
}

GETTER(get_task_user)
{
	auto_free char *name = cred_user_name(container_task_uid(ctx->ct));

	UNUSED();
	buf_adds(out, name);
	return 0;
}

GETTER(get_task_group)
{
	auto_free char *name = cred_group_name(container_task_gid(ctx->ct));

	UNUSED();
	buf_adds(out, name);
	return 0;
}

static void forget_groups(struct cred *cred)
{
	free(cred->groups);
	cred->groups = NULL;
	cred->ngroups = 0;
}

SETTER(set_user)
{
	struct cred *cred = cred_of(p, ctx->ct);
	uid_t uid;

	(void)index;
	if (cred_parse_user(value, &uid) < 0)
		return error_set(err, ERR_INVALID_VALUE, "there is no user '%.100s'", value);
	forget_groups(cred);
	cred->uid = uid;
	return 0;
}

SETTER(set_group)
{
	struct cred *cred = cred_of(p, ctx->ct);
	gid_t gid;

	(void)index;
	if (cred_parse_group(value, &gid) < 0)
		return error_set(err, ERR_INVALID_VALUE, "there is no group '%.100s'", value);
	forget_groups(cred);
	cred->gid = gid;
	return 0;
}

SETTER(set_task_user)
{
	if (set_user(p, ctx, index, value, err))
		return -1;
	ctx->ct->spec.user_given = true;
	return 0;
}

SETTER(set_task_group)
{
	if (set_group(p, ctx, index, value, err))
		return -1;
	ctx->ct->spec.group_given = true;
	return 0;
}

static int parse_task_cred(const struct prop *p, const struct prop_ctx *ctx, const char *text,
			   void *field, struct error *err)
{
	struct container_spec *spec = container_of(field, struct container_spec, task_cred);

	if (type_cred.parse(p, ctx, text, field, err))
		return -1;
	spec->user_given = true;
	spec->group_given |= strchr(text, ' ') != NULL;
	return 0;
}

/* As it is used at start. */
static void format_task_cred(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			     struct buf *out)
{
	struct cred ids = { .uid = container_task_uid(ctx->ct),
			    .gid = container_task_gid(ctx->ct) };

	(void)field;
	type_cred.format(p, ctx, &ids, out);
}

/* "uid gid", and which of them were given: the words `user` and `group`. */
static char *save_task_cred(const struct prop *p, const void *field)
{
	const struct container_spec *spec = container_of(field, struct container_spec, task_cred);
	auto_free char *ids = type_cred.save(p, field);

	return xasprintf("%s%s%s", ids, spec->user_given ? " user" : "",
			 spec->group_given ? " group" : "");
}

static int load_task_cred(const struct prop *p, const char *text, void *field, struct error *err)
{
	struct container_spec *spec = container_of(field, struct container_spec, task_cred);
	auto_strv words = STRV_INIT;
	auto_free char *ids = NULL;

	strv_split(&words, text, ' ');
	ids = xasprintf("%s %s", words.n > 0 ? words.v[0] : "", words.n > 1 ? words.v[1] : "");
	if (type_cred.load(p, ids, field, err))
		return -1;
	spec->user_given = spec->group_given = false;
	for (size_t i = 2; i < words.n; i++) {
		spec->user_given |= str_eq(words.v[i], "user");
		spec->group_given |= str_eq(words.v[i], "group");
	}
	return 0;
}

static const struct prop_type type_task_cred = {
	.name = "credentials",
	.parse = parse_task_cred,
	.format = format_task_cred,
	.save = save_task_cred,
	.load = load_task_cred,
};

/* Only a superuser gives containers away. */
CHECKER(check_owner)
{
	const struct cred *cred = cred_of(p, ctx->ct);

	if (client_controls_cred(ctx->client, cred))
		return 0;
	return error_set(err, ERR_PERMISSION, "a client with uid %u cannot make uid %u the owner",
			 ctx->client->cred.uid, cred->uid);
}

CHECKER(check_owner_group)
{
	const struct cred *cred = cred_of(p, ctx->ct);
	struct cred owner = CRED_INIT;
	bool ok = client_is_superuser(ctx->client) || cred_in_group(&ctx->client->cred, cred->gid);

	if (!ok) {
		/* By the user's primary group: the owner's gid is the value in question. */
		owner.uid = cred->uid;
		owner.gid = ctx->client->cred.gid;
		cred_load_groups(&owner);
		ok = cred_in_group(&owner, cred->gid);
		cred_deinit(&owner);
	}
	if (ok)
		return 0;
	return error_set(err, ERR_PERMISSION, "neither the client nor the owner is in group %u",
			 cred->gid);
}

CHECKER(check_owner_cred)
{
	return check_owner(p, ctx, err) ? -1 : check_owner_group(p, ctx, err);
}

GETTER(get_task_cred)
{
	struct cred cred = CRED_INIT;

	UNUSED();
	cred_copy(&cred, cred_of(p, ctx->ct));
	task_groups_load(ctx->ct, &cred);
	buf_addf(out, "%u %u", cred.uid, cred.gid);
	for (size_t i = 0; i < cred.ngroups; i++)
		buf_addf(out, " %u", cred.groups[i]);
	cred_deinit(&cred);
	return 0;
}

/* The text of the whole credential is what the store keeps. */
#define CRED_VIEW_FLAGS (PROP_NOSTORE | PROP_ALWAYS_SET)

const struct prop row_task_cred = {
	.name = "task_cred",
	.row = ROW_task_cred,
	.desc = "user, group and groups of the processes, as numbers",
	.doc = "User and group in one; the supplementary groups are shown after them.",
	.type = &type_task_cred,
	.offset = FIELD(task_cred),
	.flags = PROP_ALWAYS_SET,
	.get = get_task_cred,
};

const struct prop row_user = {
	.name = "user",
	.row = ROW_user,
	.desc = "user of the processes",
	.doc = "Name or number of the command's user; names are those of the host. An\n"
	       "unknown name answers InvalidValue. Default: the client's. The groups of the\n"
	       "user are looked up at start. Without a *root* of its own a container runs as\n"
	       "root only for an owner root. In *virt_mode* os root, if nobody set it.",
	.type = &type_task_cred,
	.offset = FIELD(task_cred),
	.flags = CRED_VIEW_FLAGS,
	.also = { &row_task_cred },
	.get = get_task_user,
	.set = set_task_user,
};

const struct prop row_group = {
	.name = "group",
	.row = ROW_group,
	.desc = "group of the processes",
	.doc = "Name or number of the command's group. Default: the client's;\n"
	       "in *virt_mode* os root, if nobody set it.",
	.type = &type_task_cred,
	.offset = FIELD(task_cred),
	.flags = CRED_VIEW_FLAGS,
	.also = { &row_task_cred },
	.get = get_task_group,
	.set = set_task_group,
};

const struct prop row_owner_cred = {
	.name = "owner_cred",
	.row = ROW_owner_cred,
	.desc = "user, group and groups of the owner, as numbers",
	.doc = "Both in one, as for *task_cred*.",
	.type = &type_cred,
	.offset = FIELD(owner_cred),
	.flags = PROP_ALWAYS_SET,
	.check = check_owner_cred,
};

const struct prop row_owner_user = {
	.name = "owner_user",
	.row = ROW_owner_user,
	.desc = "user who may change the container",
	.doc = "Who may change the container: clients of the same user, and superusers. Only\n"
	       "a superuser can give it to somebody else. Default: the creator.",
	.type = &type_cred,
	.offset = FIELD(owner_cred),
	.flags = CRED_VIEW_FLAGS,
	.also = { &row_owner_cred },
	.check = check_owner,
	.get = get_user,
	.set = set_user,
};

const struct prop row_owner_group = {
	.name = "owner_group",
	.row = ROW_owner_group,
	.desc = "group of the owner",
	.doc = "Only a group of the client or of the owner, or a superuser may choose.",
	.type = &type_cred,
	.offset = FIELD(owner_cred),
	.flags = CRED_VIEW_FLAGS,
	.also = { &row_owner_cred },
	.check = check_owner_group,
	.get = get_group,
	.set = set_group,
};

/* ---- containers that may change this one ---- */

static int parse_owners(const struct prop *p, const struct prop_ctx *ctx, const char *text,
			void *field, struct error *err)
{
	auto_strv names = STRV_INIT;
	struct strv *owners = field;

	(void)p;
	strv_split(&names, text, ';');
	strv_deinit(owners);
	for (size_t i = 0; i < names.n; i++) {
		char *full;

		if (refer_parse(ctx->client, names.v[i], &full, err))
			return -1;
		strv_add_take(owners, full);
	}
	return 0;
}

static void format_owners(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			  struct buf *out)
{
	const struct strv *owners = field;
	auto_strv shown = STRV_INIT;
	auto_free char *text = NULL;

	(void)p;
	for (size_t i = 0; i < owners->n; i++)
		strv_add_take(&shown, refer_format(ctx->client, owners->v[i]));
	text = strv_join(&shown, ';');
	buf_adds(out, text);
}

static char *save_owners(const struct prop *p, const void *field)
{
	(void)p;
	return type_save_strv(field);
}

static int load_owners(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p, (void)err;
	type_load_strv(field, text);
	return 0;
}

static const struct prop_type type_owners = {
	.name = "list",
	.parse = parse_owners,
	.format = format_owners,
	.save = save_owners,
	.load = load_owners,
};

const struct prop row_owner_containers = {
	.name = "owner_containers",
	.row = ROW_owner_containers,
	.desc = "containers whose clients may change this one",
	.doc = "Names, as the client sees them; if there are any, then of the clients inside\n"
	       "containers only those in one of them, or above one, may change this\n"
	       "container. Clients on the host may in any case. Default empty.",
	.type = &type_owners,
	.offset = FIELD(owner_containers),
	.flags = PROP_DYNAMIC,
};
