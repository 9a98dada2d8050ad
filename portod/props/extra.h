/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties that the configuration gives containers at their start, unless somebody has set them
 * (container.extra_properties). They are set like any other property, and remembered as the
 * configuration's in container.preset: at the next start they are taken back and given anew, and
 * whoever sets one makes it theirs.
 */
#pragma once

#include "props/prop.h"

/* One of them; all strings borrowed. `filter` is a mask of absolute names. */
struct extra_property {
	const char *filter, *name, *value;
};

/* May the configuration give this one? ERR_INVALID_PROPERTY, ERR_NOT_SUPPORTED. */
int extra_check(const struct prop_env *env, const struct extra_property *x, struct error *err);
/* Of a stopped container: 1 = something has changed, 0, or -1 with the error of the value. */
int extra_apply(const struct prop_ctx *ctx, const struct extra_property *v, size_t n,
		struct error *err);
/* For the store: the names, "a;b"; NULL when there are none. New string. */
char *extra_save(const struct container *ct);
void extra_load(struct container *ct, const char *text);
