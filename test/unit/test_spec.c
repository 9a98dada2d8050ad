/* SPDX-License-Identifier: Apache-2.0 */
/* Specs: the property table against the messages, and values on their way in and out. */
#include "props_fixture.h"

#include "props/rows.h"
#include "props/spec_codec.h"
#include "proto/textpb.h"

#define TEST(f)    cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
#define TEST_V1(f) cmocka_unit_test_setup_teardown(f, fx_setup_v1, fx_teardown)

#define SPEC       (&porto__tcontainer_spec__descriptor)
#define STATUS     (&porto__tcontainer_status__descriptor)

/* ---- the table against the messages ---- */

/* Fields that are no property. */
static const char *const no_property[] = {
	"name",            /* who the spec is about */
	"cpu_limit_total", /* of the spec: moved to the status long ago */
	"dead_time",       /* time[dead] */
	"no_changes",      /* of the request */
	"error",           /* of the request */
	"warning",         /* never filled */
};

/* Fields of the status that were declared for properties which can be set; never filled. */
static const char *const status_of_settable[] = { "hugetlb_limit", "memory_lock_policy" };

/* Properties without a field. */
static const char *const no_field[] = {
	"bind_dns",           "dirty_limit_bound",    "max_rss",    "net_class_id",
	"net_rx_max_speed",   "net_rx_speed_hgram",   "net_tos",    "net_tx_max_speed",
	"net_tx_speed_hgram", "porto_cpu_jail_state", "porto_stat",
};

static bool is_in(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(names[i], name))
			return true;
	}
	return false;
}

#define IS_IN(names, name) is_in(names, ARRAY_SIZE(names), name)

static const struct prop *prop_of(const char *field)
{
	if (!strcmp(field, "std_out"))
		return prop_find("stdout");
	if (!strcmp(field, "std_err"))
		return prop_find("stderr");
	return prop_find(field);
}

static void every_field_has_its_row(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SPEC->n_fields; i++) {
		const char *name = SPEC->fields[i].name;
		const struct prop *p = prop_of(name);

		if (IS_IN(no_property, name))
			continue;
		if (!p || p->flags & PROP_READONLY)
			fail_msg("TContainerSpec.%s: no property that can be set", name);
	}
	for (unsigned i = 0; i < STATUS->n_fields; i++) {
		const char *name = STATUS->fields[i].name;
		const struct prop *p = prop_of(name);

		if (IS_IN(no_property, name) || IS_IN(status_of_settable, name))
			continue;
		if (!p || (!p->absent && !(p->flags & PROP_READONLY)))
			fail_msg("TContainerStatus.%s: no property that can be read only", name);
	}
}

static void every_row_has_its_field(void **state)
{
	struct spec_field f;

	(void)state;
	for (size_t row = 0; row < prop_count(); row++) {
		const struct prop *p = prop_at(row);
		/* Of what is not there nobody knows which it will be. */
		bool there = spec_field_of(p, &f) ||
			     (p->absent &&
			      protobuf_c_message_descriptor_get_field_by_name(STATUS, p->name));

		if (there == IS_IN(no_field, p->name))
			fail_msg("%s: %s", p->name,
				 there ? "has a field" : "has no field in the messages");
		if (there && !p->absent)
			assert_int_equal(f.in_status, (p->flags & PROP_READONLY) != 0);
	}
}

/* The property's syntax and the field's type agree. */
static bool fits(const struct prop *p, ProtobufCType type)
{
	const struct prop_type *t = p->type;

	if (type == PROTOBUF_C_TYPE_BOOL)
		return t == &type_bool;
	if (type == PROTOBUF_C_TYPE_DOUBLE)
		return t == &type_cpu || t == &type_hundredths;
	if (type == PROTOBUF_C_TYPE_INT32 || type == PROTOBUF_C_TYPE_INT64)
		return t == &type_int;
	if (type == PROTOBUF_C_TYPE_UINT32)
		return t == &type_oct || str_has_prefix(t->name, "hex");
	if (type == PROTOBUF_C_TYPE_UINT64)
		return t == &type_uint || t == &type_size || t == &type_nsec ||
		       t == &type_nsec_unit;
	return type == PROTOBUF_C_TYPE_STRING || type == PROTOBUF_C_TYPE_MESSAGE;
}

