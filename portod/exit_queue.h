/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exit reports that the master keeps until the server has stored them.
 *
 * A first-in-first-out queue of numbered reports with a mark between what was sent to the present
 * server and what was not. A new server starts at the front again. It can be written to a
 * descriptor and read back, to survive the execution of a new binary. Memory: 24 bytes per report.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Master -> server, fixed size, on a SOCK_SEQPACKET pair. */
struct exit_report {
	uint64_t serial;    /* increasing; what is acknowledged */
	uint64_t starttime; /* field 22 of /proc/PID/stat, clock ticks since boot; 0 = unknown */
	int32_t pid;        /* in the master's pid namespace */
	int32_t status;     /* wait(2) status */
};

/* Server -> master: everything up to and including `serial` is stored. Serial 0 acknowledges
 * nothing and says that the server is ready. */
struct exit_ack {
	uint64_t serial;
};

/*
 * One report per process that ended while no server took reports, so only a server that is away
 * for long, with something forking orphans all the time, gets here.
 */
#define EXIT_QUEUE_MAX (1U << 20)

struct exit_queue {
	struct exit_report *ring; /* owned; `size` slots, a power of two */
	size_t size, head, count;
	size_t sent; /* of `count`, from the head */
	size_t max;
	uint64_t next_serial; /* from 1 */
	uint64_t dropped;     /* oldest reports lost to `max` */
};

/* `max` is a power of two, for example EXIT_QUEUE_MAX. */
void exit_queue_init(struct exit_queue *q, size_t max);
void exit_queue_deinit(struct exit_queue *q);

/* false when the oldest report had to go. */
bool exit_queue_add(struct exit_queue *q, pid_t pid, uint64_t starttime, int status);
/* Forget everything up to and including `serial`. */
void exit_queue_ack(struct exit_queue *q, uint64_t serial);
/* A new server: nothing is sent. */
void exit_queue_rewind(struct exit_queue *q);
/* The next report to send, NULL if all are sent. Valid until the queue changes. */
const struct exit_report *exit_queue_next(const struct exit_queue *q);
/* What exit_queue_next() returned is in the channel. */
void exit_queue_sent(struct exit_queue *q);

/* Write everything at the descriptor's position; 0 or -errno. */
int exit_queue_save(const struct exit_queue *q, int fd);
/* Read it back into an initialised empty queue; serials go on. 0, -EINVAL (not ours) or -errno. */
int exit_queue_load(struct exit_queue *q, int fd);

/* Start time (field 22) out of the text of /proc/PID/stat; 0 or -EINVAL. The process name may
 * contain anything, blanks and brackets included. */
int exit_parse_starttime(const char *stat, uint64_t *ret);
