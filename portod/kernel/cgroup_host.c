/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probing the host's layout, once.
 *
 * There is no "mode": for each logical controller we note where it lives. A mounted v1 hierarchy
 * that lists it wins; else the unified tree when the controller is offered there, or is a part of
 * its core (freezing, cpu time, perf events) or reachable by other means (devices); else it is
 * absent. Nothing is mounted here: the host's administrator decided what is mounted where.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/cgroup_io.h"
#include "kernel/cgroup_proc.h"

#define MOUNTINFO_MAX (16u << 20)

static struct cgroup_hierarchy *hierarchy_free(struct cgroup_hierarchy *hr)
{
	if (!hr)
		return NULL;
	close_fd(&hr->fd);
	free(hr->point);
	free(hr->root);
	free(hr->self);
	free(hr->options);
	free(hr->base);
	free(hr->enable);
	free(hr);
	return NULL;
}

struct cgroup_host *cgroup_host_free(struct cgroup_host *h)
{
	if (!h)
		return NULL;
	for (size_t i = 0; i < h->nhier; i++)
		hierarchy_free(h->hier[i]);
	free(h->hier);
	free(h->prefix);
	free(h->cgroup_root);
	free(h->proc_root);
	free(h);
	return NULL;
}

DEFINE_CLEANUP(struct cgroup_host *, cgroup_host_free)

/* Controllers in the option list of a v1 mount. */
static uint32_t parse_options(char *options)
{
	uint32_t mask = 0;
	char *word;

	while ((word = cgroup_next_word(&options))) {
		enum cgroup_controller c;

		if (str_eq(word, "name=systemd"))
			mask |= CGROUP_BIT(CGROUP_SYSTEMD);
		else if (!str_eq(word, "systemd") && cgroup_controller_parse(word, &c) == 0 &&
			 c != CGROUP_CGROUP2)
			mask |= CGROUP_BIT(c);
	}
	return mask;
}

/* The words that tell a hierarchy from others. */
static char *identity_of(const char *options)
{
	static const char *const others[] = {
		"rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "favordynmods"
	};
	auto_free char *copy = xstrdup(options);
	auto_buf out = BUF_INIT;
	char *pos = copy, *word;

	while ((word = cgroup_next_word(&pos))) {
		bool other = str_has_prefix(word, "release_agent=");

		for (size_t i = 0; !other && i < ARRAY_SIZE(others); i++)
			other = str_eq(word, others[i]);
		if (!other)
			buf_addf(&out, "%s%s", out.len ? "," : "", word);
	}
	return buf_take(&out);
}

/* A later mount at the same place, or of the same controllers, covers an earlier one. */
static void drop_covered(struct cgroup_host *h, const char *point, uint32_t mask)
{
	size_t n = 0;

	for (size_t i = 0; i < h->nhier; i++) {
		if (str_eq(h->hier[i]->point, point) || (h->hier[i]->controllers & mask))
			hierarchy_free(h->hier[i]);
		else
			h->hier[n++] = h->hier[i];
	}
	h->nhier = n;
}

static enum cgroup_naming naming_of(bool is_v2, uint32_t controllers)
{
	if (is_v2 || (controllers & CGROUP_BIT(CGROUP_FREEZER)))
		return CGROUP_NAMING_TREE;
	if (controllers & CGROUP_BIT(CGROUP_SYSTEMD))
		return CGROUP_NAMING_FLAT;
	return CGROUP_NAMING_MIXED;
}

static int add_mount(struct cgroup_host *h, const struct cgroup_mount *m, struct error *err)
{
	auto_free char *identity = m->is_v2 ? NULL : identity_of(m->options);
	uint32_t mask = m->is_v2 ? CGROUP_BIT(CGROUP_CGROUP2)
				 : parse_options(m->options) & ~h->disabled;
	struct cgroup_hierarchy *hr;
	int fd;

	if (!mask || !path_below(m->point, h->cgroup_root))
		return 0;
	drop_covered(h, m->point, mask);
	if (m->read_only)
		return 0;
	fd = open(m->point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, errno, "open %s", m->point);
	hr = xnew(struct cgroup_hierarchy);
	hr->ops = m->is_v2 ? &cgroup_v2_backend : &cgroup_v1_backend;
	hr->controllers = mask;
	hr->naming = naming_of(m->is_v2, mask);
	hr->fd = fd;
	hr->point = xstrdup(m->point);
	hr->root = xstrdup(m->root);
	hr->options = take_ptr(identity);
	if (m->is_v2 && strstr(m->options, "memory_recursiveprot"))
		hr->features |= CGROUP_HAS_RECPROT;
	h->hier = xreallocarray(h->hier, h->nhier + 1, sizeof(*h->hier));
	h->hier[h->nhier++] = hr;
	return 0;
}

