/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/topology.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/xalloc.h"

#define LIST_MAX 65536

static int read_list(int dirfd, const char *path, struct cpumask *ret)
{
	auto_free char *text = NULL;
	int r = fd_read_file(dirfd, path, LIST_MAX, &text, NULL);

	return r < 0 ? r : cpumask_parse(ret, text);
}

static void read_nodes(int dirfd, struct topology *t)
{
	struct cpumask online = { 0 };
	unsigned node;

	if (read_list(dirfd, "node/online", &online) < 0 || cpumask_count(&online) == 0)
		cpumask_add(&online, 0);
	cpumask_for_each(node, &online) t->nnodes = node + 1;
	t->nodes = xnew_array(struct cpumask, t->nnodes);
	cpumask_for_each(node, &online)
	{
		char path[64];

		snprintf(path, sizeof(path), "node/node%u/cpulist", node);
		if (read_list(dirfd, path, &t->nodes[node]) < 0 && t->nnodes == 1)
			t->nodes[node] = t->online;
		cpumask_and(&t->nodes[node], &t->online);
	}
}

static void read_cores(int dirfd, struct topology *t)
{
	unsigned cpu;

	t->core = xnew_array(uint16_t, CPUMASK_BITS);
	for (cpu = 0; cpu < CPUMASK_BITS; cpu++)
		t->core[cpu] = (uint16_t)cpu;
	cpumask_for_each(cpu, &t->online)
	{
		struct cpumask siblings;
		char path[64];

		snprintf(path, sizeof(path), "cpu/cpu%u/topology/thread_siblings_list", cpu);
		if (read_list(dirfd, path, &siblings) == 0) {
			cpumask_and(&siblings, &t->online);
			if (cpumask_next(&siblings, 0) < cpu)
				t->core[cpu] = (uint16_t)cpumask_next(&siblings, 0);
		}
		if (t->core[cpu] == cpu)
			cpumask_add(&t->firsts, cpu);
	}
}

int topology_read(const char *root, struct topology *ret, struct error *err)
{
	const char *dir = root ? root : "/sys/devices/system";
	auto_close int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;

	*ret = (struct topology){ 0 };
	if (r == 0)
		r = read_list(fd, "cpu/online", &ret->online);
	if (r == 0 && cpumask_count(&ret->online) == 0)
		r = -EINVAL;
	if (r < 0)
		return error_errno(err, -r, "read %s/cpu/online", dir);
	read_nodes(fd, ret);
	read_cores(fd, ret);
	return 0;
}

void topology_deinit(struct topology *t)
{
	free(t->nodes);
	free(t->core);
	*t = (struct topology){ 0 };
}

unsigned topology_node_of(const struct topology *t, unsigned cpu)
{
	for (unsigned node = 0; node < t->nnodes; node++)
		if (cpumask_has(&t->nodes[node], cpu))
			return node;
	return 0;
}
