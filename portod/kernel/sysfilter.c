/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/sysfilter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/xalloc.h"

#define NUMBER_MAX   100000 /* of a call; the tables end far below */
#define MANY_RULES   32     /* from here on a tree of comparisons is quicker than a list */
#define OPTIMIZE_BIN 2      /* seccomp_attr_set(3) */

void sysfilter_profile_deinit(struct sysfilter_profile *p)
{
	free(p->rules);
	*p = (struct sysfilter_profile){ 0 };
}

void sysfilter_deinit(struct sysfilter *f)
{
	free(f->v);
	*f = (struct sysfilter){ 0 };
}

int sysfilter_find(const char *name, int *ret)
{
	uint64_t number;
	int nr;

	if (*name && !name[strspn(name, "0123456789")]) {
		if (num_parse_u64(name, &number) < 0 || number > NUMBER_MAX)
			return -ENOENT;
		*ret = (int)number;
		return 0;
	}
	nr = seccomp_syscall_resolve_name(name);
	if (nr == __NR_SCMP_ERROR)
		return -ENOENT;
	*ret = nr;
	return 0;
}

static uint32_t native_action(const struct sysfilter_action *a)
{
	switch (a->verdict) {
	case SYSFILTER_ALLOW:
		return SCMP_ACT_ALLOW;
	case SYSFILTER_ERRNO:
		return SCMP_ACT_ERRNO(a->value);
	case SYSFILTER_TRACE:
		return SCMP_ACT_TRACE(a->value);
	case SYSFILTER_LOG:
		return SCMP_ACT_LOG;
	case SYSFILTER_TRAP:
		return SCMP_ACT_TRAP;
	case SYSFILTER_KILL_PROCESS:
		return SCMP_ACT_KILL_PROCESS;
	case SYSFILTER_KILL_THREAD:
	case _SYSFILTER_VERDICT_COUNT:
		break;
	}
	return SCMP_ACT_KILL_THREAD;
}

static struct scmp_arg_cmp native_arg(const struct sysfilter_arg *a)
{
	static const enum scmp_compare ops[_SYSFILTER_COMPARE_COUNT] = {
		[SYSFILTER_NE] = SCMP_CMP_NE, [SYSFILTER_LT] = SCMP_CMP_LT,
		[SYSFILTER_LE] = SCMP_CMP_LE, [SYSFILTER_EQ] = SCMP_CMP_EQ,
		[SYSFILTER_GE] = SCMP_CMP_GE, [SYSFILTER_GT] = SCMP_CMP_GT,
	};

	if (a->compare == SYSFILTER_MASKED_EQ)
		return (struct scmp_arg_cmp){ .arg = a->index,
					      .op = SCMP_CMP_MASKED_EQ,
					      .datum_a = a->mask,
					      .datum_b = a->value };
	return (struct scmp_arg_cmp){ .arg = a->index, .op = ops[a->compare], .datum_a = a->value };
}

static int add_rule(scmp_filter_ctx ctx, const struct sysfilter_rule *rule, uint32_t otherwise,
		    struct error *err)
{
	uint32_t action = native_action(&rule->action);
	struct scmp_arg_cmp args[SYSFILTER_ARGS];
	char *name;
	int r;

	if (action == otherwise) /* the library takes it for a mistake */
		return 0;
	for (size_t i = 0; i < rule->nargs; i++)
		args[i] = native_arg(&rule->args[i]);
	r = seccomp_rule_add_array(ctx, action, rule->syscall, (unsigned)rule->nargs, args);
	if (r == 0)
		return 0;
	name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, rule->syscall);
	error_sys(err, r == -EINVAL ? ERR_NOT_SUPPORTED : ERR_INVALID_VALUE, -r,
		  "add a rule about %s to the seccomp filter", name ? name : "a system call");
	free(name);
	return -1;
}

/* The library writes to a descriptor only. */
static int export(scmp_filter_ctx ctx, struct sysfilter *ret, struct error *err)
{
	auto_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
	struct stat st;
	size_t n;
	int r;

	if (fd < 0)
		return error_errno(err, errno, "make a file for the seccomp filter");
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return error_errno(err, -r, "make the seccomp filter");
	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(err, errno, "read the seccomp filter");
	n = (size_t)st.st_size / sizeof(*ret->v);
	if (n == 0 || n > BPF_MAXINSNS)
		return error_set(err, ERR_INVALID_VALUE,
				 "the seccomp filter has %zu instructions, the limit is %d", n,
				 BPF_MAXINSNS);
	ret->v = xnew_array(struct sock_filter, n);
	ret->n = n;
	r = fd_read_all(fd, ret->v, n * sizeof(*ret->v));
	if (r == 0)
		return 0;
	sysfilter_deinit(ret);
	return error_errno(err, -r, "read the seccomp filter");
}

static int fill(scmp_filter_ctx ctx, const struct sysfilter_profile *p, uint32_t otherwise,
		struct error *err)
{
	if (p->nrules > MANY_RULES)
		(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, OPTIMIZE_BIN);
	for (size_t i = 0; i < p->nrules; i++) {
		if (add_rule(ctx, &p->rules[i], otherwise, err))
			return -1;
	}
	return 0;
}

int sysfilter_compile(const struct sysfilter_profile *p, struct sysfilter *ret, struct error *err)
{
	uint32_t otherwise = native_action(&p->otherwise);
	scmp_filter_ctx ctx = seccomp_init(otherwise);
	struct sysfilter f = { 0 };
	int r;

	if (!ctx)
		return error_set(err, ERR_NOT_SUPPORTED,
				 "the default action of the seccomp profile is not supported");
	r = fill(ctx, p, otherwise, err) || export(ctx, &f, err) ? -1 : 0;
	seccomp_release(ctx);
	if (r == 0)
		*ret = f;
	return r;
}

int sysfilter_install(const struct sysfilter *f, struct error *err)
{
	struct sock_fprog prog = { .len = (unsigned short)f->n, .filter = f->v };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0)
		return 0;
	return error_errno(err, errno, "install the seccomp filter");
}
