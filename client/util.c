/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "client/ctl.h"

static void *checked(void *p)
{
	if (p)
		return p;
	fputs("portoctl: out of memory\n", stderr);
	exit(1);
}

void *xrealloc(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *xasprintf(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return checked(text);
}

bool parse_int(const char *text, int64_t *ret)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (end == text || *end || errno)
		return false;
	*ret = v;
	return true;
}

int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int terminal_width(int fd, int def)
{
	struct winsize ws;

	if (ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		return ws.ws_col;
	return def;
}

int exit_status_of(int code)
{
	/* Eight bits are all a status has; an error must not look like a success. */
	return code & 0xff ? code & 0xff : 1;
}

int ctl_error_code(const char *prefix, int code, const char *message)
{
	const char *name = porto_error_name(code);

	if (name)
		fprintf(stderr, "%s: %s:(%s)\n", prefix, name, message);
	else
		fprintf(stderr, "%s: %d:(%s)\n", prefix, code, message);
	return exit_status_of(code);
}

int ctl_error(struct ctl *ctl, const char *prefix)
{
	const struct porto_error *e = porto_last_error(ctl->conn);
	int status = ctl_error_code(prefix, e->code, e->message);

	if (e->outcome_unknown)
		fputs("The daemon may have carried the request out; check before repeating it.\n",
		      stderr);
	return status;
}
