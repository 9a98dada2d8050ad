/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master's loop: reap, pass reports on, look after the server, sleep in poll(2).
 *
 * Everything here must keep working for the life of the machine, so there is little of it: no
 * input of clients, no sqlite, no libraries but our base room, no allocation but the queue.
 * Signals stay blocked for ever and arrive through a signalfd: nothing interrupts anything, and
 * none is lost over the execution of a new binary.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backoff.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/xalloc.h"
#include "instance.h"
#include "master.h"
#include "upgrade.h"

#define MASTER_NAME          "portod-master"
#define SERVER_NAME          "portod"
#define EXITS_NAME           "exits"

#define STOP_TIMEOUT_MS      300000
#define RESTART_DELAY_MAX_MS 5000
/* Between two looks at the channels when zombies come in a flood. */
#define REAP_BATCH           256

enum master_mode {
	MODE_RUN,
	MODE_STOP,    /* end when the server has ended */
	MODE_UPGRADE, /* execute the new binary when the server has ended */
};

struct master {
	const struct master_options *opt;
	char **argv;
	int (*server_main)(void *arg, const struct server_channels *ch);
	void *arg;
	char *exe; /* owned */
	struct instance instance;
	struct exit_queue queue;
	struct backoff backoff;
	int signal_fd;
	enum master_mode mode;
	bool finished;
	int status; /* to return */
	uint64_t start_nsec;
	unsigned starts;

	pid_t server;   /* 0 = none runs */
	int reports_fd; /* our end; -1 without a server */
	bool ready;     /* some server of ours has served */
	uint64_t born_ms;
	uint64_t restart_ms;  /* when to start the next server, while none runs */
	uint64_t deadline_ms; /* when to kill a stopping server; 0 = not stopping */
};

static uint64_t now_ms(void)
{
	return clock_mono_nsec() / NSEC_PER_MSEC;
}

static void log_failure(const char *what, const struct error *err)
{
	char text[ERROR_MESSAGE_MAX];

	log_error("%s: %s", what, error_message(err, text, sizeof(text)));
}

static void fill_signals(sigset_t *set, bool with_child)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1);
	if (with_child)
		sigaddset(set, SIGCHLD);
}

/* ---- the server ---- */

static void enter_server(struct master *m, pid_t master)
{
	sigset_t blocked;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != master)
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, SERVER_NAME);
	log_set_process(SERVER_NAME);
	close_fd(&m->signal_fd);
	close_fd(&m->instance.lock_fd);
	close_fd(&m->instance.state_fd);
	exit_queue_deinit(&m->queue);
	fill_signals(&blocked, false);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static void server_process(struct master *m, pid_t master, int reports_fd)
	__attribute__((noreturn));

static void server_process(struct master *m, pid_t master, int reports_fd)
{
	struct server_channels ch = {
		.listen_fd = m->instance.listen_fd,
		.reports_fd = reports_fd,
		.master_start_nsec = m->start_nsec,
		.server_starts = m->starts,
	};

	enter_server(m, master);
	exit(m->server_main(m->arg, &ch));
}

static int fork_server(struct master *m)
{
	pid_t master = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		log_error("Create the channel of the server: %s", strerror(errno));
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		server_process(m, master, pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		log_error("Fork the server: %s", strerror(errno));
		close(pair[0]);
		return -1;
	}
	m->server = pid;
	m->reports_fd = pair[0];
	return 0;
}

static void plan_restart(struct master *m, uint64_t lived_ms)
{
	unsigned delay = backoff_next(&m->backoff, lived_ms);

	m->restart_ms = now_ms() + delay;
	if (delay)
		log_warning("The next server starts in %u ms", delay);
}

static void start_server(struct master *m)
{
	int r;

	m->starts++;
	m->deadline_ms = 0;
	exit_queue_rewind(&m->queue);
	if (fork_server(m) < 0) {
		plan_restart(m, 0);
		return;
	}
	m->born_ms = now_ms();
	r = instance_write_pid(&m->instance, INSTANCE_SERVER_PID, m->server);
	if (r < 0)
		log_warning("Write " INSTANCE_SERVER_PID ": %s", strerror(-r));
	log_info("Server %d started, the %u. of this master, %zu exit reports waiting", m->server,
		 m->starts, m->queue.count);
}

