/* SPDX-License-Identifier: Apache-2.0 */
/* What users see of the groups as they are: directories and control files (cgroup.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_backend.h"

static const struct cgroup_hierarchy *find(const struct cgroup_host *h, enum cgroup_controller c,
					   struct error *err)
{
	if (!h->at[c])
		error_set(err, ERR_NOT_SUPPORTED, "this host has no controller '%s'",
			  cgroup_controller_name(c));
	return h->at[c];
}

int cgroup_dir(const struct cgroup_host *h, const struct cgroup *cg, enum cgroup_controller c,
	       char *buf, size_t size, struct error *err)
{
	const struct cgroup_hierarchy *hr = find(h, c, err);
	char path[CGROUP_PATH_MAX];

	if (!hr || cgroup_own_path(h, hr, cg, path, err) < 0)
		return -1;
	if ((size_t)snprintf(buf, size, "%s%s%s", hr->point, *path ? "/" : "", path) >= size)
		return error_errno(err, ENAMETOOLONG, "path of the group of '%s'", cg->name);
	return 0;
}

/* Not fd_read_file(): statistics must not be read twice to learn their size. */
static int read_all(int fd, struct buf *out)
{
	size_t start = out->len;

	for (;;) {
		void *p = buf_reserve(out, 4096);
		ssize_t n = read(fd, p, 4096);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		buf_commit(out, (size_t)n);
		if (out->len - start > CGROUP_RAW_MAX)
			return -EFBIG;
	}
}

int cgroup_read_raw(const struct cgroup_host *h, const struct cgroup *cg, enum cgroup_controller c,
		    const char *file, struct buf *out, struct error *err)
{
	const struct cgroup_hierarchy *hr = find(h, c, err);
	char path[CGROUP_PATH_MAX];
	auto_close int fd = -1;
	int r;

	if (!hr || cgroup_own_path(h, hr, cg, path, err) < 0)
		return -1;
	if (!*file || strchr(file, '/'))
		return error_set(err, ERR_INVALID_VALUE, "'%s' is no name of a control file", file);
	fd = cgroup_open(hr, path, file, O_RDONLY | O_NONBLOCK);
	r = fd < 0 ? fd : read_all(fd, out);
	if (r < 0)
		return error_errno(err, -r, "read %s/%s%s%s", hr->point, path, *path ? "/" : "",
				   file);
	return 0;
}
