/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: the table, names, checks, transactions, persistence. */
#include "props_fixture.h"

#include <ctype.h>

#include "props/label.h"
#include "props/rows.h"

#define TEST(f)    cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
#define TEST_V1(f) cmocka_unit_test_setup_teardown(f, fx_setup_v1, fx_teardown)

/* ---- the table ---- */

static void table_is_sorted_and_numbered(void **state)
{
	(void)state;
	for (size_t i = 0; i < prop_count(); i++) {
		const struct prop *p = prop_at(i);

		if (i && strcmp(prop_at(i - 1)->name, p->name) >= 0)
			fail_msg("%s is not behind %s", p->name, prop_at(i - 1)->name);
		assert_int_equal(prop_row(p), i);
		assert_ptr_equal(prop_find(p->name), p);
	}
	assert_null(prop_find(""));
	assert_null(prop_find("no_such"));
	assert_null(prop_find("zzz"));
}

static void rows_are_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < prop_count(); i++) {
		const struct prop *p = prop_at(i);

		if (!p->desc || !*p->desc || p->desc[strlen(p->desc) - 1] == '.')
			fail_msg("%s: description", p->name);
		if (p->absent) {
			assert_false(p->type || p->get || p->set || p->flags);
			continue;
		}
		if (!p->doc || !*p->doc || !strchr(".)", p->doc[strlen(p->doc) - 1]))
			fail_msg("%s: text of the manual", p->name);
		if (!p->type && !p->get)
			fail_msg("%s: neither a type nor a getter", p->name);
		if ((p->flags & PROP_READONLY) && (p->group || p->set || p->check || p->type))
			fail_msg("%s: read-only, but something for setting it", p->name);
		if (!(p->flags & PROP_READONLY) && !p->type)
			fail_msg("%s: settable without a type", p->name);
		if ((p->flags & PROP_ANY) && !(p->flags & PROP_DYNAMIC))
			fail_msg("%s: any without dynamic", p->name);
		if (p->group && !(p->flags & PROP_DYNAMIC))
			fail_msg("%s: applied but never while running", p->name);
		if (p->type && p->offset >= sizeof(struct container_spec))
			fail_msg("%s: offset", p->name);
		if ((p->flags & PROP_INDEX_SET) && !p->type->set_index)
			fail_msg("%s: index without code for it", p->name);
		if ((p->flags & PROP_INDEX_GET) && !p->get && !p->type->get_index)
			fail_msg("%s: index without code for it", p->name);
	}
}

static void fields_have_one_storing_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < prop_count(); i++) {
		for (size_t k = 0; k < i; k++) {
			const struct prop *a = prop_at(i), *b = prop_at(k);

			if (a->type && b->type && a->offset == b->offset &&
			    !((a->flags | b->flags) & PROP_NOSTORE))
				fail_msg("%s and %s store the same field", a->name, b->name);
		}
	}
}

static void defaults_survive_their_own_text(void **state)
{
	struct props_fixture *f = *state;

	for (size_t i = 0; i < prop_count(); i++) {
		const struct prop *p = prop_at(i);
		auto_free char *before = NULL;

		if (!p->type)
			continue;
		before = xstrdup(fx_get(f, p->name));
		/* `stdout` of stdout_path is the name of a default, as a value it is a path. */
		fx_set(f, p->name, before);
		if (strcmp(p->name, "max_respawns"))
			assert_get(f, p->name, before);
	}
}

struct saved_row {
	char *name, *text;
};

struct saved_all {
	struct saved_row rows[CONTAINER_PROPS_MAX];
	size_t n;
};

static void save_row(void *arg, const char *name, const char *text)
{
	struct saved_all *all = arg;

	all->rows[all->n++] = (struct saved_row){ xstrdup(name), xstrdup(text) };
}

