/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: processors. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/xalloc.h"
#include "props/jail.h"
#include "props/rows.h"

static void clear(struct cpu_set_spec *s)
{
	free(s->list);
	*s = (struct cpu_set_spec){ .policy = CPU_SET_INHERIT, .node = -1 };
}

/* ---- text: list, or `jail N`, `node N` ---- */

/* "node 1" or "jail 4". */
static int parse_word(const char *item, struct cpu_set_spec *s, struct error *err)
{
	bool jail = str_has_prefix(item, "jail ");
	uint64_t n;

	if ((!jail && !str_has_prefix(item, "node ")) ||
	    num_parse_u64(item + strlen("node "), &n) < 0 || n >= CPUMASK_BITS)
		return error_set(
			err, ERR_INVALID_VALUE,
			"'%.100s' is neither a list of processors nor 'node N' nor 'jail N'", item);
	if (jail) {
		s->jail = (unsigned)n;
		s->policy = CPU_SET_JAIL;
	} else {
		s->node = (int)n;
		if (s->policy == CPU_SET_INHERIT)
			s->policy = CPU_SET_NODE;
	}
	return 0;
}

static int parse_words(const char *text, struct cpu_set_spec *s, struct error *err)
{
	auto_strv items = STRV_INIT;
	size_t jails = 0;

	strv_split(&items, text, ';');
	for (size_t i = 0; i < items.n; i++) {
		jails += str_has_prefix(items.v[i], "jail ");
		if (parse_word(items.v[i], s, err))
			return -1;
	}
	if (items.n > 2 || (items.n == 2 && jails != 1))
		return error_set(err, ERR_INVALID_VALUE,
				 "'%.100s' is more than 'jail N' and 'node N'", text);
	return 0;
}

static int parse_list(const char *text, struct cpu_set_spec *s, struct error *err)
{
	struct cpumask m;

	if (cpumask_parse(&m, text) < 0)
		return error_set(err, ERR_INVALID_VALUE, "'%.100s' is no list of processors", text);
	s->policy = CPU_SET_LIST;
	s->list = cpumask_format(&m);
	return 0;
}

static int parse_spec(const char *text, struct cpu_set_spec *s, struct error *err)
{
	clear(s);
	if (!*text || str_eq(text, "all") || str_eq(text, "inherit"))
		return 0;
	return *text >= '0' && *text <= '9' ? parse_list(text, s, err) : parse_words(text, s, err);
}

/* ---- can it be had here? ---- */

static int check_jail(const struct topology *t, const struct cpu_set_spec *s, struct error *err)
{
	const struct cpumask *from = s->node >= 0 ? &t->nodes[s->node] : &t->online;
	unsigned most = cpumask_count(from);

	if (s->jail >= 1 && s->jail <= most)
		return 0;
	return error_set(err, ERR_INVALID_VALUE, "a jail has 1 to %u processors here, not %u", most,
			 s->jail);
}

static int check_spec(const struct topology *t, const struct cpu_set_spec *s, struct error *err)
{
	struct cpumask m;

	if (s->node >= 0 &&
	    ((unsigned)s->node >= t->nnodes || cpumask_count(&t->nodes[s->node]) == 0))
		return error_set(err, ERR_INVALID_VALUE, "this host has no node %d with processors",
				 s->node);
	if (s->policy == CPU_SET_LIST &&
	    (cpumask_parse(&m, s->list) < 0 || !cpumask_subset(&m, &t->online)))
		return error_set(err, ERR_INVALID_VALUE,
				 "not all processors of '%.100s' are online", s->list);
	return s->policy == CPU_SET_JAIL ? check_jail(t, s, err) : 0;
}

static int parse(const struct prop *p, const struct prop_ctx *ctx, const char *text, void *field,
		 struct error *err)
{
	(void)p;
	if (parse_spec(text, field, err))
		return -1;
	return ctx->env->topology ? check_spec(ctx->env->topology, field, err) : 0;
}

