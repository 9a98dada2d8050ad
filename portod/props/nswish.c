/* SPDX-License-Identifier: Apache-2.0 */
#include "props/nswish.h"

#include <string.h>

static const struct {
	const char *word;
	enum ns_wish_kind kind;
} wishes[] = {
	{ "new", NS_WISH_NEW },
	{ "inherit", NS_WISH_INHERIT },
	{ "container ", NS_WISH_CONTAINER },
	{ "path ", NS_WISH_PATH },
};

struct ns_wish ns_wish_of(const struct container *ct, enum ns_kind kind)
{
	const char *text = smap_get(&ct->spec.namespaces, ns_name(kind));

	for (size_t i = 0; text && i < ARRAY_SIZE(wishes); i++) {
		if (str_has_prefix(text, wishes[i].word))
			return (struct ns_wish){ .kind = wishes[i].kind,
						 .arg = text + strlen(wishes[i].word) };
	}
	return (struct ns_wish){ .kind = NS_WISH_NONE };
}

struct net_wish net_wish_of(const struct container *ct)
{
	const char *text = ct->spec.net;

	if (!text)
		text = ct->spec.virt_mode == VIRT_OS ? "none" : "inherited";
	if (str_has_prefix(text, "container "))
		return (struct net_wish){ NET_CONTAINER, text + strlen("container ") };
	if (str_has_prefix(text, "netns "))
		return (struct net_wish){ NET_NETNS, text + strlen("netns ") };
	return (struct net_wish){ .kind = !strcmp(text, "none") ? NET_NONE : NET_INHERITED };
}

static bool own_by_default(const struct container *ct, enum ns_kind kind)
{
	switch (kind) {
	case NS_PID:
	case NS_IPC:
		return ct->spec.isolate;
	case NS_UTS:
		return ct->spec.isolate || !str_is_empty(ct->spec.hostname);
	case NS_NET:
		return net_wish_of(ct).kind == NET_NONE;
	case NS_USER:
	case NS_MNT:
	case NS_CGROUP:
	case _NS_COUNT:
		break;
	}
	return false;
}

bool ns_is_own(const struct container *ct, enum ns_kind kind)
{
	enum ns_wish_kind wish = ns_wish_of(ct, kind).kind;

	return wish == NS_WISH_NONE ? own_by_default(ct, kind) : wish == NS_WISH_NEW;
}