static const struct {
	const char *name, *value;
} odd_values[] = {
	{ "aging_time", "7" },
	{ "bind", "/a /b ro; c d rec,nosuid;/x\\\\ y /z" },
	{ "capabilities", "KILL;CHOWN" },
	{ "capabilities_ambient", "KILL" },
	{ "command_argv", "a\t\t\\\t \tb\\\\c\n d\te" },
	{ "cpu_limit", "1.234567891c" },
	{ "cpu_period", "50ms" },
	{ "cpu_weight", "0.29" },
	{ "cwd", "/tmp/x y" },
	{ "enable_porto", "child-only" },
	{ "env", "A=1;B=x\\;y\\\\z;C;D==;E=" },
	{ "group", "12345" },
	{ "hostname", "box" },
	{ "isolate", "false" },
	{ "labels", "AB.c: d; XY.z: 1" },
	{ "max_respawns", "-1" },
	{ "memory_limit", "64M" },
	{ "oom_is_fatal", "false" },
	{ "oom_score_adj", "-17" },
	{ "owner_containers", "a;/porto/x/y" },
	{ "owner_user", "12345" },
	{ "porto_namespace", "ns-" },
	{ "private", "multi\nline; \\ text" },
	{ "resolv_conf", "nameserver 127.0.0.1\nsearch x" },
	{ "respawn", "true" },
	{ "respawn_count", "4" },
	{ "respawn_delay", "2.5s" },
	{ "root", "/srv//x/" },
	{ "root_readonly", "true" },
	{ "stderr_path", "err" },
	{ "stdin_path", "" },
	{ "stdout_limit", "1K" },
	{ "stdout_path", "/tmp/out" },
	{ "thread_limit", "17" },
	{ "ulimit", "nofile: 10 20; core: unlimited" },
	{ "umask", "0127" },
	{ "user", "54321" },
	{ "weak", "true" },
};

static void everything_survives_the_store(void **state)
{
	struct props_fixture *f = *state;
	struct saved_all all = { .n = 0 };
	auto_buf seen = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(odd_values); i++)
		fx_set(f, odd_values[i].name, odd_values[i].value);
	prop_save_each(f->a, save_row, &all);

	f->ctx.ct = fx_add(f, "copy", 0);
	for (size_t i = all.n; i-- > 0;) { /* any order will do */
		assert_int_equal(prop_load(&f->env, f->ctx.ct, all.rows[i].name, all.rows[i].text,
					   &f->err),
				 0);
		free(all.rows[i].name);
		free(all.rows[i].text);
	}
	for (size_t i = 0; i < prop_count(); i++) {
		const struct prop *p = prop_at(i);

		if (!p->type || p == &row_command)
			continue;
		f->ctx.ct = f->a;
		buf_reset(&seen);
		buf_adds(&seen, fx_get(f, p->name));
		f->ctx.ct = tree_find(f->tree, "copy");
		if (strcmp(fx_get(f, p->name), buf_str(&seen)))
			fail_msg("%s: '%s' became '%s'", p->name, buf_str(&seen), buf_str(&f->out));
		if (!(p->flags & PROP_ALWAYS_SET))
			assert_int_equal(container_is_set(f->a, p->row),
					 container_is_set(f->ctx.ct, p->row));
	}
	assert_int_equal(f->a->spec.required_controllers, f->ctx.ct->spec.required_controllers);
	assert_int_equal(f->a->spec.controllers, f->ctx.ct->spec.controllers);
	assert_true(strv_eq(&f->a->spec.command_argv, &f->ctx.ct->spec.command_argv));
	assert_int_equal(f->a->spec.command_argv.n, 5);
	assert_string_equal(f->a->spec.command_argv.v[1], "");
}

static void unset_rows_have_no_stored_text(void **state)
{
	struct props_fixture *f = *state;

	assert_null(prop_save(f->a, prop_find("memory_limit")));
	assert_null(prop_save(f->a, prop_find("user")));
	assert_null(prop_save(f->a, prop_find("state")));
	assert_int_equal(prop_load(&f->env, f->a, "no_such", "1", &f->err), -1);
	assert_int_equal(f->err.code, ERR_INVALID_PROPERTY);
	assert_int_equal(prop_load(&f->env, f->a, "state", "dead", &f->err), -1);
	assert_int_equal(prop_load(&f->env, f->a, "weak", "maybe", &f->err), -1);
}

