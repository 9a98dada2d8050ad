/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two procfs files that describe control groups: /proc/PID/mountinfo and /proc/PID/cgroup.
 * Pure; any input is safe, and fuzzed. proc(5), cgroups(7).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One mount of a cgroup file system. Borrows from the line, which parsing cut up. */
struct cgroup_mount {
	char *root;  /* directory of the hierarchy that is mounted, "/" as a rule */
	char *point; /* where */
	bool is_v2;
	bool read_only;
	char *options; /* super block's: "rw,cpu,cpuacct", "rw,name=systemd" */
};

/* Cut the next line out of a text: moves *pos on, NULL at the end. Modifies the text. */
char *cgroup_next_line(char **pos);
/* A mountinfo line (modified). false: not a cgroup file system, or malformed. */
bool cgroup_mount_parse(char *line, struct cgroup_mount *ret);
/* Cut the next word of a comma-separated list, like strsep(3). */
char *cgroup_next_word(char **pos);

/*
 * Path of a process in the hierarchy of `controller` ("freezer", "name=systemd", "" = the unified
 * tree) from the text of /proc/PID/cgroup. A trailing " (deleted)" is cut. Points into `text`,
 * which is modified. NULL with *ret_err = -ENOENT (no such line), -EPERM (two such lines: a group
 * name with a newline could forge one), -EINVAL (malformed).
 */
char *cgroup_member_path(char *text, const char *controller, int *ret_err);
