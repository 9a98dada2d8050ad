/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file system of a container as a mount plan: reference/containers.md §21, top to bottom.
 *
 * Differences from there: with root "/" the old /sys is unmounted as a whole, since a fresh one
 * covers it anyway and one unmount is quicker than one for each file system below it; more of
 * /proc and /sys is hidden, as OCI runtimes do; an overlay is left out where a bind has the same
 * target.
 */
#include "kernel/layout.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"

#define NO_ALL (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const struct {
	const char *name;
	enum bind_flag flag;
} bind_flags[] = {
	{ "ro", BIND_RO },
	{ "rw", BIND_RW },
	{ "rec", BIND_REC },
	{ "dev", BIND_DEV },
	{ "nodev", BIND_NODEV },
	{ "suid", BIND_SUID },
	{ "nosuid", BIND_NOSUID },
	{ "exec", BIND_EXEC },
	{ "noexec", BIND_NOEXEC },
	{ "private", BIND_PRIVATE },
	{ "unbindable", BIND_UNBINDABLE },
	{ "noatime", BIND_NOATIME },
	{ "nodiratime", BIND_NODIRATIME },
	{ "relatime", BIND_RELATIME },
};

unsigned bind_flag_parse(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(bind_flags); i++) {
		if (!strcmp(bind_flags[i].name, word))
			return bind_flags[i].flag;
	}
	return 0;
}

const char *bind_flag_name(unsigned flag)
{
	for (size_t i = 0; i < ARRAY_SIZE(bind_flags); i++) {
		if (bind_flags[i].flag == flag)
			return bind_flags[i].name;
	}
	return NULL;
}

static bool is_chroot(const struct layout_params *p)
{
	return strcmp(p->root, "/") != 0;
}

bool layout_needs_mount_ns(const struct layout_params *p, bool level1)
{
	return p->isolate || level1 || p->nbinds || !str_is_empty(p->hostname) || p->resolv_conf ||
	       is_chroot(p) || p->root_readonly;
}

/* ---- building blocks ---- */

static void add_mkdir(struct plan *plan, const char *target, mode_t mode)
{
	plan_add(plan, PLAN_MKDIR, NULL, target)->mode = mode;
}

/* `data` is taken over. */
static struct plan_op *add_mount(struct plan *plan, const char *fstype, const char *target,
				 unsigned long flags, char *data)
{
	struct plan_op *op = plan_add(plan, PLAN_MOUNT, fstype, target);

	op->fstype = xstrdup(fstype);
	op->flags = flags;
	op->data = data;
	return op;
}

static struct plan_op *add_bind_inside(struct plan *plan, const char *source, const char *target,
				       unsigned long flags)
{
	struct plan_op *op = plan_add(plan, PLAN_BIND, source, target);

	op->inside = true;
	op->flags = flags;
	return op;
}

static void add_propagation(struct plan *plan, const char *target, unsigned long flags)
{
	plan_add(plan, PLAN_PROPAGATION, NULL, target)->flags = flags;
}

static char *tmpfs_options(const char *mode, uint64_t size)
{
	if (!size)
		return xasprintf("mode=%s", mode);
	return xasprintf("mode=%s,size=%llu", mode, (unsigned long long)size);
}

/* ---- root = "/" ---- */

static void add_host_root(const struct layout_params *p, struct plan *plan)
{
	plan_add(plan, PLAN_UNMOUNT, NULL, "/sys")->optional = true;
	add_mount(plan, "sysfs", "/sys", MS_RDONLY | NO_ALL, NULL);
	if (p->enable_tracefs)
		add_mount(plan, "tracefs", "/sys/kernel/tracing", NO_ALL, xstrdup("mode=755"))
			->optional = true;
}

/* ---- chroot ---- */

/* Directories between /dev and a node such as /dev/net/tun. */
static void add_device_dirs(struct plan *plan, const char *path)
{
	for (const char *p = path + strlen("/dev/"); (p = strchr(p, '/')); p++) {
		auto_free char *dir = xstrndup(path, (size_t)(p - path));

		add_mkdir(plan, dir, 0755);
	}
}

static void add_devices(const struct layout_params *p, struct plan *plan)
{
	for (size_t i = 0; i < p->ndevices; i++) {
		const struct device_node *node = &p->devices[i];
		struct plan_op *op;

		if (!node->path || !str_has_prefix(node->path, "/dev/") || node->minor < 0)
			continue;
		add_device_dirs(plan, node->path);
		op = plan_add(plan, PLAN_MKNOD, NULL, node->path);
		op->mode = node->mode;
		op->major = (unsigned)node->major;
		op->minor = (unsigned)node->minor;
	}
}