/* ---- names ---- */

static void unknown_names(void **state)
{
	static const char *const names[] = { "",        "no_such", "state[]", "UPPER", "command_",
					     "state[x", "[x]",     "[]",      "x[y]" };
	struct props_fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_no_get(f, names[i], ERR_INVALID_PROPERTY);
		assert_no_set(f, names[i], "x", ERR_INVALID_PROPERTY);
	}
	assert_no_get(f, "state[x]", ERR_INVALID_VALUE);
	assert_no_set(f, "private[x]", "x", ERR_INVALID_VALUE);
}

static void errors_name_the_property_and_the_value(void **state)
{
	struct props_fixture *f = *state;

	assert_no_set(f, "memory_limit", "12furlongs", ERR_INVALID_VALUE);
	assert_non_null(strstr(f->err.text, "memory_limit"));
	assert_non_null(strstr(f->err.text, "12furlongs"));
	assert_no_set(f, "id", "1", ERR_INVALID_VALUE);
	assert_non_null(strstr(f->err.text, "'id'"));
}

static void values_are_trimmed(void **state)
{
	struct props_fixture *f = *state;

	fx_set(f, "private", " \t x y \n");
	assert_get(f, "private", "x y");
	fx_set(f, "respawn", " true\n");
	assert_get(f, "respawn", "true");
}

/* ---- states ---- */

static bool may_set(const struct prop *p, enum container_state s)
{
	if (s == STATE_STOPPED)
		return true;
	return (p->flags & PROP_DYNAMIC) && (s != STATE_DEAD || (p->flags & PROP_ANY));
}

static void settable_by_state(void **state)
{
	struct props_fixture *f = *state;

	for (int s = 0; s < STATE_DESTROYED; s++) {
		for (size_t i = 0; i < prop_count(); i++) {
			const struct prop *p = prop_at(i);
			auto_free char *value = NULL;

			if (p->absent) {
				assert_no_set(f, p->name, "1", ERR_NOT_SUPPORTED);
				continue;
			}
			if (p->flags & PROP_READONLY) {
				fx_state(f->a, (enum container_state)s);
				assert_no_set(f, p->name, "1", ERR_INVALID_VALUE);
				continue;
			}
			fx_state(f->a, STATE_STOPPED);
			value = xstrdup(fx_get(f, p->name));
			fx_set(f, p->name, value);
			fx_state(f->a, (enum container_state)s);
			if (fx_try_set(f, p->name, value) !=
			    (may_set(p, (enum container_state)s) ? 0 : ERR_INVALID_STATE))
				fail_msg("%s in %s: %s", p->name, state_name(s), f->err.text);
		}
	}
	fx_state(f->a, STATE_STOPPED);
}

static void readable_by_state(void **state)
{
	struct props_fixture *f = *state;

	assert_no_get(f, "root_pid", ERR_INVALID_STATE);
	assert_no_get(f, "memory_usage", ERR_INVALID_STATE);
	assert_no_get(f, "stdout", ERR_INVALID_STATE);
	assert_no_get(f, "exit_code", ERR_INVALID_STATE);
	fx_state(f->a, STATE_STARTING);
	assert_no_get(f, "stdout_offset", ERR_INVALID_STATE);
	fx_state(f->a, STATE_RUNNING);
	assert_get(f, "stdout_offset", "0");
	assert_no_get(f, "exit_code", ERR_INVALID_STATE);
	fx_state(f->a, STATE_RESPAWNING);
	assert_no_get(f, "exit_status", ERR_INVALID_STATE);
	fx_state(f->a, STATE_DEAD);
	f->a->exit_status = 7 << 8;
	assert_get(f, "exit_code", "7");
	assert_get(f, "exit_status", "1792");
	f->a->exit_status = 11 | 0x80;
	assert_get(f, "exit_code", "-11");
	assert_get(f, "core_dumped", "true");
	f->a->oom_killed = true;
	assert_get(f, "exit_code", "-99");
	assert_get(f, "oom_killed", "true");
	fx_state(f->a, STATE_STOPPED);
}

