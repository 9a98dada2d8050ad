/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: what a container uses of the memory. */
#include <stdlib.h>
#include <string.h>

#include "kernel/procfs.h"
#include "props/stat.h"

#define MEMORY_STAT .flags = USAGE_FLAGS, .get = stat_get, .needs = CGROUP_BIT(CGROUP_MEMORY)

const struct prop row_memory_usage = {
	.name = "memory_usage",
	.row = ROW_memory_usage,
	.desc = "memory in use, bytes",
	.doc = "With file cache, and with all containers below. memory.usage_in_bytes,\n"
	       "memory.current. Root container: of the host.",
	.arg = STAT(MEMORY_USAGE),
	MEMORY_STAT,
};

const struct prop row_anon_usage = {
	.name = "anon_usage",
	.row = ROW_anon_usage,
	.desc = "memory that is not file cache, bytes",
	.doc = "Anonymous memory and shared memory. memory.stat.",
	.arg = STAT(ANON_USAGE),
	MEMORY_STAT,
};

const struct prop row_cache_usage = {
	.name = "cache_usage",
	.row = ROW_cache_usage,
	.desc = "file cache, bytes",
	.doc = "Shared memory and locked pages are not in it. memory.stat, active_file and\n"
	       "inactive_file.",
	.arg = STAT(CACHE_USAGE),
	MEMORY_STAT,
};

const struct prop row_shmem_usage = {
	.name = "shmem_usage",
	.row = ROW_shmem_usage,
	.desc = "shared memory, bytes",
	.doc = "Of tmpfs, System V and anonymous shared mappings. memory.stat, shmem.",
	.arg = STAT(SHMEM_USAGE),
	MEMORY_STAT,
};

const struct prop row_mlock_usage = {
	.name = "mlock_usage",
	.row = ROW_mlock_usage,
	.desc = "memory that cannot be reclaimed, bytes",
	.doc = "Locked by mlock(2), SHM_LOCK or in a ramfs. memory.stat, unevictable.",
	.arg = STAT(MLOCK_USAGE),
	MEMORY_STAT,
};

const struct prop row_memory_reclaimed = {
	.name = "memory_reclaimed",
	.row = ROW_memory_reclaimed,
	.desc = "memory the kernel took back so far, bytes",
	.doc = "Since the start. Unified tree: pgsteal of memory.stat. Else pgpgout, which\n"
	       "also counts pages that were freed, and a large page of the cache once: a hint.",
	.arg = STAT(MEMORY_RECLAIMED),
	MEMORY_STAT,
};

const struct prop row_minor_faults = {
	.name = "minor_faults",
	.row = ROW_minor_faults,
	.desc = "page faults without input so far",
	.doc = "memory.stat, pgfault without pgmajfault.",
	.arg = STAT(MINOR_FAULTS),
	MEMORY_STAT,
};

const struct prop row_major_faults = {
	.name = "major_faults",
	.row = ROW_major_faults,
	.desc = "page faults that had to wait for input so far",
	.doc = "memory.stat, pgmajfault.",
	.arg = STAT(MAJOR_FAULTS),
	MEMORY_STAT,
};

const struct prop row_hugetlb_usage = {
	.name = "hugetlb_usage",
	.row = ROW_hugetlb_usage,
	.desc = "huge pages of 2 MiB in use, bytes",
	.doc = "hugetlb.2MB.usage_in_bytes, hugetlb.2MB.current.",
	.flags = USAGE_FLAGS,
	.needs = CGROUP_BIT(CGROUP_HUGETLB),
	.arg = STAT(HUGETLB_USAGE),
	.get = stat_get,
};

/* ---- address spaces ---- */

/* Sorted by key. */
static const struct {
	const char *key;
	size_t offset; /* in struct proc_vm */
} vm_rows[] = {
	{ "anon", offsetof(struct proc_vm, anon) },
	{ "code", offsetof(struct proc_vm, code) },
	{ "count", offsetof(struct proc_vm, count) },
	{ "data", offsetof(struct proc_vm, data) },
	{ "file", offsetof(struct proc_vm, file) },
	{ "huge", offsetof(struct proc_vm, huge) },
	{ "locked", offsetof(struct proc_vm, locked) },
	{ "max_size", offsetof(struct proc_vm, max_size) },
	{ "max_used", offsetof(struct proc_vm, max_used) },
	{ "shmem", offsetof(struct proc_vm, shmem) },
	{ "size", offsetof(struct proc_vm, size) },
	{ "stack", offsetof(struct proc_vm, stack) },
	{ "swap", offsetof(struct proc_vm, swap) },
	{ "table", offsetof(struct proc_vm, table) },
	{ "used", offsetof(struct proc_vm, used) },
};

static uint64_t vm_value(const struct proc_vm *vm, size_t row)
{
	return *(const uint64_t *)(const void *)((const char *)vm + vm_rows[row].offset);
}

static int add_up(const struct prop_ctx *ctx, struct proc_vm *vm, struct error *err)
{
	auto_free pid_t *pids = NULL;
	struct cgroup cg;
	size_t n;

	if (stat_require_groups(ctx->env, err))
		return -1;
	prop_cgroup(ctx->ct, &cg);
	if (cgroup_pids(ctx->env->cgroups, &cg, false, &pids, &n, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		(void)procfs_add_vm(pids[i], vm); /* it may be gone */
	return 0;
}

static int find_vm_row(const char *key, size_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(vm_rows); i++) {
		if (!strcmp(vm_rows[i].key, key)) {
			*ret = i;
			return 0;
		}
	}
	return -1;
}

GETTER(get_virtual_memory)
{
	struct proc_vm vm = { 0 };
	size_t row = 0;

	(void)p;
	if (index && find_vm_row(index, &row) < 0)
		return error_set(err, ERR_INVALID_PROPERTY, "there is no '%.100s' in it", index);
	if (add_up(ctx, &vm, err))
		return -1;
	if (index) {
		type_put_u64(out, vm_value(&vm, row));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(vm_rows); i++) {
		buf_addf(out, "%s%s: ", i ? "; " : "", vm_rows[i].key);
		type_put_u64(out, vm_value(&vm, i));
	}
	return 0;
}

const struct prop row_virtual_memory = {
	.name = "virtual_memory",
	.row = ROW_virtual_memory,
	.desc = "address spaces of the processes, added up, bytes",
	.doc = "Of the container itself, without those below. Map of **count** (processes),\n"
	       "**size**, **max_size**, **used** and **max_used** (resident), **anon**,\n"
	       "**file**, **shmem**, **huge**, **swap**, **data**, **stack**, **code**,\n"
	       "**locked**, **table**; index: one of them. Memory that is shared counts for\n"
	       "each process. /proc/PID/status.",
	.flags = USAGE_FLAGS | PROP_INDEX_GET,
	.get = get_virtual_memory,
};
