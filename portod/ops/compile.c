/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a container to the flat description of its start: namespaces, mounts, streams, limits.
 * Nothing here changes the container or the kernel.
 */
#include <errno.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/xalloc.h"
#include "kernel/caps.h"
#include "kernel/device.h"
#include "kernel/layout.h"
#include "ops/internal.h"
#include "props/bind.h"
#include "props/caps_bound.h"
#include "props/env.h"
#include "props/ulimit.h"

struct compiled {
	struct start_spec spec;
	struct layout_params layout;
	struct plan plan;
	struct cgroup_setting settings[CGROUP_SETTINGS_MAX];
	struct cred cred, owner;
	struct strv env;
	struct bind_mount *binds;
	size_t nbinds;
	struct rlimit_entry *rlimits;
	struct buf device_rules;
	char *cwd, *workdir, *record, *root, *resolv_conf;
	char *stored[3];
	bool processless;
};

struct compiled *compiled_free(struct compiled *c)
{
	if (!c)
		return NULL;
	plan_deinit(&c->plan);
	cred_deinit(&c->cred);
	cred_deinit(&c->owner);
	strv_deinit(&c->env);
	for (size_t i = 0; i < c->nbinds; i++) {
		free(c->binds[i].source);
		free(c->binds[i].target);
	}
	free(c->binds);
	free(c->rlimits);
	buf_deinit(&c->device_rules);
	free(c->cwd);
	free(c->workdir);
	free(c->record);
	free(c->root);
	free(c->resolv_conf);
	for (int i = 0; i < 3; i++)
		free(c->stored[i]);
	free(c);
	return NULL;
}

const struct start_spec *compiled_spec(const struct compiled *c)
{
	return &c->spec;
}

bool compiled_is_processless(const struct compiled *c)
{
	return c->processless;
}

uint32_t compiled_ns_flags(const struct compiled *c)
{
	uint32_t flags = 0;

	for (int kind = 0; kind < _NS_COUNT; kind++)
		if (c->spec.ns[kind].mode == NS_NEW)
			flags |= 1u << kind;
	return flags;
}

/* ---- resources ---- */

static void add(struct cgroup_setting *settings, size_t *n, enum cgroup_knob knob, uint64_t value,
		uint64_t arg2)
{
	settings[(*n)++] = (struct cgroup_setting){ .knob = knob, .value = value, .arg2 = arg2 };
}

static void cpu_settings(const struct container *ct, bool only_set, struct cgroup_setting *settings,
			 size_t *n)
{
	uint64_t limit = ct->spec.cpu_limit ? container_cpu_limit_total(ct) : 0;
	uint64_t period = ct->spec.cpu_period;

	if (limit || !only_set)
		add(settings, n, CGROUP_KNOB_CPU_LIMIT,
		    (uint64_t)((double)limit * (double)period / 1e9), period);
	if (ct->spec.cpu_weight != 1.0 || !only_set)
		add(settings, n, CGROUP_KNOB_CPU_WEIGHT, (uint64_t)(ct->spec.cpu_weight * 1000), 0);
}

void compile_settings(const struct ops *ops, const struct container *ct, enum apply_group group,
		      bool only_set, struct cgroup_setting *settings, size_t *n)
{
	uint64_t owned = ct->spec.controllers;

	(void)ops;
	switch (group) {
	case APPLY_MEMORY:
		if (owned & CGROUP_BIT(CGROUP_MEMORY) && (ct->spec.memory_limit || !only_set))
			add(settings, n, CGROUP_KNOB_MEMORY_LIMIT, ct->spec.memory_limit, 0);
		break;
	case APPLY_CPU:
		if (owned & CGROUP_BIT(CGROUP_CPU))
			cpu_settings(ct, only_set, settings, n);
		break;
	case APPLY_PIDS:
		if (owned & CGROUP_BIT(CGROUP_PIDS) && (ct->spec.thread_limit || !only_set))
			add(settings, n, CGROUP_KNOB_THREAD_LIMIT, ct->spec.thread_limit, 0);
		break;
	case APPLY_NONE:
	case APPLY_ULIMIT:
	case APPLY_OOM:
	case _APPLY_COUNT:
		break;
	}
}

