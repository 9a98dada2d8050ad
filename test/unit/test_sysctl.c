/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernel knobs a container may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "kernel/sysctl.h"

static void keys_have_a_kind(void **state)
{
	static const struct {
		const char *key;
		enum sysctl_kind kind;
	} rows[] = {
		{ "fs.mqueue.msg_max", SYSCTL_IPC },
		{ "kernel.shmmax", SYSCTL_IPC },
		{ "kernel.sem", SYSCTL_IPC },
		{ "kernel.shmma", SYSCTL_FORBIDDEN },
		{ "kernel.shmmaxx", SYSCTL_FORBIDDEN },
		{ "kernel.panic", SYSCTL_FORBIDDEN },
		{ "net.core.somaxconn", SYSCTL_NET },
		{ "net.core.rmem_max", SYSCTL_FORBIDDEN },
		{ "net.unix.max_dgram_qlen", SYSCTL_NET },
		{ "net.ipv4.tcp_rmem", SYSCTL_NET },
		{ "net.ipv4.tcp_comp_sack_nr", SYSCTL_NET },
		{ "net.ipv4.tcp_mem", SYSCTL_FORBIDDEN },
		{ "net.ipv6.icmp.ratelimit", SYSCTL_NET },
		{ "net.ipv6.route.gc_timeout", SYSCTL_NET },
		{ "net.ipv6.route.flush", SYSCTL_FORBIDDEN },
		{ "net.ipv4.conf.all.forwarding", SYSCTL_NET },
		{ "net.ipv6.conf.eth0/5.accept_ra", SYSCTL_NET },
		{ "net.ipv6.neigh.eth0.mcast_solicit", SYSCTL_NET },
		{ "net.ipv6.neigh.default.gc_thresh1", SYSCTL_FORBIDDEN },
		{ "net.ipv4.neigh.default.base", SYSCTL_FORBIDDEN },
		{ "net.ipv4.conf.", SYSCTL_FORBIDDEN },
		{ "net.ipv4.conf.a.", SYSCTL_FORBIDDEN },
		{ "net.ipv4.conf..a", SYSCTL_FORBIDDEN },
		/* A slash stands for a dot: these would lead out. */
		{ "net.ipv4.conf.//.x", SYSCTL_FORBIDDEN },
		{ "net.ipv4.conf./.x", SYSCTL_FORBIDDEN },
		{ "net.ipv4.conf.x y", SYSCTL_FORBIDDEN },
		{ "net.ipv4.conf.x\ny", SYSCTL_FORBIDDEN },
		{ "", SYSCTL_FORBIDDEN },
		{ ".", SYSCTL_FORBIDDEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (sysctl_kind_of(rows[i].key) != rows[i].kind)
			fail_msg("%s: %d", rows[i].key, sysctl_kind_of(rows[i].key));
	}
}

/* Whatever this host has: each is one that a namespace has, as one line. */
static void defaults_are_of_namespaces(void **state)
{
	auto_smap ipc = SMAP_INIT, net = SMAP_INIT;

	(void)state;
	sysctl_host_defaults(&ipc, &net);
	for (size_t i = 0; i < ipc.n; i++)
		assert_int_equal(sysctl_kind_of(ipc.e[i].key), SYSCTL_IPC);
	for (size_t i = 0; i < net.n; i++) {
		assert_int_equal(sysctl_kind_of(net.e[i].key), SYSCTL_NET);
		assert_null(strpbrk(net.e[i].val, "\t\n"));
		assert_true(*net.e[i].val);
	}
}

static void a_missing_knob_is_not_supported(void **state)
{
	struct sysctl_setting s = { .key = "net.ipv4.conf.no-such-interface.x", .value = "1" };
	auto_close int proc_sys = sysctl_open();
	struct error err = ERROR_INIT;

	(void)state;
	assert_true(proc_sys >= 0);
	assert_int_equal(sysctl_write(proc_sys, &s, &err), -1);
	assert_int_equal(err.code, ERR_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, s.key));
	s.optional = true;
	assert_int_equal(sysctl_write(proc_sys, &s, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_have_a_kind),
		cmocka_unit_test(defaults_are_of_namespaces),
		cmocka_unit_test(a_missing_knob_is_not_supported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
