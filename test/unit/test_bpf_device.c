/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device program: what it answers, by an interpreter of the few instructions it has, and what
 * the kernel makes of it, in a group of our own on a cgroup2 mount, if there is one and we may.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/xalloc.h"
#include "kernel/bpf_device.h"

/* ---- interpreter ---- */

static uint64_t load_word(const struct bpf_cgroup_dev_ctx *ctx, int16_t off)
{
	uint32_t v;

	assert_true(off >= 0 && off % 4 == 0 && (size_t)off + 4 <= sizeof(*ctx));
	memcpy(&v, (const char *)ctx + off, sizeof(v));
	return v;
}

/* Registers begin as rubbish; each instruction is executed once at most, for there is no loop. */
static uint64_t run(const struct bpf_code *code, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t r[11];

	memset(r, 0xa5, sizeof(r));
	for (size_t pc = 0; pc < code->n; pc++) {
		const struct bpf_insn *i = &code->v[pc];
		uint64_t *dst = &r[i->dst_reg];

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(i->src_reg, 1);
			*dst = load_word(ctx, i->off);
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			*dst = (uint32_t)r[i->src_reg];
			break;
		case BPF_ALU | BPF_MOV | BPF_K:
			*dst = (uint32_t)i->imm;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			*dst = (uint32_t)*dst & (uint32_t)i->imm;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			*dst = (uint32_t)*dst >> i->imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			assert_true(i->off >= 0);
			if (*dst != (uint64_t)(int64_t)i->imm)
				pc += (size_t)i->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return r[0];
		default:
			fail_msg("instruction %zu has code %#x", pc, i->code);
		}
	}
	fail_msg("the program does not end");
	return 0;
}

