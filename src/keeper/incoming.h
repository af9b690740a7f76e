/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Takes what RETR brings: each message goes into the batch, unless it turns out
 * to be known.  What the server refuses goes to refusals.h.
 */
#ifndef KEEPER_INCOMING_H
#define KEEPER_INCOMING_H

#include "keeper/handover.h"
#include "session/refusals.h"
#include "message/fromline.h"
#include "message/header.h"

struct incoming {
	struct session *session;
	struct handover *handover;

	struct header *header;	  /* of the message that is coming in */
	struct fromline fromline; /* in front of that header */
	char begins[4];		  /* the message, with these bytes */
	size_t begins_size;
	uint8_t content[DIGEST_SHA256_SIZE]; /* the last digest looked up among
						rows without uid */
	int64_t content_row; /* the last row with that digest that is taken, or
				0 */
	bool knows_contents; /* rows without uid are on record */

	struct refusals refusals;
	bool has_failed; /* a message could not be staged: */
	size_t failed;	 /* its entry */
	bool threw_away; /* what came in was not looked at */
};

/* Call it when the mailbox is listed. */
void incoming_open(struct incoming *in, struct session *s, struct handover *h);
void incoming_close(struct incoming *in);

/* Takes the next answer to a RETR. */
int incoming_take(struct incoming *in, const struct answer *a, struct err *e);

#endif
