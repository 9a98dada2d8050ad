/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libporto: client library of the container daemon portod.
 *
 * Conventions, true for every call unless its own comment says otherwise:
 *
 * - Calls that talk to the daemon return 0 on success and a positive `enum porto_code` on failure;
 *   porto_last_error() then has the text. Arguments `ret_…` are untouched on failure.
 * - Such calls block, at most for the request timeout of the connection (300 s unless changed, see
 *   porto_set_timeout()). The connection is made by the first call that needs it.
 * - When the connection breaks, the call is repeated only if that is safe: no byte of the request
 *   was sent, or running it twice gives the same result ("idempotent" below). Otherwise it fails
 *   with PORTO_E_SOCKET_ERROR and `outcome_unknown` set in the error: the daemon may or may not
 *   have run it. Weak containers die with the connection that made them.
 * - Arrays of strings are NULL-terminated. Input strings are borrowed for the length of the call.
 *   A result belongs to the caller, with all it points to; give it to the porto_free_… function
 *   named at its structure. Those accept NULL. Result structures may grow at their end; never
 *   allocate them yourself.
 * - One thread uses a connection at a time; several threads use one connection each. The library
 *   has no global state. Only porto_cancel() may be called from other threads and from signal
 *   handlers. After fork() the child starts with a connection of its own and no subscriptions.
 * - Nothing here prints, exits, aborts or installs signal handlers, and SIGPIPE is never raised.
 *   Running out of memory is the failure PORTO_E_RESOURCE_NOT_AVAILABLE.
 * - Container names are seen from the caller's namespace; where a mask is accepted, `*` and `?`
 *   stop at `/`, and `***` matches everything.
 */
#ifndef LIBPORTO_H
#define LIBPORTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PORTO_API __attribute__((visibility("default")))
#else
#define PORTO_API
#endif

#define PORTO_SOCKET_PATH "/run/portod.socket"

/* No limit; for every timeout below. */
#define PORTO_FOREVER     ((int64_t)-1)

/* Error codes: the numbers of the wire. A newer daemon may send others. */
enum porto_code {
	PORTO_E_SUCCESS = 0,
	PORTO_E_UNKNOWN = 1,
	PORTO_E_INVALID_METHOD = 2,
	PORTO_E_CONTAINER_ALREADY_EXISTS = 3,
	PORTO_E_CONTAINER_DOES_NOT_EXIST = 4,
	PORTO_E_INVALID_PROPERTY = 5,
	PORTO_E_INVALID_DATA = 6,
	PORTO_E_INVALID_VALUE = 7,
	PORTO_E_INVALID_STATE = 8,
	PORTO_E_NOT_SUPPORTED = 9,
	PORTO_E_RESOURCE_NOT_AVAILABLE = 10,
	PORTO_E_PERMISSION = 11,
	PORTO_E_VOLUME_ALREADY_EXISTS = 12,
	PORTO_E_VOLUME_NOT_FOUND = 13,
	PORTO_E_NO_SPACE = 14,
	PORTO_E_BUSY = 15,
	PORTO_E_VOLUME_ALREADY_LINKED = 16,
	PORTO_E_VOLUME_NOT_LINKED = 17,
	PORTO_E_LAYER_ALREADY_EXISTS = 18,
	PORTO_E_LAYER_NOT_FOUND = 19,
	PORTO_E_NO_VALUE = 20,
	PORTO_E_VOLUME_NOT_READY = 21,
	PORTO_E_INVALID_COMMAND = 22,
	PORTO_E_LOST_ERROR = 23,
	PORTO_E_DEVICE_NOT_FOUND = 24,
	PORTO_E_INVALID_PATH = 25,
	PORTO_E_INVALID_NETWORK_ADDRESS = 26,
	PORTO_E_PORTO_FROZEN = 27,
	PORTO_E_LABEL_NOT_FOUND = 28,
	PORTO_E_INVALID_LABEL = 29,
	PORTO_E_HELPER_ERROR = 30,
	PORTO_E_HELPER_FATAL_ERROR = 31,
	PORTO_E_INVALID_FILESYSTEM = 32,
	PORTO_E_NBD_SOCKET_TIMEOUT = 33,
	PORTO_E_NBD_SOCKET_UNAVAILABLE = 34,
	PORTO_E_NBD_SOCKET_ERROR = 35,
	PORTO_E_NBD_UNKNOWN_EXPORT = 36,
	PORTO_E_NBD_PROTO_ERROR = 37,
	PORTO_E_NOT_FOUND = 404,
	PORTO_E_SOCKET_ERROR = 502,       /* connection broke; see outcome_unknown */
	PORTO_E_SOCKET_UNAVAILABLE = 503, /* nobody listens */
	PORTO_E_SOCKET_TIMEOUT = 504,     /* no answer in time; the daemon may still be working */
	PORTO_E_PORTOD_RELOADED = 505,
	PORTO_E_TAINT = 666,
	PORTO_E_DOCKER = 700,
	PORTO_E_DOCKER_IMAGE_NOT_FOUND = 701,
};

