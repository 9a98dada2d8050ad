/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host's cgroup mounts as ordinary files in a temporary directory: proc/self/mountinfo,
 * proc/self/cgroup and one directory per hierarchy below cg/. Unlike in cgroupfs, files do not
 * appear by themselves, a write does not replace, and rmdir of a directory with files fails: put()
 * what a call needs before it.
 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "kernel/cgroup.h"

struct fake {
	char dir[64];
	struct buf mountinfo;
	struct cgroup_host *host;
	uint32_t disabled; /* for fake_probe() */
};

static inline void fake_put(struct fake *f, const char *path, const char *text)
{
	auto_free char *full = xasprintf("%s/%s", f->dir, path);
	auto_free char *dir = path_dirname(full);

	assert_int_equal(fd_mkdir_p(AT_FDCWD, dir, 0755), 0);
	assert_int_equal(fd_replace_file(AT_FDCWD, full, text, strlen(text), 0644), 0);
}

static inline char *fake_get(struct fake *f, const char *path)
{
	auto_free char *full = xasprintf("%s/%s", f->dir, path);
	char *text = NULL;

	assert_int_equal(fd_read_file(AT_FDCWD, full, 1 << 20, &text, NULL), 0);
	return text;
}

static inline void fake_assert(struct fake *f, const char *path, const char *text)
{
	auto_free char *content = fake_get(f, path);

	assert_string_equal(content, text);
}

static inline bool fake_exists(struct fake *f, const char *path)
{
	auto_free char *full = xasprintf("%s/%s", f->dir, path);

	return access(full, F_OK) == 0;
}

static inline void fake_mkdir(struct fake *f, const char *path)
{
	auto_free char *full = xasprintf("%s/%s", f->dir, path);

	assert_int_equal(fd_mkdir_p(AT_FDCWD, full, 0755), 0);
}

static inline void fake_init(struct fake *f)
{
	*f = (struct fake){ .dir = "/tmp/test_cgroup.XXXXXX" };
	assert_non_null(mkdtemp(f->dir));
	buf_adds(&f->mountinfo, "22 27 0:21 / /proc rw,relatime - proc proc rw\n");
}

/* One mount at cg/<name> ("" = cg itself); v2 when `options` is NULL. */
static inline void fake_mount(struct fake *f, const char *name, const char *options)
{
	auto_free char *dir = xasprintf("cg/%s", name);

	fake_mkdir(f, dir);
	buf_addf(&f->mountinfo, "40 31 0:29 / %s/cg%s%s rw,nosuid shared:9 - %s cgroup rw%s%s\n",
		 f->dir, *name ? "/" : "", name, options ? "cgroup" : "cgroup2", options ? "," : "",
		 options ? options : "");
}

static inline int fake_probe(struct fake *f, const char *prefix, struct error *err)
{
	auto_free char *cgroup_root = xasprintf("%s/cg", f->dir);
	auto_free char *proc_root = xasprintf("%s/proc", f->dir);
	struct cgroup_options opt = {
		.cgroup_root = cgroup_root,
		.proc_root = proc_root,
		.prefix = prefix,
		.freeze_timeout_ms = 50,
		.remove_timeout_ms = 50,
		.disabled = f->disabled,
	};

	fake_put(f, "proc/self/mountinfo", buf_str(&f->mountinfo));
	if (!fake_exists(f, "proc/self/cgroup"))
		fake_put(f, "proc/self/cgroup",
			 "5:name=systemd:/system.slice/portod.service\n0::/\n");
	f->host = cgroup_host_free(f->host);
	return cgroup_host_new(&opt, &f->host, err);
}

static inline void fake_probe_ok(struct fake *f, const char *prefix)
{
	struct error err = ERROR_INIT;
	char msg[ERROR_MESSAGE_MAX];

	if (fake_probe(f, prefix, &err) < 0)
		fail_msg("%s", error_message(&err, msg, sizeof(msg)));
}

static inline void fake_deinit(struct fake *f)
{
	f->host = cgroup_host_free(f->host);
	buf_deinit(&f->mountinfo);
	assert_int_equal(fd_remove_tree(AT_FDCWD, f->dir), 0);
}

/* For cmocka: *state is the fake. */
static inline int fake_setup(void **state)
{
	struct fake *f = xnew(struct fake);

	fake_init(f);
	*state = f;
	return 0;
}

