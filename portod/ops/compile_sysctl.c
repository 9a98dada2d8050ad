/* SPDX-License-Identifier: Apache-2.0 */
/* Start description: kernel knobs of new namespaces. */
#include "base/xalloc.h"
#include "ops/compile.h"

static bool is_own(const struct compiled *c, enum sysctl_kind kind)
{
	enum ns_mode ipc = c->spec.ns[NS_IPC].mode, net = c->spec.ns[NS_NET].mode;

	/* One that is named by path is somebody's work to set up: its knobs, too. */
	return kind == SYSCTL_IPC ? ipc == NS_NEW : net == NS_NEW || net == NS_AT_PATH;
}

static int check(const struct smap *own, const struct compiled *c, struct error *err)
{
	for (size_t i = 0; i < own->n; i++) {
		enum sysctl_kind kind = sysctl_kind_of(own->e[i].key);

		if (kind == SYSCTL_FORBIDDEN)
			return error_set(err, ERR_PERMISSION,
					 "sysctl %.100s: the knob is not one that a container may "
					 "change",
					 own->e[i].key);
		if (!is_own(c, kind))
			return error_set(err, ERR_PERMISSION, "sysctl %s requires %s",
					 own->e[i].key,
					 kind == SYSCTL_IPC
						 ? "an ipc namespace of its own (isolate)"
						 : "net isolation: a network namespace of its own");
	}
	return 0;
}

static void add(struct compiled *c, const struct smap *map, const struct smap *except,
		bool optional)
{
	for (size_t i = 0; map && i < map->n; i++)
		if (!except || !smap_find(except, map->e[i].key))
			c->sysctls[c->spec.nsysctls++] = (struct sysctl_setting){
				.key = map->e[i].key, .value = map->e[i].val, .optional = optional
			};
}

int compile_sysctls(const struct ops *ops, const struct container *ct, struct compiled *c,
		    struct error *err)
{
	const struct smap *own = &ct->spec.sysctl;
	const struct smap *ipc = c->spec.ns[NS_IPC].mode == NS_NEW ? ops->config->ipc_sysctl : NULL;
	const struct smap *net = c->spec.ns[NS_NET].mode == NS_NEW ? ops->config->net_sysctl : NULL;

	if (check(own, c, err))
		return -1;
	if (!own->n && !ipc && !net)
		return 0;
	c->sysctls = xnew_array(struct sysctl_setting,
				own->n + (ipc ? ipc->n : 0) + (net ? net->n : 0) + 1);
	add(c, ipc, own, true);
	add(c, net, own, true);
	add(c, own, NULL, false);
	c->spec.sysctls = c->sysctls;
	return 0;
}
