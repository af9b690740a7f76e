/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The headers of messages on the server, one after the other: by TOP n 0, or by
 * RETR, whose body is thrown away.  As many are asked for at once as there is
 * room for requests; only one message comes in at a time, so one reader serves
 * all.
 *
 *	headers_open
 *	headers_next ...           until it is 0, or fails
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
	size_t next;
	struct header *reader;
};

/* order: LINK_TOP or LINK_RETR.  is_wanted: one for each entry; borrowed. */
void headers_open(struct headers *h, struct session *s, enum link_type order,
		  const bool is_wanted[]);
void headers_close(struct headers *h);
/* 1: *h is about the next message that was wanted, in order of numbers; 0:
 * there are no more.  After a stop request no more are asked for; if some were
 * left, that is work undone (is_stopped_short). */
int headers_next(struct headers *h, struct err *e);

#endif
