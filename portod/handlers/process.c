/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: which container one is in, and into another one with it. */
#include <string.h>

#include "handlers/reply.h"
#include "kernel/procfs.h"

struct found {
	pid_t pid; /* ours */
	uint64_t starttime;
};

/* From what the client calls it, in its pid namespace, to what it is here. */
static int find(const struct client *client, uint32_t pid, const char *comm, struct found *ret,
		struct error *err)
{
	struct proc_stat st;
	char have[64];

	if (pid == 0 || pid > INT32_MAX ||
	    procfs_pid_from_view((pid_t)pid, client->pid, &ret->pid) || procfs_stat(ret->pid, &st))
		return error_set(err, ERR_INVALID_VALUE,
				 "no process has pid %u in the client's view", pid);
	ret->starttime = st.starttime;
	if (str_is_empty(comm))
		return 0;
	if (procfs_comm(ret->pid, have, sizeof(have)))
		return error_set(err, ERR_INVALID_VALUE, "process %u is gone", pid);
	if (strcmp(have, comm) != 0)
		return error_set(err, ERR_INVALID_VALUE, "process %u is '%s', not '%.64s'", pid,
				 have, comm);
	return 0;
}

static int locate(const struct handler_env *env, const struct client *client,
		  const Porto__TLocateProcessRequest *m, struct container **ret, struct error *err)
{
	auto_free char *name = NULL;
	struct error why = ERROR_INIT;
	struct found p;

	if (find(client, m->pid, m->comm, &p, err))
		return -1;
	if (cgroup_locate(env->ops->cgroups, p.pid, &name, &why))
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

/* ---- attach ---- */

/* A thread's id would move its whole process, whatever the checks said about the thread. */
static int check_kind(const struct found *p, uint32_t pid, bool thread, struct error *err)
{
	pid_t leader;

	if (procfs_process_of(p->pid, &leader))
		return error_set(err, ERR_INVALID_VALUE, "process %u is gone", pid);
	if (!thread && leader != p->pid)
		return error_set(err, ERR_INVALID_VALUE,
				 "%u is a thread, not a process; AttachThread moves threads", pid);
	return 0;
}

static void attach(const struct handler_env *env, struct request *rq, bool thread)
{
	const Porto__TAttachProcessRequest *m = ARGS(rq, TAttachProcessRequest);
	struct error err = ERROR_INIT;
	struct container *ct = NULL;
	struct found p;

	if (client_resolve(rq->client, env->ops->tree, or_empty(m->name), &ct, &err) ||
	    find(rq->client, m->pid, m->comm, &p, &err) || check_kind(&p, m->pid, thread, &err)) {
		request_fail(rq, &err);
		return;
	}
	reply_later(rq, ops_attach(env->ops, rq->client, ct, p.pid, p.starttime, thread, reply_done,
				   rq));
}

void handle_attach_process(const struct handler_env *env, struct request *rq)
{
	attach(env, rq, false);
}

void handle_attach_thread(const struct handler_env *env, struct request *rq)
{
	attach(env, rq, true);
}
