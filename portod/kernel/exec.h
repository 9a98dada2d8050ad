/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last step inside a container: from the command's text to execve(2). ERR_INVALID_COMMAND, or
 * ERR_RESOURCE_NOT_AVAILABLE when the number of processes is at its limit.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

/* Make `env` ("NAME=value") the environment of this process. Keeps pointers into it. */
void exec_set_environment(const struct strv *env);
/* Arguments of portoinit: an option with a number, or with a descriptor (if >= 0) that it is to
 * have. */
void exec_add_number(struct strv *args, const char *option, long v);
void exec_add_fd(struct strv *args, const char *option, int fd);
/* Would expansion only split it at blanks? Then wordexp(3) is not used for it. */
bool exec_is_plain(const char *command);
/*
 * POSIX word expansion of `command` by this process's environment, cwd and root, without command
 * substitution; an undefined variable is an error, and so is a result of no words. Adds to *ret.
 * User names (`~name`) are looked up in the container's /etc/passwd only: no name service module
 * of the image is ever loaded.
 */
int exec_expand(const char *command, struct strv *ret, struct error *err);
/* Paths that execvp(3) would try for this command, those that cannot be executed left out. `shown`:
 * what errors call the command, where argv may hold secrets; NULL = argv[0]. */
int exec_find(const struct strv *argv, const char *shown, struct strv *ret, struct error *err);
/* execvp(3) with the PATH of this process's environment; returns only on failure. */
int exec_run(const struct strv *argv, const char *shown, struct error *err);
