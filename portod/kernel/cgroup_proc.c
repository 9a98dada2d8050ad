/* SPDX-License-Identifier: Apache-2.0 */
/* Parsers of mountinfo and /proc/PID/cgroup. */
#include "kernel/cgroup_proc.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

char *cgroup_next_line(char **pos)
{
	char *line = *pos, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end++ = '\0';
	*pos = end;
	return line;
}

char *cgroup_next_word(char **pos)
{
	return strsep(pos, ",");
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The kernel writes blank, tab, newline and backslash of a path as \ooo. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && is_octal(s[1]) && is_octal(s[2]) && is_octal(s[3])) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

static bool has_option(const char *options, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = options; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, word, len) && (!p[len] || p[len] == ','))
			return true;
	}
	return false;
}

/* 36 35 98:0 /root /point options [optional fields…] - fstype source super-options */
bool cgroup_mount_parse(char *line, struct cgroup_mount *ret)
{
	char *field[6], *word, *type;

	for (size_t i = 0; i < 6; i++) {
		field[i] = strsep(&line, " ");
		if (!field[i])
			return false;
	}
	do {
		word = strsep(&line, " ");
	} while (word && !str_eq(word, "-"));
	type = strsep(&line, " ");
	if (!type || !strsep(&line, " ") || !line)
		return false;
	if (!str_eq(type, "cgroup") && !str_eq(type, "cgroup2"))
		return false;
	*ret = (struct cgroup_mount){
		.root = field[3],
		.point = field[4],
		.is_v2 = str_eq(type, "cgroup2"),
		.read_only = has_option(field[5], "ro") || has_option(line, "ro"),
		.options = line,
	};
	unescape(ret->root);
	unescape(ret->point);
	return ret->root[0] == '/' && ret->point[0] == '/';
}

static void cut_deleted(char *path)
{
	static const char mark[] = " (deleted)";
	size_t len = strlen(path);

	if (str_has_suffix(path, mark))
		path[len - (sizeof(mark) - 1)] = '\0';
}

/* ID:controller,controller:path; the unified tree has ID 0 and no controllers. */
char *cgroup_member_path(char *text, const char *controller, int *ret_err)
{
	char *found = NULL, *line;

	while ((line = cgroup_next_line(&text))) {
		char *id = strsep(&line, ":");
		char *controllers = strsep(&line, ":");
		bool match;

		if (!id || !controllers || !line) {
			*ret_err = -EINVAL;
			return NULL;
		}
		match = *controller ? has_option(controllers, controller)
				    : !*controllers && str_eq(id, "0");
		if (!match)
			continue;
		if (found || line[0] != '/') {
			*ret_err = found ? -EPERM : -EINVAL;
			return NULL;
		}
		found = line;
	}
	if (!found) {
		*ret_err = -ENOENT;
		return NULL;
	}
	cut_deleted(found);
	*ret_err = 0;
	return found;
}
