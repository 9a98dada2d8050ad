/* SPDX-License-Identifier: Apache-2.0 */
/* Containers as whole messages: specs as text or encoded, in and out. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/conn.h"
#include "client/result.h"
#include "client/text.h"

#define KNOWN_FLAGS (PORTO_SPEC_START | PORTO_SPEC_PACKED)

static size_t strv_count(const char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static int invalid(struct porto_conn *conn, const char *why)
{
	return conn_error_errno(conn, PORTO_E_INVALID_VALUE, 0, "%s", why);
}

/* ---- In ---- */

static int parse_text(struct porto_conn *conn, const char *text, size_t size,
		      Porto__TContainerSpec **ret)
{
	return text_parse(conn, &porto__tcontainer_spec__descriptor, text, size, NULL,
			  PORTO_E_INVALID_VALUE, "spec", (ProtobufCMessage **)ret);
}

static int read_spec(struct porto_conn *conn, const void *spec, size_t size, unsigned flags,
		     Porto__TContainerSpec **ret)
{
	if (flags & ~KNOWN_FLAGS)
		return invalid(conn, "spec: unknown flags");
	if (!(flags & PORTO_SPEC_PACKED))
		return parse_text(conn, spec, size, ret);
	*ret = porto__tcontainer_spec__unpack(NULL, size, spec);
	return *ret ? 0 : invalid(conn, "spec: not an encoded TContainerSpec");
}

int porto_create_from_spec(struct porto_conn *conn, const void *spec, size_t size, unsigned flags)
{
	Porto__TPortoRequest req = PORTO__TPORTO_REQUEST__INIT;
	struct call call = CALL_INIT(METHOD_CREATE_FROM_SPEC, &req);
	Porto__TCreateFromSpecRequest body = PORTO__TCREATE_FROM_SPEC_REQUEST__INIT;
	int r;

	conn_enter(conn);
	r = read_spec(conn, spec, size, flags, &body.container);
	if (r)
		return r;
	body.has_start = body.start = flags & PORTO_SPEC_START;
	req.createfromspec = &body;
	r = conn_call(conn, &call);
	call_done(&call);
	porto__tcontainer_spec__free_unpacked(body.container, NULL);
	return r;
}

int porto_update_from_spec(struct porto_conn *conn, const void *spec, size_t size, unsigned flags)
{
	Porto__TPortoRequest req = PORTO__TPORTO_REQUEST__INIT;
	struct call call = CALL_INIT(METHOD_UPDATE_FROM_SPEC, &req);
	Porto__TUpdateFromSpecRequest body = PORTO__TUPDATE_FROM_SPEC_REQUEST__INIT;
	int r;

	conn_enter(conn);
	r = read_spec(conn, spec, size, flags, &body.container);
	if (r)
		return r;
	body.has_start = body.start = flags & PORTO_SPEC_START;
	call.repeatable = !body.start;
	req.updatefromspec = &body;
	r = conn_call(conn, &call);
	call_done(&call);
	porto__tcontainer_spec__free_unpacked(body.container, NULL);
	return r;
}

/* ---- Out ---- */

struct specs_result {
	struct porto_specs specs; /* first: what the caller has */
	const struct porto_spec **pointers;
	struct porto_spec *items;
};

void porto_free_specs(struct porto_specs *specs)
{
	struct specs_result *r = (struct specs_result *)specs;

	if (!r)
		return;
	for (size_t i = 0; i < r->specs.count; i++) {
		free((char *)r->items[i].name);
		free((char *)r->items[i].message);
		free((char *)r->items[i].spec);
		free((char *)r->items[i].status);
	}
	free(r->pointers);
	free(r->items);
	free(r);
}