static bool asks(const char *rules_text, char type, uint32_t major, uint32_t minor,
		 const char *access)
{
	struct device_rules rules = DEVICE_RULES_INIT;
	struct bpf_code code = BPF_CODE_INIT;
	uint32_t bits = (strchr(access, 'r') ? BPF_DEVCG_ACC_READ : 0) |
			(strchr(access, 'w') ? BPF_DEVCG_ACC_WRITE : 0) |
			(strchr(access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0);
	struct bpf_cgroup_dev_ctx ctx = {
		.access_type = bits << 16 |
			       (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = major,
		.minor = minor,
	};
	uint64_t answer;

	assert_int_equal(device_rules_parse(rules_text, &rules), 0);
	bpf_device_compile(&rules, &code);
	answer = run(&code, &ctx);
	bpf_code_deinit(&code);
	device_rules_deinit(&rules);
	assert_true(answer < 2);
	return answer;
}

static void answers(void **state)
{
	static const struct {
		const char *rules;
		char type;
		uint32_t major, minor;
		const char *access;
		bool ok;
	} cases[] = {
		{ "", 'c', 1, 3, "r", false },
		{ "a *:* rwm", 'b', 8, 0, "rwm", true },
		{ "c 1:3 rwm", 'c', 1, 3, "r", true },
		{ "c 1:3 rwm", 'c', 1, 3, "rwm", true },
		{ "c 1:3 rwm", 'b', 1, 3, "r", false },
		{ "c 1:3 rwm", 'c', 1, 5, "r", false },
		{ "c 1:3 rwm", 'c', 2, 3, "r", false },
		{ "c 1:3 r", 'c', 1, 3, "r", true },
		{ "c 1:3 r", 'c', 1, 3, "w", false },
		{ "c 1:3 r", 'c', 1, 3, "rw", false },
		{ "c 1:3 r", 'c', 1, 3, "m", false },
		{ "c 1:3 rw", 'c', 1, 3, "rw", true },
		{ "c 1:3 m", 'c', 1, 3, "m", true },
		{ "c 136:* rw", 'c', 136, 7, "rw", true },
		{ "c 136:* rw", 'c', 137, 7, "rw", false },
		{ "b *:* r", 'b', 259, 1048575, "r", true },
		{ "b *:* r", 'c', 259, 1, "r", false },
		{ "c *:* m\nb 8:* r\nc 10:200 rw", 'c', 10, 200, "rw", true },
		{ "c *:* m\nb 8:* r\nc 10:200 rw", 'c', 10, 200, "m", true },
		{ "c *:* m\nb 8:* r\nc 10:200 rw", 'c', 10, 200, "rwm", false },
		{ "c *:* m\nb 8:* r\nc 10:200 rw", 'b', 8, 16, "r", true },
		{ "c *:* m\nb 8:* r\nc 10:200 rw", 'b', 8, 16, "w", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (asks(cases[i].rules, cases[i].type, cases[i].major, cases[i].minor,
			 cases[i].access) != cases[i].ok)
			fail_msg("'%s': %c %u:%u %s", cases[i].rules, cases[i].type, cases[i].major,
				 cases[i].minor, cases[i].access);
	}
}

/* ---- in the kernel ---- */

#define MOUNTINFO_MAX (16u << 20)

/* A group of our own below the first cgroup2 mount; 0 = there is none, or we may not. */
static int make_group(char *path, size_t size)
{
	auto_free char *text = NULL;
	char *pos, *line, point[256];

	if (geteuid() != 0 ||
	    fd_read_file(AT_FDCWD, "/proc/self/mounts", MOUNTINFO_MAX, &text, NULL) < 0)
		return 0;
	pos = text;
	while ((line = strsep(&pos, "\n"))) {
		char type[32];

		if (sscanf(line, "%*s %255s %31s", point, type) == 2 && !strcmp(type, "cgroup2"))
			break;
	}
	if (!line)
		return 0;
	snprintf(path, size, "%s/porto-test-bpf-%d", point, (int)getpid());
	return mkdir(path, 0755) == 0;
}

static void attach(int group, const char *text)
{
	struct device_rules rules = DEVICE_RULES_INIT;
	struct error err = ERROR_INIT;
	char msg[ERROR_MESSAGE_MAX];

	assert_int_equal(device_rules_parse(text, &rules), 0);
	if (bpf_device_attach(group, &rules, &err))
		fail_msg("%s", error_message(&err, msg, sizeof(msg)));
	device_rules_deinit(&rules);
}

static uint32_t programs(int group)
{
	uint32_t ids[64];
	union bpf_attr attr = { .query = { .target_fd = (uint32_t)group,
					   .attach_type = BPF_CGROUP_DEVICE,
					   .prog_ids = (uint64_t)(uintptr_t)ids,
					   .prog_cnt = 64 } };

	assert_int_equal(syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)), 0);
	return attr.query.prog_cnt;
}

/* What a process in the group finds: a bit for each of open null r, open zero r, open null w,
 * mknod of null, mknod of a disk. */
static int probe(const char *group)
{
	auto_free char *procs = xasprintf("%s/cgroup.procs", group);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		char name[64];
		int bits = 0;

		snprintf(name, sizeof(name), "/tmp/porto-test-bpf-node-%d", (int)getpid());
		if (fd_write_file(AT_FDCWD, procs, "0") < 0)
			_exit(255);
		bits |= open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0 ? 1 : 0;
		bits |= open("/dev/zero", O_RDONLY | O_CLOEXEC) >= 0 ? 2 : 0;
		bits |= open("/dev/null", O_WRONLY | O_CLOEXEC) >= 0 ? 4 : 0;
		bits |= mknod(name, S_IFCHR | 0600, makedev(1, 3)) == 0 ? 8 : 0;
		unlink(name);
		bits |= mknod(name, S_IFBLK | 0600, makedev(8, 0)) == 0 ? 16 : 0;
		unlink(name);
		_exit(bits);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

static void enforced_by_the_kernel(void **state)
{
	char group[512], below[600];
	auto_close int fd = -1, fd_below = -1;

	(void)state;
	if (!make_group(group, sizeof(group)))
		skip(); /* no root, or no writable cgroup2 mount */
	fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!bpf_device_is_supported(fd)) {
		rmdir(group);
		skip(); /* this kernel takes no device programs from us */
	}
	snprintf(below, sizeof(below), "%s/below", group);
	assert_int_equal(mkdir(below, 0755), 0);
	fd_below = open(below, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(probe(group), 31);
	attach(fd, "c 1:3 rwm");
	assert_int_equal(probe(group), 1 | 4 | 8);
	attach(fd, "c 1:3 r\nc 1:5 rw");
	assert_int_equal(probe(group), 1 | 2);
	assert_int_equal(programs(fd), 1);
	/* a group below gets what both allow */
	assert_int_equal(probe(below), 1 | 2);
	attach(fd_below, "a *:* rwm");
	assert_int_equal(probe(below), 1 | 2);
	attach(fd_below, "c 1:5 rwm\nb *:* m");
	assert_int_equal(probe(below), 2);
	attach(fd, "a *:* rwm");
	assert_int_equal(probe(below), 2 | 16);
	assert_int_equal(probe(group), 31);
	attach(fd, "");
	assert_int_equal(probe(group), 0);
	assert_int_equal(programs(fd), 1);
	assert_int_equal(rmdir(below), 0);
	assert_int_equal(rmdir(group), 0);
}

static void many_rules(void **state)
{
	struct device_rules rules = DEVICE_RULES_INIT;
	struct error err = ERROR_INIT;
	struct bpf_code code = BPF_CODE_INIT;
	auto_buf text = BUF_INIT;

	(void)state;
	for (int i = 0; i < BPF_DEVICE_RULES_MAX; i++)
		buf_addf(&text, "c %d:%d r\n", i + 1, i);
	assert_int_equal(device_rules_parse(buf_str(&text), &rules), 0);
	bpf_device_compile(&rules, &code);
	assert_true(code.n < 4096);
	bpf_code_deinit(&code);
	assert_true(asks(buf_str(&text), 'c', BPF_DEVICE_RULES_MAX, BPF_DEVICE_RULES_MAX - 1, "r"));
	rules.n++;
	assert_int_equal(bpf_device_attach(-1, &rules, &err), -1);
	assert_int_equal(err.code, ERR_INVALID_VALUE);
	rules.n--;
	device_rules_deinit(&rules);
}

static void other_file_systems_are_no_groups(void **state)
{
	auto_close int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_false(bpf_device_is_supported(fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(many_rules),
		cmocka_unit_test(other_file_systems_are_no_groups),
		cmocka_unit_test(enforced_by_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