static void types_of_fields_fit(void **state)
{
	struct spec_field f;

	(void)state;
	for (size_t row = 0; row < prop_count(); row++) {
		const struct prop *p = prop_at(row);
		const struct spec_codec *codec;

		if (p->absent || !spec_field_of(p, &f))
			continue;
		if (f.field->label == PROTOBUF_C_LABEL_REPEATED) {
			assert_ptr_equal(p, &row_taint);
			continue;
		}
		if (!f.in_status && !fits(p, f.field->type))
			fail_msg("%s: type %s in a field of another", p->name, p->type->name);
		if (f.field->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		codec = spec_codec_find(f.field->descriptor);
		if (!codec || !codec->dump || (!f.in_status && !codec->load))
			fail_msg("%s: nothing converts its message", p->name);
	}
}

/* ---- helpers ---- */

static Porto__TContainerSpec *spec_of(const char *text)
{
	Porto__TContainerSpec *spec = (void *)textpb_new(SPEC);
	char why[256];

	if (textpb_parse(&spec->base, text, strlen(text), NULL, why, sizeof(why)))
		fail_msg("%s: %s", text, why);
	return spec;
}

static int try_spec(struct props_fixture *f, const struct prop_ctx *ctx,
		    const Porto__TContainerSpec *spec)
{
	struct prop_txn txn = PROP_TXN_INIT;
	int r;

	error_clear(&f->err);
	r = spec_load(ctx, spec, &txn, &f->err) ? f->err.code : 0;
	if (r)
		assert_int_equal(txn.n, 0);
	prop_txn_deinit(&txn);
	return r;
}

static int try_load(struct props_fixture *f, const char *text)
{
	Porto__TContainerSpec *spec = spec_of(text);
	int r = try_spec(f, &f->ctx, spec);

	protobuf_c_message_free_unpacked(&spec->base, NULL);
	return r;
}

static void load(struct props_fixture *f, const char *text)
{
	if (try_load(f, text))
		fail_msg("%s: %s", text, f->err.text);
}

static void assert_no_load(struct props_fixture *f, const char *text, int code, const char *part)
{
	int r = try_load(f, text);

	if (r != code)
		fail_msg("%s: %s (%d)", text, r ? f->err.text : "was accepted", r);
	if (!strstr(f->err.text, part))
		fail_msg("%s: no %s in '%s'", text, part, f->err.text);
}

/* What is told of one property, as text of the message. New string. */
static char *told(struct props_fixture *f, const struct prop_ctx *ctx, const char *name)
{
	Porto__TContainer *m = spec_container_new();
	struct spec_field field;
	char *text;

	(void)f;
	assert_true(spec_field_of(prop_find(name), &field));
	spec_dump(ctx, &field, m);
	text = textpb_print(field.in_status ? &m->status->base : &m->spec->base);
	protobuf_c_message_free_unpacked(&m->base, NULL);
	return text;
}

/* Blanks and line ends as one blank, none at the ends. */
static char *squeezed(const char *s)
{
	char *out = xmalloc(strlen(s) + 1), *o = out;

	for (; *s; s++) {
		if (*s != ' ' && *s != '\n')
			*o++ = *s;
		else if (o > out && o[-1] != ' ')
			*o++ = ' ';
	}
	*o = '\0';
	if (o > out && o[-1] == ' ')
		o[-1] = '\0';
	return out;
}

static void assert_told(struct props_fixture *f, const char *name, const char *want)
{
	auto_free char *text = told(f, &f->ctx, name), *have = squeezed(text);

	assert_string_equal(have, want);
}

/* ---- values in and out ---- */

static void numbers_have_the_units_of_the_messages(void **state)
{
	struct props_fixture *f = *state;

	load(f, "umask: 22 cpu_limit: 1.25 respawn_delay: 5000000 max_respawns: -7 "
		"cpu_weight: 0.29 memory_limit: 1048576 oom_score_adj: -5 respawn: true "
		"cpu_period: 2000000");
	assert_get(f, "umask", "022");
	assert_get(f, "cpu_limit", "1.25c");
	assert_get(f, "respawn_delay", "5000000ns");
	assert_get(f, "max_respawns", "-7");
	assert_get(f, "cpu_weight", "0.29");
	assert_get(f, "oom_score_adj", "-5");
	assert_get(f, "respawn", "true");
	assert_told(f, "umask", "umask: 22");
	assert_told(f, "cpu_limit", "cpu_limit: 1.25");
	assert_told(f, "cpu_limit_bound", "cpu_limit_bound: 1.25");
	assert_told(f, "respawn_delay", "respawn_delay: 5000000");
	assert_told(f, "max_respawns", "max_respawns: -7");
	assert_told(f, "memory_limit", "memory_limit: 1048576");
	assert_told(f, "oom_score_adj", "oom_score_adj: -5");
	assert_told(f, "cpu_period", "cpu_period: 2000000");
}

static void numbers_that_mean_nothing_are_refused(void **state)
{
	struct props_fixture *f = *state;

	assert_no_load(f, "umask: 89", ERR_INVALID_VALUE, "umask");
	assert_no_load(f, "umask: 1000", ERR_INVALID_VALUE, "umask");
	assert_no_load(f, "cpu_limit: -1", ERR_INVALID_VALUE, "cpu_limit");
	assert_no_load(f, "cpu_limit: nan", ERR_INVALID_VALUE, "cpu_limit");
	assert_no_load(f, "cpu_limit: inf", ERR_INVALID_VALUE, "cpu_limit");
	assert_no_load(f, "cpu_limit: 1e300", ERR_INVALID_VALUE, "cpu_limit");
	assert_no_load(f, "cpu_weight: 1e300", ERR_INVALID_VALUE, "cpu_weight");
	assert_no_load(f, "memory_limit: 5", ERR_INVALID_VALUE, "memory_limit");
	assert_no_load(f, "oom_score_adj: 1001", ERR_INVALID_VALUE, "1001");
	assert_no_load(f, "cpu_period: 5", ERR_INVALID_VALUE, "cpu_period");
}

static void nothing_is_told_of_what_is_not_there(void **state)
{
	struct props_fixture *f = *state;

	assert_told(f, "max_respawns", "max_respawns: -1");
	assert_told(f, "command_argv", "");
	assert_told(f, "start_error", "");
	assert_told(f, "root_pid", "");
	assert_told(f, "exit_code", "");
	assert_told(f, "private", "private: \"\"");
	f->ctx.ct = f->root;
	assert_told(f, "parent", "");
}

static void text_is_exact(void **state)
{
	struct props_fixture *f = *state;

	load(f, "private: ' a\\n' command: ' x '");
	assert_get(f, "private", " a\n");
	assert_get(f, "command", " x ");
}

static void variables_are_exact(void **state)
{
	struct props_fixture *f = *state;

	load(f, "env { var { name: 'A' value: ' ;\\\\x ' } var { name: 'B' value: '' } "
		"var { name: 'C' unset: true } var { name: 'D' } }");
	assert_string_equal(smap_get(&f->a->spec.env, "A"), " ;\\x ");
	assert_string_equal(smap_get(&f->a->spec.env, "B"), "");
	assert_true(smap_find(&f->a->spec.env, "C") && !smap_get(&f->a->spec.env, "C"));
	assert_true(smap_find(&f->a->spec.env, "D") && !smap_get(&f->a->spec.env, "D"));

	load(f, "env { merge: true var { name: 'A' value: '1' } var { name: 'E' value: '2' } }");
	assert_get(f, "env", "A=1;B=;C;D;E=2");
	load(f, "env { var { name: 'E' value: '2' } }");
	assert_get(f, "env", "E=2");

	assert_no_load(f, "env { var { value: 'x' } }", ERR_INVALID_VALUE, "'env'");
	assert_no_load(f, "env { var { name: '' value: 'x' } }", ERR_INVALID_VALUE, "'env'");
	assert_no_load(f, "env { var { name: 'A=B' } }", ERR_INVALID_VALUE, "A=B");
	assert_get(f, "env", "E=2");
}

static void arguments_are_exact(void **state)
{
	struct props_fixture *f = *state;

	load(f, "command_argv { argv: 'a' argv: '' argv: ' b\\t\\\\' argv: '' }");
	assert_int_equal(f->a->spec.command_argv.n, 4);
	assert_string_equal(f->a->spec.command_argv.v[2], " b\t\\");
	assert_get(f, "command", "'a' '' ' b\t\\' ''");
	assert_told(f, "command_argv",
		    "command_argv { argv: \"a\" argv: \"\" argv: \" b\\011\\\\\" "
		    "argv: \"\" }");
	/* The one that is last in every order wins: the more exact one. */
	load(f, "command: 'x y' command_argv { argv: 'z' }");
	assert_get(f, "command", "'z'");
	load(f, "command: 'x y'");
	assert_get(f, "command_argv", "");
	assert_no_load(f, "command_argv { argv: '' argv: 'b' }", ERR_INVALID_VALUE, "first");
	assert_get(f, "command", "x y");
}

static void labels_are_replaced_unless_merged(void **state)
{
	struct props_fixture *f = *state;

	load(f, "labels { map { key: 'AB.x' val: '1' } map { key: 'AB.y' val: '2' } }");
	assert_get(f, "labels", "AB.x: 1; AB.y: 2");
	load(f, "labels { merge: true map { key: 'AB.z' val: '3' } map { key: 'AB.x' } }");
	assert_get(f, "labels", "AB.y: 2; AB.z: 3");
	load(f, "labels { map { key: 'AB.w' val: '4' } }");
	assert_get(f, "labels", "AB.w: 4");
	assert_told(f, "labels", "labels { map { key: \"AB.w\" val: \"4\" } }");
	assert_no_load(f, "labels { map { key: 'x' val: '4' } }", ERR_INVALID_LABEL, "labels");
	assert_no_load(f, "labels { map { val: '4' } }", ERR_INVALID_VALUE, "key");
	load(f, "labels { }");
	assert_get(f, "labels", "");
}

static void labels_that_change_are_known(void **state)
{
	struct props_fixture *f = *state;
	Porto__TContainerSpec *spec = spec_of("labels { map { key: 'AB.y' val: '2' } }");
	struct prop_txn txn = PROP_TXN_INIT;

	load(f, "labels { map { key: 'AB.x' val: '1' } }");
	assert_int_equal(spec_load(&f->ctx, spec, &txn, &f->err), 0);
	assert_int_equal(txn.labels.n, 2);
	assert_string_equal(smap_get(&txn.labels, "AB.x"), "");
	assert_string_equal(smap_get(&txn.labels, "AB.y"), "2");
	prop_txn_deinit(&txn);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
}

static void limits_without_number_are_unlimited(void **state)
{
	struct props_fixture *f = *state;

	load(f, "ulimit { ulimit { type: 'nofile' soft: 5 hard: 9 } ulimit { type: 'core' } "
		"ulimit { type: 'stack' soft: 7 } ulimit { type: 'nproc' unlimited: true soft: 1 } "
		"ulimit { type: 'as' soft: 1 inherited: true } }");
	assert_get(f, "ulimit",
		   "core: unlimited unlimited; nofile: 5 9; nproc: unlimited unlimited; "
		   "stack: 7 unlimited; ");
	load(f, "ulimit { merge: true ulimit { type: 'nofile' soft: 6 hard: 6 } }");
	assert_get(f, "ulimit[nofile]", "nofile: 6 6");
	assert_get(f, "ulimit[stack]", "stack: 7 unlimited");
	load(f, "ulimit { ulimit { type: 'nofile' soft: 6 hard: 6 } }");
	assert_get(f, "ulimit", "nofile: 6 6; ");
	assert_no_load(f, "ulimit { ulimit { type: 'no' } }", ERR_INVALID_VALUE, "'no'");
	assert_no_load(f, "ulimit { ulimit { soft: 1 } }", ERR_INVALID_VALUE, "type");
}

static void limits_in_force_are_told(void **state)
{
	struct props_fixture *f = *state;
	auto_free char *text = NULL, *have = NULL;

	load(f, "ulimit { ulimit { type: 'nofile' soft: 5 hard: 9 } }");
	f->ctx.ct = f->ab;
	load(f, "ulimit { ulimit { type: 'stack' soft: 7 } }");
	text = told(f, &f->ctx, "ulimit");
	have = squeezed(text);
	assert_non_null(
		strstr(have, "ulimit { type: \"nofile\" soft: 5 hard: 9 inherited: true }"));
	assert_non_null(strstr(have, "ulimit { type: \"stack\" soft: 7 }"));
	assert_non_null(strstr(have, "ulimit { type: \"core\" soft: 0 inherited: true }"));
}

static void capabilities_are_replaced_added_removed(void **state)
{
	struct props_fixture *f = *state;

	load(f, "capabilities { cap: 'KILL' cap: 'CHOWN' }");
	assert_get(f, "capabilities", "CHOWN;KILL");
	load(f, "capabilities { cap: 'MKNOD' action: true }");
	assert_get(f, "capabilities", "CHOWN;KILL;MKNOD");
	load(f, "capabilities { cap: 'KILL' cap: 'CHOWN' action: false }");
	assert_get(f, "capabilities", "MKNOD");
	assert_told(f, "capabilities", "capabilities { cap: \"MKNOD\" hex: \"0000000008000000\" }");
	load(f, "capabilities { hex: '21' }");
	assert_get(f, "capabilities", "CHOWN;KILL");
	load(f, "capabilities { cap: 'KILL' hex: '20' }");
	assert_get(f, "capabilities", "KILL");
	assert_no_load(f, "capabilities { cap: 'NO' }", ERR_INVALID_VALUE, "capabilities");
	assert_no_load(f, "capabilities { cap: 'KILL' hex: '21' }", ERR_INVALID_VALUE, "hex");
	assert_no_load(f, "capabilities { hex: '0x' }", ERR_INVALID_VALUE, "hex");
	assert_no_load(f, "capabilities { hex: '11112222333344445' }", ERR_INVALID_VALUE, "hex");
	load(f, "capabilities { }");
	assert_get(f, "capabilities", "");
}

static void capabilities_are_added_to_what_holds(void **state)
{
	struct props_fixture *f = *state;

	load(f, "capabilities { cap: 'KILL' cap: 'CHOWN' }");
	f->ctx.ct = f->ab;
	load(f, "capabilities { cap: 'KILL' action: false }");
	assert_get(f, "capabilities", "CHOWN");
}

static void credentials_must_agree(void **state)
{
	struct props_fixture *f = *state;

	load(f, "task_cred { user: 'root' uid: 0 gid: 5 }");
	assert_int_equal(f->a->spec.task_cred.uid, 0);
	assert_int_equal(f->a->spec.task_cred.gid, 5);
	load(f, "task_cred { uid: 77777 gid: 88888 grp: 1 }");
	assert_int_equal(f->a->spec.task_cred.uid, 77777);
	assert_int_equal(f->a->spec.task_cred.gid, 88888);
	load(f, "task_cred { gid: 88889 }");
	assert_int_equal(f->a->spec.task_cred.uid, 77777);
	assert_int_equal(f->a->spec.task_cred.gid, 88889);
	/* The parts are more special than the whole. */
	load(f, "user: '77778' task_cred { uid: 1 gid: 1 }");
	assert_int_equal(f->a->spec.task_cred.uid, 77778);
	assert_int_equal(f->a->spec.task_cred.gid, 1);
	/* The primary group of a user that is known. */
	load(f, "task_cred { user: 'root' }");
	assert_int_equal(f->a->spec.task_cred.gid, 0);

	assert_no_load(f, "task_cred { user: 'root' uid: 1 }", ERR_INVALID_VALUE, "root");
	assert_no_load(f, "task_cred { uid: 0 group: 'root' gid: 1 }", ERR_INVALID_VALUE, "root");
	assert_no_load(f, "task_cred { user: 'no such' }", ERR_INVALID_VALUE, "no such");
	assert_no_load(f, "task_cred { uid: 0 group: 'no such' }", ERR_INVALID_VALUE, "no such");
	assert_no_load(f, "task_cred { uid: 77777 }", ERR_INVALID_VALUE, "group");
	assert_no_load(f, "task_cred { }", ERR_INVALID_VALUE, "task_cred");
	assert_int_equal(f->a->spec.task_cred.uid, 0);
}

static void users_are_in_their_groups(void **state)
{
	struct props_fixture *f = *state;

	f->ctx.client = f->user;
	assert_no_load(f, "task_cred { uid: 65534 gid: 5 }", ERR_INVALID_VALUE, "group 5");
	load(f, "task_cred { uid: 65534 gid: 65534 }");
	assert_no_load(f, "owner_cred { uid: 0 gid: 0 }", ERR_PERMISSION, "owner_cred");
}

static void rows_of_words(void **state)
{
	struct props_fixture *f = *state;

	load(f, "bind { bind { source: '/a b' target: '/c;d' flag: 'ro' flag: 'rec' } "
		"bind { source: '/e' target: '/f' } }");
	assert_get(f, "bind", "/a\\\\ b /c\\;d ro,rec;/e /f");
	assert_told(f, "bind",
		    "bind { bind { source: \"/a b\" target: \"/c;d\" flag: \"ro\" flag: \"rec\" } "
		    "bind { source: \"/e\" target: \"/f\" } }");
	assert_no_load(f, "bind { bind { source: '/e' flag: 'ro' } }", ERR_INVALID_VALUE, "target");
	assert_no_load(f, "bind { bind { source: '' target: '/f' } }", ERR_INVALID_VALUE, "empty");
	assert_no_load(f, "bind { bind { } }", ERR_INVALID_VALUE, "bind");
	assert_no_load(f, "bind { bind { source: '/e' target: '/f' flag: 'x' } }",
		       ERR_INVALID_VALUE, "'x'");
	load(f, "bind { }");
	assert_get(f, "bind", "");
}

/* ---- together ---- */

static void the_order_of_values_means_nothing(void **state)
{
	struct props_fixture *f = *state;

	/* Neither may be set alone in this order. */
	f->a->spec.isolate = false;
	f->a->spec.virt_mode = VIRT_JOB;
	load(f, "isolate: true virt_mode: 'app'");
	assert_get(f, "isolate", "true");
	assert_get(f, "virt_mode", "app");
	/* And what was asked for is not quietly changed by what else was asked for. */
	assert_no_load(f, "isolate: true virt_mode: 'job'", ERR_INVALID_VALUE, "'isolate'");
	load(f, "virt_mode: 'job'");
	assert_get(f, "isolate", "false");
}

static void a_value_that_does_not_fit_the_others(void **state)
{
	struct props_fixture *f = *state;

	f->a->spec.isolate = false;
	f->a->spec.virt_mode = VIRT_JOB;
	assert_no_load(f, "private: 'x' isolate: true", ERR_INVALID_VALUE, "'isolate'");
	assert_get(f, "isolate", "false");
	assert_get(f, "private", "");
}

static void save_all(struct container *ct, struct smap *ret)
{
	for (size_t row = 0; row < prop_count(); row++) {
		auto_free char *text = prop_save(ct, prop_at(row));

		smap_set(ret, prop_at(row)->name, text);
	}
}

static void a_failure_leaves_nothing(void **state)
{
	struct props_fixture *f = *state;
	uint64_t changed = f->a->change_time = 12345;
	struct smap before = SMAP_INIT, after = SMAP_INIT;

	load(f, "labels { map { key: 'AB.x' val: '1' } } env { var { name: 'A' value: '1' } } "
		"memory_limit: 5000000 command_argv { argv: 'a' }");
	f->a->change_time = changed;
	save_all(f->a, &before);
	assert_no_load(f,
		       "labels { } env { } memory_limit: 6000000 command: 'b' private: 'x' "
		       "respawn: true user: '5' cwd: '/x' thread_limit: 7 ulimit { } "
		       "controllers { controller: 'freezer' } virt_mode: 'no'",
		       ERR_INVALID_VALUE, "virt_mode");
	save_all(f->a, &after);
	assert_true(smap_eq(&before, &after));
	assert_int_equal(f->a->change_time, changed);
	smap_deinit(&before);
	smap_deinit(&after);
}

static void unknown_fields_are_refused(void **state)
{
	struct props_fixture *f = *state;
	/* Field 1999, a varint, in the spec; field 99 in the environment. */
	static const uint8_t top[] = { 0xf8, 0x7c, 0x01 },
			     deep[] = { 0x32, 0x03, 0x98, 0x06, 0x01 };
	Porto__TContainerSpec *spec = porto__tcontainer_spec__unpack(NULL, sizeof(top), top);

	assert_non_null(spec);
	assert_int_equal(try_spec(f, &f->ctx, spec), ERR_INVALID_PROPERTY);
	assert_non_null(strstr(f->err.text, "1999"));
	protobuf_c_message_free_unpacked(&spec->base, NULL);
	spec = porto__tcontainer_spec__unpack(NULL, sizeof(deep), deep);
	assert_non_null(spec);
	assert_int_equal(try_spec(f, &f->ctx, spec), ERR_INVALID_PROPERTY);
	assert_non_null(strstr(f->err.text, "'env' has unknown field 99"));
	protobuf_c_message_free_unpacked(&spec->base, NULL);
}

static void long_lists_are_refused(void **state)
{
	struct props_fixture *f = *state;
	Porto__TContainerSpec *spec = spec_of("controllers { }");

	for (int i = 0; i <= SPEC_ITEMS_MAX; i++)
		spec_append(&spec->controllers->controller, &spec->controllers->n_controller,
			    xstrdup("memory"));
	assert_int_equal(try_spec(f, &f->ctx, spec), ERR_INVALID_VALUE);
	assert_non_null(strstr(f->err.text, "'controllers'"));
	protobuf_c_message_free_unpacked(&spec->base, NULL);
}

static void what_is_there_already_is_no_change(void **state)
{
	struct props_fixture *f = *state;

	load(f, "command: 'a' isolate: false env { var { name: 'A' value: '1' } } "
		"command_argv { argv: 'x' }");
	fx_state(f->a, STATE_RUNNING);
	load(f, "isolate: false env { var { name: 'A' value: '1' } } private: 'new' "
		"command_argv { argv: 'x' } virt_mode: 'app'");
	assert_get(f, "private", "new");
	assert_no_load(f, "private: 'newer' isolate: true", ERR_INVALID_STATE, "isolate");
	assert_no_load(f, "private: 'newer' env { }", ERR_INVALID_STATE, "env");
	assert_no_load(f, "private: 'newer' command: 'x'", ERR_INVALID_STATE, "command");
	assert_get(f, "private", "new");
	assert_get(f, "command", "'x'");
	fx_state(f->a, STATE_DEAD);
	load(f, "isolate: false stdout_limit: 8388608 private: ''");
	assert_no_load(f, "stdout_limit: 9999", ERR_INVALID_STATE, "stdout_limit");
}

/* What is told can be sent back to a container that runs, with one thing changed. */
static void what_was_told_may_be_sent_back(void **state)
{
	struct props_fixture *f = *state;
	Porto__TContainer *m = spec_container_new();
	struct spec_field field;

	fx_state(f->a, STATE_RUNNING);
	for (size_t row = 0; row < prop_count(); row++) {
		if (spec_field_of(prop_at(row), &field))
			spec_dump(&f->ctx, &field, m);
	}
	str_set(&m->spec->private_, "changed");
	if (try_spec(f, &f->ctx, m->spec))
		fail_msg("%s", f->err.text);
	assert_get(f, "private", "changed");
	assert_false(container_is_set(f->a, ROW_cwd));
	assert_false(container_is_set(f->a, ROW_env));
	protobuf_c_message_free_unpacked(&m->base, NULL);
}

static void a_default_needs_no_controller(void **state)
{
	struct props_fixture *f = *state;
	uint64_t owned = f->ab->spec.controllers;

	f->ctx.ct = f->ab;
	load(f, "memory_limit: 0");
	assert_int_equal(f->ab->spec.controllers, owned);
	fx_state(f->ab, STATE_RUNNING);
	load(f, "memory_limit: 0");
	assert_no_load(f, "memory_limit: 5000000", ERR_NOT_SUPPORTED, "memory");
	fx_state(f->ab, STATE_STOPPED);
	load(f, "memory_limit: 5000000");
	assert_true(f->ab->spec.controllers & CGROUP_BIT(CGROUP_MEMORY));
}

static void controllers_and_limits_at_once(void **state)
{
	struct props_fixture *f = *state;

	f->ctx.ct = f->ab;
	load(f, "memory_limit: 5000000 controllers { controller: 'cpu' }");
	assert_true(f->ab->spec.controllers & CGROUP_BIT(CGROUP_MEMORY));
	assert_true(f->ab->spec.controllers & CGROUP_BIT(CGROUP_CPU));
	assert_no_load(f, "controllers { controller: 'no' }", ERR_INVALID_VALUE, "'no'");
	/* Also what was there before it was needed is kept from now on. */
	load(f, "controllers { controller: 'cpu' controller: 'memory' controller: 'pids' } "
		"thread_limit: 5");
	assert_no_load(f, "controllers { controller: 'cpu' controller: 'memory' }",
		       ERR_INVALID_VALUE, "pids");
}

static void the_root_container_is_read_only(void **state)
{
	struct props_fixture *f = *state;

	f->ctx.ct = f->root;
	assert_no_load(f, "private: 'x'", ERR_PERMISSION, "root");
}

static void absent_properties_say_why(void **state)
{
	struct props_fixture *f = *state;

	assert_no_load(f, "anon_max_usage: 1", ERR_NOT_SUPPORTED, "anon_max_usage");
	assert_no_load(f, "cpu_limit_total: 1", ERR_INVALID_VALUE, "cpu_limit_total");
}

/* ---- every field with every wrong value ---- */

static const char *const nasty[] = {
	"",         " ",   "x",  "-1", "a b",  "a;b",  "a: b",          ";",
	"\\",       "a=b", "/",  "..", "\n",   "\t",   "c:1:2",         "99999999999999999999999",
	"\xff\xfe", "'",   "\"", "{",  "root", "true", "/dev/fd/99999",
};

static const uint64_t numbers[] = { 0, 1, 7, 0xffffffff, UINT64_MAX, UINT64_MAX / 2 };
static const double doubles[] = { 0, -1, 0.5, 1e300, -1e300, 0.0 / 0.0, 1.0 / 0.0 };

/* The n-th nasty value in all that is in it, one item in each list. */
static void fill(ProtobufCMessage *m, size_t n)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;

	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		void *to = spec_member(m, f);
		uint64_t number = numbers[n % ARRAY_SIZE(numbers)];
		double real = doubles[n % ARRAY_SIZE(doubles)];
		ProtobufCMessage *sub = NULL;
		char *text = NULL;

		if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
			sub = spec_message_new(f->descriptor);
			fill(sub, n);
		} else if (f->type == PROTOBUF_C_TYPE_STRING) {
			text = xstrdup(nasty[n % ARRAY_SIZE(nasty)]);
		}
		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			size_t *count = (size_t *)((char *)m + f->quantifier_offset);

			if (sub || text) {
				spec_append(to, count, sub ? (void *)sub : text);
			} else {
				*(uint32_t **)to = xmemdup(&number, sizeof(uint32_t));
				*count = 1;
			}
			continue;
		}
		if (sub || text) {
			*(void **)to = sub ? (void *)sub : text;
			continue;
		}
		*(protobuf_c_boolean *)((char *)m + f->quantifier_offset) = true;
		if (f->type == PROTOBUF_C_TYPE_DOUBLE)
			*(double *)to = real;
		else if (f->type == PROTOBUF_C_TYPE_BOOL || f->type == PROTOBUF_C_TYPE_ENUM)
			*(int *)to = f->type == PROTOBUF_C_TYPE_BOOL ? (int)(n & 1) : (int)number;
		else if (f->type == PROTOBUF_C_TYPE_UINT64 || f->type == PROTOBUF_C_TYPE_INT64)
			*(uint64_t *)to = number;
		else
			*(uint32_t *)to = (uint32_t)number;
	}
}

