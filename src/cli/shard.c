/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* --shard K/N: a part of the accounts. */
#include "config.h"

#include "cli/shard.h"

#include <stdint.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"

/* 15 hexadecimal digits, so that a shell can calculate with them. */
enum { SHARD_BITS = 60 };

bool
shard_parse(const char *text, struct shard *s)
{
	const char *slash = strchr(text, '/');
	uint64_t number, count;

	if (!slash ||
	    !text_number(text, (size_t)(slash - text), SHARD_COUNT_MAX,
			 &number) ||
	    !text_number(slash + 1, strlen(slash + 1), SHARD_COUNT_MAX,
			 &count) ||
	    number == 0 || number > count)
		return false;
	s->number = (unsigned)number;
	s->count = (unsigned)count;
	return true;
}

bool
shard_has(const struct shard *s, const struct account *a)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	uint64_t hash = 0;
	const char *name = a->keeper.account.state_file;

	if (s->count == 0)
		return true;
	digest_sha256(name, strlen(name), digest);
	for (size_t i = 0; i < sizeof(hash); i++)
		hash = hash << 8 | digest[i];
	return (hash >> (64 - SHARD_BITS)) % s->count + 1 == s->number;
}
