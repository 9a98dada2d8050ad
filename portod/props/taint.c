/* SPDX-License-Identifier: Apache-2.0 */
#include "props/taint.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "kernel/mnt.h"
#include "props/bind.h"
#include "props/nswish.h"
#include "props/rows.h"

#define MOUNTINFO_MAX (16u << 20)

static bool is_chrooted(const struct container *ct)
{
	return !str_is_empty(ct->spec.root) && strcmp(ct->spec.root, "/") != 0;
}

static bool owns(const struct container *ct, enum cgroup_controller c)
{
	return ct->spec.controllers & CGROUP_BIT(c);
}

/* ---- rights ---- */

static bool root_with_all_capabilities(const struct container *ct)
{
	return ct->spec.owner_cred.uid == 0 && !row_is_set(ct, &row_capabilities);
}

static bool full_access_chrooted(const struct container *ct)
{
	return ct->spec.enable_porto == ACCESS_NORMAL && is_chrooted(ct);
}

static bool full_access_isolated(const struct container *ct)
{
	return ct->spec.enable_porto == ACCESS_NORMAL && ct->spec.isolate;
}

/* A program that root inside makes set-user-ID is so on the host, too. */
static bool bind_allows_suid(const struct container *ct)
{
	auto_free char *mounts = NULL;
	bool found = false;

	if (!is_chrooted(ct) || container_is_chrooted(ct->parent) || ct->spec.bind.n == 0 ||
	    fd_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &mounts, NULL) < 0)
		return false;
	for (size_t i = 0; i < ct->spec.bind.n && !found; i++) {
		struct error ignored = ERROR_INIT;
		struct bind_mount b;

		if (bind_parse(ct->spec.bind.v[i], "/", "/", &b, &ignored))
			continue;
		found = !(b.flags & (BIND_RO | BIND_RRO)) && mnt_allows_suid(mounts, b.source);
		bind_mount_deinit(&b);
	}
	return found;
}

/* ---- network ---- */

static bool own_network_without_name(const struct container *ct)
{
	return ns_is_own(ct, NS_NET) && str_is_empty(ct->spec.hostname);
}

static bool full_access_from_own_network(const struct container *ct)
{
	return ct->spec.enable_porto == ACCESS_NORMAL && ns_is_own(ct, NS_NET);
}

/* Of children that it may make: nothing limits their addresses yet. */
static bool writes_from_own_network(const struct container *ct)
{
	return ct->spec.enable_porto > ACCESS_READ_ONLY && ns_is_own(ct, NS_NET);
}

/* ---- limits ---- */

static bool no_memory_limit(const struct container *ct)
{
	return ct->level == 1 && ct->spec.memory_limit == 0;
}

static bool no_cpu_limit(const struct container *ct)
{
	return ct->level == 1 && ct->spec.cpu_limit == 0;
}

static bool not_isolated(const struct container *ct)
{
	return ct->level == 1 && !ct->spec.isolate;
}

static bool no_devices_group(const struct container *ct)
{
	return ct->level == 1 && !owns(ct, CGROUP_DEVICES);
}

static bool chroot_without_devices_group(const struct container *ct)
{
	return is_chrooted(ct) && !owns(ct, CGROUP_DEVICES);
}

static bool realtime_with_limit(const struct container *ct)
{
	return ct->spec.cpu_policy == CPU_RT && ct->spec.cpu_limit != 0;
}

static bool io_guarantee(const struct container *ct)
{
	return ct->spec.io_guarantee.n > 0 || ct->spec.io_ops_guarantee.n > 0;
}

static bool has_notes(const struct container *ct)
{
	const struct container_spec *s = &ct->spec;

	return s->anon_limit || s->anon_only || s->dirty_limit || s->recharge_on_pgfault ||
	       s->bind_dns || s->place_limit.n;
}

/* ---- life ---- */

static bool survives_oom(const struct container *ct)
{
	return !ct->spec.oom_is_fatal;
}

static bool system_with_a_command(const struct container *ct)
{
	return ct->spec.virt_mode == VIRT_OS && ct->spec.isolate &&
	       strcmp(container_command(ct), "/sbin/init") != 0;
}

static const struct {
	bool (*is)(const struct container *ct);
	const char *text;
} taints[] = {
	{ root_with_all_capabilities,
	  "the owner is root and capabilities are not set: it has those of root" },
	{ survives_oom, "oom_is_fatal is false: it may go on with a part of its processes" },
	{ system_with_a_command, "virt_mode is os and the command is not /sbin/init" },
	{ realtime_with_limit, "cpu_policy is rt and cpu_limit is set: it may be stopped in the "
			       "middle of what is urgent" },
	{ no_memory_limit, "memory_limit is not set: it may use up the memory of the host" },
	{ no_cpu_limit, "cpu_limit is not set: it may use all processors" },
	{ io_guarantee, "io_guarantee and io_ops_guarantee are notes: nothing guarantees them" },
	{ has_notes, "anon_limit, anon_only, dirty_limit, recharge_on_pgfault, bind_dns and "
		     "place_limit are notes: they have no effect" },
	{ not_isolated, "isolate is false: it sees the processes of the host" },
	{ no_devices_group, "controllers[devices] is false: it may use every device it can open" },
	{ chroot_without_devices_group,
	  "it has a root directory of its own and no controllers[devices]" },
	{ full_access_chrooted,
	  "enable_porto is true: the API is a way out of its root directory" },
	{ full_access_isolated, "enable_porto is true: the API is a way out of its isolation" },
	{ full_access_from_own_network,
	  "enable_porto is true: the API is a way out of its network" },
	{ writes_from_own_network,
	  "it has a network of its own and enable_porto lets it make containers: with ip_limit any "
	  "they can have every address" },
	{ own_network_without_name, "it has a network of its own and no hostname" },
	{ bind_allows_suid,
	  "a writable bind comes from a mount without nosuid: programs made set-user-ID inside are "
	  "so on the host" },
};

void taint_list(const struct container *ct, struct strv *ret)
{
	if (container_is_root(ct))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(taints); i++)
		if (taints[i].is(ct))
			strv_add(ret, taints[i].text);
}

bool taint_any(const struct container *ct)
{
	for (size_t i = 0; i < ARRAY_SIZE(taints) && !container_is_root(ct); i++)
		if (taints[i].is(ct))
			return true;
	return false;
}

GETTER(get_taint)
{
	auto_strv lines = STRV_INIT;

	UNUSED();
	taint_list(ctx->ct, &lines);
	for (size_t i = 0; i < lines.n; i++)
		buf_addf(out, "%s\n", lines.v[i]);
	return 0;
}

const struct prop row_taint = {
	.name = "taint",
	.row = ROW_taint,
	.desc = "configuration problems",
	.doc = "What is questionable about the configuration, a line each, for example limits\n"
	       "that are missing at the first level, or ways out of the container. Nothing is\n"
	       "refused because of it; it is logged at each start, and *container_tainted* of\n"
	       "GetSystem is the number of started containers with any. Empty when all is well.",
	.flags = PROP_READONLY,
	.get = get_taint,
};
