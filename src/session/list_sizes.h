/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * LIST, of one message or of all.
 *
 * Sizes are hints, and a server that answers LIST n in a way of its own, or
 * goes away or falls silent at it, is asked for the whole list from then on.
 * If that breaks two sessions in a row, it is left out for a month.  Otherwise
 * it is asked for once a day, also where no size seems to be needed: where uids
 * are given away again only sizes tell.
 */
#ifndef SESSION_LIST_SIZES_H
#define SESSION_LIST_SIZES_H

#include "session/phase.h"

/* Reads what earlier sessions have found at this server. */
int list_sizes_recall(struct session *s, struct err *e);
/* Asks for the sizes that the plan needs, before it is decided. */
int list_sizes_ask(struct session *s, struct err *e);
/* Reads the answers to all LIST that were given into a listing.  Without UIDL
 * it gets an entry for each, and *malformed becomes the first line that says
 * nothing of any message; else it is NULL. */
int list_sizes_read(struct session *s, struct listing *l, struct err *malformed,
		    struct err *e);
/* Without UIDL: an entry for a line of LIST. */
void list_sizes_add(struct listing *l, const struct link_record *r,
		    struct err *malformed);
/* Sets *malformed, unless it is set: this line of a listing says nothing of any
 * message (LINK_MALFORMED). */
void list_sizes_leave_out(const char *command, const struct link_record *r,
			  struct err *malformed);
/* LIST of one message was answered: with its number, or not. */
void list_sizes_learn(struct session *s, bool works);
/* It was refused or answered in another way where it is needed. */
void list_sizes_fail(struct session *s);
/* Notes what this session has found, within a transaction. */
int list_sizes_note(struct session *s, struct err *e);
/* The same after a session that failed, in a transaction of its own; broke: it
 * did so by what a server says or does not, perhaps to a LIST. */
void list_sizes_blame(struct session *s, bool broke);

#endif
