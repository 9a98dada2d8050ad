/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creation and destruction of the server, signals, the master's reports, and what happens at the
 * end of each turn: commit the store, acknowledge to the master, flush the replies.
 */
#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/xalloc.h"
#include "core_hook.h"
#include "handlers/stats.h"
#include "kernel/mnt.h"
#include "kernel/procfs.h"
#include "kernel/topology.h"
#include "security.h"
#include "server.h"
#include "sysctls.h"

struct daemon {
	const struct config *config;
	struct server_channels channels;
	struct loop *loop;
	struct procs *procs;
	struct store *store;
	struct cgroup_host *cgroups;
	struct tree *tree;
	struct watches *watches;
	struct client *internal;
	struct ops_config ops_config;
	struct smap extra_env, ipc_sysctl, net_sysctl, seccomp;
	struct device_config devices;
	struct extra_property *extra; /* owned, its strings are the configuration's */
	struct prop_env prop_env;
	struct topology topology;
	struct ops ops;
	struct system_counters system;
	struct handler_env handlers;
	struct report_cache reports;
	struct stats_keep *keep;
	struct server *server;
	char *workdir_base, *portoinit, *db_path;
	int portoinit_fd;
	ev_io reports_io;
	uint64_t report_serial, acked_serial;
	struct turn_hook hook;
	ev_signal sigterm, sigint, sigusr1;
	ev_timer shutdown_timer;
	char *socket_link; /* second name of the API socket, in the state directory */
	ev_timer socket_timer;
	ev_timer commit_retry; /* only wakes the loop: the turn's end tries again */
	bool destroying;
	bool core_hook; /* core dumps come to us */
};

/* ---- the master's reports ---- */

static void on_reports(struct ev_loop *ev, ev_io *io, int revents)
{
	struct daemon *d = container_of(io, struct daemon, reports_io);
	struct exit_report r;
	ssize_t n;

	(void)revents;
	while ((n = recv(d->channels.reports_fd, &r, sizeof(r), MSG_DONTWAIT)) == sizeof(r)) {
		ops_process_exited(&d->ops, r.pid, r.starttime, r.status);
		d->report_serial = r.serial;
	}
	if (n == 0) {
		log_error("the master is gone");
		ev_io_stop(ev, io);
	}
}

