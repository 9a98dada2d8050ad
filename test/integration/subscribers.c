/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many connections that each hold an AsyncWait, in one process:
 *
 *     subscribers SOCKET COUNT MASK LABELS EVENTS
 *
 * connects COUNT times and waits for MASK ("%d" becomes the number of the connection) and the
 * label mask "LOAD.*". Prints "ready" when all are subscribed. Then expects on each connection,
 * for each of the labels LOAD.0 … LOAD.<LABELS-1>, the values 1 … EVENTS in this order. Prints
 * "lost N doubled N other N of N" when each has seen the last value of every label.
 *
 * The messages are taken apart by hand: it must not share code with the daemon.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LABELS_MAX 16

struct sub {
	int fd;
	size_t len;
	unsigned char buf[65536];
	unsigned last[LABELS_MAX]; /* value of each label */
	int done;                  /* labels whose last value was seen */
	int subscribed;
};

static int nlabels, nevents;
static unsigned long lost, doubled, other, total;

static void fail(const char *what)
{
	printf("failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

static size_t put_text(unsigned char *out, int field, const char *text)
{
	size_t len = strlen(text);

	out[0] = (unsigned char)(field << 3 | 2);
	out[1] = (unsigned char)len;
	memcpy(out + 2, text, len);
	return len + 2;
}

static void subscribe(struct sub *s, const char *path, const char *mask)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	unsigned char body[200], frame[256];
	size_t n;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&addr, sizeof(addr)))
		fail("connect");
	n = put_text(body, 1, mask);
	n += put_text(body + n, 3, "LOAD.*");
	frame[0] = (unsigned char)(n + 3); /* field 19, a message */
	frame[1] = 0x9a;
	frame[2] = 0x01;
	frame[3] = (unsigned char)n;
	memcpy(frame + 4, body, n);
	if (write(s->fd, frame, n + 4) != (ssize_t)(n + 4))
		fail("write");
}

static int varint(const unsigned char *p, size_t len, size_t *pos, uint64_t *ret)
{
	*ret = 0;
	for (int shift = 0; *pos < len && shift < 64; shift += 7) {
		*ret |= (uint64_t)(p[*pos] & 0x7f) << shift;
		if (p[(*pos)++] < 0x80)
			return 1;
	}
	return 0;
}

/* Next field of a message; text of a length-delimited one. */
static int next_field(const unsigned char *p, size_t len, size_t *pos, unsigned *ret_field,
		      const unsigned char **ret_text, size_t *ret_len)
{
	uint64_t tag, v;

	if (*pos >= len || !varint(p, len, pos, &tag) || !varint(p, len, pos, &v))
		return 0;
	*ret_field = (unsigned)(tag >> 3);
	*ret_text = NULL;
	*ret_len = 0;
	if ((tag & 7) == 2) {
		*ret_text = p + *pos;
		*ret_len = v;
		*pos += v;
	}
	return 1;
}

static void on_event(struct sub *s, const unsigned char *p, size_t len)
{
	const unsigned char *text;
	unsigned field, label = LABELS_MAX, value = 0;
	size_t pos = 0, n;
	char copy[32];

	while (next_field(p, len, &pos, &field, &text, &n)) {
		snprintf(copy, sizeof(copy), "%.*s", (int)n, text ? (const char *)text : "");
		if (field == 4 && strncmp(copy, "LOAD.", 5) == 0)
			label = (unsigned)atoi(copy + 5);
		if (field == 5)
			value = (unsigned)atoi(copy);
	}
	total++;
	if (label >= (unsigned)nlabels || !value) {
		other++;
		return;
	}
	if (value <= s->last[label])
		doubled++;
	else
		lost += value - s->last[label] - 1;
	s->last[label] = value;
	if (value == (unsigned)nevents)
		s->done++;
}

static void on_frame(struct sub *s, const unsigned char *p, size_t len)
{
	const unsigned char *text;
	size_t pos = 0, n;
	unsigned field;

	while (next_field(p, len, &pos, &field, &text, &n)) {
		if (field == 19) {
			on_event(s, text, n);
			return;
		}
	}
	s->subscribed = 1; /* the reply */
}

/* Read what is there; frames of at most some 100 bytes are expected. */
static void on_input(struct sub *s)
{
	ssize_t n = recv(s->fd, s->buf + s->len, sizeof(s->buf) - s->len, 0);
	size_t pos = 0;

	if (n <= 0)
		fail("recv");
	s->len += (size_t)n;
	for (;;) {
		size_t at = pos;
		uint64_t len;

		if (!varint(s->buf, s->len, &at, &len) || at + len > s->len)
			break;
		on_frame(s, s->buf + at, len);
		pos = at + len;
	}
	memmove(s->buf, s->buf + pos, s->len - pos);
	s->len -= pos;
}

static void run_until(struct sub *subs, int count, int ep, int events)
{
	struct epoll_event ready[256];
	int open = count;

	while (open > 0) {
		int n = epoll_wait(ep, ready, 256, -1);

		for (int i = 0; i < n; i++) {
			struct sub *s = &subs[ready[i].data.u32];
			int before = events ? s->done >= nlabels : s->subscribed;

			on_input(s);
			if (!before && (events ? s->done >= nlabels : s->subscribed))
				open--;
		}
	}
}

int main(int argc, char **argv)
{
	int count = argc == 6 ? atoi(argv[2]) : 0, ep = epoll_create1(EPOLL_CLOEXEC);
	struct sub *subs = calloc((size_t)count + 1, sizeof(*subs));
	struct epoll_event ev = { .events = EPOLLIN };
	char mask[100];

	if (count < 1 || ep < 0 || !subs)
		return 2;
	nlabels = atoi(argv[4]);
	nevents = atoi(argv[5]);
	for (int i = 0; i < count; i++) {
		char *number = strstr(argv[3], "%d");

		snprintf(mask, sizeof(mask), "%s", argv[3]);
		if (number)
			snprintf(mask, sizeof(mask), "%.*s%d%s", (int)(number - argv[3]), argv[3],
				 i, number + 2);
		subscribe(&subs[i], argv[1], mask);
		ev.data.u32 = (uint32_t)i;
		epoll_ctl(ep, EPOLL_CTL_ADD, subs[i].fd, &ev);
	}
	run_until(subs, count, ep, 0);
	printf("ready\n");
	fflush(stdout);
	run_until(subs, count, ep, 1);
	printf("lost %lu doubled %lu other %lu of %lu\n", lost, doubled, other, total);
	return 0;
}
