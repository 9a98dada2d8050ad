/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: root directory, binds, files of /etc, standard streams. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/xalloc.h"
#include "props/control.h"
#include "props/rows.h"
#include "props/stream.h"

/* ---- root ---- */

GETTER(get_root)
{
	const char *root = ctx->ct->spec.root;

	UNUSED();
	buf_adds(out, str_is_empty(root) ? "/" : root);
	return 0;
}

/* A chroot gets a device list of its own, where the host has the controller. */
static void own_devices(const struct prop_ctx *ctx)
{
	const struct cgroup_host *h = ctx->env->cgroups;
	uint32_t bit = CGROUP_BIT(CGROUP_DEVICES);
	struct container_spec *s = &ctx->ct->spec;

	if (h && (cgroup_host_controllers(h) & bit))
		s->controllers = control_close(ctx->env, (uint32_t)s->controllers | bit);
}

SETTER(set_root)
{
	struct container_spec *s = &ctx->ct->spec;
	auto_free char *normal = path_normalize(*value ? value : "/");

	(void)p, (void)index;
	if (strlen(value) >= PATH_MAX)
		return error_set(err, ERR_INVALID_VALUE, "path '%.40s…' is too long", value);
	if (!strcmp(normal, "..") || str_has_prefix(normal, "../"))
		return error_set(err, ERR_PERMISSION, "'%.200s' leads out of the parent's root",
				 value);
	free(s->root);
	s->root = path_join("/", strcmp(normal, ".") ? normal : "");
	if (container_is_chrooted(ctx->ct))
		own_devices(ctx);
	return 0;
}

const struct prop row_root = {
	.name = "root",
	.row = ROW_root,
	.desc = "root directory, in the parent's root",
	.doc = "A directory in the parent's root, which becomes **/**: with fresh /proc,\n"
	       "/sys, /dev, /run and a private mount namespace. Opened with the owner's\n"
	       "rights, checked at start; through links such as /proc/PID/root for containers\n"
	       "of root only (Permission), and never to a mount of another mount namespace\n"
	       "(InvalidPath): name it as it is called on the host. Default **/**, the parent's\n"
	       "root.",
	.type = &type_string,
	.offset = FIELD(root),
	.get = get_root,
	.set = set_root,
};

GETTER(get_root_path)
{
	auto_free char *root = container_root_path(ctx->ct);
	auto_free char *client_root = container_root_path(ctx->client->container);
	const char *below = path_below(root, client_root);

	(void)p, (void)index;
	if (!below)
		return error_set(err, ERR_PERMISSION, "the root is outside of the client's root");
	buf_addc(out, '/');
	buf_adds(out, below);
	return 0;
}

const struct prop row_root_path = {
	.name = "root_path",
	.row = ROW_root_path,
	.desc = "root directory, in the client's root",
	.doc = "*root* as the client sees it; Permission if it cannot.",
	.flags = PROP_READONLY,
	.get = get_root_path,
};

const struct prop row_root_readonly = {
	.name = "root_readonly",
	.row = ROW_root_readonly,
	.desc = "root directory is read-only",
	.doc = "The root and what is mounted below it; mounts made for the container, such\n"
	       "as /dev, /run and *bind*, are not affected. Default false.",
	.type = &type_bool,
	.offset = FIELD(root_readonly),
};

/* ---- streams ---- */

static unsigned stream_of(const struct prop *p)
{
	return (unsigned)((p->offset - offsetof(struct container_spec, stdio_path)) /
			  sizeof(char *));
}

/* The words of what has no path: the daemon's own files. */
static const char *const stdio_defaults[] = { "/dev/null", "stdout", "stderr" };

GETTER(get_stdio_path)
{
	unsigned i = stream_of(p);
	const char *path = container_stdio_path(ctx->ct, (int)i);

	UNUSED();
	buf_adds(out, path ? path : stdio_defaults[i]);
	return 0;
}

/* `/dev/fd/N` is the client's descriptor. It is taken at start; a wrong one is better told now. */
CHECKER(check_stdio_path)
{
	const char *path = ctx->ct->spec.stdio_path[stream_of(p)];
	char link[64], target[2];
	const char *digits;
	size_t n;

	if (!path || !str_has_prefix(path, "/dev/fd/"))
		return 0;
	digits = path + strlen("/dev/fd/");
	n = strlen(digits);
	if (n == 0 || n > 9 || strspn(digits, "0123456789") != n)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no descriptor", path);
	if (!ctx->client->pid)
		return error_set(err, ERR_INVALID_VALUE,
				 "'%s' is a descriptor of a client, but no client sets it", path);
	snprintf(link, sizeof(link), "/proc/%d/fd/%s", (int)ctx->client->pid, digits);
	if (readlink(link, target, sizeof(target)) < 0)
		return error_set(err, ERR_INVALID_VALUE, "the client has no open descriptor %s",
				 digits);
	return 0;
}

const struct prop row_stdin_path = {
	.name = "stdin_path",
	.row = ROW_stdin_path,
	.desc = "standard input: path inside, /dev/fd/N of the client",
	.doc = "A path inside of the container, opened with the rights of the command; a\n"
	       "relative one is below *cwd*. **/dev/fd/**\\ *N* is descriptor *N* of the\n"
	       "client that starts the container, at the moment it is set. **/dev/null** and\n"
	       "empty: nothing. Default /dev/null.",
	.type = &type_string,
	.offset = FIELD(stdio_path[0]),
	.check = check_stdio_path,
	.get = get_stdio_path,
};

