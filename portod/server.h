/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API socket: accept, find out who it is, limits, connection -> request -> method, the log line
 * of each request, and the flush of all replies at the end of the turn. Never blocks.
 */
#pragma once

#include "handlers/handlers.h"

struct server;

struct server_config {
	int listen_fd; /* borrowed */
	size_t max_frame, max_output;
	unsigned max_clients, max_clients_in_container, max_requests;
	uint64_t idle_timeout_nsec; /* an idle client may be dropped for a new one after this */
};

struct server *server_new(const struct handler_env *env, const struct server_config *config);
/* Every connection was closed, and the loop took a turn since. Returns NULL. */
struct server *server_free(struct server *s);
/* Drop all connections, with the next turn of the loop. */
void server_close_all(struct server *s);
/* No new connections any more; those that are idle are closed. */
void server_stop_accepting(struct server *s);
/* enable_porto of `ct` was changed: hang up on clients in it and below that have no access any
 * more, after telling them. */
void server_access_changed(struct server *s, const struct container *ct);
/* Nanoseconds that the oldest request has been in work; waits do not count. For handler_env. */
uint64_t server_longest_running(const void *server);
/* Turn hook, after the commit. */
void server_flush(struct server *s);