/* A spec with that field alone, and `private`, which is always good. */
static Porto__TContainerSpec *nasty_spec(const ProtobufCFieldDescriptor *only, size_t n)
{
	Porto__TContainerSpec *spec = spec_message_new(SPEC);
	Porto__TContainerSpec *one = spec_message_new(SPEC);

	fill(&spec->base, n);
	one->private_ = xstrdup("changed");
	if (strcmp(only->name, "private") != 0) {
		char *from = (char *)spec, *to = (char *)one;
		size_t size = only->type == PROTOBUF_C_TYPE_BOOL ? sizeof(protobuf_c_boolean)
			      : only->type == PROTOBUF_C_TYPE_UINT32 ||
					      only->type == PROTOBUF_C_TYPE_INT32
				      ? 4
				      : 8;

		memcpy(to + only->offset, from + only->offset, size);
		memset(from + only->offset, 0, size);
		if (only->type != PROTOBUF_C_TYPE_MESSAGE && only->type != PROTOBUF_C_TYPE_STRING)
			*(protobuf_c_boolean *)(to + only->quantifier_offset) = true;
	}
	protobuf_c_message_free_unpacked(&spec->base, NULL);
	return one;
}

static bool is_refusal(int code)
{
	return code == ERR_INVALID_VALUE || code == ERR_INVALID_PROPERTY ||
	       code == ERR_NOT_SUPPORTED || code == ERR_PERMISSION || code == ERR_INVALID_LABEL ||
	       code == ERR_INVALID_PATH || code == ERR_INVALID_STATE ||
	       code == ERR_RESOURCE_NOT_AVAILABLE || code == ERR_DEVICE_NOT_FOUND ||
	       code == ERR_INVALID_NETWORK_ADDRESS;
}

