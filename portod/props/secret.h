/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told of a secret value: nothing, or, to a client that may change the container and so
 * could have the value printed anyway, a salted hash, which compares it with a value he knows.
 * FIPS 180-4, by libmd.
 */
#pragma once

#include "base/buf.h"
#include "props/prop.h"

#define SECRET_TEXT "<secret>"

struct secret_mask {
	char salt[33]; /* 128 random bits in hexadecimal digits; "" = not for this client */
	char hash[65]; /* SHA-256 of the salt's digits and the value */
};

/* A new salt each time. Does not block. */
void secret_mask(const struct prop_ctx *ctx, const char *value, struct secret_mask *ret);
/* "<secret>" or "<secret salt=S sha256=H>", appended. */
void secret_format(const struct prop_ctx *ctx, const char *value, struct buf *out);
/* Is `hash` the one of this value with this salt? */
bool secret_matches(const char *value, const char *salt, const char *hash);
