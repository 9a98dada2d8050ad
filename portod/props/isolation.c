/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: what separates a container from the host, and what it may do all the same. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/userns.h"
#include "props/rows.h"

/* ---- namespaces ---- */

CHECKER(check_isolate)
{
	const struct container_spec *s = &ctx->ct->spec;

	(void)p;
	if (s->isolate && (s->virt_mode == VIRT_HOST || s->virt_mode == VIRT_JOB))
		return error_set(err, ERR_INVALID_VALUE,
				 "'true' is not possible with this virt_mode");
	return 0;
}

const struct prop row_isolate = {
	.name = "isolate",
	.row = ROW_isolate,
	.desc = "own pid, ipc and uts namespaces, own environment",
	.doc = "**true**: own pid, ipc and uts namespaces and an environment that starts\n"
	       "afresh. **false**: those of the nearest container above that has a process.\n"
	       "Not with *virt_mode* host or job. Default true.",
	.type = &type_bool,
	.offset = FIELD(isolate),
	.check = check_isolate,
};

static const struct enum_word virt_modes[] = {
	{ "app", VIRT_APP },   { "os", VIRT_OS },      { "job", VIRT_JOB },
	{ "host", VIRT_HOST }, { "docker", VIRT_APP }, /* obsolete alias */
	{ NULL, 0 },
};

/* What shares everything cannot be isolated. Setting the mode back does not bring it back. */
CHECKER(check_virt_mode)
{
	struct container_spec *s = &ctx->ct->spec;

	(void)p, (void)err;
	if (s->isolate && (s->virt_mode == VIRT_JOB || s->virt_mode == VIRT_HOST)) {
		s->isolate = false;
		container_mark_set(ctx->ct, ROW_isolate, true);
	}
	return 0;
}

const struct prop row_virt_mode = {
	.name = "virt_mode",
	.row = ROW_virt_mode,
	.desc = "kind of virtualization",
	.doc = "**app**: a process of the daemon waits for the command and reaps orphans.\n"
	       "**os**: the command is the first process itself, a system's init. Defaults then\n"
	       "are *command* /sbin/init, *cwd* /, no output, *net* none, user and group root.\n"
	       "It is asked to stop by SIGRTMIN+3 (systemd), else SIGPWR, else SIGTERM, whichever\n"
	       "it handles. **job**: one more command inside of the parent, whose groups and\n"
	       "limits it shares; needs a parent and a *command*, cannot be paused, has no mounts\n"
	       "and controllers of its own; what it leaves behind is killed. **host**: nothing is\n"
	       "separated: all capabilities and devices, no mounts; only below containers in mode\n"
	       "host, for clients that are not in others. job and host set *isolate* to false.\n"
	       "What does not go together answers InvalidValue or Permission at start. Default\n"
	       "app.",
	.type = &type_enum,
	.offset = FIELD(virt_mode),
	.arg = virt_modes,
	.also = { &row_isolate },
	.check = check_virt_mode,
};

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* How long it may be the kernel says, at start. */
CHECKER(check_hostname)
{
	const char *name = ctx->ct->spec.hostname;

	(void)p;
	for (; *name; name++) {
		if (is_control(*name) || *name == '/')
			return error_set(err, ERR_INVALID_VALUE,
					 "'%.64s' has a byte that no host name can have",
					 ctx->ct->spec.hostname);
	}
	return 0;
}

const struct prop row_hostname = {
	.name = "hostname",
	.row = ROW_hostname,
	.desc = "host name inside",
	.doc = "Gives the container a host name namespace of its own and an /etc/hostname.\n"
	       "Default empty: that of the container above.",
	.type = &type_string,
	.offset = FIELD(hostname),
	.check = check_hostname,
};

static const struct enum_word cgroupfs_words[] = {
	{ "none", CGROUPFS_NONE },
	{ "ro", CGROUPFS_RO },
	{ "rw", CGROUPFS_RW },
	{ NULL, 0 },
};

static bool cgroupfs_supported(const struct prop_env *env)
{
	(void)env;
	return access("/proc/self/ns/cgroup", F_OK) == 0;
}

