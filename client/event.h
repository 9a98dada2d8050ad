/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of libporto: a subscription, shared by event.c (life, queue) and arm.c (the wire). */
#pragma once

#include "client/conn.h"

struct porto_subscription {
	struct porto_subscription *next;
	struct porto_conn *conn;
	struct transport *t; /* conn->main or own */
	struct transport own;
	char **names, **labels;
	char *target_state;
	uint64_t deadline;
	porto_event_fn *callback;
	void *userdata;

	bool active;
	bool dead;          /* ended from inside porto_dispatch(), which frees it */
	bool was_armed;     /* the next time is a resync */
	bool resyncing;     /* events coming in now repeat the present state */
	uint64_t last_seen; /* Unix seconds: nothing before can have been missed */

	int refused;        /* the daemon's answer to subscribing, */
	char *refused_text; /* and its words */
};

/* Queue an event; wakes porto_fd() outside of porto_dispatch(). 0 or -ENOMEM. */
int event_queue(struct porto_subscription *sub, const Porto__TWaitResponse *report);
/* The same for an event of no container, made here. */
int event_note(struct porto_subscription *sub, const char *state, const char *text);
/* The subscription as a request, with what is left of its time; borrows its strings. */
void event_fill_wait(Porto__TWaitRequest *wait, const struct porto_subscription *sub);
