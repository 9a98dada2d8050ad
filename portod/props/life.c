/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: what happens after death, notes of the user, counters of the daemon. */
#include <string.h>

#include "props/rows.h"

/* ---- after death ---- */

const struct prop row_weak = {
	.name = "weak",
	.row = ROW_weak,
	.desc = "destroyed with the connection that created it",
	.doc = "A container made by CreateWeak, or by CreateFromSpec with this field, is\n"
	       "destroyed when the connection of its creator closes, unless the value is\n"
	       "**false** by then. Set on another one it has an effect only when the daemon\n"
	       "starts: weak containers are destroyed then. Default false.",
	.type = &type_bool,
	.offset = FIELD(weak),
	.flags = PROP_DYN_ANY,
};

const struct prop row_respawn = {
	.name = "respawn",
	.row = ROW_respawn,
	.desc = "started again after death",
	.doc = "A container that dies, for whatever reason, is started again after\n"
	       "*respawn_delay*, in state **respawning** until then, as long as its parent\n"
	       "runs and *max_respawns* allows. Groups, working directory and stored output\n"
	       "are kept. It counts at the next death. Default false.",
	.type = &type_bool,
	.offset = FIELD(respawn),
	.flags = PROP_DYN_ANY,
};

const struct prop row_respawn_count = {
	.name = "respawn_count",
	.row = ROW_respawn_count,
	.desc = "how often it was started again",
	.doc = "Counts each restart, also one that was asked for; may be set back to 0.\n"
	       "Default 0.",
	.type = &type_uint,
	.offset = FIELD(respawn_count),
	.flags = PROP_DYN_ANY,
};

GETTER(get_max_respawns)
{
	UNUSED();
	if (row_is_set(ctx->ct, p))
		p->type->format(p, ctx, &ctx->ct->spec.max_respawns, out);
	return 0;
}

SETTER(set_max_respawns)
{
	(void)index;
	return type_int.parse(p, ctx, *value ? value : "-1", &ctx->ct->spec.max_respawns, err);
}

const struct prop row_max_respawns = {
	.name = "max_respawns",
	.row = ROW_max_respawns,
	.desc = "limit of restarts, negative = none",
	.doc = "Default: no limit, which reads as empty. A request to respawn beyond it\n"
	       "answers ResourceNotAvailable.",
	.type = &type_int,
	.offset = FIELD(max_respawns),
	.flags = PROP_DYN_ANY,
	.get = get_max_respawns,
	.set = set_max_respawns,
};

const struct prop row_respawn_delay = {
	.name = "respawn_delay",
	.row = ROW_respawn_delay,
	.desc = "pause before a restart",
	.doc = "At least 50 ms count. Default **container.respawn_delay_ms** of the\n"
	       "configuration, 1 s. Printed with the unit ns.",
	.type = &type_nsec_unit,
	.offset = FIELD(respawn_delay),
	.flags = PROP_DYN_ANY,
};

const struct prop row_aging_time = {
	.name = "aging_time",
	.row = ROW_aging_time,
	.desc = "seconds after which a dead container is destroyed",
	.doc = "Seconds in state dead; 0 means at once. Default\n"
	       "**container.default_aging_time_s** of the configuration, a day.",
	.type = &type_uint,
	.offset = FIELD(aging_time),
	.flags = PROP_DYN_ANY,
};

const struct prop row_oom_is_fatal = {
	.name = "oom_is_fatal",
	.row = ROW_oom_is_fatal,
	.desc = "one process killed for lack of memory ends all",
	.doc = "With **true** the kernel's killing of one process for lack of memory ends\n"
	       "the whole container, which is dead with *oom_killed* then. With **false**\n"
	       "the rest lives on, and an AsyncWait that names the label **oom_kills** (no\n"
	       "mask matches it) reports each growth of *oom_kills*. Default true.",
	.type = &type_bool,
	.offset = FIELD(oom_is_fatal),
	.flags = PROP_DYNAMIC,
	.group = APPLY_OOM,
};

/* ---- notes ---- */

static const size_t private_max = 4096;

const struct prop row_private = {
	.name = "private",
	.row = ROW_private,
	.desc = "free text of the user",
	.doc = "At most 4096 bytes. Default empty.",
	.type = &type_string,
	.offset = FIELD(private_value),
	.flags = PROP_DYN_ANY,
	.arg = &private_max,
};

const struct prop row_labels = {
	.name = "labels",
	.row = ROW_labels,
	.desc = "labels of the user; a set merges, an empty value removes",
	.doc = "A map. A name has at most 128 bytes and is *PREFIX*\\ **.**\\ *rest*, the\n"
	       "prefix 2 to 16 letters A-Z that do not begin with PORTO; a value has at most\n"
	       "65536 bytes; both only of the bytes allowed in container names. At most 100\n"
	       "in a container. Wrong ones answer InvalidLabel, too many\n"
	       "ResourceNotAvailable. A set of the whole map merges; an empty value removes.",
	.type = &type_labels,
	.offset = FIELD(labels),
	.flags = PROP_DYN_ANY | PROP_INDEXED,
};