static void compile_resources(struct ops *ops, const struct container *ct, struct compiled *c)
{
	struct start_spec *spec = &c->spec;
	size_t n = 0, ndevices;
	const struct device_node *devices = device_defaults(&ndevices);

	prop_cgroup(ct, &spec->cgroup);
	spec->cgroup_host = ops->cgroups;
	for (int group = APPLY_NONE + 1; group < _APPLY_COUNT; group++)
		compile_settings(ops, ct, (enum apply_group)group, true, c->settings, &n);
	if (ct->spec.controllers & CGROUP_BIT(CGROUP_DEVICES) &&
	    cgroup_knob_is_supported(ops->cgroups, CGROUP_KNOB_DEVICES)) {
		device_rules_format(devices, ndevices, &c->device_rules);
		add(c->settings, &n, CGROUP_KNOB_DEVICES, 0, 0);
		c->settings[n - 1].text = buf_str(&c->device_rules);
	}
	spec->settings = c->settings;
	spec->nsettings = n;
	ulimit_effective(ct, ops->env, &c->rlimits, &spec->nrlimits);
	spec->rlimits = c->rlimits;
	spec->oom_score_adj = (int)ct->spec.oom_score_adj;
	spec->set_oom_score_adj = true; /* never the daemon's own */
}

/* ---- namespaces ---- */

static struct ns_choice inherit(pid_t base)
{
	return base ? (struct ns_choice){ .mode = NS_OF_PID, .pid = base }
		    : (struct ns_choice){ .mode = NS_KEEP };
}

static struct ns_choice choose(bool fresh, pid_t base)
{
	return fresh ? (struct ns_choice){ .mode = NS_NEW, .pid = base } : inherit(base);
}

static void compile_namespaces(const struct container *ct, struct compiled *c)
{
	struct start_spec *spec = &c->spec;
	const struct container *near = container_nearest_task(ct);
	pid_t base = near ? near->task.main_pid : 0;
	bool isolate = ct->spec.isolate, hostname = !str_is_empty(ct->spec.hostname);

	for (int kind = 0; kind < _NS_COUNT; kind++)
		spec->ns[kind] = inherit(base);
	spec->ns[NS_USER] = (struct ns_choice){ .mode = NS_KEEP }; /* nobody has one of its own yet
								      */
	spec->ns[NS_PID] = choose(isolate, base);
	spec->ns[NS_IPC] = choose(isolate, base);
	spec->ns[NS_UTS] = choose(isolate || hostname, base);
	spec->ns[NS_MNT] = choose(layout_needs_mount_ns(&c->layout, ct->level == 1), base);
	spec->root_pid_of = base;
}

/* ---- file system ---- */

/* The root as it is called where the start happens: in the root of the nearest container that has a
 * process, or on the host. */
static char *root_from_base(const struct container *ct, const struct container *near)
{
	char *path = xstrdup("/");

	for (; ct && ct != near; ct = ct->parent) {
		char *outer;

		if (str_is_empty(ct->spec.root) || strcmp(ct->spec.root, "/") == 0)
			continue;
		outer = strcmp(path, "/") == 0 ? xstrdup(ct->spec.root)
					       : xasprintf("%s%s", ct->spec.root, path);
		free(path);
		path = outer;
	}
	return path;
}

static int compile_binds(struct ops *ops, const struct container *ct, struct compiled *c,
			 struct error *err)
{
	auto_free char *parent_cwd = container_cwd(ct->parent, ops->config->workdir_base);

	c->binds = xnew_array(struct bind_mount, ct->spec.bind.n + 1);
	for (; c->nbinds < ct->spec.bind.n; c->nbinds++)
		if (bind_parse(ct->spec.bind.v[c->nbinds], parent_cwd, c->cwd, &c->binds[c->nbinds],
			       err))
			return -1;
	return 0;
}

/* Without a text of its own a chroot gets the host's resolver configuration. */
static char *resolv_conf_text(const struct container *ct, bool chrooted)
{
	const char *text = ct->spec.resolv_conf;
	char *host = NULL;

	if (!text || strcmp(text, "default") == 0 || strcmp(text, "inherit") == 0) {
		if (chrooted && (!text || strcmp(text, "default") == 0))
			(void)fd_read_file(-1, "/etc/resolv.conf", 64 << 10, &host, NULL);
		return host;
	}
	if (!*text || strcmp(text, "keep") == 0)
		return NULL;
	host = xstrdup(text);
	for (char *p = host; *p; p++)
		if (*p == ';')
			*p = '\n';
	return host;
}

