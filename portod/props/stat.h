/* SPDX-License-Identifier: Apache-2.0 */
/* Private to props/: rows that show a number of the kernel, enum cgroup_stat as their arg. */
#pragma once

#include "props/rows.h"

#define STAT(s)     ((const void *)(uintptr_t)CGROUP_STAT_##s)
#define USAGE_FLAGS (PROP_READONLY | PROP_RUNTIME)

/* A row's get. */
int stat_get(const struct prop *p, const struct prop_ctx *ctx, const char *index, struct buf *out,
	     struct error *err);
/* ERR_NOT_SUPPORTED when the daemon runs without groups (tests). */
int stat_require_groups(const struct prop_env *env, struct error *err);
