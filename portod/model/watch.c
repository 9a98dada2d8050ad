/* SPDX-License-Identifier: Apache-2.0 */
#include "model/watch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/htab.h"
#include "base/xalloc.h"

/* All entries with the same name, or with masks below the same directory. */
struct watch_bucket {
	struct htab *table; /* NULL = the one of masks that may match anything */
	char *key;
	struct list entries;
};

/* Whom an event concerns, under which name. */
struct recipient {
	struct watch *watch;
	const char *name;
};

struct watches {
	struct htab *by_name, *by_dir; /* absolute name, directory of masks -> bucket */
	struct watch_bucket broad;
	size_t count;
	uint64_t events, examined;
	uint64_t now;            /* of the event at work */
	struct recipient *found; /* of the event at work */
	size_t nfound, cap;
};

struct watches *watches_new(void)
{
	struct watches *ws = xnew(struct watches);

	ws->by_name = htab_new();
	ws->by_dir = htab_new();
	list_init(&ws->broad.entries);
	return ws;
}

struct watches *watches_free(struct watches *ws)
{
	if (!ws)
		return NULL;
	assert(ws->count == 0);
	htab_free(ws->by_name);
	htab_free(ws->by_dir);
	free(ws->found);
	free(ws);
	return NULL;
}

size_t watches_count(const struct watches *ws)
{
	return ws->count;
}

uint64_t watches_examined(const struct watches *ws)
{
	return ws->examined;
}

