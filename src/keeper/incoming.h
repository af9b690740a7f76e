/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What RETR brings: each message into the batch, unless it turns out to be
 * known, and what becomes of those that the server refuses.
 */
#ifndef KEEPER_INCOMING_H
#define KEEPER_INCOMING_H

#include "keeper/handover.h"
#include "message/fromline.h"
#include "message/header.h"

struct incoming {
	struct session *session;
	struct handover *handover;

	struct header *header;		     /* of what is coming in now */
	struct fromline fromline;	     /* in front of that */
	uint8_t content[DIGEST_SHA256_SIZE]; /* looked up last, without uid */
	int64_t content_row; /* its last row that is taken, or 0 */
	bool knows_contents; /* rows without uid are on record */

	unsigned refusals; /* in a row */
	bool has_given_up; /* ask for no more: the server says so */
	struct err later;  /* what it said then */
	bool has_failed;   /* a message could not be staged */
	bool threw_away;   /* what came in was not looked at */
};

/* The mailbox is listed. */
void incoming_open(struct incoming *in, struct session *s, struct handover *h);
void incoming_close(struct incoming *in);

/* The next answer to a RETR. */
int incoming_take(struct incoming *in, const struct answer *a, struct err *e);
/* One more session that ended at this message: it is remembered, and in the end
 * set aside. */
void incoming_blame(struct session *s, size_t entry, const struct err *why);

#endif
