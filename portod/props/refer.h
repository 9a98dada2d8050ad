/* SPDX-License-Identifier: Apache-2.0 */
/* Names of other containers inside of values: stored absolute, shown as a client can write them. */
#pragma once

#include "base/error.h"
#include "model/client.h"

/* "" = the root container. It need not exist, but must be able to. New string. */
int refer_parse(const struct client *client, const char *name, char **ret, struct error *err);
/* What is outside of the client's namespace begins with /porto/. New string. */
char *refer_format(const struct client *client, const char *absolute);
