/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a dump is written: plain with holes, or through a filter of libarchive, whose "raw" format
 * is the bytes and nothing else.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "core/core.h"

#define BLOCK 4096

struct core_sink {
	int fd;
	uint64_t size;    /* of what was given */
	uint64_t written; /* to the disk */
	uint64_t budget, sync_size, synced;
	bool over;               /* the budget is spent */
	int failed;              /* errno of a write, inside of libarchive */
	struct archive *archive; /* NULL = plain */
};

/* Let the kernel begin to write, so that it does not do so all at once at the end. */
static void write_back(struct core_sink *s, uint64_t end)
{
	if (!s->sync_size || end - s->synced < s->sync_size)
		return;
	(void)sync_file_range(s->fd, (off_t)s->synced, (off_t)(end - s->synced),
			      SYNC_FILE_RANGE_WRITE);
	s->synced = end;
}

static int put(struct core_sink *s, const void *data, size_t len)
{
	int r;

	if (s->written + len > s->budget) {
		s->over = true;
		return -ENOSPC;
	}
	r = fd_write_all(s->fd, data, len);
	s->written += len;
	return r;
}

static int failure(const struct core_sink *s, int r, struct error *err)
{
	if (s->over)
		return error_set(err, ERR_NO_SPACE, "the limit of the directory is reached");
	return error_errno(err, -r, "write");
}

/* ---- plain ---- */

static bool is_zero(const char *p, size_t len)
{
	return len && p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

static int write_plain(struct core_sink *s, const char *data, size_t len)
{
	int r = 0;

	while (len && r == 0) {
		size_t n = BLOCK - s->size % BLOCK;

		if (n > len)
			n = len;
		if (is_zero(data, n))
			r = lseek(s->fd, (off_t)n, SEEK_CUR) < 0 ? -errno : 0;
		else
			r = put(s, data, n);
		s->size += n;
		data += n;
		len -= n;
	}
	write_back(s, s->size);
	return r;
}

/* ---- compressed ---- */

static la_ssize_t on_write(struct archive *a, void *data, const void *buf, size_t len)
{
	struct core_sink *s = data;
	int r = put(s, buf, len);

	if (r == 0) {
		write_back(s, s->written);
		return (la_ssize_t)len;
	}
	s->failed = -r;
	archive_set_error(a, -r, "write");
	return -1;
}

static int add_filter(struct archive *a, const char *suffix)
{
	if (str_eq(suffix, ".gz"))
		return archive_write_add_filter_gzip(a);
	if (str_eq(suffix, ".xz"))
		return archive_write_add_filter_xz(a);
	return archive_write_add_filter_zstd(a);
}

static int archive_failure(const struct core_sink *s, struct error *err)
{
	const char *why = archive_error_string(s->archive);

	if (s->over || s->failed)
		return failure(s, -s->failed, err);
	return error_set(err, ERR_UNKNOWN, "compress: %s", why ? why : "unknown reason");
}

static int start_archive(struct core_sink *s, const char *suffix, struct error *err)
{
	struct archive_entry *entry = archive_entry_new();
	int r = -1;

	s->archive = archive_write_new();
	if (!s->archive || !entry)
		abort();
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_pathname(entry, "core");
	if (add_filter(s->archive, suffix) < ARCHIVE_WARN ||
	    archive_write_set_format_raw(s->archive) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(s->archive, 1) != ARCHIVE_OK ||
	    archive_write_open(s->archive, s, NULL, on_write, NULL) != ARCHIVE_OK ||
	    archive_write_header(s->archive, entry) != ARCHIVE_OK)
		archive_failure(s, err);
	else
		r = 0;
	archive_entry_free(entry);
	return r;
}

static int write_archive(struct core_sink *s, const char *data, size_t len, struct error *err)
{
	while (len) {
		la_ssize_t n = archive_write_data(s->archive, data, len);

		if (n <= 0)
			return archive_failure(s, err);
		s->size += (uint64_t)n;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* ---- both ---- */

struct core_sink *core_sink_new(int fd, const char *suffix, uint64_t budget, uint64_t sync_size,
				struct error *err)
{
	struct core_sink *s = xnew(struct core_sink);

	s->fd = fd;
	s->budget = budget;
	s->sync_size = sync_size;
	if (*suffix && start_archive(s, suffix, err))
		return core_sink_free(s);
	return s;
}

int core_sink_write(struct core_sink *s, const void *data, size_t len, struct error *err)
{
	int r;

	if (s->archive)
		return write_archive(s, data, len, err);
	r = write_plain(s, data, len);
	return r < 0 ? failure(s, r, err) : 0;
}

int core_sink_end(struct core_sink *s, struct error *err)
{
	if (s->archive)
		return archive_write_close(s->archive) == ARCHIVE_OK ? 0 : archive_failure(s, err);
	/* It may end with a hole. */
	return ftruncate(s->fd, (off_t)s->size) < 0 ? failure(s, -errno, err) : 0;
}

struct core_sink *core_sink_free(struct core_sink *s)
{
	if (!s)
		return NULL;
	if (s->archive)
		archive_write_free(s->archive);
	free(s);
	return NULL;
}
