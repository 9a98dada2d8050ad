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
	X(anon_usage)                   \
	X(bind)                         \
	X(cache_usage)                  \
	X(capabilities)                 \
	X(capabilities_allowed)         \
	X(capabilities_ambient)         \
	X(capabilities_ambient_allowed) \
	X(cgroups)                      \
	X(change_time)                  \
	X(command)                      \
	X(command_argv)                 \
	X(controllers)                  \
	X(core_dumped)                  \
	X(cpu_limit)                    \
	X(cpu_limit_bound)              \
	X(cpu_limit_total)              \
	X(cpu_period)                   \
	X(cpu_usage)                    \
	X(cpu_usage_system)             \
	X(cpu_weight)                   \
	X(creation_time)                \
	X(cwd)                          \
	X(death_time)                   \
	X(enable_porto)                 \
	X(env)                          \
	X(exit_code)                    \
	X(exit_status)                  \
	X(group)                        \
	X(hostname)                     \
	X(id)                           \
	X(isolate)                      \
	X(labels)                       \
	X(level)                        \
	X(max_respawns)                 \
	X(memory_limit)                 \
	X(memory_limit_total)           \
	X(memory_usage)                 \
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
	X(porto_namespace)              \
	X(porto_stat)                   \
	X(private)                      \
	X(process_count)                \
	X(resolv_conf)                  \
	X(respawn)                      \
	X(respawn_count)                \
	X(respawn_delay)                \
	X(root)                         \
	X(root_path)                    \
	X(root_pid)                     \
	X(root_readonly)                \
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
	X(task_cred)                    \
	X(thread_count)                 \
	X(thread_limit)                 \
	X(time)                         \
	X(ulimit)                       \
	X(umask)                        \
	X(user)                         \
	X(virt_mode)                    \
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
