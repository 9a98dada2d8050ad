/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row of the property `devices`: `device access [path [mode [user [group]]]]`, for clients and
 * for the store. The device is a node below the host's /dev, which is looked up, or a number:
 * `c:10:200`, `b:8:*`, `a:*:*`. Does not block (kernel/device.h).
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "kernel/device.h"

struct client;

struct device_row {
	struct device d; /* owned */
	bool by_number;
	bool wildcard; /* `*` in the access: all minors of the device's major */
	/* Of the host's node. */
	bool found;
	mode_t host_mode;
	uid_t host_uid;
	gid_t host_gid;
};

/*
 * Without any check of rights. `known`, or NULL: rows that there are; a device in there can be
 * taken away although its node is gone. ERR_INVALID_VALUE, ERR_DEVICE_NOT_FOUND. The caller owns
 * ret->d on success.
 */
int device_row_parse(const char *row, const struct device_list *known, struct device_row *ret,
		     struct error *err);
/* May the client have what the row asks for? ERR_PERMISSION. */
int device_row_check(const struct device_row *row, const struct client *client, struct error *err);
/* All six words. */
void device_row_format(const struct device *d, struct buf *out);
/* The same and the device's number, with numbers of users. New string; device_row_load() takes it.
 */
char *device_row_save(const struct device *d);
int device_row_load(const char *text, struct device *ret, struct error *err);
