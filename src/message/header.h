/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Reads a message's header as it streams by, in constant memory: the digest by
 * which a message is recognised, the digest of the whole message, and the
 * sender.
 *
 * The header digest is SHA-256 over the fields Message-ID, Date, From, To and
 * Subject in their order of appearance (name in lower case, value unfolded,
 * blanks at both ends taken away, each run of them within counting as one).
 * Without a Message-ID, it is over all fields but Status, X-Status, X-UIDL and
 * X-Keywords, which servers add and change.  It is the same for RETR and TOP n
 * 0, for LF and CRLF line ends, for a header without an end, and for any split
 * of the input.  A line of nothing but CRs ends a header as well: some messages
 * end all lines with CR CR LF.
 *
 *	header_new; for each message header_start, header_add..., header_end;
 *	header_free
 */
#ifndef MESSAGE_HEADER_H
#define MESSAGE_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

enum { HEADER_SENDER_MAX = 256, HEADER_DATE_MAX = 64, HEADER_TEXT_MAX = 512 };

/* What is kept of a field for people. */
enum header_text { HEADER_DATE, HEADER_FROM, HEADER_SUBJECT, HEADER_TEXTS };

struct header;

struct header *header_new(void);
void header_free(struct header **h);
/* Does without header_content_digest, which is the most expensive part of a
 * large message.  To be called between messages; holds for all that follow. */
void header_without_content(struct header *h);
void header_start(struct header *h); /* a new message */
void header_add(struct header *h, const uint8_t *bytes, size_t size);
/* Ends the message, or what TOP gave of it.  The answers below hold from then
 * on until header_start. */
void header_end(struct header *h);

const uint8_t *header_digest(const struct header *h); /* SHA-256 size */
bool header_is_empty(const struct header *h);	      /* not one field */
/* The digest over every byte of the message; only valid if all of them were
 * added. */
const uint8_t *header_content_digest(const struct header *h);
/* How many of the octets of a message (RFC 1939 section 11) do not belong to
 * fields that servers add and change; 1 if there are none, since 0 stands for
 * "not known" in what is recorded. */
int64_t header_octets(const struct header *h, int64_t octets);
/* The address of Return-Path, else of From, of printable ASCII without blanks;
 * "MAILER-DAEMON" for the null sender or when there is none.  Never begins with
 * '-'.  Ready as soon as the header is over. */
const char *header_sender(const struct header *h);

/* The value of the first such field for people (caption_text), cut; "" when
 * there is none. */
void header_text(const struct header *h, enum header_text which,
		 char out[HEADER_TEXT_MAX]);
/* Of From the name alone, or else the address (caption_name). */
void header_from_name(const struct header *h, char out[HEADER_TEXT_MAX]);
/* The value of the first Date, cut, with '?' for what is not printable ASCII;
 * "" when there is none. */
void header_date(const struct header *h, char out[HEADER_DATE_MAX]);

#endif
