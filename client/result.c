/* SPDX-License-Identifier: Apache-2.0 */
#include "client/result.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest text of a number or bool. */
#define SCALAR_MAX 32

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* The result takes the reply of the call over. */
static Porto__TPortoResponse *take_reply(struct call *call)
{
	Porto__TPortoResponse *rsp = call->rsp;

	call->rsp = NULL;
	return rsp;
}

static void free_reply(Porto__TPortoResponse *rsp)
{
	if (rsp)
		porto__tporto_response__free_unpacked(rsp, NULL);
}

void porto_free_string(char *text)
{
	free(text);
}

/* ---- List ---- */

struct list_result {
	struct porto_list list; /* first: what the caller has */
	Porto__TPortoResponse *rsp;
	const char *names[];
};

struct porto_list *result_list(struct call *call)
{
	const Porto__TListResponse *from = call->rsp->list;
	size_t n = from ? from->n_name : 0, i;
	struct list_result *r = calloc(1, sizeof(*r) + (n + 1) * sizeof(r->names[0]));

	if (!r)
		return NULL;
	for (i = 0; i < n; i++)
		r->names[i] = from->name[i];
	r->list.count = n;
	r->list.names = r->names;
	r->rsp = take_reply(call);
	return &r->list;
}

struct porto_list *list_new(size_t names, size_t bytes, const char ***ret_names, char **ret_text)
{
	struct list_result *r;

	r = calloc(1, sizeof(*r) + (names + 1) * sizeof(r->names[0]) + bytes);
	if (!r)
		return NULL;
	r->list.names = r->names;
	*ret_names = r->names;
	*ret_text = (char *)(r->names + names + 1);
	return &r->list;
}

void porto_free_list(struct porto_list *list)
{
	struct list_result *r = (struct list_result *)list;

	if (!r)
		return;
	free_reply(r->rsp);
	free(r);
}

/* ---- Properties ---- */

struct properties_result {
	struct porto_properties properties;
	Porto__TPortoResponse *rsp;
	const struct porto_property **pointers;
	struct porto_property items[];
};

static struct properties_result *properties_new(size_t n)
{
	struct properties_result *r = calloc(1, sizeof(*r) + n * sizeof(r->items[0]));
	size_t i;

	if (!r)
		return NULL;
	r->pointers = calloc(n + 1, sizeof(*r->pointers));
	if (!r->pointers) {
		free(r);
		return NULL;
	}
	for (i = 0; i < n; i++)
		r->pointers[i] = &r->items[i];
	r->properties.count = n;
	r->properties.items = r->pointers;
	return r;
}

static struct porto_properties *data_properties(struct call *call)
{
	const Porto__TListDataPropertiesResponse *from = call->rsp->listdataproperties;
	struct properties_result *r = properties_new(from ? from->n_list : 0);
	size_t i;

	if (!r)
		return NULL;
	for (i = 0; i < r->properties.count; i++) {
		r->items[i].name = or_empty(from->list[i]->name);
		r->items[i].description = or_empty(from->list[i]->desc);
		r->items[i].read_only = true;
	}
	r->rsp = take_reply(call);
	return &r->properties;
}

struct porto_properties *result_properties(struct call *call)
{
	const Porto__TListPropertiesResponse *from = call->rsp->listproperties;
	struct properties_result *r;
	size_t i;

	if (call->rsp->listdataproperties)
		return data_properties(call);
	r = properties_new(from ? from->n_list : 0);
	if (!r)
		return NULL;
	for (i = 0; i < r->properties.count; i++) {
		r->items[i].name = or_empty(from->list[i]->name);
		r->items[i].description = or_empty(from->list[i]->desc);
		r->items[i].read_only = from->list[i]->read_only;
		r->items[i].dynamic = from->list[i]->dynamic;
	}
	r->rsp = take_reply(call);
	return &r->properties;
}

void porto_free_properties(struct porto_properties *properties)
{
	struct properties_result *r = (struct properties_result *)properties;

	if (!r)
		return;
	free_reply(r->rsp);
	free(r->pointers);
	free(r);
}

