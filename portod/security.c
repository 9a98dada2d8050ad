/* SPDX-License-Identifier: Apache-2.0 */
#include "security.h"

#include "base/log.h"

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
