/* SPDX-License-Identifier: Apache-2.0 */
/* The effective environment of a container (reference/containers.md §19). */
#pragma once

#include "base/str.h"
#include "model/container.h"
#include "props/prop.h"

/* Effective variables by name, NULL = unset, and which of them are secret. */
struct env_view {
	struct smap vars, secret;
};

#define ENV_VIEW_INIT                \
	{                            \
		SMAP_INIT, SMAP_INIT \
	}

/*
 * Pure but for the user database. Appends "NAME=value", sorted by name, to *ret. `hostname` is the
 * host's, `cwd` the resolved working directory inside, `extra` the configuration's (NULL = none).
 * Returns whether there are secrets among them.
 */
bool env_build(const struct container *ct, const struct smap *extra, const char *hostname,
	       const char *cwd, struct strv *ret);
/* For readers. Asks the kernel for the host's name. */
void env_view(const struct prop_ctx *ctx, struct env_view *ret);
void env_view_deinit(struct env_view *v);
/* Value of one variable, NULL = not defined. New string. */
char *env_lookup(const struct prop_ctx *ctx, const char *name, bool *ret_secret);
