/* SPDX-License-Identifier: Apache-2.0 */
/* Start description: the command, its environment, credentials and streams. */
#include <stdio.h>
#include <string.h>

#include "base/xalloc.h"
#include "ops/compile.h"
#include "props/caps_bound.h"
#include "props/env.h"
#include "props/seccomp.h"
#include "props/task_groups.h"

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
	if (fd == 0 || container_stdio_path(ct, fd))
		return NULL;
	return xasprintf("%s/%s/%s", ops->config->workdir_base, ct->name,
			 fd == 1 ? "stdout" : "stderr");
}

static int compile_stream(struct ops *ops, const struct container *ct, int i, int fd,
			  struct compiled *c, struct error *err)
{
	struct stream_spec *s = &c->spec.streams[i];
	const char *path = container_stdio_path(ct, i);

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

static bool has_bind_at_console(const struct compiled *c)
{
	for (size_t i = 0; i < c->nbinds; i++)
		if (str_eq(c->binds[i].target, "/dev/console"))
			return true;
	return false;
}

static int compile_tty(const struct container *ct, const struct start_client *from,
		       struct compiled *c, struct error *err)
{
	struct start_spec *spec = &c->spec;

	if (!ct->spec.tty || !spec->has_command)
		return 0;
	if (spec->streams[0].kind != STREAM_FD)
		return error_set(
			err, ERR_INVALID_VALUE,
			"tty is set, but stdin_path is no terminal of the client, /dev/fd/N");
	spec->tty = true;
	spec->tty_owner = from->uid;
	spec->tty_console = spec->ns[NS_MNT].mode == NS_NEW && !str_eq(c->root, "/") &&
			    !has_bind_at_console(c);
	return 0;
}

int compile_streams(struct ops *ops, const struct container *ct, const struct start_client *from,
		    struct compiled *c, struct error *err)
{
	for (int i = 0; i < 3; i++)
		if (compile_stream(ops, ct, i, from->fds[i], c, err))
			return -1;
	return compile_tty(ct, from, c, err);
}

/* ---- the rest ---- */

int compile_seccomp(struct ops *ops, const struct container *ct, struct compiled *c,
		    struct error *err)
{
	if (seccomp_effective(ops->env, ct, &c->seccomp, err))
		return -1;
	c->spec.seccomp = c->seccomp.v;
	c->spec.nseccomp = c->seccomp.n;
	return 0;
}

void compile_task(struct ops *ops, const struct container *ct, struct compiled *c)
{
	struct start_spec *spec = &c->spec;

	spec->id = ct->id;
	spec->name = ct->name;
	spec->portoinit = ops->config->portoinit;
	spec->record_path = c->record = ops_record_path(ops, ct);
	spec->workdir = c->workdir = ops_workdir(ops, ct);
	spec->cwd = c->cwd;
	spec->has_command = !container_is_meta(ct);
	spec->init = ct->spec.init && ct->spec.virt_mode != VIRT_OS;
	if (ct->spec.held)
		spec->hold_path = c->hold = ops_hold_path(ops, ct);
	spec->command = container_command(ct);
	spec->argv = ct->spec.command_argv.n ? &ct->spec.command_argv : NULL;
	spec->hide_expansion = env_build(ct, ops->env->extra_env, ops->hostname, c->cwd, &c->env);
	spec->env = &c->env;
	spec->umask = (mode_t)ct->spec.umask;
	c->cred.uid = container_task_uid(ct);
	c->cred.gid = container_task_gid(ct);
	task_groups_load(ct, &c->cred);
	spec->cred = &c->cred;
	caps_sets(ct, &spec->caps);
	spec->no_new_privs = no_new_privs_effective(ct);
	spec->set_loginuid = true;
	spec->loginuid = ct->spec.virt_mode == VIRT_OS ? (uid_t)-1 : ct->spec.owner_cred.uid;
	spec->hostname = ct->spec.hostname;
	spec->stdout_limit = ct->spec.stdout_limit;
	spec->timeout_ms = ops->config->start_timeout_ms;
}
