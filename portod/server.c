/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "base/xalloc.h"
#include "kernel/procfs.h"
#include "methods.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

#define SUPERUSER_EXTRA  100
#define ACCEPTS_PER_TURN 64
#define REFUSED_MAX      100 /* that may take a moment to read why */

struct server {
	const struct handler_env *env;
	struct server_config config;
	ev_io accept_io;
	ev_timer accept_timer;  /* accepting pauses while there are no descriptors */
	struct list conns;      /* struct conn of clients */
	struct list refused;    /* struct conn that only wait for their refusal to be read */
	unsigned nrefused;      /* of these that are given time */
	struct list flush_list; /* struct conn, with output */
	gid_t porto_gid;        /* -1 = the group does not exist */
	uint64_t next_request;
};

struct session {
	struct server *server;
	struct client *client;
	struct list requests; /* struct request */
};

/* ---- requests ---- */

static const uint64_t second = 1000000000;

static void count_spec(struct system_counters *s, const struct error *err, uint64_t nsec)
{
	s->spec_completed++;
	s->spec_longer_1s += nsec > second;
	s->spec_longer_3s += nsec > 3 * second;
	s->spec_longer_30s += nsec > 30 * second;
	s->spec_longer_5m += nsec > 300 * second;
	s->spec_failed += err->code != ERR_SUCCESS;
	s->spec_fail_unknown += err->code == ERR_UNKNOWN;
	s->spec_fail_invalid_value += err->code == ERR_INVALID_VALUE;
	s->spec_fail_no_container += err->code == ERR_CONTAINER_DOES_NOT_EXIST;
}

static void count(struct system_counters *s, const struct error *err, uint64_t nsec)
{
	s->requests_completed++;
	s->longer_1s += nsec > second;
	s->longer_3s += nsec > 3 * second;
	s->longer_30s += nsec > 30 * second;
	s->longer_5m += nsec > 300 * second;
	if (err->code == ERR_SUCCESS)
		return;
	s->requests_failed++;
	s->fail_system += err->code == ERR_UNKNOWN;
	s->fail_invalid_value += err->code == ERR_INVALID_VALUE;
	s->fail_invalid_command += err->code == ERR_INVALID_COMMAND;
}

/* The container a request is about, for the log: by convention the first string of its message, or
 * of the message which that begins with. */
static const char *subject(const ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *f = m->descriptor->fields;
	const void *value;

	if (m->descriptor->n_fields == 0 || f->label == PROTOBUF_C_LABEL_REPEATED ||
	    (f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_MESSAGE))
		return "";
	memcpy(&value, (const char *)m + f->offset, sizeof(value));
	if (!value)
		return "";
	return f->type == PROTOBUF_C_TYPE_STRING ? value : subject(value);
}

static void count_time(struct system_counters *s, const struct method *m, uint64_t nsec)
{
	s->exec_rest_nsec += nsec;
	s->exec_msec += s->exec_rest_nsec / NSEC_PER_MSEC;
	s->exec_rest_nsec %= NSEC_PER_MSEC;
	if (!(m->flags & METHOD_WRITE) && nsec / NSEC_PER_MSEC > s->longest_read_msec)
		s->longest_read_msec = nsec / NSEC_PER_MSEC;
}

/* Reading is told of only if something was wrong with it. */
static enum log_level log_level_of(const struct method *m, const struct error *err, uint64_t nsec)
{
	if (m->flags & METHOD_WRITE || err->code != ERR_SUCCESS || nsec > second)
		return LOG_INFO;
	return LOG_VERBOSE;
}

