/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices: nodes and access rules. One list serves both sides: the nodes made in a container's
 * /dev and the rules of the devices controller, so that a node never exists without its rule.
 * Pure text and tables, but for device_find(), which looks into the host's /dev; never blocks.
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
#include "base/error.h"

#define DEVICE_READ  1u
#define DEVICE_WRITE 2u
#define DEVICE_MKNOD 4u
#define DEVICE_RW    (DEVICE_READ | DEVICE_WRITE)
#define DEVICE_RWM   (DEVICE_READ | DEVICE_WRITE | DEVICE_MKNOD)
#define DEVICE_ANY   (-1) /* every major or minor */
#define DEVICE_MAX   0xfffff

/* ---- rules ---- */

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
/* `a` written as what it means: everything of both types. */
void device_rules_expand(struct device_rules *r);
/* Does `wide` mean every device that `narrow` means? Access does not matter. */
bool device_rule_covers(const struct device_rule *wide, const struct device_rule *narrow);
/* "c 1:3 rwm"; returns buf. */
const char *device_rule_format(const struct device_rule *r, char *buf, size_t size);
#define DEVICE_RULE_MAX 48

/* ---- devices of a container ---- */

struct device {
	char *source;            /* owned; node on the host; NULL = by number or built in */
	char *path;              /* owned; node inside, below /dev; NULL = a rule only */
	struct device_rule rule; /* which device, and what may be done with it; 0 = nothing. Where
				    there is a node DEVICE_MKNOD is a part of it */
	mode_t mode;             /* permissions of the node, 0666 */
	uid_t uid;
	gid_t gid;
	bool optional; /* its absence on the host is no error */
	bool missing;  /* it is absent: neither a node nor a rule */
};

struct device_list {
	struct device *v; /* owned */
	size_t n;
};

#define DEVICE_LIST_INIT \
	{                \
		0        \
	}

void device_deinit(struct device *d);
void device_list_deinit(struct device_list *l);
#define auto_device_list _cleanup_(device_list_deinit) struct device_list
/* *src is left empty. */
void device_list_add_take(struct device_list *l, struct device *src);
void device_list_copy(struct device_list *dst, const struct device_list *src);
/* What every container gets: the root container's list. */
void device_list_defaults(struct device_list *ret);
/*
 * Put what a container asks for over what it has anyway: the same path inside replaces; about a
 * device by number the new list has the last word, under whatever names it has nodes; no access
 * takes it away.
 */
void device_list_merge(struct device_list *l, const struct device_list *own);
/* May somebody who has the list be given `d`? (a single rule must cover it, as in the kernel) */
bool device_list_allows(const struct device_list *l, const struct device *d);
/* Is there a node to make? */
bool device_has_node(const struct device *d);
/* The one at this path inside; NULL = none. */
const struct device *device_list_at(const struct device_list *l, const char *path);
/* Append the rule text; rules for the same device are joined. */
void device_rules_format(const struct device_list *l, struct buf *out);

/*
 * Type, number, mode and owner of `path`, a normal path below the host's /dev, into *d. Nothing
 * outside of the file system of /dev is looked at, where a lookup might never return, but a node
 * that is a mount itself. -ENOENT when there is no such thing, -ENOTBLK when it is no device, other
 * -errno. openat2(2) RESOLVE_BENEATH | RESOLVE_NO_XDEV.
 */
int device_find(const char *path, struct device *d);

/*
 * Change the nodes in the private /dev below the root directory `root` from those of one list to
 * those of the other: missing ones are made, with their directories; modes and owners are set;
 * those that are no longer in the list are removed if they still are what they were. A root without
 * a /dev of its own (a tmpfs mounted there) is left alone. ERR_BUSY where something else is in the
 * way. On failure the nodes are as they were, as far as possible. No symbolic link is followed;
 * mknodat(2). The umask should be 0.
 */
int device_nodes_change(int root, const struct device_list *from, const struct device_list *to,
			struct error *err);
