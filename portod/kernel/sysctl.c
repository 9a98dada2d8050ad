/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/xalloc.h"

#define VALUE_MAX 4096

/* Value of a new namespace; NULL: it is not made like the host's. */
struct knob {
	const char *name, *fresh;
};

#define HUGE_SHM "18446744073692774399"

static const struct knob ipc_knobs[] = {
	{ "fs.mqueue.queues_max", "256" },
	{ "fs.mqueue.msg_max", "10" },
	{ "fs.mqueue.msgsize_max", "8192" },
	{ "fs.mqueue.msg_default", "10" },
	{ "fs.mqueue.msgsize_default", "8192" },
	{ "kernel.shmmax", HUGE_SHM },
	{ "kernel.shmall", HUGE_SHM },
	{ "kernel.shmmni", "4096" },
	{ "kernel.shm_rmid_forced", "0" },
	{ "kernel.msgmax", "8192" },
	{ "kernel.msgmni", "32000" },
	{ "kernel.msgmnb", "16384" },
	{ "kernel.sem", "32000 1024000000 500 32000" },
};

/* Below "net."; the tables end with NULL. */
static const struct knob ipv4_knobs[] = {
	{ "icmp_echo_ignore_all", "0" },
	{ "icmp_echo_ignore_broadcasts", "1" },
	{ "icmp_ignore_bogus_error_responses", "1" },
	{ "icmp_errors_use_inbound_ifaddr", "0" },
	{ "icmp_ratelimit", "1000" },
	{ "icmp_ratemask", "6168" },
	{ "ping_group_range", "1 0" },
	{ "tcp_ecn", "2" },
	{ "tcp_ecn_fallback", "1" },
	{ "ip_dynaddr", "0" },
	{ "ip_early_demux", "1" },
	{ "ip_default_ttl", "64" },
	{ "ip_local_port_range", "32768 60999" },
	{ "ip_local_reserved_ports", "" },
	{ "ip_no_pmtu_disc", "0" },
	{ "ip_forward_use_pmtu", "0" },
	{ "ip_nonlocal_bind", "0" },
	{ "tcp_fwmark_accept", "0" },
	{ "tcp_mtu_probing", "0" },
	{ "tcp_base_mss", "1024" },
	{ "tcp_probe_threshold", "8" },
	{ "tcp_probe_interval", "600" },
	{ "tcp_keepalive_time", "7200" },
	{ "tcp_keepalive_probes", "9" },
	{ "tcp_keepalive_intvl", "75" },
	{ "tcp_syn_retries", "6" },
	{ "tcp_synack_retries", "5" },
	{ "tcp_syncookies", "1" },
	{ "tcp_reordering", "3" },
	{ "tcp_retries1", "3" },
	{ "tcp_retries2", "15" },
	{ "tcp_orphan_retries", "0" },
	{ "tcp_fin_timeout", "60" },
	{ "tcp_notsent_lowat", "-1" },
	{ "tcp_tw_reuse", "0" },
	{ "tcp_l3mdev_accept", NULL },
	{ "fib_multipath_use_neigh", NULL },
	{ "tcp_max_tw_buckets", NULL },
	{ "udp_l3mdev_accept", NULL },
	{ "ip_unprivileged_port_start", NULL },
	{ "tcp_max_syn_backlog", NULL },
	{ "fib_multipath_hash_policy", NULL },
	{ "udp_early_demux", NULL },
	{ "tcp_early_demux", NULL },
	{ "tcp_sack", NULL },
	{ "tcp_window_scaling", NULL },
	{ "tcp_timestamps", NULL },
	{ "tcp_abort_on_overflow", NULL },
	{ "tcp_adv_win_scale", NULL },
	{ "tcp_app_win", NULL },
	{ "tcp_autocorking", NULL },
	{ "tcp_challenge_ack_limit", NULL },
	{ "tcp_dsack", NULL },
	{ "tcp_early_retrans", NULL },
	{ "tcp_fack", NULL },
	{ "tcp_fastopen", NULL },
	{ "tcp_fastopen_key", NULL },
	{ "tcp_fastopen_blackhole_timeout_sec", NULL },
	{ "tcp_frto", NULL },
	{ "tcp_invalid_ratelimit", NULL },
	{ "tcp_limit_output_bytes", NULL },
	{ "tcp_max_reordering", NULL },
	{ "tcp_min_rtt_wlen", NULL },
	{ "tcp_min_tso_segs", NULL },
	{ "tcp_moderate_rcvbuf", NULL },
	{ "tcp_no_metrics_save", NULL },
	{ "tcp_pacing_ca_ratio", NULL },
	{ "tcp_pacing_ss_ratio", NULL },
	{ "tcp_recovery", NULL },
	{ "tcp_retrans_collapse", NULL },
	{ "tcp_rfc1337", NULL },
	{ "tcp_rmem", NULL },
	{ "tcp_slow_start_after_idle", NULL },
	{ "tcp_stdurg", NULL },
	{ "tcp_thin_linear_timeouts", NULL },
	{ "tcp_tso_win_divisor", NULL },
	{ "tcp_wmem", NULL },
	{ "tcp_workaround_signed_windows", NULL },
	{ "udp_rmem_min", NULL },
	{ "udp_wmem_min", NULL },
	{ "tcp_comp_sack_delay_ns", NULL },
	{ "tcp_comp_sack_nr", NULL },
	{ "ip_forward_update_priority", NULL },
	{ NULL, NULL },
};

