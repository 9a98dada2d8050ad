/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "core/core.h"
#include "kernel/procfs.h"

int core_info_parse(char *const words[CORE_WORDS], struct core_info *ret, struct error *err)
{
	static const char *const names[CORE_WORDS] = { "pid",       "tid",    "inner pid",
						       "inner tid", "signal", "dumpable",
						       "ulimit",    "uid",    "gid" };
	uint64_t v[CORE_WORDS];

	for (int i = 0; i < CORE_WORDS; i++) {
		bool is_pid = i < 4;

		if (num_parse_u64(words[i], &v[i]) < 0 || (i != 6 && v[i] > UINT32_MAX) ||
		    (is_pid && (v[i] == 0 || v[i] > INT32_MAX)))
			return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no %s", words[i],
					 names[i]);
	}
	*ret = (struct core_info){
		.pid = (pid_t)v[0],
		.tid = (pid_t)v[1],
		.vpid = (pid_t)v[2],
		.vtid = (pid_t)v[3],
		.sig = (int)(v[4] & 0xff),
		.dumpable = v[5] > 2 ? 0 : (int)v[5],
		.ulimit = v[6],
		.uid = (uid_t)v[7],
		.gid = (gid_t)v[8],
	};
	return 0;
}

/* For file names and logs: what came from the process may be any bytes. */
static void make_plain(char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.+-", *s))
			*s = '_';
}

void core_info_look(struct core_info *c)
{
	static const char deleted[] = " (deleted)";
	char link[64];
	ssize_t n;

	c->when = time(NULL);
	(void)procfs_comm(c->pid, c->comm, sizeof(c->comm));
	(void)procfs_comm(c->tid, c->thread_comm, sizeof(c->thread_comm));
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)c->pid);
	n = readlink(link, c->exe_path, sizeof(c->exe_path) - 1);
	c->exe_path[n > 0 ? n : 0] = '\0';
	if (str_has_suffix(c->exe_path, deleted))
		c->exe_path[strlen(c->exe_path) - strlen(deleted)] = '\0';
	snprintf(c->exe, sizeof(c->exe), "%.*s", CORE_NAME - 1,
		 c->exe_path[0] ? path_basename(c->exe_path) : c->comm);
	make_plain(c->exe);
}

void core_info_time(const struct core_info *c, char buf[32])
{
	struct tm tm;

	if (!localtime_r(&c->when, &tm) || !strftime(buf, 32, "%Y%m%dT%H%M%S", &tm))
		buf[0] = '\0';
}
