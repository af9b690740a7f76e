/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From_ lines in front of a message's header: "From jane@x Mon Jan  1 ...",
 * with or without '>' before it, which servers hand out that keep their mail in
 * an mbox, or got it from one.  Whatever stands before them (a Received field,
 * another From_ line) makes them the end of the header for mail readers, or a
 * part of it.
 *
 * A line is one if it is surely no header field: '>'s or none, "From", a blank,
 * and then no colon (RFC 5322 4.5 lets blanks stand before that).  Lines that
 * continue it go with it.  There may be several; what is not such a line begins
 * the message.
 *
 *	fromline_start; for each piece fromline_take, fromline_held, and then
 *	the rest of the piece; fromline_end, fromline_held
 */
#ifndef MESSAGE_FROMLINE_H
#define MESSAGE_FROMLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More '>'s and blanks than this make a line one of the message. */
enum { FROMLINE_HELD_MAX = 64 };

struct fromline {
	enum {
		FROMLINE_FIRST, /* at the first line */
		FROMLINE_NEXT,	/* behind one that was dropped */
		FROMLINE_MAYBE, /* in a line; what came of it is held */
		FROMLINE_DROP,	/* to the line's end */
		FROMLINE_OVER	/* in the message */
	} place;
	uint8_t held[FROMLINE_HELD_MAX];
	size_t held_size;
};

void fromline_start(struct fromline *f);
/* How many of the bytes are not, or may not be, of the message.  Line ends are
 * LF. */
size_t fromline_take(struct fromline *f, const uint8_t *bytes, size_t size);
/* Nothing more comes. */
void fromline_end(struct fromline *f);
/* Bytes of earlier pieces that turned out to be of the message: they come
 * before what is left of the last one.  Told once, borrowed until the next
 * call; *size is 0 mostly. */
const uint8_t *fromline_held(struct fromline *f, size_t *size);

#endif
