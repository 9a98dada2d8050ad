/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics: one number from the group that is responsible, or of the host (cgroup.h). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_backend.h"
#include "kernel/cgroup_stat.h"

/* What a message calls them: the container properties. */
static const struct {
	const char *name;
	enum cgroup_controller controller;
} stat_info[_CGROUP_STAT_COUNT] = {
	[CGROUP_STAT_MEMORY_USAGE] = { "memory_usage", CGROUP_MEMORY },
	[CGROUP_STAT_ANON_USAGE] = { "anon_usage", CGROUP_MEMORY },
	[CGROUP_STAT_CACHE_USAGE] = { "cache_usage", CGROUP_MEMORY },
	[CGROUP_STAT_SHMEM_USAGE] = { "shmem_usage", CGROUP_MEMORY },
	[CGROUP_STAT_MLOCK_USAGE] = { "mlock_usage", CGROUP_MEMORY },
	[CGROUP_STAT_MEMORY_RECLAIMED] = { "memory_reclaimed", CGROUP_MEMORY },
	[CGROUP_STAT_WRITEBACK] = { "io_write[total_writeback]", CGROUP_MEMORY },
	[CGROUP_STAT_MINOR_FAULTS] = { "minor_faults", CGROUP_MEMORY },
	[CGROUP_STAT_MAJOR_FAULTS] = { "major_faults", CGROUP_MEMORY },
	[CGROUP_STAT_HUGETLB_USAGE] = { "hugetlb_usage", CGROUP_HUGETLB },
	[CGROUP_STAT_CPU_USAGE] = { "cpu_usage", CGROUP_CPUACCT },
	[CGROUP_STAT_CPU_USAGE_SYSTEM] = { "cpu_usage_system", CGROUP_CPUACCT },
	[CGROUP_STAT_CPU_THROTTLED] = { "cpu_throttled", CGROUP_CPU },
	[CGROUP_STAT_PROCESS_COUNT] = { "process_count", CGROUP_FREEZER },
	[CGROUP_STAT_THREAD_COUNT] = { "thread_count", CGROUP_PIDS },
	[CGROUP_STAT_OOM_KILLS] = { "oom_kills", CGROUP_MEMORY },
};

enum cgroup_controller cgroup_stat_controller(enum cgroup_stat stat)
{
	return stat_info[stat].controller;
}

bool cgroup_stat_is_supported(const struct cgroup_host *h, enum cgroup_stat stat)
{
	const struct cgroup_hierarchy *hr = h->at[stat_info[stat].controller];

	return hr && (hr->stats & 1u << stat);
}

static uint64_t scaled(uint64_t v, uint64_t scale)
{
	if (scale == CGROUP_SCALE_TICKS)
		scale = NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
	if (scale == CGROUP_SCALE_PAGES)
		scale = (uint64_t)sysconf(_SC_PAGESIZE);
	if (!scale)
		return v;
	return v > UINT64_MAX / scale ? UINT64_MAX : v * scale;
}

static int parse_row(const char *text, const struct cgroup_stat_row *row, uint64_t *ret)
{
	uint64_t minus = 0;
	int r = row->keys[0] ? cgroup_stat_sum(text, row->keys, ret)
			     : cgroup_stat_number(text, ret);

	if (r == -ENOENT && row->optional) {
		*ret = 0;
		return 0;
	}
	if (r == 0 && row->minus && cgroup_stat_key(text, row->minus, &minus) == 0)
		*ret -= minus < *ret ? minus : *ret;
	return r;
}

