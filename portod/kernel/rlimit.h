/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits by name (getrlimit(2)). Pure but for rlimit_apply. */
#pragma once

#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"

struct rlimit_entry {
	int resource; /* RLIMIT_… */
	struct rlimit lim;
};

int rlimit_parse_name(const char *name, int *ret); /* "nofile"; 0 or -ENOENT */
const char *rlimit_name(int resource);
/* "soft [hard]"; unlimited, unlim, inf, -1; size suffixes; missing hard = soft. 0 or -EINVAL. */
int rlimit_parse_value(const char *text, struct rlimit *ret);
/* "unlimited" or number, both. New string. */
char *rlimit_format_value(const struct rlimit *lim);
/*
 * prlimit(2) on `pid` (0 = self). Raising a hard limit without CAP_SYS_RESOURCE: the values are
 * lowered to what is possible and 1 is returned, so the caller can warn. 0 done, -1 error.
 */
int rlimit_apply(pid_t pid, const struct rlimit_entry *e, struct error *err);
/* For somebody who will have fewer rights: raise our own hard limit where that is needed, so that
 * he can apply *ret, which is what is possible. Results as above. */
int rlimit_make_room(const struct rlimit_entry *e, struct rlimit_entry *ret, struct error *err);
