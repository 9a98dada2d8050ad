/* SPDX-License-Identifier: Apache-2.0 */
/* Private to props/: the forms a property can be named in. Pure. */
#pragma once

#include "props/prop.h"

struct prop_name {
	const struct prop *prop; /* NULL = a raw knob */
	char *index;             /* owned; NULL = the whole property */
};

/*
 * `name`, `name[index]`, a label (which is `labels[LABEL]`), or, with prop = NULL, anything else
 * that has a dot. ERR_INVALID_PROPERTY.
 */
int prop_name_parse(const char *text, struct prop_name *ret, struct error *err);
void prop_name_deinit(struct prop_name *n);
