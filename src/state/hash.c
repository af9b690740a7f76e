/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* SipHash-2-4, as its authors' paper describes it. */
#include "config.h"

#include "state/hash.h"

#include "base/digest.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t
rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 = rotate(s->v2, 32);
}

static void
sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

/* Little-endian; compilers turn this into one load. */
static uint64_t
word_of(const uint8_t *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
	       (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
	       (uint64_t)p[7] << 56;
}

/* The last word holds the remaining bytes, fewer than eight, and the length. */
static uint64_t
last_word(const uint8_t *p, size_t left, size_t size)
{
	uint64_t word = size & 255;

	for (size_t i = 7; i > left; i--)
		word <<= 8;
	while (left-- > 0)
		word = word << 8 | p[left];
	return word;
}

void
hash_key_make(struct hash_key *key)
{
	digest_random(key, sizeof(*key));
}

uint64_t
hash_bytes(const struct hash_key *key, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	struct sip s = {
		.v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = key->k1 ^ UINT64_C(0x7465646279746573),
	};
	size_t left = size;

	for (; left >= 8; left -= 8, p += 8)
		sip_word(&s, word_of(p));
	sip_word(&s, last_word(p, left, size));
	s.v2 ^= 255;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