static void add_dev(const struct layout_params *p, struct plan *plan)
{
	static const struct {
		const char *link, *to;
	} links[] = {
		{ "/dev/ptmx", "pts/ptmx" },          { "/dev/fd", "/proc/self/fd" },
		{ "/dev/stdin", "/proc/self/fd/0" },  { "/dev/stdout", "/proc/self/fd/1" },
		{ "/dev/stderr", "/proc/self/fd/2" },
	};

	add_mkdir(plan, "/dev", 0775);
	add_mount(plan, "tmpfs", "/dev", MS_NOSUID | MS_STRICTATIME,
		  tmpfs_options("755", p->dev_size));
	add_mkdir(plan, "/dev/pts", 0755);
	add_mkdir(plan, "/dev/shm", 01777);
	if (p->enable_hugetlbfs)
		add_mkdir(plan, "/dev/hugepages", 0755);
	add_devices(p, plan);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		plan_add(plan, PLAN_SYMLINK, links[i].to, links[i].link);
	add_mount(plan, "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
		  xasprintf("newinstance,ptmxmode=0666,mode=620,gid=5,max=%u", p->devpts_max));
	if (p->enable_hugetlbfs)
		add_mount(plan, "hugetlbfs", "/dev/hugepages", MS_NOSUID | MS_NODEV,
			  xstrdup("mode=01777"));
}

static void add_tracing(struct plan *plan)
{
	struct plan_op *op = plan_add(plan, PLAN_BIND, "/sys/kernel/tracing",
				      "/sys/kernel/tracing");

	op->flags = MS_RDONLY;
	op->optional = true;
	add_mount(plan, "tmpfs", "/sys/kernel/debug", NO_ALL, xstrdup("mode=755"))->optional = true;
	op = plan_add(plan, PLAN_BIND, "/sys/kernel/tracing", "/sys/kernel/debug/tracing");
	op->flags = MS_RDONLY;
	op->optional = true;
}

/*
 * A container in a chroot container sees the socket where that one has it; the first bind serves
 * that, and the second goes over it where the path of the configuration can be seen.
 */
static void add_socket(const char *path, struct plan *plan)
{
	static const char inside[] = "/run/portod.socket";

	if (strcmp(path, inside) != 0)
		plan_add(plan, PLAN_BIND, inside, inside)->optional = true;
	plan_add(plan, PLAN_BIND, path, inside)->optional = true;
}

static void add_run(const struct layout_params *p, struct plan *plan)
{
	struct plan_op *op;

	add_mkdir(plan, "/run", 0775);
	op = plan_add(plan, PLAN_SKELETON, "tmpfs", "/run");
	op->fstype = xstrdup("tmpfs");
	op->flags = MS_NOSUID | MS_NODEV | MS_STRICTATIME;
	op->data = tmpfs_options("755", p->run_size);
	add_mkdir(plan, "/run/lock", 01777);
	add_mkdir(plan, "/run/shm", 01777);
	add_bind_inside(plan, "/run/lock", "/run/lock", NO_ALL);
	add_bind_inside(plan, "/run/shm", "/dev/shm", MS_NOSUID | MS_NODEV);
	if (p->socket_path)
		add_socket(p->socket_path, plan);
}

static void add_chroot(const struct layout_params *p, struct plan *plan)
{
	add_dev(p, plan);
	add_mkdir(plan, "/sys", 0775);
	add_mount(plan, "sysfs", "/sys", MS_RDONLY | NO_ALL, NULL);
	if (p->enable_tracefs)
		add_tracing(plan);
	add_run(p, plan);
}

/* ---- for all ---- */

static void add_protection(struct plan *plan)
{
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

	/* Each of them exists or not by the kernel's configuration. */
	for (size_t i = 0; i < ARRAY_SIZE(read_only); i++) {
		struct plan_op *op = plan_add(plan, PLAN_REMOUNT_RO, NULL, read_only[i]);

		op->flags = NO_ALL;
		op->optional = true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		struct plan_op *op = plan_add(plan, PLAN_MASK, NULL, hidden[i].path);

		/* A directory that the kernel keeps empty, to be mounted on: quicker than a tmpfs.
		 * */
		if (hidden[i].hint)
			op->source = xstrdup("/sys/fs/cgroup");
		op->mode = hidden[i].hint;
		op->optional = true;
	}
}

