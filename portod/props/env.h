/* SPDX-License-Identifier: Apache-2.0 */
/* The effective environment of a container (reference/containers.md §19). */
#pragma once

#include "base/str.h"
#include "model/container.h"
#include "props/prop.h"

/* Pure but for the user database. Appends "NAME=value", sorted by name, to *ret. `hostname` is the
 * host's, `cwd` the resolved working directory inside, `extra` the configuration's (NULL = none).
 * */
void env_build(const struct container *ct, const struct smap *extra, const char *hostname,
	       const char *cwd, struct strv *ret);
/* Value of one variable, NULL = not defined. New string. Asks the kernel for the host's name. */
char *env_lookup(const struct prop_ctx *ctx, const char *name);
