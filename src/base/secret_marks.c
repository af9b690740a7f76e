/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "base/secret_marks.h"

#include <string.h>

#include "base/digest.h"

/* A prime.  The hash is a polynomial in a key, modulo this, which can go along
 * a text in one step a byte; two of them make a collision unlikely. */
#define PRIME UINT32_C(2147483647)

static uint32_t
append(uint32_t hash, uint32_t key, uint8_t byte)
{
	return (uint32_t)(((uint64_t)hash * key + byte + 1) % PRIME);
}

static uint32_t
hash_all(uint32_t key, const uint8_t *bytes, size_t size)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < size; i++)
		hash = append(hash, key, bytes[i]);
	return hash;
}

/* key to the power of size: the weight of a byte that leaves. */
static uint32_t
power(uint32_t key, size_t size)
{
	uint64_t result = 1;

	while (size-- > 0)
		result = result * key % PRIME;
	return (uint32_t)result;
}

static uint32_t
drop(uint32_t hash, uint32_t weight, uint8_t byte)
{
	uint64_t gone = (uint64_t)weight * (byte + 1u) % PRIME;

	return (uint32_t)((hash + PRIME - gone) % PRIME);
}

static void
make_keys(struct secret_marks *m)
{
	digest_random(m->keys, sizeof(m->keys));
	for (int k = 0; k < 2; k++)
		m->keys[k] = m->keys[k] % (PRIME - 1000) + 1000;
}

static bool
is_in(const struct secret_marks *m, const struct secret_mark *mark,
      const uint8_t *text, size_t size)
{
	uint32_t hashes[2], weights[2];

	if (size < mark->size)
		return false;
	for (int k = 0; k < 2; k++) {
		hashes[k] = hash_all(m->keys[k], text, mark->size);
		weights[k] = power(m->keys[k], mark->size);
	}
	for (size_t i = mark->size;; i++) {
		if (memcmp(hashes, mark->hashes, sizeof(hashes)) == 0)
			return true;
		if (i == size)
			return false;
		for (int k = 0; k < 2; k++)
			hashes[k] = drop(append(hashes[k], m->keys[k], text[i]),
					 weights[k], text[i - mark->size]);
	}
}

void
secret_marks_add(struct secret_marks *m, const void *bytes, size_t size)
{
	struct secret_mark mark = { .size = size };

	if (size < SECRET_MARKS_LEAST)
		return;
	if (m->count == 0)
		make_keys(m);
	for (int k = 0; k < 2; k++)
		mark.hashes[k] = hash_all(m->keys[k], bytes, size);
	for (size_t i = 0; i < m->count && i < SECRET_MARKS_MAX; i++)
		if (m->at[i].size == size &&
		    memcmp(m->at[i].hashes, mark.hashes, sizeof(mark.hashes)) ==
			    0)
			return;
	m->at[m->count++ % SECRET_MARKS_MAX] = mark;
}

bool
secret_marks_are_in(const struct secret_marks *m, const void *text, size_t size)
{
	for (size_t i = 0; i < m->count && i < SECRET_MARKS_MAX; i++)
		if (is_in(m, &m->at[i], text, size))
			return true;
	return false;
}
