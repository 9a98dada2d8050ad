/* SPDX-License-Identifier: Apache-2.0 */
#include "security.h"

#include <stdlib.h>

#include "base/log.h"
#include "props/seccomp.h"
#include "proto/textpb.h"

void security_read_devices(const struct config *c, struct device_config *ret)
{
	const PortoConfig__TContainerConfig *m = c->msg->container;
	struct error err = ERROR_INIT;

	device_config_init(ret);
	if (m->extra_devices && device_config_add_base(ret, m->extra_devices, &err))
		log_error("container.extra_devices is left out: %s", err.text);
	for (size_t i = 0; i < m->n_device_preset; i++) {
		const PortoConfig__TContainerConfig__TDevicePreset *p = m->device_preset[i];

		if (device_config_add_preset(ret, p->preset, p->device, p->n_device, &err))
			log_error("container.device_preset '%s' is left out: %s",
				  p->preset ? p->preset : "", err.text);
	}
	for (size_t i = 0; i < m->n_device_sysfs; i++) {
		const PortoConfig__TContainerConfig__TDeviceSysfs *s = m->device_sysfs[i];

		if (device_config_add_sysfs(ret, s->device ? s->device : "", s->sysfs, s->n_sysfs,
					    &err))
			log_error("container.device_sysfs '%s' is left out: %s",
				  s->device ? s->device : "", err.text);
	}
}

static void read_profile(const PortoConfig__TContainerConfig__TSeccompEntry *e, struct smap *ret)
{
	auto_free char *raw = e->profile ? textpb_print(&e->profile->base) : NULL, *text = NULL;
	const char *name = e->name ? e->name : "";
	struct error err = ERROR_INIT;

	if (!*name)
		error_set(&err, ERR_INVALID_VALUE, "it has no name");
	else
		seccomp_normalize(raw ? raw : "", &text, &err);
	if (err.code)
		log_error("container.seccomp_profiles '%s' is left out: %s", name, err.text);
	else
		smap_set(ret, name, text);
}

void security_read_seccomp(const struct config *c, struct smap *ret)
{
	const PortoConfig__TContainerConfig *m = c->msg->container;

	*ret = (struct smap)SMAP_INIT;
	for (size_t i = 0; i < m->n_seccomp_profiles; i++)
		read_profile(m->seccomp_profiles[i], ret);
}
