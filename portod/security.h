/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the configuration that say what containers may do, as the property table wants
 * them. What is wrong in there is logged and left out: it costs what it is about, not the service.
 */
#pragma once

#include "config.h"
#include "props/device.h"

/* Looks at the nodes that are named. The caller owns *ret: device_config_deinit(). */
void security_read_devices(const struct config *c, struct device_config *ret);
/* Names and normalised texts. The caller owns *ret. */
void security_read_seccomp(const struct config *c, struct smap *ret);
