/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * From_ lines in front of a message's header: "From jane@x Mon Jan  1 ...",
 * with or without '>' before it.  Servers that keep their mail in an mbox, or
 * got it from one, hand them out.  If anything is put before such a line (a
 * Received field, another From_ line), mail readers take it for the end of the
 * header, or for a part of it.
 *
 * A line counts as one if it surely is not a header field: '>'s or none,
 * "From", a blank, and then no colon (RFC 5322 4.5 allows blanks before that).
 * Lines that continue it go with it.  There may be several; the first line that
 * is not one begins the message.
 *
 *	fromline_start; for each piece fromline_take, fromline_held, and then
 *	the rest of the piece; fromline_end, fromline_held
 */
#ifndef MESSAGE_FROMLINE_H
#define MESSAGE_FROMLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line with more '>'s and blanks than this belongs to the message. */
enum { FROMLINE_HELD_MAX = 64 };

struct fromline {
	enum {
		FROMLINE_FIRST, /* at the first line */
		FROMLINE_NEXT,	/* after one that was dropped */
		FROMLINE_MAYBE, /* in a line, whose bytes so far are held */
		FROMLINE_DROP,	/* in a line that is dropped to its end */
		FROMLINE_OVER	/* in the message */
	} place;
	uint8_t held[FROMLINE_HELD_MAX];
	size_t held_size;
};

void fromline_start(struct fromline *f);
/* Returns how many of the bytes do not, or may not, belong to the message.
 * Line ends are LF. */
size_t fromline_take(struct fromline *f, const uint8_t *bytes, size_t size);
/* Says that nothing more comes. */
void fromline_end(struct fromline *f);
/* Returns bytes of earlier pieces that turned out to belong to the message:
 * they come before what is left of the last piece.  They are returned once, and
 * borrowed until the next call; mostly *size is 0. */
const uint8_t *fromline_held(struct fromline *f, size_t *size);

#endif