void watch_init(struct watch *w, struct client *client, bool async)
{
	memset(w, 0, sizeof(*w));
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
	} else if (!strv_has(&w->names, full)) {
		strv_add_take(&w->names, full);
		strv_add(&w->given, name);
	} else {
		free(full);
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

/* ---- the index ---- */

static struct watch_bucket *bucket_get(struct htab *table, const char *key, size_t len)
{
	char *copy = xstrndup(key, len);
	struct watch_bucket *b = htab_get(table, copy);

	if (b) {
		free(copy);
		return b;
	}
	b = xnew(struct watch_bucket);
	b->table = table;
	b->key = copy;
	list_init(&b->entries);
	htab_put(table, b->key, b);
	return b;
}

static void bucket_drop_if_empty(struct watch_bucket *b)
{
	if (!b->table || !list_is_empty(&b->entries))
		return;
	htab_del(b->table, b->key);
	free(b->key);
	free(b);
}

/* Length of the directory that every match of the mask is below; 0 = none. */
static size_t mask_dir_len(const char *mask)
{
	size_t len = strcspn(mask, "*?[\\");

	while (len && mask[len] != '/')
		len--;
	return len;
}

static struct watch_bucket *bucket_of_mask(struct watches *ws, const char *mask)
{
	size_t len = mask_dir_len(mask);

	return len ? bucket_get(ws->by_dir, mask, len) : &ws->broad;
}

void watches_add(struct watches *ws, struct watch *w)
{
	size_t n = w->names.n + w->masks.n;

	assert(!w->watches);
	w->watches = ws;
	w->entries = xnew_array(struct watch_entry, n + 1);
	for (size_t i = 0; i < n; i++) {
		struct watch_entry *e = &w->entries[i];
		bool mask = i >= w->names.n;

		e->watch = w;
		e->index = mask ? i - w->names.n : i;
		e->bucket = mask ? bucket_of_mask(ws, w->masks.v[e->index])
				 : bucket_get(ws->by_name, w->names.v[e->index],
					      strlen(w->names.v[e->index]));
		list_push_back(&e->bucket->entries, &e->node);
	}
	ws->count++;
	list_push_back(&w->client->waiters, &w->client_node);
}

void watches_del(struct watch *w)
{
	size_t n = w->names.n + w->masks.n;

	list_del(&w->client_node);
	if (!w->watches)
		return;
	for (size_t i = 0; i < n; i++) {
		list_del(&w->entries[i].node);
		bucket_drop_if_empty(w->entries[i].bucket);
	}
	free(w->entries);
	w->entries = NULL;
	w->watches->count--;
	w->watches = NULL;
}

/* ---- who is concerned ---- */

/* What a client said itself is right as long as it may say it. */
static const char *shown(const struct watch *w, const struct container *ct, size_t index)
{
	const char *seen = client_compose(w->client, ct);

	if (seen)
		return seen;
	return client_sees(w->client, ct->name) ? w->given.v[index] : NULL;
}

/* How the client sees this container, or called it if it is hidden from it; NULL = not asked for.
 * */
static const char *name_for(const struct watch *w, const struct container *ct)
{
	if (container_is_root(ct))
		return NULL;
	for (size_t i = 0; i < w->names.n; i++)
		if (strcmp(w->names.v[i], ct->name) == 0)
			return shown(w, ct, i);
	for (size_t i = 0; i < w->masks.n; i++)
		if (mask_match(w->masks.v[i], ct->name))
			return client_compose(w->client, ct);
	return NULL;
}

static void add_recipient(struct watches *ws, struct watch *w, const char *name)
{
	if (!name)
		return;
	w->event = ws->events;
	if (ws->nfound == ws->cap) {
		ws->cap = ws->cap ? 2 * ws->cap : 16;
		ws->found = xreallocarray(ws->found, ws->cap, sizeof(*ws->found));
	}
	ws->found[ws->nfound++] = (struct recipient){ .watch = w, .name = name };
}

static bool is_open(struct watch *w)
{
	struct error ignored = ERROR_INIT;

	/* Its rights may have changed; without any it is to hear nothing more. */
	(void)client_refresh(w->client, &ignored);
	return w->client->access != ACCESS_NONE;
}

static void look_for_name(struct watches *ws, const struct container *ct)
{
	const struct watch_bucket *b = htab_get(ws->by_name, ct->name);
	struct watch_entry *e;

	if (!b)
		return;
	list_for_each(e, &b->entries, node) {
		ws->examined++;
		if (e->watch->event != ws->events && is_open(e->watch))
			add_recipient(ws, e->watch, shown(e->watch, ct, e->index));
	}
}

static void look_for_masks(struct watches *ws, const struct watch_bucket *b,
			   const struct container *ct)
{
	struct watch_entry *e;

	list_for_each(e, &b->entries, node) {
		struct watch *w = e->watch;

		ws->examined++;
		if (w->event != ws->events && mask_match(w->masks.v[e->index], ct->name) &&
		    is_open(w))
			add_recipient(ws, w, client_compose(w->client, ct));
	}
}

/* Fill ws->found. Collected before the first report, because a report may end its watch. */
static void find_recipients(struct watches *ws, const struct container *ct)
{
	ws->events++;
	ws->now = clock_wall_sec();
	ws->nfound = 0;
	if (container_is_root(ct) || ws->count == 0)
		return;
	look_for_name(ws, ct);
	for (const struct container *up = ct->parent; !container_is_root(up); up = up->parent) {
		const struct watch_bucket *b = htab_get(ws->by_dir, up->name);

		if (b)
			look_for_masks(ws, b, ct);
	}
	look_for_masks(ws, &ws->broad, ct);
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

/* Not a label: a name of its own that has to be asked for literally. */
static const char oom_label[] = "oom_kills";

static bool oom_wanted(const struct watch *w)
{
	for (size_t i = 0; w->async && i < w->labels.n; i++)
		if (strcmp(w->labels.v[i], oom_label) == 0)
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
	return watch_matches(w, ct) &&
	       (w->labels.n ? find_label(w, ct) != NULL : ends_sync_wait(ct));
}

/* Returns false if the watch ended with it. */
static bool deliver(struct watch *w, struct watch_report r)
{
	if (!r.when)
		r.when = clock_wall_sec();
	r.last = !w->async || w->target_state;
	if (r.last)
		watches_del(w);
	w->report(w, &r);
	return !r.last;
}

static bool survives_oom(const struct container *ct)
{
	return !ct->spec.oom_is_fatal && (state_is_started(ct->state) || ct->state == STATE_PAUSED);
}

static bool deliver_oom(struct watch *w, const char *name, const struct container *ct,
			uint64_t event)
{
	char value[32];

	snprintf(value, sizeof(value), "%" PRIu64, ct->oom_kills);
	return deliver(w, (struct watch_report){ .name = name,
						 .state = state_name(ct->state),
						 .label = oom_label,
						 .value = value,
						 .event = event });
}

bool watch_report_now(struct watch *w, struct container *ct)
{
	const char *name = name_for(w, ct);
	const char *state = state_name(ct->state);

	if (!name || (w->target_state && strcmp(w->target_state, state) != 0))
		return true;
	if (w->labels.n == 0)
		return deliver(w, (struct watch_report){ .name = name, .state = state });
	for (size_t i = 0; i < ct->spec.labels.n; i++) {
		const struct smap_entry *e = &ct->spec.labels.e[i];

		if (label_wanted(w, e->key) &&
		    !deliver(w, (struct watch_report){ .name = name,
						       .state = state,
						       .label = e->key,
						       .value = e->val }))
			return false;
	}
	if (oom_wanted(w) && ct->oom_kills && survives_oom(ct))
		return deliver_oom(w, name, ct, 0);
	return true;
}

void watch_finish_now(struct watch *w, struct container *ct)
{
	const struct smap_entry *label = find_label(w, ct);

	deliver(w, (struct watch_report){ .name = name_for(w, ct),
					  .state = state_name(ct->state),
					  .label = label ? label->key : NULL,
					  .value = label ? label->val : NULL });
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

static bool state_wanted(const struct watch *w, const struct container *ct, const char *state)
{
	if (w->async)
		return !w->target_state || strcmp(w->target_state, state) == 0;
	/* A container that was stopped and is destroyed will never do what is waited for. */
	return ends_sync_wait(ct) || ct->state == STATE_DESTROYED;
}

void watches_notify_state(struct watches *ws, struct container *ct, const char *state)
{
	char value[ERROR_MESSAGE_MAX + 64];
	const char *label = NULL;

	find_recipients(ws, ct);
	if (ws->nfound && strcmp(state, "destroyed") != 0)
		label = end_label(ct, value, sizeof(value));
	for (size_t i = 0; i < ws->nfound; i++) {
		const struct recipient *f = &ws->found[i];

		if (state_wanted(f->watch, ct, state))
			deliver(f->watch, (struct watch_report){ .name = f->name,
								 .state = state,
								 .when = ws->now,
								 .label = label,
								 .value = label ? value : NULL,
								 .event = ws->events });
	}
}

static bool change_wanted(const struct watch *w, const char *label, const char *state)
{
	return label_wanted(w, label) && (!w->target_state || strcmp(w->target_state, state) == 0);
}

void watches_notify_label(struct watches *ws, struct container *ct, const char *label,
			  const char *value)
{
	const char *state = state_name(ct->state);

	find_recipients(ws, ct);
	for (size_t i = 0; i < ws->nfound; i++) {
		const struct recipient *f = &ws->found[i];

		if (change_wanted(f->watch, label, state))
			deliver(f->watch, (struct watch_report){ .name = f->name,
								 .state = state,
								 .when = ws->now,
								 .label = label,
								 .value = value,
								 .event = ws->events });
	}
}

void watches_notify_oom(struct watches *ws, struct container *ct)
{
	const char *state = state_name(ct->state);

	if (!survives_oom(ct))
		return;
	find_recipients(ws, ct);
	for (size_t i = 0; i < ws->nfound; i++) {
		const struct recipient *f = &ws->found[i];
		const char *target = f->watch->target_state;

		if (oom_wanted(f->watch) && (!target || strcmp(target, state) == 0))
			deliver_oom(f->watch, f->name, ct, ws->events);
	}
}
