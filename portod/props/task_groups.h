/* SPDX-License-Identifier: Apache-2.0 */
/* Supplementary groups of a container's command. Reads the user database. */
#pragma once

#include "base/cred.h"

struct container;

/* Fill the groups of a credential whose ids are there: as set, or from the database. */
void task_groups_load(const struct container *ct, struct cred *cred);