static int compile_layout(struct ops *ops, const struct container *ct, struct compiled *c,
			  struct error *err)
{
	struct layout_params *l = &c->layout;
	uint64_t memory = container_memory_limit_total(ct);

	c->root = root_from_base(ct, container_nearest_task(ct));
	c->resolv_conf = resolv_conf_text(ct, strcmp(c->root, "/") != 0);
	if (compile_binds(ops, ct, c, err))
		return -1;
	l->root = c->root;
	l->root_readonly = ct->spec.root_readonly;
	l->isolate = ct->spec.isolate;
	l->run_size = (memory ? memory : ops->config->memory_total) / 2;
	l->dev_size = ops->config->dev_size;
	l->devpts_max = ops->config->devpts_max;
	l->devices = device_defaults(&l->ndevices);
	l->binds = c->binds;
	l->nbinds = c->nbinds;
	l->hostname = ct->spec.hostname;
	l->resolv_conf = c->resolv_conf;
	l->socket_path = ct->spec.enable_porto != ACCESS_NONE ? ops->config->socket_path : NULL;
	l->writes_root = ct->spec.task_cred.uid == 0;
	l->owner_uid = ct->spec.task_cred.uid;
	l->owner_gid = ct->spec.task_cred.gid;
	l->enable_tracefs = ops->config->enable_tracefs;
	return 0;
}

/* ---- streams ---- */

int stream_client_fd(const char *path)
{
	int fd = -1, end = 0;

	if (!path || sscanf(path, "/dev/fd/%d%n", &fd, &end) != 1 || path[end] || fd < 0)
		return -1;
	return fd;
}

char *stream_stored_path(const struct ops *ops, const struct container *ct, int fd)
{
	if (fd == 0 || ct->spec.stdio_path[fd])
		return NULL;
	return xasprintf("%s/%s/%s", ops->config->workdir_base, ct->name,
			 fd == 1 ? "stdout" : "stderr");
}

static int compile_stream(struct ops *ops, const struct container *ct, int i, int fd,
			  struct compiled *c, struct error *err)
{
	struct stream_spec *s = &c->spec.streams[i];
	const char *path = ct->spec.stdio_path[i];

	s->fd = -1;
	if (path ? !*path || strcmp(path, "/dev/null") == 0 : i == 0) {
		s->kind = STREAM_NULL;
	} else if (!path) {
		s->kind = STREAM_HOST;
		s->path = c->stored[i] = stream_stored_path(ops, ct, i);
	} else if (stream_client_fd(path) >= 0) {
		if (fd < 0)
			return error_set(err, ERR_INVALID_VALUE,
					 "%s is %s, but no client that has this descriptor starts "
					 "the container",
					 i == 0   ? "stdin_path"
					 : i == 1 ? "stdout_path"
						  : "stderr_path",
					 path);
		s->kind = STREAM_FD;
		s->fd = fd;
	} else {
		s->kind = STREAM_INSIDE;
		s->path = path;
	}
	return 0;
}

/* ---- all of it ---- */

static void compile_task(struct ops *ops, const struct container *ct, struct compiled *c)
{
	struct start_spec *spec = &c->spec;

	spec->id = ct->id;
	spec->name = ct->name;
	spec->portoinit = ops->config->portoinit;
	spec->record_path = c->record = ops_record_path(ops, ct);
	spec->workdir = c->workdir = ops_workdir(ops, ct);
	spec->cwd = c->cwd;
	spec->has_command = !container_is_meta(ct);
	spec->init = true;
	spec->command = ct->spec.command;
	spec->argv = ct->spec.command_argv.n ? &ct->spec.command_argv : NULL;
	env_build(ct, ops->env->extra_env, ops->hostname, c->cwd, &c->env);
	spec->env = &c->env;
	spec->umask = (mode_t)ct->spec.umask;
	cred_copy(&c->cred, &ct->spec.task_cred);
	cred_load_groups(&c->cred);
	spec->cred = &c->cred;
	spec->caps_bounding = caps_bound(ct);
	spec->caps_ambient = ct->spec.capabilities_ambient;
	spec->loginuid = ct->spec.owner_cred.uid;
	spec->hostname = ct->spec.hostname;
	spec->stdout_limit = ct->spec.stdout_limit;
	spec->timeout_ms = ops->config->start_timeout_ms;
}

