/* SPDX-License-Identifier: Apache-2.0 */
/* Which container is a process in. */
#include <string.h>

#include "handlers/reply.h"
#include "kernel/procfs.h"

static int locate(const struct handler_env *env, const struct client *client,
		  const Porto__TLocateProcessRequest *m, struct container **ret, struct error *err)
{
	auto_free char *name = NULL;
	struct error why = ERROR_INIT;
	char comm[64];
	pid_t pid;

	if (m->pid == 0 || m->pid > INT32_MAX ||
	    procfs_pid_from_view((pid_t)m->pid, client->pid, &pid))
		return error_set(err, ERR_INVALID_VALUE,
				 "no process has pid %u in the client's view", m->pid);
	if (!str_is_empty(m->comm) &&
	    (procfs_comm(pid, comm, sizeof(comm)) || strcmp(comm, m->comm) != 0))
		return error_set(err, ERR_INVALID_VALUE, "process %u is not '%s'", m->pid, m->comm);
	if (cgroup_locate(env->ops->cgroups, pid, &name, &why))
		return error_set(err, ERR_INVALID_VALUE, "find the container of process %u: %s",
				 m->pid, why.text);
	*ret = tree_find_nearest(env->ops->tree, name);
	return 0;
}

void handle_locate_process(const struct handler_env *env, struct request *rq)
{
	Porto__TPortoResponse resp = PORTO__TPORTO_RESPONSE__INIT;
	Porto__TLocateProcessResponse reply = PORTO__TLOCATE_PROCESS_RESPONSE__INIT;
	auto_free char *name = NULL;
	struct error err = ERROR_INIT;
	struct container *ct = NULL;

	if (locate(env, rq->client, ARGS(rq, TLocateProcessRequest), &ct, &err)) {
		request_fail(rq, &err);
		return;
	}
	name = client_relative(rq->client, ct);
	reply.name = name;
	if (ct == rq->client->container && !container_is_root(ct))
		reply.name = (char *)(uintptr_t) "self";
	resp.locateprocess = &reply;
	request_reply(rq, &resp);
}