struct porto_error {
	int code;             /* enum porto_code; 0 = the last call succeeded */
	bool local;           /* made by this library, not sent by the daemon */
	bool outcome_unknown; /* the request may have been carried out */
	int sys_errno;        /* errno behind a local error, 0 if none */
	const char *message;  /* never NULL; to be shown to people as it is */
};

/* Name of a code, "InvalidValue"; NULL for a number this library does not know. Does not block. */
PORTO_API const char *porto_error_name(int code);

/* Code of a name, -1 for an unknown one. Does not block. */
PORTO_API int porto_error_code(const char *name);

/* Version of the library, "MAJOR.MINOR.PATCH". */
PORTO_API const char *porto_library_version(void);

/*
 * ---- Connection ----
 */

struct porto_conn;

/*
 * A new connection object; does not connect yet and does not block. The socket is `path`, else
 * $PORTO_SOCKET, else PORTO_SOCKET_PATH. NULL when memory or file descriptors ran out (errno).
 */
PORTO_API struct porto_conn *porto_open(const char *path);

/*
 * Disconnect and free, subscriptions included. Not from inside an event callback. Accepts NULL.
 */
PORTO_API void porto_close(struct porto_conn *conn);

/*
 * Connect now instead of at the first call; 0 at once if connected. Waits for a daemon that is
 * just starting up to the connect timeout. Errors: SocketUnavailable, SocketError, Permission.
 */
PORTO_API int porto_connect(struct porto_conn *conn);

/*
 * Drop the connection; the next call makes a new one. Weak containers of this connection die.
 * Subscriptions stay and are made again.
 */
PORTO_API void porto_disconnect(struct porto_conn *conn);

/* How many times this object connected; a change means that weak containers were lost. */
PORTO_API unsigned porto_connect_count(const struct porto_conn *conn);

/* Path of the socket in use; belongs to the connection. */
PORTO_API const char *porto_socket_path(const struct porto_conn *conn);

/*
 * Request timeout in milliseconds: the whole call, sending included. Default 300000. porto_stop()
 * and porto_wait() add their own timeout to it. PORTO_FOREVER removes the limit.
 */
PORTO_API void porto_set_timeout(struct porto_conn *conn, int64_t msec);

/*
 * How long, in milliseconds, connecting is retried while nobody listens or the queue is full
 * (missing socket, refused connection, full backlog); pauses of 50 ms to 1 s. Default 5000; 0 tries
 * once. A porto_wait() that lost its connection retries until its own timeout instead.
 */
PORTO_API void porto_set_connect_timeout(struct porto_conn *conn, int64_t msec);

/* Largest reply accepted, in bytes. Default 64 MiB. A larger one breaks the connection. */
PORTO_API void porto_set_max_frame(struct porto_conn *conn, size_t bytes);

/*
 * Make the call that is running now, or the next one, fail with SocketError and sys_errno
 * ECANCELED. May be called from any thread and from a signal handler. Does not block.
 */
PORTO_API void porto_cancel(struct porto_conn *conn);