static void on_reply(struct request *rq, const struct error *err)
{
	const struct conn *c = rq->client->conn;
	const struct session *session = c->user;
	struct system_counters *counters = session->server->env->system;
	uint64_t nsec = clock_mono_nsec() - rq->start_nsec, in_work = nsec;
	char text[ERROR_MESSAGE_MAX];

	counters->requests_running--;
	if (!rq->method) {
		count(counters, err, nsec);
		return;
	}
	if (rq->method->flags & METHOD_WAITS)
		in_work = 0;
	count_time(counters, rq->method, in_work);
	if (rq->method->flags & METHOD_SPEC)
		count_spec(counters, err, in_work);
	else
		count(counters, err, in_work);
	if (log_get_level() < log_level_of(rq->method, err, in_work))
		return;
	log_line(LOG_INFO, "request %llu %s %s by %s(%d)%s%s: %s, %llu us",
		 (unsigned long long)rq->id, rq->method->name, subject(rq->args), rq->client->comm,
		 rq->client->pid, container_is_root(rq->client->container) ? "" : " in ",
		 rq->client->container->name,
		 err->code ? error_string(err, text, sizeof(text)) : "ok",
		 (unsigned long long)nsec / 1000);
}

static void on_frame(struct conn *c, const void *body, size_t len)
{
	struct session *session = c->user;
	struct server *s = session->server;
	const ProtobufCFieldDescriptor *field;
	struct error err = ERROR_INIT;
	struct request *rq;

	if (s->env->system->requests_running >= s->config.max_requests) {
		error_set(&err, ERR_RESOURCE_NOT_AVAILABLE,
			  "%u requests are in work, the limit is daemon.max_request_queue",
			  s->config.max_requests);
		request_send_error(c, &err);
		return;
	}
	rq = request_decode(c, session->client, body, len, &field, &err);
	if (!rq) {
		log_debug("client %s(%d): %s", session->client->comm, session->client->pid,
			  err.text);
		request_send_error(c, &err);
		return;
	}
	rq->id = ++s->next_request;
	rq->method = method_find(field->id);
	rq->on_reply = on_reply;
	list_push_back(&session->requests, &rq->node);
	s->env->system->requests_running++;
	session->client->container->nrequests++;
	if (!rq->method) {
		error_set(&err, ERR_INVALID_METHOD, "unknown method %s", field->name);
		request_fail(rq, &err);
		return;
	}
	method_dispatch(s->env, rq);
}

static void on_bad_frame(struct conn *c, const char *why)
{
	const struct session *session = c->user;
	struct error err = ERROR_INIT;

	log_warning("client %s(%d): bad frame: %s", session->client->comm, session->client->pid,
		    why);
	error_set(&err, ERR_INVALID_METHOD, "bad frame: %s", why);
	request_send_error(c, &err);
}

static void log_client(const char *what, const struct client *c)
{
	log_verbose("client %s(%d) of user %u%s%s %s", c->comm, c->pid, c->task_cred.uid,
		    container_is_root(c->container) ? "" : " in ", c->container->name, what);
}

static void on_close(struct conn *c)
{
	struct session *session = c->user;
	struct server *s = session->server;
	struct request *rq;

	while ((rq = list_first(&session->requests, struct request, node))) {
		s->env->system->requests_running--;
		request_abandon(rq);
	}
	log_client("is gone", session->client);
	wait_client_gone(session->client);
	ops_client_gone(s->env->ops, session->client);
	s->env->system->clients--;
	client_free(session->client);
	list_del(&c->node);
	conn_free(c);
	free(session);
}

static const struct conn_ops conn_ops = { .on_frame = on_frame,
					  .on_bad_frame = on_bad_frame,
					  .on_close = on_close };

/* ---- who is it ---- */

static int peer_pidfd(int fd, pid_t pid)
{
	int pidfd = -1;
	socklen_t len = sizeof(pidfd);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return pidfd;
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static struct client *identify(struct server *s, int fd, struct error *err)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	auto_free char *name = NULL;
	auto_close int pidfd = -1;
	struct proc_stat st;
	struct client *c;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len)) {
		error_errno(err, errno, "ask for the credentials of the peer");
		return NULL;
	}
	if (peer.pid <= 0) {
		error_set(err, ERR_PERMISSION, "the peer is in a foreign pid namespace");
		return NULL;
	}
	pidfd = peer_pidfd(fd, peer.pid);
	if (cgroup_locate(s->env->ops->cgroups, peer.pid, &name, err))
		return NULL;
	c = client_new(tree_find_nearest(s->env->ops->tree, name));
	c->pid = peer.pid;
	if (procfs_stat(peer.pid, &st) == 0)
		c->starttime = st.starttime;
	procfs_comm(peer.pid, c->comm, sizeof(c->comm));
	/* Still there: what was read by its pid was about it, and not about a successor. */
	if (pidfd < 0 || syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0)) {
		error_set(err, ERR_PERMISSION, "process %d is gone already", peer.pid);
		return client_free(c);
	}
	c->pidfd = take_fd(&pidfd);
	c->task_cred.uid = peer.uid;
	c->task_cred.gid = peer.gid;
	if (client_authorize(c, s->porto_gid, err))
		return client_free(c);
	return c;
}

