/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths inside. ConvertPath: what a path of one container is called in another. By text: links and
 * mounts inside are not looked at. `..` is resolved first, so that a path never means something
 * outside of its root.
 */
#include "base/path.h"
#include "base/xalloc.h"
#include "handlers/reply.h"

static int resolve(const struct handler_env *env, const struct client *client, const char *name,
		   struct container **ret, struct error *err)
{
	return client_resolve(client, env->ops->tree, str_is_empty(name) ? "self" : name, ret, err);
}

static int convert(const struct container *from, const struct container *to, const char *path,
		   char **ret, struct error *err)
{
	auto_free char *source = container_root_path(from);
	auto_free char *destination = container_root_path(to);
	auto_free char *joined = NULL, *host = NULL, *normal = NULL, *root = NULL;
	const char *below;

	if (!path_is_absolute(path))
		return error_set(err, ERR_INVALID_VALUE,
				 "path '%.500s' is not absolute: it has no meaning elsewhere",
				 path);
	normal = path_normalize(path);
	joined = xasprintf("%s%s", source, normal);
	host = path_normalize(joined);
	root = path_normalize(destination);
	below = path_below(host, root);
	if (!below)
		return error_set(err, ERR_INVALID_VALUE,
				 "path '%.500s' is not inside of the root of container '%s'", path,
				 container_is_root(to) ? "/" : to->name);
	*ret = xasprintf("/%s", below);
	return 0;
}

void handle_convert_path(const struct handler_env *env, struct request *rq)
{
	const Porto__TConvertPathRequest *m = ARGS(rq, TConvertPathRequest);
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TConvertPathResponse reply = PORTO__TCONVERT_PATH_RESPONSE__INIT;
	struct container *from = NULL, *to = NULL;
	struct error err = ERROR_INIT;
	auto_free char *path = NULL;

	if (resolve(env, rq->client, m->source, &from, &err) ||
	    resolve(env, rq->client, m->destination, &to, &err) ||
	    (from != to && convert(from, to, or_empty(m->path), &path, &err))) {
		request_fail(rq, &err);
		return;
	}
	/* The same container: as it is, whatever it is. */
	reply.path = path ? path : (char *)(uintptr_t)or_empty(m->path);
	resp.convertpath = &reply;
	request_reply(rq, &resp);
}

/* ---- SetSymlink ---- */

struct link_change {
	const char *link, *target;
};

static int write_link(const struct prop *p, const struct prop_ctx *ctx, const void *arg,
		      struct error *err)
{
	const struct link_change *c = arg;

	return prop_parse(p, ctx, c->link, c->target, err);
}

/* The names as they are, whatever brackets they have. */
static int change_link(const struct prop_ctx *ctx, void *arg, struct prop_txn *txn,
		       struct error *err)
{
	const struct prop *p = prop_find("symlink");

	if (prop_write(ctx, p, write_link, arg, txn, err) < 0)
		return -1;
	if (prop_check(ctx, p, err) == 0)
		return 0;
	prop_rollback(ctx, txn);
	return -1;
}

void handle_set_symlink(const struct handler_env *env, struct request *rq)
{
	const Porto__TSetSymlinkRequest *m = ARGS(rq, TSetSymlinkRequest);
	struct container *ct = reply_resolve_control(env, rq, m->container);
	struct link_change *c;
	struct error err = ERROR_INIT;

	if (!ct)
		return;
	if (str_is_empty(m->symlink)) {
		error_set(&err, ERR_INVALID_VALUE, "the name of the symlink is empty");
		request_fail(rq, &err);
		return;
	}
	c = request_alloc(rq, sizeof(*c));
	*c = (struct link_change){ .link = m->symlink, .target = or_empty(m->target) };
	reply_later(rq, ops_change(env->ops, rq->client, ct, change_link, c, reply_done, rq));
}
