/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <nss.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wordexp.h>

#include "base/xalloc.h"

void exec_add_number(struct strv *args, const char *option, long v)
{
	strv_add(args, option);
	strv_add_take(args, xasprintf("%ld", v));
}

void exec_add_fd(struct strv *args, const char *option, int fd)
{
	if (fd < 0)
		return;
	exec_add_number(args, option, fd);
	fcntl(fd, F_SETFD, 0);
}

void exec_set_environment(const struct strv *env)
{
	static char *none[1];

	environ = env && env->n ? env->v : none;
}

static const char *expansion_error(int code)
{
	switch (code) {
	case WRDE_BADCHAR:
		return "unquoted newline or one of |&;<>(){}, which only a shell knows: sh -c";
	case WRDE_BADVAL:
		return "undefined variable";
	case WRDE_CMDSUB:
		return "command substitution is not allowed";
	case WRDE_NOSPACE:
		/* glibc says so, too, about a quoted variable that is empty. */
		return "out of memory, or an empty variable in quotes";
	case WRDE_SYNTAX:
		return "syntax error";
	default:
		return "unknown error";
	}
}

bool exec_is_plain(const char *command)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_/.,:=+@%^- \t";

	return !command[strspn(command, plain)];
}

static void split_plain(const char *command, struct strv *ret)
{
	static const char blank[] = " \t";

	for (const char *p = command + strspn(command, blank); *p; p += strspn(p, blank)) {
		size_t n = strcspn(p, blank);

		strv_addn(ret, p, n);
		p += n;
	}
}

static int expand_words(const char *command, struct strv *ret, struct error *err)
{
	wordexp_t words = { 0 };
	int r;

	/* "files" is built into libc; any other source would run code of the image in this process.
	 * */
	if (strchr(command, '~'))
		__nss_configure_lookup("passwd", "files");
	r = wordexp(command, &words, WRDE_NOCMD | WRDE_UNDEF);
	if (r != 0) {
		if (r == WRDE_NOSPACE)
			wordfree(&words);
		return error_set(err, ERR_INVALID_COMMAND, "expand command %.200s: %s", command,
				 expansion_error(r));
	}
	for (size_t i = 0; i < words.we_wordc; i++)
		strv_add(ret, words.we_wordv[i]);
	wordfree(&words);
	return 0;
}

int exec_expand(const char *command, struct strv *ret, struct error *err)
{
	if (exec_is_plain(command))
		split_plain(command, ret);
	else if (expand_words(command, ret, err) < 0)
		return -1;
	if (!ret->n)
		return error_set(err, ERR_INVALID_COMMAND, "command is empty after expansion");
	return 0;
}

int exec_find(const struct strv *argv, const char *shown, struct strv *ret, struct error *err)
{
	const char *path = getenv("PATH");
	auto_strv dirs = STRV_INIT;

	if (!argv->n || !*argv->v[0])
		return error_set(err, ERR_INVALID_COMMAND, "command is empty");
	if (strchr(argv->v[0], '/'))
		strv_add(&dirs, "");
	else
		strv_split(&dirs, path ? path : "/bin:/usr/bin", ':');
	errno = ENOENT;
	for (size_t i = 0; i < dirs.n; i++) {
		auto_free char *file = xasprintf("%s%s%s", dirs.v[i], *dirs.v[i] ? "/" : "",
						 argv->v[0]);

		if (access(file, X_OK) == 0)
			strv_add(ret, file);
	}
	if (!ret->n)
		return error_sys(err, ERR_INVALID_COMMAND, errno, "exec %.500s",
				 shown ? shown : argv->v[0]);
	return 0;
}

int exec_run(const struct strv *argv, const char *shown, struct error *err)
{
	if (!argv->n || !*argv->v[0])
		return error_set(err, ERR_INVALID_COMMAND, "command is empty");
	execvp(argv->v[0], argv->v);
	return error_sys(err, errno == EAGAIN ? ERR_RESOURCE_NOT_AVAILABLE : ERR_INVALID_COMMAND,
			 errno, "exec %.500s", shown ? shown : argv->v[0]);
}
