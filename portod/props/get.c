/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading. The four values that monitoring asks of every container (state, root_pid, memory_usage,
 * cpu_usage) go from the name to the getter without an allocation.
 */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "props/control.h"
#include "props/knob.h"
#include "props/name.h"
#include "props/rows.h"
#include "props/stream.h"

static int check_state(const struct prop *p, enum container_state state, struct error *err)
{
	if ((p->flags & PROP_RUNTIME) && (state == STATE_STOPPED || state == STATE_STARTING))
		return error_set(err, ERR_INVALID_STATE,
				 "property '%s' is not available in state %s", p->name,
				 state_name(state));
	if ((p->flags & PROP_DEAD) && state != STATE_DEAD)
		return error_set(err, ERR_INVALID_STATE,
				 "property '%s' is available in state dead only, not in %s",
				 p->name, state_name(state));
	return 0;
}

/* The request asks for no defaults and nobody else's numbers. A label has no default: one that is
 * missing says so itself. */
static int check_real(const struct prop *p, const struct container *ct, const char *index,
		      struct error *err)
{
	if (p->type && !row_is_set(ct, p) && !(index && p == &row_labels))
		return error_set(err, ERR_NO_VALUE, "property '%s' is not set", p->name);
	if (!p->needs)
		return 0;
	if (ct->state == STATE_STOPPED)
		return error_set(err, ERR_INVALID_STATE,
				 "property '%s' has no value of its own in state stopped", p->name);
	if (!container_is_root(ct) && !control_owns(ct, p->needs))
		return error_set(err, ERR_NO_VALUE,
				 "property '%s': the container does not own the controller",
				 p->name);
	return 0;
}

static int get_value(const struct prop *p, const struct prop_ctx *ctx, const char *index,
		     struct buf *out, struct error *err)
{
	const char *field;

	if (p->get)
		return p->get(p, ctx, index, out, err);
	field = (const char *)&ctx->ct->spec + p->offset;
	if (index)
		return p->type->get_index(p, ctx, field, index, out, err);
	p->type->format(p, ctx, field, out);
	return 0;
}

static int get_checked(const struct prop *p, const struct prop_ctx *ctx, const char *index,
		       struct buf *out, struct error *err)
{
	if (prop_require(p, ctx->env, err))
		return -1;
	if (check_state(p, ctx->ct->state, err) ||
	    (ctx->real && check_real(p, ctx->ct, index, err)))
		return -1;
	if (index && !(p->flags & PROP_INDEX_GET))
		return error_set(err, ERR_INVALID_VALUE,
				 "property '%s' has no index, '%.100s' was given", p->name, index);
	if (get_value(p, ctx, index, out, err))
		return error_prefix(err, "property '%s'", p->name);
	return 0;
}

/* ---- what a job reads ---- */

bool prop_needs_job(const struct container *ct, const char *name)
{
	static const struct prop *const streams[] = { NULL, &row_stdout, &row_stderr };

	for (int fd = 1; fd <= 2 && prop_may_need_job(name); fd++) {
		size_t len = strlen(streams[fd]->name);

		if (!strncmp(name, streams[fd]->name, len) && (!name[len] || name[len] == '['))
			return stream_is_of_owner(ct, fd);
	}
	return false;
}

static struct prop_part *find_part(const struct prop_parts *parts, const struct container *ct,
				   const char *name)
{
	for (size_t i = 0; i < parts->n; i++) {
		if (parts->v[i].ct == ct && !strcmp(parts->v[i].name, name))
			return &parts->v[i];
	}
	return NULL;
}

void prop_parts_add(struct prop_parts *parts, struct container *ct, const char *name)
{
	if (find_part(parts, ct, name))
		return;
	parts->v = xreallocarray(parts->v, parts->n + 1, sizeof(*parts->v));
	parts->v[parts->n++] = (struct prop_part){ .ct = container_ref(ct), .name = xstrdup(name) };
}

void prop_parts_deinit(struct prop_parts *parts)
{
	for (size_t i = 0; i < parts->n; i++) {
		container_unref(parts->v[i].ct);
		free(parts->v[i].name);
		buf_deinit(&parts->v[i].value);
	}
	free(parts->v);
	*parts = (struct prop_parts){ 0 };
}

static int get_part(const struct prop_part *part, struct buf *out, struct error *err)
{
	if (part->err.code) {
		*err = part->err;
		return -1;
	}
	buf_add(out, buf_str(&part->value), part->value.len);
	return 0;
}

/* ---- all ---- */

int prop_get(const struct prop_ctx *ctx, const char *name, struct buf *out, struct error *err)
{
	const struct prop_part *part = NULL;
	struct prop_name n;
	int r;

	if (ctx->parts && prop_needs_job(ctx->ct, name))
		part = find_part(ctx->parts, ctx->ct, name);
	if (part)
		return get_part(part, out, err);
	if (prop_name_parse(name, &n, err))
		return -1;
	r = n.prop ? get_checked(n.prop, ctx, n.index, out, err) : knob_get(ctx, name, out, err);
	prop_name_deinit(&n);
	return r;
}
