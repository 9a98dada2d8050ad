/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capability sets. libcap knows the names and the number of the last one; setting goes by
 * capset(2) and prctl(2) directly, since libcap's objects would cost more calls on the start path.
 */
#include "kernel/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xalloc.h"

#define DEFAULT_SET                                                                            \
	(CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_FOWNER) |                \
	 CAP_BIT(CAP_FSETID) | CAP_BIT(CAP_KILL) | CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_SETUID) | \
	 CAP_BIT(CAP_SETPCAP) | CAP_BIT(CAP_NET_BIND_SERVICE) | CAP_BIT(CAP_NET_ADMIN) |       \
	 CAP_BIT(CAP_NET_RAW) | CAP_BIT(CAP_IPC_LOCK) | CAP_BIT(CAP_SYS_CHROOT) |              \
	 CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_AUDIT_WRITE) |             \
	 CAP_BIT(CAP_SETFCAP))

const uint64_t caps_default = DEFAULT_SET;
const uint64_t caps_root = DEFAULT_SET | CAP_BIT(CAP_LINUX_IMMUTABLE) | CAP_BIT(CAP_SYS_ADMIN) |
			   CAP_BIT(CAP_SYS_BOOT) | CAP_BIT(CAP_SYS_NICE) |
			   CAP_BIT(CAP_SYS_RESOURCE);
const uint64_t caps_need_pid_ns = CAP_BIT(CAP_KILL) | CAP_BIT(CAP_SYS_PTRACE);
const uint64_t caps_need_memory = CAP_BIT(CAP_IPC_LOCK);
const uint64_t caps_need_net_ns = CAP_BIT(CAP_NET_ADMIN);
const uint64_t caps_portoinit = CAP_BIT(CAP_KILL);

uint64_t caps_all(void)
{
	return (1ULL << cap_max_bits()) - 1;
}

int caps_parse_name(const char *name, uint64_t *ret_bit)
{
	auto_free char *full = xasprintf("cap_%s", name);
	cap_value_t value;

	/* libcap would take a number, or a name with trailing garbage after a blank, as well. */
	if (!*name ||
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_") != strlen(name))
		return -ENOENT;
	if (cap_from_name(full, &value) < 0 || value >= 64)
		return -ENOENT;
	*ret_bit = CAP_BIT(value);
	return 0;
}

int caps_parse(const char *text, uint64_t *ret, struct error *err)
{
	auto_strv names = STRV_INIT;
	uint64_t mask = 0, bit;

	strv_split(&names, text, ';');
	for (size_t i = 0; i < names.n; i++) {
		if (caps_parse_name(names.v[i], &bit) < 0)
			return error_set(err, ERR_INVALID_VALUE, "unknown capability %s",
					 names.v[i]);
		mask |= bit;
	}
	*ret = mask;
	return 0;
}

char *caps_format(uint64_t mask)
{
	struct buf out = BUF_INIT;

	for (int c = 0; c < 64; c++) {
		char *name;

		if (!(mask & CAP_BIT(c)))
			continue;
		if (out.len)
			buf_addc(&out, ';');
		name = cap_to_name(c); /* a number when the library does not know it */
		if (name && !strncasecmp(name, "cap_", 4)) {
			for (const char *p = name + 4; *p; p++)
				buf_addc(&out, (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p));
		} else {
			buf_addf(&out, "%d", c);
		}
		cap_free(name);
	}
	return buf_take(&out);
}

struct sets {
	uint64_t effective, permitted, inheritable;
};

static int sets_get(struct sets *ret)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) < 0)
		return -1;
	ret->effective = d[0].effective | (uint64_t)d[1].effective << 32;
	ret->permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	ret->inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	return 0;
}

static int sets_put(const struct sets *s)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = {
		{ (uint32_t)s->effective, (uint32_t)s->permitted, (uint32_t)s->inheritable },
		{ (uint32_t)(s->effective >> 32), (uint32_t)(s->permitted >> 32),
		  (uint32_t)(s->inheritable >> 32) },
	};

	return (int)syscall(SYS_capset, &h, d);
}

void caps_complete(struct cap_sets *sets, bool root, uint64_t own)
{
	if (!sets->set_permitted)
		sets->permitted = (root ? sets->bounding & own : 0) | sets->ambient |
				  (sets->set_effective ? sets->effective : 0);
	if (!sets->set_effective)
		sets->effective = sets->permitted;
}

/* The ambient ones must be permitted and inheritable at this moment. */
static int set_ambient(uint64_t mask, struct error *err)
{
	/* Those of the service manager are not the container's. Before 4.3 there are none. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int c = 0; c < 64; c++) {
		if (!(mask & CAP_BIT(c)) ||
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			return error_set(err, ERR_NOT_SUPPORTED,
					 "this kernel has no ambient capabilities");
		return error_errno(err, errno, "raise ambient capability %d", c);
	}
	return 0;
}

/* Missing ones are fine. */
static int set_bounding(uint64_t mask, struct error *err)
{
	for (int c = 0; c < 64; c++) {
		if ((mask & CAP_BIT(c)) || prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			break; /* beyond the kernel's last one */
		return error_errno(err, errno, "drop capability %d from the bounding set", c);
	}
	return 0;
}

static int check_own(const struct cap_sets *sets, uint64_t own, struct error *err)
{
	uint64_t wanted = sets->effective | sets->permitted | sets->inheritable | sets->ambient;
	auto_free char *names = NULL;

	if (!(wanted & ~own))
		return 0;
	names = caps_format(wanted & ~own);
	return error_set(err, ERR_PERMISSION, "give capabilities %s: the server does not have them",
			 names);
}

int caps_apply(const struct cap_sets *sets, bool root, uint64_t keep, struct error *err)
{
	struct cap_sets want = *sets;
	struct sets s;

	if (sets_get(&s) < 0)
		return error_errno(err, errno, "read capabilities");
	caps_complete(&want, root, s.permitted);
	if (check_own(&want, s.permitted, err))
		return -1;
	keep &= s.permitted;
	/* A change of the user id emptied the effective set; what follows needs it. */
	s.effective = s.permitted;
	s.inheritable = want.inheritable;
	if (sets_put(&s) < 0)
		return error_errno(err, errno, "set inheritable capabilities");
	if (set_ambient(want.ambient, err) < 0 || set_bounding(want.bounding, err) < 0)
		return -1;
	s.permitted = want.permitted | keep;
	s.effective = want.effective;
	if (sets_put(&s) < 0)
		return error_errno(err, errno, "set effective and permitted capabilities");
	return 0;
}

int caps_raise(uint64_t mask, struct error *err)
{
	struct sets s;

	if (sets_get(&s) < 0)
		return error_errno(err, errno, "read capabilities");
	s.effective |= mask & s.permitted;
	if (sets_put(&s) < 0)
		return error_errno(err, errno, "set effective capabilities");
	return 0;
}
