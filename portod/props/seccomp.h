/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles of system calls and no_new_privs: reference/containers.md §16. A profile is the text of
 * a TSeccompProfile (proto/porto.proto), checked and normalised once, when it is set. Pure memory.
 */
#pragma once

#include "kernel/sysfilter.h"
#include "props/prop.h"

#define SECCOMP_TEXT_MAX  (128 << 10)
#define SECCOMP_RULES_MAX 1000

/* Check a profile and write it in one way. ERR_INVALID_VALUE, ERR_NOT_SUPPORTED for the action
 * Notify. New string; "" for a profile that says nothing. */
int seccomp_normalize(const char *text, char **ret, struct error *err);

/* Profiles that hold for the container's command, outermost first. */
struct seccomp_profiles {
	struct sysfilter_profile *v; /* owned */
	size_t n;
};

void seccomp_profiles_deinit(struct seccomp_profiles *p);
/* ERR_INVALID_VALUE for a name that the configuration does not have (any more). */
int seccomp_effective(const struct prop_env *env, const struct container *ct,
		      struct seccomp_profiles *ret, struct error *err);
/* What is set here, or above, or follows from a profile; never less than above. */
bool no_new_privs_effective(const struct container *ct);
