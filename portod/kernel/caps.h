/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities as 64-bit masks (capabilities(7)), through libcap. Names are without `CAP_`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

#define CAP_BIT(c) (1ULL << (c))

extern const uint64_t caps_default;     /* reference/containers.md §15.1 */
extern const uint64_t caps_root;        /* default + what a root owner gets */
extern const uint64_t caps_need_pid_ns; /* KILL, SYS_PTRACE */
extern const uint64_t caps_need_memory; /* IPC_LOCK */
extern const uint64_t caps_need_net_ns; /* NET_ADMIN */
extern const uint64_t caps_portoinit;

uint64_t caps_all(void); /* 0..cap_last_cap of this kernel */
/* Without "CAP_", any case. 0 or -ENOENT. */
int caps_parse_name(const char *name, uint64_t *ret_bit);
/* "CHOWN;KILL"; ERR_INVALID_VALUE for a name that is unknown. */
int caps_parse(const char *text, uint64_t *ret, struct error *err);
/* Reverse, by ascending number. New string. */
char *caps_format(uint64_t mask);

/* The sets of a process, capabilities(7). */
struct cap_sets {
	uint64_t effective, permitted, inheritable, ambient, bounding;
	bool set_effective, set_permitted; /* exactly as said, else as caps_complete() does */
};

/* Fill in what is not said: root may do all of the bounding set that is in `own`, others have the
 * ambient ones; in effect is what is permitted. */
void caps_complete(struct cap_sets *sets, bool root, uint64_t own);
/*
 * Make these the sets of the calling process, for a new command (reference/containers.md §15.4):
 * change ids with PR_SET_KEEPCAPS set before. `keep` stays permitted besides, until the next
 * execve(2). ERR_PERMISSION names what the process does not have itself, ERR_NOT_SUPPORTED: a
 * kernel without ambient ones. Needs SETPCAP. capset(2), prctl(2) PR_CAP_AMBIENT, PR_CAPBSET_DROP;
 * does not block.
 */
int caps_apply(const struct cap_sets *sets, bool root, uint64_t keep, struct error *err);
/* Make permitted capabilities effective, too. */
int caps_raise(uint64_t mask, struct error *err);
