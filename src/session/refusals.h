/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Messages that the server has refused to send, one after the other.  Is that
 * their own fault, or has the server had enough?  A provider that lets an
 * account download so much an hour refuses all the rest in the same words, and
 * says so in words of its own.  So refusals are held back until that is clear:
 * as many as that in a row in the same words, and the same for a message at the
 * other end of the list, are the server's limit.  Anything else counts against
 * the messages.
 *
 *	refusals_add        one more; in other words, those before are settled
 *	refusals_settle     a message came, or there are no more to ask for
 *	refusals_are_many   ask for nothing but one at the other end; then
 *	                    refusals_confirm, if they still are many, or if
 *	                    there is no other
 */
#ifndef SESSION_REFUSALS_H
#define SESSION_REFUSALS_H

#include "session/phase.h"

struct refusals {
	struct session *session;
	struct refusal *at;
	size_t count, room;
};

void refusals_open(struct refusals *r, struct session *s);
void refusals_close(struct refusals *r);
/* RETR of the entry was refused, for the reason that the courier gives. */
int refusals_add(struct refusals *r, size_t entry, const struct err *why,
		 struct err *e);
bool refusals_are_many(const struct refusals *r);
/* All that were asked for are among them: is one of them the other end? */
bool refusals_reach_the_end(const struct refusals *r);
/* Are they new?  Then one that failed in an earlier run tells nothing of
 * them. */
bool refusals_are_of_new(const struct refusals *r);
/* Has one of them never failed before? */
bool refusals_have_new(const struct refusals *r);
/* Tells people of those held back and counts each as a failure (failure.h). */
int refusals_settle(struct refusals *r, struct err *e);
/* Nothing is known of them, and nothing is counted. */
void refusals_forget(struct refusals *r);
/* It may be the server's limit; but of those that were delivered and are to be
 * deleted it is counted, which costs a later deletion and no mail, so that the
 * next session begins with others. */
int refusals_note_due(struct refusals *r, struct err *e);
/* It is the server's limit: nothing is counted, and session.later becomes what
 * it said (ERR_TROUBLE). */
void refusals_confirm(struct refusals *r);

#endif