static int read_mounts(struct cgroup_host *h, struct error *err)
{
	auto_free char *path = path_join(h->proc_root, "self/mountinfo");
	auto_free char *text = NULL;
	char *pos, *line;
	int r = fd_read_file(AT_FDCWD, path, MOUNTINFO_MAX, &text, NULL);

	if (r < 0)
		return error_errno(err, -r, "read %s", path);
	pos = text;
	while ((line = cgroup_next_line(&pos))) {
		struct cgroup_mount m;

		if (cgroup_mount_parse(line, &m) && add_mount(h, &m, err) < 0)
			return -1;
	}
	return 0;
}

static void locate_controllers(struct cgroup_host *h)
{
	memset(h->at, 0, sizeof(h->at));
	for (size_t i = 0; i < h->nhier; i++) {
		for (unsigned c = 0; c < _CGROUP_CONTROLLER_COUNT; c++) {
			if (h->hier[i]->controllers & CGROUP_BIT(c))
				h->at[c] = h->hier[i];
		}
	}
}

/* Everything the unified tree may have and no v1 hierarchy has; its setup() takes away what is not
 * offered. */
static void claim_for_unified(struct cgroup_host *h)
{
	static const enum cgroup_controller candidates[] = {
		CGROUP_FREEZER, CGROUP_MEMORY,  CGROUP_CPU,    CGROUP_CPUACCT, CGROUP_BLKIO,
		CGROUP_DEVICES, CGROUP_HUGETLB, CGROUP_CPUSET, CGROUP_PIDS,    CGROUP_PERF_EVENT,
	};

	locate_controllers(h);
	if (h->disabled & CGROUP_BIT(CGROUP_CGROUP2) && h->at[CGROUP_FREEZER])
		drop_covered(h, "", CGROUP_BIT(CGROUP_CGROUP2));
	locate_controllers(h);
	h->unified = h->at[CGROUP_CGROUP2];
	for (size_t i = 0; h->unified && i < ARRAY_SIZE(candidates); i++) {
		if (!h->at[candidates[i]] && !(h->disabled & CGROUP_BIT(candidates[i])))
			h->unified->controllers |= CGROUP_BIT(candidates[i]);
	}
	locate_controllers(h);
	h->tree = h->at[CGROUP_FREEZER];
}

/* The tree is made first and removed last: its group says that a container exists. */
static void put_tree_first(struct cgroup_host *h)
{
	for (size_t i = 0; i < h->nhier; i++) {
		if (h->hier[i] == h->tree) {
			h->hier[i] = h->hier[0];
			h->hier[0] = h->tree;
		}
	}
}

/* P itself in trees; elsewhere only what lies above its last component. A named hierarchy is left
 * alone until a container owns it. */
static int make_base(const struct cgroup_hierarchy *hr, const char *prefix, struct error *err)
{
	bool whole = hr->naming == CGROUP_NAMING_TREE, is_new;
	auto_free char *path = xstrdup(prefix);

	if (hr->naming == CGROUP_NAMING_FLAT)
		return 0;
	for (char *p = path;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		if (!c && !whole)
			return 0;
		*p = '\0';
		/* In a v1 hierarchy these need what any group needs; v2 delegates in setup(). */
		if (hr->ops == &cgroup_v1_backend ? hr->ops->make(hr, path, &is_new, err) < 0
						  : cgroup_mkdir(hr, path, &is_new, err) < 0)
			return -1;
		if (!c)
			return 0;
		*p = c;
	}
}

