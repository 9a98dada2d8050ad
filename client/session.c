/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals come through a signalfd, so that nothing happens between two steps of the loop, and the
 * terminal is restored on every way out. The end of the container is an event of the daemon; the
 * pseudo terminal is then read until all of its writers are gone, for the last words.
 */
#include "client/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client/term.h"

#define PUMP_SIZE 16384
/* Somebody outside of the container may hold the pseudo terminal: how long the rest may take. */
#define DRAIN_MS  300

/* Bytes on their way from one descriptor to another. */
struct pump {
	unsigned char data[PUMP_SIZE];
	size_t start, end;
};

struct session {
	struct ctl *ctl;
	const char *name;
	int master;    /* -1: none, or all writers are gone */
	bool stdin_on; /* still worth reading */
	const struct detach_keys *keys;
	size_t matched; /* detach keys seen in a row */
	struct pump in, out;
	bool done;
	struct session_result result;
};

enum { FD_SIGNAL, FD_PORTO, FD_STDIN, FD_MASTER, FD_STDOUT, _FD_COUNT };

static bool parse_key(const char *text, size_t len, unsigned char *ret)
{
	if (len == 1) {
		*ret = (unsigned char)text[0];
		return true;
	}
	if (len == 6 && strncasecmp(text, "ctrl-", 5) == 0 && text[5] >= '@' && text[5] < 0x7f) {
		*ret = (unsigned char)(text[5] & 0x1f);
		return true;
	}
	return false;
}

bool detach_keys_parse(const char *text, struct detach_keys *ret)
{
	size_t len;

	ret->count = 0;
	while (*text) {
		len = strcspn(text, ",");
		if (ret->count == DETACH_KEYS_MAX ||
		    !parse_key(text, len, &ret->keys[ret->count++]))
			return false;
		text += len;
		if (*text == ',' && !*++text)
			return false;
	}
	return true;
}

static void finish(struct session *s, enum session_end end)
{
	if (!s->done)
		s->result.end = end;
	s->done = true;
}

/* ---- The daemon ---- */

/* After a lost connection: a container that is gone sends no events. */
static void check_state(struct session *s)
{
	char *state;
	int r;

	r = porto_get_property(s->ctl->conn, s->name, "state", 0, &state);
	if (r == 0) {
		porto_free_string(state);
		return;
	}
	finish(s, SESSION_LOST);
}

static void on_event(struct porto_subscription *sub, const struct porto_event *event, void *data)
{
	struct session *s = data;

	(void)sub;
	if (s->done)
		return;
	if (!*event->name) {
		if (strcmp(event->state, "resync") == 0)
			check_state(s);
		else
			finish(s, SESSION_LOST);
	} else if (strcmp(event->state, "dead") == 0) {
		s->result.verdict = verdict_get(s->ctl, s->name, event);
		finish(s, SESSION_DEAD);
	} else if (strcmp(event->state, "stopped") == 0 || strcmp(event->state, "destroyed") == 0) {
		finish(s, SESSION_STOPPED);
	}
}

/* ---- Bytes ---- */

static bool pump_empty(const struct pump *p)
{
	return p->start == p->end;
}

/* Read what is there. False: end of file or error. */
static bool pump_read(struct pump *p, int fd)
{
	ssize_t n = read(fd, p->data, sizeof(p->data));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	p->start = 0;
	p->end = (size_t)n;
	return n > 0;
}

static bool pump_write(struct pump *p, int fd)
{
	ssize_t n = write(fd, p->data + p->start, p->end - p->start);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	p->start += (size_t)n;
	return true;
}

/*
 * Take the detach keys out of what was typed. Keys that may begin the sequence are held back, and
 * given when the next one does not go on with it.
 */
static void filter_keys(struct session *s)
{
	unsigned char typed[PUMP_SIZE];
	size_t n = s->in.end, out = 0, i;

	if (s->keys->count == 0)
		return;
	/* Held back keys come in addition: leave room for them. */
	memcpy(typed, s->in.data, n);
	for (i = 0; i < n; i++) {
		if (typed[i] == s->keys->keys[s->matched]) {
			if (++s->matched < s->keys->count)
				continue;
			finish(s, SESSION_DETACHED);
			break;
		}
		memcpy(s->in.data + out, s->keys->keys, s->matched);
		out += s->matched;
		s->matched = 0;
		if (typed[i] == s->keys->keys[0] && s->keys->count > 1)
			s->matched = 1;
		else
			s->in.data[out++] = typed[i];
	}
	s->in.end = out;
}

static void read_stdin(struct session *s)
{
	/* Room for keys held back before. */
	ssize_t n = read(STDIN_FILENO, s->in.data, sizeof(s->in.data) - DETACH_KEYS_MAX);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		s->stdin_on = false;
		return;
	}
	s->in.start = 0;
	s->in.end = (size_t)n;
	filter_keys(s);
}

/* Nothing more to come from it, nobody left to take anything. */
static void drop_master(struct session *s)
{
	s->master = -1;
	s->in.start = s->in.end = 0;
}