static void root_container_is_read_only(void **state)
{
	struct props_fixture *f = *state;

	f->ctx.ct = f->root;
	assert_no_set(f, "private", "x", ERR_PERMISSION);
	assert_no_set(f, "AB.c", "x", ERR_PERMISSION);
	assert_no_set(f, "no_such", "x", ERR_PERMISSION);
	assert_get(f, "state", "meta");
	assert_get(f, "id", "1");
	assert_get(f, "level", "0");
	assert_get(f, "parent", "");
	assert_get(f, "absolute_name", "/");
	assert_get(f, "absolute_namespace", "/porto/");
	assert_get(f, "isolate", "false");
	assert_get(f, "virt_mode", "host");
	assert_get(f, "root_pid", "1");
	assert_get(f, "cpu_limit", "4c");
	assert_get(f, "memory_limit", "8589934592");
	assert_get(f, "cwd", "/");
}

/* ---- identity ---- */

static void names_and_times(void **state)
{
	struct props_fixture *f = *state;

	f->ctx.ct = f->ab;
	assert_get(f, "absolute_name", "/porto/a/b");
	assert_get(f, "parent", "/porto/a");
	assert_get(f, "level", "2");
	f->a->spec.enable_porto = ACCESS_ISOLATE;
	assert_get(f, "absolute_namespace", "/porto/a/");
	f->ctx.ct = f->a;
	assert_get(f, "parent", "/");
	assert_get(f, "time", "0");
	assert_get(f, "start_time", "");
	assert_get(f, "start_time[raw]", "0");
	assert_int_equal(strlen(fx_get(f, "creation_time")), 19);
	assert_true(strtoull(fx_get(f, "creation_time[raw]"), NULL, 10) > 1000000000);
	assert_no_get(f, "creation_time[x]", ERR_INVALID_VALUE);
	assert_no_get(f, "time[x]", ERR_INVALID_VALUE);
	assert_no_get(f, "time[dead]", ERR_INVALID_STATE);
	fx_state(f->a, STATE_DEAD);
	f->a->start.boot_nsec = 1000000000;
	f->a->death.boot_nsec = 5500000000;
	assert_get(f, "time", "4");
	assert_true(isdigit((unsigned char)*fx_get(f, "time[dead]")));
	fx_state(f->a, STATE_STOPPED);
}

static void start_error_is_shown(void **state)
{
	struct props_fixture *f = *state;
	struct error e = ERROR_INIT;

	assert_get(f, "start_error", "");
	error_set(&e, ERR_INVALID_COMMAND, "no such thing");
	container_set_start_error(f->a, &e);
	assert_get(f, "start_error", "InvalidCommand:(no such thing)");
}

static void root_pid_for_clients_on_the_host(void **state)
{
	struct props_fixture *f = *state;

	fx_state(f->a, STATE_META);
	assert_no_get(f, "root_pid", ERR_INVALID_STATE);
	f->a->has_task = true;
	f->a->task.wait_pid = 1233;
	assert_get(f, "root_pid", "1233");
	f->a->task.main_pid = 1234;
	assert_get(f, "root_pid", "1234");
	fx_state(f->a, STATE_STOPPED);
}

static void root_pid_for_clients_inside(void **state)
{
	struct props_fixture *f = *state;
	struct client *inside = client_new(f->a);
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	inside->pid = getpid();
	f->ctx.client = inside;
	f->a->has_task = true;
	f->a->task.main_pid = getpid();
	fx_state(f->a, STATE_RUNNING);
	assert_get(f, "root_pid", pid);
	f->a->task.main_pid = 999999999; /* nobody has this one */
	assert_no_get(f, "root_pid", ERR_PERMISSION);
	fx_state(f->a, STATE_STOPPED);
	client_free(inside);
}

