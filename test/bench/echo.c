/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The price of a round trip over a unix socket.
 *
 *   echo serve PATH REPLY          the least a server can do: epoll, one recv, one send per request
 *   echo serve-blocking PATH REPLY without epoll, one client only
 *   echo ask PATH REQUEST N MSEC   N processes ask as fast as they can; prints requests per second
 *   echo replay PATH REQUESTS N    ask each frame of the file in its order, N times over; prints
 * the                                  nanoseconds of a pass, then those of each frame
 *
 * REQUEST and REPLY are files with one whole frame, REQUESTS has several. A request is taken as one
 * recv of any size, which holds for clients that wait for each reply. The same `ask` talks to the
 * daemon and to `serve`, so a ratio of the two rates is the daemon's share alone. `serve` prints
 * "ready" and serves until it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <signal.h>

#define FRAME_MAX   65536
#define CLIENTS_MAX 64

struct blob {
	char data[FRAME_MAX];
	size_t len;
};

#define REPLAY_MAX 64

/* Shared by the asking processes. */
struct shared {
	volatile bool go;
	volatile int ready;
	uint64_t count[CLIENTS_MAX];
};

static void die(const char *what)
{
	fprintf(stderr, "echo: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_nsec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void load(struct blob *b, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		die(path);
	n = read(fd, b->data, sizeof(b->data));
	if (n <= 0)
		die(path);
	b->len = (size_t)n;
	close(fd);
}

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		die(path);
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	return a;
}

/* ---- server ---- */

static int listen_at(const char *path)
{
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 64) < 0)
		die(path);
	printf("ready\n");
	fflush(stdout);
	return fd;
}

/* false = the client left */
static bool answer(int fd, const struct blob *reply)
{
	char buf[4096];

	if (recv(fd, buf, sizeof(buf), 0) <= 0)
		return false;
	return send(fd, reply->data, reply->len, MSG_NOSIGNAL) == (ssize_t)reply->len;
}

static void watch(int ep, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll_ctl");
}

static void serve(const char *path, const struct blob *reply)
{
	int listener = listen_at(path), ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev[64];

	watch(ep, listener);
	for (;;) {
		int n = epoll_wait(ep, ev, 64, -1);

		for (int i = 0; i < n; i++) {
			if (ev[i].data.fd == listener)
				watch(ep,
				      accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
			else if (!answer(ev[i].data.fd, reply))
				close(ev[i].data.fd);
		}
	}
}

static void serve_blocking(const char *path, const struct blob *reply)
{
	int listener = listen_at(path);

	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		while (answer(fd, reply))
			;
		close(fd);
	}
}

/* ---- client ---- */

/* Total size of the frame that starts here, 0 = not known yet. */
static size_t frame_size(const unsigned char *p, size_t len)
{
	size_t size = 0;

	for (size_t i = 0; i < len && i < 5; i++) {
		size |= (size_t)(p[i] & 0x7f) << (7 * i);
		if (!(p[i] & 0x80))
			return size + i + 1;
	}
	return 0;
}

/* Send a frame, take the reply; returns where its body starts, valid until the next call. */
static const char *round_trip(int fd, const char *request, size_t len)
{
	static char buf[FRAME_MAX];
	size_t have = 0, want = 0;
	const char *body = buf;

	if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send");
	do {
		ssize_t n = recv(fd, buf + have, sizeof(buf) - have, 0);

		if (n <= 0)
			die("recv");
		have += (size_t)n;
		if (!want)
			want = frame_size((unsigned char *)buf, have);
	} while (!want || have < want);
	while (*body++ & 0x80)
		;
	return body;
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die(path);
	return fd;
}

static void ask_loop(const char *path, const struct blob *request, struct shared *sh, int me,
		     uint64_t nsec)
{
	int fd = connect_to(path);
	uint64_t count = 0, end;

	for (int i = 0; i < 50; i++)
		round_trip(fd, request->data, request->len);
	__sync_fetch_and_add(&sh->ready, 1);
	while (!sh->go)
		usleep(100);
	/* The clock is read once in a while: it is not what we measure. */
	for (end = now_nsec() + nsec; now_nsec() < end; count += 16)
		for (int i = 0; i < 16; i++)
			round_trip(fd, request->data, request->len);
	sh->count[me] = count;
}

static void ask(const char *path, const struct blob *request, int clients, unsigned msec)
{
	struct shared *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t nsec = (uint64_t)msec * 1000000, sum = 0, start;
	int status, failed = 0;

	if (sh == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < clients; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			ask_loop(path, request, sh, i, nsec);
			_exit(0);
		}
	}
	start = now_nsec();
	while (sh->ready < clients && now_nsec() - start < 10000000000ULL)
		usleep(100);
	sh->go = true;
	while (wait(&status) > 0)
		failed |= status;
	if (failed)
		exit(1);
	for (int i = 0; i < clients; i++)
		sum += sh->count[i];
	printf("%.0f\n", (double)sum * 1e9 / (double)nsec);
}

static void replay(const char *path, const struct blob *requests, unsigned n)
{
	uint64_t nsec[REPLAY_MAX] = { 0 }, start, total;
	int fd = connect_to(path);
	unsigned frames = 0;

	start = now_nsec();
	for (unsigned i = 0; i < n; i++) {
		const char *at = requests->data, *end = at + requests->len;

		for (frames = 0; at < end && frames < REPLAY_MAX; frames++) {
			size_t len = frame_size((const unsigned char *)at, (size_t)(end - at));
			uint64_t before = now_nsec();
			const char *body = round_trip(fd, at, len);

			nsec[frames] += now_nsec() - before;
			/* Field 1 comes first: error, 0 = success. */
			if (body[0] != 8 || body[1] != 0) {
				fprintf(stderr, "echo: request %u failed: error %d\n", frames,
					body[1]);
				exit(1);
			}
			at += len;
		}
	}
	total = now_nsec() - start;
	printf("%.0f", (double)total / n);
	for (unsigned i = 0; i < frames; i++)
		printf(" %.0f", (double)nsec[i] / n);
	printf("\n");
}

static int usage(void)
{
	fprintf(stderr, "usage: echo serve|serve-blocking PATH REPLY | ask PATH REQUEST N MSEC |"
			" replay PATH REQUESTS N\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct blob blob;
	long clients;

	if (argc < 4)
		return usage();
	load(&blob, argv[3]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!strcmp(argv[1], "serve"))
		serve(argv[2], &blob);
	else if (!strcmp(argv[1], "serve-blocking"))
		serve_blocking(argv[2], &blob);
	if (!strcmp(argv[1], "replay") && argc == 5) {
		replay(argv[2], &blob, (unsigned)strtoul(argv[4], NULL, 10));
		return 0;
	}
	if (strcmp(argv[1], "ask") || argc != 6)
		return usage();
	clients = strtol(argv[4], NULL, 10);
	if (clients < 1 || clients > CLIENTS_MAX)
		return usage();
	ask(argv[2], &blob, (int)clients, (unsigned)strtoul(argv[5], NULL, 10));
	return 0;
}
