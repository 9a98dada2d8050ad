/* SPDX-License-Identifier: Apache-2.0 */
#include "model/tree.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/htab.h"
#include "base/xalloc.h"

#define ID_ROOT  1
#define ID_FIRST 4 /* 2 and 3 are reserved */

struct tree {
	struct container *root;
	struct htab *by_name;
	struct container *by_id[CONTAINER_ID_MAX + 1];
	uint32_t last_id;
	size_t count;
};

static struct container *container_alloc(const char *name, uint32_t id, unsigned level)
{
	struct container *ct = xnew(struct container);

	ct->refs = 1;
	ct->name = xstrdup(name);
	ct->id = id;
	ct->level = level;
	ct->state = STATE_STOPPED;
	ct->spec.task_cred = (struct cred)CRED_INIT;
	ct->spec.owner_cred = (struct cred)CRED_INIT;
	list_init(&ct->children);
	list_init(&ct->child_node);
	list_init(&ct->op_waiting);
	list_init(&ct->weak_node);
	ct->creation.wall_sec = clock_wall_sec();
	ct->creation.boot_nsec = clock_boot_nsec();
	ct->change_time = ct->creation.wall_sec;
	return ct;
}

struct tree *tree_new(void)
{
	struct tree *t = xnew(struct tree);
	struct container *root = container_alloc("", ID_ROOT, 0);

	t->by_name = htab_new();
	t->root = root;
	t->last_id = ID_FIRST - 1;
	t->by_id[ID_ROOT] = root;
	root->state = STATE_META;
	root->spec.virt_mode = VIRT_HOST;
	root->spec.task_cred.uid = root->spec.owner_cred.uid = 0;
	root->spec.task_cred.gid = root->spec.owner_cred.gid = 0;
	return t;
}

struct tree *tree_free(struct tree *t)
{
	const struct container *ct;

	if (!t)
		return NULL;
	while ((ct = tree_next_post(t->root, NULL)) != t->root)
		tree_remove(t, t->by_id[ct->id]);
	container_unref(t->root);
	htab_free(t->by_name);
	free(t);
	return NULL;
}

struct container *tree_root(const struct tree *t)
{
	return t->root;
}

size_t tree_count(const struct tree *t)
{
	return t->count;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_-@:.", c));
}

static int check_component(const char *name, const char *part, size_t len, struct error *err)
{
	if (len == 0)
		return error_set(err, ERR_INVALID_VALUE,
				 "container name '%s' has an empty component", name);
	if (len > CONTAINER_NAME_MAX)
		return error_set(err, ERR_INVALID_VALUE,
				 "container name component '%.*s' is longer than %d bytes",
				 (int)len, part, CONTAINER_NAME_MAX);
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(part[i]))
			return error_set(err, ERR_INVALID_VALUE,
					 "container name '%s' has the forbidden byte 0x%02x", name,
					 (unsigned char)part[i]);
	if ((len == 4 && memcmp(part, "self", 4) == 0) || (len == 1 && part[0] == '.') ||
	    (len == 2 && memcmp(part, "..", 2) == 0))
		return error_set(err, ERR_INVALID_VALUE,
				 "container name '%s' uses the reserved word '%.*s'", name,
				 (int)len, part);
	return 0;
}

int tree_check_name(const char *name, bool superuser, struct error *err)
{
	size_t max = superuser ? CONTAINER_PATH_MAX_SUPER : CONTAINER_PATH_MAX;

	if (!*name)
		return error_set(err, ERR_INVALID_VALUE, "container name is empty");
	if (strlen(name) > max)
		return error_set(err, ERR_INVALID_VALUE,
				 "container name '%.40s…' is %zu bytes long, the limit is %zu",
				 name, strlen(name), max);
	for (const char *part = name;; part++) {
		size_t len = strcspn(part, "/");

		if (check_component(name, part, len, err))
			return -1;
		part += len;
		if (!*part)
			return 0;
	}
}

struct container *tree_find(const struct tree *t, const char *name)
{
	if (!*name || strcmp(name, "/") == 0)
		return t->root;
	return htab_get(t->by_name, name);
}

struct container *tree_find_id(const struct tree *t, uint32_t id)
{
	return id <= CONTAINER_ID_MAX ? t->by_id[id] : NULL;
}

struct container *tree_find_nearest(const struct tree *t, const char *name)
{
	char copy[1024];

