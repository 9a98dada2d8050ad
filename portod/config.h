/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: files -> one constant value. Read once at start (blocks on the disk).
 *
 * proto/config.proto is the list of options with their defaults; what is here is the choice of
 * files, the checks beyond types, and the values that follow from several options. Rooms receive
 * what they need of it as parameters; nobody else looks into files or asks for defaults.
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "proto/config.pb-c.h"

struct config {
	/* Owned. All sections up to `metrics` are present; scalars have their defaults. */
	PortoConfig__TPortodConfig *msg;

	/* Owned; derived. */
	char *helpers_dir; /* where portoinit and the helpers are */
	char *log_path;    /* NULL = standard error */
	char *pid_file;    /* of the master; NULL = none */
	char *file;        /* the file of --config, NULL = the system's files */
};

/*
 * Only `path`; it must exist. -1 with *err for a file that cannot be read, a syntax error, an
 * unknown option, a wrong type or value; the text is "FILE:LINE: section.option: what is wrong".
 */
int config_load_file(const char *path, struct config **ret, struct error *err);
/*
 * ROOT/etc/portod.conf (if that cannot be read, ROOT/etc/default/portod.conf), then
 * ROOT/etc/portod.conf.d/ *.conf in byte order. None of them must exist. `root` is "" but in tests.
 */
int config_load_system(const char *root, struct config **ret, struct error *err);
/* Accepts NULL. Returns NULL. */
struct config *config_free(struct config *c);
DEFINE_CLEANUP(struct config *, config_free)
