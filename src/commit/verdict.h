/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For the batch only: what the end of a program (MDA) means, for its message
 * and for all the others.
 *
 * A failure is the message's own at first.  It is counted, and the others go
 * on.  But it is everybody's
 *	if the program was not started at all,
 *	if it postponed (asked for later, died, hung) five messages in a row
 *	and one more,
 *	if it said of two messages that it was called wrongly (64, 126, 127)
 *	while it has never delivered anything with these options.
 * The "one more" and the second of two are handed over alone, from the other
 * end of the messages that wait, lest some messages of one kind be taken for
 * all.  Then no more is handed over, and none of these failures is counted.
 *
 * Until that is known such messages are held.  They have ended, but their rows
 * are still READY; if the run dies meanwhile, recovery counts an attempt.
 */
#ifndef COMMIT_VERDICT_H
#define COMMIT_VERDICT_H

#include "commit/batch_list.h"
#include "state/store.h"

struct verdicts {
	char *fingerprint; /* deliver_fingerprint; NULL: not a program */
	bool is_proven;	   /* something was delivered with it */
	bool is_recorded;  /* ... and that is on record */
	bool is_changed;   /* another one is on record: it was changed since */

	struct batch_list held; /* in order of their ends */
	enum verdict_fault {
		VERDICT_OWN,	   /* held.count is 0 */
		VERDICT_POSTPONED, /* it may be everybody's */
		VERDICT_MISUSE
	} fault;
	bool has_delivered;	  /* in this run */
	bool has_own;		  /* a failure of this run was counted */
	struct batch_trouble all; /* its kind is ERR_NONE: there is none */
};

int verdict_open(struct verdicts *v, struct store *store,
		 const struct deliver_target *target, struct err *e);
void verdict_close(struct verdicts *v);

/* The message has ended: takes it, and gives it, and others that are held no
 * longer, to `settled`. */
void verdict_take(struct verdicts *v, struct parcel *x,
		  struct batch_list *settled);
/* No more messages come: those that are held go to `settled`.  A program that
 * was called wrongly is believed by one message, and one that has asked for
 * later each time, and took none, by two. */
void verdict_end(struct verdicts *v, struct batch_list *settled);

/* How many messages may be handed over now, where there is room for so many,
 * and `running` are with programs?  *is_probe: it is one, the last of those
 * that wait. */
size_t verdict_room(const struct verdicts *v, size_t room, size_t running,
		    bool *is_probe);

/* Records what became of the messages that were settled, in a transaction of
 * the batch. */
int verdict_record(struct verdicts *v, struct store *store,
		   const struct batch_list *settled, int64_t now,
		   struct err *e);

#endif
