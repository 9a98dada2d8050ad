/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/bpf_device.h"

#include <errno.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/xalloc.h"

#ifndef CGROUP2_SUPER_MAGIC
#define CGROUP2_SUPER_MAGIC 0x63677270
#endif

#define PROG_NAME    "porto_devices" /* at most 15 bytes */
#define PROGRAMS_MAX 64              /* the kernel's limit for one group */

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	int r = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : r;
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* ---- the program ---- */

void bpf_code_deinit(struct bpf_code *c)
{
	free(c->v);
	*c = (struct bpf_code)BPF_CODE_INIT;
}

static void emit(struct bpf_code *c, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
		 int32_t imm)
{
	c->v[c->n++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .off = off, .imm = imm
	};
}

/* Registers of the program, which gets the context in r1 and answers in r0. */
enum { RESULT, CONTEXT, ACCESS, TYPE, MAJOR, MINOR, SCRATCH };

#define FIELD_OF(f)   ((int16_t)offsetof(struct bpf_cgroup_dev_ctx, f))

#define PROLOGUE_LEN  6
#define RULE_LEN      8
#define EPILOGUE_LEN  2

#define LOAD          (BPF_LDX | BPF_MEM | BPF_W)
#define JUMP_UNLESS   (BPF_JMP | BPF_JNE | BPF_K)
#define ALU32(op, by) (BPF_ALU | (op) | (by))

/* access_type is the type in the lower half and what is asked for in the upper one. */
static void emit_prologue(struct bpf_code *c)
{
	emit(c, LOAD, TYPE, CONTEXT, FIELD_OF(access_type), 0);
	emit(c, ALU32(BPF_MOV, BPF_X), ACCESS, TYPE, 0, 0);
	emit(c, ALU32(BPF_AND, BPF_K), TYPE, 0, 0, 0xffff);
	emit(c, ALU32(BPF_RSH, BPF_K), ACCESS, 0, 0, 16);
	emit(c, LOAD, MAJOR, CONTEXT, FIELD_OF(major), 0);
	emit(c, LOAD, MINOR, CONTEXT, FIELD_OF(minor), 0);
}