static int read_row(const struct cgroup_hierarchy *hr, const char *path,
		    const struct cgroup_stat_row *row, uint64_t *ret, struct error *err)
{
	char text[CGROUP_TEXT_MAX], leaf[CGROUP_PATH_MAX];
	uint64_t v;
	int r;

	if (row->in_leaf && cgroup_procs_dir(hr, path, leaf, sizeof(leaf)))
		path = leaf;
	r = cgroup_read(hr, path, row->file, text, sizeof(text));
	if (r == 0)
		r = parse_row(text, row, &v);
	if (r < 0)
		return error_errno(err, -r, "read %s%s%s from %s/%s/%s", row->keys[0] ? "'" : "",
				   row->keys[0] ? row->keys[0] : "number", row->keys[0] ? "'" : "",
				   hr->point, path, row->file);
	*ret = scaled(v, row->scale);
	return 0;
}

static void add_leaf(const struct cgroup_hierarchy *hr, const char *path,
		     const struct cgroup_stat_row *row, uint64_t *sum)
{
	struct error ignored = ERROR_INIT;
	char leaf[CGROUP_PATH_MAX];
	uint64_t more;

	if (cgroup_join(path, CGROUP_LEAF, leaf, sizeof(leaf)) &&
	    cgroup_file_exists(hr, leaf, row->file) &&
	    read_row(hr, leaf, row, &more, &ignored) == 0)
		*sum += more;
}

static int read_proc(const struct cgroup_host *h, const struct cgroup_stat_row *row, uint64_t *ret,
		     struct error *err)
{
	auto_free char *path = path_join(h->proc_root, row->root_file);
	auto_free char *text = NULL;
	uint64_t v, minus = 0;
	int r = fd_read_file(AT_FDCWD, path, 1u << 20, &text, NULL);

	if (r == 0)
		r = cgroup_stat_sum(text, row->root_keys, &v);
	if (r == 0 && row->root_minus)
		r = cgroup_stat_key(text, row->root_minus, &minus);
	if (r < 0)
		return error_errno(err, -r, "read '%s' from %s", row->root_keys[0], path);
	*ret = scaled(v > minus ? v - minus : 0, row->root_scale);
	return 0;
}

/* Of the whole subtree, by lists of ids. */
static int count_ids(const struct cgroup_host *h, const struct cgroup *cg, const char *file,
		     uint64_t *ret, struct error *err)
{
	_cleanup_(cgroup_pids_deinit) struct cgroup_pids pids = { 0 };
	char path[CGROUP_PATH_MAX];
	int r;

	if (cgroup_own_path(h, h->tree, cg, path, err) < 0)
		return -1;
	r = cgroup_pids_read(h->tree, path, file, true, &pids);
	if (r < 0)
		return error_errno(err, -r, "read %s of %s/%s", file, h->tree->point, path);
	*ret = pids.n;
	return 0;
}

static int count_host_processes(const struct cgroup_host *h, uint64_t *ret, struct error *err)
{
	auto_closedir DIR *dir = opendir(h->proc_root);
	struct dirent *e;
	uint64_t n = 0;

	if (!dir)
		return error_errno(err, errno, "open %s", h->proc_root);
	while ((e = readdir(dir)))
		n += e->d_name[0] >= '1' && e->d_name[0] <= '9';
	*ret = n;
	return 0;
}

/* "0.20 0.18 0.12 1/80 11206": runnable and all threads. */
static int count_host_threads(const struct cgroup_host *h, uint64_t *ret, struct error *err)
{
	auto_free char *path = path_join(h->proc_root, "loadavg");
	char text[128], *slash, *end;
	ssize_t n = fd_read_small(AT_FDCWD, path, text, sizeof(text));

	if (n < 0)
		return error_errno(err, (int)-n, "read %s", path);
	slash = strchr(text, '/');
	end = slash ? strchr(slash, ' ') : NULL;
	if (end)
		*end = '\0';
	if (!slash || cgroup_stat_number(slash + 1, ret) < 0)
		return error_set(err, ERR_UNKNOWN, "cannot parse %s", path);
	return 0;
}

static int get_host(const struct cgroup_host *h, enum cgroup_stat stat, uint64_t *ret,
		    struct error *err)
{
	const struct cgroup_hierarchy *hr = h->at[stat_info[stat].controller];
	const struct cgroup_stat_row *row;