static void try_nasty(struct props_fixture *f, const ProtobufCFieldDescriptor *field, size_t n)
{
	Porto__TContainerSpec *spec = nasty_spec(field, n);
	auto_smap before = SMAP_INIT, after = SMAP_INIT;
	char name[80];
	int r;

	snprintf(name, sizeof(name), "'%s'", field->name);
	save_all(f->ctx.ct, &before);
	r = try_spec(f, &f->ctx, spec);
	save_all(f->ctx.ct, &after);
	if (r && !is_refusal(r))
		fail_msg("%s, value %zu: code %d: %s", name, n, r, f->err.text);
	if (r && !strstr(f->err.text, name))
		fail_msg("%s, value %zu: not named in '%s'", name, n, f->err.text);
	if (r && !smap_eq(&before, &after))
		fail_msg("%s, value %zu: changed something", name, n);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
}

static void wrong_values_name_the_property_and_change_nothing(void **state)
{
	static const enum container_state states[] = { STATE_STOPPED, STATE_RUNNING, STATE_DEAD };
	struct props_fixture *f = *state;

	for (unsigned i = 0; i < SPEC->n_fields; i++) {
		if (!strcmp(SPEC->fields[i].name, "name"))
			continue;
		for (size_t n = 0; n < ARRAY_SIZE(nasty); n++) {
			f->ctx.client = n & 1 ? f->su : f->user;
			fx_state(f->a, states[n % ARRAY_SIZE(states)]);
			try_nasty(f, &SPEC->fields[i], n);
		}
	}
}

