/* SPDX-License-Identifier: Apache-2.0 */
/* Row: the network namespace. So far the choices that need no interfaces. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "props/nswish.h"
#include "props/refer.h"
#include "props/rows.h"

/* ---- words ---- */

enum net_word {
	WORD_UNKNOWN,
	WORD_INHERITED,
	WORD_HOST,
	WORD_NONE,
	WORD_CONTAINER,
	WORD_NETNS,
	WORD_LATER
};

static const struct {
	const char *text;
	enum net_word word;
} words[] = {
	{ "inherited", WORD_INHERITED }, { "host", WORD_HOST },
	{ "none", WORD_NONE },           { "container", WORD_CONTAINER },
	{ "netns", WORD_NETNS },         { "steal", WORD_LATER },
	{ "macvlan", WORD_LATER },       { "ipvlan", WORD_LATER },
	{ "veth", WORD_LATER },          { "L3", WORD_LATER },
	{ "NAT", WORD_LATER },           { "ipip6", WORD_LATER },
	{ "tap", WORD_LATER },           { "MTU", WORD_LATER },
	{ "MAC", WORD_LATER },           { "autoconf", WORD_LATER },
	{ "ECN", WORD_LATER },           { "ip", WORD_LATER },
};

static enum net_word word_of(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(words[i].text, text))
			return words[i].word;
	}
	return WORD_UNKNOWN;
}

/* ---- one option to its stored form ---- */

static int check_netns(const struct prop_ctx *ctx, const char *name, struct error *err)
{
	auto_free char *path = NULL;

	if (!strcmp(name, "..") || str_has_prefix(name, "../") || strstr(name, "/../"))
		return error_set(err, ERR_PERMISSION, "'..' is not allowed in netns '%.100s'",
				 name);
	if (strchr(name, '/'))
		return error_set(err, ERR_INVALID_VALUE, "netns '%.100s' has a slash", name);
	if (!client_may_name_netns(ctx->client))
		return error_set(err, ERR_PERMISSION,
				 "netns '%.100s': in a container only a superuser can name one",
				 name);
	/* Another client's /run may be any file system, which may block: start looks there. */
	if (!container_is_root(ctx->client->container))
		return 0;
	path = xasprintf("/run/netns/%s", name);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return error_set(err, ERR_INVALID_VALUE, "there is no network namespace '%.100s'",
				 name);
	return 0;
}

static int parse_container(const struct prop_ctx *ctx, const char *name, char **ret,
			   struct error *err)
{
	auto_free char *absolute = NULL;

	if (refer_parse(ctx->client, name, &absolute, err))
		return -1;
	*ret = xasprintf("container %s", absolute);
	return 0;
}

static int wrong_words(const char *option, struct error *err)
{
	return error_set(err, ERR_INVALID_VALUE, "'%.200s' has too many or too few words", option);
}

static int parse_option(const struct prop_ctx *ctx, const char *option, char **ret,
			struct error *err)
{
	auto_strv args = STRV_INIT;
	enum net_word word;

	strv_split(&args, option, ' ');
	word = args.n ? word_of(args.v[0]) : WORD_UNKNOWN;
	if (word == WORD_HOST && args.n > 1)
		word = WORD_LATER; /* the old name of steal */
	switch (word) {
	case WORD_INHERITED:
	case WORD_HOST:
	case WORD_NONE:
		if (args.n != 1)
			return wrong_words(option, err);
		*ret = xstrdup(word == WORD_NONE ? "none" : "inherited");
		return 0;
	case WORD_CONTAINER:
		return args.n == 2 ? parse_container(ctx, args.v[1], ret, err)
				   : wrong_words(option, err);
	case WORD_NETNS:
		if (args.n != 2)
			return wrong_words(option, err);
		if (check_netns(ctx, args.v[1], err))
			return -1;
		*ret = xasprintf("netns %s", args.v[1]);
		return 0;
	case WORD_LATER:
		return error_set(
			err, ERR_NOT_SUPPORTED,
			"'%.100s' comes with the network issue, there are none, inherited, "
			"container and netns so far",
			args.v[0]);
	case WORD_UNKNOWN:
		break;
	}
	return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no option of a network",
			 args.n ? args.v[0] : option);
}

/* A word that nobody knows is the client's mistake, whatever the others lack. */
static int check_words(const struct strv *options, struct error *err)
{
	for (size_t i = 0; i < options->n; i++) {
		auto_free char *word = xstrndup(options->v[i], strcspn(options->v[i], " \t"));

		if (word_of(word) == WORD_UNKNOWN)
			return error_set(err, ERR_INVALID_VALUE,
					 "'%.100s' is no option of a network", word);
	}
	return 0;
}

static int parse_net(const struct prop *p, const struct prop_ctx *ctx, const char *text,
		     void *field, struct error *err)
{
	auto_strv options = STRV_INIT, parsed = STRV_INIT;

	(void)p;
	strv_split(&options, text, ';');
	if (!options.n)
		return error_set(err, ERR_INVALID_VALUE, "the value is empty");
	if (check_words(&options, err))
		return -1;
	for (size_t i = 0; i < options.n; i++) {
		char *option = NULL;

		if (parse_option(ctx, options.v[i], &option, err))
			return -1;
		strv_add_take(&parsed, option);
	}
	if (parsed.n > 1)
		return error_set(err, ERR_INVALID_VALUE, "'%.200s': '%s' must be the only option",
				 text, parsed.v[0]);
	str_set(field, parsed.v[0]);
	return 0;
}

static void format_net(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		       struct buf *out)
{
	static const char *const names[] = { "inherited", "none", "container", "netns" };
	struct net_wish net = net_wish_of(ctx->ct);
	auto_free char *name = NULL;

	(void)p, (void)field;
	buf_adds(out, names[net.kind]);
	if (net.kind == NET_CONTAINER)
		name = refer_format(ctx->client, net.arg);
	if (net.arg)
		buf_addf(out, " %s", name ? name : net.arg);
}

static char *save_net(const struct prop *p, const void *field)
{
	(void)p;
	return xstrdup(*(char *const *)field);
}

static int load_net(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p, (void)err;
	str_set(field, text);
	return 0;
}

static const struct prop_type type_net = {
	.name = "network",
	.parse = parse_net,
	.format = format_net,
	.save = save_net,
	.load = load_net,
};

const struct prop row_net = {
	.name = "net",
	.row = ROW_net,
	.desc = "network setup",
	.doc = "One of: **inherited** (or **host**), the network of the nearest container above\n"
	       "that has a process. **none**: a new one, in which only the loopback device is up.\n"
	       "**container** *name*: that of another container, which must be started, and which\n"
	       "the client who starts must control (else InvalidValue, Permission). **netns**\n"
	       "*name*: the one that **ip netns** calls so, in the */run* of the host, or of a\n"
	       "client in a container, who must be a superuser (else Permission); a missing one\n"
	       "answers InvalidValue. Options that make interfaces answer NotSupported so far.\n"
	       "Default **inherited**, in *virt_mode* os **none**.",
	.type = &type_net,
	.offset = FIELD(net),
};
