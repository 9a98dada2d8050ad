/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to props/: the list of all rows. The one place that decides their order: sorted bytewise
 * (test_props checks it). The definition of row `x` is `const struct prop row_x` in the file of its
 * domain; ROW_x is its number.
 */
#pragma once

#include <stddef.h>

#include "props/prop.h"
#include "props/type.h"

#define PROP_LIST(X)                    \
	X(absolute_name)                \
	X(absolute_namespace)           \
	X(aging_time)                   \
	X(anon_limit)                   \
	X(anon_limit_total)             \
	X(anon_max_usage)               \
	X(anon_only)                    \
	X(anon_usage)                   \
	X(bind)                         \
	X(bind_dns)                     \
	X(cache_usage)                  \
	X(capabilities)                 \
	X(capabilities_allowed)         \
	X(capabilities_ambient)         \
	X(capabilities_ambient_allowed) \
	X(capabilities_effective)       \
	X(capabilities_inheritable)     \
	X(capabilities_permitted)       \
	X(cgroupfs)                     \
	X(cgroups)                      \
	X(change_time)                  \
	X(children_allowed)             \
	X(command)                      \
	X(command_argv)                 \
	X(controllers)                  \
	X(core_command)                 \
	X(core_dumped)                  \
	X(coredump_filter)              \
	X(cpu_burst_usage)              \
	X(cpu_guarantee)                \
	X(cpu_guarantee_bound)          \
	X(cpu_guarantee_total)          \
	X(cpu_limit)                    \
	X(cpu_limit_bound)              \
	X(cpu_limit_total)              \
	X(cpu_period)                   \
	X(cpu_policy)                   \
	X(cpu_pressure)                 \
	X(cpu_set)                      \
	X(cpu_set_affinity)             \
	X(cpu_throttled)                \
	X(cpu_unconstrained_wait)       \
	X(cpu_usage)                    \
	X(cpu_usage_system)             \
	X(cpu_wait)                     \
	X(cpu_weight)                   \
	X(creation_time)                \
	X(cwd)                          \
	X(death_time)                   \
	X(default_gw)                   \
	X(devices)                      \
	X(devices_explicit)             \
	X(dirty_limit)                  \
	X(dirty_limit_bound)            \
	X(enable_fuse)                  \
	X(enable_porto)                 \
	X(env)                          \
	X(env_secret)                   \
	X(etc_hosts)                    \
	X(exit_code)                    \
	X(exit_status)                  \
	X(extra_properties)             \
	X(gid_map)                      \
	X(group)                        \
	X(held)                         \
	X(hostname)                     \
	X(hugetlb_limit)                \
	X(hugetlb_usage)                \
	X(id)                           \
	X(init)                         \
	X(io_guarantee)                 \
	X(io_limit)                     \
	X(io_ops)                       \
	X(io_ops_guarantee)             \
	X(io_ops_limit)                 \
	X(io_policy)                    \
	X(io_pressure)                  \
	X(io_read)                      \
	X(io_read_ops)                  \
	X(io_time)                      \
	X(io_weight)                    \
	X(io_write)                     \
	X(io_write_ops)                 \
	X(ip)                           \
	X(ip_limit)                     \
	X(isolate)                      \
	X(labels)                       \
	X(level)                        \
	X(link_memory_writeback_blkio)  \
	X(major_faults)                 \
	X(masked_paths)                 \
	X(max_respawns)                 \
	X(max_rss)                      \
	X(memory_guarantee)             \
	X(memory_guarantee_total)       \
	X(memory_limit)                 \
	X(memory_limit_total)           \
	X(memory_lock_policy)           \
	X(memory_pressure)              \
	X(memory_reclaimed)             \
	X(memory_usage)                 \
	X(minor_faults)                 \
	X(mlock_usage)                  \
	X(mounts)                       \
	X(namespaces)                   \
	X(net)                          \
	X(net_bytes)                    \
	X(net_class_id)                 \
	X(net_drops)                    \
	X(net_guarantee)                \
	X(net_limit)                    \
	X(net_limit_bound)              \
	X(net_limit_soft)               \
	X(net_limit_soft_stat)          \
	X(net_netstat)                  \
	X(net_overlimits)               \
	X(net_packets)                  \
	X(net_rx_bytes)                 \
	X(net_rx_drops)                 \
	X(net_rx_limit)                 \
	X(net_rx_limit_bound)           \
	X(net_rx_max_speed)             \
	X(net_rx_overlimits)            \
	X(net_rx_packets)               \
	X(net_rx_speed_hgram)           \
	X(net_snmp)                     \
	X(net_snmp6)                    \
	X(net_tos)                      \
	X(net_tx_bytes)                 \
	X(net_tx_drops)                 \
	X(net_tx_max_speed)             \
	X(net_tx_packets)               \
	X(net_tx_speed_hgram)           \
	X(no_new_privs)                 \
	X(oom_is_fatal)                 \
	X(oom_killed)                   \
	X(oom_kills)                    \
	X(oom_kills_total)              \
	X(oom_score_adj)                \
	X(owner_containers)             \
	X(owner_cred)                   \
	X(owner_group)                  \
	X(owner_user)                   \
	X(parent)                       \
	X(place)                        \
	X(place_limit)                  \
	X(place_usage)                  \
	X(porto_cpu_jail_state)         \
	X(porto_namespace)              \
	X(porto_stat)                   \
	X(pressurize_on_death)          \
	X(private)                      \
	X(process_count)                \
	X(readonly_paths)               \
	X(recharge_on_pgfault)          \
	X(resolv_conf)                  \
	X(respawn)                      \
	X(respawn_count)                \
	X(respawn_delay)                \
	X(root)                         \
	X(root_path)                    \
	X(root_pid)                     \
	X(root_propagation)             \
	X(root_readonly)                \
	X(seccomp)                      \
	X(seccomp_name)                 \
	X(session_info)                 \
	X(shm_size)                     \
	X(shmem_usage)                  \
	X(start_error)                  \
	X(start_time)                   \
	X(state)                        \
	X(stderr)                       \
	X(stderr_offset)                \
	X(stderr_path)                  \
	X(stdin_path)                   \
	X(stdout)                       \
	X(stdout_limit)                 \
	X(stdout_offset)                \
	X(stdout_path)                  \
	X(symlink)                      \
	X(sysctl)                       \
	X(taint)                        \
	X(task_cred)                    \
	X(task_groups)                  \
	X(thread_count)                 \
	X(thread_limit)                 \
	X(time)                         \
	X(tty)                          \
	X(uid_map)                      \
	X(ulimit)                       \
	X(umask)                        \
	X(unshare_on_exec)              \
	X(user)                         \
	X(userns)                       \
	X(virt_mode)                    \
	X(virtual_memory)               \
	X(volumes_linked)               \
	X(volumes_owned)                \
	X(volumes_required)             \
	X(weak)

enum prop_row_number {
#define X(n) ROW_##n,
	PROP_LIST(X)
#undef X
		_ROW_COUNT
};

#define X(n) extern const struct prop row_##n;
PROP_LIST(X)
#undef X

#define FIELD(f)     offsetof(struct container_spec, f)

#define PROP_DYN_ANY (PROP_DYNAMIC | PROP_ANY)
#define PROP_INDEXED (PROP_INDEX_GET | PROP_INDEX_SET)

static inline bool row_is_set(const struct container *ct, const struct prop *p)
{
	return (p->flags & PROP_ALWAYS_SET) || container_is_set(ct, p->row);
}

/* A `get` and a `set` of a row; UNUSED() quiets the parameters that one does not need. */
#define GETTER(name)                                                                         \
	static int name(const struct prop *p, const struct prop_ctx *ctx, const char *index, \
			struct buf *out, struct error *err)
#define SETTER(name)                                                                         \
	static int name(const struct prop *p, const struct prop_ctx *ctx, const char *index, \
			const char *value, struct error *err)
#define CHECKER(name) \
	static int name(const struct prop *p, const struct prop_ctx *ctx, struct error *err)
#define UNUSED() ((void)p, (void)ctx, (void)index, (void)err)