const struct prop row_cgroupfs = {
	.name = "cgroupfs",
	.row = ROW_cgroupfs,
	.desc = "cgroup file systems inside",
	.doc = "**none**, the default: no cgroup file system. **ro**, **rw**: a new cgroup\n"
	       "namespace, and at /sys/fs/cgroup the hierarchies in which the container has a\n"
	       "group of its own. With **ro** that group, not to be changed. With **rw** the\n"
	       "container rules a group below its own, where its processes live: it can make\n"
	       "groups there, but not reach its own limits; of version 1, blkio and cpuset\n"
	       "stay read-only, and net_cls without **container.enable_rw_net_cgroups**. The\n"
	       "group belongs to *user*; what is made in it goes away when the container\n"
	       "stops. **rw** needs **container.enable_rw_cgroupfs**, Permission at start\n"
	       "otherwise. A systemd that is the *command* of *virt_mode* os gets the\n"
	       "hierarchy that it needs writable with each of them. See **cgroups**\\ (7).",
	.type = &type_enum,
	.offset = FIELD(cgroupfs),
	.arg = cgroupfs_words,
	.supported = cgroupfs_supported,
};

/* ---- access to the daemon ---- */

static const struct enum_word access_words[] = {
	{ "true", ACCESS_NORMAL },
	{ "false", ACCESS_NONE },
	{ "none", ACCESS_NONE },
	{ "full", ACCESS_NORMAL },
	{ "read-isolate", ACCESS_READ_ISOLATE },
	{ "read-only", ACCESS_READ_ONLY },
	{ "isolate", ACCESS_ISOLATE },
	{ "self-isolate", ACCESS_SELF_ISOLATE },
	{ "child-only", ACCESS_CHILD_ONLY },
	{ NULL, 0 },
};

/* What an ancestor's level leaves to those below. */
static int access_ceiling(const struct container *ct)
{
	if (ct->spec.enable_porto == ACCESS_NONE)
		return ACCESS_NONE;
	return ct->spec.enable_porto <= ACCESS_READ_ONLY ? ACCESS_READ_ONLY : ACCESS_NORMAL;
}

CHECKER(check_enable_porto)
{
	int access = ctx->ct->spec.enable_porto;

	if (client_is_superuser(ctx->client))
		return 0;
	for (const struct container *up = ctx->ct->parent; up; up = up->parent) {
		if (access > access_ceiling(up))
			return error_set(err, ERR_PERMISSION,
					 "'%s' is more than container '%s' allows below itself",
					 enum_word_of(p->arg, access), up->name);
	}
	return 0;
}

const struct prop row_enable_porto = {
	.name = "enable_porto",
	.row = ROW_enable_porto,
	.desc = "what the processes may ask of this daemon",
	.doc = "Access of the processes inside to this daemon. **false**: none.\n"
	       "**read-isolate**: read what is in this container, by names without its own\n"
	       "before them. **read-only**: read everything. **isolate**: read and write\n"
	       "what is in this container. **self-isolate**: and itself. **child-only**:\n"
	       "read everything, write what is in this container. **true**: by the rules of\n"
	       "ownership. It can only be as much as every container above has, unless a\n"
	       "superuser sets it. Default: what is left by the parent. In a *root* of its\n"
	       "own the socket is at /run/portod.socket, unless the value is **false** at\n"
	       "start.",
	.type = &type_enum,
	.offset = FIELD(enable_porto),
	.flags = PROP_DYNAMIC,
	.arg = access_words,
	.check = check_enable_porto,
};

static const char name_bytes[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-@:./";

CHECKER(check_namespace)
{
	const char *ns = ctx->ct->spec.porto_namespace;

	(void)p;
	if (strlen(ns) > CONTAINER_PATH_MAX || ns[strspn(ns, name_bytes)])
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' cannot be the beginning of a container's name", ns);
	return 0;
}

const struct prop row_porto_namespace = {
	.name = "porto_namespace",
	.row = ROW_porto_namespace,
	.desc = "prefix of the names seen from inside (obsolete)",
	.doc = "Beginning of names that clients inside need not write. Obsolete: use\n"
	       "*enable_porto* isolate. Default empty.",
	.type = &type_string,
	.offset = FIELD(porto_namespace),
	.check = check_namespace,
};