/* ---- counters of the daemon ---- */

/* What the daemon may know; it says for each whether it does. */
static const char *const stat_names[] = {
	"cgerrors",
	"clients",
	"clients_connected",
	"containers",
	"containers_created",
	"containers_failed_start",
	"containers_oom",
	"containers_started",
	"containers_tainted",
	"cpu_system_usage",
	"cpu_usage",
	"epoll_sources",
	"errors",
	"exec_time",
	"fail_invalid_command",
	"fail_invalid_netaddr",
	"fail_invalid_value",
	"fail_memory_guarantee",
	"fail_system",
	"fatals",
	"l3stat_lost",
	"layer_export",
	"layer_import",
	"layer_remove",
	"lock_operations_count",
	"lock_operations_longer_1s",
	"lock_operations_longer_30s",
	"lock_operations_longer_3s",
	"lock_operations_longer_5m",
	"lock_time",
	"log_bytes",
	"log_bytes_lost",
	"log_lines",
	"log_lines_lost",
	"log_open",
	"log_rotate_bytes",
	"log_rotate_errors",
	"longest_read_request",
	"master_uptime",
	"memory_usage_mb",
	"network_problems",
	"network_repairs",
	"networks",
	"networks_created",
	"porto_uptime",
	"postfork_issues",
	"queued_events",
	"queued_statuses",
	"remove_dead",
	"requests_completed",
	"requests_failed",
	"requests_longer_1s",
	"requests_longer_30s",
	"requests_longer_3s",
	"requests_longer_5m",
	"requests_queued",
	"requests_top_running_time",
	"restore_failed",
	"running",
	"spawned",
	"spec_fail_invalid_value",
	"spec_fail_no_container",
	"spec_fail_unknown",
	"spec_requests_completed",
	"spec_requests_failed",
	"spec_requests_longer_1s",
	"spec_requests_longer_30s",
	"spec_requests_longer_3s",
	"spec_requests_longer_5m",
	"start_timeouts",
	"taints",
	"volume_links",
	"volume_links_mounted",
	"volume_lost",
	"volumes",
	"volumes_created",
	"volumes_failed",
	"wait_time",
	"warnings",
};

/* These are about the container that is asked. */
static bool container_stat(const struct container *ct, const char *name, uint64_t *ret)
{
	if (!strcmp(name, "running_children"))
		*ret = ct->running_below;
	else if (!strcmp(name, "starting_children"))
		*ret = ct->starting_below;
	else if (!strcmp(name, "container_clients"))
		*ret = ct->nclients;
	else if (!strcmp(name, "container_requests"))
		*ret = ct->nrequests;
	else if (!strcmp(name, "volume_mounts"))
		*ret = 0; /* there are no volumes yet */
	else if (!strcmp(name, "container_oom"))
		*ret = ct->oom_events;
	else
		return false;
	return true;
}

static bool find_stat(const struct prop_ctx *ctx, const char *name, uint64_t *ret)
{
	bool known = false;

	if (container_stat(ctx->ct, name, ret))
		return true;
	if (ctx->env->porto_stat)
		*ret = ctx->env->porto_stat(ctx->env->daemon, name, &known);
	return known;
}

static void put_stat(const struct prop_ctx *ctx, const char *name, struct buf *out)
{
	uint64_t value;

	if (!find_stat(ctx, name, &value))
		return;
	buf_addf(out, "%s%s: ", out->len ? "; " : "", name);
	type_put_u64(out, value);
}

GETTER(get_porto_stat)
{
	static const char *const of_container[] = { "container_clients",  "container_oom",
						    "container_requests", "running_children",
						    "starting_children",  "volume_mounts" };
	auto_buf all = BUF_INIT;
	uint64_t value;

	(void)p;
	if (index) {
		if (!find_stat(ctx, index, &value))
			return error_set(err, ERR_INVALID_VALUE, "there is no counter '%.100s'",
					 index);
		type_put_u64(out, value);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_container); i++)
		put_stat(ctx, of_container[i], &all);
	for (size_t i = 0; i < ARRAY_SIZE(stat_names); i++)
		put_stat(ctx, stat_names[i], &all);
	buf_adds(out, buf_str(&all));
	return 0;
}

const struct prop row_porto_stat = {
	.name = "porto_stat",
	.row = ROW_porto_stat,
	.desc = "counters of the daemon",
	.doc = "The daemon's counters as a map; those named container\\_\\*, \\*_children and\n"
	       "volume_mounts are of this container. Counters of what **portod** does not have,\n"
	       "as locks, are 0. An unknown index answers InvalidValue. The call\n"
	       "ClearStatistics sets them to 0, but for those that tell how things are now.",
	.flags = PROP_READONLY | PROP_HIDDEN | PROP_INDEX_GET,
	.get = get_porto_stat,
};
