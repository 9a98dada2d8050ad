/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device nodes and access rules. One table serves both sides: the nodes made in a container's
 * /dev and the rules of the devices controller, so that a node never exists without its rule.
 * Pure text and tables; never blocks.
 *
 * Rule text (CGROUP_KNOB_DEVICES): lines in the kernel's own syntax, `c 1:3 rwm`, type `c` or `b`,
 * minor `*` = any; the whole list of what is allowed, everything else is denied. "" denies all; a
 * line `a *:* rwm` allows all. Kernel document: admin-guide/cgroup-v1/devices.rst.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

#define DEVICE_READ  1u
#define DEVICE_WRITE 2u
#define DEVICE_MKNOD 4u
#define DEVICE_RW    (DEVICE_READ | DEVICE_WRITE)
#define DEVICE_RWM   (DEVICE_READ | DEVICE_WRITE | DEVICE_MKNOD)
#define DEVICE_ANY   (-1) /* every major or minor */

struct device_node {
	const char *path; /* absolute inside the container; NULL = a rule only, no node to make */
	int major, minor; /* minor may be DEVICE_ANY (then path is NULL) */
	mode_t mode;      /* file type and permissions: S_IFCHR | 0666 */
	unsigned access;  /* DEVICE_… */
};

/* What every container gets: the root container's list. */
const struct device_node *device_defaults(size_t *ret_n);
/* Append the rule text of these nodes; rules for the same device are joined. */
void device_rules_format(const struct device_node *nodes, size_t n, struct buf *out);

struct device_rule {
	char type;        /* 'c', 'b' or 'a' = all of both */
	int major, minor; /* or DEVICE_ANY */
	unsigned access;  /* DEVICE_… */
};

struct device_rules {
	struct device_rule *v; /* owned; one entry per (type, major, minor) */
	size_t n;
	bool all; /* an `a` line was there */
};

#define DEVICE_RULES_INIT \
	{                 \
		0         \
	}

void device_rules_deinit(struct device_rules *r);
/* Parse rule text or the kernel's devices.list. 0 or -EINVAL. */
int device_rules_parse(const char *text, struct device_rules *ret);
/* Access bits the list gives for exactly this device, 0 if none. */
unsigned device_rules_access(const struct device_rules *r, const struct device_rule *key);
/* "c 1:3 rwm"; returns buf. */
const char *device_rule_format(const struct device_rule *r, char *buf, size_t size);
#define DEVICE_RULE_MAX 48