static inline int fake_teardown(void **state)
{
	struct fake *f = *state;

	fake_deinit(f);
	free(f);
	return 0;
}

/* ---- usual hosts ---- */

static inline void fake_v1_knobs(struct fake *f, const char *memory, const char *cpu)
{
	static const char *const memory_files[] = { "memory.limit_in_bytes",
						    "memory.memsw.limit_in_bytes",
						    "memory.usage_in_bytes", "memory.stat" };
	static const char *const cpu_files[] = { "cpu.cfs_quota_us", "cpu.cfs_period_us",
						 "cpu.shares" };

	for (size_t i = 0; i < ARRAY_SIZE(memory_files); i++) {
		auto_free char *path = xasprintf("cg/%s/%s", memory, memory_files[i]);

		fake_put(f, path, "");
	}
	for (size_t i = 0; i < ARRAY_SIZE(cpu_files); i++) {
		auto_free char *path = xasprintf("cg/%s/%s", cpu, cpu_files[i]);

		fake_put(f, path, "");
	}
}

static inline void fake_v1_separate(struct fake *f)
{
	static const char *const names[] = { "memory",  "cpu",     "cpuacct", "cpuset",
					     "freezer", "devices", "blkio",   "pids" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		fake_mount(f, names[i], names[i]);
	fake_mount(f, "systemd", "xattr,name=systemd");
	fake_v1_knobs(f, "memory", "cpu");
	fake_put(f, "cg/cpuacct/cpuacct.usage", "1000000\n");
	fake_put(f, "cg/cpuacct/cpuacct.stat", "user 7\nsystem 3\n");
	fake_put(f, "cg/devices/devices.allow", "");
	fake_put(f, "cg/memory/memory.soft_limit_in_bytes", "");
	fake_put(f, "cg/cpu/cpu.idle", "0\n");
	fake_put(f, "cg/cpu/cpu.rt_runtime_us", "950000\n");
	fake_put(f, "cg/cpuset/cpuset.cpus", "0-3\n");
	fake_put(f, "cg/blkio/blkio.throttle.read_bps_device", "");
	fake_put(f, "cg/blkio/blkio.throttle.read_iops_device", "");
}

static inline void fake_v1_comounted(struct fake *f)
{
	fake_mount(f, "cpu,cpuacct", "cpu,cpuacct");
	fake_mount(f, "memory,blkio", "memory,blkio");
	fake_mount(f, "freezer", "freezer");
	fake_mount(f, "net_cls,net_prio", "net_cls,net_prio");
	fake_mount(f, "systemd", "xattr,name=systemd");
	fake_v1_knobs(f, "memory,blkio", "cpu,cpuacct");
}

static inline void fake_hybrid(struct fake *f)
{
	fake_v1_separate(f);
	fake_mount(f, "unified", NULL);
	fake_put(f, "cg/unified/cgroup.controllers", "hugetlb\n");
	fake_put(f, "cg/unified/cgroup.subtree_control", "");
}

#define FAKE_V2_CONTROLLERS "cpuset cpu io memory hugetlb pids\n"

/* A unified host; `base` is the prefix, whose group has all files already. */
static inline void fake_v2(struct fake *f, const char *base)
{
	static const char *const files[] = {
		"cpu.max",     "cpu.weight",      "memory.max",    "memory.current",
		"memory.stat", "memory.swap.max", "memory.events", "memory.events.local",
		"pids.max",    "pids.current",    "cpu.stat",      "cgroup.freeze"
	};

	fake_mount(f, "", NULL);
	fake_put(f, "cg/cgroup.controllers", FAKE_V2_CONTROLLERS);
	fake_put(f, "cg/cgroup.subtree_control", "");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		auto_free char *path = xasprintf("cg/%s/%s", base, files[i]);

		fake_put(f, path, "");
	}
	for (int i = 0; i < 2; i++) {
		auto_free char *path = xasprintf("cg/%s/cgroup.%s", base,
						 i ? "controllers" : "subtree_control");

		fake_put(f, path, FAKE_V2_CONTROLLERS);
	}
}

/* A container whose levels own what they own by default. */
static inline struct cgroup fake_cgroup(const struct fake *f, const char *name)
{
	struct cgroup cg = { .name = name };

	for (const char *p = name; *p; p++)
		cg.level += p == name || *p == '/';
	for (unsigned i = 1; i <= cg.level; i++)
		cg.owned[i] = cgroup_host_default_controllers(f->host, i);
	return cg;
}