/* ---- taking back what was kept ---- */

static void a_kept_transaction_is_reverted(void **state)
{
	struct props_fixture *f = *state;
	Porto__TContainerSpec *spec = spec_of("private: 'b' command: 'c' user: '7' memory_limit: "
					      "5000000 labels { map { key: 'AB.x' val: '2' } }");
	struct prop_txn txn = PROP_TXN_INIT, back = PROP_TXN_INIT;
	uint64_t owned = f->ab->spec.controllers;

	f->ctx.ct = f->ab;
	load(f, "private: 'a' labels { map { key: 'AB.x' val: '1' } }");
	assert_int_equal(spec_load(&f->ctx, spec, &txn, &f->err), 0);
	prop_txn_seal(&txn, f->ab);
	/* Somebody else has been here. */
	load(f, "private: 'mine'");
	prop_revert(&f->ctx, &txn, &back);
	assert_get(f, "private", "mine");
	assert_get(f, "command", "");
	assert_int_equal(f->ab->spec.task_cred.uid, 0);
	assert_get(f, "memory_limit", "0");
	assert_false(container_is_set(f->ab, ROW_memory_limit));
	assert_int_equal(f->ab->spec.controllers, owned);
	assert_get(f, "labels", "AB.x: 1");
	assert_string_equal(smap_get(&back.labels, "AB.x"), "1");
	prop_txn_deinit(&txn);
	prop_txn_deinit(&back);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
}

