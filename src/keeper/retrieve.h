/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The phase that fetches: RETR into the batch, until all is on record.
 *
 * How many messages are asked for at once is a matter of credit: a Maildir or
 * an mbox takes whatever comes; a program is slow, and only so much is asked
 * for ahead of it that the spool stays small.  A first pass over the mailbox
 * fetches all that never failed.  A second pass fetches the rest: when all else
 * is handed over, one message by itself; when that came well, two together,
 * then four, and so on, so that one that breaks the line takes few others with
 * it, and many that are good again take no longer than new ones.
 *
 * Before any are asked for it is written down how many together (FACT_IN_HAND).
 * A run that finds this has followed one that was killed, perhaps because of a
 * message: it goes in such groups, too, in the first pass.  If it was a single
 * message, that counts as its failure.
 */
#ifndef KEEPER_RETRIEVE_H
#define KEEPER_RETRIEVE_H

#include "keeper/incoming.h"

struct retrieve {
	struct session *session;
	struct handover handover;
	struct incoming incoming;
	bool is_listed; /* incoming is open */
	bool is_under_way;
	size_t start;		/* the entry to begin with: those before it
				   come behind the last one */
	size_t next;		/* so many entries behind that is the one to
				   ask for next; behind all of them those
				   that have failed */
	unsigned level;		/* of those that have failed so often */
	bool is_alone;		/* what is next has to wait for all before it */
	bool is_careful;	/* the run before was killed */
	size_t group, in_group; /* may come together; how many of them more */
	size_t group_most;	/* no group is larger */
	uint64_t failed;	/* result.failed when the group began */
	int64_t in_hand;	/* as on record */
	bool has_asked_other_end;
	bool asks_all;	      /* of the others instead */
	uint64_t asked_bytes; /* listed sizes of RETRs under way */
	bool has_told_space;  /* that the disk is full */
};

/* Opens the destination, before the courier connects. */
int retrieve_open(struct retrieve *r, struct session *s,
		  const struct deliver_target *target, struct err *e);
void retrieve_close(struct retrieve *r);

/* Fetches all of PLAN_FETCH that was not asked for yet, and has its turn
 * (failure.h). */
int retrieve_run(struct retrieve *r, struct err *e);
/* Counts what was refused, when no others come in its place (refusals.h):
 * retrieve_run does so itself if max_messages leaves no others. */
int retrieve_settle(struct retrieve *r, struct err *e);
/* Both are for a session that has failed.  retrieve_save hands over what is
 * complete and good all the same; why->told becomes true if the disk is full
 * and people were told so when a message did not fit.  retrieve_blame counts
 * that against messages that have come or were refused, if they may be at
 * fault; true: against the one that could not be staged, and no other is. */
void retrieve_save(struct retrieve *r, struct err *why);
bool retrieve_blame(struct retrieve *r, const struct err *why);

/* So many are asked for together now, this one first: on record before they
 * are. */
int retrieve_note_in_hand(struct retrieve *r, int64_t count, size_t entry,
			  struct err *e);
/* None is in hand any more (FACT_IN_HAND). */
void retrieve_put_down(struct retrieve *r);

/* How many are wanted, have their turn, and were not asked for, or came too
 * late for a program? */
size_t retrieve_left(const struct retrieve *r);
/* Was every message looked up whose uid does not tell whether it is known?
 * Only then is the absence of a row without uid a sign that its message is
 * gone. */
bool retrieve_saw_contents(const struct retrieve *r);

#endif
