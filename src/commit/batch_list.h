/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the batch only: messages on their way into the destination, and lists of them in
 * order.  An entry is in one list at a time, or in none while it comes in.
 */
#ifndef COMMIT_BATCH_LIST_H
#define COMMIT_BATCH_LIST_H

#include <stdbool.h>

#include "commit/batch.h"

struct entry {
	struct batch_message message;
	struct deliver_staged *staged;
	uint8_t digest[DIGEST_SHA256_SIZE];
	uint64_t bytes;
	int64_t octets;		/* as retrieved, or 0 */
	int64_t id;		/* of its row, from D2 on */
	int64_t begun;		/* clock_ms */
	enum deliver_outcome outcome;
	struct err why;
};

/* A list of entries, in order. */
struct entries {
	struct entry **at;
	size_t count, room;
	uint64_t bytes;
};

/* Takes x. */
void entries_add(struct entries *l, struct entry *x);
/* Moves the first `count` of one list behind those of another. */
void entries_move(struct entries *from, struct entries *to, size_t count);
/* The first, which there must be. */
struct entry *entries_take(struct entries *l);
/* discard: the staged file is removed (only before D2 was attempted); else it is left
 * as it is. */
void entry_free(struct entry *x, bool discard);
void entries_clear(struct entries *l, bool discard);
void entries_free(struct entries *l, bool discard);

#endif
