/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: what of /proc and /sys is hidden or read-only, and what else a client wants to be. */
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/xalloc.h"
#include "kernel/layout_parts.h"

#define NO_ALL (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* Each of them exists or not by the kernel's configuration. */
static const char *const read_only[] = {
	"/proc/sysrq-trigger",
	"/proc/irq",
	"/proc/bus",
	"/proc/sys",
};

static const struct {
	const char *path;
	mode_t hint;
} hidden[] = {
	{ "/proc/kcore", 0 },         { "/proc/keys", 0 },
	{ "/proc/timer_list", 0 },    { "/proc/sched_debug", 0 },
	{ "/proc/latency_stats", 0 }, { "/proc/acpi", S_IFDIR },
	{ "/proc/scsi", S_IFDIR },    { "/proc/asound", S_IFDIR },
	{ "/sys/firmware", S_IFDIR }, { "/sys/devices/virtual/powercap", S_IFDIR },
};

void layout_default_masked(struct strv *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		strv_add(ret, hidden[i].path);
}

void layout_default_readonly(struct strv *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(read_only); i++)
		strv_add(ret, read_only[i]);
}

static bool wanted(const struct strv *list, const char *path)
{
	return !list || strv_has(list, path);
}

void layout_add_protection(const struct layout_params *p, struct plan *plan)
{
	for (size_t i = 0; i < ARRAY_SIZE(read_only); i++) {
		struct plan_op *op;

		if (!wanted(p->readonly, read_only[i]))
			continue;
		op = plan_add(plan, PLAN_REMOUNT_RO, NULL, read_only[i]);
		op->flags = NO_ALL;
		op->optional = true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		struct plan_op *op;

		if (!wanted(p->masked, hidden[i].path))
			continue;
		op = plan_add(plan, PLAN_MASK, NULL, hidden[i].path);
		/* A directory that the kernel keeps empty, to be mounted on: quicker than a tmpfs.
		 * */
		if (hidden[i].hint)
			op->source = xstrdup("/sys/fs/cgroup");
		op->mode = hidden[i].hint;
		op->optional = true;
	}
}

static void add_named(enum plan_kind kind, const char *path, struct plan *plan)
{
	struct plan_op *op = plan_add(plan, kind, NULL, path);

	op->strict = true;
	op->check = true;
}

void layout_add_named_protection(const struct layout_params *p, struct plan *plan)
{
	struct strv masked = STRV_INIT, readonly = STRV_INIT;

	layout_default_masked(&masked);
	layout_default_readonly(&readonly);
	for (size_t i = 0; p->readonly && i < p->readonly->n; i++) {
		if (!strv_has(&readonly, p->readonly->v[i]))
			add_named(PLAN_REMOUNT_RO, p->readonly->v[i], plan);
	}
	for (size_t i = 0; p->masked && i < p->masked->n; i++) {
		if (!strv_has(&masked, p->masked->v[i]))
			add_named(PLAN_MASK, p->masked->v[i], plan);
	}
	strv_deinit(&masked);
	strv_deinit(&readonly);
}
