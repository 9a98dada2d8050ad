/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities as 64-bit masks (capabilities(7)), through libcap. Names are without `CAP_`.
 */
#pragma once

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

/*
 * Of the calling process; none blocks. Order for a new command (reference/containers.md §15.4):
 * change ids with PR_SET_KEEPCAPS set, then these three.
 */
/* Inheritable and ambient := mask; effective := permitted. ERR_PERMISSION for what the process does
 * not have itself. prctl(2) PR_CAP_AMBIENT, capset(2). */
int caps_set_ambient(uint64_t mask, struct error *err);
/* Drop everything outside `mask` from the bounding set; missing ones are fine. Needs SETPCAP in
 * the effective set. prctl(2) PR_CAPBSET_DROP. */
int caps_set_bounding(uint64_t mask, struct error *err);
/* Permitted and effective := what is permitted of `mask`. capset(2). */
int caps_set_effective(uint64_t mask, struct error *err);
