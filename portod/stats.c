/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "handlers/handlers.h"

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

COMPUTED(containers, tree_count(env->ops->tree))
COMPUTED(containers_tainted, ops_count_tainted(env->ops))
COMPUTED(longest_turn_us, loop_get_stats(env->loop)->longest_turn_nsec / 1000)
COMPUTED(loop_turns, loop_get_stats(env->loop)->turns)
COMPUTED(master_uptime, seconds_since(env->system->master_start_boot_nsec))
COMPUTED(memory_usage_kb, own_memory() >> 10)
COMPUTED(memory_usage_mb, own_memory() >> 20)
COMPUTED(porto_uptime, seconds_since(env->system->start_boot_nsec))
COMPUTED(running, tree_root(env->ops->tree)->running_below)
COMPUTED(waits, watches_count(env->ops->watches))
COMPUTED(waits_examined, watches_examined(env->ops->watches))

/* ---- the table ---- */

enum source { SYSTEM, OPS, LOG };

#define GET(n)       #n, n, SYSTEM, 0
#define SYS(n, f)    n, NULL, SYSTEM, offsetof(struct system_counters, f)
#define COUNT(n, f)  n, NULL, OPS, offsetof(struct ops_stats, f)
#define LOGGED(n, f) n, NULL, LOG, offsetof(struct log_stats, f)

static const struct stat_row {
	const char *name;
	uint64_t (*get)(const struct handler_env *env); /* NULL = a counter: */
	enum source source;
	size_t offset;
} rows[] = {
	{ SYS("clients", clients) },
	{ SYS("clients_connected", clients_connected) },
	{ GET(containers) },
	{ COUNT("containers_created", created) },
	{ COUNT("containers_failed_start", start_failed) },
	{ COUNT("containers_oom", oom) },
	{ COUNT("containers_started", started) },
	{ GET(containers_tainted) },
	{ LOGGED("errors", errors) },
	{ SYS("fail_invalid_command", fail_invalid_command) },
	{ SYS("fail_invalid_value", fail_invalid_value) },
	{ COUNT("fail_memory_guarantee", guarantee_refused) },
	{ SYS("fail_system", fail_system) },
	{ SYS("fatals", fatals) },
	{ LOGGED("log_bytes", bytes) },
	{ LOGGED("log_bytes_lost", bytes_lost) },
	{ LOGGED("log_lines", lines) },
	{ LOGGED("log_lines_lost", lines_lost) },
	{ LOGGED("log_open", opens) },
	{ COUNT("log_rotate_bytes", stream_rotate_bytes) },
	{ COUNT("log_rotate_errors", stream_rotate_errors) },
	{ GET(longest_turn_us) },
	{ GET(loop_turns) },
	{ GET(master_uptime) },
	{ GET(memory_usage_kb) },
	{ GET(memory_usage_mb) },
	{ GET(porto_uptime) },
	{ COUNT("remove_dead", buried) },
	{ SYS("requests_completed", requests_completed) },
	{ SYS("requests_failed", requests_failed) },
	{ SYS("requests_longer_1s", longer_1s) },
	{ SYS("requests_longer_30s", longer_30s) },
	{ SYS("requests_longer_3s", longer_3s) },
	{ SYS("requests_longer_5m", longer_5m) },
	{ SYS("requests_queued", requests_running) },
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
	{ GET(waits) },
	{ GET(waits_examined) },
	{ LOGGED("warnings", warnings) },
};

static const void *counters_of(const struct handler_env *env, enum source source)
{
	switch (source) {
	case SYSTEM:
		return env->system;
	case OPS:
		return &env->ops->stats;
	case LOG:
		return log_get_stats();
	}
	return NULL;
}

uint64_t stats_get(void *handler_env, const char *name, bool *ret_known)
{
	const struct handler_env *env = handler_env;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct stat_row *r = &rows[i];
		uint64_t value;

		if (strcmp(r->name, name) != 0)
			continue;
		*ret_known = true;
		if (r->get)
			return r->get(env);
		memcpy(&value, (const char *)counters_of(env, r->source) + r->offset,
		       sizeof(value));
		return value;
	}
	*ret_known = false;
	return 0;
}