/* ---- transactions ---- */

static void rollback_restores_values_and_marks(void **state)
{
	struct props_fixture *f = *state;

	fx_set(f, "private", "kept");
	prop_txn_deinit(&f->txn);
	fx_set(f, "private", "one");
	fx_set(f, "private", "two");
	fx_set(f, "command", "true");
	fx_set(f, "cwd", "/x");
	fx_set(f, "env[A]", "1");
	fx_set(f, "command_argv", "a\tb");
	fx_set(f, "user", "4444");
	fx_set(f, "memory_limit", "64M");
	assert_int_equal(f->txn.dirty, 1u << APPLY_MEMORY);
	assert_true(f->txn.slow);

	prop_rollback(&f->ctx, &f->txn);
	assert_get(f, "private", "kept");
	assert_get(f, "command", "");
	assert_get(f, "command_argv", "");
	assert_get(f, "env", "");
	assert_get(f, "cwd", "/place/porto/a");
	assert_null(f->a->spec.cwd);
	assert_get(f, "user", "root");
	assert_get(f, "memory_limit", "0");
	assert_false(container_is_set(f->a, ROW_memory_limit));
	assert_false(container_is_set(f->a, ROW_command));
	assert_true(container_is_set(f->a, ROW_private));
	assert_int_equal(f->a->spec.required_controllers, CGROUP_BIT(CGROUP_PIDS));
}

static void a_failed_set_changes_nothing(void **state)
{
	struct props_fixture *f = *state;

	fx_set(f, "ulimit", "nofile: 1 2");
	fx_set(f, "bind", "/a /b");
	fx_set(f, "command_argv", "a\tb");
	assert_no_set(f, "ulimit", "core: 1; nothing: 1", ERR_INVALID_VALUE);
	assert_no_set(f, "bind", "/c /d; /e", ERR_INVALID_VALUE);
	assert_no_set(f, "oom_score_adj", "2000", ERR_INVALID_VALUE);
	assert_no_set(f, "memory_limit", "1K", ERR_INVALID_VALUE);
	assert_get(f, "ulimit", "nofile: 1 2; ");
	assert_get(f, "bind", "/a /b");
	assert_get(f, "memory_limit", "0");
	assert_false(container_is_set(f->a, ROW_memory_limit));
	assert_int_equal(f->a->spec.required_controllers & CGROUP_BIT(CGROUP_MEMORY), 0);
	for (size_t i = 0; i < f->txn.n; i++)
		assert_ptr_not_equal(f->txn.changes[i].prop, &row_memory_limit);
}

static void transaction_lists_what_to_persist(void **state)
{
	struct props_fixture *f = *state;

	fx_set(f, "user", "4444");
	assert_int_equal(f->txn.n, 2);
	assert_ptr_equal(f->txn.changes[0].prop, &row_user);
	assert_ptr_equal(f->txn.changes[1].prop, &row_task_cred);
	prop_txn_deinit(&f->txn);
	fx_set(f, "command", "x");
	assert_int_equal(f->txn.n, 2);
	prop_txn_deinit(&f->txn);
	f->ctx.ct = f->ab;
	fx_set(f, "memory_limit", "64M");
	assert_int_equal(f->txn.n, 2);
	assert_ptr_equal(f->txn.changes[1].prop, &row_controllers);
	assert_int_equal(f->txn.dirty, 1u << APPLY_MEMORY);
}

/* ---- controllers ---- */