static void write_stdout(struct session *s)
{
	if (pump_write(&s->out, STDOUT_FILENO))
		return;
	/* Nobody reads: as a program would that writes there itself. */
	s->result.signal = SIGPIPE;
	finish(s, SESSION_SIGNAL);
}

/* ---- The loop ---- */

static void read_signal(struct session *s, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH) {
		if (s->master >= 0)
			pty_resize(s->master, STDIN_FILENO);
		return;
	}
	s->result.signal = (int)info.ssi_signo;
	finish(s, SESSION_SIGNAL);
}

static void fill_poll(const struct session *s, struct pollfd *fds, int signal_fd)
{
	bool pty = s->master >= 0;

	fds[FD_SIGNAL] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
	fds[FD_PORTO] = (struct pollfd){ .fd = porto_fd(s->ctl->conn), .events = POLLIN };
	/* One buffer each way: read on when the last read is written. */
	fds[FD_STDIN] = (struct pollfd){
		.fd = pty && s->stdin_on && pump_empty(&s->in) ? STDIN_FILENO : -1,
		.events = POLLIN,
	};
	fds[FD_MASTER] = (struct pollfd){
		.fd = pty && (pump_empty(&s->out) || !pump_empty(&s->in)) ? s->master : -1,
		.events = (short)((pump_empty(&s->out) ? POLLIN : 0) |
				  (pump_empty(&s->in) ? 0 : POLLOUT)),
	};
	fds[FD_STDOUT] = (struct pollfd){
		.fd = pump_empty(&s->out) ? -1 : STDOUT_FILENO,
		.events = POLLOUT,
	};
}

static void handle_master(struct session *s, short revents)
{
	if ((revents & POLLOUT) && !pump_empty(&s->in) && !pump_write(&s->in, s->master)) {
		drop_master(s);
		return;
	}
	/* POLLHUP comes with the last bytes still to be read. */
	if ((revents & (POLLIN | POLLHUP | POLLERR)) && pump_empty(&s->out) &&
	    !pump_read(&s->out, s->master))
		drop_master(s);
}

static void loop(struct session *s, int signal_fd)
{
	struct pollfd fds[_FD_COUNT];
	int r;

	while (!s->done) {
		fill_poll(s, fds, signal_fd);
		if (poll(fds, _FD_COUNT, -1) < 0) {
			if (errno == EINTR)
				continue;
			finish(s, SESSION_LOST);
			return;
		}
		if (fds[FD_SIGNAL].revents)
			read_signal(s, signal_fd);
		if (fds[FD_STDOUT].revents)
			write_stdout(s);
		if (fds[FD_STDIN].revents)
			read_stdin(s);
		if (fds[FD_MASTER].revents)
			handle_master(s, fds[FD_MASTER].revents);
		if (!fds[FD_PORTO].revents)
			continue;
		/* While the daemon is restarting we stay; it tells when it is back. */
		r = porto_dispatch(s->ctl->conn, NULL);
		if (r != 0 && r != PORTO_E_SOCKET_UNAVAILABLE)
			finish(s, SESSION_LOST);
	}
}

/* The last words. */
static void drain(struct session *s)
{
	struct pollfd fds = { .events = POLLIN };

	while (s->master >= 0) {
		while (!pump_empty(&s->out))
			if (!pump_write(&s->out, STDOUT_FILENO))
				return;
		fds.fd = s->master;
		if (poll(&fds, 1, DRAIN_MS) <= 0)
			break;
		if (!pump_read(&s->out, s->master))
			drop_master(s);
	}
	while (!pump_empty(&s->out))
		if (!pump_write(&s->out, STDOUT_FILENO))
			return;
}

static int open_signals(sigset_t *ret_old)
{
	static const struct sigaction ignore = { .sa_handler = SIG_IGN };
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, ret_old);
	/* A closed pipe must not end us before the terminal is restored: writing tells. */
	sigaction(SIGPIPE, &ignore, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

struct session_result session_run(struct ctl *ctl, const char *name, int master,
				  const struct detach_keys *keys)
{
	const char *const names[] = { name, NULL };
	struct session *s = xrealloc(NULL, 1, sizeof(*s));
	struct session_result result;
	struct porto_subscription *sub = NULL;
	struct term term = TERM_INIT;
	sigset_t old;
	int signal_fd;

	memset(s, 0, sizeof(*s));
	s->ctl = ctl;
	s->name = name;
	s->master = master;
	s->keys = keys;
	s->stdin_on = true;
	signal_fd = open_signals(&old);
	if (porto_subscribe(ctl->conn, names, NULL, NULL, PORTO_FOREVER, on_event, s, &sub) != 0) {
		ctl_error(ctl, "Can't wait for container");
		finish(s, SESSION_LOST);
	} else {
		if (master >= 0)
			(void)term_raw(&term, STDIN_FILENO);
		loop(s, signal_fd);
		if (s->result.end != SESSION_SIGNAL && s->result.end != SESSION_DETACHED)
			drain(s);
		term_restore(&term);
	}
	close(signal_fd);
	/* From here on signals end us, however long the daemon takes to answer. */
	sigprocmask(SIG_SETMASK, &old, NULL);
	porto_unsubscribe(sub);
	result = s->result;
	free(s);
	return result;
}
