/* SPDX-License-Identifier: Apache-2.0 */
/* Names of containers and of properties. */
#include <stdlib.h>

#include "base/xalloc.h"
#include "handlers/reply.h"

void handle_list(const struct handler_env *env, struct request *rq)
{
	const Porto__TListRequest *m = ARGS(rq, TListRequest);
	const char *mask = str_is_empty(m->mask) ? "***" : m->mask;
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TListResponse list = PORTO__TLIST_RESPONSE__INIT;
	struct container **all;
	size_t n = tree_sorted(env->ops->tree, &all);

	list.name = request_alloc(rq, (n + 1) * sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const char *name = client_compose(rq->client, all[i]);

		if (!name || !mask_match(mask, name))
			continue;
		if (m->has_changed_since && all[i]->change_time < m->changed_since)
			continue;
		list.name[list.n_name++] = (char *)(uintptr_t)name;
	}
	if (list.n_name) /* as ever: nothing to say, no message */
		resp.list = &list;
	request_reply(rq, &resp);
	free(all);
}

static bool is_listed(const struct handler_env *env, const struct prop *p)
{
	return !(p->flags & PROP_HIDDEN) && prop_is_supported(p, env->props);
}

static char *describe(struct request *rq, const struct prop *p)
{
	auto_free char *text = xasprintf("%s%s%s", p->desc, p->flags & PROP_READONLY ? " (ro)" : "",
					 p->flags & PROP_DYNAMIC ? " (dynamic)" : "");

	return request_strdup(rq, text);
}

typedef Porto__TListPropertiesResponse__TContainerPropertyListEntry property_entry;
typedef Porto__TListDataPropertiesResponse__TContainerDataListEntry data_entry;

void handle_list_properties(const struct handler_env *env, struct request *rq)
{
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TListPropertiesResponse list = PORTO__TLIST_PROPERTIES_RESPONSE__INIT;
	property_entry *entries = request_alloc(rq, prop_count() * sizeof(*entries));

	list.list = request_alloc(rq, prop_count() * sizeof(*list.list));
	for (size_t i = 0; i < prop_count(); i++) {
		const struct prop *p = prop_at(i);
		property_entry *e = &entries[list.n_list];

		if (!is_listed(env, p))
			continue;
		porto__tlist_properties_response__tcontainer_property_list_entry__init(e);
		e->name = (char *)(uintptr_t)p->name;
		e->desc = describe(rq, p);
		e->has_read_only = e->has_dynamic = true;
		e->read_only = (p->flags & PROP_READONLY) != 0;
		e->dynamic = (p->flags & PROP_DYNAMIC) != 0;
		list.list[list.n_list++] = e;
	}
	resp.listproperties = &list;
	request_reply(rq, &resp);
}

void handle_list_data(const struct handler_env *env, struct request *rq)
{
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TListDataPropertiesResponse list = PORTO__TLIST_DATA_PROPERTIES_RESPONSE__INIT;
	data_entry *entries = request_alloc(rq, prop_count() * sizeof(*entries));

	list.list = request_alloc(rq, prop_count() * sizeof(*list.list));
	for (size_t i = 0; i < prop_count(); i++) {
		const struct prop *p = prop_at(i);
		data_entry *e = &entries[list.n_list];

		if (!is_listed(env, p) || !(p->flags & PROP_READONLY))
			continue;
		porto__tlist_data_properties_response__tcontainer_data_list_entry__init(e);
		e->name = (char *)(uintptr_t)p->name;
		e->desc = describe(rq, p);
		list.list[list.n_list++] = e;
	}
	resp.listdataproperties = &list;
	request_reply(rq, &resp);
}
