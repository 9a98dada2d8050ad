/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListContainersBy: containers as specs. All of them with everything take a while, so the work is
 * done in slices, with the loop's other work in between.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "handlers/reply.h"
#include "ops/fetch.h"
#include "props/spec.h"
#include "proto/frame.h"

#define SLICE_NSEC  (5 * 1000000ULL)
#define FILTERS_MAX 10000
#define NAMES_MAX   10000 /* of properties */
#define BYTES_MAX   (128 << 20)

struct filter {
	const Porto__TListContainersFilter *m;
	bool pattern;         /* a mask, or everything */
	struct container *ct; /* of a name; NULL = there is none */
	struct error err;     /* why */
	bool matched;
};

/* A name that is no property of specs. */
struct bad_name {
	enum error_code code;
	char *text;
};

struct lister {
	const struct handler_env *env;
	struct request *rq;
	struct filter *filters;
	size_t nfilters;
	struct spec_field *fields;
	size_t nfields;
	struct bad_name *bad;
	size_t nbad;
	bool streams[3]; /* 1, 2: told, in the window */
	struct spec_window windows[3];
	struct container **all; /* referenced */
	size_t n, pos;
	struct buf packed; /* the containers so far, encoded */
	struct error err;
	ev_timer timer;
	struct fetch *fetch;     /* at work, or NULL */
	struct prop_parts parts; /* output of the container at `pos`, if it is `fetched` */
	bool fetched;
};

static void lister_free(struct lister *l)
{
	ev_timer_stop(loop_ev(l->env->loop), &l->timer);
	for (size_t i = 0; i < l->nfilters; i++)
		container_unref(l->filters[i].ct);
	for (size_t i = 0; i < l->n; i++)
		container_unref(l->all[i]);
	for (size_t i = 0; i < l->nbad; i++)
		free(l->bad[i].text);
	prop_parts_deinit(&l->parts);
	buf_deinit(&l->packed);
	free(l->filters);
	free(l->fields);
	free(l->bad);
	free(l->all);
	free(l);
}

#define TAG_CONTAINERS ((char)(1 << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED))

/*
 * Encodes and frees the entry: to encode all of them at the end would be the longest slice. What
 * comes before the first one is left to whoever encodes the response.
 */
static void add_entry(struct lister *l, Porto__TContainer *entry)
{
	size_t len = porto__tcontainer__get_packed_size(entry);
	uint8_t prefix[FRAME_PREFIX_MAX];

	if (l->packed.len)
		buf_addc(&l->packed, TAG_CONTAINERS);
	buf_add(&l->packed, prefix, frame_encode_prefix((uint32_t)len, prefix));
	porto__tcontainer__pack(entry, buf_reserve(&l->packed, len));
	buf_commit(&l->packed, len);
	porto__tcontainer__free_unpacked(entry, NULL);
	if (l->packed.len > BYTES_MAX)
		error_set(&l->err, ERR_RESOURCE_NOT_AVAILABLE,
			  "the response would be larger than %d bytes: ask for fewer properties or "
			  "containers",
			  BYTES_MAX);
}

/* What is encoded already goes out as a field that the encoder does not know, tag and raw bytes. */
static void reply(struct request *rq, const struct buf *packed)
{
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TListContainersResponse list = PORTO__TLIST_CONTAINERS_RESPONSE__INIT;
	ProtobufCMessageUnknownField containers = {
		.tag = TAG_CONTAINERS >> 3,
		.wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
		.len = packed->len,
		.data = (uint8_t *)packed->data,
	};

	list.base.n_unknown_fields = packed->len > 0;
	list.base.unknown_fields = &containers;
	resp.listcontainersby = &list;
	request_reply(rq, &resp);
}

/* ---- one container ---- */

static void tell_streams(struct lister *l, const struct prop_ctx *ctx, Porto__TContainer *entry)
{
	char text[ERROR_MESSAGE_MAX];

	for (int fd = 1; fd <= 2; fd++) {
		struct error err = ERROR_INIT;

		if (!l->streams[fd] || spec_dump_stream(ctx, fd, &l->windows[fd], entry, &err) == 0)
			continue;
		/* Not started, not stored: as with any property. A wrong window is told, and what
		 * keeps from reading it. */
		if (err.code != ERR_INVALID_STATE &&
		    (err.code != ERR_INVALID_DATA || l->windows[fd].have_offset))
			spec_add_error(&entry->status->n_error, &entry->status->error,
				       (enum error_code)err.code,
				       error_message(&err, text, sizeof(text)));
	}
}