/* Error of the last call on this connection; valid until the next call. Never NULL. */
PORTO_API const struct porto_error *porto_last_error(const struct porto_conn *conn);

/*
 * Daemon's clock (Unix seconds) when it began to handle the last answered request: use it as
 * the next `changed_since`. 0 if unknown.
 */
PORTO_API uint64_t porto_response_timestamp(const struct porto_conn *conn);

/*
 * ---- Results ----
 */

/* Text values: release with porto_free_string(). */
PORTO_API void porto_free_string(char *text);

struct porto_list {
	size_t count;
	const char *const *names; /* `count` strings and a NULL */
};
PORTO_API void porto_free_list(struct porto_list *list);

/* Ordered key-value pairs. */
struct porto_pair {
	const char *key;
	const char *value;
};
struct porto_map {
	size_t count;
	const struct porto_pair *pairs;
};
PORTO_API void porto_free_map(struct porto_map *map);

struct porto_property {
	const char *name;
	const char *description;
	bool read_only;
	bool dynamic; /* can be changed while the container runs */
};
struct porto_properties {
	size_t count;
	const struct porto_property *const *items;
};
PORTO_API void porto_free_properties(struct porto_properties *properties);

/* One value of a bulk get: either a value, or a code with a message. */
struct porto_value {
	const char *variable;
	int error;           /* 0 = fine */
	const char *message; /* of the error; "" if none */
	const char *value;   /* "" on error */
};
struct porto_values {
	const char *name;     /* as the caller wrote it, or as listed for a mask */
	uint64_t change_time; /* Unix seconds, 0 = not told */
	bool no_changes;      /* not changed since `changed_since`: no values */
	size_t count;
	const struct porto_value *const *items; /* in the order of the request */
};
struct porto_get_result {
	size_t count;
	const struct porto_values *const *containers;
};
PORTO_API void porto_free_get_result(struct porto_get_result *result);

struct porto_label {
	const char *name; /* container */
	const char *state;
	const char *label;
	const char *value;
};
struct porto_labels {
	size_t count;
	const struct porto_label *const *items;
};
PORTO_API void porto_free_labels(struct porto_labels *labels);

/*
 * A container reached a state, or a label changed. Strings are never NULL.
 *
 * An event that belongs to no container has name "": state "timeout" ends a wait or subscription;
 * state "resync" says that the connection was lost and events may have been missed: events flagged
 * `resync` follow with the present state of everything subscribed to.
 */
struct porto_event {
	const char *name;
	const char *state; /* "destroyed" when the container is gone */
	uint64_t when;     /* Unix seconds */
	const char *label; /* "" for a plain change of state */
	const char *value; /* of the label; "" = removed */
	bool resync;       /* told again after a lost connection */
	bool has_exit_code;
	int exit_code;           /* 0..255; -signal; -99 out of memory. If has_exit_code */
	const char *start_error; /* why the start failed; "" if it did not */
};
PORTO_API void porto_free_event(struct porto_event *event);

/*
 * ---- Containers ----
 */

/* Create a stopped container. Its parent must exist. Not idempotent. */
PORTO_API int porto_create(struct porto_conn *conn, const char *name);

/* The same; the daemon destroys it when this connection ends, however that happens. */
PORTO_API int porto_create_weak(struct porto_conn *conn, const char *name);

/*
 * Kill everything inside, destroy the container and all below it. Idempotent: does not fail with
 * ContainerDoesNotExist if an earlier try of the same call may have destroyed it.
 */
PORTO_API int porto_destroy(struct porto_conn *conn, const char *name);

/* Start it, and its parents if needed. Returns when the command runs. Not idempotent. */
PORTO_API int porto_start(struct porto_conn *conn, const char *name);

/*
 * Terminate and stop. `timeout_msec`: time between SIGTERM and SIGKILL; 0 kills at once, negative
 * leaves it to the daemon (30 s). Blocks for the request timeout plus this one. Not idempotent.
 */
PORTO_API int porto_stop(struct porto_conn *conn, const char *name, int64_t timeout_msec);

