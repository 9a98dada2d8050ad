/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Value types of properties: the syntax of reference/properties.md §3. Each says which C type its
 * field has and what `arg` of the row means. Pure, but for the user database (cred) and the names
 * of the client (owner_containers, which has a type of its own in task.c).
 */
#pragma once

#include <stdint.h>

#include "props/prop.h"

/* bool; `true` or `false`. */
extern const struct prop_type type_bool;

struct uint_range {
	uint64_t min, max;
};

/* uint64_t; decimal. arg: struct uint_range or NULL. */
extern const struct prop_type type_uint;
/* uint64_t; octal. arg: struct uint_range or NULL. */
extern const struct prop_type type_oct;
/* uint64_t of bytes (or a count); number with unit B K M G T P E. arg: as type_uint. */
extern const struct prop_type type_size;
/* uint64_t of ns; printed without (nsec) or with a unit. arg: as type_uint. */
extern const struct prop_type type_nsec, type_nsec_unit;
/* uint64_t of ns of cpu per second; `1.5c`. */
extern const struct prop_type type_cpu;

struct int_range {
	int64_t min, max;
};

/* int64_t; decimal. arg: struct int_range or NULL. */
extern const struct prop_type type_int;

struct double_range {
	double min, max;
};

/* double; two decimals count, the rest is cut. arg: struct double_range. */
extern const struct prop_type type_hundredths;

struct enum_word {
	const char *word; /* NULL ends the list; the first word of a value is the one printed */
	int value;
};

/* int; arg: array of struct enum_word. */
extern const struct prop_type type_enum;
/* The printed word, NULL if there is none. */
const char *enum_word_of(const struct enum_word *words, int value);

/* char *, NULL = no value, printed as "". arg: const size_t, greatest length; NULL = PATH_MAX -
 * 1. */
extern const struct prop_type type_string;

/* struct strv; `a;b`. */
extern const struct prop_type type_list;
/* struct strv; arguments separated by tabs, nothing trimmed or dropped; index = position. */
extern const struct prop_type type_argv;
/* struct smap with NULL = explicitly unset; `N=V;N2`. */
extern const struct prop_type type_env;
/* struct smap; `key: value; …`, a set replaces all; index = key, an empty value removes it. What
 * keys and values may be is the business of the row's check. */
extern const struct prop_type type_map;
/* struct smap of sizes in decimal; index = key, which must be there to be read. */
extern const struct prop_type type_umap;
/* As type_map, with values that are masked when read; for rows with PROP_SECRET. */
extern const struct prop_type type_env_secret;
/* struct smap; `type: soft hard; …` checked and normalised. */
extern const struct prop_type type_ulimit;
/* struct smap; labels with their rules; a set merges. */
extern const struct prop_type type_labels;
/* uint64_t; `CHOWN;KILL`; index = names. */
extern const struct prop_type type_caps;
/* uint64_t of CGROUP_BITs; index = a name. */
extern const struct prop_type type_controllers;
/* struct cred; `uid gid groups…`; a single user name is taken, too. */
extern const struct prop_type type_cred;

/* For types defined elsewhere: one item per line, `\` escapes newline and itself. New string. */
char *type_save_strv(const struct strv *list);
void type_load_strv(struct strv *ret, const char *text); /* NULL = empty */
/* Save and load of a field that is a struct smap. */
char *type_save_map(const struct prop *p, const void *field);
int type_load_map(const struct prop *p, const char *text, void *field, struct error *err);
/* Read of an index that must be there. */
int type_get_umap_index(const struct prop *p, const struct prop_ctx *ctx, const void *field,
			const char *index, struct buf *out, struct error *err);
/* Check a pair and add it. */
typedef int (*type_set_pair)(struct smap *map, const char *key, const char *value,
			     struct error *err);
/* The field becomes these pairs, each by `set`; after an error it is unspecified. */
int type_replace_map(struct smap *field, const struct smap *pairs, type_set_pair set,
		     struct error *err);

/* Append. */
void type_put_u64(struct buf *out, uint64_t v);
void type_put_bool(struct buf *out, bool v);