static struct specs_result *specs_new(size_t n)
{
	struct specs_result *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->pointers = calloc(n + 1, sizeof(*r->pointers));
	r->items = calloc(n + 1, sizeof(*r->items));
	if (!r->pointers || !r->items) {
		porto_free_specs(&r->specs);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		r->pointers[i] = &r->items[i];
	r->specs.count = n;
	r->specs.items = r->pointers;
	return r;
}

/* Terminated in either form; NULL without memory. */
static char *encode(const ProtobufCMessage *m, unsigned flags, size_t *ret_size)
{
	char *data;

	if (flags & PORTO_SPEC_PACKED) {
		*ret_size = protobuf_c_message_get_packed_size(m);
		data = malloc(*ret_size + 1);
		if (data) {
			protobuf_c_message_pack(m, (uint8_t *)data);
			data[*ret_size] = '\0';
		}
		return data;
	}
	data = text_print(m);
	*ret_size = data ? strlen(data) : 0;
	return data;
}

static bool fill_spec(struct porto_spec *to, const Porto__TContainer *from, unsigned flags)
{
	Porto__TContainerSpec no_spec = PORTO__TCONTAINER_SPEC__INIT;
	Porto__TContainerStatus no_status = PORTO__TCONTAINER_STATUS__INIT;
	const Porto__TContainerSpec *spec = from->spec ? from->spec : &no_spec;
	const Porto__TContainerStatus *status = from->status ? from->status : &no_status;

	to->error = from->error ? (int)from->error->error : 0;
	to->no_changes = status->has_no_changes && status->no_changes;
	to->change_time = status->has_change_time ? status->change_time : 0;
	to->name = strdup(spec->name ? spec->name : "");
	to->message = strdup(from->error && from->error->msg ? from->error->msg : "");
	to->spec = encode(&spec->base, flags, &to->spec_size);
	to->status = encode(&status->base, flags, &to->status_size);
	return to->name && to->message && to->spec && to->status;
}

static struct porto_specs *result_specs(struct call *call, unsigned flags)
{
	const Porto__TListContainersResponse *from = call->rsp->listcontainersby;
	size_t n = from ? from->n_containers : 0;
	struct specs_result *r = specs_new(n);
	bool ok = r != NULL;

	for (size_t i = 0; ok && i < n; i++)
		ok = fill_spec(&r->items[i], from->containers[i], flags);
	if (ok)
		return &r->specs;
	if (r)
		porto_free_specs(&r->specs);
	return NULL;
}

/* ---- What is asked for ---- */

/* Everything points into the caller's arguments, but for `names`. */
struct query {
	Porto__TListContainersRequest request;
	Porto__TListContainersFieldOptions options;
	Porto__TStreamDumpOptions windows[2];
	Porto__TStringMap labels;
	Porto__TStringMap__TStringMapEntry *entries, **entry_pointers;
	Porto__TListContainersFilter *filters, **filter_pointers;
	char **properties;
};

static void query_free(struct query *q)
{
	free(q->entries);
	free(q->entry_pointers);
	free(q->filters);
	free(q->filter_pointers);
	free(q->properties);
}

static bool query_alloc(struct query *q, size_t filters, size_t labels, size_t properties)
{
	q->filters = calloc(filters + 1, sizeof(*q->filters));
	q->filter_pointers = calloc(filters + 1, sizeof(*q->filter_pointers));
	q->entries = calloc(labels + 1, sizeof(*q->entries));
	q->entry_pointers = calloc(labels + 1, sizeof(*q->entry_pointers));
	q->properties = calloc(properties + 1, sizeof(*q->properties));
	return q->filters && q->filter_pointers && q->entries && q->entry_pointers && q->properties;
}

static void add_labels(struct query *q, const struct porto_map *labels)
{
	porto__tstring_map__init(&q->labels);
	q->labels.map = q->entry_pointers;
	for (size_t i = 0; labels && i < labels->count; i++) {
		Porto__TStringMap__TStringMapEntry *e = &q->entries[i];

		porto__tstring_map__tstring_map_entry__init(e);
		e->key = (char *)labels->pairs[i].key;
		e->val = (char *)labels->pairs[i].value;
		q->entry_pointers[q->labels.n_map++] = e;
	}
}

static void add_filter(struct query *q, const char *name, uint64_t changed_since)
{
	Porto__TListContainersFilter *f = &q->filters[q->request.n_filters];

	porto__tlist_containers_filter__init(f);
	f->name = (char *)name;
	f->has_changed_since = changed_since != 0;
	f->changed_since = changed_since;
	f->labels = q->labels.n_map ? &q->labels : NULL;
	q->filter_pointers[q->request.n_filters++] = f;
}

static bool parse_number(const char **p, uint64_t *ret)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	errno = 0;
	*ret = strtoull(*p, &end, 10);
	*p = end;
	return errno == 0;
}

