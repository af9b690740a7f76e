/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server lists in one session: message numbers with their uids and
 * sizes.  Built line by line from UIDL and LIST, then read.  Memory grows with
 * the lines that came (about 24 bytes and the uid each), never with what STAT
 * announced.
 */
#ifndef STATE_LISTING_H
#define STATE_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LISTING_SIZE_UNKNOWN = -1 };

struct listing_entry {
	uint32_t number;    /* from 1 on; STAT may have said fewer */
	bool odd;	    /* listed in a way that makes it unfit for DELE */
	int64_t size;	    /* octets by LIST, or unknown; a hint */
	const uint8_t *uid; /* borrowed from the listing; any bytes */
	size_t uid_size;    /* 0: a message without uid */
};

struct listing;

/* count and total are STAT's. */
struct listing *listing_new(uint64_t count, uint64_t total);
void listing_free(struct listing **l);

/* A line of UIDL.  A number of 0 or UINT32_MAX, or one listed before, is left
 * out (the first stays, marked odd), as is what comes when the listing is done:
 * false.  Numbers may come in any order. */
bool listing_add(struct listing *l, uint32_t number, const void *uid,
		 size_t uid_size);
/* A line of LIST for a number that has an entry; without UIDL it makes the
 * entry (listing_add with an empty uid comes first).  False when there is
 * none. */
bool listing_set_size(struct listing *l, uint32_t number, int64_t size);
/* When all lines are there: orders by number.  Before it, entries must not be
 * read. */
void listing_done(struct listing *l);

size_t listing_count(const struct listing *l); /* entries */
uint64_t listing_stat_count(const struct listing *l);
uint64_t listing_stat_total(const struct listing *l);
/* By position, 0 to listing_count - 1. */
struct listing_entry listing_at(const struct listing *l, size_t i);
/* Position of a number, or SIZE_MAX. */
size_t listing_find(const struct listing *l, uint32_t number);
/* As many entries as STAT said, each once? Only then may an absence mean
 * anything. */
bool listing_is_complete(const struct listing *l);

#endif