/* Only what is committed is acknowledged. */
static void acknowledge(struct daemon *d)
{
	struct exit_ack ack = { .serial = d->report_serial };

	if (d->report_serial == d->acked_serial)
		return;
	if (send(d->channels.reports_fd, &ack, sizeof(ack), MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    sizeof(ack))
		d->acked_serial = d->report_serial;
}

static void on_turn(struct turn_hook *h)
{
	struct daemon *d = container_of(h, struct daemon, hook);
	struct error err = ERROR_INIT;

	if (store_is_dirty(d->store) && store_commit(d->store, &err)) {
		/* What is not stored is not promised: replies wait until the disk takes it. */
		if (!ev_is_active(&d->commit_retry))
			log_error("replies are held back: %s", err.text);
		ev_timer_again(loop_ev(d->loop), &d->commit_retry);
		return;
	}
	ev_timer_stop(loop_ev(d->loop), &d->commit_retry);
	stats_keep(d->keep, &d->handlers);
	acknowledge(d);
	server_flush(d->server);
}

static void on_commit_retry(struct ev_loop *ev, ev_timer *t, int revents)
{
	(void)ev;
	(void)t;
	(void)revents;
}

/* ---- the socket's name ---- */

/*
 * Somebody may remove the socket file. A second name keeps the same socket reachable, so that it
 * can be put back and what was bound into containers stays right. Needs one file system for both;
 * else nothing is lost but this.
 */
static void keep_socket(struct daemon *d)
{
	const char *path = d->config->msg->daemon->socket_path;

	d->socket_link = xasprintf("%s/socket", d->ops_config.state_dir);
	(void)unlink(d->socket_link);
	if (link(path, d->socket_link))
		log_debug("no second name for %s: %s", path, strerror(errno));
}

static void on_socket_timer(struct ev_loop *ev, ev_timer *t, int revents)
{
	struct daemon *d = container_of(t, struct daemon, socket_timer);
	const char *path = d->config->msg->daemon->socket_path;

	(void)ev;
	(void)revents;
	/* The master opens it again, and tells us to. */
	if (log_is_removed())
		(void)kill(getppid(), SIGUSR1);
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return;
	if (link(d->socket_link, path) == 0)
		log_warning("%s was removed, put it back", path);
}

/* ---- going down ---- */

static void on_idle(struct ops *ops)
{
	struct daemon *d = container_of(ops, struct daemon, ops);

	loop_stop(d->loop);
}

static void on_access(struct ops *ops, struct container *ct)
{
	struct daemon *d = container_of(ops, struct daemon, ops);

	if (d->server)
		server_access_changed(d->server, ct);
}

static void on_shutdown_timeout(struct ev_loop *ev, ev_timer *t, int revents)
{
	struct daemon *d = container_of(t, struct daemon, shutdown_timer);

	(void)ev;
	(void)revents;
	log_warning("%zu operations did not end in time", d->ops.active);
	loop_stop(d->loop);
}

static void shut_down(struct daemon *d)
{
	struct ev_loop *ev = loop_ev(d->loop);
	double timeout = d->config->msg->daemon->portod_shutdown_timeout;

	if (d->ops.stopping)
		return;
	d->ops.stopping = true;
	d->ops.on_idle = on_idle;
	server_stop_accepting(d->server);
	ev_timer_init(&d->shutdown_timer, on_shutdown_timeout, timeout, 0.);
	ev_timer_start(ev, &d->shutdown_timer);
	if (d->ops.active == 0)
		loop_stop(d->loop);
}

static void on_sigterm(struct ev_loop *ev, ev_signal *s, int revents)
{
	struct daemon *d = container_of(s, struct daemon, sigterm);

	(void)ev;
	(void)revents;
	log_info("SIGTERM: going down, containers stay");
	shut_down(d);
}

static void on_sigint(struct ev_loop *ev, ev_signal *s, int revents)
{
	struct daemon *d = container_of(s, struct daemon, sigint);

	(void)ev;
	(void)revents;
	if (d->destroying)
		return;
	log_info("SIGINT: destroying all containers and going down");
	d->destroying = true;
	ops_destroy_all(&d->ops);
	shut_down(d);
}

static void on_sigusr1(struct ev_loop *ev, ev_signal *s, int revents)
{
	int rc = log_reopen();

	(void)ev;
	(void)s;
	(void)revents;
	if (rc < 0)
		log_error("reopen the log: %s", strerror(-rc));
}

/* ---- creation ---- */

static void fill_ops_config(struct daemon *d)
{
	const PortoConfig__TPortodConfig *m = d->config->msg;
	struct ops_config *c = &d->ops_config;

	c->state_dir = m->daemon->state_dir;
	c->workdir_base = d->workdir_base;
	c->portoinit = d->portoinit;
	c->socket_path = m->daemon->socket_path;
	c->max_containers = m->container->max_total;
	c->start_timeout_ms = m->container->start_timeout_ms;
	c->stop_timeout_ms = m->container->stop_timeout_ms;
	c->queue_timeout_ms = m->daemon->op_queue_timeout_s * 1000;
	c->remove_timeout_ms = m->daemon->cgroup_remove_timeout_s * 1000;
	c->tick_ms = m->daemon->log_rotate_ms ? (unsigned)m->daemon->log_rotate_ms : 1000;
	c->max_jobs = 64;
	c->respawn_delay_min_ms = 50;
	c->dev_size = m->container->dev_size;
	c->devpts_max = m->container->devpts_max;
	c->memory_total = procfs_mem_total();
	c->start_parents = m->container->enable_start_parents;
	c->enable_tracefs = m->container->enable_tracefs;
	c->fuse_timeout_ms = m->daemon->fuse_termination_timeout_s * 1000;
	c->fuse_pause_ms = m->daemon->fuse_termination_sleep_ms;
	c->fuse_pause_ms = c->fuse_pause_ms ? c->fuse_pause_ms : 1;
	c->detect_systemd = m->container->detect_systemd && m->container->enable_systemd;
	c->rw_cgroupfs = m->container->enable_rw_cgroupfs;
	c->rw_net_cgroups = m->container->enable_rw_net_cgroups;
	c->os_cgroupfs = m->container->use_os_mode_cgroupns;
	c->rt_priority = m->container->rt_priority;
	c->rt_nice = m->container->rt_nice;
	c->high_nice = m->container->high_nice;
	c->sched_idle = m->container->enable_sched_idle;
	c->cpu_limit_scale = m->container->cpu_limit_scale;
	c->dead_memory_soft_limit = m->container->dead_memory_soft_limit > 0
					    ? (uint64_t)m->container->dead_memory_soft_limit
					    : 0;
	c->coredump_filter = m->container->has_default_coredump_filter
				     ? (int64_t)m->container->default_coredump_filter
				     : -1;
	c->topology = &d->topology;
	if (!str_is_empty(m->container->default_resolv_conf))
		c->default_resolv_conf = m->container->default_resolv_conf;
	c->resolv_conf_watchdog_ms = m->network->resolv_conf_watchdog_ms;
	sysctls_read(d->config, &d->ipc_sysctl, &d->net_sysctl);
	c->ipc_sysctl = &d->ipc_sysctl;
	c->net_sysctl = &d->net_sysctl;
}

static void fill_prop_env(struct daemon *d)
{
	const PortoConfig__TContainerConfig *m = d->config->msg->container;
	struct prop_env *e = &d->prop_env;

	e->cgroups = d->cgroups;
	e->tree = d->tree;
	e->ncpu = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	e->memory_total = d->ops_config.memory_total;
	e->place = d->config->msg->daemon->place;
	e->workdir_base = d->workdir_base;
	e->stdout_limit_default = m->stdout_limit;
	e->stdout_limit_max = m->stdout_limit_max;
	e->stdout_read_max = m->std_stream_read_limit;
	e->min_memory_limit = m->min_memory_limit;
	e->memlock_minimal = m->memlock_minimal;
	e->memlock_margin = m->memlock_margin;
	e->memory_limit_margin = m->memory_limit_margin;
	e->respawn_delay_default = m->respawn_delay_ms * NSEC_PER_MSEC;
	e->aging_time_default = m->default_aging_time_s;
	e->thread_limit_default = (uint64_t)m->default_thread_limit;
	e->cpu_period_default = m->cpu_period;
	e->memory_guarantee_reserve = d->config->msg->daemon->memory_guarantee_reserve;
	e->pressurize_on_death_default = m->pressurize_on_death;
	e->topology = &d->topology;
	e->enable_fuse = d->config->msg->daemon->enable_fuse;
	e->default_ulimit = m->default_ulimit;
	for (size_t i = 0; i < m->n_extra_env; i++)
		smap_set(&d->extra_env, m->extra_env[i]->name ? m->extra_env[i]->name : "",
			 m->extra_env[i]->value ? m->extra_env[i]->value : "");
	e->extra_env = &d->extra_env;
	security_read_devices(d->config, &d->devices);
	e->devices = &d->devices;
	e->core_enabled = d->core_hook;
	e->porto_stat = stats_get;
	e->daemon = &d->handlers;
	security_read_seccomp(d->config, &d->seccomp);
	e->seccomp = &d->seccomp;
}

static void fill_ops(struct daemon *d)
{
	struct ops *o = &d->ops;

	o->config = &d->ops_config;
	o->loop = d->loop;
	o->procs = d->procs;
	o->store = d->store;
	o->tree = d->tree;
	o->watches = d->watches;
	o->cgroups = d->cgroups;
	o->env = &d->prop_env;
	o->internal = d->internal;
	o->master_pid = getppid();
	gethostname(o->hostname, sizeof(o->hostname) - 1);
}

/* What cannot be followed is told, and the rest holds. */
static void fill_extra(struct daemon *d)
{
	const PortoConfig__TContainerConfig *m = d->config->msg->container;
	struct ops_config *c = &d->ops_config;
	size_t n = 0;

	for (size_t i = 0; i < m->n_extra_properties; i++)
		n += m->extra_properties[i]->n_properties;
	c->extra = d->extra = xnew_array(struct extra_property, n + 1);
	for (size_t i = 0; i < m->n_extra_properties; i++) {
		const PortoConfig__TContainerConfig__TExtraProperty *e = m->extra_properties[i];

		for (size_t k = 0; k < e->n_properties; k++) {
			struct extra_property *x = &d->extra[c->nextra];
			struct error err = ERROR_INIT;

			x->filter = e->filter ? e->filter : "";
			x->name = e->properties[k]->name ? e->properties[k]->name : "";
			x->value = e->properties[k]->value ? e->properties[k]->value : "";
			if (extra_check(&d->prop_env, x, &err) == 0) {
				c->nextra++;
				continue;
			}
			d->system.fatals++;
			log_error("container.extra_properties for '%s': %s", x->filter, err.text);
		}
	}
}

static uint32_t disabled_controllers(const PortoConfig__TContainerConfig *m)
{
	return (m->enable_blkio ? 0 : CGROUP_BIT(CGROUP_BLKIO)) |
	       (m->enable_hugetlb ? 0 : CGROUP_BIT(CGROUP_HUGETLB)) |
	       (m->enable_cgroup2 ? 0 : CGROUP_BIT(CGROUP_CGROUP2));
}

static int open_cgroups(struct daemon *d, struct error *err)
{
	const PortoConfig__TDaemonConfig *m = d->config->msg->daemon;
	struct cgroup_options opt = {
		.cgroup_root = m->cgroupfs_root_path,
		.prefix = m->cgroup_prefix,
		.freeze_timeout_ms = m->freezer_wait_timeout_s * 1000,
		.remove_timeout_ms = m->cgroup_remove_timeout_s * 1000,
		.disabled = disabled_controllers(d->config->msg->container),
	};
	auto_buf text = BUF_INIT;
	auto_strv lines = STRV_INIT;

	if (cgroup_host_new(&opt, &d->cgroups, err))
		return -1;
	cgroup_host_describe(d->cgroups, &text);
	strv_split(&lines, buf_str(&text), '\n');
	for (size_t i = 0; i < lines.n; i++)
		log_info("cgroups: %s", lines.v[i]);
	return 0;
}

/*
 * One descriptor for all starts: the helper that runs in the containers is on a read-only mount
 * that nobody else has, so that no root in a container can write to it through /proc/1/exe.
 *
 * A server that comes back must not abandon its containers because the helper is gone. They go on;
 * new starts say what is missing.
 */
static int open_portoinit(struct daemon *d, struct error *err)
{
	auto_free char *path = xasprintf("%s/portoinit", d->config->helpers_dir);

	d->portoinit_fd = access(path, X_OK) < 0 ? -errno : mnt_open_read_only(path);
	if (d->portoinit_fd >= 0) {
		d->portoinit = xasprintf("/proc/self/fd/%d", d->portoinit_fd);
		return 0;
	}
	error_errno(err, -d->portoinit_fd, "helper program %s (see daemon.helpers_dir)", path);
	if (access(d->db_path, F_OK) < 0)
		return -1;
	log_error("%s: no container can be started", err->text);
	error_clear(err);
	d->portoinit = take_ptr(path);
	return 0;
}

/* Without it containers run as well. */
static void install_core_hook(struct daemon *d)
{
	struct error err = ERROR_INIT;
	char text[ERROR_MESSAGE_MAX];

	d->core_hook = core_hook_install(d->config, &err) == 0;
	if (!d->core_hook && d->config->msg->core->enable)
		log_error("core dumps are not handled: %s",
			  error_message(&err, text, sizeof(text)));
}

static int create(struct daemon *d, struct error *err)
{
	const PortoConfig__TDaemonConfig *m = d->config->msg->daemon;

	umask(0);
	d->workdir_base = xasprintf("%s/porto", m->place);
	d->db_path = xasprintf("%s/state.db", m->state_dir);
	if (open_portoinit(d, err) || store_open(d->db_path, &d->store, err) ||
	    open_cgroups(d, err))
		return -1;
	if (topology_read(NULL, &d->topology, err))
		return -1;
	d->tree = tree_new();
	d->watches = watches_new();
	d->internal = client_new_internal(d->tree);
	fill_ops_config(d);
	install_core_hook(d);
	fill_prop_env(d);
	fill_extra(d);
	prop_init_spec(&d->prop_env, tree_root(d->tree));
	fill_ops(d);
	return ops_init(&d->ops, err);
}

/* The master forks us with these blocked, so that none is lost before its handler is there. */
static void start_signals(struct daemon *d)
{
	struct ev_loop *ev = loop_ev(d->loop);
	sigset_t set;

	ev_signal_init(&d->sigterm, on_sigterm, SIGTERM);
	ev_signal_init(&d->sigint, on_sigint, SIGINT);
	ev_signal_init(&d->sigusr1, on_sigusr1, SIGUSR1);
	ev_signal_start(ev, &d->sigterm);
	ev_signal_start(ev, &d->sigint);
	ev_signal_start(ev, &d->sigusr1);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void serve(struct daemon *d)
{
	const PortoConfig__TDaemonConfig *m = d->config->msg->daemon;
	struct server_config config = {
		.listen_fd = d->channels.listen_fd,
		.max_frame = m->max_msg_len,
		.max_output = m->max_client_output,
		.max_clients = m->max_clients,
		.max_clients_in_container = (unsigned)m->max_clients_in_container,
		.max_requests = m->max_request_queue,
		.idle_timeout_nsec = m->client_idle_timeout * NSEC_PER_SEC,
	};
	struct exit_ack ready = { .serial = 0 };

	d->handlers = (struct handler_env){ .ops = &d->ops,
					    .props = &d->prop_env,
					    .loop = d->loop,
					    .system = &d->system,
					    .max_waiters = m->max_client_waiters,
					    .reports = &d->reports };
	d->keep = stats_keep_open(&d->handlers, d->ops_config.state_dir);
	d->server = server_new(&d->handlers, &config);
	d->handlers.server = d->server;
	d->handlers.longest_running = server_longest_running;
	d->ops.on_access = on_access;
	keep_socket(d);
	ev_timer_init(&d->socket_timer, on_socket_timer, 1., 1.);
	ev_timer_start(loop_ev(d->loop), &d->socket_timer);
	ev_timer_init(&d->commit_retry, on_commit_retry, 0., 0.1);
	loop_add_turn_hook(d->loop, &d->hook, on_turn);
	ev_io_init(&d->reports_io, on_reports, d->channels.reports_fd, EV_READ);
	/* Reports first: a pid may be in use again by the time a start job tells of it. */
	ev_set_priority(&d->reports_io, EV_MAXPRI);
	ev_io_start(loop_ev(d->loop), &d->reports_io);
	(void)send(d->channels.reports_fd, &ready, sizeof(ready), MSG_DONTWAIT | MSG_NOSIGNAL);
	ops_start_counters(&d->ops);
	loop_run(d->loop);
}

/* ---- destruction, in reverse ---- */

static void remove_state(struct daemon *d)
{
	auto_free char *tasks = xasprintf("%s/tasks", d->ops_config.state_dir);
	auto_free char *stats = xasprintf("%s/stats", d->ops_config.state_dir);
	struct error err = ERROR_INIT;

	if (cgroup_host_remove_base(d->cgroups, &err))
		log_warning("remove our cgroups: %s", err.text);
	(void)unlink(d->db_path);
	(void)unlink(stats);
	(void)rmdir(tasks);
	(void)rmdir(d->workdir_base);
}

static void destroy(struct daemon *d)
{
	bool empty;

	if (d->server) {
		server_close_all(d->server);
		loop_run_once(d->loop);
		d->server = server_free(d->server);
	}
	if (d->core_hook)
		core_hook_remove(d->config);
	ops_deinit(&d->ops);
	if (d->socket_link)
		(void)unlink(d->socket_link);
	free(d->socket_link);
	d->store = store_close(d->store);
	empty = d->tree && tree_count(d->tree) == 0;
	if (d->destroying && d->cgroups && empty)
		remove_state(d);
	client_free(d->internal);
	tree_free(d->tree);
	watches_free(d->watches);
	cgroup_host_free(d->cgroups);
	procs_free(d->procs);
	topology_deinit(&d->topology);
	smap_deinit(&d->extra_env);
	smap_deinit(&d->ipc_sysctl);
	smap_deinit(&d->net_sysctl);
	smap_deinit(&d->seccomp);
	device_config_deinit(&d->devices);
	free(d->extra);
	buf_deinit(&d->reports.packed);
	d->keep = stats_keep_close(d->keep);
	free(d->workdir_base);
	if (d->portoinit_fd > 0)
		close(d->portoinit_fd);
	free(d->portoinit);
	free(d->db_path);
}

/* In the log and, since somebody may just have typed the command, on the terminal. */
static void complain(const char *why)
{
	log_error("cannot start: %s", why);
	if (log_fd() != STDERR_FILENO)
		fprintf(stderr, "portod: cannot start: %s\n", why);
}

int daemon_main(void *arg, const struct server_channels *ch)
{
	struct daemon *d = xnew(struct daemon);
	struct error err = ERROR_INIT;
	char text[ERROR_MESSAGE_MAX];
	bool ok;

	d->config = arg;
	d->channels = *ch;
	d->system.porto_starts = ch->server_starts;
	d->system.start_boot_nsec = clock_boot_nsec();
	d->system.master_start_boot_nsec = ch->master_start_nsec;
	d->loop = loop_new();
	d->procs = procs_new(d->loop);
	start_signals(d);
	ok = create(d, &err) == 0 && ops_restore(&d->ops, &err) == 0;
	if (ok)
		serve(d);
	else
		complain(error_message(&err, text, sizeof(text)));
	destroy(d);
	d->loop = loop_free(d->loop);
	free(d);
	return ok ? 0 : 1;
}
