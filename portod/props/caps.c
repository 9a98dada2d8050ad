/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of capabilities. What follows from them is in caps_bound.c. */
#include "kernel/caps.h"
#include "model/userns.h"
#include "props/caps_bound.h"
#include "props/rows.h"

/*
 * Porto lets every user with access to its socket take any capability on the host this way. Here
 * what goes beyond the defaults must be granted by a superuser, or be the parent's already.
 */
CHECKER(check_caps)
{
	const uint64_t *caps = (const uint64_t *)((const char *)&ctx->ct->spec + p->offset);
	uint64_t inside = userns_of(ctx->ct) ? caps_root : 0;
	uint64_t extra = *caps & ~(caps_grantable(ctx->ct->parent) | inside);
	auto_free char *names = NULL;

	if (!extra || client_is_superuser(ctx->client))
		return 0;
	names = caps_format(extra);
	return error_set(err, ERR_PERMISSION, "only a superuser can grant %s", names);
}

static int put_caps(const struct prop *p, const struct prop_ctx *ctx, uint64_t mask,
		    const char *index, struct buf *out, struct error *err)
{
	if (index)
		return type_caps.get_index(p, ctx, &mask, index, out, err);
	type_caps.format(p, ctx, &mask, out);
	return 0;
}

GETTER(get_caps)
{
	return put_caps(p, ctx, caps_shown(p, ctx->ct), index, out, err);
}

GETTER(get_caps_allowed)
{
	return put_caps(p, ctx, caps_bound(ctx->ct), index, out, err);
}

const struct prop row_capabilities = {
	.name = "capabilities",
	.row = ROW_capabilities,
	.desc = "limit of capabilities, see capabilities(7)",
	.doc = "What a program inside may have at most, whoever runs it. Only a superuser\n"
	       "can name more than the defaults or what the parent has. Index: one or more\n"
	       "names, reads true or false. Default: that of the nearest container above\n"
	       "where it is set, or the daemon's list, see *capabilities_allowed*.",
	.type = &type_caps,
	.offset = FIELD(capabilities),
	.flags = PROP_INDEXED,
	.check = check_caps,
	.get = get_caps,
};

const struct prop row_capabilities_ambient = {
	.name = "capabilities_ambient",
	.row = ROW_capabilities_ambient,
	.desc = "capabilities that every process gets",
	.doc = "Given to the command also if its user is not root. Must be among\n"
	       "*capabilities_allowed* at start, else Permission. Default none.",
	.type = &type_caps,
	.offset = FIELD(capabilities_ambient),
	.flags = PROP_INDEXED,
	.check = check_caps,
};

#define SETS_DOC                                                                            \
	"Of the command just before it is executed; what it has then the kernel makes of\n" \
	"them, the bounding set, user and file: capabilities(7). "

const struct prop row_capabilities_effective = {
	.name = "capabilities_effective",
	.row = ROW_capabilities_effective,
	.desc = "effective capabilities of the command, before it is executed",
	.doc = SETS_DOC
	"Streams are opened with these.\n"
	"Must be among *capabilities_allowed* and *capabilities_permitted* at start.\n"
	"Default: what is permitted. Index as of *capabilities*.",
	.type = &type_caps,
	.offset = FIELD(capabilities_effective),
	.flags = PROP_INDEXED,
	.check = check_caps,
	.get = get_caps,
};

const struct prop row_capabilities_permitted = {
	.name = "capabilities_permitted",
	.row = ROW_capabilities_permitted,
	.desc = "permitted capabilities of the command, before it is executed",
	.doc = SETS_DOC
	"Must be\n"
	"among *capabilities_allowed* and have *capabilities_ambient* at start, else\n"
	"Permission. Default: root what is allowed, other users what is ambient. Index\n"
	"as of *capabilities*.",
	.type = &type_caps,
	.offset = FIELD(capabilities_permitted),
	.flags = PROP_INDEXED,
	.check = check_caps,
	.get = get_caps,
};

const struct prop row_capabilities_inheritable = {
	.name = "capabilities_inheritable",
	.row = ROW_capabilities_inheritable,
	.desc = "inheritable capabilities of the command",
	.doc = "Programs whose file has them inheritable get them. Must be among\n"
	       "*capabilities_allowed* and have *capabilities_ambient* at start, else\n"
	       "Permission. Default: the ambient ones. Index as of *capabilities*.",
	.type = &type_caps,
	.offset = FIELD(capabilities_inheritable),
	.flags = PROP_INDEXED,
	.check = check_caps,
	.get = get_caps,
};

const struct prop row_capabilities_allowed = {
	.name = "capabilities_allowed",
	.row = ROW_capabilities_allowed,
	.desc = "resulting bound of capabilities",
	.doc = "*capabilities* of the container and of all above; without KILL and\n"
	       "SYS_PTRACE if there is no own pid namespace, without IPC_LOCK if there is no\n"
	       "*memory_limit*, without NET_ADMIN if there is no own network, unless they\n"
	       "are named explicitly. With an owner root some more by default.",
	.flags = PROP_READONLY | PROP_INDEX_GET,
	.get = get_caps_allowed,
};

const struct prop row_capabilities_ambient_allowed = {
	.name = "capabilities_ambient_allowed",
	.row = ROW_capabilities_ambient_allowed,
	.desc = "obsolete name of capabilities_allowed",
	.doc = "The same as *capabilities_allowed*.",
	.flags = PROP_READONLY | PROP_INDEX_GET,
	.get = get_caps_allowed,
};
