/* SPDX-License-Identifier: Apache-2.0 */
#include "core_hook.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"

#define PATTERN_MAX 127 /* the kernel cuts what is longer, silently */
#define WORDS       "%P %I %p %i %s %d %c %u %g"
#define PIPE_LIMIT  "1024" /* the kernel's 0 would not keep /proc/PID until the helper is done */

struct hook {
	char *pattern, *pipe_limit; /* the kernel's files */
	char *link, *conf, *saved;  /* ours */
	char *helper;
	char *text; /* what is written to `pattern` */
};

static void hook_init(struct hook *h, const struct config *config)
{
	const char *state = config->msg->daemon->state_dir;
	const char *kernel = config->msg->core->kernel_dir;

	h->pattern = xasprintf("%s/core_pattern", kernel);
	h->pipe_limit = xasprintf("%s/core_pipe_limit", kernel);
	h->link = xasprintf("%s/core", state);
	h->conf = xasprintf("%s/core.conf", state);
	h->saved = xasprintf("%s/core_pattern", state);
	h->helper = xasprintf("%s/porto-core", config->helpers_dir);
	h->text = xasprintf("|%s %s", h->link, WORDS);
}

static void hook_deinit(struct hook *h)
{
	free(h->pattern);
	free(h->pipe_limit);
	free(h->link);
	free(h->conf);
	free(h->saved);
	free(h->helper);
	free(h->text);
}

/* First line of a small file; "" if there is none. */
static int read_line(const char *path, char *buf, size_t size)
{
	ssize_t n = fd_read_small(AT_FDCWD, path, buf, size);

	if (n < 0) {
		buf[0] = '\0';
		return (int)n;
	}
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static int replace_link(const char *target, const char *path, struct error *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(err, errno, "remove %s", path);
	if (target && symlink(target, path) < 0)
		return error_errno(err, errno, "link %s to %s", path, target);
	return 0;
}

static int make_links(const struct hook *h, const struct config *config, struct error *err)
{
	auto_free char *file = config->file ? realpath(config->file, NULL) : NULL;

	if (access(h->helper, X_OK) < 0)
		return error_errno(err, errno, "helper program %s (see daemon.helpers_dir)",
				   h->helper);
	if (config->file && !file)
		return error_errno(err, errno, "find %s", config->file);
	if (replace_link(h->helper, h->link, err) || replace_link(file, h->conf, err))
		return -1;
	return 0;
}

/* Two lines: pattern and pipe limit. Kept by a daemon that was killed: then ours is in force. */
static int keep_old(const struct hook *h, struct error *err)
{
	char old[256], limit[32], text[320];
	int r = read_line(h->pattern, old, sizeof(old));

	if (r < 0)
		return error_errno(err, -r, "read %s", h->pattern);
	if (str_eq(old, h->text))
		return 0;
	(void)read_line(h->pipe_limit, limit, sizeof(limit));
	snprintf(text, sizeof(text), "%s\n%s\n", old, limit);
	r = fd_replace_file(AT_FDCWD, h->saved, text, strlen(text), 0600);
	return r < 0 ? error_errno(err, -r, "write %s", h->saved) : 0;
}

static int write_knob(const char *path, const char *text, struct error *err)
{
	int r = fd_write_file(AT_FDCWD, path, text);

	return r < 0 ? error_errno(err, -r, "write '%s' to %s", text, path) : 0;
}

static int take_over(const struct hook *h, struct error *err)
{
	char limit[32];

	if (strlen(h->text) > PATTERN_MAX || strpbrk(h->link, " %\t"))
		return error_set(err, ERR_INVALID_VALUE,
				 "'%s' cannot be a core pattern: at most %d bytes, and neither "
				 "blanks nor %% in daemon.state_dir",
				 h->text, PATTERN_MAX);
	if (keep_old(h, err))
		return -1;
	(void)read_line(h->pipe_limit, limit, sizeof(limit));
	if (str_eq(limit, "0") && write_knob(h->pipe_limit, PIPE_LIMIT, err))
		return -1;
	return write_knob(h->pattern, h->text, err);
}

/* As it was, if it is still ours. */
static void give_back(const struct hook *h, const char *fallback)
{
	char now[256], saved[320], *limit;
	struct error err = ERROR_INIT;

	if (fd_read_small(AT_FDCWD, h->saved, saved, sizeof(saved)) < 0)
		snprintf(saved, sizeof(saved), "%s\n", str_is_empty(fallback) ? "core" : fallback);
	limit = strchr(saved, '\n');
	if (limit)
		*limit++ = '\0';
	if (read_line(h->pattern, now, sizeof(now)) < 0 || !str_eq(now, h->text))
		return;
	if (write_knob(h->pattern, saved, &err) == 0 && limit && str_has_prefix(limit, "0"))
		(void)write_knob(h->pipe_limit, "0", &err);
	if (err.code)
		log_warning("core dumps: %s", err.text);
}

int core_hook_install(const struct config *config, struct error *err)
{
	struct hook h;
	int r;

	if (!config->msg->core->enable) {
		core_hook_remove(config);
		return error_set(err, ERR_NOT_SUPPORTED, "core.enable is off");
	}
	hook_init(&h, config);
	r = make_links(&h, config, err) || take_over(&h, err) ? -1 : 0;
	if (r == 0)
		log_info("core dumps: %s is '%s'", h.pattern, h.text);
	hook_deinit(&h);
	return r;
}

void core_hook_remove(const struct config *config)
{
	struct hook h;

	hook_init(&h, config);
	if (faccessat(AT_FDCWD, h.link, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    access(h.saved, F_OK) == 0) {
		give_back(&h, config->msg->core->default_pattern);
		(void)unlink(h.saved);
		(void)unlink(h.link);
		(void)unlink(h.conf);
	}
	hook_deinit(&h);
}
