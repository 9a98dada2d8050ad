/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of properties that are known and not there: a client that names one is told why. Listing
 * leaves them out.
 */
#include "props/rows.h"

#define ABSENT(n, d, why)             \
	const struct prop row_##n = { \
		.name = #n,           \
		.row = ROW_##n,       \
		.desc = d,            \
		.absent = why,        \
	}

#define VENDOR "it needs a kernel that has patches of its inventor"
#define LATER  "this version does not have it yet"

ABSENT(anon_max_usage, "peak anonymous memory", VENDOR);
ABSENT(cpu_burst_usage, "burst time", VENDOR);
ABSENT(cpu_unconstrained_wait, "wait not caused by limits", VENDOR);
ABSENT(cpu_wait, "time waiting for cpu", VENDOR);
ABSENT(max_rss, "peak anonymous memory", VENDOR);
ABSENT(net_limit_soft, "soft egress limit", VENDOR);
ABSENT(net_limit_soft_stat, "soft limit counters", VENDOR);
ABSENT(session_info, "session tag", VENDOR);

ABSENT(default_gw, "default gateway", LATER);
ABSENT(ip, "addresses", LATER);
ABSENT(ip_limit, "addresses children may use", LATER);
ABSENT(net_bytes, "class bytes", LATER);
ABSENT(net_class_id, "traffic class ids", LATER);
ABSENT(net_drops, "class drops", LATER);
ABSENT(net_guarantee, "egress guarantee", LATER);
ABSENT(net_limit, "egress limit", LATER);
ABSENT(net_limit_bound, "limit of the namespace", LATER);
ABSENT(net_netstat, "protocol counters", LATER);
ABSENT(net_overlimits, "class overlimits", LATER);
ABSENT(net_packets, "class packets", LATER);
ABSENT(net_rx_bytes, "received bytes", LATER);
ABSENT(net_rx_drops, "receive drops", LATER);
ABSENT(net_rx_limit, "ingress limit", LATER);
ABSENT(net_rx_limit_bound, "ingress limit of the namespace", LATER);
ABSENT(net_rx_max_speed, "greatest ingress speed", LATER);
ABSENT(net_rx_overlimits, "receive overruns", LATER);
ABSENT(net_rx_packets, "received packets", LATER);
ABSENT(net_rx_speed_hgram, "ingress speeds", LATER);
ABSENT(net_snmp, "snmp counters", LATER);
ABSENT(net_snmp6, "snmp6 counters", LATER);
ABSENT(net_tos, "default traffic class", LATER);
ABSENT(net_tx_bytes, "sent bytes", LATER);
ABSENT(net_tx_drops, "send drops", LATER);
ABSENT(net_tx_max_speed, "greatest egress speed", LATER);
ABSENT(net_tx_packets, "sent packets", LATER);
ABSENT(net_tx_speed_hgram, "egress speeds", LATER);
ABSENT(volumes_linked, "volumes linked to it", LATER);
ABSENT(volumes_owned, "volumes it owns", LATER);
ABSENT(volumes_required, "volumes needed to start", LATER);
