/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * --shard K/N: a part of the accounts, such that each account is in exactly one
 * of the parts 1/N ... N/N, on every machine and in every release.
 *
 * The part of an account depends on nothing but N and the name of its state:
 * the SHA-256 digest of the state database's file name without ".db", its first
 * 60 bits as a number, modulo N, plus 1.  So an account stays in its part when
 * others come and go and when it is renamed, and the part can be told from a
 * database alone.
 */
#ifndef CLI_SHARD_H
#define CLI_SHARD_H

#include <stdbool.h>

#include "config/account.h"

enum { SHARD_COUNT_MAX = 1000000 };

/* number is 1 to count; count 0: no parts, all accounts. */
struct shard {
	unsigned number, count;
};

/* Reads "K/N", 1 <= K <= N <= SHARD_COUNT_MAX, digits only; false if it is not
 * that. */
bool shard_parse(const char *text, struct shard *s);
bool shard_has(const struct shard *s, const struct account *a);

#endif
