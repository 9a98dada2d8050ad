/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon itself. */
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/log.h"
#include "handlers/reply.h"
#include "handlers/stats.h"
#include "portod-config.h"

void handle_version(const struct handler_env *env, struct request *rq)
{
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TVersionResponse version = PORTO__TVERSION_RESPONSE__INIT;

	(void)env;
	version.tag = (char *)(uintptr_t)PORTOD_VERSION;
	version.revision = (char *)(uintptr_t)PORTOD_REVISION;
	resp.version = &version;
	request_reply(rq, &resp);
}

#define SET(field, value)              \
	do {                           \
		s->has_##field = true; \
		s->field = (value);    \
	} while (0)

static void fill_log(Porto__TGetSystemResponse *s)
{
	const struct log_stats *l = log_get_stats();

	SET(errors, l->errors);
	SET(warnings, l->warnings);
	SET(log_lines, l->lines);
	SET(log_bytes, l->bytes);
	SET(log_lines_lost, l->lines_lost);
	SET(log_bytes_lost, l->bytes_lost);
	SET(log_open, l->opens);
	SET(verbose, log_get_level() >= LOG_VERBOSE);
	SET(debug, log_get_level() >= LOG_DEBUG);
}

static void fill_containers(const struct ops *ops, Porto__TGetSystemResponse *s)
{
	SET(stream_rotate_bytes, ops->stats.stream_rotate_bytes);
	SET(stream_rotate_errors, ops->stats.stream_rotate_errors);
	SET(container_count, tree_count(ops->tree));
	SET(container_limit, ops->config->max_containers);
	SET(container_running, tree_root(ops->tree)->running_below);
	SET(container_created, ops->stats.created);
	SET(container_started, ops->stats.started);
	SET(container_start_failed, ops->stats.start_failed);
	SET(container_oom, ops->stats.oom);
	SET(container_buried, ops->stats.buried);
	SET(container_lost, ops->stats.lost);
	SET(container_tainted, ops_count_tainted(ops));
	SET(taints, ops->stats.taints);
}

static void fill_requests(const struct ops *ops, const struct system_counters *c,
			  Porto__TGetSystemResponse *s)
{
	SET(fatals, c->fatals);
	SET(postfork_issues, 0);
	SET(client_count, c->clients);
	SET(client_max, c->clients_max);
	SET(client_connected, c->clients_connected);
	SET(request_queued, c->requests_running);
	SET(request_completed, c->requests_completed);
	SET(request_failed, c->requests_failed);
	SET(request_threads, 1);
	SET(request_longer_1s, c->longer_1s);
	SET(request_longer_3s, c->longer_3s);
	SET(request_longer_30s, c->longer_30s);
	SET(request_longer_5m, c->longer_5m);
	SET(fail_system, c->fail_system);
	SET(fail_invalid_value, c->fail_invalid_value);
	SET(fail_invalid_command, c->fail_invalid_command);
	SET(fail_memory_guarantee, ops->stats.guarantee_refused);
	SET(fail_invalid_netaddr, 0);
}

/* Old clients insist on these; there are no volumes and networks yet. */
static void fill_required_zeros(Porto__TGetSystemResponse *s)
{
	SET(volume_count, 0);
	SET(volume_limit, 0);
	SET(volume_created, 0);
	SET(volume_failed, 0);
	SET(volume_links, 0);
	SET(volume_links_mounted, 0);
	SET(volume_lost, 0);
	SET(layer_import, 0);
	SET(layer_export, 0);
	SET(layer_remove, 0);
	SET(network_count, 0);
	SET(network_created, 0);
	SET(network_problems, 0);
	SET(network_repairs, 0);
}

void handle_get_system(const struct handler_env *env, struct request *rq)
{
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TGetSystemResponse reply = PORTO__TGET_SYSTEM_RESPONSE__INIT, *s = &reply;
	const struct system_counters *c = env->system;
	uint64_t now = clock_boot_nsec();
	struct utsname kernel;

	uname(&kernel);
	s->porto_version = (char *)(uintptr_t)PORTOD_VERSION;
	s->porto_revision = (char *)(uintptr_t)PORTOD_REVISION;
	s->kernel_version = kernel.release;
	SET(porto_starts, c->porto_starts);
	SET(porto_uptime, (now - c->start_boot_nsec) / 1000000000);
	SET(master_uptime, (now - c->master_start_boot_nsec) / 1000000000);
	SET(frozen, c->frozen);
	fill_log(s);
	fill_containers(env->ops, s);
	fill_requests(env->ops, c, s);
	SET(request_top_running_time, stats_top_running(env));
	fill_required_zeros(s);
	resp.getsystem = s;
	request_reply(rq, &resp);
}

/* Debug includes verbose, and ending verbose ends debug. */
static void set_log_level(const Porto__TSetSystemRequest *m)
{
	enum log_level now = log_get_level();

	if (m->has_verbose && (!m->verbose || now < LOG_VERBOSE))
		now = m->verbose ? LOG_VERBOSE : LOG_INFO;
	if (m->has_debug && (m->debug || now > LOG_VERBOSE))
		now = m->debug ? LOG_DEBUG : LOG_VERBOSE;
	log_set_level(now);
}

void handle_set_system(const struct handler_env *env, struct request *rq)
{
	const Porto__TSetSystemRequest *m = ARGS(rq, TSetSystemRequest);
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TSetSystemResponse reply = PORTO__TSET_SYSTEM_RESPONSE__INIT;

	if (m->has_frozen) {
		env->system->frozen = m->frozen;
		log_warning("%s by client %d (%s)", m->frozen ? "frozen" : "unfrozen",
			    rq->client->pid, rq->client->comm);
	}
	set_log_level(m);
	resp.setsystem = &reply;
	request_reply(rq, &resp);
}
