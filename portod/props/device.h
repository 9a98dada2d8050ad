/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the property `devices`, and what follows from those of a container and its ancestors:
 * reference/containers.md §22. Looks into the host's /dev and the user database, does not block.
 */
#pragma once

#include "kernel/device.h"
#include "props/prop.h"

struct device_preset {
	char *name;
	struct strv rows;
};

/* Files of sysfs that are writable for containers that may have the device. */
struct device_sysfs {
	struct device_rule rule;
	struct strv paths;
};

/* What the configuration says; made by the daemon, const after. */
struct device_config {
	struct device_list base; /* the root container's list: what everybody has */
	struct device_preset *presets;
	size_t npresets;
	struct device_sysfs *sysfs;
	size_t nsysfs;
};

/* Only the default list. */
void device_config_init(struct device_config *c);
void device_config_deinit(struct device_config *c);
/*
 * Add what everybody may have besides: rows separated by `;`, all of them optional. -1 for a row
 * that is malformed; nothing is added then.
 */
int device_config_add_base(struct device_config *c, const char *rows, struct error *err);
int device_config_add_preset(struct device_config *c, const char *name, char *const *rows, size_t n,
			     struct error *err);
/* A device that the host does not have is no error. */
int device_config_add_sysfs(struct device_config *c, const char *device, char *const *paths,
			    size_t n, struct error *err);

/* What the container itself asks for. */
void devices_own(const struct container *ct, struct device_list *ret);
/* What it has: the parent's (or the root container's) list with its own over it. What the parent
 * does not have is left out. */
void devices_effective(const struct prop_env *env, const struct container *ct,
		       struct device_list *ret);
/* Is everything it asks for within what its parent has? ERR_PERMISSION names what is not. */
int devices_check_parent(const struct prop_env *env, const struct container *ct, struct error *err);
