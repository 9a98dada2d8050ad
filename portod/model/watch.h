/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscriptions: who waits for which container's change (reference/protocol.md §14).
 *
 * Sync waits report once and end; async ones report until removed. A report is delivered through
 * a function pointer, so that this file knows no sockets. Pure memory.
 *
 * An event looks only at the watches it may concern: names are found by hash, masks by what comes
 * before the last slash in front of their first wildcard ("a/b" for "a/b/x*"). Only masks like
 * "*" and "x***" are asked about everything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "model/client.h"
#include "model/container.h"

struct watches;

struct watch_report {
	const char *name;          /* as the client sees it */
	const char *state;         /* name of the state, "timeout" or "destroyed" */
	uint64_t when;             /* unix seconds */
	const char *label, *value; /* NULL = none */
	bool last;                 /* the watch was unlinked before: nothing will follow */
	uint64_t event;            /* reports of one event differ in name at most; 0 = alone */
};

/* One name or mask of a watch, in the bucket where events look for it. */
struct watch_entry {
	struct list node;
	struct watch *watch;
	struct watch_bucket *bucket;
	size_t index; /* in names or masks */
};

struct watch {
	struct watches *watches;     /* that it is on, NULL = none; borrowed */
	struct watch_entry *entries; /* owned; names, then masks */
	uint64_t event;              /* the last one that was looked at */
	struct list client_node;     /* on client->waiters */
	struct client *client;       /* borrowed */
	bool async;
	struct strv names;  /* resolved to absolute, as given in `given` */
	struct strv given;  /* what the client wrote, same order: echoed in reports */
	struct strv masks;  /* absolute masks */
	struct strv labels; /* masks of label names */
	struct strv raw;    /* request's names and labels verbatim, to match StopAsyncWait */
	char *target_state; /* NULL = any */
	/* Deliver one report. May free the watch when r->last is set, and no other watch, and
	 * subscribe or notify nobody. A sync
	 * watch gets exactly one, an async one with a target state too. */
	void (*report)(struct watch *w, const struct watch_report *r);
	void *user;
};

struct watches *watches_new(void);
/* Asserts that none is left. Returns NULL. */
struct watches *watches_free(struct watches *ws);
size_t watches_count(const struct watches *ws);
/* Names and masks that all events together have looked at: what dispatch costs. */
uint64_t watches_examined(const struct watches *ws);

void watch_init(struct watch *w, struct client *client, bool async);
/* Names and masks of a request, resolved in the client's view. Before watches_add(). */
int watch_add_name(struct watch *w, const char *name, struct error *err);
void watch_deinit(struct watch *w);
void watches_add(struct watches *ws, struct watch *w);
void watches_del(struct watch *w);

/* Would a sync wait end on this container now? With labels that is a matter of these. */
bool watch_is_satisfied(const struct watch *w, const struct container *ct);
bool watch_matches(const struct watch *w, const struct container *ct);
/*
 * The initial reports of one container to an async watch: its state, or each matching label when
 * label masks are given. false = that ended the watch (target state reached); it may be freed.
 */
bool watch_report_now(struct watch *w, struct container *ct);
/* End a sync watch with the present state of `ct`, which satisfies it. */
void watch_finish_now(struct watch *w, struct container *ct);
/* End any watch with an empty name and state "timeout". */
void watch_time_out(struct watch *w);

/* Something happened. `state` as in the report. */
void watches_notify_state(struct watches *ws, struct container *ct, const char *state);
void watches_notify_label(struct watches *ws, struct container *ct, const char *label,
			  const char *value);
/* Processes of a container that survives were killed for lack of memory: a report with the label
 * `oom_kills` and their number since start, for async watches that have just this name among their
 * labels. Masks do not match it: nobody gets a report he does not know. */
void watches_notify_oom(struct watches *ws, struct container *ct);
