/* SPDX-License-Identifier: Apache-2.0 */
/* Start description: where each namespace comes from. */
#include "ops/compile.h"

static struct ns_choice inherit(pid_t base)
{
	return base ? (struct ns_choice){ .mode = NS_OF_PID, .pid = base }
		    : (struct ns_choice){ .mode = NS_KEEP };
}

static struct ns_choice choose(bool fresh, pid_t base)
{
	return fresh ? (struct ns_choice){ .mode = NS_NEW, .pid = base } : inherit(base);
}

void compile_namespaces(const struct container *ct, struct compiled *c)
{
	struct start_spec *spec = &c->spec;
	const struct container *near = container_nearest_task(ct);
	pid_t base = near ? near->task.main_pid : 0;
	bool isolate = ct->spec.isolate, hostname = !str_is_empty(ct->spec.hostname);
	bool is_level1 = ct->level == 1 && ct->spec.virt_mode != VIRT_HOST;

	for (int kind = 0; kind < _NS_COUNT; kind++)
		spec->ns[kind] = inherit(base);
	spec->ns[NS_USER] = (struct ns_choice){ .mode = NS_KEEP }; /* nobody has one of its own yet
								      */
	spec->ns[NS_PID] = choose(isolate, base);
	spec->ns[NS_IPC] = choose(isolate, base);
	spec->ns[NS_UTS] = choose(isolate || hostname, base);
	spec->ns[NS_CGROUP] = choose(c->nviews > 0, base);
	spec->ns[NS_MNT] = choose(layout_needs_mount_ns(&c->layout, is_level1), base);
	spec->root_pid_of = base;
}