static void tell_values(struct lister *l, struct container *ct, Porto__TContainer *entry)
{
	struct prop_ctx ctx = {
		.env = l->env->props, .client = l->rq->client, .ct = ct, .parts = &l->parts
	};

	for (size_t i = 0; i < l->nfields; i++)
		spec_dump(&ctx, &l->fields[i], entry);
	tell_streams(l, &ctx, entry);
	for (size_t i = 0; i < l->nbad; i++)
		spec_add_error(&entry->status->n_error, &entry->status->error, l->bad[i].code,
			       l->bad[i].text);
}

static void tell(struct lister *l, const struct filter *f, const char *name, struct container *ct)
{
	Porto__TContainer *entry = spec_container_new();
	Porto__TContainerStatus *s = entry->status;

	entry->spec->name = xstrdup(name);
	if (f->m->has_changed_since && ct->change_time < f->m->changed_since) {
		s->has_no_changes = s->no_changes = s->has_change_time = true;
		s->change_time = ct->change_time;
	} else {
		tell_values(l, ct, entry);
	}
	add_entry(l, entry);
}

static void on_streams(struct prop_parts *parts, void *user);

/* ---- filters ---- */

static bool labels_match(const Porto__TStringMap *wanted, const struct container *ct)
{
	for (size_t i = 0; wanted && i < wanted->n_map; i++) {
		const char *value = label_get(ct, or_empty(wanted->map[i]->key));

		if (!value || (wanted->map[i]->val && strcmp(value, wanted->map[i]->val) != 0))
			return false;
	}
	return true;
}

/* `name` as the client sees it, NULL = hidden. */
static bool filter_matches(const struct filter *f, const char *name, const struct container *ct)
{
	if (!f->pattern)
		return f->ct == ct && labels_match(f->m->labels, ct);
	return name && (str_is_empty(f->m->name) || mask_match(f->m->name, name)) &&
	       labels_match(f->m->labels, ct);
}

static struct filter *find_filter(struct lister *l, const char *name, const struct container *ct)
{
	for (size_t i = 0; i < l->nfilters && !ct->destroyed; i++) {
		if (filter_matches(&l->filters[i], name, ct))
			return &l->filters[i];
	}
	return NULL;
}

/* Output in files of the owner is read by a job, before the container is told. */
static bool fetch_streams(struct lister *l, struct container *ct)
{
	for (int fd = 1; fd <= 2; fd++) {
		auto_free char *name = spec_stream_name(fd, &l->windows[fd]);

		if (l->streams[fd] && prop_needs_job(ct, name))
			prop_parts_add(&l->parts, ct, name);
	}
	if (!l->parts.n)
		return false;
	l->fetch = fetch_start(l->env->ops, l->rq->client, &l->parts, on_streams, l);
	return true;
}

/* false = it has to wait for a job, and is looked at again. */
static bool look_at(struct lister *l, struct container *ct)
{
	const char *name = client_compose(l->rq->client, ct);
	struct filter *f = find_filter(l, name, ct);

	if (!f)
		return true;
	if (!l->fetched && fetch_streams(l, ct))
		return false;
	f->matched = true;
	tell(l, f, f->pattern ? name : f->m->name, ct);
	return true;
}

static void tell_unmatched(struct lister *l)
{
	char text[ERROR_MESSAGE_MAX];

	for (size_t i = 0; i < l->nfilters; i++) {
		struct filter *f = &l->filters[i];
		Porto__TContainer *entry;

		if (f->matched)
			continue;
		if (!f->err.code)
			error_set(&f->err, ERR_CONTAINER_DOES_NOT_EXIST,
				  "no container matches '%.200s'", or_empty(f->m->name));
		entry = spec_container_new();
		entry->spec->name = xstrdup(or_empty(f->m->name));
		entry->error = xcalloc(1, sizeof(*entry->error));
		porto__terror__init(entry->error);
		entry->error->has_error = true;
		entry->error->error = (Porto__EError)f->err.code;
		entry->error->msg = xstrdup(error_message(&f->err, text, sizeof(text)));
		add_entry(l, entry);
	}
}

/* ---- the request ---- */

static void read_filters(struct lister *l, const Porto__TListContainersRequest *m)
{
	struct tree *tree = l->env->ops->tree;

	l->filters = xnew_array(struct filter, m->n_filters + 1);
	l->nfilters = m->n_filters;
	for (size_t i = 0; i < m->n_filters; i++) {
		struct filter *f = &l->filters[i];

		f->m = m->filters[i];
		f->pattern = str_is_empty(f->m->name) || mask_is_pattern(f->m->name);
		if (!f->pattern &&
		    client_resolve(l->rq->client, tree, f->m->name, &f->ct, &f->err) == 0)
			container_ref(f->ct);
	}
}

static void add_bad_name(struct lister *l, enum error_code code, char *text)
{
	l->bad = xreallocarray(l->bad, l->nbad + 1, sizeof(*l->bad));
	l->bad[l->nbad++] = (struct bad_name){ code, text };
}

