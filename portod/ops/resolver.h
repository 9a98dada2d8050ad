/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to ops/: /etc/resolv.conf of containers that have no text of their own.
 *
 * They get the daemon's default: what the configuration says, or the host's file. That one is
 * looked at every `resolv_conf_watchdog_ms`; a change that two looks find the same is the new
 * default, and is written into running containers by a job. The store knows what they have, so that
 * a restart writes nothing unless the default changed meanwhile.
 */
#pragma once

#include "ops/ops.h"

struct resolver;

struct resolver *resolver_new(struct ops *ops);
struct resolver *resolver_free(struct resolver *r);
/* After the containers are restored. */
void resolver_start(struct resolver *r);
/* A container has started with the default of `serial` (0 = it has none): see that it gets what
 * came since. */
void resolver_started(struct resolver *r, uint64_t serial);
/* In a job: bring the value of `resolv_conf` to a started container. */
int apply_resolv_conf(struct ops *ops, struct container *ct, struct error *err);
/* Text for /etc/resolv.conf of a container, NULL = its file is left alone. New string. *ret_serial
 * names the default for resolver_started(); 0 = it is not the default. */
char *resolv_conf_of(struct ops *ops, const struct container *ct, uint64_t *ret_serial);