/* ---- limits ---- */

/* `ct`: only a client of this container makes room; NULL = any. */
static bool drop_idle(struct server *s, const struct container *ct)
{
	struct conn *oldest = NULL, *c;
	uint64_t now = clock_mono_nsec();

	list_for_each(c, &s->conns, node) {
		const struct session *session = c->user;

		if (ct && session->client->container != ct)
			continue;
		/* A subscription is not idleness. */
		if (c->busy || c->closed || conn_unsent(c) ||
		    !list_is_empty(&session->client->waiters))
			continue;
		if (!oldest || c->last_activity < oldest->last_activity)
			oldest = c;
	}
	if (!oldest || now - oldest->last_activity < s->config.idle_timeout_nsec)
		return false;
	log_info("dropping an idle client for a new one");
	conn_close(oldest);
	return true;
}

static int check_limits(struct server *s, const struct client *c, struct error *err)
{
	unsigned extra = client_is_superuser(c) ? SUPERUSER_EXTRA : 0;

	if (!container_is_root(c->container) &&
	    c->container->nclients > s->config.max_clients_in_container + extra &&
	    !drop_idle(s, c->container))
		return error_set(err, ERR_RESOURCE_NOT_AVAILABLE,
				 "container '%s' has %u connections, the limit is "
				 "daemon.max_clients_in_container",
				 c->container->name, c->container->nclients - 1);
	if (s->env->system->clients >= s->config.max_clients + extra && !drop_idle(s, NULL))
		return error_set(err, ERR_RESOURCE_NOT_AVAILABLE,
				 "there are %llu connections, the limit is daemon.max_clients",
				 (unsigned long long)s->env->system->clients);
	return 0;
}

/* ---- access taken away ---- */

static void shut_out(struct conn *c, const struct error *err)
{
	const struct session *session = c->user;

	log_info("client %s(%d) has no access any more: %s", session->client->comm,
		 session->client->pid, err->text);
	/* A request in work is answered; what comes after it is refused by the dispatcher. */
	if (!wait_client_refused(session->client, err)) {
		if (c->busy)
			return;
		request_send_error(c, err);
	}
	conn_refuse(c);
}

void server_access_changed(struct server *s, const struct container *ct)
{
	struct conn *c;

	list_for_each(c, &s->conns, node) {
		struct client *client = ((struct session *)c->user)->client;
		struct error err = ERROR_INIT;

		if (c->closed || c->closing ||
		    (client->container != ct && !container_is_below(client->container, ct)))
			continue;
		if (client_refresh(client, &err) && client->access == ACCESS_NONE)
			shut_out(c, &err);
	}
}

/* ---- accept ---- */

static void on_refused_frame(struct conn *c, const void *body, size_t len)
{
	(void)c;
	(void)body;
	(void)len;
}

static void on_refused_bad_frame(struct conn *c, const char *why)
{
	(void)c;
	(void)why;
}

static void on_refused_close(struct conn *c)
{
	struct server *s = c->user;

	if (s)
		s->nrefused--;
	conn_free(c);
}

static const struct conn_ops refused_ops = { .on_frame = on_refused_frame,
					     .on_bad_frame = on_refused_bad_frame,
					     .on_close = on_refused_close };

/* Tell why, and hang up. */
static void refuse(struct server *s, int fd, const struct error *err)
{
	struct conn *c = conn_new(s->env->loop, fd, &refused_ops, s->config.max_frame,
				  s->config.max_output, &s->flush_list);

	log_info("refused a client: %s", err->text);
	list_push_back(&s->refused, &c->node);
	request_send_error(c, err);
	if (s->nrefused >= REFUSED_MAX) {
		conn_close_after_flush(c);
		return;
	}
	c->user = s; /* counted */
	s->nrefused++;
	conn_refuse(c);
}

