/* SPDX-License-Identifier: Apache-2.0 */
/* Creation: an operation on the parent, over at once unless the parent is busy. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "ops/internal.h"

#define SUPERUSER_EXTRA 100

struct create_op {
	struct op op;
	char *name;
	bool weak, superuser;
	struct cred owner, task;
	struct client *client; /* valid while op.done is set */
	ops_change_fn change;  /* NULL = only the defaults */
	void *arg;
};

static void init_spec(struct create_op *c, struct container *ct)
{
	prop_init_spec(c->op.ops->env, ct);
	cred_copy(&ct->spec.owner_cred, &c->owner);
	cred_copy(&ct->spec.task_cred, &c->task);
	/* Set from birth: they must survive although nobody set them. */
	static const char *const from_birth[] = { "owner_user", "owner_group", "user", "group" };

	for (size_t i = 0; i < ARRAY_SIZE(from_birth); i++)
		container_mark_set(ct, prop_row(prop_find(from_birth[i])), true);
	if (c->weak) {
		ct->spec.weak = true;
		container_mark_set(ct, prop_row(prop_find("weak")), true);
	}
}

/* The transaction is not needed: what fails goes with its container. */
static int set_properties(struct create_op *c, struct container *ct, struct error *err)
{
	struct prop_ctx ctx = { .env = c->op.ops->env, .client = c->client, .ct = ct };
	struct prop_txn txn = PROP_TXN_INIT;
	int r = c->change ? c->change(&ctx, c->arg, &txn, err) : 0;

	prop_txn_deinit(&txn);
	return r;
}

static void announce(struct ops *ops, struct container *ct)
{
	const struct smap *labels = &ct->spec.labels;

	watches_notify_state(ops->watches, ct, state_name(ct->state));
	for (size_t i = 0; i < labels->n; i++)
		watches_notify_label(ops->watches, ct, labels->e[i].key, labels->e[i].val);
}

static int create(struct create_op *c, struct error *err)
{
	struct ops *ops = c->op.ops;
	struct container *parent = c->op.ct, *ct;
	size_t max = ops->config->max_containers + (c->superuser ? SUPERUSER_EXTRA : 0);

	if (parent->destroyed)
		return error_set(err, ERR_CONTAINER_DOES_NOT_EXIST,
				 "parent container of '%s' was destroyed", c->name);
	if (!parent->spec.children_allowed)
		return error_set(
			err, ERR_PERMISSION,
			"cannot create container '%s': its parent has children_allowed=false",
			c->name);
	if (tree_find(ops->tree, c->name))
		return error_set(err, ERR_CONTAINER_ALREADY_EXISTS, "container %s already exists",
				 c->name);
	if (tree_count(ops->tree) >= max)
		return error_set(err, ERR_RESOURCE_NOT_AVAILABLE,
				 "cannot create container '%s': the limit of %zu containers "
				 "(container.max_total) is reached",
				 c->name, max);
	if (tree_add(ops->tree, c->name, 0, &ct, err))
		return -1;
	init_spec(c, ct);
	if (set_properties(c, ct, err)) {
		tree_remove(ops->tree, ct);
		return -1;
	}
	persist_container(ops, ct);
	ops->stats.created++;
	if (ct->spec.weak && c->client && c->op.done)
		ops_bind_weak(c->client, ct);
	announce(ops, ct);
	return 0;
}

static void create_step(struct op *op)
{
	struct error err = ERROR_INIT;

	create(container_of(op, struct create_op, op), &err);
	op_finish(op, &err);
}

static void create_free(struct op *op)
{
	struct create_op *c = container_of(op, struct create_op, op);

	free(c->name);
	cred_deinit(&c->owner);
	cred_deinit(&c->task);
	free(c);
}

static const struct op_class create_class = {
	.name = "create", .shallow = true, .step = create_step, .free = create_free
};

static int check(struct ops *ops, const struct client *client, const char *name,
		 struct container **ret_parent, struct error *err)
{
	const char *slash = strrchr(name, '/');
	auto_free char *parent_name = slash ? xstrndup(name, (size_t)(slash - name)) : xstrdup("");
	struct container *parent = NULL;

	if (tree_check_name(name, client_is_superuser(client), err))
		return -1;
	parent = tree_find(ops->tree, parent_name);
	if (!parent)
		return error_set(err, ERR_CONTAINER_DOES_NOT_EXIST,
				 "parent container '%s' of '%s' does not exist", parent_name, name);
	if (parent->level >= CONTAINER_MAX_LEVEL)
		return error_set(err, ERR_INVALID_VALUE,
				 "container '%s' would be at level %u, the deepest is %d", name,
				 parent->level + 1, CONTAINER_MAX_LEVEL);
	if (client_can_create(client, parent, name, err))
		return -1;
	*ret_parent = parent;
	return 0;
}

static struct op *submit(struct ops *ops, const struct client *client, const char *name, bool weak,
			 ops_change_fn change, void *arg, ops_done done, void *user)
{
	struct error err = ERROR_INIT;
	struct container *parent = NULL;
	struct create_op *c;
	bool inside;

	if (check(ops, client, name, &parent, &err)) {
		done(NULL, &err, user);
		return NULL;
	}
	c = xnew(struct create_op);
	c->name = xstrdup(name);
	c->weak = weak;
	c->superuser = client_is_superuser(client);
	c->client = (struct client *)(uintptr_t)client;
	c->change = change;
	c->arg = arg;
	inside = parent == client->container || container_is_below(parent, client->container);
	cred_copy(&c->owner, &client->cred);
	cred_copy(&c->task, inside ? &client->task_cred : &client->cred);
	op_init(&c->op, &create_class, ops, parent, done, user);
	op_submit(&c->op);
	return c->op.finished ? NULL : &c->op;
}

struct op *ops_create(struct ops *ops, const struct client *client, const char *name, bool weak,
		      ops_done done, void *user)
{
	return submit(ops, client, name, weak, NULL, NULL, done, user);
}

struct op *ops_create_with(struct ops *ops, const struct client *client, const char *name,
			   ops_change_fn change, void *arg, ops_done done, void *user)
{
	return submit(ops, client, name, false, change, arg, done, user);
}