/*
 * The same, but its record stays: state dead, with exit status and output, until it is stopped or
 * destroyed. It does not respawn. Fine if it is dead or stopped already. Idempotent. Not in Porto:
 * InvalidMethod.
 */
PORTO_API int porto_stop_keep(struct porto_conn *conn, const char *name, int64_t timeout_msec);

/* Freeze and unfreeze the whole subtree. Not idempotent. */
PORTO_API int porto_pause(struct porto_conn *conn, const char *name);
PORTO_API int porto_resume(struct porto_conn *conn, const char *name);

/* Start a dead container again. Not idempotent. */
PORTO_API int porto_respawn(struct porto_conn *conn, const char *name);

/* Send a signal to the main process. Not idempotent, except for signal 0. */
PORTO_API int porto_kill(struct porto_conn *conn, const char *name, int sig);

/*
 * Send a signal to every process of a running or meta container and of containers in it that are
 * not isolated: all that are there at one moment, each once. Not idempotent, except for signal 0.
 * Not in Porto: InvalidMethod.
 */
PORTO_API int porto_kill_all(struct porto_conn *conn, const char *name, int sig);

/*
 * Names matching `mask` (NULL = all), sorted; only those changed at or after `changed_since` (Unix
 * seconds, 0 = all). The root container is never listed. Idempotent.
 */
PORTO_API int porto_list(struct porto_conn *conn, const char *mask, uint64_t changed_since,
			 struct porto_list **ret_list);

/*
 * Wait until one of `names` (names or masks) is stopped, dead, respawning, or meta without running
 * children, or until one of the `labels` (names or masks, may be NULL) is set there. Success also
 * when the time is over: the event then has name "" and state "timeout". `timeout_msec`: 0 asks
 * without waiting, PORTO_FOREVER waits as long as it takes. Idempotent: survives restarts of the
 * daemon, with what is left of the timeout.
 */
PORTO_API int porto_wait(struct porto_conn *conn, const char *const *names,
			 const char *const *labels, int64_t timeout_msec,
			 struct porto_event **ret_event);

/*
 * Container of a process. `pid` as the caller sees it; `comm` (may be NULL) must be the name of
 * the process if given, which protects against reuse of the pid. Idempotent.
 */
PORTO_API int porto_locate_process(struct porto_conn *conn, uint32_t pid, const char *comm,
				   char **ret_name);

/*
 * Move a process, or one thread, into the groups of container `name`, which must be running or
 * meta, below the container where the process is, and not isolated from it. The caller must control
 * both. `pid` and `comm` as above. Busy for the main process of a container; NotSupported for a
 * thread on a host that has only the unified cgroup tree. Not idempotent.
 */
PORTO_API int porto_attach_process(struct porto_conn *conn, const char *name, uint32_t pid,
				   const char *comm);
PORTO_API int porto_attach_thread(struct porto_conn *conn, const char *name, uint32_t tid,
				  const char *comm);

/*
 * What `path` of container `source` is called in container `destination` (NULL or "" = the
 * caller's own). By text only: links are not followed. InvalidValue if it cannot be seen there.
 * Idempotent.
 */
PORTO_API int porto_convert_path(struct porto_conn *conn, const char *path, const char *source,
				 const char *destination, char **ret_path);

/*
 * ---- Properties ----
 */

/* Flags of reading. */
#define PORTO_GET_NONBLOCK 1u /* an error for a busy container instead of waiting for it */
#define PORTO_GET_SYNC     2u /* refresh cached counters first */
#define PORTO_GET_REAL     4u /* an error instead of a default or inherited value */

/*
 * One property of one container. `name[index]`, labels (`PREFIX.name`) and raw control files
 * (`memory.max`) work too. Idempotent.
 */
PORTO_API int porto_get_property(struct porto_conn *conn, const char *name, const char *property,
				 unsigned flags, char **ret_value);

/* Change one property. Idempotent. */
PORTO_API int porto_set_property(struct porto_conn *conn, const char *name, const char *property,
				 const char *value);

/* Old name of porto_get_property(), a separate request on the wire. */
PORTO_API int porto_get_data(struct porto_conn *conn, const char *name, const char *data,
			     unsigned flags, char **ret_value);

