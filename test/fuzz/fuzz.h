/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One fuzz target per file: it feeds the bytes to a parser and aborts when an invariant is broken.
 * Linked with libFuzzer (-Dfuzz=true, clang) or with fuzz_main.c, which replays files.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it has to stay with NDEBUG. */
#define FUZZ_CHECK(cond)                                                                   \
	do {                                                                               \
		if (!(cond)) {                                                             \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                           \
		}                                                                          \
	} while (0)
