/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The mailbox of a session.  Of each message that the server lists it knows the
 * entry in the listing, the row in the state if there is one, what the plan
 * says, and what has happened to it.  Entries are counted from 0 in order of
 * message numbers.
 *
 * The plan is decided once all sizes that it needs are known (list.c); what is
 * unclear is settled later (compare.c).
 */
#ifndef SESSION_MAILBOX_H
#define SESSION_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "state/listing.h"
#include "state/plan.h"

/* What has happened to a message in this session. */
enum mailbox_mark {
	MAILBOX_TRIED = 1, /* it needs no RETR for delivery any more: one was
			      sent, or there is no room for it */
	MAILBOX_RETRIEVED = 2, /* RETR was answered, for whatever purpose */
	MAILBOX_DELIVERED = 4, /* it is on record, itself or an equal twin */
	MAILBOX_REMOVAL = 8,   /* to be deleted */
	MAILBOX_DELETED = 16,  /* DELE was answered with +OK */
	MAILBOX_NAMED = 32,    /* it is too large, and people were told */
	MAILBOX_REFUSED = 64,  /* the server refuses RETR, which was to compare
				  it */
	MAILBOX_NEW_BY_TOP = 128, /* by TOP it is not a known message */
	/* By TOP it is a known message, but its size differs, or that of its
	 * row is unproven: RETR is to tell. */
	MAILBOX_UNPROVEN = 256,
	MAILBOX_PROVEN = 512,	  /* by RETR it is the message of its row */
	MAILBOX_LEARNED = 1024,	  /* its header is as good as recorded */
	MAILBOX_LOOKED_UP = 2048, /* it was looked up after RETR; by its whole
				     content if it has no uid */
	MAILBOX_NO_TOP = 4096,	  /* TOP of this one is refused, or empty */
	/* Has its turn with those at which a session broke, though no row of
	 * its own says so; counts as one failure. */
	MAILBOX_BROKE = 8192,
	MAILBOX_EMPTY_BY_TOP = 32768, /* TOP has shown no header; 16384 is
					 mailbox.c's own */
	/* It was refused before, though no row of its own says so; counts as
	 * one failure. */
	MAILBOX_WAS_REFUSED = 65536,
	MAILBOX_CUT = 131072 /* it came shorter than listed, perhaps not whole:
			       it is not deleted in this session */
};

struct mailbox;

/* Takes both over; the listing is done.  has_uids: UIDL was answered. */
struct mailbox *mailbox_new(struct listing *l, struct store_rows *rows,
			    bool has_uids);
void mailbox_free(struct mailbox **m); /* accepts NULL */

struct listing *mailbox_listing(const struct mailbox *m); /* to set sizes */
const struct store_rows *mailbox_rows(const struct mailbox *m);
struct plan *mailbox_plan(const struct mailbox *m);
bool mailbox_has_uids(const struct mailbox *m);

/* Decides the plan, once.  There are no marks before. */
void mailbox_decide(struct mailbox *m, const struct plan_rules *rules);
bool mailbox_is_decided(const struct mailbox *m);

/* --- of one message --- */
size_t mailbox_count(const struct mailbox *m);
struct listing_entry mailbox_at(const struct mailbox *m, size_t entry);
uint32_t mailbox_number(const struct mailbox *m, size_t entry);
enum plan_action mailbox_action(const struct mailbox *m, size_t entry);
/* The row that the plan has for it; false if there is none. */
bool mailbox_row(const struct mailbox *m, size_t entry, struct store_row *row);
/* Is it to be deleted, by a row whose message was seen to be gone?  It may be
 * new mail as long as it is not compared. */
bool mailbox_is_back(const struct mailbox *m, size_t entry);
/* Its octets as the server lists it now, or else as it did when it was
 * recorded; -1 when neither is known. */
int64_t mailbox_size(const struct mailbox *m, size_t entry);
/* Its name in lines for people: "message 17 (uid 'abc')"; cut. */
enum { MAILBOX_NAME_MAX = 160 };
void mailbox_name(const struct mailbox *m, size_t entry,
		  char out[MAILBOX_NAME_MAX]);

/* Is one of these marks set? */
bool mailbox_is(const struct mailbox *m, size_t entry, unsigned marks);
void mailbox_mark(struct mailbox *m, size_t entry, enum mailbox_mark mark);

/* Keeps the digest of its header, for finding twins: entries with one uid that
 * are new in this session.  Nothing is kept where there can be none. */
void mailbox_set_digest(struct mailbox *m, size_t entry, const uint8_t *digest);
bool mailbox_has_digest(const struct mailbox *m, size_t entry,
			const uint8_t *digest);

/* It had so many octets when it was retrieved.  Some servers list that as its
 * size from then on. */
void mailbox_set_octets(struct mailbox *m, size_t entry, int64_t octets);
bool mailbox_has_octets(const struct mailbox *m, size_t entry, int64_t octets);
/* These, if its size is another; else -1. */
int64_t mailbox_octets(const struct mailbox *m, size_t entry);

#endif
