/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What has failed about single messages, in this run and in those before.
 *
 * A failure is counted in the message's row, whatever was tried: to fetch it,
 * to look at its header, to delete it.  While its next try is not due it gets
 * no command.  A message at which a session broke off (silence, a line that is
 * lost, a reply that makes no sense) would take the rest of the next session
 * with it, too, the deletions above all, since only QUIT carries them out.  So
 * it has a turn of its own: when there was nothing else to do, in a session for
 * it alone, or first of all when it has waited for long.
 */
#ifndef SESSION_FAILURE_H
#define SESSION_FAILURE_H

#include "session/phase.h"

/* The row in which failures of an entry are counted: that of the plan, or,
 * while it is to be compared, the first one of its uid whose failures may be
 * its own.  Not one of a message that was delivered, where more of its uid and
 * size are listed: what fails may be one that has never come.  False: it has
 * none, and gets one when it fails. */
bool failure_row(const struct mailbox *m, size_t entry, struct store_row *row);
/* Did a session break at it the last time, or at one that was set aside under
 * its uid, with another size, or is it marked as if (MAILBOX_BROKE)? */
bool failure_has_broken(const struct mailbox *m, size_t entry);
/* How often it has failed in a row. */
unsigned failure_count(const struct mailbox *m, size_t entry);
/* The same, also of one without uid. */
unsigned failure_attempts(const struct session *s, size_t entry);
/* Has it failed less often than one before it (SIZE_MAX: there is none)?  Of
 * those that have failed as often it is the first, and by turns the last: what
 * shares uid and size counts its failures together, and the first may be the
 * bad one. */
bool failure_is_safer(const struct mailbox *m, size_t entry, size_t other);
/* Does it wait for its next try? */
bool failure_is_put_off(const struct session *s, size_t entry);
/* May commands about it be given now: is it its turn, and does it not wait for
 * its next try? */
bool failure_has_turn(const struct session *s, size_t entry);
/* Does any message wait for the turn of those at which a session broke?
 * `named`: one with a uid. */
bool failure_awaits_turn(const struct session *s, bool named);
/* How many that may be new mail wait for it? */
size_t failure_left(const struct session *s);
/* Has one waited for long, and no other had its turn meanwhile?  That happens
 * where each session has something else to do, and a second one must not follow
 * (LOGIN-DELAY), or is refused. */
bool failure_is_overdue(const struct session *s);
/* Those at which a session broke have their turn now. */
int failure_begin_turn(struct session *s, struct err *e);
/* They have missed it in this session; or none waits for it. */
int failure_note_turn(struct session *s, bool missed, struct err *e);

enum failure_kind {
	FAILURE_REFUSED, /* the server, or a program, does not want: it waits
			    for an hour at least */
	FAILURE_LATER,	 /* it may pass: tried again in the next run, twice,
			    then the same */
	FAILURE_BROKE	 /* as LATER; the session broke off */
};
/* Counts a failure of an entry: in its row, which stays what it is if the
 * message was delivered, else in one that says that it was set aside, which may
 * be that of one with another size at which sessions broke.  What has neither
 * row nor uid is kept in mind by unnamed.c.  `row`: the id of the row, if the
 * caller knows better than the plan, or 0. */
int failure_note(struct session *s, size_t entry, int64_t row,
		 enum failure_kind kind, const char *why, struct err *e);
/* What becomes of a message that fails, for people. */
const char *failure_fate(bool is_delivered);
/* Puts the message's name and that before an error. */
void failure_say_fate(const struct session *s, size_t entry, bool is_delivered,
		      struct err *e);
/* Its header came after all, and nothing else is to be done about it; or it is
 * marked as deleted. */
int failure_forget(struct session *s, size_t entry, struct err *e);
/* People have done something about a message: if none that has failed is left,
 * and the last run has failed because of one, that is no failure any more. */
int failure_settle(struct session *s, struct err *e);
/* The session broke off at this message: counts that, and tells people when it
 * is set aside for it.  A failure to do so is passed over.  After a stop
 * request it is never counted so often that the message would be set aside. */
void failure_blame(struct session *s, size_t entry, int64_t row,
		   const struct err *why);
/* Could a message be the reason of such an error? */
bool failure_may_be_by_message(const struct err *why);
/* If the session broke off while the answer to a RETR or TOP was waited for,
 * blames its message. */
void failure_blame_awaited(struct session *s, const struct err *why);

#endif
