/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The headers of messages on the server, one after the other: by TOP n 0, or by
 * RETR, whose body is thrown away.  Only one message comes in at a time, so one
 * reader serves all.  The more have come, the more are asked for at once, but
 * no more than the session has time for; at first there are but a few, and one
 * alone where a session broke before.  They come in slices, so that what one
 * has shown can be acted upon while there is time:
 *
 *	headers_open
 *	do
 *		headers_next ...   until it is 0, or fails
 *	while (headers_go_on)
 *	headers_close
 */
#ifndef SESSION_HEADERS_H
#define SESSION_HEADERS_H

#include "session/phase.h"
#include "message/header.h"

struct headers {
	/* The message that headers_next has found. */
	size_t entry;
	bool is_refused;
	struct err why;		     /* set if it was refused */
	const struct header *header; /* set if it was not; complete, perhaps
					empty */
	int64_t octets;		     /* of a RETR, as RFC 1939 counts them */

	/* Private. */
	struct session *session;
	enum link_type order;
	const bool *is_wanted;
	size_t first;	     /* the entry at which the order begins */
	size_t next, end;    /* places in that order */
	bool is_held;	     /* no more are asked for in this slice ... */
	bool has_asked_last; /* ... but the last one */
	size_t ahead;	     /* so many may be asked for at once */
	size_t later;	     /* as for phase_has_time */
	size_t retrs;	     /* that will follow, in all */
	int64_t until;	     /* of this slice, clock_ms */
	struct header *reader;
};

/* order: LINK_TOP or LINK_RETR.  is_wanted: one for each entry; borrowed. */
void headers_open(struct headers *h, struct session *s, enum link_type order,
		  const bool is_wanted[]);
void headers_close(struct headers *h);
/* 1: *h is about the next message that was wanted, in order of numbers, from
 * session.look_from on and then from the beginning; 0:
 * there are no more in this slice.  After a stop request, or when the time is
 * over, no more are asked for; if some were left, that is work undone
 * (is_stopped_short, is_out_of_time). */
int headers_next(struct headers *h, struct err *e);
/* Begins the next slice; false: all have come. */
bool headers_go_on(struct headers *h);
/* In this slice only the last one of all is asked for from now on, unless that
 * was done. */
void headers_ask_last(struct headers *h);
bool headers_has_asked_last(const struct headers *h);
/* No more are asked for. */
void headers_stop(struct headers *h);
/* So many short commands (DELE) more will follow at the end of this slice. */
void headers_expect(struct headers *h, size_t count);
/* A RETR of this one will follow when all headers have come: no more are asked
 * for than leave time for that (struct top: is_cut). */
void headers_expect_retr(struct headers *h);

/* Is given each header that has come, while others are under way; fails: no
 * more are asked for. */
typedef int headers_take(struct session *s, void *arg, size_t entry,
			 const struct header *h, struct err *e);
/* All of this at once, by TOP, where nothing is done between the slices.  One
 * that is refused or empty counts as not given, and is passed over. */
int headers_each(struct session *s, const bool is_wanted[], headers_take *take,
		 void *arg, struct err *e);

#endif