/*
 * Many properties of many containers (names or masks) in one request. A missing container or
 * property is an error inside the result, not of the call. Containers not changed since
 * `changed_since` (Unix seconds, 0 = off) come without values. Idempotent.
 */
PORTO_API int porto_get(struct porto_conn *conn, const char *const *names,
			const char *const *variables, unsigned flags, uint64_t changed_since,
			struct porto_get_result **ret_result);

/* Properties the daemon supports on its host; the second lists read-only ones. Idempotent. */
PORTO_API int porto_list_properties(struct porto_conn *conn, struct porto_properties **ret_list);
PORTO_API int porto_list_data_properties(struct porto_conn *conn,
					 struct porto_properties **ret_list);

/*
 * ---- Specs: a container as one message ----
 *
 * TContainerSpec is what can be set, TContainerStatus the rest; proto/porto.proto has their fields,
 * which are named like the properties. As text they are in the text format of
 * protocol buffers:
 *
 *     name: "web"  command: "nginx"  memory_limit: 1073741824  cpu_limit: 1.5
 *     env { var { name: "PORT" value: "80" } }
 *     labels { merge: true  map { key: "APP.role" val: "front" } }
 */

/* Start the container, too; for an update: unless it runs. */
#define PORTO_SPEC_START  1u
/* Encoded messages instead of text, for programs that have a library for them. */
#define PORTO_SPEC_PACKED 2u

/*
 * Create a container with all its properties, and start it: all or nothing. `spec` has `size`
 * bytes; its `name` is the container's. InvalidValue also for text that cannot be read, with the
 * line. Not idempotent.
 */
PORTO_API int porto_create_from_spec(struct porto_conn *conn, const void *spec, size_t size,
				     unsigned flags);

/*
 * Set all properties of `spec` in the container it names, and start it: all or nothing. Maps and
 * lists are replaced, unless they say `merge: true`. A value that is there already is never refused
 * because of the container's state. Idempotent, without PORTO_SPEC_START.
 */
PORTO_API int porto_update_from_spec(struct porto_conn *conn, const void *spec, size_t size,
				     unsigned flags);

struct porto_spec {
	const char *name;
	int error; /* 0, or why there is nothing: ContainerDoesNotExist */
	const char *message;
	bool no_changes;      /* not changed since `changed_since`: no values */
	uint64_t change_time; /* Unix seconds, 0 = not asked for */
	const void *spec;     /* text or encoded message, terminated by a zero byte */
	size_t spec_size;     /* without that byte */
	const void *status;
	size_t status_size;
};
struct porto_specs {
	size_t count;
	const struct porto_spec *const *items;
};
PORTO_API void porto_free_specs(struct porto_specs *specs);

/*
 * Containers as specs: those whose names match one of `names` (names or masks, NULL = all, the root
 * container included) and that have all of `labels` (NULL = any); only the `properties` named (NULL
 * = everything that can be read now). `stdout[OFFSET:LENGTH]`, `stdout[:LENGTH]` (the end) and
 * `stdout`, and likewise stderr, are told only when they are named. A name or mask that matches
 * nothing gives an item with `error`. `flags`: PORTO_SPEC_PACKED. Idempotent.
 */
PORTO_API int porto_list_specs(struct porto_conn *conn, const char *const *names,
			       const struct porto_map *labels, uint64_t changed_since,
			       const char *const *properties, unsigned flags,
			       struct porto_specs **ret_specs);

/*
 * ---- Labels: user's own notes, `PREFIX.name` = value ----
 */

/*
 * Labels (name or mask) of containers matching `mask`, in state `state`, with value `value`; each
 * of the three may be NULL = any. Idempotent.
 */
PORTO_API int porto_find_label(struct porto_conn *conn, const char *label, const char *mask,
			       const char *state, const char *value,
			       struct porto_labels **ret_labels);

/* Value of one label; LabelNotFound. Idempotent. */
PORTO_API int porto_get_label(struct porto_conn *conn, const char *name, const char *label,
			      char **ret_value);