static void controllers_come_with_properties(void **state)
{
	struct props_fixture *f = *state;

	f->ctx.ct = f->ab;
	assert_get(f, "controllers[memory]", "false");
	fx_set(f, "memory_limit", "64M");
	assert_get(f, "controllers[memory]", "true");
	assert_no_set(f, "controllers", "freezer", ERR_INVALID_VALUE);
	assert_non_null(strstr(f->err.text, "memory"));
	assert_no_set(f, "controllers[memory]", "false", ERR_INVALID_VALUE);
	fx_set(f, "controllers[pids]", "true");
	assert_get(f, "controllers", "freezer;memory;cpuacct;pids");
	fx_set(f, "controllers", "memory");
	assert_get(f, "controllers", "freezer;memory;cpuacct");
	assert_no_set(f, "controllers", "memory;nonsense", ERR_INVALID_VALUE);
	assert_no_set(f, "controllers[memory]", "yes", ERR_INVALID_VALUE);
	assert_no_set(f, "controllers", "hugetlb", ERR_NOT_SUPPORTED);
	assert_non_null(strstr(f->err.text, "hugetlb"));
}

static void controllers_do_not_come_later(void **state)
{
	struct props_fixture *f = *state;

	f->ctx.ct = f->ab;
	fx_state(f->ab, STATE_RUNNING);
	assert_no_set(f, "memory_limit", "64M", ERR_NOT_SUPPORTED);
	assert_non_null(strstr(f->err.text, "memory"));
	assert_get(f, "memory_limit", "0");
	f->ctx.ct = f->a;
	fx_state(f->a, STATE_RUNNING);
	fx_set(f, "memory_limit", "64M");
	fx_state(f->a, STATE_STOPPED);
	fx_state(f->ab, STATE_STOPPED);
}

static void first_level_defaults(void **state)
{
	struct props_fixture *f = *state;

	assert_get(f, "thread_limit", "10000");
	assert_get(f, "controllers[pids]", "true");
	f->ctx.ct = f->ab;
	assert_get(f, "thread_limit", "");
	assert_get(f, "controllers[pids]", "false");
}

static void a_root_gets_its_own_device_list(void **state)
{
	struct props_fixture *f = *state;

	f->ctx.ct = f->ab;
	assert_get(f, "controllers[devices]", "false");
	fx_set(f, "root", "/srv");
	assert_get(f, "controllers[devices]", "true");
}

static void groups_are_shown(void **state)
{
	struct props_fixture *f = *state;
	auto_free char *memory = xasprintf("%s/cg/memory/porto%%a", f->fake.dir);
	auto_free char *item = xasprintf("memory: %s", memory);

	assert_get(f, "cgroups[memory]", memory);
	assert_non_null(strstr(fx_get(f, "cgroups"), item));
	assert_no_get(f, "cgroups[hugetlb]", ERR_INVALID_PROPERTY);
	assert_no_get(f, "cgroups[x]", ERR_INVALID_PROPERTY);
	f->ctx.ct = f->ab;
	assert_get(f, "cgroups[memory]", memory);
}

static void usage_of_the_nearest_owner(void **state)
{
	struct props_fixture *f = *state;

	fake_put(&f->fake, "cg/memory/porto%a/memory.usage_in_bytes", "4096\n");
	fx_state(f->a, STATE_META);
	fx_state(f->ab, STATE_RUNNING);
	assert_get(f, "memory_usage", "4096");
	f->ctx.ct = f->ab;
	assert_get(f, "memory_usage", "4096");
	f->ctx.real = true;
	assert_no_get(f, "memory_usage", ERR_NO_VALUE);
	assert_no_get(f, "memory_limit", ERR_NO_VALUE);
	f->ctx.ct = f->a;
	assert_get(f, "memory_usage", "4096");
	fx_state(f->a, STATE_STOPPED);
	fx_state(f->ab, STATE_STOPPED);
}

