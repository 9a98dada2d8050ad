/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel knobs below /proc/sys that belong to a namespace: which ones a container may have, and
 * writing them. Names are those of sysctl(8): dots separate; a slash stands for a dot in a name,
 * such as the network interface eth0/5.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

enum sysctl_kind {
	SYSCTL_FORBIDDEN, /* of the whole machine, or dangerous */
	SYSCTL_IPC,       /* of the ipc namespace */
	SYSCTL_NET,       /* of the network namespace */
};

/* By the lists of reference/containers.md §21.9 and network.md §9. Pure. */
enum sysctl_kind sysctl_kind_of(const char *key);

struct sysctl_setting {
	const char *key, *value; /* borrowed */
	bool optional;           /* a default: a kernel without it, or that refuses it, is fine */
};

/*
 * Defaults of new namespaces, so that a container finds what the host has: keys of the lists whose
 * value on the host is not what the kernel gives a new namespace. Reads procfs, does not block.
 * Added to *ipc and *net.
 */
void sysctl_host_defaults(struct smap *ipc, struct smap *net);

/* O_PATH of /proc/sys, to be opened before another mount namespace is entered; or -errno. */
int sysctl_open(void);
/*
 * Write one into the namespaces of this process. ERR_NOT_SUPPORTED when the kernel has no such
 * knob, ERR_INVALID_VALUE when it does not take the value.
 */
int sysctl_write(int proc_sys, const struct sysctl_setting *s, struct error *err);