/* On the host's file system an ordinary owner gets no further than it would by itself. */
static void check_as_owner(const struct container *ct, struct compiled *c)
{
	if (ct->spec.owner_cred.uid == 0 || container_is_chrooted(ct->parent))
		return;
	cred_copy(&c->owner, &ct->spec.owner_cred);
	cred_load_groups(&c->owner);
	c->plan.checker = &c->owner;
}

static int compile(struct ops *ops, const struct container *ct, const int fds[3],
		   struct compiled *c, struct error *err)
{
	struct start_spec *spec = &c->spec;

	*spec = (struct start_spec)START_SPEC_INIT;
	c->cwd = container_cwd(ct, ops->config->workdir_base);
	compile_task(ops, ct, c);
	compile_resources(ops, ct, c);
	if (compile_layout(ops, ct, c, err))
		return -1;
	compile_namespaces(ct, c);
	for (int i = 0; i < 3; i++)
		if (compile_stream(ops, ct, i, fds[i], c, err))
			return -1;
	if (spec->ns[NS_MNT].mode == NS_NEW) {
		layout_build(&c->layout, &c->plan);
		check_as_owner(ct, c);
		spec->plan = &c->plan;
	}
	c->processless = !spec->has_command && compiled_ns_flags(c) == 0;
	return 0;
}

int compile_start(struct ops *ops, struct container *ct, const int fds[3], bool respawn,
		  struct compiled **ret, struct error *err)
{
	struct compiled *c = xnew(struct compiled);

	if (compile(ops, ct, fds, c, err)) {
		compiled_free(c);
		return -1;
	}
	c->spec.keep_workdir = respawn;
	*ret = c;
	return 0;
}

static bool cred_may_use_group(const struct client *client, const struct container *ct)
{
	gid_t gid = ct->spec.task_cred.gid;
	struct cred owner = { .uid = ct->spec.owner_cred.uid, .gid = ct->spec.owner_cred.gid };
	struct cred task = { .uid = ct->spec.task_cred.uid, .gid = (gid_t)-1 };
	bool ok;

	if (client_is_superuser(client))
		return true;
	cred_load_groups(&owner);
	cred_load_groups(&task);
	ok = cred_in_group(&owner, gid) || cred_in_group(&task, gid);
	cred_deinit(&owner);
	cred_deinit(&task);
	return ok;
}

int compile_check(struct ops *ops, const struct client *client, const struct container *ct,
		  struct error *err)
{
	const struct container_spec *s = &ct->spec;
	uint64_t bound = caps_bound(ct);
	bool chrooted = container_is_chrooted(ct);
	uint32_t missing = (uint32_t)s->controllers & ~cgroup_host_controllers(ops->cgroups);

	if (!client_controls_cred(client, &s->owner_cred))
		return error_set(err, ERR_PERMISSION,
				 "its owner is uid %u, the client acts as uid %u",
				 s->owner_cred.uid, client->cred.uid);
	if (!chrooted && !container_is_below(ct, client->container) &&
	    (!client_controls_cred(client, &s->task_cred) || !cred_may_use_group(client, ct)))
		return error_set(err, ERR_PERMISSION,
				 "the client may not run tasks as user %u group %u",
				 s->task_cred.uid, s->task_cred.gid);
	if (!chrooted && s->task_cred.uid == 0 && s->owner_cred.uid != 0)
		return error_set(
			err, ERR_PERMISSION,
			"user root without a root directory of its own needs owner_user root");
	if (s->capabilities_ambient & ~bound) {
		auto_free char *extra = caps_format(s->capabilities_ambient & ~bound);

		return error_set(err, ERR_PERMISSION,
				 "capabilities_ambient %s are not in capabilities_allowed", extra);
	}
	for (int i = 0; i < _CGROUP_CONTROLLER_COUNT; i++)
		if (missing & CGROUP_BIT(i))
			return error_set(err, ERR_NOT_SUPPORTED,
					 "the host has no cgroup controller '%s'",
					 cgroup_controller_name((enum cgroup_controller)i));
	return 0;
}
