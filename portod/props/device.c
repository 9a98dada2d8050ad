/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of devices, and the lists that follow from them. */
#include "props/device.h"

#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/xalloc.h"
#include "props/device_row.h"
#include "props/rows.h"

#define ROWS_MAX 200 /* of one container */

/* ---- configuration ---- */

void device_config_init(struct device_config *c)
{
	*c = (struct device_config){ 0 };
	device_list_defaults(&c->base);
}

void device_config_deinit(struct device_config *c)
{
	device_list_deinit(&c->base);
	for (size_t i = 0; i < c->npresets; i++) {
		free(c->presets[i].name);
		strv_deinit(&c->presets[i].rows);
	}
	free(c->presets);
	for (size_t i = 0; i < c->nsysfs; i++)
		strv_deinit(&c->sysfs[i].paths);
	free(c->sysfs);
	*c = (struct device_config){ 0 };
}

int device_config_add_base(struct device_config *c, const char *rows, struct error *err)
{
	auto_device_list extra = DEVICE_LIST_INIT;
	auto_strv items = STRV_INIT;

	strv_split(&items, rows, ';');
	for (size_t i = 0; i < items.n; i++) {
		struct device_row row;

		if (device_row_parse(items.v[i], NULL, &row, err) == 0)
			device_list_add_take(&extra, &row.d);
		else if (err->code != ERR_DEVICE_NOT_FOUND)
			return -1;
	}
	error_clear(err);
	device_list_merge(&c->base, &extra);
	return 0;
}

int device_config_add_preset(struct device_config *c, const char *name, char *const *rows, size_t n,
			     struct error *err)
{
	struct device_preset preset = { 0 };

	if (str_is_empty(name) || name[strcspn(name, " ;\\")])
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' cannot be the name of a preset",
				 name ? name : "");
	for (size_t i = 0; i < n; i++) {
		struct device_row row;

		if (device_row_parse(rows[i], NULL, &row, err) == 0)
			device_deinit(&row.d);
		else if (err->code != ERR_DEVICE_NOT_FOUND)
			return -1;
	}
	error_clear(err);
	preset.name = xstrdup(name);
	for (size_t i = 0; i < n; i++)
		strv_add(&preset.rows, rows[i]);
	c->presets = xreallocarray(c->presets, c->npresets + 1, sizeof(*c->presets));
	c->presets[c->npresets++] = preset;
	return 0;
}

int device_config_add_sysfs(struct device_config *c, const char *device, char *const *paths,
			    size_t n, struct error *err)
{
	auto_free char *text = xasprintf("%s r?", device);
	struct device_sysfs sysfs = { 0 };
	struct device_row row;

	for (size_t i = 0; i < n; i++) {
		if (!path_is_normal(paths[i]) || !str_has_prefix(paths[i], "/sys/"))
			return error_set(err, ERR_INVALID_VALUE, "'%.200s' is not below /sys",
					 paths[i]);
	}
	if (device_row_parse(text, NULL, &row, err))
		return -1;
	if (!row.d.missing) {
		sysfs.rule = row.d.rule;
		for (size_t i = 0; i < n; i++)
			strv_add(&sysfs.paths, paths[i]);
		c->sysfs = xreallocarray(c->sysfs, c->nsysfs + 1, sizeof(*c->sysfs));
		c->sysfs[c->nsysfs++] = sysfs;
	}
	device_deinit(&row.d);
	return 0;
}

/* ---- what a container has ---- */

void devices_own(const struct container *ct, struct device_list *ret)
{
	struct error ignored = ERROR_INIT; /* what is stored was checked */

	*ret = (struct device_list)DEVICE_LIST_INIT;
	for (size_t i = 0; i < ct->spec.devices.n; i++) {
		struct device d;

		if (device_row_load(ct->spec.devices.v[i], &d, &ignored) == 0)
			device_list_add_take(ret, &d);
	}
}

static bool asks(const struct container *ct)
{
	return ct->spec.devices.n || ct->spec.enable_fuse;
}

