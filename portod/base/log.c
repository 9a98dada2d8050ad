/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One write(2) per line to a file opened with O_APPEND: lines of several processes (master, server,
 * short children) never mix, and nothing sits in a buffer when a process is killed.
 *
 * The file is never a symbolic link: the directory may be writable for others than root.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "xalloc.h"

static struct {
	char *path; /* NULL: stderr */
	char process[32];
	int fd;
	enum log_level level;
	struct log_stats stats;
} logger = { .process = "portod", .fd = STDERR_FILENO, .level = LOG_INFO };

static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
		      0644);

	return fd < 0 ? -errno : fd;
}

static void use_fd(int fd)
{
	if (logger.fd > STDERR_FILENO)
		close(logger.fd);
	logger.fd = fd;
}

int log_open(const char *path, const char *process)
{
	char *copy;
	int fd = STDERR_FILENO;

	if (path) {
		fd = open_file(path);
		if (fd < 0)
			return fd;
		logger.stats.opens++;
	}
	copy = xstrdup(path);
	free(logger.path);
	logger.path = copy;
	use_fd(fd);
	log_set_process(process);
	return 0;
}

int log_reopen(void)
{
	int fd;

	if (!logger.path)
		return 0;
	fd = open_file(logger.path);
	if (fd < 0)
		return fd;
	use_fd(fd);
	logger.stats.opens++;
	return 0;
}

bool log_is_removed(void)
{
	struct stat st;

	return logger.path && fstat(logger.fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 0;
}

void log_set_process(const char *process)
{
	snprintf(logger.process, sizeof(logger.process), "%s", process);
}

void log_set_level(enum log_level level)
{
	logger.level = level;
}

enum log_level log_get_level(void)
{
	return logger.level;
}

int log_fd(void)
{
	return logger.fd;
}

struct log_stats *log_get_stats(void)
{
	return &logger.stats;
}

static const char *tag_of(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "ERR";
	case LOG_WARNING:
		return "WRN";
	case LOG_DEBUG:
		return "DBG";
	case LOG_INFO:
	case LOG_VERBOSE:
	default:
		return "   ";
	}
}

static void add_header(struct buf *line, enum log_level level)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	buf_addf(line, "%s.%03ld %s[%d]: %s ", stamp, now.tv_nsec / 1000000, logger.process,
		 (int)getpid(), tag_of(level));
}

static void add_escaped(struct buf *line, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '\n')
			buf_adds(line, "\\n");
		else if (c == '\t')
			buf_adds(line, "\\t");
		else if (c < 0x20 || c == 0x7f)
			buf_addf(line, "\\x%02x", c);
		else
			buf_addc(line, (char)c);
	}
}

/* A full disk must not stop the daemon: a lost line is only counted. */
static void put_line(const struct buf *line)
{
	size_t done = 0;
	ssize_t n;

	logger.stats.lines++;
	logger.stats.bytes += line->len;
	while (done < line->len) {
		n = write(logger.fd, line->data + done, line->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			logger.stats.lines_lost++;
			logger.stats.bytes_lost += line->len - done;
			return;
		}
		done += (size_t)n;
	}
}

void log_line(enum log_level level, const char *fmt, ...)
{
	auto_buf line = BUF_INIT;
	int saved = errno;
	va_list ap;
	char *text;

	if (level == LOG_ERROR)
		logger.stats.errors++;
	else if (level == LOG_WARNING)
		logger.stats.warnings++;
	if (level > logger.level)
		return;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	add_header(&line, level);
	add_escaped(&line, text);
	buf_addc(&line, '\n');
	free(text);
	put_line(&line);
	errno = saved;
}
