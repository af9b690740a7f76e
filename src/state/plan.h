/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The decision: what to do with each listed message.  Pure: listing, rows,
 * rules and clock go in, actions come out; there is no disk, no network and no
 * clock of its own.
 *
 *	plan_new                   matches the listing with the rows
 *	plan_sizes                 is LIST needed?  (then listing_set_size,
 *	                           again)
 *	plan_decide                the actions
 *	plan_settle                for each PLAN_COMPARE, once its header
 *	                           is known
 *
 * A message is identified by its uid and its size.  A known uid with another
 * size, or one uid more than once in a listing, is settled by comparing header
 * digests; a size that is unknown on either side makes no difference.  The size
 * is that of LIST, or the one that was counted when the message was retrieved:
 * some servers do not know it before.  Where no row with the uid has a digest
 * there is nothing to compare: the size alone decides, and each row stands for
 * one entry.  Nothing that was not delivered is ever deleted; an entry that is
 * odd is fetched but never deleted.
 *
 * Uid and size are not believed for a message that was seen to be gone, or for
 * which DELE was sent, since the server may have given its uid to another one.
 * Such a row is compared; if it has no digest it cannot be, and the message
 * that has its uid is new.  A row without digest is never a reason to delete.
 *
 * If one uid comes more than once in a listing, all its entries are
 * PLAN_COMPARE when there are rows with it; without rows the first entry is
 * PLAN_FETCH, the others are PLAN_COMPARE.  They are settled in order of
 * number, each after those before it were fetched and recorded.  Each is
 * compared with the rows (plan_next_candidate), and with what this session
 * fetched for the entries before it (match_twin).  An entry that equals one of
 * these is that message: it needs no settling, and what holds for a message
 * just delivered holds for it.
 */
#ifndef STATE_PLAN_H
#define STATE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/listing.h"
#include "state/match.h"
#include "state/store.h"

#define PLAN_KEEP_FOREVER INT64_MAX

struct plan_rules {
	int64_t keep_s;	       /* seconds; 0: delete once delivered;
				  PLAN_KEEP_FOREVER */
	uint64_t max_size;     /* octets, 0: no limit */
	uint64_t max_messages; /* new ones in this run, 0: no limit */
	bool all;	       /* fetch what was fetched before, too */
	bool ignore_backoff;   /* try what was set aside at once */
	int64_t now;
	int64_t last_run;      /* clock of the previous run, or 0: none */
	bool clock_is_doubted; /* by age_clock_is_good */
	int64_t released;      /* no message can have been delivered before */
};

enum plan_action {
	PLAN_FETCH,
	PLAN_COMPARE, /* known uid, but perhaps another message: compare the
			 header digest (by TOP n 0, or RETR) with those of the
			 rows with this uid, then plan_settle */
	PLAN_LEARN,   /* delivered, by a list that had no more than its uid:
			 stays, and its header and size are to be recorded */
	PLAN_KEEP,    /* delivered, stays on the server */
	PLAN_DELETE,  /* delivered, due: check its header, then DELE */
	PLAN_TOO_LARGE,
	PLAN_SET_ASIDE, /* failed before, and its next try is not due */
	PLAN_LATER	/* beyond max_messages */
};

struct plan_item {
	enum plan_action action;
	bool by_content;   /* FETCH: it has no uid; compare the whole message
			      with earlier ones before delivery */
	bool size_changed; /* known, but listed with another size: store that */
	size_t row;	   /* index into the rows, or SIZE_MAX: none. FETCH: the
			      attempt is recorded in this row; TOO_LARGE,
			      SET_ASIDE: it is on record already, do not record
			      it again */
};

/* A next try further ahead than this comes from a clock that was wrong, and is
 * due. */
enum { PLAN_BACKOFF_MAX_S = 7 * 86400 };
/* When a message will be tried: at `next_try`, or now.  All in seconds since
 * 1970. */
int64_t plan_true_try(int64_t next_try, int64_t now);

struct plan;

enum plan_sizes {
	PLAN_SIZES_ENOUGH, /* STAT's total is explained: no LIST */
	PLAN_SIZES_NEW,	   /* LIST n for entries of unknown plan_size */
	PLAN_SIZES_ALL	   /* the whole LIST */
};

/* Borrows listing and rows until plan_free.  The listing must be done
 * (listing_done); sizes may still be set in it. */
struct plan *plan_new(const struct listing *l, const struct store_rows *rows);
void plan_free(struct plan **p);

/* To be asked before any sizes are known, and again when the LIST n of a
 * PLAN_SIZES_NEW were answered; then it is ENOUGH or ALL.  The first answer is
 * ALL if LIST n would be sent for more than a quarter of the entries.  Without
 * pipelining the caller may always answer NEW by the whole LIST, and ask no
 * more.  It is ENOUGH if STAT's total equals the sum of the stored sizes of
 * what is known (each uid once) and the listed sizes of the rest. */
enum plan_sizes plan_sizes(struct plan *p);
/* The size of an entry: by LIST, else what all rows with its uid agree on, or
 * unknown. */
int64_t plan_size(const struct plan *p, size_t i);

/* Decides all entries in order of number, so that the oldest go first under
 * max_messages.  While the clock is doubted nothing is deleted by age. */
void plan_decide(struct plan *p, const struct plan_rules *rules);
/* So many of the new messages that were to be fetched have come; of the others
 * it turned out that they are known, or failed.  In their place those are to be
 * fetched that are beyond max_messages. */
void plan_admit(struct plan *p, size_t come);
/* The last message beyond max_messages is to be fetched, too: whether the
 * server gives it tells something of the others.  False: there is none. */
bool plan_admit_last(struct plan *p);
struct plan_item plan_at(const struct plan *p, size_t i);
/* Was it delivered at a time that cannot be?  Then its age counts from now:
 * store that. */
bool plan_counts_anew(const struct plan *p, size_t i);
size_t plan_count(const struct plan *p, enum plan_action action);
/* Was a deletion by age withheld because of the clock? */
bool plan_is_withheld(const struct plan *p);
/* How many messages are due to be deleted, but have a row without digest? */
size_t plan_unproven(const struct plan *p);

/* The rows with the uid of entry i, by repeated calls: *at starts as SIZE_MAX
 * and becomes the index of the next row; false when there are no more. */
bool plan_next_candidate(const struct plan *p, size_t i, size_t *at);
/* Which entries and rows share a uid; borrowed. */
const struct match *plan_match(const struct plan *p);
/* May a message of another size than this row's be its message?  It may if no
 * entry has exactly that size, and none was settled as its message. */
bool plan_row_is_open(const struct plan *p, size_t r);
/* Would entry i be deleted, were it settled as the message of this row? */
bool plan_would_delete(const struct plan *p, size_t i, size_t r);
/* Decides again: entry i is the message of this row, or, with SIZE_MAX, of
 * none, and so new.  This is for a PLAN_COMPARE; for a PLAN_DELETE whose header
 * turned out to be that of another message; and for a FETCH by_content that
 * turned out to be known. */
void plan_settle(struct plan *p, size_t i, size_t row);

/* For the bookkeeping of gone_since: is an entry the message of row r?  And may
 * an entry be that is still to be compared? */
bool plan_row_is_here(const struct plan *p, size_t r);
bool plan_row_is_unclear(const struct plan *p, size_t r);

/* The reason in words, for -n: "new", "delivered 3 days ago, kept for 14 days",
 * "larger than 20 MiB", "set aside, next try in 2 hours". */
enum { PLAN_REASON_MAX = 128 };
void plan_reason(const struct plan *p, size_t i, char out[PLAN_REASON_MAX]);

#endif
