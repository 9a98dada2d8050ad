/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of portoctl: `key=value` words to a started container, and its end to an exit status. */
#pragma once

#include <stdbool.h>

#include "client/ctl.h"

struct setting {
	char *key, *value; /* owned */
};

struct settings {
	struct setting *items; /* in the order they are applied */
	int count;
	char *spec; /* fields of a TContainerSpec, set after the items: what no text property can
		       say; owned, NULL = none */
};

/*
 * Words in the user's order; a repeated key keeps its place and takes the last value, `env`
 * accumulates, `virt_mode` goes last. False after a message on stderr.
 */
bool settings_parse(struct settings *s, const char *const *words);
void settings_free(struct settings *s);
/* Add ` PREFIX "VALUE"SUFFIX` to the spec, VALUE being any bytes. */
void settings_spec(struct settings *s, const char *prefix, const char *value, const char *suffix);
const char *settings_get(const struct settings *s, const char *key); /* NULL if not there */
/* Put in front, unless the user has it. */
void settings_default(struct settings *s, const char *key, const char *value);
/* Prepend variables to `env`; the user's override them. */
void settings_env(struct settings *s, const char *variables);

/*
 * Create the container (weak or not), set everything, start it. On failure what was made is
 * destroyed again, the message printed, and the exit status returned; else 0.
 */
int launch(struct ctl *ctl, const char *name, const struct settings *s, bool weak);
#define LAUNCH_PREFIX "Cannot start container"

/* How a container ended. */
struct verdict {
	bool known;
	bool oom;
	int status; /* as wait(2) */
};

/*
 * Ask the daemon about a dead container. `fallback` (may be NULL) is the event that told its death,
 * used if the container is gone already.
 */
struct verdict verdict_get(struct ctl *ctl, const char *name, const struct porto_event *fallback);
struct verdict verdict_of_exit_code(int exit_code);
/* Say on stderr what happened, if it was no plain success; the exit status that says the same. */
int verdict_report(const struct verdict *v);
