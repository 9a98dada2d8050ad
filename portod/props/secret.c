/* SPDX-License-Identifier: Apache-2.0 */
#include "props/secret.h"

#include <sha2.h>
#include <string.h>
#include <sys/random.h>

static void to_hex(const unsigned char *data, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[data[i] >> 4];
		*out++ = digits[data[i] & 15];
	}
	*out = '\0';
}

static void hash(const char *salt, const char *value, char *out)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX sha;

	SHA256Init(&sha);
	SHA256Update(&sha, (const uint8_t *)salt, strlen(salt));
	SHA256Update(&sha, (const uint8_t *)value, strlen(value));
	SHA256Final(digest, &sha);
	to_hex(digest, sizeof(digest), out);
}

static bool may_know(const struct prop_ctx *ctx)
{
	struct error ignored = ERROR_INIT;

	return ctx->client && client_can_control(ctx->client, ctx->ct, false, &ignored) == 0;
}

void secret_mask(const struct prop_ctx *ctx, const char *value, struct secret_mask *ret)
{
	unsigned char salt[16];

	ret->salt[0] = ret->hash[0] = '\0';
	/* Before the kernel has entropy: rather no hash than one with a known salt. */
	if (!may_know(ctx) || getrandom(salt, sizeof(salt), GRND_NONBLOCK) != sizeof(salt))
		return;
	to_hex(salt, sizeof(salt), ret->salt);
	hash(ret->salt, value, ret->hash);
}

void secret_format(const struct prop_ctx *ctx, const char *value, struct buf *out)
{
	struct secret_mask m;

	secret_mask(ctx, value, &m);
	if (m.salt[0])
		buf_addf(out, "<secret salt=%s sha256=%s>", m.salt, m.hash);
	else
		buf_adds(out, SECRET_TEXT);
}

bool secret_matches(const char *value, const char *salt, const char *hex)
{
	char own[65];

	hash(salt, value, own);
	return strcmp(own, hex) == 0;
}
