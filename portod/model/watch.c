/* SPDX-License-Identifier: Apache-2.0 */
#include "model/watch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"

struct watches {
	struct list all;
};

struct watches *watches_new(void)
{
	struct watches *ws = xnew(struct watches);

	list_init(&ws->all);
	return ws;
}

struct watches *watches_free(struct watches *ws)
{
	if (!ws)
		return NULL;
	assert(list_is_empty(&ws->all));
	free(ws);
	return NULL;
}

size_t watches_count(const struct watches *ws)
{
	size_t n = 0;

	for (const struct list *l = ws->all.next; l != &ws->all; l = l->next)
		n++;
	return n;
}

void watch_init(struct watch *w, struct client *client, bool async)
{
	memset(w, 0, sizeof(*w));
	list_init(&w->node);
	list_init(&w->client_node);
	w->client = client;
	w->async = async;
}

int watch_add_name(struct watch *w, const char *name, struct error *err)
{
	char *full;

	if (client_resolve_name(w->client, name, &full, err))
		return -1;
	if (mask_is_pattern(name)) {
		strv_add_take(&w->masks, full);
	} else {
		strv_add_take(&w->names, full);
		strv_add(&w->given, name);
	}
	return 0;
}

void watch_deinit(struct watch *w)
{
	watches_del(w);
	strv_deinit(&w->names);
	strv_deinit(&w->given);
	strv_deinit(&w->masks);
	strv_deinit(&w->labels);
	strv_deinit(&w->raw);
	free(w->target_state);
	w->target_state = NULL;
}

void watches_add(struct watches *ws, struct watch *w)
{
	list_push_back(&ws->all, &w->node);
	list_push_back(&w->client->waiters, &w->client_node);
}

void watches_del(struct watch *w)
{
	list_del(&w->node);
	list_del(&w->client_node);
}

/* How the client sees this container, or called it if it is hidden from it; NULL = not asked for.
 * */
static const char *name_for(const struct watch *w, const struct container *ct)
{
	const char *seen = client_compose(w->client, ct);

	if (container_is_root(ct))
		return NULL;
	for (size_t i = 0; i < w->names.n; i++)
		if (strcmp(w->names.v[i], ct->name) == 0)
			return seen ? seen : w->given.v[i];
	for (size_t i = 0; i < w->masks.n; i++)
		if (mask_match(w->masks.v[i], ct->name))
			return seen;
	return NULL;
}

bool watch_matches(const struct watch *w, const struct container *ct)
{
	return name_for(w, ct) != NULL;
}

static bool label_wanted(const struct watch *w, const char *label)
{
	for (size_t i = 0; i < w->labels.n; i++)
		if (mask_match(w->labels.v[i], label))
			return true;
	return false;
}

/* The first label of the container that the watch asks for. */
static const struct smap_entry *find_label(const struct watch *w, const struct container *ct)
{
	for (size_t i = 0; i < ct->spec.labels.n; i++)
		if (label_wanted(w, ct->spec.labels.e[i].key))
			return &ct->spec.labels.e[i];
	return NULL;
}

static bool ends_sync_wait(const struct container *ct)
{
	return ct->state == STATE_STOPPED || ct->state == STATE_DEAD ||
	       ct->state == STATE_RESPAWNING || container_is_hollow_meta(ct);
}

bool watch_is_satisfied(const struct watch *w, const struct container *ct)
{
	return watch_matches(w, ct) && (ends_sync_wait(ct) || find_label(w, ct));
}

/* Returns false if the watch ended with it. */
static bool deliver(struct watch *w, const char *name, const char *state, const char *label,
		    const char *value)
{
	struct watch_report r = {
		.name = name,
		.state = state,
		.when = clock_wall_sec(),
		.label = label,
		.value = value,
		.last = !w->async || w->target_state,
	};

	if (r.last)
		watches_del(w);
	w->report(w, &r);
	return !r.last;
}

bool watch_report_now(struct watch *w, struct container *ct)
{
	const char *name = name_for(w, ct);
	const char *state = state_name(ct->state);

	if (!name || (w->target_state && strcmp(w->target_state, state) != 0))
		return true;
	if (w->labels.n == 0)
		return deliver(w, name, state, NULL, NULL);
	for (size_t i = 0; i < ct->spec.labels.n; i++) {
		const struct smap_entry *e = &ct->spec.labels.e[i];

		if (label_wanted(w, e->key) && !deliver(w, name, state, e->key, e->val))
			return false;
	}
	return true;
}

void watch_finish_now(struct watch *w, struct container *ct)
{
	const struct smap_entry *label = find_label(w, ct);

	deliver(w, name_for(w, ct), state_name(ct->state), label ? label->key : NULL,
		label ? label->val : NULL);
}

void watch_time_out(struct watch *w)
{
	struct watch_report r = {
		.name = "", .state = "timeout", .when = clock_wall_sec(), .last = true
	};

	watches_del(w);
	w->report(w, &r);
}

/* Why it ended: the pseudo-label of a report about an end. */
static const char *end_label(const struct container *ct, char *value, size_t size)
{
	bool ended = ct->state == STATE_DEAD || ct->state == STATE_RESPAWNING;

	if ((ended || ct->state == STATE_STOPPED) && ct->start_error) {
		error_string(ct->start_error, value, size);
		return "start_error";
	}
	if (ended) {
		snprintf(value, size, "%d", container_exit_code(ct));
		return "exit_code";
	}
	return NULL;
}

void watches_notify_state(struct watches *ws, struct container *ct, const char *state)
{
	char value[ERROR_MESSAGE_MAX + 64];
	const char *label = strcmp(state, "destroyed") == 0 ? NULL
							    : end_label(ct, value, sizeof(value));
	struct watch *w, *tmp;

	list_for_each_safe(w, tmp, &ws->all, node) {
		const char *name = name_for(w, ct);

		if (!name)
			continue;
		if (w->async ? w->target_state && strcmp(w->target_state, state) != 0
			     : !ends_sync_wait(ct))
			continue;
		deliver(w, name, state, label, label ? value : NULL);
	}
}

void watches_notify_label(struct watches *ws, struct container *ct, const char *label,
			  const char *value)
{
	const char *state = state_name(ct->state);
	struct watch *w, *tmp;

	list_for_each_safe(w, tmp, &ws->all, node) {
		const char *name;

		if (!label_wanted(w, label) || !(name = name_for(w, ct)))
			continue;
		if (w->target_state && strcmp(w->target_state, state) != 0)
			continue;
		deliver(w, name, state, label, value);
	}
}
