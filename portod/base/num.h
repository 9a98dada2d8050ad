/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and units: parse and format. Pure. Parsers return 0, -EINVAL (malformed) or -ERANGE
 * (does not fit), and leave *ret untouched on failure. The whole text must be consumed except
 * trailing blanks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NSEC_PER_SEC  1000000000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_USEC 1000ULL

int num_parse_u64(const char *s, uint64_t *ret);
int num_parse_i64(const char *s, int64_t *ret);
/* Base 8 or 16 (optional 0x), at most 32 bit. */
int num_parse_oct(const char *s, uint32_t *ret);
int num_parse_hex(const char *s, uint32_t *ret);
int num_parse_bool(const char *s, bool *ret); /* exactly true / false */
/* Plain number without unit. */
int num_parse_double(const char *s, double *ret);
/*
 * Number, fraction allowed, with optional unit B K M G T P E (any case; K, Kb, KB, KiB alike),
 * 1024-based. Negative is -ERANGE.
 */
int num_parse_size(const char *s, uint64_t *ret);
/* Fraction allowed; unit s sec ms msec us usec ns nsec ps psec fs fsec; none = ns. */
int num_parse_nsec(const char *s, uint64_t *ret);
/*
 * CPU power in nanoseconds per second (1e9 = one core): `Nc` cores (9 decimals), `Nns`, bare
 * number or `N%` = percent of `ncpu` cores.
 */
int num_parse_cpu(const char *s, unsigned ncpu, uint64_t *ret);

/* Each writes into buf and returns it. */
const char *num_format_cpu(uint64_t nsec, char *buf, size_t size); /* "1.5c", "0c" */
/* For people: "1.5G", "512B". */
const char *num_format_size(uint64_t bytes, char *buf, size_t size);
const char *num_format_double(double v, char *buf, size_t size); /* %lg */
#define NUM_MAX 64
