/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices controller of the unified tree: a program that the kernel asks at each open and
 * mknod of a device node (BPF_PROG_TYPE_CGROUP_DEVICE, Linux 4.15). Programs of a group and of all
 * groups above it must agree, so a group cannot allow more than its ancestors.
 *
 * bpf(2) directly, with a dozen instructions of our own making: no library and no compiler.
 * Kernel documents: admin-guide/cgroup-v2.rst "Device controller", bpf(2).
 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>

#include "base/error.h"
#include "kernel/device.h"

/* The program stays below 4096 instructions, all that kernels before 5.2 take. */
#define BPF_DEVICE_RULES_MAX 500

struct bpf_code {
	struct bpf_insn *v; /* owned */
	size_t n;
};

#define BPF_CODE_INIT \
	{             \
		0     \
	}

void bpf_code_deinit(struct bpf_code *c);
/* Pure. Access needs one rule that allows all of it, as on version 1. */
void bpf_device_compile(const struct device_rules *rules, struct bpf_code *ret);
/* Is the group a version 2 one, and may we load and attach such programs? Does not block. */
bool bpf_device_is_supported(int cgroup_fd);
/*
 * Make the rules those of the group: the program that we attached before is replaced, programs of
 * others stay. Does not block. ERR_NOT_SUPPORTED where the kernel has no such programs,
 * ERR_INVALID_VALUE for too many rules.
 */
int bpf_device_attach(int cgroup_fd, const struct device_rules *rules, struct error *err);
