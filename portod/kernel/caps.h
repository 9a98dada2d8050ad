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
int caps_parse_name(const char *name, uint64_t *ret_bit); /* 0 or -ENOENT; any case */
int caps_parse(const char *text, uint64_t *ret, struct error *err); /* "CHOWN;KILL" */
char *caps_format(uint64_t mask);                                    /* new string */
/* Drop everything outside `mask` from the bounding set (SETPCAP last). Missing ones are fine. */
int caps_set_bounding(uint64_t mask, struct error *err);
/* Inheritable and ambient := mask. */
int caps_set_ambient(uint64_t mask, struct error *err);
/* Effective and permitted of a process that changed to a non-root user. */
int caps_set_effective(uint64_t mask, struct error *err);
