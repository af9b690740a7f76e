/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --shard K/N: a part of the accounts, such that each account is in exactly one
 * of the parts 1/N ... N/N, on every machine and in every release.
 *
 * The part of an account hangs on nothing but N and the name of its state: the
 * SHA-256 digest of the state database's file name without ".db", its first 60
 * bits as a number, modulo N, plus 1.  So it moves neither when other accounts
 * come and go nor when the account is renamed, and can be told from a database
 * alone.
 */
#ifndef CLI_SHARD_H
#define CLI_SHARD_H

#include <stdbool.h>

#include "config/account.h"

enum { SHARD_COUNT_MAX = 1000000 };

struct shard {
	unsigned number,
		count; /* 1 to count; count 0: no parts, all accounts */
};

/* "K/N", 1 <= K <= N <= SHARD_COUNT_MAX, digits only. */
bool shard_parse(const char *text, struct shard *s);
bool shard_has(const struct shard *s, const struct account *a);

#endif
