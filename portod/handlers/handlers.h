/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function per method of the wire: unpack, check the right, ask ops or the model, reply. Each
 * takes the request over: it is answered now or by an operation later. None blocks. The table that
 * names them, with their access rules, is methods.c.
 */
#pragma once

#include "ops/ops.h"
#include "rpc/request.h"

/* Numbers the server keeps and GetSystem shows. */
struct system_counters {
	uint64_t clients, clients_connected, clients_max;
	uint64_t requests_running, requests_completed, requests_failed;
	uint64_t longer_1s, longer_3s, longer_30s, longer_5m;
	uint64_t fail_system, fail_invalid_value, fail_invalid_command;
	uint64_t fatals; /* parts of the configuration that cannot be followed */
	/* CreateFromSpec and UpdateFromSpec are counted apart, as ever */
	uint64_t spec_completed, spec_failed;
	uint64_t spec_longer_1s, spec_longer_3s, spec_longer_30s, spec_longer_5m;
	uint64_t spec_fail_unknown, spec_fail_invalid_value, spec_fail_no_container;
	/* Time in work of all requests, and of the longest that only read. Waits do not count. */
	uint64_t exec_msec, exec_rest_nsec, longest_read_msec;
	uint64_t porto_starts, start_boot_nsec, master_start_boot_nsec;
	bool frozen;
};

/* The last report of an event, packed: most subscribers get the same bytes. */
struct report_cache {
	uint64_t event;   /* of struct watch_report, 0 = none */
	const char *name; /* as the report's, to be compared and not read */
	struct buf packed;
};

/* What handlers may use; built once by the daemon. */
struct handler_env {
	struct ops *ops;
	const struct prop_env *props;
	struct loop *loop;
	struct system_counters *system;
	unsigned max_waiters; /* containers and masks of one wait */
	struct report_cache *reports;
	/* Age of the oldest request in work, nanoseconds; waits do not count. NULL = unknown. */
	uint64_t (*longest_running)(const void *server);
	const void *server;
};

typedef void (*method_handler)(const struct handler_env *env, struct request *rq);

void handle_version(const struct handler_env *env, struct request *rq);
void handle_get_system(const struct handler_env *env, struct request *rq);
void handle_set_system(const struct handler_env *env, struct request *rq);
void handle_clear_statistics(const struct handler_env *env, struct request *rq);

void handle_create(const struct handler_env *env, struct request *rq);
void handle_create_weak(const struct handler_env *env, struct request *rq);
void handle_destroy(const struct handler_env *env, struct request *rq);
void handle_start(const struct handler_env *env, struct request *rq);
void handle_stop(const struct handler_env *env, struct request *rq);
void handle_pause(const struct handler_env *env, struct request *rq);
void handle_resume(const struct handler_env *env, struct request *rq);
void handle_kill(const struct handler_env *env, struct request *rq);
void handle_respawn(const struct handler_env *env, struct request *rq);

void handle_list(const struct handler_env *env, struct request *rq);
void handle_list_properties(const struct handler_env *env, struct request *rq);
void handle_list_data(const struct handler_env *env, struct request *rq);
void handle_get_property(const struct handler_env *env, struct request *rq);
void handle_get_data(const struct handler_env *env, struct request *rq);
void handle_set_property(const struct handler_env *env, struct request *rq);
void handle_get(const struct handler_env *env, struct request *rq);

void handle_create_from_spec(const struct handler_env *env, struct request *rq);
void handle_update_from_spec(const struct handler_env *env, struct request *rq);
void handle_list_containers_by(const struct handler_env *env, struct request *rq);

void handle_wait(const struct handler_env *env, struct request *rq);
void handle_async_wait(const struct handler_env *env, struct request *rq);
void handle_stop_async_wait(const struct handler_env *env, struct request *rq);
/* The connection is gone: forget its subscriptions. */
void wait_client_gone(struct client *client);
/* It may not hear of anything any more: the same, and a sync wait is answered with `err`; returns
 * whether there was one. */
bool wait_client_refused(struct client *client, const struct error *err);

void handle_find_label(const struct handler_env *env, struct request *rq);
void handle_set_label(const struct handler_env *env, struct request *rq);
void handle_inc_label(const struct handler_env *env, struct request *rq);

void handle_locate_process(const struct handler_env *env, struct request *rq);
void handle_attach_process(const struct handler_env *env, struct request *rq);
void handle_attach_thread(const struct handler_env *env, struct request *rq);
void handle_set_symlink(const struct handler_env *env, struct request *rq);
void handle_convert_path(const struct handler_env *env, struct request *rq);