static void admit(struct server *s, int fd)
{
	struct error err = ERROR_INIT;
	struct client *client = identify(s, fd, &err);
	struct session *session;
	struct conn *c;

	s->env->system->clients_connected++;
	if (client && check_limits(s, client, &err))
		client = client_free(client);
	if (!client) {
		refuse(s, fd, &err);
		return;
	}
	session = xnew(struct session);
	session->server = s;
	session->client = client;
	list_init(&session->requests);
	c = conn_new(s->env->loop, fd, &conn_ops, s->config.max_frame, s->config.max_output,
		     &s->flush_list);
	c->user = session;
	client->conn = c;
	list_push_back(&s->conns, &c->node);
	s->env->system->clients++;
	log_client("connects", client);
}

static void on_accept(struct ev_loop *ev, ev_io *io, int revents)
{
	struct server *s = container_of(io, struct server, accept_io);

	(void)revents;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(s->config.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			admit(s, fd);
			continue;
		}
		if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
			return;
		log_error("accept: %s", strerror(errno));
		drop_idle(s, NULL);
		ev_io_stop(ev, &s->accept_io);
		ev_timer_again(ev, &s->accept_timer);
		return;
	}
}

static void on_accept_timer(struct ev_loop *ev, ev_timer *t, int revents)
{
	struct server *s = container_of(t, struct server, accept_timer);

	(void)revents;
	ev_timer_stop(ev, t);
	ev_io_start(ev, &s->accept_io);
}

/* ---- life ---- */

struct server *server_new(const struct handler_env *env, const struct server_config *config)
{
	struct server *s = xnew(struct server);
	gid_t gid;

	s->env = env;
	s->config = *config;
	s->porto_gid = cred_parse_group("porto", &gid) == 0 ? gid : (gid_t)-1;
	env->system->clients_max = config->max_clients;
	list_init(&s->conns);
	list_init(&s->refused);
	list_init(&s->flush_list);
	ev_timer_init(&s->accept_timer, on_accept_timer, 0., 0.1);
	ev_io_init(&s->accept_io, on_accept, config->listen_fd, EV_READ);
	ev_io_start(loop_ev(env->loop), &s->accept_io);
	return s;
}

void server_stop_accepting(struct server *s)
{
	struct conn *c;

	ev_io_stop(loop_ev(s->env->loop), &s->accept_io);
	ev_timer_stop(loop_ev(s->env->loop), &s->accept_timer);
	list_for_each(c, &s->conns, node)
		if (!c->busy && !c->closed)
			conn_close_after_flush(c);
}

void server_flush(struct server *s)
{
	struct conn *c;

	while ((c = list_first(&s->flush_list, struct conn, flush_node))) {
		list_del(&c->flush_node);
		conn_flush(c);
	}
}

static void close_all(struct list *conns)
{
	struct conn *c;

	list_for_each(c, conns, node)
		conn_close(c);
}

void server_close_all(struct server *s)
{
	ev_io_stop(loop_ev(s->env->loop), &s->accept_io);
	ev_timer_stop(loop_ev(s->env->loop), &s->accept_timer);
	close_all(&s->conns);
	close_all(&s->refused);
}

struct server *server_free(struct server *s)
{
	if (!s)
		return NULL;
	assert(list_is_empty(&s->conns) && list_is_empty(&s->refused));
	free(s);
	return NULL;
}

uint64_t server_longest_running(const void *server)
{
	const struct server *s = server;
	uint64_t now = clock_mono_nsec(), oldest = now;
	struct conn *c;

	list_for_each(c, &s->conns, node) {
		const struct session *session = c->user;
		const struct request *rq;

		list_for_each(rq, &session->requests, node)
			if (!(rq->method && rq->method->flags & METHOD_WAITS) &&
			    rq->start_nsec < oldest)
				oldest = rq->start_nsec;
	}
	return now - oldest;
}