static void probe_rows(struct cgroup_hierarchy *hr, const char *prefix)
{
	/* The unified tree's top group lacks most files; a v1 top group has nearly all. */
	const char *path = hr->ops == &cgroup_v2_backend ? prefix : "";

	for (unsigned i = 0; i < _CGROUP_KNOB_COUNT; i++) {
		const struct cgroup_knob_row *row = &hr->ops->knobs[i];

		if (row->file && (hr->controllers & CGROUP_BIT(cgroup_knob_controller(i))) &&
		    (row->probe ? row->probe(hr, path)
				: row->off_root || cgroup_file_exists(hr, path, row->file)))
			hr->knobs |= 1u << i;
	}
	for (unsigned i = 0; i < _CGROUP_STAT_COUNT; i++) {
		const struct cgroup_stat_row *row = &hr->ops->stats[i];

		if (row->file && (hr->controllers & CGROUP_BIT(cgroup_stat_controller(i))) &&
		    (row->off_root || cgroup_file_exists(hr, path, row->file)))
			hr->stats |= 1u << i;
	}
	/* Whatever the controllers: every group of the unified tree has them. */
	for (unsigned i = 0; hr->ops == &cgroup_v2_backend && i < _CGROUP_PRESSURE_COUNT; i++)
		if (cgroup_file_exists(hr, path, cgroup_pressure_file(i)))
			hr->pressures |= 1u << i;
}

static void read_self(struct cgroup_host *h, struct cgroup_hierarchy *hr)
{
	auto_free char *path = path_join(h->proc_root, "self/cgroup");
	auto_free char *text = NULL;
	const char *self = NULL;
	int r;

	if (fd_read_file(AT_FDCWD, path, MOUNTINFO_MAX, &text, NULL) == 0)
		self = cgroup_member_path(text, "name=systemd", &r);
	if (self)
		self = path_below(self, hr->root);
	hr->self = xstrdup(self ? self : "");
}

static int setup_hierarchy(struct cgroup_host *h, struct cgroup_hierarchy *hr, struct error *err)
{
	const char *slash = strrchr(h->prefix, '/');

	hr->base = slash ? xstrndup(h->prefix, (size_t)(slash + 1 - h->prefix)) : xstrdup("");
	if (hr->naming == CGROUP_NAMING_FLAT)
		read_self(h, hr);
	if (make_base(hr, h->prefix, err) < 0 || hr->ops->setup(hr, h->prefix, err) < 0)
		return -1;
	probe_rows(hr, h->prefix);
	return 0;
}

/* A hybrid host's unified tree is a bonus: without permission there we go on without it. */
static int setup_all(struct cgroup_host *h, struct error *err)
{
	for (size_t i = 0; i < h->nhier; i++) {
		struct cgroup_hierarchy *hr = h->hier[i];

		if (setup_hierarchy(h, hr, err) == 0)
			continue;
		if (hr != h->unified || hr == h->tree)
			return -1;
		error_clear(err);
		h->unified = hierarchy_free(hr);
		memmove(&h->hier[i], &h->hier[i + 1], (h->nhier - i - 1) * sizeof(*h->hier));
		h->nhier--;
		i--;
	}
	locate_controllers(h);
	return 0;
}

static int check_prefix(const char *prefix, struct error *err)
{
	auto_free char *absolute = xasprintf("/%s", prefix ? prefix : "");

	if (str_is_empty(prefix) || !path_is_normal(absolute) || strpbrk(prefix, "%\n"))
		return error_set(err, ERR_INVALID_VALUE, "bad cgroup prefix '%s'",
				 prefix ? prefix : "");
	return 0;
}

int cgroup_host_new(const struct cgroup_options *opt, struct cgroup_host **ret, struct error *err)
{
	_cleanup_(cgroup_host_freep) struct cgroup_host *h = NULL;

	if (check_prefix(opt->prefix, err) < 0)
		return -1;
	h = xnew(struct cgroup_host);
	h->prefix = xstrdup(opt->prefix);
	h->cgroup_root = path_normalize(opt->cgroup_root ? opt->cgroup_root : "/sys/fs/cgroup");
	h->proc_root = xstrdup(opt->proc_root ? opt->proc_root : "/proc");
	h->disabled = opt->disabled;
	h->freeze_timeout_ms = opt->freeze_timeout_ms ? opt->freeze_timeout_ms
						      : CGROUP_DEFAULT_TIMEOUT_MS;
	h->remove_timeout_ms = opt->remove_timeout_ms ? opt->remove_timeout_ms
						      : CGROUP_DEFAULT_TIMEOUT_MS;
	if (read_mounts(h, err) < 0)
		return -1;
	claim_for_unified(h);
	if (!h->tree)
		return error_set(
			err, ERR_NOT_SUPPORTED,
			"no writable freezer hierarchy or unified tree is mounted below %s",
			h->cgroup_root);
	put_tree_first(h);
	if (setup_all(h, err) < 0)
		return error_prefix(err, "prepare cgroups");
	*ret = take_ptr(h);
	return 0;
}