static const struct {
	enum bind_flag flag;
	unsigned long set, clear;
} bind_effects[] = {
	{ BIND_RO, MS_RDONLY, 0 },
	{ BIND_REC, MS_REC, 0 },
	{ BIND_NODEV, MS_NODEV, 0 },
	{ BIND_SUID, 0, MS_NOSUID },
	{ BIND_NOSUID, MS_NOSUID, 0 },
	{ BIND_EXEC, 0, MS_NOEXEC },
	{ BIND_NOEXEC, MS_NOEXEC, 0 },
	{ BIND_NOATIME, MS_NOATIME, 0 },
	{ BIND_NODIRATIME, MS_NODIRATIME, 0 },
	{ BIND_RELATIME, MS_RELATIME, 0 },
};

/* `rw` is what a bind is without `ro`: it does not make a read-only source writable. */
static void add_bind(const struct layout_params *p, const struct bind_mount *b, struct plan *plan)
{
	struct plan_op *op = plan_add(plan, PLAN_BIND, b->source, b->target);

	op->check = true;
	op->check_write = !(b->flags & BIND_RO);

	for (size_t i = 0; i < ARRAY_SIZE(bind_effects); i++) {
		if (b->flags & bind_effects[i].flag) {
			op->flags |= bind_effects[i].set;
			op->clear |= bind_effects[i].clear;
		}
	}
	if ((b->flags & BIND_DEV) && !(b->flags & BIND_NODEV))
		op->clear |= MS_NODEV;
	else
		op->flags |= MS_NODEV;
	op->uid = p->owner_uid;
	op->gid = p->owner_gid;
}

static bool has_bind_at(const struct layout_params *p, const char *target)
{
	for (size_t i = 0; i < p->nbinds; i++) {
		if (str_eq(p->binds[i].target, target))
			return true;
	}
	return false;
}

/* With root "/" a file that the host lacks is not made on the host: there is nothing to hide. */
static void add_overlay(const struct layout_params *p, const char *target, const char *content,
			struct plan *plan)
{
	struct plan_op *op;

	if (has_bind_at(p, target))
		return;
	op = plan_add(plan, PLAN_FILE, NULL, target);
	op->data = xstrdup(content);
	op->mode = is_chroot(p) ? 0644 : 0;
}

static void add_overlays(const struct layout_params *p, struct plan *plan)
{
	if (p->resolv_conf)
		add_overlay(p, "/etc/resolv.conf", p->resolv_conf, plan);
	if (!str_is_empty(p->hostname)) {
		auto_free char *line = xasprintf("%s\n", p->hostname);

		add_overlay(p, "/etc/hostname", line, plan);
		if (!is_chroot(p) && !has_bind_at(p, "/etc/hostname"))
			plan->ops[plan->n - 1].optional = true;
	}
}

/* Shared, so that volumes and nested containers see later mounts; binds may opt out. */
static void add_final_propagation(const struct layout_params *p, struct plan *plan)
{
	add_propagation(plan, "/", MS_SHARED | MS_REC);
	for (size_t i = 0; i < p->nbinds; i++) {
		const struct bind_mount *b = &p->binds[i];
		unsigned long rec = b->flags & BIND_REC ? MS_REC : 0;

		if (b->flags & BIND_UNBINDABLE)
			add_propagation(plan, b->target, MS_UNBINDABLE | rec);
		else if (b->flags & BIND_PRIVATE)
			add_propagation(plan, b->target, MS_PRIVATE | rec);
	}
}

void layout_build(const struct layout_params *p, struct plan *ret_plan)
{
	struct plan plan = PLAN_INIT;
	struct plan_op *op;

	/* Slave first: nothing done below may reach the host, while its new mounts come in. */
	add_propagation(&plan, "/", MS_SLAVE | MS_REC);
	op = plan_add(&plan, PLAN_ROOT, p->root, NULL);
	op->check = is_chroot(p);
	op->check_write = p->writes_root && !p->root_readonly;
	if (p->root_readonly)
		plan_add(&plan, PLAN_ROOT_READONLY, NULL, NULL);
	if (is_chroot(p))
		add_mkdir(&plan, "/proc", 0775);
	add_mount(&plan, "proc", "/proc", NO_ALL, NULL);
	if (is_chroot(p))
		add_chroot(p, &plan);
	else
		add_host_root(p, &plan);
	add_protection(&plan);
	for (size_t i = 0; i < p->nbinds; i++)
		add_bind(p, &p->binds[i], &plan);
	add_overlays(p, &plan);
	if (is_chroot(p))
		plan_add(&plan, PLAN_PIVOT, NULL, NULL);
	add_final_propagation(p, &plan);
	*ret_plan = plan;
}