/* With what other properties bring. */
static void devices_asked(const struct container *ct, struct device_list *ret)
{
	struct device fuse = {
		.rule = { .type = 'c', .major = 10, .minor = 229, .access = DEVICE_RWM },
		.mode = 0666,
	};

	devices_own(ct, ret);
	if (!ct->spec.enable_fuse || device_list_at(ret, "/dev/fuse"))
		return;
	fuse.path = xstrdup("/dev/fuse");
	device_list_add_take(ret, &fuse);
}

static void base_list(const struct prop_env *env, struct device_list *ret)
{
	*ret = (struct device_list)DEVICE_LIST_INIT;
	if (env->devices)
		device_list_copy(ret, &env->devices->base);
	else
		device_list_defaults(ret);
}

static bool is_unbound(const struct container *ct)
{
	return ct->spec.virt_mode == VIRT_HOST;
}

/* Leave only what `bound` has, too. */
static void keep_allowed(struct device_list *l, const struct device_list *bound)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (device_list_allows(bound, &l->v[i]))
			l->v[n++] = l->v[i];
		else
			device_deinit(&l->v[i]);
	}
	l->n = n;
}

void devices_effective(const struct prop_env *env, const struct container *ct,
		       struct device_list *ret)
{
	auto_device_list own = DEVICE_LIST_INIT, above = DEVICE_LIST_INIT;

	if (container_is_root(ct)) {
		base_list(env, ret);
		return;
	}
	devices_effective(env, ct->parent, ret);
	if (!asks(ct))
		return;
	if (!is_unbound(ct->parent))
		device_list_copy(&above, ret);
	if (ct->spec.devices_explicit && ct->spec.devices.n) {
		device_list_deinit(ret);
		base_list(env, ret);
	}
	devices_asked(ct, &own);
	device_list_merge(ret, &own);
	if (!is_unbound(ct->parent))
		keep_allowed(ret, &above);
}

static int check_within(const struct container *ct, const struct device_list *bound,
			enum error_code code, struct error *err)
{
	auto_device_list own = DEVICE_LIST_INIT;

	devices_asked(ct, &own);
	for (size_t i = 0; i < own.n; i++) {
		auto_buf row = BUF_INIT;

		if (device_list_allows(bound, &own.v[i]))
			continue;
		device_row_format(&own.v[i], &row);
		return error_set(err, code, "container '%s' %s '%.200s', container '%s' %s",
				 ct->name, code == ERR_PERMISSION ? "asks for" : "uses",
				 buf_str(&row), ct->parent->name,
				 code == ERR_PERMISSION ? "does not have it" : "would lose it");
	}
	return 0;
}

int devices_check_parent(const struct prop_env *env, const struct container *ct, struct error *err)
{
	auto_device_list above = DEVICE_LIST_INIT;

	if (!asks(ct) || is_unbound(ct->parent))
		return 0;
	devices_effective(env, ct->parent, &above);
	return check_within(ct, &above, ERR_PERMISSION, err);
}

/* What runs below must not lose what it was given. */
static int check_below(const struct prop_env *env, struct container *top, struct error *err)
{
	for (struct container *ct = tree_next(top, top); ct; ct = tree_next(top, ct)) {
		auto_device_list above = DEVICE_LIST_INIT;

		if (!asks(ct) || !state_has_resources(ct->state) || ct->state == STATE_DEAD ||
		    is_unbound(ct->parent))
			continue;
		devices_effective(env, ct->parent, &above);
		if (check_within(ct, &above, ERR_INVALID_STATE, err))
			return -1;
	}
	return 0;
}

/* ---- the property ---- */

/* Is it about the same device of the host? */
static bool same_source(const struct device *a, const struct device *b)
{
	if (a->source || b->source)
		return str_eq(a->source, b->source);
	return a->rule.type == b->rule.type && a->rule.major == b->rule.major &&
	       a->rule.minor == b->rule.minor;
}