static void log_server_end(const struct master *m, int status)
{
	enum log_level level = m->mode == MODE_RUN ? LOG_ERROR : LOG_INFO;

	if (WIFSIGNALED(status))
		log_line(level, "Server %d was killed by signal %d (%s)%s", m->server,
			 WTERMSIG(status), strsignal(WTERMSIG(status)),
			 WCOREDUMP(status) ? ", core dumped" : "");
	else
		log_line(level, "Server %d exited with status %d", m->server, WEXITSTATUS(status));
}

static void finish(struct master *m, int status)
{
	m->finished = true;
	m->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void on_server_end(struct master *m, int status)
{
	bool failed_start = m->starts == 1 && !m->ready && WIFEXITED(status) && WEXITSTATUS(status);

	log_server_end(m, status);
	m->server = 0;
	m->deadline_ms = 0;
	close_fd(&m->reports_fd);
	instance_remove_pid(&m->instance, INSTANCE_SERVER_PID);
	if (m->mode == MODE_STOP || (m->mode == MODE_RUN && (failed_start || m->opt->no_restart)))
		finish(m, status);
	else if (m->mode == MODE_RUN)
		plan_restart(m, now_ms() - m->born_ms);
}

static void signal_server(struct master *m, int sig)
{
	/* Not reaped yet, so the pid is the server's even if it is dead. */
	if (m->server)
		kill(m->server, sig);
}

static void stop_server(struct master *m, int sig)
{
	unsigned timeout = m->opt->stop_timeout_ms ? m->opt->stop_timeout_ms : STOP_TIMEOUT_MS;

	signal_server(m, sig);
	if (!m->deadline_ms)
		m->deadline_ms = now_ms() + timeout;
}

/* ---- exit reports ---- */

static uint64_t read_starttime(pid_t pid)
{
	char path[32], stat[1024];
	uint64_t starttime = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_read_small(AT_FDCWD, path, stat, sizeof(stat)) < 0 ||
	    exit_parse_starttime(stat, &starttime) < 0)
		log_warning("Start time of process %d is unknown", (int)pid);
	return starttime;
}

static void send_reports(struct master *m)
{
	const struct exit_report *r;

	while (m->reports_fd >= 0 && (r = exit_queue_next(&m->queue))) {
		if (send(m->reports_fd, r, sizeof(*r), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			exit_queue_sent(&m->queue);
		else if (errno == EPIPE || errno == ECONNRESET)
			close_fd(&m->reports_fd);
		else if (errno != EINTR)
			return; /* Full; poll(2) tells when to go on. */
	}
}

static void receive_acks(struct master *m)
{
	struct exit_ack ack;
	ssize_t n;

	while (m->reports_fd >= 0) {
		n = recv(m->reports_fd, &ack, sizeof(ack), MSG_DONTWAIT);
		if (n == (ssize_t)sizeof(ack)) {
			m->ready = true;
			exit_queue_ack(&m->queue, ack.serial);
		} else if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
			/* The server is ending, or broken; either way SIGCHLD is next. */
			close_fd(&m->reports_fd);
		} else if (n < 0 && errno == EAGAIN) {
			return;
		}
	}
}

static void add_report(struct master *m, pid_t pid, int status)
{
	if (!exit_queue_add(&m->queue, pid, read_starttime(pid), status) &&
	    m->queue.dropped % 10000 == 1)
		log_error("The server takes no exit reports: %llu of the oldest are lost",
			  (unsigned long long)m->queue.dropped);
	send_reports(m);
}

/* siginfo -> wait(2) status */
static int status_of(const siginfo_t *si)
{
	if (si->si_code == CLD_EXITED)
		return (si->si_status & 0xff) << 8;
	return (si->si_status & 0x7f) | (si->si_code == CLD_DUMPED ? 0x80 : 0);
}

static bool reap_one(struct master *m)
{
	siginfo_t si = { 0 };
	bool is_server;

	/* A look only: the pid must stay taken until its report is on the way. */
	if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || !si.si_pid)
		return false;
	is_server = si.si_pid == m->server;
	if (!is_server)
		add_report(m, si.si_pid, status_of(&si));
	waitid(P_PID, (id_t)si.si_pid, &(siginfo_t){ 0 }, WEXITED | WNOHANG);
	if (is_server) {
		receive_acks(m);
		on_server_end(m, status_of(&si));
	}
	return true;
}

/* true if there may be more. */
static bool reap(struct master *m)
{
	int left = REAP_BATCH;

	while (left && reap_one(m))
		left--;
	return !left;
}