const struct prop row_stdout_path = {
	.name = "stdout_path",
	.row = ROW_stdout_path,
	.desc = "standard output: path inside, /dev/fd/N of the client",
	.doc = "A path inside of the container, opened with the rights of the command; a\n"
	       "relative one is below *cwd*. **/dev/fd/**\\ *N* is descriptor *N* of the\n"
	       "client that starts the container, at the moment it is set. **/dev/null** and\n"
	       "empty: nothing, the default in *virt_mode* os. **stdout**, the default otherwise:\n"
	       "a file that the daemon keeps, read as *stdout*; for a file of that name in *cwd*\n"
	       "say **./stdout**. A regular file inside can be read as *stdout*, too: with the\n"
	       "rights of the command's user.",
	.type = &type_string,
	.offset = FIELD(stdio_path[1]),
	.check = check_stdio_path,
	.get = get_stdio_path,
};

const struct prop row_stderr_path = {
	.name = "stderr_path",
	.row = ROW_stderr_path,
	.desc = "standard error: path inside, /dev/fd/N of the client",
	.doc = "A path inside of the container, opened with the rights of the command; a\n"
	       "relative one is below *cwd*. **/dev/fd/**\\ *N* is descriptor *N* of the\n"
	       "client that starts the container, at the moment it is set. **/dev/null** and\n"
	       "empty: nothing, the default in *virt_mode* os. **stderr**, the default otherwise:\n"
	       "a file that the daemon keeps, read as *stderr*; for a file of that name in *cwd*\n"
	       "say **./stderr**. A regular file inside can be read as *stderr*, too: with the\n"
	       "rights of the command's user.",
	.type = &type_string,
	.offset = FIELD(stdio_path[2]),
	.check = check_stdio_path,
	.get = get_stdio_path,
};

CHECKER(check_stdout_limit)
{
	uint64_t limit = ctx->ct->spec.stdout_limit;

	(void)p;
	if (limit <= ctx->env->stdout_limit_max || client_is_superuser(ctx->client))
		return 0;
	return error_set(err, ERR_PERMISSION, "only a superuser can set more than %llu",
			 (unsigned long long)ctx->env->stdout_limit_max);
}

const struct prop row_stdout_limit = {
	.name = "stdout_limit",
	.row = ROW_stdout_limit,
	.desc = "how much of stdout and of stderr is kept",
	.doc = "For each of both streams. A stored file that grew larger loses its\n"
	       "beginning, once a second and at death. Above 1 GiB for superusers only.\n"
	       "Default **container.stdout_limit**, 8 MiB.",
	.type = &type_size,
	.offset = FIELD(stdout_limit),
	.flags = PROP_DYNAMIC,
	.check = check_stdout_limit,
};

GETTER(get_stdout)
{
	(void)p;
	return stream_read(ctx, 1, index, out, err);
}

GETTER(get_stderr)
{
	(void)p;
	return stream_read(ctx, 2, index, out, err);
}

GETTER(get_stdout_offset)
{
	UNUSED();
	type_put_u64(out, ctx->ct->stream_offset[1]);
	return 0;
}

GETTER(get_stderr_offset)
{
	UNUSED();
	type_put_u64(out, ctx->ct->stream_offset[2]);
	return 0;
}

const struct prop row_stdout = {
	.name = "stdout",
	.row = ROW_stdout,
	.desc = "stored standard output; [offset][:length]",
	.doc = "Index *offset*\\ **:**\\ *length*, both may be left out: from this position\n"
	       "since start, so many bytes; **:**\\ *length* alone is the end. Without one\n"
	       "the end, up to *stdout_limit*. What was rotated away answers InvalidData, as\n"
	       "does a stream that is no file.",
	.flags = PROP_READONLY | PROP_RUNTIME | PROP_INDEX_GET,
	.get = get_stdout,
};

const struct prop row_stderr = {
	.name = "stderr",
	.row = ROW_stderr,
	.desc = "stored standard error; [offset][:length]",
	.doc = "Index *offset*\\ **:**\\ *length*, both may be left out: from this position\n"
	       "since start, so many bytes; **:**\\ *length* alone is the end. Without one\n"
	       "the end, up to *stdout_limit*. What was rotated away answers InvalidData, as\n"
	       "does a stream that is no file.",
	.flags = PROP_READONLY | PROP_RUNTIME | PROP_INDEX_GET,
	.get = get_stderr,
};

const struct prop row_stdout_offset = {
	.name = "stdout_offset",
	.row = ROW_stdout_offset,
	.desc = "bytes of stdout that are no longer stored",
	.doc = "Bytes that were cut off at the beginning since start.",
	.flags = PROP_READONLY | PROP_RUNTIME,
	.get = get_stdout_offset,
};

const struct prop row_stderr_offset = {
	.name = "stderr_offset",
	.row = ROW_stderr_offset,
	.desc = "bytes of stderr that are no longer stored",
	.doc = "Bytes that were cut off at the beginning since start.",
	.flags = PROP_READONLY | PROP_RUNTIME,
	.get = get_stderr_offset,
};
