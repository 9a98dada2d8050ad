/* SPDX-License-Identifier: Apache-2.0 */
#include "props/seccomp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "proto/porto.pb-c.h"
#include "proto/textpb.h"
#include "props/rows.h"

typedef Porto__TSeccompProfile profile_message;

#define ERRNO_MAX 4095 /* of the kernel */

/* ---- text to profile ---- */

static int parse_text(const char *text, profile_message **ret, struct error *err)
{
	ProtobufCMessage *m;
	char why[256];

	if (strlen(text) > SECCOMP_TEXT_MAX)
		return error_set(err, ERR_INVALID_VALUE,
				 "the profile '%.40s…' has %zu bytes, the limit is %d", text,
				 strlen(text), SECCOMP_TEXT_MAX);
	m = textpb_new(&porto__tseccomp_profile__descriptor);
	if (!m)
		return error_set(err, ERR_RESOURCE_NOT_AVAILABLE, "no memory for the profile");
	if (textpb_parse(m, text, strlen(text), NULL, why, sizeof(why)) < 0) {
		protobuf_c_message_free_unpacked(m, NULL);
		return error_set(err, ERR_INVALID_VALUE, "profile '%.100s': %s", text, why);
	}
	*ret = (profile_message *)m;
	return 0;
}

static int read_action(const Porto__TSeccompAction *a, struct sysfilter_action *ret,
		       struct error *err)
{
	static const enum sysfilter_verdict verdicts[] = {
		[PORTO__TSECCOMP_ACTION__EACTION__Allow] = SYSFILTER_ALLOW,
		[PORTO__TSECCOMP_ACTION__EACTION__Errno] = SYSFILTER_ERRNO,
		[PORTO__TSECCOMP_ACTION__EACTION__Trace] = SYSFILTER_TRACE,
		[PORTO__TSECCOMP_ACTION__EACTION__Log] = SYSFILTER_LOG,
		[PORTO__TSECCOMP_ACTION__EACTION__Trap] = SYSFILTER_TRAP,
		[PORTO__TSECCOMP_ACTION__EACTION__KillProcess] = SYSFILTER_KILL_PROCESS,
		[PORTO__TSECCOMP_ACTION__EACTION__Kill] = SYSFILTER_KILL_THREAD,
	};
	uint64_t max = UINT16_MAX, value = a->value;

	if (!a->has_action || (unsigned)a->action >= ARRAY_SIZE(verdicts))
		return error_set(err, ERR_INVALID_VALUE, "an action without known 'action'");
	if (a->action == PORTO__TSECCOMP_ACTION__EACTION__Notify)
		return error_set(err, ERR_NOT_SUPPORTED,
				 "action Notify: there is nobody to be notified");
	if (a->action == PORTO__TSECCOMP_ACTION__EACTION__Errno) {
		max = ERRNO_MAX;
		value = a->has_value ? value : EPERM;
	}
	if (value > max)
		return error_set(err, ERR_INVALID_VALUE,
				 "value %llu of an action, the limit is %llu",
				 (unsigned long long)value, (unsigned long long)max);
	*ret = (struct sysfilter_action){ verdicts[a->action], (uint16_t)value };
	return 0;
}

static int read_arg(const Porto__TSeccompArg *a, struct sysfilter_arg *ret, struct error *err)
{
	static const enum sysfilter_compare compares[] = {
		[PORTO__TSECCOMP_ARG__ECOMPARE__Ne] = SYSFILTER_NE,
		[PORTO__TSECCOMP_ARG__ECOMPARE__Lt] = SYSFILTER_LT,
		[PORTO__TSECCOMP_ARG__ECOMPARE__Le] = SYSFILTER_LE,
		[PORTO__TSECCOMP_ARG__ECOMPARE__Eq] = SYSFILTER_EQ,
		[PORTO__TSECCOMP_ARG__ECOMPARE__Ge] = SYSFILTER_GE,
		[PORTO__TSECCOMP_ARG__ECOMPARE__Gt] = SYSFILTER_GT,
		[PORTO__TSECCOMP_ARG__ECOMPARE__MaskedEq] = SYSFILTER_MASKED_EQ,
	};
	bool masked = a->compare == PORTO__TSECCOMP_ARG__ECOMPARE__MaskedEq;

	if (!a->has_index || !a->has_compare || !a->has_value)
		return error_set(err, ERR_INVALID_VALUE,
				 "an argument needs 'index', 'compare' and 'value'");
	if (a->index >= SYSFILTER_ARGS)
		return error_set(err, ERR_INVALID_VALUE, "argument %llu, the last one is %d",
				 (unsigned long long)a->index, SYSFILTER_ARGS - 1);
	if ((unsigned)a->compare >= ARRAY_SIZE(compares))
		return error_set(err, ERR_INVALID_VALUE, "an argument without known 'compare'");
	if (a->has_mask && !masked)
		return error_set(err, ERR_INVALID_VALUE, "'mask' is for MaskedEq");
	if (a->has_mask && (a->value & ~a->mask))
		return error_set(err, ERR_INVALID_VALUE,
				 "value %#llx has bits that are not in mask %#llx, nothing is ever "
				 "equal",
				 (unsigned long long)a->value, (unsigned long long)a->mask);
	*ret = (struct sysfilter_arg){
		.index = (unsigned)a->index,
		.compare = compares[a->compare],
		.value = masked && !a->has_mask ? 0 : a->value,
		.mask = a->has_mask ? a->mask : a->value,
	};
	return 0;
}