static void forget_source(struct device_list *l, const struct device *d)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (same_source(&l->v[i], d))
			device_deinit(&l->v[i]);
		else
			l->v[n++] = l->v[i];
	}
	l->n = n;
}

static void store_rows(const struct device_list *l, struct strv *ret)
{
	strv_deinit(ret);
	for (size_t i = 0; i < l->n; i++)
		strv_add_take(ret, device_row_save(&l->v[i]));
}

/* One row of the client into `ret`. */
static int add_row(const struct prop_ctx *ctx, const char *text, const struct device_list *known,
		   struct device_list *ret, struct error *err)
{
	struct device_row row;

	if (device_row_parse(text, known, &row, err))
		return -1;
	if (device_row_check(&row, ctx->client, err)) {
		device_deinit(&row.d);
		return -1;
	}
	device_list_add_take(ret, &row.d);
	return 0;
}

static const struct device_preset *find_preset(const struct prop_env *env, const char *name)
{
	for (size_t i = 0; env->devices && i < env->devices->npresets; i++) {
		if (!strcmp(env->devices->presets[i].name, name))
			return &env->devices->presets[i];
	}
	return NULL;
}

/* `preset NAME` stands for its rows. */
static int add_item(const struct prop_ctx *ctx, const char *text, const struct device_list *known,
		    struct device_list *ret, struct error *err)
{
	const struct device_preset *preset;
	auto_strv words = STRV_INIT;

	strv_split(&words, text, ' ');
	if (words.n == 0 || strcmp(words.v[0], "preset") != 0)
		return add_row(ctx, text, known, ret, err);
	preset = words.n == 2 ? find_preset(ctx->env, words.v[1]) : NULL;
	if (!preset)
		return error_set(err, ERR_INVALID_VALUE, "there is no '%.200s'", text);
	for (size_t i = 0; i < preset->rows.n; i++) {
		if (add_row(ctx, preset->rows.v[i], known, ret, err))
			return -1;
	}
	return 0;
}

static int check_count(const struct device_list *l, struct error *err)
{
	if (l->n > ROWS_MAX)
		return error_set(err, ERR_INVALID_VALUE, "%zu devices, the limit is %d", l->n,
				 ROWS_MAX);
	return 0;
}

static int parse_devices(const struct prop *p, const struct prop_ctx *ctx, const char *text,
			 void *field, struct error *err)
{
	auto_device_list old = DEVICE_LIST_INIT, new = DEVICE_LIST_INIT;
	auto_strv items = STRV_INIT;

	(void)p;
	devices_own(ctx->ct, &old);
	strv_split(&items, text, ';');
	for (size_t i = 0; i < items.n; i++) {
		if (add_item(ctx, items.v[i], &old, &new, err) || check_count(&new, err))
			return -1;
	}
	store_rows(&new, field);
	return 0;
}

/* name[/dev/fuse] = "rw …": the rows of this device are replaced; "" takes them out. */
static int set_devices_index(const struct prop *p, const struct prop_ctx *ctx, void *field,
			     const char *index, const char *value, struct error *err)
{
	auto_device_list own = DEVICE_LIST_INIT, new = DEVICE_LIST_INIT;
	auto_strv words = STRV_INIT, all = STRV_INIT;
	auto_free char *row = NULL;

	(void)p;
	strv_split(&words, *value ? value : "-", ' ');
	strv_add(&all, index);
	for (size_t i = 0; i < words.n; i++)
		strv_add(&all, words.v[i]);
	row = strv_join(&all, ' ');
	devices_own(ctx->ct, &own);
	if (add_item(ctx, row, &own, &new, err))
		return -1;
	for (size_t i = 0; i < new.n; i++)
		forget_source(&own, &new.v[i]);
	for (size_t i = 0; i < new.n &&*value; i++) {
		struct device d = new.v[i];

		new.v[i] = (struct device){ 0 };
		device_list_add_take(&own, &d);
	}
	if (check_count(&own, err))
		return -1;
	store_rows(&own, field);
	return 0;
}

