/* SPDX-License-Identifier: Apache-2.0 */
/* Private to props/: labels as a map (reference/containers.md §25). Pure memory. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define LABEL_NAME_MAX   128
#define LABEL_PREFIX_MIN 2
#define LABEL_PREFIX_MAX 16
#define LABEL_VALUE_MAX  65536
#define LABEL_COUNT_MAX  100

/* One label, "" removes; ERR_INVALID_LABEL, ERR_RESOURCE_NOT_AVAILABLE. */
int label_map_set(struct smap *labels, const char *name, const char *value, struct error *err);
/* All or nothing; the count is checked on the result. */
int label_merge(struct smap *labels, const struct smap *changes, struct error *err);
/* Begins like a label (`ABC.` or `.ABC.`): such a name is no property. */
bool label_is_name(const char *name);