/* ---- Get ---- */

typedef Porto__TGetResponse__TContainerGetListResponse wire_values;
typedef Porto__TGetResponse__TContainerGetValueResponse wire_value;

/*
 * All arrays are slices of four allocations, so that the cost does not depend on how many
 * containers answer.
 */
struct get_result {
	struct porto_get_result result;
	Porto__TPortoResponse *rsp;
	const struct porto_values **container_pointers;
	const struct porto_value **value_pointers;
	struct porto_value *values;
	struct porto_values containers[];
};

static void get_result_free(struct get_result *r)
{
	if (!r)
		return;
	free_reply(r->rsp);
	free(r->container_pointers);
	free(r->value_pointers);
	free(r->values);
	free(r);
}

static void fill_value(struct porto_value *to, const wire_value *from)
{
	to->variable = or_empty(from->variable);
	to->error = from->has_error ? (int)from->error : 0;
	to->message = or_empty(from->errormsg);
	to->value = or_empty(from->value);
}

struct porto_get_result *result_get(struct call *call)
{
	const Porto__TGetResponse *from = call->rsp->get;
	size_t n = from ? from->n_list : 0, total = 0, used = 0, i, k;
	struct get_result *r;

	for (i = 0; i < n; i++)
		total += from->list[i]->n_keyval;
	r = calloc(1, sizeof(*r) + n * sizeof(r->containers[0]));
	if (!r)
		return NULL;
	r->container_pointers = calloc(n + 1, sizeof(*r->container_pointers));
	r->value_pointers = calloc(total + 1, sizeof(*r->value_pointers));
	r->values = calloc(total + 1, sizeof(*r->values));
	if (!r->container_pointers || !r->value_pointers || !r->values) {
		get_result_free(r);
		return NULL;
	}
	for (i = 0; i < n; i++) {
		const wire_values *w = from->list[i];
		struct porto_values *c = &r->containers[i];

		c->name = or_empty(w->name);
		c->change_time = w->change_time;
		c->no_changes = w->no_changes;
		c->count = w->n_keyval;
		c->items = r->value_pointers + used;
		r->container_pointers[i] = c;
		for (k = 0; k < w->n_keyval; k++, used++) {
			fill_value(&r->values[used], w->keyval[k]);
			r->value_pointers[used] = &r->values[used];
		}
	}
	r->result.count = n;
	r->result.containers = r->container_pointers;
	r->rsp = take_reply(call);
	return &r->result;
}

void porto_free_get_result(struct porto_get_result *result)
{
	get_result_free((struct get_result *)result);
}

/* ---- FindLabel ---- */

struct labels_result {
	struct porto_labels labels;
	Porto__TPortoResponse *rsp;
	const struct porto_label **pointers;
	struct porto_label items[];
};

struct porto_labels *result_labels(struct call *call)
{
	const Porto__TFindLabelResponse *from = call->rsp->findlabel;
	size_t n = from ? from->n_list : 0, i;
	struct labels_result *r = calloc(1, sizeof(*r) + n * sizeof(r->items[0]));

	if (!r)
		return NULL;
	r->pointers = calloc(n + 1, sizeof(*r->pointers));
	if (!r->pointers) {
		free(r);
		return NULL;
	}
	for (i = 0; i < n; i++) {
		r->items[i].name = or_empty(from->list[i]->name);
		r->items[i].state = or_empty(from->list[i]->state);
		r->items[i].label = or_empty(from->list[i]->label);
		r->items[i].value = or_empty(from->list[i]->value);
		r->pointers[i] = &r->items[i];
	}
	r->labels.count = n;
	r->labels.items = r->pointers;
	r->rsp = take_reply(call);
	return &r->labels;
}

void porto_free_labels(struct porto_labels *labels)
{
	struct labels_result *r = (struct labels_result *)labels;

	if (!r)
		return;
	free_reply(r->rsp);
	free(r->pointers);
	free(r);
}

/* ---- Maps ---- */

struct map_result {
	struct porto_map map;
	struct porto_pair pairs[]; /* then the text */
};