static char *save(const struct prop *p, const void *field)
{
	const struct cpu_set_spec *s = field;

	(void)p;
	switch ((enum cpu_set_policy)s->policy) {
	case CPU_SET_LIST:
		return xstrdup(s->list);
	case CPU_SET_NODE:
		return xasprintf("node %d", s->node);
	case CPU_SET_JAIL:
		return s->node >= 0 ? xasprintf("jail %u; node %d", s->jail, s->node)
				    : xasprintf("jail %u", s->jail);
	case CPU_SET_INHERIT:
		break;
	}
	return xstrdup("");
}

static int load(const struct prop *p, const char *text, void *field, struct error *err)
{
	(void)p;
	return parse_spec(text, field, err);
}

static void format(const struct prop *p, const struct prop_ctx *ctx, const void *field,
		   struct buf *out)
{
	auto_free char *text = save(p, field);

	(void)ctx;
	buf_adds(out, text);
}

static const struct prop_type type_cpu_set = {
	.name = "processors",
	.parse = parse,
	.format = format,
	.save = save,
	.load = load,
};

const struct prop row_cpu_set = {
	.name = "cpu_set",
	.row = ROW_cpu_set,
	.desc = "processors it may use",
	.doc = "A list, **0-3,8**; **node** *N*, all of a memory node; **jail** *N*, so many that\n"
	       "the daemon chooses and moves from time to time, so that each is in as few jails\n"
	       "as possible, also **jail** *N* **; node** *N*; or **inherit**, **all** or empty, the\n"
	       "default: those of the container above. Others are not kept out of them. What is\n"
	       "offline, or more than there is, is InvalidValue, as is what the container above\n"
	       "does not have (without the unified tree); a jail within a jail is\n"
	       "ResourceNotAvailable. Containers below that inherit follow. cpuset.cpus.",
	.type = &type_cpu_set,
	.offset = FIELD(cpu_set),
	.flags = PROP_DYNAMIC | PROP_SLOW,
	.needs = CGROUP_BIT(CGROUP_CPUSET),
	.group = APPLY_CPU_SET,
};

/* ---- what it has ---- */

GETTER(get_affinity)
{
	auto_free char *text = NULL;
	struct cpumask m;
	struct cgroup cg;

	UNUSED();
	if (!ctx->env->cgroups)
		return 0;
	prop_cgroup(ctx->ct, &cg);
	if (cgroup_get_cpus(ctx->env->cgroups, &cg, &m) < 0)
		return 0;
	text = cpumask_format(&m);
	buf_adds(out, text);
	return 0;
}

const struct prop row_cpu_set_affinity = {
	.name = "cpu_set_affinity",
	.row = ROW_cpu_set_affinity,
	.desc = "processors it has",
	.doc = "A list; empty when there is no group. cpuset.cpus, cpuset.cpus.effective.",
	.flags = PROP_READONLY,
	.needs = CGROUP_BIT(CGROUP_CPUSET),
	.get = get_affinity,
};

GETTER(get_jail_state)
{
	auto_free struct jail_usage *usage = xnew(struct jail_usage);
	unsigned cpu;

	UNUSED();
	if (!ctx->env->topology)
		return 0;
	jail_usage_read(ctx->env->tree, usage);
	buf_adds(out, "cpu\tjails\n");
	cpumask_for_each(cpu, &ctx->env->topology->online)
		buf_addf(out, "%u\t%u\n", cpu, usage->count[cpu]);
	return 0;
}

const struct prop row_porto_cpu_jail_state = {
	.name = "porto_cpu_jail_state",
	.row = ROW_porto_cpu_jail_state,
	.desc = "in how many jails each processor is",
	.doc = "A line for each processor that is online, number and count, below a line of\n"
	       "headings. See *cpu_set*.",
	.flags = PROP_READONLY | PROP_HIDDEN,
	.get = get_jail_state,
};