int cgroup_host_remove_base(struct cgroup_host *h, struct error *err)
{
	for (size_t i = h->nhier; i-- > 0;) {
		struct cgroup_hierarchy *hr = h->hier[i];

		if (hr->naming != CGROUP_NAMING_TREE)
			continue;
		if (unlinkat(hr->fd, h->prefix, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return error_errno(err, errno, "remove cgroup %s/%s", hr->point, h->prefix);
	}
	return cgroup_v1_remove_counters(h, err);
}

static void describe_hierarchy(const struct cgroup_hierarchy *hr, struct buf *out)
{
	buf_addf(out, "cgroup %s %s:", hr->ops->name, hr->point);
	for (unsigned c = 0; c < _CGROUP_CONTROLLER_COUNT; c++) {
		if (hr->controllers & CGROUP_BIT(c))
			buf_addf(out, " %s", cgroup_controller_name(c));
	}
	if (hr->features & CGROUP_HAS_LEAF)
		buf_addf(out, ", distributes %s", hr->enable);
	if (hr->features & CGROUP_HAS_KILL)
		buf_adds(out, ", cgroup.kill");
	if (hr->features & CGROUP_HAS_MEMSW)
		buf_adds(out, ", swap accounting");
	buf_addc(out, '\n');
}

void cgroup_host_describe(const struct cgroup_host *h, struct buf *out)
{
	uint32_t all = cgroup_host_controllers(h);
	const char *sep = "cgroup controllers absent: ";

	buf_addf(out, "cgroup layout: %s, base /%s\n",
		 h->tree == h->unified ? h->nhier == 1 ? "unified" : "unified with v1 hierarchies"
		 : h->unified          ? "hybrid"
				       : "legacy",
		 h->prefix);
	for (size_t i = 0; i < h->nhier; i++)
		describe_hierarchy(h->hier[i], out);
	for (unsigned c = 0; c < _CGROUP_CONTROLLER_COUNT; c++) {
		if (all & CGROUP_BIT(c))
			continue;
		buf_addf(out, "%s%s", sep, cgroup_controller_name(c));
		sep = " ";
	}
	if (sep[0] == ' ' && !sep[1])
		buf_addc(out, '\n');
}

uint32_t cgroup_host_controllers(const struct cgroup_host *h)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < h->nhier; i++)
		mask |= h->hier[i]->controllers;
	return mask;
}

uint32_t cgroup_host_close_mask(const struct cgroup_host *h, uint32_t mask)
{
	for (size_t i = 0; i < h->nhier; i++) {
		if (h->hier[i]->controllers & mask)
			mask |= h->hier[i]->controllers;
	}
	return mask;
}

uint32_t cgroup_host_default_controllers(const struct cgroup_host *h, unsigned level)
{
	const struct cgroup_hierarchy *acct = h->at[CGROUP_CPUACCT];
	uint32_t mask = CGROUP_BIT(CGROUP_FREEZER) | CGROUP_BIT(CGROUP_CGROUP2) |
			CGROUP_BIT(CGROUP_PERF_EVENT);

	/* Its own hierarchy costs the scheduler nothing; together with cpu it would. */
	if (acct && acct->controllers == CGROUP_BIT(CGROUP_CPUACCT))
		mask |= CGROUP_BIT(CGROUP_CPUACCT);
	if (level <= 1)
		mask |= CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_CPU) |
			CGROUP_BIT(CGROUP_CPUACCT) | CGROUP_BIT(CGROUP_DEVICES) |
			CGROUP_BIT(CGROUP_BLKIO) | CGROUP_BIT(CGROUP_CPUSET) |
			CGROUP_BIT(CGROUP_HUGETLB);
	if (level == 1)
		mask |= CGROUP_BIT(CGROUP_PIDS);
	return cgroup_host_close_mask(h, mask & cgroup_host_controllers(h));
}