static void raw_knobs(void **state)
{
	struct props_fixture *f = *state;

	fake_put(&f->fake, "cg/memory/porto%a/memory.stat", "cache 1\nrss 2\n");
	assert_no_get(f, "memory.stat", ERR_INVALID_STATE);
	fx_state(f->a, STATE_RUNNING);
	assert_get(f, "memory.stat", "cache 1\nrss 2\n");
	assert_no_get(f, "memory.nothing", ERR_INVALID_VALUE);
	assert_no_get(f, "nothing.stat", ERR_INVALID_VALUE);
	assert_no_get(f, "hugetlb.x", ERR_INVALID_VALUE);
	assert_no_get(f, "memory./etc/passwd", ERR_INVALID_VALUE);
	assert_no_get(f, "memory.x/../../../proc/self/cgroup", ERR_INVALID_VALUE);
	assert_no_set(f, "memory.stat", "1", ERR_INVALID_PROPERTY);
	fx_state(f->a, STATE_STOPPED);
}

static void oom_kills_are_counted_up_the_tree(void **state)
{
	struct props_fixture *f = *state;

	f->ctx.sync = true;
	fake_put(&f->fake, "cg/memory/porto%a/memory.oom_control",
		 "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
	assert_get(f, "oom_kills", "0");
	fx_state(f->a, STATE_RUNNING);
	/* The fake host may lack the statistic at its top; then the count stays. */
	if (strcmp(fx_get(f, "oom_kills"), "3"))
		skip();
	assert_get(f, "oom_kills_total", "3");
	assert_int_equal(f->root->oom_kills_total, 3);
	assert_get(f, "oom_kills", "3");
	assert_int_equal(f->root->oom_kills_total, 3);
	fx_state(f->a, STATE_STOPPED);
}

static void limits_of_the_chain(void **state)
{
	struct props_fixture *f = *state;

	assert_get(f, "memory_limit_total", "8589934592");
	assert_get(f, "cpu_limit_bound", "4c");
	f->a->spec.memory_limit = 64 << 20;
	f->a->spec.cpu_limit = 1000000000;
	f->ab->spec.memory_limit = 128 << 20;
	f->ab->spec.cpu_limit = 2000000000;
	f->ctx.ct = f->ab;
	assert_get(f, "memory_limit_total", "67108864");
	assert_get(f, "cpu_limit_bound", "1c");
	assert_get(f, "cpu_limit_total", "1c");
}

static void missing_controllers_are_not_supported(void **state)
{
	struct props_fixture *f = *state;
	struct fake bare;

	(void)f;
	fake_init(&bare);
	fake_mount(&bare, "freezer", "freezer");
	fake_probe_ok(&bare, "porto");
	f->env.cgroups = bare.host;
	assert_no_set(f, "memory_limit", "64M", ERR_NOT_SUPPORTED);
	assert_no_get(f, "memory_usage", ERR_NOT_SUPPORTED);
	assert_no_get(f, "thread_limit", ERR_NOT_SUPPORTED);
	assert_non_null(strstr(f->err.text, "thread_limit"));
	assert_false(prop_is_supported(prop_find("cpu_limit"), &f->env));
	assert_true(prop_is_supported(prop_find("cpu_weight"), &f->env));
	f->env.cgroups = NULL;
	fake_deinit(&bare);
}

/* ---- labels ---- */

static void labels_by_all_names(void **state)
{
	struct props_fixture *f = *state;

	fx_set(f, "labels", "AB.a: 1; AB.b: 2");
	fx_set(f, "labels", "AB.b: 3");
	assert_get(f, "labels", "AB.a: 1; AB.b: 3");
	assert_get(f, "AB.a", "1");
	assert_get(f, "labels[AB.b]", "3");
	fx_set(f, "AB.c", "4");
	fx_set(f, "labels[AB.d]", "5");
	fx_set(f, "AB.a", "");
	assert_get(f, "labels", "AB.b: 3; AB.c: 4; AB.d: 5");
	assert_no_get(f, "AB.a", ERR_LABEL_NOT_FOUND);
	assert_no_get(f, "labels[AB.a]", ERR_LABEL_NOT_FOUND);
	f->ctx.ct = f->ab;
	assert_no_get(f, "AB.b", ERR_LABEL_NOT_FOUND);
	assert_get(f, ".AB.b", "3");
	assert_get(f, "labels[.AB.b]", "3");
}

static void labels_for_the_watchers(void **state)
{
	struct props_fixture *f = *state;

	fx_set(f, "labels", "AB.a: 1; AB.b: 2");
	prop_txn_deinit(&f->txn);
	fx_set(f, "labels", "AB.a: 1; AB.b: 3; AB.c: 4");
	fx_set(f, "AB.a", "");
	assert_int_equal(f->txn.labels.n, 3);
	assert_string_equal(smap_get(&f->txn.labels, "AB.a"), "");
	assert_string_equal(smap_get(&f->txn.labels, "AB.b"), "3");
	assert_string_equal(smap_get(&f->txn.labels, "AB.c"), "4");
}

static void bad_labels(void **state)
{
	static const char *const names[] = { "A.x",     "ABCDEFGHIJKLMNOPQ.x",
					     "PORTO.x", "PORTOX.y",
					     "AB.x y",  "AB.x/y",
					     "ab.x",    "AB",
					     ".AB.x" };
	struct props_fixture *f = *state;
	auto_buf name = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		buf_reset(&name);
		buf_addf(&name, "labels[%s]", names[i]);
		assert_no_set(f, buf_str(&name), "1", ERR_INVALID_LABEL);
	}
	assert_no_set(f, "AB.x", "a b", ERR_INVALID_LABEL);
	assert_no_set(f, "labels", "x: 1", ERR_INVALID_LABEL);
	assert_no_set(f, "labels", "x", ERR_INVALID_VALUE);
	assert_get(f, "labels", "");
	assert_int_equal(label_check_name("AB.", &f->err), 0);
}

