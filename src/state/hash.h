/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A keyed hash for tables in memory (SipHash-2-4).  A server chooses the uids
 * and numbers that go into a table; without the key it cannot choose them so
 * that the table gets slow.  Not for anything that is stored.
 */
#ifndef STATE_HASH_H
#define STATE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

void hash_key_make(struct hash_key *key); /* at random */
uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t size);

#endif