/*
 * Set a label, or remove it with value "". With `prev_value` only if that is the present value ("":
 * not set yet), else Busy or LabelNotFound; with `state` only if the container is in this state,
 * else InvalidState. *ret_prev_value (may be NULL) gets the value before, NULL if there was none;
 * it is set on failure too. Idempotent without prev_value and state.
 */
PORTO_API int porto_set_label(struct porto_conn *conn, const char *name, const char *label,
			      const char *value, const char *prev_value, const char *state,
			      char **ret_prev_value);

/*
 * Add to a number kept in a label; a missing label counts as 0. *ret_result (may be NULL) gets the
 * new number, or the present one if adding would overflow. Not idempotent.
 */
PORTO_API int porto_inc_label(struct porto_conn *conn, const char *name, const char *label,
			      int64_t add, int64_t *ret_result);

/*
 * ---- Daemon ----
 */

/* Version of the daemon; either may be NULL. Idempotent. */
PORTO_API int porto_version(struct porto_conn *conn, char **ret_version, char **ret_revision);

/* Counters and settings of the daemon, as text by name. Idempotent. */
PORTO_API int porto_get_system(struct porto_conn *conn, struct porto_map **ret_map);

/* Change a setting: "frozen", "verbose" or "debug". Superuser only. Idempotent. */
PORTO_API int porto_set_system(struct porto_conn *conn, const char *name, bool value);

/*
 * Set a counter to 0, by its name in the property `porto_stat`, or with NULL all that can be.
 * PORTO_E_INVALID_VALUE for one that cannot. Superuser only. Idempotent.
 */
PORTO_API int porto_clear_statistics(struct porto_conn *conn, const char *name);

/*
 * Send `request`, an encoded TPortoRequest of `size` bytes, and return the encoded TPortoResponse
 * in *ret_reply, to be released with porto_free_string(). Any reply is a success, one with an error
 * code too. Treated as not idempotent. For methods this library has no call for; not for
 * subscriptions, whose events would have no receiver.
 */
PORTO_API int porto_call_raw(struct porto_conn *conn, const void *request, size_t size,
			     char **ret_reply, size_t *ret_size);

/*
 * The same with both as text: `size` bytes like `List { mask: "a*" }`. Methods may be spelled as in
 * older schemas (`list`, `propertyList`). *ret_reply is released with porto_free_string(),
 * *ret_code is the reply's error. A text that cannot be parsed is PORTO_E_INVALID_METHOD,
 * without asking the daemon.
 */
PORTO_API int porto_call_text(struct porto_conn *conn, const char *text, size_t size,
			      char **ret_reply, int *ret_code);

/*
 * ---- Events ----
 *
 * Events of a subscription wait in a queue until porto_dispatch() hands them to its callback; no
 * other call runs callbacks, and no event is lost while another call waits for its reply. Poll
 * porto_fd() for reading and call porto_dispatch() when it is readable. The daemon keeps one
 * subscription per connection, therefore each one after the first uses a socket of its own.
 */

struct porto_subscription;

/*
 * `event` is valid during the callback. It may use the connection and end subscriptions, its own
 * too.
 */
typedef void porto_event_fn(struct porto_subscription *sub, const struct porto_event *event,
			    void *userdata);

/*
 * Report the present state of everything that matches `names` (names or masks; a container that
 * does not exist yet is fine), then every change of state, creation and destruction. With `labels`
 * (names or masks, may be NULL) the labels are reported first, and later their changes too. With
 * `target_state` (may be NULL) only entering that state is reported, once. After `timeout_msec`
 * (PORTO_FOREVER = never) one event with state "timeout" ends it.
 *
 * The subscription is the connection's, until porto_unsubscribe() or porto_close(). After a lost
 * connection it is made again with all of its arguments and what is left of its timeout.
 */
PORTO_API int porto_subscribe(struct porto_conn *conn, const char *const *names,
			      const char *const *labels, const char *target_state,
			      int64_t timeout_msec, porto_event_fn *callback, void *userdata,
			      struct porto_subscription **ret_sub);