struct porto_map *map_new(size_t pairs, size_t bytes, struct porto_pair **ret_pairs,
			  char **ret_text)
{
	struct map_result *r = calloc(1, sizeof(*r) + pairs * sizeof(r->pairs[0]) + bytes);

	if (!r)
		return NULL;
	r->map.pairs = r->pairs;
	*ret_pairs = r->pairs;
	*ret_text = (char *)(r->pairs + pairs);
	return &r->map;
}

void porto_free_map(struct porto_map *map)
{
	free(map);
}

/* Text of a singular field that is set; NULL if it is not. May use buf. */
static const char *field_text(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f,
			      char *buf, size_t size)
{
	const char *member = (const char *)msg + f->offset;

	if (f->type == PROTOBUF_C_TYPE_STRING)
		return *(const char *const *)member;
	if (f->quantifier_offset &&
	    !*(const protobuf_c_boolean *)((const char *)msg + f->quantifier_offset))
		return NULL;
	/* The message has no other types. */
	if (f->type == PROTOBUF_C_TYPE_BOOL)
		return *(const protobuf_c_boolean *)member ? "true" : "false";
	if (f->type != PROTOBUF_C_TYPE_UINT64 && f->type != PROTOBUF_C_TYPE_FIXED64)
		return NULL;
	snprintf(buf, size, "%" PRIu64, *(const uint64_t *)member);
	return buf;
}

struct porto_map *result_system(struct call *call)
{
	const Porto__TGetSystemResponse *sys = call->rsp->getsystem;
	const ProtobufCMessageDescriptor *d = &porto__tget_system_response__descriptor;
	size_t bytes = 0, left;
	char buf[SCALAR_MAX], *text;
	struct porto_pair *pairs;
	struct porto_map *map;
	const char *value;
	unsigned i;

	for (i = 0; sys && i < d->n_fields; i++) {
		value = field_text(&sys->base, &d->fields[i], buf, sizeof(buf));
		bytes += value ? strlen(value) + 1 : 0;
	}
	map = map_new(d->n_fields, bytes, &pairs, &text);
	if (!map)
		return NULL;
	left = bytes;
	for (i = 0; sys && i < d->n_fields; i++) {
		value = field_text(&sys->base, &d->fields[i], buf, sizeof(buf));
		if (!value)
			continue;
		pairs[map->count].key = d->fields[i].name; /* static */
		pairs[map->count++].value = text;
		snprintf(text, left, "%s", value);
		left -= strlen(value) + 1;
		text += strlen(value) + 1;
	}
	return map;
}

/* ---- Events ---- */

struct event_result {
	struct porto_event event;
	char text[];
};

static const char *put_string(char **text, const char *s)
{
	size_t len = strlen(s) + 1;
	char *at = *text;

	memcpy(at, s, len);
	*text += len;
	return at;
}

struct porto_event *result_event(const Porto__TWaitResponse *report)
{
	const char *name = or_empty(report->name), *state = or_empty(report->state);
	const char *label = or_empty(report->label), *value = or_empty(report->value);
	struct event_result *r;
	char *text;

	r = calloc(1,
		   sizeof(*r) + strlen(name) + strlen(state) + strlen(label) + strlen(value) + 4);
	if (!r)
		return NULL;
	text = r->text;
	r->event.name = put_string(&text, name);
	r->event.state = put_string(&text, state);
	r->event.label = put_string(&text, label);
	r->event.value = put_string(&text, value);
	r->event.when = report->has_when ? report->when : 0;
	r->event.start_error = "";

	/* Not labels, although they travel as such: real ones are never lower case. */
	if (strcmp(label, "exit_code") == 0) {
		r->event.has_exit_code = true;
		r->event.exit_code = (int)strtol(value, NULL, 10);
		r->event.label = r->event.value = "";
	} else if (strcmp(label, "start_error") == 0) {
		r->event.start_error = r->event.value;
		r->event.label = r->event.value = "";
	}
	return &r->event;
}

void porto_free_event(struct porto_event *event)
{
	free(event);
}