static void format_list(const struct device_list *l, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		auto_buf row = BUF_INIT;
		auto_strv one = STRV_INIT;
		auto_free char *item = NULL;

		device_row_format(&l->v[i], &row);
		strv_add(&one, buf_str(&row));
		item = strv_join(&one, ';');
		buf_addf(out, "%s; ", item);
	}
}

static void format_devices(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			   struct buf *out)
{
	auto_device_list own = DEVICE_LIST_INIT;

	(void)p, (void)field;
	if (container_is_root(ctx->ct))
		base_list(ctx->env, &own);
	else
		devices_own(ctx->ct, &own);
	format_list(&own, out);
}

static char *save_devices(const struct prop *p, const void *field)
{
	(void)p;
	return type_save_strv(field);
}

static int load_devices(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p, (void)err;
	type_load_strv(field, text);
	return 0;
}

static const struct prop_type type_devices = {
	.name = "table of devices",
	.parse = parse_devices,
	.format = format_devices,
	.save = save_devices,
	.load = load_devices,
	.set_index = set_devices_index,
};

CHECKER(check_devices)
{
	(void)p;
	if (ctx->ct->spec.devices.n == 0 && p == &row_devices)
		return 0; /* a reset is always possible */
	if (devices_check_parent(ctx->env, ctx->ct, err))
		return -1;
	return check_below(ctx->env, ctx->ct, err);
}

static bool has_devices(const struct prop_env *env)
{
	return !env->cgroups || cgroup_knob_is_supported(env->cgroups, CGROUP_KNOB_DEVICES);
}

const struct prop row_devices = {
	.name = "devices",
	.row = ROW_devices,
	.desc = "extra device access: device access [path [mode [user [group]]]]; …",
	.doc = "*device* *access* [*path* [*mode* [*user* [*group*]]]]\\ **;** ... The device\n"
	       "is a node below /dev of the host, looked up now, the access letters\n"
	       "**r**, **w**, **m** (mknod, part of r and w) or **-** for none. **?**: it may\n"
	       "be missing. **\\***: all minors, for root only. The node is made in /dev of a\n"
	       "container with a *root* of its own, at the same path with the same mode and\n"
	       "owner, or as said; **-** means so, too.\n\n"
	       "Superusers may name a device by number: **c:10:200**, **b:8:\\***, all:\n"
	       "**a:\\*:\\***; then the default path is **-**, no node, and the access is exact.\n"
	       "**preset** *name* stands for the rows of a **container.device_preset**.\n\n"
	       "What is there anyway: null zero full random urandom tty console ptmx pts,\n"
	       "**container.extra_devices**, and what the parent has; a row for the same\n"
	       "path or device has the last word. Index: the device; its row is added or\n"
	       "replaced, empty takes it out. Applied at once, with the containers below.\n\n"
	       "DeviceNotFound: no such device. Permission: the client may not open the node\n"
	       "so, or the parent does not have it. InvalidState: a started container below\n"
	       "uses what would be taken away (empty text is not checked). Busy: another file\n"
	       "is at the path. The devices controller of version 1, or a BPF program.",
	.type = &type_devices,
	.offset = FIELD(devices),
	.flags = PROP_DYNAMIC | PROP_INDEX_SET | PROP_SLOW,
	.group = APPLY_DEVICES,
	.needs = CGROUP_BIT(CGROUP_DEVICES),
	.supported = has_devices,
	.check = check_devices,
};

const struct prop row_devices_explicit = {
	.name = "devices_explicit",
	.row = ROW_devices_explicit,
	.desc = "devices are added to the default ones, not to the parent's",
	.doc = "With **true**, and *devices* set, the container has the root container's list\n"
	       "and its own, instead of the parent's and its own. The parent's is the most it\n"
	       "can have all the same. Default false.",
	.type = &type_bool,
	.offset = FIELD(devices_explicit),
	.flags = PROP_DYNAMIC | PROP_SLOW,
	.group = APPLY_DEVICES,
	.supported = has_devices,
	.check = check_devices,
};