/* "[offset][:length]]", all that is behind the first bracket. */
static bool parse_window(const char *p, Porto__TStreamDumpOptions *w)
{
	w->has_stdstream_offset = parse_number(&p, &w->stdstream_offset);
	if (*p == ':') {
		p++;
		w->has_stdstream_limit = parse_number(&p, &w->stdstream_limit);
		if (!w->has_stdstream_limit)
			return false;
	}
	return (w->has_stdstream_offset || w->has_stdstream_limit) && strcmp(p, "]") == 0;
}

/* `stdout`, `stdout[…]` and the like are properties with a window; others are names. */
static bool add_property(struct query *q, const char *name)
{
	static const char *const streams[] = { "stdout", "stderr" };

	for (int i = 0; i < 2; i++) {
		size_t n = strlen(streams[i]);

		if (strncmp(name, streams[i], n) != 0 || (name[n] && name[n] != '['))
			continue;
		porto__tstream_dump_options__init(&q->windows[i]);
		if (name[n] && !parse_window(name + n + 1, &q->windows[i]))
			return false;
		*(i ? &q->options.stderr_options : &q->options.stdout_options) = &q->windows[i];
		name = streams[i];
	}
	q->properties[q->options.n_properties++] = (char *)name;
	return true;
}

static int query_fill(struct porto_conn *conn, struct query *q, const char *const *names,
		      const struct porto_map *labels, uint64_t changed_since,
		      const char *const *properties)
{
	porto__tlist_containers_request__init(&q->request);
	porto__tlist_containers_field_options__init(&q->options);
	add_labels(q, labels);
	for (size_t i = 0; names && names[i]; i++)
		add_filter(q, names[i], changed_since);
	if (!names)
		add_filter(q, "***", changed_since);
	q->request.filters = q->filter_pointers;
	q->options.properties = q->properties;
	q->request.field_options = &q->options;
	for (size_t i = 0; properties && properties[i]; i++) {
		if (!add_property(q, properties[i]))
			return conn_error_errno(conn, PORTO_E_INVALID_VALUE, 0,
						"'%s': [offset][:length] is needed", properties[i]);
	}
	return 0;
}

static int list_specs(struct porto_conn *conn, struct query *q, unsigned flags,
		      struct porto_specs **ret_specs)
{
	Porto__TPortoRequest req = PORTO__TPORTO_REQUEST__INIT;
	struct call call = CALL_INIT(METHOD_LIST_CONTAINERS_BY, &req);
	struct porto_specs *specs;
	int r;

	req.listcontainersby = &q->request;
	r = conn_call(conn, &call);
	if (r == 0) {
		specs = result_specs(&call, flags);
		r = specs ? 0 : conn_error_memory(conn);
		if (specs)
			*ret_specs = specs;
	}
	call_done(&call);
	return r;
}

int porto_list_specs(struct porto_conn *conn, const char *const *names,
		     const struct porto_map *labels, uint64_t changed_since,
		     const char *const *properties, unsigned flags, struct porto_specs **ret_specs)
{
	struct query q = { 0 };
	int r;

	conn_enter(conn);
	if (flags & ~PORTO_SPEC_PACKED)
		return invalid(conn, "spec: unknown flags");
	if (query_alloc(&q, names ? strv_count(names) : 1, labels ? labels->count : 0,
			strv_count(properties)))
		r = query_fill(conn, &q, names, labels, changed_since, properties);
	else
		r = conn_error_memory(conn);
	if (r == 0)
		r = list_specs(conn, &q, flags, ret_specs);
	query_free(&q);
	return r;
}
