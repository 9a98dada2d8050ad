/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which storage places a container may use: an ordered list of `/path`, which may be a mask,
 * `name=/path`, and `***` for any (reference/containers.md §24). Pure.
 */
#pragma once

#include "base/error.h"
#include "props/prop.h"

/* The list that holds for `ct`: its own, or that of the nearest ancestor that has one. Appended. */
void place_policy(const struct prop_env *env, const struct container *ct, struct strv *ret);
/* May whoever has the list `parent` give its children `own`? ERR_PERMISSION names the entry. */
int place_check(const struct strv *parent, const struct strv *own, struct error *err);
/* The same for the container's own list, if it has one, and its parent's. */
int place_check_container(const struct prop_env *env, const struct container *ct,
			  struct error *err);