/*
 * End a subscription and free it; its undelivered events are dropped. Tells the daemon and waits
 * for the answer; succeeds without one too, since the connection is dropped then. Accepts NULL.
 */
PORTO_API void porto_unsubscribe(struct porto_subscription *sub);

/* Is it still going to report? False after a timeout, a reached target_state, and fork(). */
PORTO_API bool porto_subscription_active(const struct porto_subscription *sub);

/*
 * A file descriptor to poll for reading; it stays the same for the life of the connection, across
 * reconnects (but not across fork). Readable: call porto_dispatch(). Never read or close it.
 */
PORTO_API int porto_fd(struct porto_conn *conn);

/*
 * Read what has arrived and run the callbacks of all events in the queue; then return. Waits only
 * when it makes a lost subscription again: one try to connect, then the reply, at most for the
 * connect timeout. While nobody listens porto_fd() becomes readable from time to time for the next
 * try and the call returns SocketUnavailable. *ret_count (may be NULL) gets the number of callbacks
 * run. Does nothing when called from inside a callback.
 */
PORTO_API int porto_dispatch(struct porto_conn *conn, size_t *ret_count);

/*
 * Wait for events up to `timeout_msec` (PORTO_FOREVER = until one comes), then porto_dispatch().
 * SocketTimeout if none came; InvalidState instead of waiting forever without any subscription.
 */
PORTO_API int porto_dispatch_wait(struct porto_conn *conn, int64_t timeout_msec, size_t *ret_count);

/*
 * ---- Values ----
 *
 * Properties travel as text. None of these blocks or depends on the locale. Parsers return 0 or
 * PORTO_E_INVALID_VALUE and accept blanks around the value. Formatters write at most `size` bytes
 * into `buf`, always terminated, and return it; PORTO_VALUE_MAX bytes are enough for all of them.
 */
#define PORTO_VALUE_MAX 64

/* Bytes: number, fraction allowed, unit B K M G T P E (also Kb, KB, KiB), 1024-based. */
PORTO_API int porto_parse_size(const char *text, uint64_t *ret_bytes);
/* "1.5G", "512B". */
PORTO_API const char *porto_format_size(uint64_t bytes, char *buf, size_t size);

/*
 * Nanoseconds: number, fraction allowed, unit ns us ms s (also nsec usec msec sec), m min, h, d;
 * none = ns.
 */
PORTO_API int porto_parse_duration(const char *text, uint64_t *ret_nsec);
/* "0.25s"; from one minute "H:MM:SS"; from one day "Dd HH:MM". */
PORTO_API const char *porto_format_duration(uint64_t nsec, char *buf, size_t size);

/*
 * CPU power in nanoseconds per second, 1000000000 = one core: `1.5c` cores, `500000000ns`, bare
 * number or `50%` = percent of `ncpu` cores.
 */
PORTO_API int porto_parse_cpu(const char *text, unsigned ncpu, uint64_t *ret_nsec);
/* "1.5c". */
PORTO_API const char *porto_format_cpu(uint64_t nsec, char *buf, size_t size);

/* Exactly "true" or "false". */
PORTO_API int porto_parse_bool(const char *text, bool *ret_value);
PORTO_API const char *porto_format_bool(bool value);

/* `key: value; key: value`, with `\` before a separator or `\` that belongs to the text. */
PORTO_API int porto_parse_map(const char *text, struct porto_map **ret_map);
/* The reverse, to be released with porto_free_string(); NULL when memory ran out. */
PORTO_API char *porto_format_map(const struct porto_map *map);

/* Items of `text` between `separator`s, blanks trimmed, empty ones dropped, `\` understood. */
PORTO_API int porto_parse_list(const char *text, char separator, struct porto_list **ret_list);
/*
 * `text` with `\` before each `\` and each character of `separators`; to be released with
 * porto_free_string(). NULL when memory ran out.
 */
PORTO_API char *porto_escape(const char *text, const char *separators);

#ifdef __cplusplus
}
#endif

#endif /* LIBPORTO_H */