	snprintf(copy, sizeof(copy), "%s", name);
	for (;;) {
		struct container *ct = tree_find(t, copy);
		char *slash = strrchr(copy, '/');

		if (ct)
			return ct;
		if (!slash)
			return t->root;
		*slash = '\0';
	}
}

/* Next fit: ids are handed out round-robin, so that a stale id is not reused at once. */
static uint32_t next_id(struct tree *t)
{
	for (uint32_t n = 0; n <= CONTAINER_ID_MAX; n++) {
		t->last_id = t->last_id >= CONTAINER_ID_MAX ? ID_FIRST : t->last_id + 1;
		if (!t->by_id[t->last_id])
			return t->last_id;
	}
	return 0;
}

static struct container *find_parent(const struct tree *t, const char *name)
{
	const char *slash = strrchr(name, '/');
	char *parent = slash ? xstrndup(name, (size_t)(slash - name)) : xstrdup("");
	struct container *ct = tree_find(t, parent);

	free(parent);
	return ct;
}

int tree_add(struct tree *t, const char *name, uint32_t id, struct container **ret,
	     struct error *err)
{
	struct container *parent = find_parent(t, name);
	struct container *ct;

	assert(parent && !htab_get(t->by_name, name));
	if (id == 0 || id > CONTAINER_ID_MAX || t->by_id[id])
		id = next_id(t);
	if (id == 0)
		return error_set(err, ERR_RESOURCE_NOT_AVAILABLE,
				 "no container id is free, all %d are in use",
				 CONTAINER_ID_MAX - 3);

	ct = container_alloc(name, id, parent->level + 1);
	ct->parent = container_ref(parent);
	list_push_back(&parent->children, &ct->child_node);
	parent->nchildren++;
	htab_put(t->by_name, ct->name, ct);
	t->by_id[id] = ct;
	t->count++;
	*ret = ct;
	return 0;
}

void tree_remove(struct tree *t, struct container *ct)
{
	assert(!container_is_root(ct) && list_is_empty(&ct->children));
	htab_del(t->by_name, ct->name);
	t->by_id[ct->id] = NULL;
	list_del(&ct->child_node);
	ct->parent->nchildren--;
	t->count--;
	ct->destroyed = true;
	container_unref(ct);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct container *const *)a)->name, (*(struct container *const *)b)->name);
}

size_t tree_sorted(const struct tree *t, struct container ***ret)
{
	struct container **all = xnew_array(struct container *, t->count + 1), *ct;
	size_t n = 0, iter = 0;

	while ((ct = htab_next(t->by_name, &iter)))
		all[n++] = ct;
	qsort(all, n, sizeof(*all), by_name);
	*ret = all;
	return n;
}

struct container *tree_next(const struct container *top, const struct container *pos)
{
	if (!list_is_empty(&pos->children))
		return list_first(&pos->children, struct container, child_node);
	while (pos != top) {
		if (pos->child_node.next != &pos->parent->children)
			return list_entry(pos->child_node.next, struct container, child_node);
		pos = pos->parent;
	}
	return NULL;
}

static struct container *deepest_first(const struct container *ct)
{
	while (!list_is_empty(&ct->children))
		ct = list_first(&ct->children, struct container, child_node);
	return (struct container *)(uintptr_t)ct;
}

struct container *tree_next_post(const struct container *top, const struct container *pos)
{
	if (!pos)
		return deepest_first(top);
	if (pos == top)
		return NULL;
	if (pos->child_node.next != &pos->parent->children)
		return deepest_first(
			list_entry(pos->child_node.next, struct container, child_node));
	return pos->parent;
}

static void count_up(struct container *ct, enum container_state state, int by)
{
	for (struct container *up = ct->parent; up; up = up->parent) {
		if (state == STATE_RUNNING)
			up->running_below += (unsigned)by;
		else if (state == STATE_STARTING)
			up->starting_below += (unsigned)by;
	}
}

void container_set_state(struct container *ct, enum container_state state)
{
	if (ct->state == state)
		return;
	assert(state_may_follow(ct->state, state));
	container_restore_state(ct, state);
	ct->change_time = clock_wall_sec();
}

void container_restore_state(struct container *ct, enum container_state state)
{
	count_up(ct, ct->state, -1);
	ct->state = state;
	count_up(ct, state, 1);
}
