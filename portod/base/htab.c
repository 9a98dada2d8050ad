/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing; removal shifts the following cluster back, so there are no
 * tombstones and a table that lives for months does not degrade. Load stays at or below 3/4.
 * Strings are hashed by SipHash-2-4 with a random key: names come from clients.
 */
#include "htab.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "xalloc.h"

#define HTAB_MIN 16

struct slot {
	union {
		const char *str;
		uint64_t num;
	} key;
	void *value; /* NULL: free slot */
	uint64_t hash;
};

enum key_kind { KEY_NONE, KEY_STR, KEY_NUM };

struct htab {
	struct slot *slots;
	size_t size; /* power of two, 0 while empty */
	size_t count;
	uint64_t seed[2];
	enum key_kind kind;
};

static uint64_t rotate(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

static uint64_t siphash(const uint64_t seed[2], const char *s, size_t len)
{
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575ULL, seed[1] ^ 0x646f72616e646f6dULL,
			  seed[0] ^ 0x6c7967656e657261ULL, seed[1] ^ 0x7465646279746573ULL };
	uint64_t last = (uint64_t)len << 56, m;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		memcpy(&m, s + i, 8);
		sip_word(v, m);
	}
	m = 0;
	memcpy(&m, s + i, len - i);
	sip_word(v, last ^ m);
	v[2] ^= 0xff;
	for (int r = 0; r < 4; r++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Numbers are pids and ids of our own: a strong mix is enough, and the seed is free. */
static uint64_t mix(const struct htab *h, uint64_t x)
{
	x ^= h->seed[0];
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

struct htab *htab_new(void)
{
	struct htab *h = xnew(struct htab);

	/* Early boot without entropy: a weak seed beats blocking or failing. */
	if (getrandom(h->seed, sizeof(h->seed), GRND_NONBLOCK) != sizeof(h->seed)) {
		h->seed[0] = (uint64_t)time(NULL) * 0x9e3779b97f4a7c15ULL;
		h->seed[1] = (uint64_t)getpid() * 0xbf58476d1ce4e5b9ULL;
	}
	return h;
}

struct htab *htab_free(struct htab *h)
{
	if (h) {
		free(h->slots);
		free(h);
	}
	return NULL;
}

size_t htab_count(const struct htab *h)
{
	return h->count;
}

static void check_kind(const struct htab *h, enum key_kind kind)
{
	assert(h->kind == KEY_NONE || h->kind == kind);
	(void)h;
	(void)kind;
}

static struct slot *find_str(const struct htab *h, const char *key, uint64_t hash)
{
	size_t i;

	if (!h->size)
		return NULL;
	for (i = hash & (h->size - 1); h->slots[i].value; i = (i + 1) & (h->size - 1)) {
		if (h->slots[i].hash == hash && !strcmp(h->slots[i].key.str, key))
			return &h->slots[i];
	}
	return NULL;
}

static struct slot *find_num(const struct htab *h, uint64_t key, uint64_t hash)
{
	size_t i;

	if (!h->size)
		return NULL;
	for (i = hash & (h->size - 1); h->slots[i].value; i = (i + 1) & (h->size - 1)) {
		if (h->slots[i].key.num == key)
			return &h->slots[i];
	}
	return NULL;
}

static struct slot *free_slot(const struct htab *h, uint64_t hash)
{
	size_t i = hash & (h->size - 1);

	while (h->slots[i].value)
		i = (i + 1) & (h->size - 1);
	return &h->slots[i];
}

static void resize(struct htab *h, size_t size)
{
	struct slot *old = h->slots;
	size_t old_size = h->size;

	h->slots = xnew_array(struct slot, size);
	h->size = size;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].value)
			*free_slot(h, old[i].hash) = old[i];
	}
	free(old);
}

static struct slot *insert(struct htab *h, uint64_t hash, void *value)
{
	struct slot *s;

	assert(value);
	if ((h->count + 1) * 4 > h->size * 3)
		resize(h, h->size ? h->size * 2 : HTAB_MIN);
	s = free_slot(h, hash);
	s->hash = hash;
	s->value = value;
	h->count++;
	return s;
}

/* Close the gap: move back every entry of the cluster that may live at an earlier place. */
static void *take_slot(struct htab *h, struct slot *s)
{
	size_t mask = h->size - 1, gap, i;
	void *value;

	if (!s)
		return NULL;
	value = s->value;
	gap = (size_t)(s - h->slots);
	for (i = (gap + 1) & mask; h->slots[i].value; i = (i + 1) & mask) {
		size_t home = h->slots[i].hash & mask;

		if (((i - home) & mask) >= ((i - gap) & mask)) {
			h->slots[gap] = h->slots[i];
			gap = i;
		}
	}
	h->slots[gap].value = NULL;
	h->count--;
	if (h->size > HTAB_MIN && h->count * 8 < h->size)
		resize(h, h->size / 2);
	return value;
}

void *htab_get(const struct htab *h, const char *key)
{
	struct slot *s;

	check_kind(h, KEY_STR);
	s = find_str(h, key, siphash(h->seed, key, strlen(key)));
	return s ? s->value : NULL;
}

void htab_put(struct htab *h, const char *key, void *value)
{
	uint64_t hash = siphash(h->seed, key, strlen(key));

	check_kind(h, KEY_STR);
	h->kind = KEY_STR;
	assert(!find_str(h, key, hash));
	insert(h, hash, value)->key.str = key;
}

void *htab_del(struct htab *h, const char *key)
{
	check_kind(h, KEY_STR);
	return take_slot(h, find_str(h, key, siphash(h->seed, key, strlen(key))));
}

void *htab_get_int(const struct htab *h, uint64_t key)
{
	struct slot *s;

	check_kind(h, KEY_NUM);
	s = find_num(h, key, mix(h, key));
	return s ? s->value : NULL;
}

void htab_put_int(struct htab *h, uint64_t key, void *value)
{
	uint64_t hash = mix(h, key);

	check_kind(h, KEY_NUM);
	h->kind = KEY_NUM;
	assert(!find_num(h, key, hash));
	insert(h, hash, value)->key.num = key;
}

void *htab_del_int(struct htab *h, uint64_t key)
{
	check_kind(h, KEY_NUM);
	return take_slot(h, find_num(h, key, mix(h, key)));
}

void *htab_next(const struct htab *h, size_t *iter)
{
	while (*iter < h->size) {
		void *value = h->slots[(*iter)++].value;

		if (value)
			return value;
	}
	return NULL;
}
