/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading values whose getters may block (prop_needs_job()): a job runs the getters and hands the
 * values back in memory that both share. Locks nothing: reading never waits for operations.
 */
#pragma once

#include "ops/ops.h"

#define FETCH_BYTES_MAX (128 << 20) /* of all values of one fetch */

struct fetch;

/*
 * *parts, at least one, is moved, and given back filled to `done`, which frees it; each has a value
 * or an error then. The client must live until then, or the fetch be cancelled. A few run at a
 * time, fewer of one container or owner, others wait.
 */
typedef void (*fetch_done)(struct prop_parts *parts, void *user);
struct fetch *fetch_start(struct ops *ops, const struct client *client, struct prop_parts *parts,
			  fetch_done done, void *user);
/* `done` is not called any more. */
void fetch_cancel(struct fetch *f);
/* At the end of the daemon. */
void fetch_deinit(struct ops *ops);
