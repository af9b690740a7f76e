/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What a server lists in one session: message numbers with their uids and
 * sizes.  A listing is built line by line from UIDL and LIST, and then read.
 * Its memory grows with the lines that came (by about 24 bytes and the uid for
 * each), never with what STAT announced.
 */
#ifndef STATE_LISTING_H
#define STATE_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LISTING_SIZE_UNKNOWN = -1 };
/* More octets than this are nonsense, and count as unknown: 1 TiB.  So does -1
 * of 32 bits. */
#define LISTING_SIZE_MOST (INT64_C(1) << 40)

struct listing_entry {
	uint32_t number;    /* from 1 on; may exceed STAT's count */
	bool odd;	    /* listed in a way that makes it unfit for DELE */
	int64_t size;	    /* octets by LIST, or unknown; a hint */
	const uint8_t *uid; /* borrowed from the listing; may hold any byte */
	size_t uid_size;    /* at most LISTING_UID_MOST; 0: it has no uid */
};

/* RFC 1939 allows a uid 70 octets.  A longer one is known, here and in the
 * state, by its SHA-256 in hexadecimal, so that no server fills the state. */
enum { LISTING_UID_MOST = 70, LISTING_UID_HEX = 65 };
/* The uid, or hex if it is too long; *size becomes the size of that. */
const void *listing_short_uid(const void *uid, size_t *size,
			      char hex[LISTING_UID_HEX]);

struct listing;

/* `count` and `total` are what STAT said. */
struct listing *listing_new(uint64_t count, uint64_t total);
void listing_free(struct listing **l);

/* Adds a line of UIDL; numbers may come in any order.  False, and the line is
 * left out, when the number is 0 or UINT32_MAX, when it was listed before (its
 * first entry stays, and becomes odd), or when the listing is done. */
bool listing_add(struct listing *l, uint32_t number, const void *uid,
		 size_t uid_size);
/* Adds a line of LIST to the entry of its number; false when there is none.
 * Without UIDL the caller makes the entry first, by listing_add with an empty
 * uid. */
bool listing_set_size(struct listing *l, uint32_t number, int64_t size);
/* To be called when all lines have come: orders the entries by number.  No
 * entry may be read before. */
void listing_done(struct listing *l);

size_t listing_count(const struct listing *l); /* entries */
uint64_t listing_stat_count(const struct listing *l);
uint64_t listing_stat_total(const struct listing *l);
/* The entry at a position, from 0 to listing_count - 1. */
struct listing_entry listing_at(const struct listing *l, size_t i);
/* The position of a number, or SIZE_MAX. */
size_t listing_find(const struct listing *l, uint32_t number);
/* Are there as many entries as STAT said, each listed once?  Only then may the
 * absence of a message mean anything. */
bool listing_is_complete(const struct listing *l);

#endif
