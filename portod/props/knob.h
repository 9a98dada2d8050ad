/* SPDX-License-Identifier: Apache-2.0 */
/* Private to props/: `memory.stat` and the like, raw files of the container's groups. */
#pragma once

#include "props/prop.h"

/* ERR_INVALID_STATE when stopped, ERR_INVALID_VALUE for unknown controllers and files. */
int knob_get(const struct prop_ctx *ctx, const char *name, struct buf *out, struct error *err);
