/* SPDX-License-Identifier: Apache-2.0 */
#include "props/ulimit.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/xalloc.h"

/* Add the types that are not there yet. */
static void add_missing(struct smap *limits, const struct smap *more)
{
	for (size_t i = 0; i < more->n; i++) {
		if (!smap_find(limits, more->e[i].key))
			smap_set(limits, more->e[i].key, more->e[i].val);
	}
}

static uint64_t read_sysctl(const char *path)
{
	char text[NUM_MAX];
	uint64_t v = 0;

	if (fd_read_small(AT_FDCWD, path, text, sizeof(text)) > 0)
		num_parse_u64(text, &v);
	return v;
}

/* Half of what the host can have; it is counted per user, over all containers. */
static void add_nproc(struct smap *limits)
{
	uint64_t pids = read_sysctl("/proc/sys/kernel/pid_max");
	uint64_t threads = read_sysctl("/proc/sys/kernel/threads-max");
	uint64_t least = pids < threads ? pids : threads;
	auto_free char *text = NULL;

	if (!least || smap_find(limits, "nproc"))
		return;
	text = xasprintf("%llu", (unsigned long long)least / 2);
	smap_set(limits, "nproc", text);
}

/* What a memory limit bounds anyway may be locked, but for a rest. */
static void add_memlock(struct smap *limits, const struct container *ct, const struct prop_env *env)
{
	uint64_t memory = container_memory_limit_total(ct), soft = env->memlock_minimal;
	uint64_t margin = env->memlock_margin;
	auto_free char *text = NULL;

	if (smap_find(limits, "memlock"))
		return;
	if (memory > margin && memory - margin > soft)
		soft = memory - margin;
	text = xasprintf("%llu unlimited", (unsigned long long)soft);
	smap_set(limits, "memlock", text);
}

static size_t to_entries(const struct smap *limits, struct rlimit_entry *entries)
{
	size_t n = 0;

	for (size_t i = 0; i < limits->n; i++) {
		struct rlimit_entry *e = &entries[n];

		/* The configured default may name anything. */
		if (rlimit_parse_name(limits->e[i].key, &e->resource) == 0 &&
		    rlimit_parse_value(limits->e[i].val, &e->lim) == 0)
			n++;
	}
	return n;
}

void ulimit_effective(const struct container *ct, const struct prop_env *env,
		      struct rlimit_entry **ret, size_t *ret_n)
{
	auto_smap limits = SMAP_INIT, defaults = SMAP_INIT;

	for (const struct container *up = ct; up; up = up->parent)
		add_missing(&limits, &up->spec.ulimit);
	if (env->default_ulimit && smap_parse(&defaults, env->default_ulimit) == 0)
		add_missing(&limits, &defaults);
	add_nproc(&limits);
	add_memlock(&limits, ct, env);
	*ret = xnew_array(struct rlimit_entry, limits.n);
	*ret_n = to_entries(&limits, *ret);
}
