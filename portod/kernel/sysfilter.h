/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters of system calls (seccomp(2)), from a flat profile to the program the kernel takes, by
 * libseccomp. Only calls of the machine's own architecture pass at all: a 32-bit program under a
 * 64-bit filter is killed, as is whoever tries the other entry into the kernel.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SYSFILTER_ARGS 6

enum sysfilter_verdict {
	SYSFILTER_ALLOW,
	SYSFILTER_ERRNO, /* `value` = the error */
	SYSFILTER_TRACE, /* `value` for the tracer */
	SYSFILTER_LOG,
	SYSFILTER_TRAP,
	SYSFILTER_KILL_PROCESS,
	SYSFILTER_KILL_THREAD,
	_SYSFILTER_VERDICT_COUNT
};

enum sysfilter_compare {
	SYSFILTER_NE,
	SYSFILTER_LT,
	SYSFILTER_LE,
	SYSFILTER_EQ,
	SYSFILTER_GE,
	SYSFILTER_GT,
	SYSFILTER_MASKED_EQ, /* (argument & mask) == value */
	_SYSFILTER_COMPARE_COUNT
};

struct sysfilter_action {
	enum sysfilter_verdict verdict;
	uint16_t value;
};

struct sysfilter_arg {
	unsigned index; /* below SYSFILTER_ARGS, each once in a rule */
	enum sysfilter_compare compare;
	uint64_t value, mask;
};

/* All arguments must be as said. Rules about one call must not contradict each other: libseccomp
 * would take one without arguments, or the last one, and not say so. */
struct sysfilter_rule {
	int syscall; /* of sysfilter_find() */
	struct sysfilter_arg args[SYSFILTER_ARGS];
	size_t nargs;
	struct sysfilter_action action;
};

struct sysfilter_profile {
	struct sysfilter_action otherwise;
	struct sysfilter_rule *rules; /* owned */
	size_t nrules;
};

void sysfilter_profile_deinit(struct sysfilter_profile *p);
/* Number of a call by name (or by number, for those the library does not know yet). -ENOENT. A call
 * that only other architectures have is found, too, and rules about it mean nothing. */
int sysfilter_find(const char *name, int *ret);

struct sysfilter {
	struct sock_filter *v; /* owned */
	size_t n;
};

void sysfilter_deinit(struct sysfilter *f);
/* Takes milliseconds for hundreds of rules. ERR_INVALID_VALUE for too many of them,
 * ERR_NOT_SUPPORTED for verdicts that the kernel does not know. */
int sysfilter_compile(const struct sysfilter_profile *p, struct sysfilter *ret, struct error *err);
/*
 * From now on, for this thread and what it executes; nothing takes it away again, and of several
 * filters the strictest verdict counts. Needs no_new_privs or CAP_SYS_ADMIN in effect. Does not
 * block.
 */
int sysfilter_install(const struct sysfilter *f, struct error *err);