/* ---- there and back ---- */

/* A value of each row that is not the default one, as text. */
static const struct {
	const char *name, *value;
} samples[] = {
	{ "bind", "/a /b ro;/c\\\\ d /e" },
	{ "capabilities", "CHOWN;KILL" },
	{ "capabilities_ambient", "KILL" },
	{ "capabilities_effective", "KILL" },
	{ "capabilities_inheritable", "KILL" },
	{ "capabilities_permitted", "CHOWN;KILL" },
	{ "command", "a \"b\" 'c'" },
	{ "command_argv", "a\tb c\t\\\\" },
	{ "controllers", "cpu;memory;pids" },
	{ "core_command", "sh -c 'cat >core'" },
	{ "coredump_filter", "0x1f" },
	{ "cpu_guarantee", "0.25c" },
	{ "cpu_limit", "1.5c" },
	{ "cpu_period", "5ms" },
	{ "io_guarantee", "fs: 5" },
	{ "io_limit", "/x r: 5; ./y w: 6; fs: 7" },
	{ "io_ops_guarantee", "/x: 5" },
	{ "io_ops_limit", "8" },
	{ "io_weight", "0.25" },
	{ "cpu_set", "jail 2; node 1" },
	{ "cpu_weight", "0.5" },
	{ "cwd", "/x y" },
	{ "devices", "/dev/null r? /dev/x 0600 root root;/dev/zero -" },
	{ "enable_porto", "read-only" },
	{ "etc_hosts", "127.0.0.1 a\nb" },
	{ "env", "A=1 2;B;C=" },
	{ "gid_map", "0 100 1; 1 1000 5" },
	{ "group", "77" },
	{ "hostname", "host" },
	{ "labels", "AB.x: 1; CD.y: 2" },
	{ "max_respawns", "3" },
	{ "masked_paths", "/proc/a;/proc/b c" },
	{ "memory_limit", "5M" },
	{ "memory_lock_policy", "disabled" },
	{ "mounts", "tmpfs /a size=1M,ro;mqueue /b" },
	{ "namespaces", "ipc: new; net: path /x; pid: container a/b; uts: inherit" },
	{ "net", "container a" },
	{ "oom_score_adj", "-7" },
	{ "owner_cred", "78 79" },
	{ "owner_group", "80" },
	{ "owner_user", "81" },
	{ "owner_containers", "a;b/c" },
	{ "place_limit", "/place: 5; default: 7" },
	{ "porto_namespace", "x/" },
	{ "readonly_paths", "/proc/a;/proc/b c" },
	{ "resolv_conf", "nameserver 1.1.1.1;search x" },
	{ "respawn_count", "4" },
	{ "respawn_delay", "5s" },
	{ "root", "/r" },
	{ "seccomp", "rules { syscall: \"mkdir\" action { action: Errno value: 2 } }" },
	{ "seccomp_name", "known" },
	{ "stdin_path", "/in" },
	{ "stdout_path", "/out" },
	{ "stderr_path", "/err" },
	{ "stdout_limit", "1M" },
	{ "sysctl", "kernel.sem: 1 2 3 4; net.core.somaxconn: 5" },
	{ "place", "/a/***;fast=/b c;***" },
	{ "symlink", "/a: b; c\\: d: /e\\;f" },
	{ "task_cred", "82 83" },
	{ "task_groups", "1;2" },
	{ "thread_limit", "9" },
	{ "uid_map", "0 100 1; 1 1000 5" },
	{ "ulimit", "nofile: 5 9; core: unlimited" },
	{ "umask", "027" },
	{ "user", "84" },
	{ "aging_time", "60" },
	{ "private", "a;b: c" },
};