static void emit_return(struct bpf_code *c, bool allowed)
{
	emit(c, ALU32(BPF_MOV, BPF_K), RESULT, 0, 0, allowed);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int32_t access_bits(unsigned access)
{
	return (access & DEVICE_READ ? BPF_DEVCG_ACC_READ : 0) |
	       (access & DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
	       (access & DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0);
}

/* Each test leads to the next rule if it fails; where is known only when the last one is there. */
static void emit_rule(struct bpf_code *c, const struct device_rule *rule)
{
	size_t first = c->n;

	emit(c, JUMP_UNLESS, TYPE, 0, 0,
	     rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if ((rule->access & DEVICE_RWM) != DEVICE_RWM) {
		emit(c, ALU32(BPF_MOV, BPF_X), SCRATCH, ACCESS, 0, 0);
		emit(c, ALU32(BPF_AND, BPF_K), SCRATCH, 0, 0, ~access_bits(rule->access));
		emit(c, JUMP_UNLESS, SCRATCH, 0, 0, 0);
	}
	if (rule->major != DEVICE_ANY)
		emit(c, JUMP_UNLESS, MAJOR, 0, 0, rule->major);
	if (rule->minor != DEVICE_ANY)
		emit(c, JUMP_UNLESS, MINOR, 0, 0, rule->minor);
	emit_return(c, true);
	for (size_t i = first; i < c->n; i++) {
		if (c->v[i].code == JUMP_UNLESS)
			c->v[i].off = (int16_t)(c->n - i - 1);
	}
}

void bpf_device_compile(const struct device_rules *rules, struct bpf_code *ret)
{
	struct bpf_code c = BPF_CODE_INIT;

	c.v = xnew_array(struct bpf_insn, PROLOGUE_LEN + rules->n * RULE_LEN + EPILOGUE_LEN);
	emit_prologue(&c);
	for (size_t i = 0; i < rules->n && !rules->all; i++)
		emit_rule(&c, &rules->v[i]);
	emit_return(&c, rules->all);
	*ret = c;
}

/* ---- loading and attaching ---- */

/* A descriptor of the program or -errno. */
static int load(const struct bpf_code *code)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = pointer(code->v),
		.insn_cnt = (uint32_t)code->n,
		.license = pointer("Apache-2.0"),
		.prog_name = PROG_NAME,
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

static int attach(int cgroup, int prog, int replaced)
{
	union bpf_attr attr = {
		.target_fd = (uint32_t)cgroup,
		.attach_bpf_fd = (uint32_t)prog,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};

	if (replaced >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced;
	}
	return bpf(BPF_PROG_ATTACH, &attr);
}

static int detach(int cgroup, int prog)
{
	union bpf_attr attr = {
		.target_fd = (uint32_t)cgroup,
		.attach_bpf_fd = (uint32_t)prog,
		.attach_type = BPF_CGROUP_DEVICE,
	};

	return bpf(BPF_PROG_DETACH, &attr);
}

/* Ids of the programs attached to this very group. */
static int query(int cgroup, uint32_t ids[PROGRAMS_MAX], uint32_t *ret_n)
{
	union bpf_attr attr = { 0 };
	int r;

	attr.query.target_fd = (uint32_t)cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = pointer(ids);
	attr.query.prog_cnt = PROGRAMS_MAX;
	r = bpf(BPF_PROG_QUERY, &attr);

	*ret_n = r < 0 ? 0 : attr.query.prog_cnt;
	return r;
}

/* A descriptor of the program if we made it, else -errno. */
static int open_ours(uint32_t id)
{
	union bpf_attr attr = { .prog_id = id };
	struct bpf_prog_info info = { 0 };
	auto_close int fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	int r;

	if (fd < 0)
		return fd;
	attr = (union bpf_attr){ 0 };
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = pointer(&info);
	r = bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
	if (r < 0)
		return r;
	return strcmp(info.name, PROG_NAME) == 0 ? take_fd(&fd) : -ENOENT;
}

/*
 * Before 5.6 there is no replacing: then both are there for a moment, or for good if we are killed
 * in between, and allow what both allow, until the next change finds two.
 */
static int put(int cgroup, int prog)
{
	uint32_t ids[PROGRAMS_MAX], n;
	int r = query(cgroup, ids, &n);
	bool done = false;

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++) {
		auto_close int old = open_ours(ids[i]);

		if (old < 0)
			continue;
		if (!done) {
			r = attach(cgroup, prog, old);
			done = r == 0;
			if (done)
				continue;
			if (r != -EINVAL)
				return r;
			r = attach(cgroup, prog, -1);
			if (r < 0)
				return r;
			done = true;
		}
		r = detach(cgroup, old);
		if (r < 0)
			return r;
	}
	return done ? 0 : attach(cgroup, prog, -1);
}

static bool is_version_2(int cgroup)
{
	struct statfs fs;

	return fstatfs(cgroup, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

bool bpf_device_is_supported(int cgroup_fd)
{
	static const struct device_rules none = DEVICE_RULES_INIT;
	_cleanup_(bpf_code_deinit) struct bpf_code code = BPF_CODE_INIT;
	uint32_t ids[PROGRAMS_MAX], n;
	auto_close int prog = -1;

	if (!is_version_2(cgroup_fd))
		return false;
	bpf_device_compile(&none, &code);
	prog = load(&code);
	return prog >= 0 && query(cgroup_fd, ids, &n) == 0;
}

int bpf_device_attach(int cgroup_fd, const struct device_rules *rules, struct error *err)
{
	_cleanup_(bpf_code_deinit) struct bpf_code code = BPF_CODE_INIT;
	auto_close int prog = -1;
	int r;

	if (rules->n > BPF_DEVICE_RULES_MAX)
		return error_set(err, ERR_INVALID_VALUE, "%zu device rules, the limit is %d",
				 rules->n, BPF_DEVICE_RULES_MAX);
	bpf_device_compile(rules, &code);
	prog = load(&code);
	if (prog == -EINVAL || prog == -ENOSYS)
		return error_sys(err, ERR_NOT_SUPPORTED, -prog,
				 "load a device program for the cgroup");
	if (prog < 0)
		return error_errno(err, -prog, "load a device program for the cgroup");
	r = put(cgroup_fd, prog);
	return r < 0 ? error_errno(err, -r, "attach a device program to the cgroup") : 0;
}