static void read_name(struct lister *l, const char *name, bool *asked)
{
	const struct prop *p = prop_find(name);
	struct spec_field f;

	if (!p) {
		add_bad_name(l, ERR_INVALID_PROPERTY,
			     xasprintf("there is no property '%.200s'", name));
	} else if (!spec_field_of(p, &f)) {
		add_bad_name(l, ERR_INVALID_PROPERTY,
			     xasprintf("property '%s' is not part of specs, ask Get for it", name));
	} else if (!asked[prop_row(p)]) {
		asked[prop_row(p)] = true;
		l->fields[l->nfields++] = f;
	}
}

static void read_fields(struct lister *l, const Porto__TListContainersFieldOptions *o, bool *asked)
{
	l->fields = xnew_array(struct spec_field, prop_count());
	for (size_t i = 0; o && i < o->n_properties; i++)
		read_name(l, o->properties[i], asked);
	for (size_t row = 0; (!o || !o->n_properties) && row < prop_count(); row++) {
		asked[row] = true;
		if (spec_field_of(prop_at(row), &l->fields[l->nfields]))
			l->nfields++;
	}
}

static void read_window(struct lister *l, int fd, const Porto__TStreamDumpOptions *o, bool asked)
{
	if (!o || !asked)
		return;
	l->streams[fd] = true;
	l->windows[fd] = (struct spec_window){
		.have_offset = o->has_stdstream_offset,
		.have_limit = o->has_stdstream_limit,
		.offset = o->stdstream_offset,
		.limit = o->stdstream_limit,
	};
}

static int read_request(struct lister *l, const Porto__TListContainersRequest *m)
{
	const Porto__TListContainersFieldOptions *o = m->field_options;
	auto_free bool *asked = xnew_array(bool, prop_count());

	if (m->n_filters > FILTERS_MAX)
		return error_set(&l->err, ERR_RESOURCE_NOT_AVAILABLE,
				 "%zu filters are too many, the limit is %d", m->n_filters,
				 FILTERS_MAX);
	if (o && o->n_properties > NAMES_MAX)
		return error_set(&l->err, ERR_RESOURCE_NOT_AVAILABLE,
				 "%zu names of properties are too many, the limit is %d",
				 o->n_properties, NAMES_MAX);
	read_filters(l, m);
	read_fields(l, o, asked);
	if (o) {
		read_window(l, 1, o->stdout_options, asked[prop_row(prop_find("stdout"))]);
		read_window(l, 2, o->stderr_options, asked[prop_row(prop_find("stderr"))]);
	}
	return 0;
}

/* The root container first. */
static void take_containers(struct lister *l)
{
	struct tree *tree = l->env->ops->tree;
	struct container **sorted;
	size_t n = tree_sorted(tree, &sorted);

	l->all = xnew_array(struct container *, n + 1);
	l->all[l->n++] = container_ref(tree_root(tree));
	for (size_t i = 0; i < n; i++)
		l->all[l->n++] = container_ref(sorted[i]);
	free(sorted);
}

/* ---- slices ---- */

static void finish(struct lister *l)
{
	if (!l->err.code)
		tell_unmatched(l);
	if (l->err.code)
		request_fail(l->rq, &l->err);
	else
		reply(l->rq, &l->packed);
	lister_free(l);
}

static void run(struct lister *l)
{
	uint64_t end = clock_mono_nsec() + SLICE_NSEC;

	while (l->pos < l->n && !l->err.code) {
		if (!look_at(l, l->all[l->pos]))
			return;
		l->pos++;
		l->fetched = false;
		prop_parts_deinit(&l->parts);
		if (clock_mono_nsec() < end)
			continue;
		ev_timer_set(&l->timer, 0., 0.);
		ev_timer_start(loop_ev(l->env->loop), &l->timer);
		return;
	}
	finish(l);
}

static void on_timer(struct ev_loop *ev, ev_timer *t, int revents)
{
	(void)ev;
	(void)revents;
	run(container_of(t, struct lister, timer));
}

static void on_streams(struct prop_parts *parts, void *user)
{
	struct lister *l = user;

	l->fetch = NULL;
	l->parts = *parts;
	l->fetched = true;
	run(l);
}

static void abandon(struct request *rq)
{
	struct lister *l = rq->waiter;

	if (l->fetch)
		fetch_cancel(l->fetch);
	lister_free(l);
}

void handle_list_containers_by(const struct handler_env *env, struct request *rq)
{
	struct lister *l = xnew(struct lister);

	l->env = env;
	l->rq = rq;
	ev_timer_init(&l->timer, on_timer, 0., 0.);
	rq->waiter = l;
	rq->on_abandon = abandon;
	if (read_request(l, ARGS(rq, TListContainersRequest)) == 0 && l->nfilters)
		take_containers(l);
	run(l);
}