static void number_of_labels(void **state)
{
	struct props_fixture *f = *state;
	char name[32];

	for (int i = 0; i < LABEL_COUNT_MAX; i++) {
		snprintf(name, sizeof(name), "AB.%d", i);
		fx_set(f, name, "1");
	}
	assert_no_set(f, "AB.more", "1", ERR_RESOURCE_NOT_AVAILABLE);
	assert_no_set(f, "labels[AB.more]", "1", ERR_RESOURCE_NOT_AVAILABLE);
	assert_no_set(f, "labels", "AB.more: 1", ERR_RESOURCE_NOT_AVAILABLE);
	assert_int_equal(label_set(f->a, "AB.more", "1", &f->err), -1);
	fx_set(f, "AB.5", "2"); /* a change is no addition */
	fx_set(f, "labels", "AB.5: ; AB.more: 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(table_is_sorted_and_numbered),
		TEST(rows_are_complete),
		TEST(fields_have_one_storing_row),
		TEST(defaults_survive_their_own_text),
		TEST(everything_survives_the_store),
		TEST(unset_rows_have_no_stored_text),
		TEST(unknown_names),
		TEST(errors_name_the_property_and_the_value),
		TEST(values_are_trimmed),
		TEST(settable_by_state),
		TEST(readable_by_state),
		TEST(root_container_is_read_only),
		TEST(names_and_times),
		TEST(start_error_is_shown),
		TEST(root_pid_for_clients_on_the_host),
		TEST(root_pid_for_clients_inside),
		TEST(rollback_restores_values_and_marks),
		TEST(a_failed_set_changes_nothing),
		TEST(transaction_lists_what_to_persist),
		TEST(labels_by_all_names),
		TEST(labels_for_the_watchers),
		TEST(bad_labels),
		TEST(number_of_labels),
		TEST(limits_of_the_chain),
		TEST_V1(controllers_come_with_properties),
		TEST_V1(controllers_do_not_come_later),
		TEST_V1(first_level_defaults),
		TEST_V1(a_root_gets_its_own_device_list),
		TEST_V1(groups_are_shown),
		TEST_V1(usage_of_the_nearest_owner),
		TEST_V1(raw_knobs),
		TEST_V1(oom_kills_are_counted_up_the_tree),
		TEST(missing_controllers_are_not_supported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