static void save_exits(struct master *m)
{
	auto_close int fd = -1;
	int r;

	if (!m->queue.count)
		return;
	fd = openat(m->instance.state_fd, EXITS_NAME,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd < 0 ? -errno : exit_queue_save(&m->queue, fd);
	if (r < 0)
		log_error("Save %zu exit reports: %s", m->queue.count, strerror(-r));
}

static void load_exits(struct master *m)
{
	auto_close int fd = openat(m->instance.state_fd, EXITS_NAME,
				   O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	if (fd < 0 || m->queue.count)
		return;
	r = exit_queue_load(&m->queue, fd);
	if (r < 0)
		log_warning("Load exit reports: %s", strerror(-r));
	unlinkat(m->instance.state_fd, EXITS_NAME, 0);
}

/* ---- upgrade ---- */

static void begin_upgrade(struct master *m)
{
	struct error err = ERROR_INIT;

	if (m->mode != MODE_RUN)
		return;
	if (!m->exe || access(m->exe, X_OK) < 0) {
		log_error("No upgrade: no binary at %s", m->exe ? m->exe : "/proc/self/exe");
		return;
	}
	if (m->opt->probe_option &&
	    upgrade_probe(m->exe, m->argv, m->opt->probe_option, &err) < 0) {
		log_failure("No upgrade", &err);
		return;
	}
	log_info("Upgrade: stopping the server, then executing %s", m->exe);
	m->mode = MODE_UPGRADE;
	if (m->server)
		stop_server(m, SIGTERM);
}

static int save_queue_in_memory(struct master *m)
{
	int fd = memfd_create("portod-exits", MFD_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = exit_queue_save(&m->queue, fd);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* No server runs. Returns only if the new binary could not be executed: the old one goes on. */
static void execute_upgrade(struct master *m)
{
	struct upgrade up = {
		.lock_fd = m->instance.lock_fd,
		.listen_fd = m->instance.listen_fd,
		.queue_fd = save_queue_in_memory(m),
		.start_nsec = m->start_nsec,
		.starts = m->starts,
	};
	struct error err = ERROR_INIT;

	m->mode = MODE_RUN;
	m->restart_ms = now_ms();
	if (up.queue_fd < 0) {
		log_error("No upgrade: save exit reports: %s", strerror(-up.queue_fd));
		return;
	}
	upgrade_exec(m->exe, m->argv, &up, &err);
	log_failure("No upgrade", &err);
	close(up.queue_fd);
}

/* ---- signals and time ---- */

static void begin_stop(struct master *m, int sig)
{
	m->mode = MODE_STOP;
	/* Only a server can destroy containers. */
	if (!m->server && sig == SIGINT)
		start_server(m);
	if (m->server)
		stop_server(m, sig);
	else
		finish(m, 0);
}

static void reopen_log(void)
{
	int r = log_reopen();

	if (r < 0)
		log_warning("Reopen the log: %s", strerror(-r));
}

static void on_signal(struct master *m, int sig)
{
	switch (sig) {
	case SIGTERM:
	case SIGINT:
		log_info("Signal %d: stopping", sig);
		begin_stop(m, sig);
		break;
	case SIGHUP:
		begin_upgrade(m);
		break;
	case SIGUSR1:
		reopen_log();
		signal_server(m, sig);
		break;
	default: /* SIGCHLD: each turn reaps anyway. */
		break;
	}
}

static void receive_signals(struct master *m)
{
	struct signalfd_siginfo si;

	while (!m->finished && read(m->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		on_signal(m, (int)si.ssi_signo);
}

static void act_on_time(struct master *m)
{
	if (m->server) {
		if (m->deadline_ms && now_ms() >= m->deadline_ms) {
			log_error("Server %d does not stop, killing it", m->server);
			signal_server(m, SIGKILL);
			m->deadline_ms = 0;
		}
		return;
	}
	if (m->mode == MODE_UPGRADE)
		execute_upgrade(m);
	if (m->mode == MODE_RUN && now_ms() >= m->restart_ms)
		start_server(m);
}

static int sleep_time_ms(const struct master *m)
{
	uint64_t at = m->server ? m->deadline_ms : m->restart_ms, now = now_ms();

	if (m->server && !at)
		return -1;
	return at > now ? (int)(at - now) : 0;
}

static void sleep_in_poll(struct master *m, bool more)
{
	struct pollfd fds[] = {
		{ .fd = m->signal_fd, .events = POLLIN },
		{ .fd = m->reports_fd, .events = POLLIN },
	};

	if (exit_queue_next(&m->queue))
		fds[1].events |= POLLOUT;
	poll(fds, ARRAY_SIZE(fds), more ? 0 : sleep_time_ms(m));
}

static void run(struct master *m)
{
	bool more;

	for (;;) {
		more = reap(m);
		receive_acks(m);
		send_reports(m);
		if (m->finished)
			return;
		act_on_time(m);
		sleep_in_poll(m, more);
		receive_signals(m);
	}
}

/* ---- start and end ---- */

static void set_oom_score(int adj)
{
	char text[16];
	int r;

	if (!adj)
		return;
	snprintf(text, sizeof(text), "%d", adj);
	r = fd_write_file(AT_FDCWD, "/proc/self/oom_score_adj", text);
	if (r < 0)
		log_warning("Write oom_score_adj %d: %s", adj, strerror(-r));
}

static int set_up_process(struct master *m, struct error *err)
{
	sigset_t signals;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return error_errno(err, errno, "become sub-reaper");
	prctl(PR_SET_NAME, MASTER_NAME);
	log_set_process(MASTER_NAME);
	set_oom_score(m->opt->oom_score_adj);
	fill_signals(&signals, true);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	m->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signal_fd < 0)
		return error_errno(err, errno, "create a signalfd");
	return 0;
}

/* Take over what the previous binary of this process left. */
static int resume(struct master *m, struct upgrade *up, struct error *err)
{
	int r = exit_queue_load(&m->queue, up->queue_fd);

	if (r < 0)
		log_error("Exit reports of before the upgrade are lost: %s", strerror(-r));
	close(up->queue_fd);
	m->start_nsec = up->start_nsec;
	m->starts = up->starts;
	return instance_adopt(&m->instance, m->opt->socket_path, m->opt->state_dir, up->lock_fd,
			      up->listen_fd, err);
}

static int start_afresh(struct master *m, struct error *err)
{
	const struct master_options *opt = m->opt;
	unsigned backlog = opt->backlog ? opt->backlog : SOMAXCONN;

	if (instance_acquire(&m->instance, opt->socket_path, opt->state_dir, backlog, err) < 0)
		return -1;
	load_exits(m);
	return 0;
}

static int set_up_instance(struct master *m, struct error *err)
{
	struct upgrade up;
	int r = -1;

	if (upgrade_receive(&up)) {
		r = resume(m, &up, err);
		if (r < 0) {
			/* The children are still ours: rather lose a few connects than them. */
			log_failure("Resume after an upgrade", err);
			close_fd(&up.lock_fd);
			close_fd(&up.listen_fd);
		}
	}
	if (r < 0 && start_afresh(m, err) < 0)
		return -1;
	r = instance_write_pid(&m->instance, INSTANCE_MASTER_PID, getpid());
	if (r < 0)
		log_warning("Write " INSTANCE_MASTER_PID ": %s", strerror(-r));
	return 0;
}

static void tear_down(struct master *m)
{
	int batches = 64;

	/* What dies from here on goes to init: nobody can know it. */
	while (batches-- && reap(m))
		;
	save_exits(m);
	instance_release(&m->instance);
	close_fd(&m->signal_fd);
	exit_queue_deinit(&m->queue);
	free(m->exe);
}

int master_run(const struct master_options *opt, char **argv,
	       int (*server_main)(void *arg, const struct server_channels *ch), void *arg)
{
	struct master m = {
		.opt = opt,
		.argv = argv,
		.server_main = server_main,
		.arg = arg,
		.instance = INSTANCE_INIT,
		.backoff.max_ms = opt->restart_delay_max_ms,
		.signal_fd = -1,
		.reports_fd = -1,
		.start_nsec = clock_boot_nsec(),
	};
	struct error err = ERROR_INIT;

	if (!m.backoff.max_ms)
		m.backoff.max_ms = RESTART_DELAY_MAX_MS;
	exit_queue_init(&m.queue, EXIT_QUEUE_MAX);
	m.exe = opt->exe ? xstrdup(opt->exe) : upgrade_own_path();
	if (set_up_process(&m, &err) < 0 || set_up_instance(&m, &err) < 0) {
		log_failure("Start", &err);
		free(m.exe);
		close_fd(&m.signal_fd);
		return EXIT_FAILURE;
	}
	run(&m);
	tear_down(&m);
	return m.status;
}