static int read_args(const Porto__TSeccompRule *r, struct sysfilter_rule *ret, struct error *err)
{
	unsigned seen = 0;

	if (r->n_args > SYSFILTER_ARGS)
		return error_set(err, ERR_INVALID_VALUE, "%zu arguments, the limit is %d",
				 r->n_args, SYSFILTER_ARGS);
	for (; ret->nargs < r->n_args; ret->nargs++) {
		struct sysfilter_arg *arg = &ret->args[ret->nargs];

		if (read_arg(r->args[ret->nargs], arg, err))
			return -1;
		if (seen & 1u << arg->index)
			return error_set(err, ERR_INVALID_VALUE, "argument %u is there twice",
					 arg->index);
		seen |= 1u << arg->index;
	}
	return 0;
}

static int read_rule(const Porto__TSeccompRule *r, struct sysfilter_rule *ret, struct error *err)
{
	*ret = (struct sysfilter_rule){ 0 };
	if (str_is_empty(r->syscall))
		return error_set(err, ERR_INVALID_VALUE, "a rule needs 'syscall'");
	if (sysfilter_find(r->syscall, &ret->syscall) < 0)
		return error_set(err, ERR_INVALID_VALUE, "there is no system call '%.100s'",
				 r->syscall);
	if (!r->action)
		return error_set(err, ERR_INVALID_VALUE, "the rule about '%.100s' needs 'action'",
				 r->syscall);
	if (read_args(r, ret, err) || read_action(r->action, &ret->action, err))
		return error_prefix(err, "rule about '%.100s'", r->syscall);
	return 0;
}

static bool same_arg(const struct sysfilter_arg *a, const struct sysfilter_arg *b)
{
	return a->index == b->index && a->compare == b->compare && a->value == b->value &&
	       a->mask == b->mask;
}

/* One of them means all calls, or both the same ones. */
static bool same_calls(const struct sysfilter_rule *a, const struct sysfilter_rule *b)
{
	size_t equal = 0;

	if (a->syscall != b->syscall)
		return false;
	for (size_t i = 0; i < a->nargs; i++)
		for (size_t k = 0; k < b->nargs; k++)
			equal += same_arg(&a->args[i], &b->args[k]);
	return !a->nargs || !b->nargs || (equal == a->nargs && equal == b->nargs);
}

static int check_contradictions(const profile_message *m, const struct sysfilter_profile *p,
				struct error *err)
{
	for (size_t i = 0; i < p->nrules; i++) {
		for (size_t k = i + 1; k < p->nrules; k++) {
			const struct sysfilter_rule *a = &p->rules[i], *b = &p->rules[k];

			if (same_calls(a, b) && (a->action.verdict != b->action.verdict ||
						 a->action.value != b->action.value))
				return error_set(err, ERR_INVALID_VALUE,
						 "rules %zu and %zu about %.100s contradict each "
						 "other",
						 i + 1, k + 1, m->rules[k]->syscall);
		}
	}
	return 0;
}

static int read_profile(const profile_message *m, struct sysfilter_profile *ret, struct error *err)
{
	struct sysfilter_profile p = { .otherwise = { SYSFILTER_ALLOW, 0 } };

	if (m->n_rules > SECCOMP_RULES_MAX)
		return error_set(err, ERR_INVALID_VALUE, "%zu rules, the limit is %d", m->n_rules,
				 SECCOMP_RULES_MAX);
	if (m->default_action && read_action(m->default_action, &p.otherwise, err))
		return error_prefix(err, "default_action");
	p.rules = xnew_array(struct sysfilter_rule, m->n_rules + 1);
	for (; p.nrules < m->n_rules; p.nrules++) {
		if (read_rule(m->rules[p.nrules], &p.rules[p.nrules], err))
			break;
	}
	if (p.nrules < m->n_rules || check_contradictions(m, &p, err)) {
		sysfilter_profile_deinit(&p);
		return -1;
	}
	*ret = p;
	return 0;
}

