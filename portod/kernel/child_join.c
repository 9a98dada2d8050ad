/* SPDX-License-Identifier: Apache-2.0 */
/* From a copy of the server to portoinit --join; its options are in portoinit.c. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/xalloc.h"
#include "kernel/child.h"
#include "kernel/exec.h"

static void add_limits(struct strv *args, const struct rlimit_entry *limits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		strv_add(args, "--limit");
		strv_add_take(args, xasprintf("%d:%llu:%llu", limits[i].resource,
					      (unsigned long long)limits[i].lim.rlim_cur,
					      (unsigned long long)limits[i].lim.rlim_max));
	}
}

static int add_command(struct child *c, const struct strv *argv, const char *shown,
		       struct strv *args, struct error *err)
{
	const struct start_spec *spec = c->spec;
	auto_strv paths = STRV_INIT;

	if (exec_find(argv, shown, &paths, err) < 0)
		return -1;
	strv_add(args, "--says");
	strv_add_take(args, xasprintf("exec %.500s", shown ? shown : argv->v[0]));
	if (spec->init)
		exec_add_fd(args, "--record", c->record_fd);
	if (spec->init && spec->shared_groups)
		exec_add_number(args, "--kill", 1);
	if (spec->tty)
		exec_add_number(args, "--tty", 1);
	exec_add_fd(args, "--held", c->hold_fd);
	exec_add_number(args, "--command", (long)paths.n);
	for (size_t i = 0; i < paths.n; i++)
		strv_add(args, paths.v[i]);
	for (size_t i = 0; i < argv->n; i++)
		strv_add(args, argv->v[i]);
	return 0;
}

int child_join(struct child *c, const struct strv *argv, const struct rlimit_entry *limits,
	       const char *shown, struct error *err)
{
	static char *no_environment[1];
	auto_strv args = STRV_INIT;

	strv_add(&args, "portoinit");
	strv_add(&args, "--container");
	strv_add(&args, c->spec->name);
	exec_add_fd(&args, "--join", c->channel);
	exec_add_number(&args, "--warnings", (long)c->warnings);
	if (argv)
		add_limits(&args, limits, c->spec->nrlimits);
	if (argv && add_command(c, argv, shown, &args, err) < 0)
		return -1;
	/* A change of ids took it off. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	syscall(SYS_execveat, c->portoinit_fd, "", args.v, argv ? environ : no_environment,
		AT_EMPTY_PATH);
	return error_errno(err, errno, "exec %s", c->spec->portoinit);
}
