/* SPDX-License-Identifier: Apache-2.0 */
/* What the first process does to its file system, before it looks at paths of the command. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "kernel/child.h"
#include "kernel/mnt.h"
#include "kernel/symlink.h"
#include "kernel/sysctl.h"

static int open_root(struct error *err)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? error_errno(err, errno, "open the root directory") : fd;
}

static int make_links(const struct start_spec *spec, struct error *err)
{
	auto_close int root = -1;

	if (!spec->nlinks)
		return 0;
	root = open_root(err);
	return root < 0 ? -1
			: symlinks_apply(root, spec->links, spec->nlinks, spec->links_actor, err);
}

/* ---- sysctl ---- */

void sysctl_writer_open(struct sysctl_writer *w, const struct start_spec *spec)
{
	*w = (struct sysctl_writer){ .proc_sys = -1, .ns = -1 };
	if (!spec->nsysctls)
		return;
	w->proc_sys = sysctl_open();
	w->ns = open("/proc/self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fstatat(w->ns, "net", &w->net, 0) < 0)
		w->net = (struct stat){ 0 };
}

/* A namespace that is named by path may be any: ours is the host's. */
static int check_net(const struct sysctl_writer *w, const struct start_spec *spec,
		     const struct sysctl_setting *s, struct error *err)
{
	struct stat st;

	if (s->optional || spec->ns[NS_NET].mode != NS_AT_PATH ||
	    sysctl_kind_of(s->key) != SYSCTL_NET)
		return 0;
	if (fstatat(w->ns, "net", &st, 0) < 0)
		return error_errno(err, errno, "look at the network namespace");
	if (st.st_ino != w->net.st_ino)
		return 0;
	return error_set(err, ERR_PERMISSION,
			 "sysctl %s requires net isolation: %s is the host's network namespace",
			 s->key, spec->ns[NS_NET].path);
}

int sysctl_writer_run(struct sysctl_writer *w, const struct start_spec *spec, struct error *err)
{
	int r = 0;

	if (spec->nsysctls && w->proc_sys < 0)
		r = error_errno(err, -w->proc_sys, "open /proc/sys");
	for (size_t i = 0; i < spec->nsysctls && r == 0; i++) {
		r = check_net(w, spec, &spec->sysctls[i], err);
		if (r == 0)
			r = sysctl_write(w->proc_sys, &spec->sysctls[i], err);
	}
	close_fd(&w->proc_sys);
	close_fd(&w->ns);
	return r;
}

/* ---- links, directory ---- */

/* In /dev, which is ours alone as yet. */
static int attach_console(const struct child *c, struct error *err)
{
	static const char path[] = "/dev/console";
	auto_close int target = -1;
	int r;

	if (c->console < 0)
		return 0;
	target = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		target = open(path, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (target < 0)
		return error_errno(err, errno, "open %s", path);
	r = mnt_attach(c->console, target);
	return r < 0 ? error_errno(err, -r, "bind the terminal at %s", path) : 0;
}

int child_set_up_files(struct child *c, struct error *err)
{
	const struct start_spec *spec = c->spec;

	if ((spec->plan && plan_execute(spec->plan, err) < 0) || attach_console(c, err) < 0 ||
	    make_links(spec, err) < 0)
		return -1;
	/* Looking at files with other eyes may have undone these two. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

/*
 * By way of a descriptor, without magic links: /proc/self/fd/N would be a directory outside of the
 * root, if there is any such descriptor left.
 */
int child_go_to_cwd(const struct start_spec *spec, struct error *err)
{
	auto_close int root = -1, dir = -1;

	if (!spec->cwd)
		return 0;
	root = open_root(err);
	if (root < 0)
		return -1;
	dir = fd_open_in_root(root, spec->cwd, O_PATH | O_DIRECTORY, 0);
	if (dir == -ELOOP)
		return error_sys(err, ERR_INVALID_PATH, ELOOP,
				 "chdir %s: too many links, or one of the kernel's own such as "
				 "/proc/self/fd/N",
				 spec->cwd);
	if (dir < 0)
		return error_sys(err, ERR_INVALID_PATH, -dir, "chdir %s (cwd)", spec->cwd);
	return fchdir(dir) < 0 ? error_errno(err, errno, "chdir %s", spec->cwd) : 0;
}
