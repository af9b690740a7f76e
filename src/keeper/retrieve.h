/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The phase that fetches: RETR into the batch, until all is on record.
 *
 * How many messages are asked for at once is a matter of credit: a Maildir or
 * an mbox takes whatever comes; a program is slow, and only so much is asked
 * for ahead of it that the spool stays small.  A first pass over the mailbox
 * fetches all that never failed.  A second pass fetches the rest, each message
 * by itself when all else is handed over, so that one that breaks the line
 * takes no other with it.
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
	size_t next;   /* entry to ask for next, in two passes */
	bool is_alone; /* what is next comes by itself, and has to wait */
	uint64_t asked_bytes; /* listed sizes of RETRs under way */
	bool has_told_space;  /* that the disk is full */
};

/* Opens the destination, before the courier connects. */
int retrieve_open(struct retrieve *r, struct session *s,
		  const struct deliver_target *target, struct err *e);
void retrieve_close(struct retrieve *r);

/* Fetches all of PLAN_FETCH that was not asked for yet. */
int retrieve_run(struct retrieve *r, struct err *e);
/* Both are for a session that has failed.  retrieve_save hands over what is
 * complete and good all the same; why->told becomes true if the disk is full
 * and people were told so when a message did not fit.  retrieve_blame remembers
 * the message at which the session broke. */
void retrieve_save(struct retrieve *r, struct err *why);
void retrieve_blame(struct retrieve *r, const struct err *why);

/* What the server said when it gave no more; ERR_NONE: it gave all. */
const struct err *retrieve_later(const struct retrieve *r);
/* Was every message looked up whose uid does not tell whether it is known?
 * Only then is the absence of a row without uid a sign that its message is
 * gone. */
bool retrieve_saw_contents(const struct retrieve *r);

#endif