/* NULL = nobody has thought of one. */
static const char *sample_of(const struct prop *p)
{
	const struct enum_word *words = p->arg;

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		if (!strcmp(samples[i].name, p->name))
			return samples[i].value;
	}
	if (p->type == &type_bool)
		return "true";
	if (p->type == &type_uint || p->type == &type_size || p->type == &type_nsec)
		return "7000000";
	return p->type == &type_enum ? words[1].word : NULL;
}

/* Tell the value of `a`, give it to `a/b`, ask that one. Where what is told depends on the
 * container itself, it is given to the same container again. */
static void there_and_back(struct props_fixture *f, const struct prop *p)
{
	struct prop_ctx to = f->ctx;
	struct spec_field field;
	auto_free char *first = NULL, *second = NULL, *text = NULL;
	Porto__TContainerSpec *spec;

	assert_true(spec_field_of(p, &field));
	/* A profile below another one is refused. */
	to.ct = p == &row_env || p == &row_cwd || p == &row_seccomp || p == &row_seccomp_name
			? f->a
			: f->ab;
	first = told(f, &f->ctx, p->name);
	spec = spec_of(first);
	if (try_spec(f, &to, spec))
		fail_msg("%s: told as %s: %s", p->name, first, f->err.text);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
	second = told(f, &to, p->name);
	if (strcmp(first, second) != 0)
		fail_msg("%s: told as %s, comes back as %s", p->name, first, second);
}

