/* SPDX-License-Identifier: Apache-2.0 */
/* What the two parts of portoinit have in common: its options, and calls without a C library. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define EXIT_USAGE 2

struct options {
	long wait;   /* 0 = hold */
	long record; /* -1 = none */
	long kill;   /* end what the command left behind */
	long gate;   /* to be closed when we have given up our rights, -1 = none */

	/* --join: the channel of kernel/handshake.h, -1 = not this; the rest only with it */
	long join;
	long held;        /* FIFO as of --hold, or -1 */
	long tty;         /* stdin must become the controlling terminal */
	long warnings;    /* to be passed on */
	const char *says; /* "exec NAME", for an error */
	char **command;   /* N PATH… ARGV…; NULL = none */
};

/* The kernel's own signal set: bit n - 1. */
typedef uint64_t mask_t;
#define MASK(sig) (1ULL << ((sig)-1))

/* ---- portoinit.c ---- */
_Noreturn void leave(int code);
_Noreturn void say(int fd, const char *text, int code);
void write_text(int fd, const char *text);
long pid_self(void);
void set_mask(mask_t mask);
bool equal(const char *a, const char *b);
long parse(const char *s); /* decimal, or -1 */
/* Give up all rights for good, but for KILL. */
void keep_cap_kill(void);

/* ---- portoinit_exec.c: what becomes a command ---- */
/* Are there as many words as "N PATH..." says, and one more at least? */
bool is_command(char **command);
/* Wait for a byte from `fd`, then become N PATH... ARGV... */
_Noreturn void hold_command(long fd, char **command);
/* --join: returns in one that waits for o->wait from then on, or holds. */
void join(struct options *o, char **argv);
