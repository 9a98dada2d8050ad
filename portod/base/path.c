/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

#include <string.h>

#include "buf.h"
#include "xalloc.h"

static bool is_dots(const char *s, size_t len)
{
	return len == 2 && s[0] == '.' && s[1] == '.';
}

/* Where the last component of `out` starts; components are separated by one slash. */
static size_t last_start(const struct buf *out, size_t root)
{
	size_t i = out->len;

	while (i > root && out->data[i - 1] != '/')
		i--;
	return i;
}

static void add_component(struct buf *out, size_t root, const char *s, size_t len)
{
	if (is_dots(s, len) && (root || out->len > root)) {
		size_t at = last_start(out, root);

		if (!is_dots(out->data + at, out->len - at)) {
			out->len = at > root ? at - 1 : at;
			out->data[out->len] = '\0';
			return;
		}
	}
	if (out->len > root)
		buf_addc(out, '/');
	buf_add(out, s, len);
}

char *path_normalize(const char *path)
{
	struct buf out = BUF_INIT;
	size_t root = path[0] == '/', len;

	if (root)
		buf_addc(&out, '/');
	for (; *path; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len && !(len == 1 && path[0] == '.'))
			add_component(&out, root, path, len);
	}
	if (!out.len)
		buf_addc(&out, '.');
	return buf_take(&out);
}

bool path_is_normal(const char *path)
{
	if (!path_is_absolute(path))
		return false;
	if (!path[1])
		return true;
	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		if (len == 0 || (len == 1 && path[0] == '.') || is_dots(path, len))
			return false;
		path += len;
	}
	return true;
}

char *path_join(const char *a, const char *b)
{
	size_t len = strlen(a);

	if (path_is_absolute(b) || !len)
		return xstrdup(b);
	if (!*b)
		return xstrdup(a);
	return xasprintf("%s%s%s", a, a[len - 1] == '/' ? "" : "/", b);
}

const char *path_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1 && dir[0] == '/')
		len = 0;
	if (strncmp(path, dir, len))
		return NULL;
	path += len;
	if (*path == '/')
		return path + 1;
	return *path ? NULL : path;
}

const char *path_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_dirname(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

bool path_is_system(const char *path)
{
	static const char *const trees[] = { "/bin",  "/boot", "/dev", "/etc", "/proc",
					     "/root", "/sbin", "/sys", "/usr", "/var" };
	const char *below = path_below(path, "/var/lib");

	if (!strcmp(path, "/") || !strcmp(path, "/home") || !strncmp(path, "/lib", 4))
		return true;
	if (below && *below)
		return false;
	for (size_t i = 0; i < sizeof(trees) / sizeof(*trees); i++) {
		if (path_below(path, trees[i]))
			return true;
	}
	return false;
}