static const struct knob ipv6_knobs[] = {
	{ "bindv6only", "0" },           { "ip_nonlocal_bind", "0" },
	{ "icmp.ratelimit", "1000" },    { "route.gc_thresh", "1024" },
	{ "route.max_size", "4096" },    { "route.gc_min_interval", "0" },
	{ "route.gc_timeout", "60" },    { "route.gc_interval", "30" },
	{ "route.gc_elasticity", "9" },  { "route.mtu_expires", "600" },
	{ "route.min_adv_mss", "1220" }, { "route.gc_min_interval_ms", "500" },
	{ "flowlabel_reflect", NULL },   { "max_dst_opts_number", NULL },
	{ "max_dst_opts_length", NULL }, { "max_hbh_opts_number", NULL },
	{ "max_hbh_length", NULL },      { "fib_multipath_hash_policy", NULL },
	{ "seg6_flowlabel", NULL },      { "icmp.echo_ignore_all", NULL },
	{ "icmp.ratemask", NULL },       { NULL, NULL },
};

static const struct knob core_knobs[] = { { "somaxconn", "128" }, { NULL, NULL } };
static const struct knob unix_knobs[] = { { "max_dgram_qlen", "10" }, { NULL, NULL } };

static const struct {
	const char *prefix;
	const struct knob *knobs;
} net_groups[] = {
	{ "net.core.", core_knobs },
	{ "net.unix.", unix_knobs },
	{ "net.ipv4.", ipv4_knobs },
	{ "net.ipv6.", ipv6_knobs },
};

/* ---- what is allowed ---- */

/* Of one interface, or of all in the namespace. */
static bool is_of_interface(const char *key)
{
	static const char *const prefixes[] = { "net.ipv4.conf.", "net.ipv6.conf.",
						"net.ipv4.neigh.", "net.ipv6.neigh." };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (str_has_prefix(key, prefixes[i]))
			return !str_has_prefix(key, "net.ipv4.neigh.default.") &&
			       !str_has_prefix(key, "net.ipv6.neigh.default.");
	}
	return false;
}

static bool is_plain(const char *key)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "._-/@:";

	return key[strspn(key, ok)] == '\0';
}

/* What becomes a file name is neither empty nor made of dots, which slashes become. */
static bool has_only_names(const char *key)
{
	size_t n;

	for (;; key += n + 1) {
		n = strcspn(key, ".");
		if (strspn(key, "/") >= n)
			return false;
		if (!key[n])
			return true;
	}
}

enum sysctl_kind sysctl_kind_of(const char *key)
{
	if (!is_plain(key) || !has_only_names(key))
		return SYSCTL_FORBIDDEN;
	for (size_t i = 0; i < ARRAY_SIZE(ipc_knobs); i++) {
		if (!strcmp(ipc_knobs[i].name, key))
			return SYSCTL_IPC;
	}
	for (size_t g = 0; g < ARRAY_SIZE(net_groups); g++) {
		if (!str_has_prefix(key, net_groups[g].prefix))
			continue;
		for (const struct knob *k = net_groups[g].knobs; k->name; k++) {
			if (!strcmp(k->name, key + strlen(net_groups[g].prefix)))
				return SYSCTL_NET;
		}
	}
	return is_of_interface(key) ? SYSCTL_NET : SYSCTL_FORBIDDEN;
}

/* ---- files ---- */

static char *file_of(const char *key)
{
	char *path = xstrdup(key);

	for (char *c = path; *c; c++)
		*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	return path;
}

int sysctl_open(void)
{
	int fd = open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int write_value(int proc_sys, const char *key, const char *value)
{
	auto_free char *path = file_of(key);
	auto_close int fd = fd_open_beneath(proc_sys, path, O_WRONLY, 0);

	if (fd < 0)
		return fd;
	/* All at once: each write(2) is a value. */
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

int sysctl_write(int proc_sys, const struct sysctl_setting *s, struct error *err)
{
	int r = write_value(proc_sys, s->key, s->value);

	if (r == 0 || s->optional)
		return 0;
	if (r == -ENOENT)
		return error_sys(err, ERR_NOT_SUPPORTED, ENOENT, "sysctl %s: this kernel lacks it",
				 s->key);
	if (r == -EINVAL || r == -ERANGE)
		return error_sys(err, ERR_INVALID_VALUE, -r, "sysctl %s: write '%s'", s->key,
				 s->value);
	return error_errno(err, -r, "sysctl %s: write '%s'", s->key, s->value);
}

/* ---- defaults ---- */

/* Numbers of a line are separated by tabs; we say blanks. */
static void squeeze(char *text)
{
	char *out = text;

	for (char *save = NULL, *word = strtok_r(text, " \t\n", &save); word;
	     word = strtok_r(NULL, " \t\n", &save)) {
		size_t n = strlen(word);

		if (out != text)
			*out++ = ' ';
		memmove(out, word, n);
		out += n;
	}
	*out = '\0';
}

static void add_if_different(int proc_sys, const char *key, const char *fresh, struct smap *ret)
{
	auto_free char *path = file_of(key);
	char value[VALUE_MAX];

	if (fd_read_small(proc_sys, path, value, sizeof(value)) < 0)
		return; /* not in this kernel */
	squeeze(value);
	if (*value && strcmp(value, fresh) != 0)
		smap_set(ret, key, value);
}

void sysctl_host_defaults(struct smap *ipc, struct smap *net)
{
	auto_close int proc_sys = sysctl_open();

	if (proc_sys < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ipc_knobs); i++)
		add_if_different(proc_sys, ipc_knobs[i].name, ipc_knobs[i].fresh, ipc);
	for (size_t g = 0; g < ARRAY_SIZE(net_groups); g++) {
		for (const struct knob *k = net_groups[g].knobs; k->name; k++) {
			auto_free char *key = xasprintf("%s%s", net_groups[g].prefix, k->name);

			if (k->fresh)
				add_if_different(proc_sys, key, k->fresh, net);
		}
	}
}
