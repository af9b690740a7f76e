/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For the batch only: messages on their way into the destination (parcels), and
 * lists of them in order.  A parcel is in one list at a time, or in none while
 * it comes in.
 */
#ifndef COMMIT_BATCH_LIST_H
#define COMMIT_BATCH_LIST_H

#include <stdbool.h>

#include "commit/batch.h"

struct parcel {
	struct batch_message message;
	struct deliver_staged *staged;
	uint8_t digest[DIGEST_SHA256_SIZE];
	uint64_t bytes;
	int64_t octets;	  /* as retrieved, or 0 */
	bool is_unproven; /* perhaps it was cut */
	int64_t id;	  /* of its row, from D2 on */
	int64_t begun;	  /* clock_ms */
	enum deliver_outcome outcome;
	struct err why;
	bool is_probe;	 /* handed over alone, to see whose fault it is */
	bool is_counted; /* it is no one else's fault (verdict.h) */
};

/* A list of parcels, in order. */
struct batch_list {
	struct parcel **at;
	size_t count, room;
	uint64_t bytes;
};

/* Takes x. */
void batch_list_add(struct batch_list *l, struct parcel *x);
/* Moves the first `count` of one list to the end of another. */
void batch_list_move(struct batch_list *from, struct batch_list *to,
		     size_t count);
/* Moves the last one, which there must be. */
void batch_list_move_last(struct batch_list *from, struct batch_list *to);
/* Takes the first one; there must be one. */
struct parcel *batch_list_take(struct batch_list *l);
/* What its row is to have; borrows from it. */
struct store_message parcel_row(const struct parcel *x);
/* discard: the staged file is removed (only before D2 was attempted); else it
 * is left as it is. */
void parcel_free(struct parcel *x, bool discard);
void batch_list_clear(struct batch_list *l, bool discard);
/* Clears from the parcel with this message's number on, and discards; all, if
 * it is not among them. */
void batch_list_cut(struct batch_list *l, uint32_t number);
/* The message with this number, if it is among them, is unproven; or it is
 * taken out and discarded. */
void batch_list_doubt(struct batch_list *l, uint32_t number, bool is_wanted);
void batch_list_free(struct batch_list *l, bool discard);

#endif
