/* SPDX-License-Identifier: Apache-2.0 */
/* The method table: a row for every request of the wire. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "handlers/handlers.h"

enum method_flag {
	METHOD_WRITE = 1 << 0,     /* changes something: not for read-only clients, not while frozen
				      */
	METHOD_SUPERUSER = 1 << 1, /* and only for the superuser of the host */
	METHOD_SPEC = 1 << 2,      /* has counters of its own */
	METHOD_WAITS = 1 << 3,     /* takes as long as the client wants: its time is no measure */
};

struct method {
	uint32_t field; /* number in TPortoRequest */
	const char *name;
	unsigned flags;
	method_handler handle; /* NULL = of a later version */
};

/* Sorted by field number. */
extern const struct method methods[];
extern const size_t methods_count;

const struct method *method_find(uint32_t field);
/* Check access, call the handler. Takes the request over. */
void method_dispatch(const struct handler_env *env, struct request *rq);
