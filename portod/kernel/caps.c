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

int caps_set_bounding(uint64_t mask, struct error *err)
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

int caps_set_ambient(uint64_t mask, struct error *err)
{
	struct sets s;

	if (sets_get(&s) < 0)
		return error_errno(err, errno, "read capabilities");
	if (mask & ~s.permitted) {
		auto_free char *names = caps_format(mask & ~s.permitted);

		return error_set(err, ERR_PERMISSION,
				 "raise ambient capabilities %s: the server does not have them",
				 names);
	}
	/* A change of the user id emptied the effective set; what follows needs it. */
	s.effective = s.permitted;
	s.inheritable = mask;
	if (sets_put(&s) < 0)
		return error_errno(err, errno, "set inheritable capabilities");
	for (int c = 0; c < 64; c++) {
		if ((mask & CAP_BIT(c)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) < 0) {
			if (errno == EINVAL)
				return error_set(err, ERR_NOT_SUPPORTED, "ambient capabilities");
			return error_errno(err, errno, "raise ambient capability %d", c);
		}
	}
	return 0;
}

int caps_set_effective(uint64_t mask, struct error *err)
{
	struct sets s;

	if (sets_get(&s) < 0)
		return error_errno(err, errno, "read capabilities");
	s.permitted &= mask;
	s.effective = s.permitted;
	if (sets_put(&s) < 0)
		return error_errno(err, errno, "set effective capabilities");
	return 0;
}
