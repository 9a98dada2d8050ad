/* SPDX-License-Identifier: Apache-2.0 */
#include "sysctls.h"

#include "base/log.h"
#include "kernel/sysctl.h"

static void add_configured(PortoConfig__TContainerConfig__TSysctl *const *rows, size_t n,
			   bool is_net, struct smap *ret)
{
	for (size_t i = 0; i < n; i++) {
		const char *key = rows[i]->key ? rows[i]->key : "";
		const char *value = rows[i]->val ? rows[i]->val : "";

		/* Who writes the configuration may set any knob of a network namespace. */
		if (is_net ? str_has_prefix(key, "net.") : sysctl_kind_of(key) == SYSCTL_IPC)
			smap_set(ret, key, value);
		else
			log_warning(
				"configuration: '%s' is no knob of %s namespaces, it is ignored",
				key, is_net ? "network" : "ipc");
	}
}

void sysctls_read(const struct config *config, struct smap *ret_ipc, struct smap *ret_net)
{
	const PortoConfig__TContainerConfig *m = config->msg->container;

	/* A new address is to be used at once, also when nobody answers for it. */
	smap_set(ret_net, "net.ipv6.conf.all.accept_dad", "0");
	smap_set(ret_net, "net.ipv6.conf.default.accept_dad", "0");
	smap_set(ret_net, "net.ipv6.auto_flowlabels", "0");
	sysctl_host_defaults(ret_ipc, ret_net);
	add_configured(m->ipc_sysctl, m->n_ipc_sysctl, false, ret_ipc);
	add_configured(m->net_sysctl, m->n_net_sysctl, true, ret_net);
}
