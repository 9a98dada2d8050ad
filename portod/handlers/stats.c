/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "handlers/reply.h"

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

#define GET(n)       #n, n, COMPUTED, 0, false
#define NOTHING(n)   n, nothing, COMPUTED, 0, true /* is clear */
#define NONE(n)      n, nothing, COMPUTED, 0, false
#define NOW(n, f)    n, NULL, SYSTEM, offsetof(struct system_counters, f), false
#define SYS(n, f)    n, NULL, SYSTEM, offsetof(struct system_counters, f), true
#define COUNT(n, f)  n, NULL, OPS, offsetof(struct ops_stats, f), true
#define LOGGED(n, f) n, NULL, LOG, offsetof(struct log_stats, f), true
#define TOTAL(n, f)  n, NULL, LOG, offsetof(struct log_stats, f), false

static const struct stat_row {
	const char *name;
	uint64_t (*get)(const struct handler_env *env);
	enum source source;
	size_t offset; /* in what `source` stands for */
	bool can_clear;
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
	{ SYS("longest_read_request", longest_read_msec) },
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
	{ SYS("spawned", porto_starts) },
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
	if (r->can_clear && !r->get)
		memset((char *)counters_of(env, r->source) + r->offset, 0, sizeof(uint64_t));
}

static int clear_one(const struct handler_env *env, const char *name, struct error *err)
{
	const struct stat_row *r = find(name);

	if (!r)
		return error_set(err, ERR_INVALID_VALUE, "there is no counter '%.100s'", name);
	if (!r->can_clear)
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