static bool says_nothing(const profile_message *m)
{
	const Porto__TSeccompAction *a = m->default_action;

	return m->n_rules == 0 && (!a || a->action == PORTO__TSECCOMP_ACTION__EACTION__Allow);
}

int seccomp_normalize(const char *text, char **ret, struct error *err)
{
	struct sysfilter_profile p;
	profile_message *m;
	int r;

	if (parse_text(text, &m, err))
		return -1;
	r = read_profile(m, &p, err);
	if (r == 0) {
		sysfilter_profile_deinit(&p);
		*ret = says_nothing(m) ? xstrdup("") : textpb_print(&m->base);
		if (!*ret)
			r = error_set(err, ERR_RESOURCE_NOT_AVAILABLE, "no memory for the profile");
	}
	protobuf_c_message_free_unpacked(&m->base, NULL);
	return r;
}

/* ---- which profiles hold ---- */

static bool has_profile(const struct container *ct)
{
	return !str_is_empty(ct->spec.seccomp) || !str_is_empty(ct->spec.seccomp_name);
}

static const char *profile_text(const struct prop_env *env, const struct container *ct)
{
	if (!str_is_empty(ct->spec.seccomp_name))
		return env->seccomp ? smap_get(env->seccomp, ct->spec.seccomp_name) : NULL;
	return ct->spec.seccomp;
}

static bool stacks(const struct prop_env *env, const struct container *ct)
{
	const char *text = profile_text(env, ct);
	struct error ignored = ERROR_INIT;
	profile_message *m;
	bool stack;

	if (!text || parse_text(text, &m, &ignored))
		return false;
	stack = m->has_stack && m->stack;
	protobuf_c_message_free_unpacked(&m->base, NULL);
	return stack;
}

static int refuse_second(const struct container *upper, const struct container *lower,
			 struct error *err)
{
	return error_set(
		err, ERR_INVALID_STATE,
		"containers '%s' and '%s' below it cannot both have a profile, unless that "
		"of the lower one says 'stack: true'",
		upper->name, lower->name);
}

static int check_conflicts(const struct prop_env *env, struct container *ct, struct error *err)
{
	if (!has_profile(ct))
		return 0;
	for (const struct container *up = ct->parent; up && !container_is_root(up); up = up->parent)
		if (has_profile(up) && !stacks(env, ct))
			return refuse_second(up, ct, err);
	for (const struct container *low = tree_next(ct, ct); low; low = tree_next(ct, low))
		if (has_profile(low) && !stacks(env, low))
			return refuse_second(ct, low, err);
	return 0;
}

void seccomp_profiles_deinit(struct seccomp_profiles *p)
{
	for (size_t i = 0; i < p->n; i++)
		sysfilter_profile_deinit(&p->v[i]);
	free(p->v);
	*p = (struct seccomp_profiles){ 0 };
}

static int add_profile(const struct prop_env *env, const struct container *ct,
		       struct seccomp_profiles *ret, struct error *err)
{
	const char *text = profile_text(env, ct);
	profile_message *m;
	int r;

	if (!text)
		return error_set(err, ERR_INVALID_VALUE,
				 "seccomp_name '%s' of container '%s' is not in the configuration",
				 ct->spec.seccomp_name, ct->name);
	if (parse_text(text, &m, err))
		return -1;
	ret->v = xreallocarray(ret->v, ret->n + 1, sizeof(*ret->v));
	r = says_nothing(m) ? 0 : read_profile(m, &ret->v[ret->n], err);
	if (r == 0 && !says_nothing(m))
		ret->n++;
	protobuf_c_message_free_unpacked(&m->base, NULL);
	return r;
}

int seccomp_effective(const struct prop_env *env, const struct container *ct,
		      struct seccomp_profiles *ret, struct error *err)
{
	const struct container *chain[CONTAINER_MAX_LEVEL + 1];
	size_t n = 0;

	*ret = (struct seccomp_profiles){ 0 };
	for (; ct && !container_is_root(ct); ct = ct->parent) {
		if (has_profile(ct))
			chain[n++] = ct;
	}
	while (n-- > 0) {
		if (add_profile(env, chain[n], ret, err)) {
			seccomp_profiles_deinit(ret);
			return -1;
		}
	}
	return 0;
}

bool no_new_privs_effective(const struct container *ct)
{
	if (container_is_root(ct))
		return false;
	if (no_new_privs_effective(ct->parent))
		return true;
	return row_is_set(ct, &row_no_new_privs) ? ct->spec.no_new_privs : has_profile(ct);
}

