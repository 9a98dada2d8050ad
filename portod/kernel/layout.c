/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file system of a container as a mount plan: reference/containers.md §21, top to bottom.
 *
 * Differences from there: with root "/" the old /sys is unmounted as a whole, since a fresh one
 * covers it anyway and one unmount is quicker than one for each file system below it; more of
 * /proc and /sys is hidden, as OCI runtimes do; an overlay is left out where a bind has the same
 * target.
 */
#include "kernel/layout_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"

#define NO_ALL        (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define SOCKET_INSIDE "/run/portod.socket"

static bool is_chroot(const struct layout_params *p)
{
	return strcmp(p->root, "/") != 0;
}

bool layout_needs_mount_ns(const struct layout_params *p, bool level1)
{
	return p->isolate || level1 || p->private_run || p->nbinds || p->nmounts || p->shm_size ||
	       !str_is_empty(p->hostname) || p->resolv_conf || p->etc_hosts || is_chroot(p) ||
	       p->root_readonly || p->masked || p->readonly || p->root_propagation || p->ncgroups;
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

/*
 * Read-only, but for what the devices of the container have there: these are bound on themselves
 * before the rest becomes read-only.
 */
static void add_sys(const struct layout_params *p, struct plan *plan)
{
	bool some = p->sysfs && p->sysfs->n;

	add_mount(plan, "sysfs", "/sys", (some ? 0 : MS_RDONLY) | NO_ALL, NULL);
	for (size_t i = 0; some && i < p->sysfs->n; i++)
		add_bind_inside(plan, p->sysfs->v[i], p->sysfs->v[i], 0)->optional = true;
	if (some)
		plan_add(plan, PLAN_CHANGE, NULL, "/sys")->flags = MS_RDONLY;
}

/* ---- root = "/" ---- */

static void add_host_root(const struct layout_params *p, struct plan *plan)
{
	plan_add(plan, PLAN_UNMOUNT, NULL, "/sys")->optional = true;
	add_sys(p, plan);
	if (p->enable_tracefs)
		add_mount(plan, "tracefs", "/sys/kernel/tracing", NO_ALL, xstrdup("mode=755"))
			->optional = true;
	if (p->shm_size && !p->private_run)
		add_mount(plan, "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV | MS_STRICTATIME,
			  tmpfs_options("1777", p->shm_size));
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
		const struct device *d = &p->devices[i];
		struct plan_op *op;

		if (!device_has_node(d))
			continue;
		add_device_dirs(plan, d->path);
		op = plan_add(plan, PLAN_MKNOD, NULL, d->path);
		op->mode = (d->rule.type == 'b' ? S_IFBLK : S_IFCHR) | d->mode;
		op->major = (unsigned)d->rule.major;
		op->minor = (unsigned)d->rule.minor;
		op->uid = d->uid;
		op->gid = d->gid;
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
		  xasprintf("newinstance,ptmxmode=0666,mode=620,gid=%u,max=%u",
			    p->tty_gid ? p->tty_gid : LAYOUT_TTY_GID, p->devpts_max));
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
	if (strcmp(path, SOCKET_INSIDE) != 0)
		plan_add(plan, PLAN_BIND, SOCKET_INSIDE, SOCKET_INSIDE)->optional = true;
	plan_add(plan, PLAN_BIND, path, SOCKET_INSIDE)->optional = true;
}

/* On the host's root the mount of /run covers the socket: it is looked up before. */
static void add_own_socket(const char *path, struct plan *plan)
{
	struct plan_op *op = plan_add(plan, PLAN_BIND, path, SOCKET_INSIDE);

	op->picked = true;
	op->optional = true;
}

static void add_run(const struct layout_params *p, struct plan *plan)
{
	bool chroot = is_chroot(p);
	struct plan_op *op;

	if (p->socket_path && !chroot) {
		plan_add(plan, PLAN_PICK, SOCKET_INSIDE, NULL)->optional = true;
		plan_add(plan, PLAN_PICK, p->socket_path, NULL)->optional = true;
	}
	if (chroot)
		add_mkdir(plan, "/run", 0775);
	/* What the host has in its /run is not for the services of another system. */
	op = plan_add(plan, chroot ? PLAN_SKELETON : PLAN_MOUNT, "tmpfs", "/run");
	op->fstype = xstrdup("tmpfs");
	op->flags = MS_NOSUID | MS_NODEV | MS_STRICTATIME;
	op->data = tmpfs_options("755", p->run_size);
	add_mkdir(plan, "/run/lock", 01777);
	add_mkdir(plan, "/run/shm", 01777);
	add_bind_inside(plan, "/run/lock", "/run/lock", NO_ALL);
	if (p->shm_size)
		add_mount(plan, "tmpfs", "/run/shm", MS_NOSUID | MS_NODEV | MS_STRICTATIME,
			  tmpfs_options("1777", p->shm_size));
	add_bind_inside(plan, "/run/shm", "/dev/shm", MS_NOSUID | MS_NODEV)->optional = !chroot;
	if (p->socket_path && chroot)
		add_socket(p->socket_path, plan);
	else if (p->socket_path)
		add_own_socket(p->socket_path, plan);
}

static void add_chroot(const struct layout_params *p, struct plan *plan)
{
	add_dev(p, plan);
	add_mkdir(plan, "/sys", 0775);
	add_sys(p, plan);
	if (p->enable_tracefs)
		add_tracing(plan);
	add_run(p, plan);
}

/* ---- for all ---- */

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
	if (p->etc_hosts)
		add_overlay(p, "/etc/hosts", p->etc_hosts, plan);
	if (!str_is_empty(p->hostname)) {
		auto_free char *line = xasprintf("%s\n", p->hostname);

		add_overlay(p, "/etc/hostname", line, plan);
		if (!is_chroot(p) && !has_bind_at(p, "/etc/hostname"))
			plan->ops[plan->n - 1].optional = true;
	}
}

void layout_build(const struct layout_params *p, struct plan *ret_plan)
{
	struct plan plan = PLAN_INIT;
	struct plan_op *op;

	layout_add_holds(p, &plan);
	/* Then slave: nothing done below may reach the host, while its new mounts come in. */
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
	if (!is_chroot(p) && p->private_run)
		add_run(p, &plan);
	layout_add_protection(p, &plan);
	layout_add_cgroups(p, &plan);
	layout_add_binds(p, &plan);
	add_overlays(p, &plan);
	layout_add_named_protection(p, &plan);
	if (is_chroot(p))
		plan_add(&plan, PLAN_PIVOT, NULL, NULL);
	layout_add_propagation(p, &plan);
	plan.root_uid = p->root_uid;
	plan.root_gid = p->root_gid;
	*ret_plan = plan;
}
