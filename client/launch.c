/* SPDX-License-Identifier: Apache-2.0 */
#include "client/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Exit codes of the daemon below zero. */
#define EXIT_CODE_OOM (-99)
#define STATUS_OOM    137

/* Parameters of a root volume, which cannot be made yet. */
static const char *const volume_keys[] = { "layers", "space_limit", "backend", "storage" };

static struct setting *find(const struct settings *s, const char *key)
{
	int i;

	for (i = 0; i < s->count; i++)
		if (strcmp(s->items[i].key, key) == 0)
			return &s->items[i];
	return NULL;
}

static void insert(struct settings *s, int at, char *key, char *value)
{
	s->items = xrealloc(s->items, (size_t)s->count + 1, sizeof(*s->items));
	memmove(s->items + at + 1, s->items + at, (size_t)(s->count - at) * sizeof(*s->items));
	s->items[at] = (struct setting){ key, value };
	s->count++;
}

/* Virtual mode checks other settings, so it stays behind them. */
static int end_of(const struct settings *s)
{
	if (s->count && strcmp(s->items[s->count - 1].key, "virt_mode") == 0)
		return s->count - 1;
	return s->count;
}

static bool add_word(struct settings *s, const char *word)
{
	const char *equals = strchr(word, '=');
	struct setting *old;
	char *key, *value;
	size_t i;

	if (!equals || equals == word) {
		fprintf(stderr, "Cannot set property: InvalidValue:(Invalid value: %s)\n", word);
		return false;
	}
	key = xasprintf("%.*s", (int)(equals - word), word);
	for (i = 0; i < ARRAY_SIZE(volume_keys); i++)
		if (strcmp(key, volume_keys[i]) == 0) {
			fprintf(stderr,
				"%s: NotSupported:(%s: volumes and layers are not "
				"supported yet)\n",
				LAUNCH_PREFIX, key);
			free(key);
			return false;
		}
	old = find(s, key);
	if (!old) {
		insert(s, strcmp(key, "virt_mode") == 0 ? s->count : end_of(s), key,
		       xstrdup(equals + 1));
		return true;
	}
	value = strcmp(key, "env") == 0 ? xasprintf("%s;%s", old->value, equals + 1)
					: xstrdup(equals + 1);
	free(key);
	free(old->value);
	old->value = value;
	return true;
}

bool settings_parse(struct settings *s, const char *const *words)
{
	*s = (struct settings){ 0 };
	for (; *words; words++)
		if (!add_word(s, *words))
			return false;
	return true;
}

void settings_free(struct settings *s)
{
	int i;

	for (i = 0; i < s->count; i++) {
		free(s->items[i].key);
		free(s->items[i].value);
	}
	free(s->items);
	free(s->spec);
}

/* What is not plain is written as a number. */
static char *quote(const char *text)
{
	char *quoted = xrealloc(NULL, strlen(text) + 1, 4), *out = quoted;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
			*out++ = (char)c;
		else
			out += snprintf(out, 5, "\\%03o", c);
	}
	*out = '\0';
	return quoted;
}

void settings_spec(struct settings *s, const char *prefix, const char *value, const char *suffix)
{
	char *quoted = quote(value);
	char *more = xasprintf("%s %s \"%s\"%s", s->spec ? s->spec : "", prefix, quoted, suffix);

	free(quoted);
	free(s->spec);
	s->spec = more;
}

const char *settings_get(const struct settings *s, const char *key)
{
	const struct setting *item = find(s, key);

	return item ? item->value : NULL;
}

void settings_default(struct settings *s, const char *key, const char *value)
{
	if (!find(s, key))
		insert(s, 0, xstrdup(key), xstrdup(value));
}

void settings_env(struct settings *s, const char *variables)
{
	struct setting *env = find(s, "env");
	char *value;

	if (!env) {
		settings_default(s, "env", variables);
		return;
	}
	value = xasprintf("%s;%s", variables, env->value);
	free(env->value);
	env->value = value;
}

static int set_spec(struct ctl *ctl, const char *name, const char *fields)
{
	struct settings whole = { .spec = xstrdup(fields) };
	int r;

	settings_spec(&whole, "name:", name, "");
	r = porto_update_from_spec(ctl->conn, whole.spec, strlen(whole.spec), 0);
	settings_free(&whole);
	return r;
}

/* Set everything and start. 0 or an error code of the connection. */
static int set_and_start(struct ctl *ctl, const char *name, const struct settings *s)
{
	int i, r;

	for (i = 0; i < s->count; i++) {
		r = porto_set_property(ctl->conn, name, s->items[i].key, s->items[i].value);
		if (r != 0)
			return r;
	}
	r = s->spec ? set_spec(ctl, name, s->spec) : 0;
	return r != 0 ? r : porto_start(ctl->conn, name);
}

int launch(struct ctl *ctl, const char *name, const struct settings *s, bool weak)
{
	int r;

	r = weak ? porto_create_weak(ctl->conn, name) : porto_create(ctl->conn, name);
	if (r != 0) {
		ctl_error(ctl, LAUNCH_PREFIX);
		return 1;
	}
	if (set_and_start(ctl, name, s) == 0)
		return 0;
	ctl_error(ctl, LAUNCH_PREFIX);
	(void)porto_destroy(ctl->conn, name);
	return 1;
}

struct verdict verdict_of_exit_code(int exit_code)
{
	struct verdict v = { .known = true };

	if (exit_code == EXIT_CODE_OOM)
		v.oom = true;
	else if (exit_code < 0)
		v.status = -exit_code & 0x7f;
	else
		v.status = (exit_code & 0xff) << 8;
	return v;
}

struct verdict verdict_get(struct ctl *ctl, const char *name, const struct porto_event *fallback)
{
	static const char *const vars[] = { "exit_status", "oom_killed", NULL };
	const char *const names[] = { name, NULL };
	struct porto_get_result *result;
	const struct porto_values *c;
	struct verdict v = { 0 };
	int64_t status;

	if (porto_get(ctl->conn, names, vars, 0, 0, &result) == 0) {
		c = result->count ? result->containers[0] : NULL;
		if (c && c->count == 2 && !c->items[0]->error &&
		    parse_int(c->items[0]->value, &status)) {
			v.known = true;
			v.status = (int)status;
			v.oom = strcmp(c->items[1]->value, "true") == 0;
		}
		porto_free_get_result(result);
	}
	if (!v.known && fallback && fallback->has_exit_code)
		v = verdict_of_exit_code(fallback->exit_code);
	return v;
}

int verdict_report(const struct verdict *v)
{
	int sig;

	if (!v->known) {
		fputs("Container's exit status is unknown\n", stderr);
		return 1;
	}
	if (v->oom) {
		fputs("Container killed by OOM\n", stderr);
		return STATUS_OOM;
	}
	if (WIFSIGNALED(v->status)) {
		sig = WTERMSIG(v->status);
		fprintf(stderr, "Container killed by signal: %d (%s)\n", sig, strsignal(sig));
		return 128 + sig;
	}
	if (WEXITSTATUS(v->status))
		fprintf(stderr, "Container exit code: %d\n", WEXITSTATUS(v->status));
	return WEXITSTATUS(v->status);
}