	if (stat == CGROUP_STAT_PROCESS_COUNT)
		return count_host_processes(h, ret, err);
	if (stat == CGROUP_STAT_THREAD_COUNT)
		return count_host_threads(h, ret, err);
	if (!hr)
		return cgroup_not_supported(h, stat_info[stat].name, stat_info[stat].controller,
					    NULL, err);
	row = &hr->ops->stats[stat];
	return row->root_file ? read_proc(h, row, ret, err) : read_row(hr, "", row, ret, err);
}

int cgroup_get(const struct cgroup_host *h, const struct cgroup *cg, enum cgroup_stat stat,
	       uint64_t *ret, struct error *err)
{
	enum cgroup_controller c = stat_info[stat].controller;
	const struct cgroup_hierarchy *hr = h->at[c];
	char path[CGROUP_PATH_MAX];

	if (cg->level == 0)
		return get_host(h, stat, ret, err);
	if (stat == CGROUP_STAT_PROCESS_COUNT)
		return count_ids(h, cg, "cgroup.procs", ret, err);
	/* An ancestor's counter would count its other children, too. */
	if (stat == CGROUP_STAT_THREAD_COUNT && (!hr || !cgroup_owns(hr, cg, cg->level)))
		return count_ids(h, cg, h->tree->ops->threads_file, ret, err);
	if (!hr || !(hr->stats & 1u << stat))
		return cgroup_not_supported(h, stat_info[stat].name, c,
					    hr ? hr->ops->stats[stat].file : NULL, err);
	if (cgroup_own_path(h, hr, cg, path, err) < 0)
		return -1;
	/* Nobody on the way owns the controller: the host's number. */
	if (!cgroup_owner_level(hr, cg))
		return get_host(h, stat, ret, err);
	if (read_row(hr, path, &hr->ops->stats[stat], ret, err) < 0)
		return -1;
	if (hr->ops->stats[stat].and_leaf)
		add_leaf(hr, path, &hr->ops->stats[stat], ret);
	return 0;
}

/* ---- stalls ---- */

static const struct {
	const char *name, *proc, *file;
} pressures[_CGROUP_PRESSURE_COUNT] = {
	[CGROUP_PRESSURE_CPU] = { "cpu_pressure", "pressure/cpu", "cpu.pressure" },
	[CGROUP_PRESSURE_MEMORY] = { "memory_pressure", "pressure/memory", "memory.pressure" },
	[CGROUP_PRESSURE_IO] = { "io_pressure", "pressure/io", "io.pressure" },
};

const char *cgroup_pressure_file(enum cgroup_pressure what)
{
	return pressures[what].file;
}

bool cgroup_pressure_is_supported(const struct cgroup_host *h, enum cgroup_pressure what)
{
	return h->unified && (h->unified->pressures & 1u << what);
}

int cgroup_get_pressure(const struct cgroup_host *h, const struct cgroup *cg,
			enum cgroup_pressure what, char *buf, size_t size, struct error *err)
{
	const struct cgroup_hierarchy *hr = h->unified;
	char path[CGROUP_PATH_MAX];
	int r;

	if (!cgroup_pressure_is_supported(h, what))
		return cgroup_not_supported(h, pressures[what].name, CGROUP_CGROUP2,
					    pressures[what].file, err);
	if (cg->level == 0) {
		auto_free char *host = path_join(h->proc_root, pressures[what].proc);
		ssize_t n = fd_read_small(AT_FDCWD, host, buf, size);

		return n < 0 ? error_errno(err, (int)-n, "read %s", host) : 0;
	}
	if (cgroup_own_path(h, hr, cg, path, err) < 0)
		return -1;
	r = cgroup_read(hr, path, pressures[what].file, buf, size);
	/* EOPNOTSUPP: switched off at boot (psi=0) or for this group (cgroup.pressure). */
	if (r < 0)
		return error_errno(err, -r, "read %s/%s/%s", hr->point, path, pressures[what].file);
	return 0;
}
