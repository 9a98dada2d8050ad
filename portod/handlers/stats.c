/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/xalloc.h"
#include "handlers/reply.h"
#include "kernel/procfs.h"

/* ---- computed ---- */

static uint64_t own_memory(void)
{
	char text[256];
	unsigned long pages = 0;

	if (fd_read_small(-1, "/proc/self/statm", text, sizeof(text)) < 0 ||
	    sscanf(text, "%*u %lu", &pages) != 1)
		return 0;
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t nsec_of(struct timeval t)
{
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_usec * 1000;
}

/* Of the server and the jobs that ended, in nanoseconds. */
static uint64_t own_cpu(bool system_only)
{
	struct rusage self = { 0 }, jobs = { 0 };
	uint64_t sum;

	(void)getrusage(RUSAGE_SELF, &self);
	(void)getrusage(RUSAGE_CHILDREN, &jobs);
	sum = nsec_of(self.ru_stime) + nsec_of(jobs.ru_stime);
	if (!system_only)
		sum += nsec_of(self.ru_utime) + nsec_of(jobs.ru_utime);
	return sum;
}

static uint64_t seconds_since(uint64_t boot_nsec)
{
	return (clock_boot_nsec() - boot_nsec) / NSEC_PER_SEC;
}

#define COMPUTED(f, expr)                                \
	static uint64_t f(const struct handler_env *env) \
	{                                                \
		(void)env;                               \
		return expr;                             \
	}

/* Porto counts things that there are none of here, as locks, or not yet, as volumes. */
COMPUTED(nothing, 0)
COMPUTED(containers, tree_count(env->ops->tree))
COMPUTED(containers_tainted, ops_count_tainted(env->ops))
COMPUTED(cpu_system_usage, own_cpu(true))
COMPUTED(cpu_usage, own_cpu(false))
COMPUTED(longest_turn_us, loop_get_stats(env->loop)->longest_turn_nsec / 1000)
COMPUTED(loop_turns, loop_get_stats(env->loop)->turns)
COMPUTED(master_uptime, seconds_since(env->system->master_start_boot_nsec))
COMPUTED(memory_usage_kb, own_memory() >> 10)
COMPUTED(memory_usage_mb, own_memory() >> 20)
COMPUTED(porto_uptime, seconds_since(env->system->start_boot_nsec))
COMPUTED(requests_top_running_time, stats_top_running(env))
COMPUTED(running, tree_root(env->ops->tree)->running_below)
COMPUTED(waits, watches_count(env->ops->watches))
COMPUTED(waits_examined, watches_examined(env->ops->watches))

/* ---- the table ---- */

enum source { COMPUTED, SYSTEM, OPS, LOG };

enum row_flag {
	CLEAR = 1 << 0, /* by ClearStatistics */
	KEEP = 1 << 1,  /* for the next server of this master */
};

#define GET(n)       #n, n, COMPUTED, 0, 0
#define NOTHING(n)   n, nothing, COMPUTED, 0, CLEAR /* it is */
#define NONE(n)      n, nothing, COMPUTED, 0, 0
#define NOW(n, f)    n, NULL, SYSTEM, offsetof(struct system_counters, f), 0
#define RUN(n, f)    n, NULL, SYSTEM, offsetof(struct system_counters, f), CLEAR
#define SYS(n, f)    n, NULL, SYSTEM, offsetof(struct system_counters, f), CLEAR | KEEP
#define COUNT(n, f)  n, NULL, OPS, offsetof(struct ops_stats, f), CLEAR | KEEP
#define LOGGED(n, f) n, NULL, LOG, offsetof(struct log_stats, f), CLEAR | KEEP
#define TOTAL(n, f)  n, NULL, LOG, offsetof(struct log_stats, f), KEEP

static const struct stat_row {
	const char *name;
	uint64_t (*get)(const struct handler_env *env);
	enum source source;
	size_t offset; /* in what `source` stands for */
	unsigned flags;
} rows[] = {
	{ NOTHING("cgerrors") },
	{ NOW("clients", clients) },
	{ SYS("clients_connected", clients_connected) },
	{ GET(containers) },
	{ COUNT("containers_created", created) },
	{ COUNT("containers_failed_start", start_failed) },
	{ COUNT("containers_oom", oom) },
	{ COUNT("containers_started", started) },
	{ GET(containers_tainted) },
	{ GET(cpu_system_usage) },
	{ GET(cpu_usage) },
	{ NONE("epoll_sources") },
	{ LOGGED("errors", errors) },
	{ SYS("exec_time", exec_msec) },
	{ SYS("fail_invalid_command", fail_invalid_command) },
	{ NOTHING("fail_invalid_netaddr") },
	{ SYS("fail_invalid_value", fail_invalid_value) },
	{ COUNT("fail_memory_guarantee", guarantee_refused) },
	{ SYS("fail_system", fail_system) },
	{ SYS("fatals", fatals) },
	{ NOTHING("l3stat_lost") },
	{ NOTHING("layer_export") },
	{ NOTHING("layer_import") },
	{ NOTHING("layer_remove") },
	{ NOTHING("lock_operations_count") },
	{ NOTHING("lock_operations_longer_1s") },
	{ NOTHING("lock_operations_longer_30s") },
	{ NOTHING("lock_operations_longer_3s") },
	{ NOTHING("lock_operations_longer_5m") },
	{ NOTHING("lock_time") },
	{ TOTAL("log_bytes", bytes) },
	{ LOGGED("log_bytes_lost", bytes_lost) },
	{ TOTAL("log_lines", lines) },
	{ LOGGED("log_lines_lost", lines_lost) },
	{ LOGGED("log_open", opens) },
	{ COUNT("log_rotate_bytes", stream_rotate_bytes) },
	{ COUNT("log_rotate_errors", stream_rotate_errors) },
	{ RUN("longest_read_request", longest_read_msec) },
	{ GET(longest_turn_us) },
	{ GET(loop_turns) },
	{ GET(master_uptime) },
	{ GET(memory_usage_kb) },
	{ GET(memory_usage_mb) },
	{ NOTHING("network_problems") },
	{ NOTHING("network_repairs") },
	{ NONE("networks") },
	{ NOTHING("networks_created") },
	{ GET(porto_uptime) },
	{ NOTHING("postfork_issues") },
	{ NONE("queued_events") },
	{ NONE("queued_statuses") },
	{ COUNT("remove_dead", buried) },
	{ SYS("requests_completed", requests_completed) },
	{ SYS("requests_failed", requests_failed) },
	{ SYS("requests_longer_1s", longer_1s) },
	{ SYS("requests_longer_30s", longer_30s) },
	{ SYS("requests_longer_3s", longer_3s) },
	{ SYS("requests_longer_5m", longer_5m) },
	{ NOW("requests_queued", requests_running) },
	{ GET(requests_top_running_time) },
	{ COUNT("restore_failed", lost) },
	{ GET(running) },
	{ RUN("spawned", porto_starts) },
	{ SYS("spec_fail_invalid_value", spec_fail_invalid_value) },
	{ SYS("spec_fail_no_container", spec_fail_no_container) },
	{ SYS("spec_fail_unknown", spec_fail_unknown) },
	{ SYS("spec_requests_completed", spec_completed) },
	{ SYS("spec_requests_failed", spec_failed) },
	{ SYS("spec_requests_longer_1s", spec_longer_1s) },
	{ SYS("spec_requests_longer_30s", spec_longer_30s) },
	{ SYS("spec_requests_longer_3s", spec_longer_3s) },
	{ SYS("spec_requests_longer_5m", spec_longer_5m) },
	{ COUNT("start_timeouts", start_timeouts) },
	{ COUNT("taints", taints) },
	{ NONE("volume_links") },
	{ NOTHING("volume_links_mounted") },
	{ NOTHING("volume_lost") },
	{ NONE("volumes") },
	{ NOTHING("volumes_created") },
	{ NOTHING("volumes_failed") },
	{ NOTHING("wait_time") },
	{ GET(waits) },
	{ GET(waits_examined) },
	{ LOGGED("warnings", warnings) },
};

static void *counters_of(const struct handler_env *env, enum source source)
{
	switch (source) {
	case COMPUTED:
		return NULL;
	case SYSTEM:
		return env->system;
	case OPS:
		return &env->ops->stats;
	case LOG:
		return log_get_stats();
	}
	return NULL;
}

static const struct stat_row *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

uint64_t stats_get(void *handler_env, const char *name, bool *ret_known)
{
	const struct handler_env *env = handler_env;
	const struct stat_row *r = find(name);
	uint64_t value;

	*ret_known = r;
	if (!r)
		return 0;
	if (r->get)
		return r->get(env);
	memcpy(&value, (const char *)counters_of(env, r->source) + r->offset, sizeof(value));
	return value;
}

uint64_t stats_top_running(const struct handler_env *env)
{
	return env->longest_running ? env->longest_running(env->server) / NSEC_PER_SEC : 0;
}

static void clear(const struct handler_env *env, const struct stat_row *r)
{
	if (r->flags & CLEAR && !r->get)
		memset((char *)counters_of(env, r->source) + r->offset, 0, sizeof(uint64_t));
}

static int clear_one(const struct handler_env *env, const char *name, struct error *err)
{
	const struct stat_row *r = find(name);

	if (!r)
		return error_set(err, ERR_INVALID_VALUE, "there is no counter '%.100s'", name);
	if (!(r->flags & CLEAR))
		return error_set(err, ERR_INVALID_VALUE,
				 "counter '%s' cannot be cleared: it tells how things are now",
				 name);
	clear(env, r);
	return 0;
}

void handle_clear_statistics(const struct handler_env *env, struct request *rq)
{
	const Porto__TClearStatisticsRequest *m = ARGS(rq, TClearStatisticsRequest);
	struct error err = ERROR_INIT;

	/* Without a name, or with an empty one, as clients that always send the field do. */
	if (m->stat && *m->stat) {
		if (clear_one(env, m->stat, &err))
			request_fail(rq, &err);
		else
			request_ok(rq);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		clear(env, &rows[i]);
	request_ok(rq);
}

/* ---- counters that outlive the server ---- */

#define KEEP_MAX   65536 /* of any version */
#define KEEP_MAGIC UINT64_C(0x7473746174730001)

struct kept {
	char name[40];
	uint64_t value;
};

/* By name: another version may count other things. */
struct stats_keep {
	uint64_t magic, master_pid, master_starttime, count;
	struct kept kept[ARRAY_SIZE(rows)];
};

static bool is_whole(const struct stats_keep *k, size_t size, const struct stats_keep *self)
{
	return size >= offsetof(struct stats_keep, kept) && k->magic == KEEP_MAGIC &&
	       k->master_pid == self->master_pid && k->master_starttime == self->master_starttime &&
	       k->count <= (size - offsetof(struct stats_keep, kept)) / sizeof(k->kept[0]);
}

/* What the servers before counted is added to what this one has counted already. */
static void add_kept(const struct handler_env *env, const struct kept *kept)
{
	const struct stat_row *r = find(kept->name);
	uint64_t value;
	char *at;

	if (!r || !(r->flags & KEEP))
		return;
	at = (char *)counters_of(env, r->source) + r->offset;
	memcpy(&value, at, sizeof(value));
	value += kept->value;
	memcpy(at, &value, sizeof(value));
}

static void load_kept(const struct handler_env *env, int fd, const struct stats_keep *self)
{
	struct stats_keep *old = xcalloc(1, KEEP_MAX);
	ssize_t n = pread(fd, old, KEEP_MAX, 0);

	for (size_t i = 0; n > 0 && is_whole(old, (size_t)n, self) && i < old->count; i++) {
		old->kept[i].name[sizeof(old->kept[i].name) - 1] = '\0';
		add_kept(env, &old->kept[i]);
	}
	free(old);
}

/* With its blocks: writing to a page that a full disk has none for is SIGBUS. */
static struct stats_keep *map_file(int fd)
{
	struct stats_keep *k;

	errno = ftruncate(fd, sizeof(*k)) < 0 ? errno : posix_fallocate(fd, 0, sizeof(*k));
	if (errno)
		return NULL;
	k = mmap(NULL, sizeof(*k), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (k == MAP_FAILED)
		return NULL;
	/* Not for what we start. */
	(void)madvise(k, sizeof(*k), MADV_DONTFORK);
	return k;
}

static struct stats_keep *open_keep(const struct handler_env *env, const char *path)
{
	struct stats_keep self = { .magic = KEEP_MAGIC, .master_pid = (uint64_t)getppid() };
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct proc_stat master;
	struct stats_keep *k;

	if (fd < 0 || procfs_stat(getppid(), &master) < 0)
		return NULL;
	self.master_starttime = master.starttime;
	load_kept(env, fd, &self);
	k = map_file(fd);
	if (!k)
		return NULL;
	k->magic = 0; /* until it is whole */
	k->count = ARRAY_SIZE(rows);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		snprintf(k->kept[i].name, sizeof(k->kept[i].name), "%s", rows[i].name);
	k->master_pid = self.master_pid;
	k->master_starttime = self.master_starttime;
	stats_keep(k, env);
	k->magic = KEEP_MAGIC;
	return k;
}

struct stats_keep *stats_keep_open(const struct handler_env *env, const char *state_dir)
{
	auto_free char *path = xasprintf("%s/stats", state_dir);
	struct stats_keep *k = open_keep(env, path);

	if (!k)
		log_warning("counters will begin anew with the next server: open %s: %s", path,
			    strerror(errno));
	return k;
}

void stats_keep(struct stats_keep *k, const struct handler_env *env)
{
	for (size_t i = 0; k && i < ARRAY_SIZE(rows); i++) {
		const struct stat_row *r = &rows[i];

		if (r->flags & KEEP)
			memcpy(&k->kept[i].value,
			       (const char *)counters_of(env, r->source) + r->offset,
			       sizeof(uint64_t));
	}
}

struct stats_keep *stats_keep_close(struct stats_keep *k)
{
	if (k)
		munmap(k, sizeof(*k));
	return NULL;
}