/* ---- rows ---- */

/* One takes the place of the other. */
static void forget(struct container *ct, char **field, unsigned row)
{
	str_set(field, NULL);
	container_mark_set(ct, row, false);
}

SETTER(set_seccomp)
{
	struct container_spec *s = &ctx->ct->spec;
	char *text;

	(void)p, (void)index;
	if (seccomp_normalize(value, &text, err))
		return -1;
	free(s->seccomp);
	s->seccomp = text;
	forget(ctx->ct, &s->seccomp_name, ROW_seccomp_name);
	return 0;
}

SETTER(set_seccomp_name)
{
	struct container_spec *s = &ctx->ct->spec;

	(void)p, (void)index;
	if (*value && (!ctx->env->seccomp || !smap_find(ctx->env->seccomp, value)))
		return error_set(err, ERR_INVALID_VALUE,
				 "there is no profile '%.200s' in the configuration", value);
	str_set(&s->seccomp_name, value);
	forget(ctx->ct, &s->seccomp, ROW_seccomp);
	return 0;
}

CHECKER(check_seccomp)
{
	(void)p;
	return check_conflicts(ctx->env, ctx->ct, err);
}

const struct prop row_seccomp = {
	.name = "seccomp",
	.row = ROW_seccomp,
	.desc = "filter of system calls, as text of a TSeccompProfile",
	.doc = "Text of protobuf: **default_action { action: Allow } rules { syscall:\n"
	       "\"mkdir\" args { index: 1 compare: Eq value: 0 } action { action: Errno value: 1\n"
	       "} }** ... Actions **Allow**, **Errno** (*value*; EPERM), **Trace** (*value*),\n"
	       "**Log**, **Trap**, **KillProcess**, **Kill** (the thread); **Notify** is\n"
	       "NotSupported. Comparisons **Ne** **Lt** **Le** **Eq** **Ge** **Gt** and\n"
	       "**MaskedEq**: (argument & *mask*) == *value*, without *mask* (argument &\n"
	       "*value*) == 0. All arguments of a rule must be so, each at most once. Without\n"
	       "*default_action* what no rule is about is allowed. A system call is a name, or\n"
	       "a number. At most 1000 rules. Programs of another architecture are killed.\n\n"
	       "The filter holds for the command and for those of containers below that have\n"
	       "none. A second one above or below is InvalidState, unless the lower one says\n"
	       "**stack: true**: then both must allow a call (and the upper one seccomp(2)).\n"
	       "It is installed last: only execve(2) has to pass, and write(2) for the reason\n"
	       "of a failure; with *held* also what waits. Sets *no_new_privs* unless that is\n"
	       "set. Setting it clears *seccomp_name*. Rules that contradict each other are\n"
	       "InvalidValue. seccomp(2).",
	.type = &type_string,
	.offset = FIELD(seccomp),
	.also = { &row_seccomp_name },
	.check = check_seccomp,
	.set = set_seccomp,
};

const struct prop row_seccomp_name = {
	.name = "seccomp_name",
	.row = ROW_seccomp_name,
	.desc = "filter of system calls from the configuration",
	.doc = "Name of one of **container.seccomp_profiles**, looked up at each start; else as\n"
	       "*seccomp*, which setting it clears. InvalidValue when there is none.",
	.type = &type_string,
	.offset = FIELD(seccomp_name),
	.also = { &row_seccomp },
	.check = check_seccomp,
	.set = set_seccomp_name,
};

GETTER(get_no_new_privs)
{
	UNUSED();
	type_put_bool(out, no_new_privs_effective(ctx->ct));
	return 0;
}

CHECKER(check_no_new_privs)
{
	const struct container *ct = ctx->ct;

	(void)p;
	if (ct->spec.no_new_privs || !no_new_privs_effective(ct->parent))
		return 0;
	return error_set(err, ERR_PERMISSION,
			 "'false' is less than container '%s' above has, which has true",
			 ct->parent->name);
}

const struct prop row_no_new_privs = {
	.name = "no_new_privs",
	.row = ROW_no_new_privs,
	.desc = "no program gains rights by being executed",
	.doc = "With **true** set-user-ID, set-group-ID and file capabilities mean nothing for\n"
	       "the command and all that it executes. Default: as the parent; true with a\n"
	       "*seccomp* profile of its own. **false** is Permission where the parent has\n"
	       "true; with a profile the filter is installed with the daemon's CAP_SYS_ADMIN.\n"
	       "prctl(2) PR_SET_NO_NEW_PRIVS.",
	.type = &type_bool,
	.offset = FIELD(no_new_privs),
	.check = check_no_new_privs,
	.get = get_no_new_privs,
};