static void defaults_come_back(void **state)
{
	struct props_fixture *f = *state;
	struct spec_field field;

	for (size_t row = 0; row < prop_count(); row++) {
		const struct prop *p = prop_at(row);

		if (!(p->flags & PROP_READONLY) && prop_is_supported(p, &f->env) &&
		    spec_field_of(p, &field))
			there_and_back(f, p);
	}
}

static void values_come_back(void **state)
{
	struct props_fixture *f = *state;
	struct spec_field field;

	for (size_t row = 0; row < prop_count(); row++) {
		const struct prop *p = prop_at(row);
		const char *value = sample_of(p);

		if ((p->flags & (PROP_READONLY | PROP_SECRET)) || !prop_is_supported(p, &f->env) ||
		    !spec_field_of(p, &field))
			continue;
		if (!value)
			fail_msg("%s: give it a value in `samples`", p->name);
		fx_set(f, p->name, value);
		there_and_back(f, p);
	}
}

/* Each row that can be set, by what is kept of it. */
static void values_survive_the_store(void **state)
{
	struct props_fixture *f = *state;
	struct container *copy = fx_add(f, "copy", 0);

	for (size_t row = 0; row < prop_count(); row++) {
		const struct prop *p = prop_at(row);
		const char *value = p->flags & PROP_SECRET ? "A=hidden" : sample_of(p);
		auto_free char *text = NULL, *again = NULL;

		if (p->flags & (PROP_READONLY | PROP_NOSTORE) || !p->type ||
		    !prop_is_supported(p, &f->env))
			continue;
		if (!value)
			fail_msg("%s: give it a value in `samples`", p->name);
		fx_set(f, p->name, value);
		text = prop_save(f->a, p);
		if (!text)
			fail_msg("%s: nothing of '%s' is kept", p->name, value);
		if (prop_load(&f->env, copy, p->name, text, &f->err))
			fail_msg("%s: '%s' cannot be read: %s", p->name, text, f->err.text);
		again = prop_save(copy, p);
		if (!again || strcmp(text, again) != 0)
			fail_msg("%s: kept as '%s', comes back as '%s'", p->name, text, again);
		assert_true(container_is_set(copy, p->row));
	}
}

/* Told with another salt each time, it stands for the value; only where there is that value. */
static void secrets_come_back(void **state)
{
	struct props_fixture *f = *state;
	auto_free char *first = NULL, *second = NULL, *user = NULL;
	struct prop_ctx other = f->ctx, nobody = f->ctx;
	Porto__TContainerSpec *spec;

	fx_set(f, "env_secret", "A=hidden thing;B");
	first = told(f, &f->ctx, "env_secret");
	second = told(f, &f->ctx, "env_secret");
	assert_string_not_equal(first, second);
	assert_null(strstr(first, "hidden"));
	assert_non_null(strstr(first, "<secret>"));
	spec = spec_of(first);
	assert_int_equal(try_spec(f, &f->ctx, spec), 0);
	assert_string_equal(smap_get(&f->a->spec.env_secret, "A"), "hidden thing");
	assert_non_null(smap_find(&f->a->spec.env_secret, "B"));
	other.ct = f->ab;
	assert_int_equal(try_spec(f, &other, spec), ERR_INVALID_VALUE);
	assert_int_equal(f->ab->spec.env_secret.n, 0);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
	nobody.client = f->user;
	user = told(f, &nobody, "env_secret");
	assert_non_null(strstr(user, "<secret>"));
	assert_null(strstr(user, "hash"));
	assert_null(strstr(user, "salt"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_has_its_row),
		cmocka_unit_test(every_row_has_its_field),
		cmocka_unit_test(types_of_fields_fit),
		TEST(numbers_have_the_units_of_the_messages),
		TEST(numbers_that_mean_nothing_are_refused),
		TEST(nothing_is_told_of_what_is_not_there),
		TEST(text_is_exact),
		TEST(variables_are_exact),
		TEST(arguments_are_exact),
		TEST(labels_are_replaced_unless_merged),
		TEST(labels_that_change_are_known),
		TEST(limits_without_number_are_unlimited),
		TEST(limits_in_force_are_told),
		TEST(capabilities_are_replaced_added_removed),
		TEST(capabilities_are_added_to_what_holds),
		TEST(credentials_must_agree),
		TEST(users_are_in_their_groups),
		TEST(rows_of_words),
		TEST(the_order_of_values_means_nothing),
		TEST(a_value_that_does_not_fit_the_others),
		TEST(a_failure_leaves_nothing),
		TEST(unknown_fields_are_refused),
		TEST(long_lists_are_refused),
		TEST(what_is_there_already_is_no_change),
		TEST(what_was_told_may_be_sent_back),
		TEST(secrets_come_back),
		TEST_V1(a_default_needs_no_controller),
		TEST_V1(controllers_and_limits_at_once),
		TEST(the_root_container_is_read_only),
		TEST(absent_properties_say_why),
		TEST(wrong_values_name_the_property_and_change_nothing),
		TEST_V1(a_kept_transaction_is_reverted),
		TEST(defaults_come_back),
		TEST(values_come_back),
		TEST(values_survive_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
